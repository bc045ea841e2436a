"""Where bytes are read from and written to: a disk image, a block device, memory, or a window of one of them.

Offsets are bytes.  Nothing outside the target can be reached: the bounds are checked here, once.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from osdimage.imaging.disk.container import disk_bytes
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Extent, Geometry, format_size

if TYPE_CHECKING:
    from osdimage.native.slices.sources import Source

Data = bytes | bytearray | memoryview

_PAGE = 4096
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


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


class FileTarget(BlockTarget):
    """An open file descriptor: a disk image, or a block device (see ``device``)."""

    def __init__(self, path: str, descriptor: int, geometry: Geometry) -> None:
        """Take over the descriptor, which is closed with the target."""
        super().__init__(path, geometry)
        self._descriptor: int | None = descriptor
        self._source: Source | None = None
        self._written: set[Extent] = set()

    @property
    def descriptor(self) -> int:
        """The open file.

        Raises:
            ValueError: when the target is closed.
        """
        if self._descriptor is None:
            raise ValueError(f"{self.name} is closed")
        return self._descriptor

    @property
    def source(self) -> Source:
        """Its bytes for the native parts, which keep them open for as long as they need them.

        Raises:
            ValueError: when the target is closed.
            StorageError: when it cannot be opened once more.
        """
        if self._source is None:
            # Who only looks at a table need not wait for libwim.
            from osdimage.native.slices.sources import Source  # noqa: PLC0415

            try:
                self._source = Source.of_file(self.descriptor)
            except OSError as error:
                raise self._failure("opening", error) from error
        return self._source

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._descriptor is None

    @property
    def is_device(self) -> bool:
        """Whether it is a block device, not a file."""
        return stat.S_ISBLK(os.fstat(self.descriptor).st_mode)

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""
        return fcntl.fcntl(self.descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY

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
        """Make a range zeros without writing them; return False where the file system or the device cannot.

        Raises:
            StorageError: when it could but failed.
            InvalidRequest: when the range is not inside the target.
        """
        from osdimage.native import holes  # noqa: PLC0415 - as for the source

        self._check(offset_bytes, size_bytes)
        try:
            return holes.punch(self.descriptor, offset_bytes, size_bytes)
        except OSError as error:
            raise self._failure(f"zeroing at byte {offset_bytes}", error) from error

    def flush(self) -> None:
        """Wait until everything is on the medium, then forget cached pages, so that reading asks the medium."""
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise self._failure("flushing", error) from error
        with suppress(OSError):
            os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if self._source is not None:
            self._source.close()
        if descriptor is not None:
            os.close(descriptor)

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        parts = bytearray()
        while len(parts) < size_bytes:
            try:
                part = os.pread(self.descriptor, size_bytes - len(parts), offset_bytes + len(parts))
            except OSError as error:
                raise self._failure(f"reading at byte {offset_bytes + len(parts)}", error) from error
            if not part:
                raise StorageError(f"{self.name} ends at byte {offset_bytes + len(parts)}", path=self.name)
            parts += part
        return bytes(parts)

    def _write(self, offset_bytes: int, data: Data) -> None:
        view = memoryview(data)
        while view:
            try:
                count = os.pwrite(self.descriptor, view, offset_bytes)
            except OSError as error:
                raise self._failure(f"writing at byte {offset_bytes}", error) from error
            offset_bytes += count
            view = view[count:]

    def _data_ranges(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Pass over the holes of a file; a device keeps no record of any."""
        from osdimage.native import holes  # noqa: PLC0415 - as for the source

        if self.is_device:
            yield begin, end
            return
        try:
            yield from holes.data_ranges(self.descriptor, begin, end)
        except OSError as error:
            raise self._failure("looking for holes", error) from error

    def _failure(self, doing: str, error: OSError) -> StorageError:
        return StorageError(f"{self.name}: {doing}: {error.strerror}", path=self.name, errno=error.errno)


def open_image(path: str, *, write: bool = False, sector_size: int | None = None) -> FileTarget:
    """Open a disk image that exists.

    Without ``sector_size`` a GPT tells its own; everything else counts as 512 bytes.  For writing, the file is locked,
    so that two programs that ask do not write it at once.

    Raises:
        StorageError: when it cannot be opened.
        TargetRefused: when it is not a file, or is locked.
        InvalidInput: when it is empty, or the file of a virtual machine, such as qcow2; for writing, that is
            TargetRefused.
    """
    try:
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write:
            lock(descriptor, path)
        return FileTarget(path, descriptor, _image_geometry(path, descriptor, sector_size, write=write))
    except BaseException:
        os.close(descriptor)
        raise


