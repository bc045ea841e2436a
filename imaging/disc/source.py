"""The bytes of a disc, and how much of them describes files."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator

from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.errors import InvalidVolume, StorageError
from osdimage.imaging.units import MIB

_PIECE = MIB
_ZEROS = bytes(_PIECE)


class DiscSource:
    """A file or drive that is open for reading.

    Attributes:
        name: what messages call it.
        size_bytes: how large it is.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        """Take a descriptor, which stays the caller's.

        Raises:
            StorageError: when its size cannot be told.
        """
        self._descriptor = descriptor
        self.name = name
        try:
            # fstat tells no size of a drive.
            self.size_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        except OSError as error:
            raise StorageError(f"{name}: {error.strerror}", path=name, errno=error.errno) from error
        self._left = self.size_bytes
        self._charged: set[Hashable] = set()

    def invalid(self, fault: str) -> InvalidVolume:
        """Return the error that says what is wrong with the disc."""
        return InvalidVolume(fault, volume=self.name)

    def require(self, offset: int, size: int, what: str) -> None:
        """Refuse what reaches beyond the end.

        Raises:
            InvalidVolume: saying where it would be.
        """
        if offset + size > self.size_bytes:
            raise self.invalid(
                f"{what} is to be at bytes {offset} to {offset + size}, and the disc has {self.size_bytes}"
            )

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Return bytes; ``what`` names them in messages.

        Raises:
            InvalidVolume: when the disc ends before them.
            StorageError: when they cannot be read.
        """
        self.require(offset, size, what)
        parts = []
        while size:
            part = self._some(offset, size)
            if not part:
                raise self.invalid(f"ends at byte {offset}, within {what}")
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def pieces(self, extents: Iterable[DiscExtent], what: str) -> Iterator[bytes]:
        """Yield what is in stretches of the disc, a MiB at a time.

        Raises:
            InvalidVolume, StorageError: as :meth:`read`.
        """
        for each in extents:
            for done in range(0, each.size, _PIECE):
                size = min(_PIECE, each.size - done)
                if each.offset is None:
                    yield _ZEROS[:size]
                else:
                    yield self.read(each.offset + done, size, what)

    def charge(self, key: Hashable, size: int, what: str) -> None:
        """Count what describes files, once for each thing that leads to it.

        What is sound is there once.  Directories that lie in one another, or long descriptions to which many files
        point, would take a time that grows with the square of the disc.

        Args:
            key: what leads to it, such as the byte where that is.
            size: in bytes.
            what: it is, for the message.

        Raises:
            InvalidVolume: when all of them together are larger than the disc.
        """
        if key in self._charged:
            return
        self._charged.add(key)
        self._left -= size
        if self._left < 0:
            raise self.invalid(f"{what} is shared with others: together they would be larger than the disc")

    def _some(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise StorageError(
                f"{self.name}: byte {offset}: {error.strerror}", path=self.name, errno=error.errno
            ) from error
