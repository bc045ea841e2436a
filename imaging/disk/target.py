"""Where bytes are read from and written to: a disk image, a block device, memory, or a window of one of them.

Offsets are bytes.  Nothing outside the target can be reached: the bounds are checked here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Extent, Geometry

if TYPE_CHECKING:
    from osdimage.imaging.disk.containers.facts import ContainerFacts
    from osdimage.native.slices.sources import Source

Data = bytes | bytearray | memoryview

_PAGE = 4096


class BlockTarget(ABC):
    """A disk.  Close it, or use it in a ``with`` statement.

    Attributes:
        name: what messages call it.
        geometry: its sector size and its sectors.
    """

    def __init__(self, name: str, geometry: Geometry) -> None:
        """Remember name and geometry."""
        self.name = name
        self.geometry = geometry

    def __str__(self) -> str:
        """Return what messages call it."""
        return self.name

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<{type(self).__name__} {self.name}>"

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Return exactly ``size_bytes`` bytes.

        Raises:
            StorageError: when the medium cannot be read.
            InvalidRequest: when the range is not inside the target.
        """
        self._check(offset_bytes, size_bytes)
        return self._read(offset_bytes, size_bytes)

    def write_at(self, offset_bytes: int, data: Data) -> None:
        """Write all of ``data``; what was there is lost.  It is safe on the medium only after :meth:`flush`.

        The caller may change ``data`` afterwards.

        Raises:
            StorageError: when the medium cannot be written.
            InvalidRequest: when the range is not inside the target.
        """
        self._check(offset_bytes, len(data))
        self._write(offset_bytes, data)

    def write_by(self, offset_bytes: int, size_bytes: int, copy: Callable[[int, int], None]) -> bool:
        """Let somebody write a range who can do better than by bytes, as the system copies from file to file.

        Args:
            offset_bytes: where the range begins.
            size_bytes: how large it is; nothing outside it may be written.
            copy: is given the descriptor of a file, and the offset there that is ``offset_bytes`` here.

        Returns:
            Whether that was done; not so where the bytes are in no file, or in one in another order.

        Raises:
            StorageError: when it failed.
            InvalidRequest: when the range is not inside the target.
        """
        self._check(offset_bytes, size_bytes)
        return self._write_by(offset_bytes, size_bytes, copy)

    @abstractmethod
    def flush(self) -> None:
        """Wait until everything that was written is on the medium."""

    def close(self) -> None:  # noqa: B027 - memory and windows have nothing to release
        """Release the target; closing twice is harmless."""

    def data_ranges(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield begin and end, in bytes, of what may be anything between two places; the rest is known to be zeros.

        Raises:
            StorageError: when the medium cannot be looked at.
            InvalidRequest: when the range is not inside the target.
        """
        self._check(begin, end - begin)
        yield from self._data_ranges(begin, end)

    def window(self, extent: Extent) -> Window:
        """Return the part of the target that is a partition.  It does not own the target."""
        return Window(self, extent)

    def read_sectors(self, first_lba: int, count: int = 1) -> bytes:
        """Return whole sectors."""
        size = self.geometry.sector_size
        return self.read_at(first_lba * size, count * size)

    def _check(self, offset_bytes: int, size_bytes: int) -> None:
        if offset_bytes < 0 or size_bytes < 0 or offset_bytes + size_bytes > self.geometry.size_bytes:
            raise InvalidRequest(
                f"{self.name}: bytes {offset_bytes} to {offset_bytes + size_bytes} are not inside its "
                f"{self.geometry.size_bytes} bytes"
            )

    @abstractmethod
    def _read(self, offset_bytes: int, size_bytes: int) -> bytes: ...

    @abstractmethod
    def _write(self, offset_bytes: int, data: Data) -> None: ...

    def _write_by(self, offset_bytes: int, size_bytes: int, copy: Callable[[int, int], None]) -> bool:  # noqa: ARG002 - see write_by
        return False

    def _data_ranges(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        yield begin, end

    def __enter__(self) -> Self:
        """Return the target itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the target."""
        self.close()


class Window(BlockTarget):
    """A run of sectors of another target, which stays open and is closed by its owner."""

    def __init__(self, base: BlockTarget, extent: Extent) -> None:
        """Refuse a window that is not inside the target."""
        if extent.end > base.geometry.sectors:
            raise InvalidRequest(f"{base.name}: sectors {extent.first} to {extent.last} are not all on the disk")
        super().__init__(base.name, Geometry(base.geometry.sector_size, extent.count))
        self._base = base
        self._begin = extent.first * base.geometry.sector_size

    def flush(self) -> None:
        """Flush the target below."""
        self._base.flush()

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        return self._base.read_at(self._begin + offset_bytes, size_bytes)

    def _write(self, offset_bytes: int, data: Data) -> None:
        self._base.write_at(self._begin + offset_bytes, data)

    def _write_by(self, offset_bytes: int, size_bytes: int, copy: Callable[[int, int], None]) -> bool:
        return self._base.write_by(self._begin + offset_bytes, size_bytes, copy)

    def _data_ranges(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        for first, after in self._base.data_ranges(self._begin + begin, self._begin + end):
            yield first - self._begin, after - self._begin


class MemoryTarget(BlockTarget):
    """A sparse disk in memory, of any size; what was never written reads as zeros."""

    def __init__(self, geometry: Geometry, *, name: str = "memory") -> None:
        """Make an empty disk."""
        super().__init__(name, geometry)
        self._pages: dict[int, bytearray] = {}

    def flush(self) -> None:
        """Memory has nothing to wait for."""

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        result = bytearray(size_bytes)
        for page, inside, at, count in _pieces(offset_bytes, size_bytes):
            if page in self._pages:
                result[at : at + count] = self._pages[page][inside : inside + count]
        return bytes(result)

    def _write(self, offset_bytes: int, data: Data) -> None:
        for page, inside, at, count in _pieces(offset_bytes, len(data)):
            self._pages.setdefault(page, bytearray(_PAGE))[inside : inside + count] = data[at : at + count]


def _pieces(offset_bytes: int, size_bytes: int) -> list[tuple[int, int, int, int]]:
    pieces, done = [], 0
    while done < size_bytes:
        page, inside = divmod(offset_bytes + done, _PAGE)
        count = min(_PAGE - inside, size_bytes - done)
        pieces.append((page, inside, done, count))
        done += count
    return pieces


class DiskTarget(BlockTarget):
    """All of a disk, or of what holds one volume, open: the bytes of an image, of a device, or of a server.

    What is below it is known to nobody who is handed one.

    Attributes:
        container: what the file says of itself that it is in, when it is that of a virtual machine.
    """

    def __init__(self, name: str, geometry: Geometry, *, container: ContainerFacts | None = None) -> None:
        """Remember name and geometry."""
        super().__init__(name, geometry)
        self.container = container
        self._source: Source | None = None
        self._written: set[Extent] = set()

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether it was closed."""

    @property
    @abstractmethod
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""

    @property
    def is_device(self) -> bool:
        """Whether it is a block device, not a file."""
        return False

    @property
    def source(self) -> Source:
        """Its bytes for the native parts, which keep them open for as long as they need them.

        Raises:
            ValueError: when the target is closed.
            StorageError: when it cannot be opened once more.
        """
        if self._source is None:
            try:
                self._source = self._open_source()
            except OSError as error:
                raise self._failure("opening", error) from error
        return self._source

    def require_writable(self) -> None:
        """Refuse what was opened for reading alone.

        Raises:
            InvalidRequest: that says so.
        """
        if not self.is_writable:
            raise InvalidRequest(f"{self.name}: is open for reading only; open it for writing")

    @contextmanager
    def only_writer(self, extent: Extent) -> Iterator[None]:
        """Keep a second writer of this process out of a volume: each would write what it knows over the other's.

        Raises:
            TargetRefused: when there is one already.
        """
        if extent in self._written:
            raise TargetRefused(f"{self.name}: its sectors {extent.first} to {extent.last} are being written already")
        self._written.add(extent)
        try:
            yield
        finally:
            self._written.remove(extent)

    def punch(self, offset_bytes: int, size_bytes: int) -> bool:
        """Make a range zeros without writing them; return False where what is below cannot.

        Raises:
            StorageError: when it could but failed.
            InvalidRequest: when the range is not inside the target.
        """
        self._check(offset_bytes, size_bytes)
        try:
            return self.source.zero(offset_bytes, size_bytes)
        except OSError as error:
            raise self._failure(f"zeroing at byte {offset_bytes}", error) from error

    def close(self) -> None:
        """Release it; closing twice is harmless."""
        if self._source is not None:
            self._source.close()

    @abstractmethod
    def _open_source(self) -> Source:
        """Open its bytes for the native parts.

        Raises:
            OSError: when that fails.
        """

    def _data_ranges(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Pass over what is known to be zeros; a device keeps no record of any."""
        try:
            yield from self.source.data_ranges(begin, end - begin)
        except OSError as error:
            raise self._failure("looking for holes", error) from error

    def reason(self, error: OSError) -> str:
        """Return what to say of a system error of its bytes."""
        return error.strerror or "failed"

    def _failure(self, doing: str, error: OSError) -> StorageError:
        return StorageError(f"{self.name}: {doing}: {self.reason(error)}", path=self.name, errno=error.errno)
