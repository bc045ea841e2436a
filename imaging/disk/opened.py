"""An open disk: opened once, locked from the first look to the last, and handed down open.

::

    with open_disk("disk.img", write=True) as disk:
        print(disk.table.partitions)
        with open_files(disk.volume(3), write=True) as files:
            files.write("hello.txt", b"hello")

Whoever gets a :class:`Disk`, or a volume of it, opens no path again: nothing else can come between two steps.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from osdimage.imaging.disk.container import disk_bytes, is_wim
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.image import FileTarget, blank_image, create_image, lock
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, InvalidTable, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Extent, Geometry, Lba, format_size

if TYPE_CHECKING:
    from osdimage.imaging.disk.tables.read import DiskReading
    from osdimage.imaging.disk.tables.table import Partition, PartitionTable

_BLKSSZGET = 0x1268  # linux/fs.h
_LEAST_SECTOR = 512


class Disk:
    """A disk image or a block device that is open.  Close it, or use it in a ``with`` statement.

    It is for one thread at a time: what still reads or writes when another closes it may reach another file.

    Attributes:
        target: its bytes.
        path: the file or device.
        is_new: whether it was made when it was opened, so that it holds nothing but zeros.  When its ``with`` statement
            ends in an error, it is removed if no table was written, and stays otherwise.
    """

    def __init__(self, target: DiskTarget, path: Path, *, is_new: bool = False, opening: Opening = AS_FOUND) -> None:
        """Take over the target, which is closed with the disk."""
        self.target = target
        self.path = path
        self.is_new = is_new
        self._opening = opening
        # Of one that is only read: who looks again is not asked for a key again.
        self._encrypted: dict[Extent, OpenVolume] = {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.target.name

    @property
    def geometry(self) -> Geometry:
        """Its sectors."""
        return self.target.geometry

    def read(self) -> DiskReading:
        """Read its partition table, with what is to be said of it.

        Raises:
            StorageError: when it cannot be read.
        """
        from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415 - construct comes with it

        return read_table(self.target)

    @property
    def table(self) -> PartitionTable:
        """Its partition table, read anew each time: a step may have written another.

        Raises:
            InvalidTable: when it has none that can be used.
            StorageError: when it cannot be read.
        """
        return self.read().require()

    def partition(self, number: int) -> Partition:
        """Return a partition that can hold a volume.

        Raises:
            InvalidRequest: when there is no such partition; the message lists those that there are.
            InvalidTable, StorageError: as :attr:`table`.
        """
        return _find(self, number)

    def volume(self, number: int) -> OpenVolume:
        """Return the volume in a partition, which can be used as long as the disk is open.

        Raises:
            InvalidRequest, InvalidTable, StorageError: as :meth:`partition`.
        """
        return self.volume_in(self.partition(number))

    def volume_in(self, partition: Partition) -> OpenVolume:
        """Return the volume in a partition of its table.

        One that is encrypted is unlocked where a key opens it and the disk is only read.

        Raises:
            InvalidTable: when it does not lie on the disk, as where the end of an image is missing.
            InvalidVolume: when it is encrypted, and what a key opened of it is damaged.
            StorageError: when the disk cannot be read.
        """
        self.require_whole(partition)
        return self._volume(partition.extent, partition.number)

    def whole_volume(self) -> OpenVolume:
        """Return the volume that the disk is when it has no partition table, unlocked as :meth:`volume_in` does.

        Raises:
            InvalidVolume, StorageError: as :meth:`volume_in`.
        """
        return self._volume(Extent(Lba(0), self.geometry.sectors), None)

    def _volume(self, extent: Extent, number: int | None) -> OpenVolume:
        if extent in self._encrypted:
            return self._encrypted[extent]
        found = OpenVolume.of(self.target, extent, self.path, number)
        if found.content is not Content.BITLOCKER:
            return found
        found = _unlocked(found, self._opening)
        if not self.target.is_writable:
            self._encrypted[extent] = found
        return found

    def require_whole(self, partition: Partition) -> None:
        """Refuse a partition that does not lie on the disk, as where the end of an image is missing.

        Raises:
            InvalidTable: that says where it ends.
        """
        if partition.extent.end > self.geometry.sectors:
            raise InvalidTable(
                f"{self.name}: partition {partition.number} ends at sector {partition.extent.last}, behind the end of "
                f"the disk, which has {self.geometry.sectors}; is the image whole?"
            )

    def close(self) -> None:
        """Close it, which gives its lock back; closing twice is harmless."""
        for each in self._encrypted.values():
            if each.target is not self.target:
                each.target.close()
        self.target.close()

    def __enter__(self) -> Self:
        """Return the disk itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; after an error, remove one that was made and is blank."""
        try:
            if error is not None and self.is_new and not self.target.is_closed and self.read().table is None:
                self.path.unlink(missing_ok=True)
        finally:
            self.close()


def open_disk(
    path: str | os.PathLike[str],
    *,
    write: bool = False,
    create: Bytes | int | None = None,
    require: Bytes | int | None = None,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Disk:
    """Open a disk image or a block device.

    For writing, a device is opened exclusively and both are locked, so that two programs that ask do not write them at
    once; an image that a loop device uses is refused.

    Args:
        path: the disk.
        write: whether it will be written to.
        create: make a blank, sparse image of so many bytes where nothing is, or an empty file; what else is there must
            have this size.
        require: the size in bytes that it must have.
        opening: what it does not say itself.
        share: when it is only read, hold the lock that readers share, so that no program that asks writes meanwhile.

    Raises:
        StorageError: when it cannot be opened, or made.
        TargetRefused: when it is neither, is a partition, is in use, is read-only, or has another size.
        InvalidInput: when it is the file of a virtual machine, such as qcow2; for writing, that is TargetRefused.
        InvalidRequest: when the size of its sectors is not that of the device.
    """
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - who opens a volume alone needs none of it

    where = Path(path)
    if create is not None and not where.exists():
        return Disk(create_image(str(where), create, sector_size=opening.sector_size or 512), where, is_new=True)
    if create is not None and _is_empty(where):
        # What is left when this was interrupted between the making of a file and its growing.
        again = os.open(where, os.O_RDWR | os.O_CLOEXEC)
        return Disk(blank_image(str(where), again, create, sector_size=opening.sector_size or 512), where, is_new=True)
    target = open_target(str(where), write=write, opening=opening, share=share)
    try:
        wanted = create if create is not None else require
        if wanted is not None:
            _require_size(target, wanted)
    except BaseException:
        target.close()
        raise
    return Disk(target, where, opening=opening)


def _is_empty(path: Path) -> bool:
    """Tell whether a path is a file without a byte that can be written."""
    facts = path.stat()
    return stat.S_ISREG(facts.st_mode) and facts.st_size == 0 and os.access(path, os.R_OK | os.W_OK)


def _require_size(target: DiskTarget, size_bytes: int) -> None:
    have = target.geometry.size_bytes
    if have != size_bytes:
        raise TargetRefused(
            f"{target.name} exists and has {have} bytes, not {size_bytes}; valid is the size that it has, or none"
        )


@contextmanager
def opened_disk(
    disk: Disk | str | os.PathLike[str], *, write: bool = False, opening: Opening = AS_FOUND, share: bool = False
) -> Iterator[Disk]:
    """Yield a disk that is open, or open one by its path and close it at the end.

    Raises:
        InvalidRequest: when it is open, but not for writing.
        OsdImageError: as :func:`open_disk`.
    """
    if isinstance(disk, Disk):
        if write:
            disk.target.require_writable()
        yield disk
        return
    with open_disk(disk, write=write, opening=opening, share=share) as opened:
        yield opened


@contextmanager
def open_volume(
    path: str | os.PathLike[str],
    partition: int | None = None,
    *,
    write: bool = False,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Iterator[OpenVolume]:
    """Open a volume by its path, and close it at the end.

    Args:
        path: a disk (file or device), or without ``partition`` a file or device that holds one volume.
        partition: the number of the partition.
        write: whether it will be written to; then it is locked as :func:`open_disk` does.
        opening: as :func:`open_disk` takes it.
        share: as :func:`open_disk` takes it.

    Raises:
        StorageError: when it cannot be opened or read.
        TargetRefused: when it is in use or read-only, or no file or device at all.
        InvalidTable: when the disk has no partition table that can be used.
        InvalidInput: when it is the file of a virtual machine, such as qcow2; for writing, that is TargetRefused.
        InvalidRequest: when the disk has no such partition, or it cannot hold a volume.
    """
    where = Path(path)
    if partition is not None:
        with open_disk(where, write=write, opening=opening, share=share) as disk:
            yield disk.volume(partition)
        return
    with _open_whole(where, write=write, share=share, sector_size=opening.sector_size) as target:
        if target.geometry.sectors == 0:
            raise TargetRefused(f"{where}: is empty")
        found = _unlocked(OpenVolume.of(target, Extent(Lba(0), target.geometry.sectors), where, None), opening)
        try:
            yield found
        finally:
            if found.target is not target:
                found.target.close()


def _unlocked(volume: OpenVolume, opening: Opening) -> OpenVolume:
    if volume.content is not Content.BITLOCKER:
        return volume
    from osdimage.imaging.disk.bitlocker.opened import unlocked  # noqa: PLC0415 - few have any

    return unlocked(volume, opening)


@contextmanager
def opened_place(
    place: OpenVolume | str | os.PathLike[str],
    partition: int | None = None,
    *,
    write: bool = False,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Iterator[OpenVolume | Path]:
    """Yield the volume that a place is, opened once when it was given by its path, or the path of what is none.

    None is a directory, what is not there yet, a pipe, a WIM, or a file of less than a sector.  The arguments are those
    of :func:`open_volume`.

    Raises:
        InvalidRequest: when a partition of a directory was chosen, or a volume that is open is not for writing.
        OsdImageError: as :func:`open_volume`.
    """
    if isinstance(place, OpenVolume):
        if write:
            place.target.require_writable()
        yield place
        return
    path = Path(place)
    if partition is None and not _may_hold_volume(path):
        yield path
        return
    with open_volume(path, partition, write=write, opening=opening, share=share) as volume:
        yield volume


def _may_hold_volume(path: Path) -> bool:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if stat.S_ISREG(facts.st_mode):
        return facts.st_size >= _LEAST_SECTOR and not is_wim(path)
    return stat.S_ISBLK(facts.st_mode)


def _find(disk: Disk, number: int) -> Partition:
    table = disk.table
    found = next((each for each in table.partitions if each.number == number), None)
    if found is None:
        from osdimage.imaging.disk.held import volumes  # noqa: PLC0415 - only the message needs it

        held = dict(volumes(disk.target, table))
        lines = []
        for each in table.partitions:
            kind = held[each].kind if each in held else None
            what = each.type_label if kind is None else kind.called
            if not each.is_extended:
                lines.append(f"{each.number} ({what}, {format_size(table.size_bytes(each))})")
        there = f"it has {', '.join(lines)}" if lines else "it has none"
        raise InvalidRequest(f"{disk.name}: there is no partition {number}; {there}")
    if found.is_extended:
        inner = ", ".join(str(each.number) for each in table.logicals) or "none"
        raise InvalidRequest(
            f"{disk.name}: partition {number} is the extended partition, which holds no volume; in it are: {inner}"
        )
    return found


@contextmanager
def _open_whole(path: Path, *, write: bool, share: bool, sector_size: int | None) -> Iterator[DiskTarget]:
    """Open a file, a disk or a partition's device as it is; a file has sectors of 512 bytes unless others are said."""
    from osdimage.imaging.disk.device import refuse_unwritable  # noqa: PLC0415 - only writing needs it

    try:
        facts = path.stat()
        is_device = stat.S_ISBLK(facts.st_mode)
        if not (is_device or stat.S_ISREG(facts.st_mode)):
            raise TargetRefused(f"{path}: is neither a file nor a block device")
        exclusive = os.O_EXCL if is_device and write else 0
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | exclusive | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.EROFS}:
            raise TargetRefused(f"{path} cannot be opened for writing: {error.strerror}") from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write:
            refuse_unwritable(str(path), descriptor)
        if write or share:
            lock(descriptor, str(path), shared=not write)
        if is_device:
            sector_size = _sector_size(path, descriptor, sector_size)
        size_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        if not is_device:
            size_bytes = disk_bytes(str(path), descriptor, size_bytes, write=write)
        geometry = Geometry.of_size(size_bytes, sector_size or _LEAST_SECTOR)
    except BaseException:
        os.close(descriptor)
        raise
    with FileTarget(str(path), descriptor, geometry) as target:
        yield target


def _sector_size(path: Path, descriptor: int, said: int | None) -> int:
    """Return the sector size of a device; refuse another one that is said."""
    size: int = struct.unpack("i", fcntl.ioctl(descriptor, _BLKSSZGET, bytes(4)))[0]
    if said not in {None, size}:
        raise InvalidRequest(f"{path} has sectors of {size} bytes, and cannot have sectors of {said}")
    return size
