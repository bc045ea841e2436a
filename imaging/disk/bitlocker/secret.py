"""Something secret: shown to nobody by accident, and wiped when it is needed no longer."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from osdimage.imaging.errors import OsdImageError

if TYPE_CHECKING:
    from osdimage.native.fve.crypto import Unseen

_MASK = "***"


class Secret:
    """Bytes that are no part of any message.  Call :meth:`wipe`, or use it in a ``with`` statement.

    As long as there is one that was not wiped, this process leaves no core file and no other one may read its memory.
    """

    def __init__(self, data: bytes | bytearray) -> None:
        """Copy what is secret; what it was copied from is the caller's to wipe.

        Raises:
            OsdImageError: when the system does not keep others from reading the memory of this process.
        """
        # Who has no secret need not wait for libwim.
        from osdimage.native.fve.crypto import Unseen  # noqa: PLC0415

        self._data = bytearray()
        self._unseen: Unseen | None = None
        try:
            self._unseen = Unseen()
        except OSError as error:
            raise OsdImageError(f"keys cannot be kept out of core files here: {error.strerror}") from error
        self._data += data

    def reveal(self) -> bytearray:
        """Return the bytes themselves, no copy; they are zeros after :meth:`wipe`."""
        return self._data

    def wipe(self) -> None:
        """Make the bytes zeros; a second call does nothing."""
        self._data[:] = bytes(len(self._data))
        unseen, self._unseen = self._unseen, None
        if unseen is not None:
            unseen.close()

    def __len__(self) -> int:
        """Return how many bytes there are."""
        return len(self._data)

    def __repr__(self) -> str:
        """Return what says nothing."""
        return _MASK

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret is not copied")

    def __enter__(self) -> Self:
        """Return the secret."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe it."""
        self.wipe()

    def __del__(self) -> None:
        """Wipe it, as the last net."""
        self.wipe()
