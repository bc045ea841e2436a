"""An image of a disk: opening it, making a plain one, and the lock on it.

A plain image has the bytes of the disk in their order, as an open block device has (see ``device``); any other one is
read and written through ``containers``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.containers.facts import ContainerFacts, OpenBytes
from osdimage.imaging.disk.containers.kinds import HEAD_BYTES, container_of, fixed_vhd
from osdimage.imaging.disk.locking import lock, look_for_qemu
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.sector_size import detect_sector_size
from osdimage.imaging.disk.target import Data, DiskTarget
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Geometry, format_size

if TYPE_CHECKING:
    from osdimage.native.slices.sources import Source


class FileTarget(DiskTarget):
    """An open file descriptor: a disk image, or a block device (see ``device``)."""

    def __init__(
        self, path: str, descriptor: int, geometry: Geometry, *, container: ContainerFacts | None = None
    ) -> None:
        """Take over the descriptor, which is closed with the target."""
        super().__init__(path, geometry, container=container)
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
            if len(part) == size_bytes:
                # As nearly always: nothing is copied.
                return part
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

    def _write_by(self, offset_bytes: int, size_bytes: int, copy: Callable[[int, int], None]) -> bool:  # noqa: ARG002 - see write_by
        try:
            copy(self.descriptor, offset_bytes)
        except StorageError:
            # Of what is copied.
            raise
        except OSError as error:
            raise self._failure(f"writing at byte {offset_bytes}", error) from error
        return True

    def _open_source(self) -> Source:
        # Who only looks at a table need not wait for libwim.
        from osdimage.native.slices.sources import Source  # noqa: PLC0415

        return Source.of_file(self.descriptor)


def open_image(
    path: str,
    *,
    write: bool = False,
    sector_size: int | None = None,
    share: bool = False,
    opening: Opening = AS_FOUND,
) -> DiskTarget:
    """Open a disk image that exists.

    For writing, the file is locked, so that two programs that ask do not write it at once; what is only read is locked
    with ``share``, as readers lock.

    Args:
        path: the image.
        write: whether it will be written to.
        sector_size: in bytes, in the place of the one that ``opening`` has.  Where neither has one, a GPT tells its
            own; everything else counts as 512 bytes.
        share: whether it is locked for reading.
        opening: how it is opened.

    Raises:
        StorageError: when it cannot be opened.
        TargetRefused: when it is not a file, or is locked or in use, or names parts of itself that it may not.
        InvalidInput: when it is empty, a WIM, or the file of a virtual machine that cannot be used; for writing, that
            is TargetRefused.
        InvalidRequest: when a snapshot is asked for that it does not hold.
        OsdImageError: when the program that opens such files is missing or fails.
    """
    try:
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise TargetRefused(f"{path} cannot be opened for writing: {error.strerror}") from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write or share:
            lock(descriptor, path, shared=not write)
        how = opening if sector_size is None else replace(opening, sector_size=sector_size)
        return _opened(path, descriptor, write=write, share=share, opening=how)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    except BaseException:
        os.close(descriptor)
        raise


def _opened(path: str, descriptor: int, *, write: bool, share: bool, opening: Opening) -> DiskTarget:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise TargetRefused(f"{path} is not a disk image: valid is a file or a block device")
    data = OpenBytes(descriptor)
    head = data.read(0, HEAD_BYTES)
    if head.startswith(WIM_MAGICS):
        text = f"{path} is a WIM, not an image of a disk"
        raise TargetRefused(f"{text}; it is not written over") if write else InvalidInput(text)
    form = container_of(head)
    if form is not None:
        from osdimage.imaging.disk.containers.opened import open_container  # noqa: PLC0415 - most disks need none

        return open_container(path, descriptor, form, write=write, share=share, opening=opening)
    opening.require_disk(path)
    look_for_qemu(path, descriptor, write=write, opening=opening)
    fixed = fixed_vhd(data)
    geometry = _image_geometry(path, data, fixed, opening.sector_size, write=write)
    return FileTarget(path, descriptor, geometry, container=fixed)


def _image_geometry(
    path: str, data: OpenBytes, fixed: ContainerFacts | None, sector_size: int | None, *, write: bool
) -> Geometry:
    size_bytes = data.size if fixed is None else fixed.size_bytes
    geometry = Geometry.of_size(size_bytes, sector_size or detect_sector_size(data.read, size_bytes))
    if geometry.sectors < 1:
        kind = TargetRefused if write else InvalidInput
        least = f"the smallest has a sector of {geometry.sector_size}"
        raise kind(f"{path} is too small to be a disk: {data.size} bytes; {least}")
    return geometry


def create_image(path: str, size_bytes: int, *, sector_size: int = 512) -> FileTarget:
    """Create a sparse disk image and open it for writing.  A file that exists is left alone.

    Raises:
        InvalidRequest: when the size is not a whole number of sectors.
        TargetRefused: when the file exists, or the file system does not hold a file of this size.
        StorageError: when it cannot be created.
    """
    refuse_size(size_bytes, sector_size)
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
        refuse_size(size_bytes, sector_size)
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


def refuse_size(size_bytes: int, sector_size: int) -> None:
    """Refuse a size that no disk has.

    Raises:
        InvalidRequest: when it is not a whole number of sectors, or none.
    """
    if Geometry.of_size(size_bytes, sector_size).sectors < 1 or size_bytes % sector_size:
        raise InvalidRequest(f"a disk of {size_bytes} bytes is not a whole number of sectors of {sector_size} bytes")