def _image_geometry(path: str, descriptor: int, sector_size: int | None, *, write: bool) -> Geometry:
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        raise TargetRefused(f"{path} is not a disk image: valid is a file or a block device")
    size_bytes = disk_bytes(path, descriptor, facts.st_size, write=write)
    if sector_size is None:
        sector_size = detect_sector_size(path, descriptor, size_bytes)
    geometry = Geometry.of_size(size_bytes, sector_size)
    if geometry.sectors < 1:
        kind = TargetRefused if write else InvalidInput
        least = f"the smallest has a sector of {sector_size}"
        raise kind(f"{path} is too small to be a disk: {facts.st_size} bytes; {least}")
    return geometry


def create_image(path: str, size_bytes: int, *, sector_size: int = 512) -> FileTarget:
    """Create a sparse disk image and open it for writing.  A file that exists is left alone.

    Raises:
        InvalidRequest: when the size is not a whole number of sectors.
        TargetRefused: when the file exists, or the file system does not hold a file of this size.
        StorageError: when it cannot be created.
    """
    _refuse_size(size_bytes, sector_size)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise TargetRefused(f"{path} exists") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        return blank_image(path, descriptor, size_bytes, sector_size=sector_size)
    except BaseException:
        Path(path).unlink()
        raise


def blank_image(path: str, descriptor: int, size_bytes: int, *, sector_size: int = 512) -> FileTarget:
    """Make a sparse disk image of an empty file that is open, and take over its descriptor, also when that fails.

    Raises:
        InvalidRequest, TargetRefused: as :func:`create_image`.
    """
    try:
        _refuse_size(size_bytes, sector_size)
        lock(descriptor, path)
        _grow(path, descriptor, size_bytes)
    except BaseException:
        os.close(descriptor)
        raise
    return FileTarget(path, descriptor, Geometry.of_size(size_bytes, sector_size))


def _grow(path: str, descriptor: int, size_bytes: int) -> None:
    try:
        os.ftruncate(descriptor, size_bytes)
    except OverflowError as error:
        # No call of the system takes such a number.
        raise _does_not_hold(path, size_bytes) from error
    except OSError as error:
        if error.errno in {errno.EFBIG, errno.EINVAL, errno.ENOSPC}:
            raise _does_not_hold(path, size_bytes) from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _does_not_hold(path: str, size_bytes: int) -> TargetRefused:
    return TargetRefused(f"{path}: its file system does not hold a file of {format_size(Bytes(size_bytes))}")


def _refuse_size(size_bytes: int, sector_size: int) -> None:
    if Geometry.of_size(size_bytes, sector_size).sectors < 1 or size_bytes % sector_size:
        raise InvalidRequest(f"a disk of {size_bytes} bytes is not a whole number of sectors of {sector_size} bytes")


def lock(descriptor: int, path: str, *, shared: bool = False) -> None:
    """Take the advisory lock that partitioning programs and udev respect; it goes with the descriptor.

    ``shared`` is for readers: it keeps writers away, and other readers not.

    Raises:
        TargetRefused: when another program holds it.
        StorageError: when the file system has no locks, or fails.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TargetRefused(f"{path} is locked by another program") from error
    except OSError as error:
        # An NFS server without its lock daemon, some FUSE file systems.
        doing = "its file system has no locks" if error.errno in _NO_LOCKS else "locking"
        raise StorageError(f"{path}: {doing}: {error.strerror}", path=path, errno=error.errno) from error


def detect_sector_size(path: str, descriptor: int, size_bytes: int) -> int:
    """Return the sector size at which a GPT header is found at either end, or 512.

    Raises:
        StorageError: when the medium cannot be read.
    """
    for sector_size in (512, 4096):
        for offset in (sector_size, size_bytes // sector_size * sector_size - sector_size):
            if offset <= 0:
                continue
            try:
                found = os.pread(descriptor, 8, offset)
            except OSError as error:
                told = f"{path}: reading at byte {offset}: {error.strerror}"
                raise StorageError(told, path=path, errno=error.errno) from error
            if found == b"EFI PART":
                return sector_size
    return 512
