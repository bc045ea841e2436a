"""A plain image of a disk, whose bytes are those of a file: opening it, making it, and the lock on it.

An open block device is the same to whoever reads and writes (see ``device``).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.container import disk_bytes
from osdimage.imaging.disk.target import Data, DiskTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Geometry, format_size

if TYPE_CHECKING:
    from osdimage.native.slices.sources import Source

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


class FileTarget(DiskTarget):
    """An open file descriptor: a disk image, or a block device (see ``device``)."""

    def __init__(self, path: str, descriptor: int, geometry: Geometry) -> None:
        """Take over the descriptor, which is closed with the target."""
        super().__init__(path, geometry)
        self._descriptor: int | None = descriptor

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
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._descriptor is None

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""
        return fcntl.fcntl(self.descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY

    @property
    def is_device(self) -> bool:
        """Whether it is a block device, not a file."""
        return stat.S_ISBLK(os.fstat(self.descriptor).st_mode)

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
        super().close()
        descriptor, self._descriptor = self._descriptor, None
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

    def _open_source(self) -> Source:
        # Who only looks at a table need not wait for libwim.
        from osdimage.native.slices.sources import Source  # noqa: PLC0415

        return Source.of_file(self.descriptor)


def open_image(path: str, *, write: bool = False, sector_size: int | None = None, share: bool = False) -> FileTarget:
    """Open a disk image that exists.

    Without ``sector_size`` a GPT tells its own; everything else counts as 512 bytes.  For writing, the file is locked,
    so that two programs that ask do not write it at once; what is only read is locked with ``share``, as readers lock.

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
        if write or share:
            lock(descriptor, path, shared=not write)
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
