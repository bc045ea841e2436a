"""An open disk: opened once, locked from the first look to the last, and handed down open.

::

    with open_disk("disk.img", write=True) as disk:
        print(disk.table.partitions)
        with open_files(disk.volume(3), write=True) as files:
            files.write("hello.txt", b"hello")

Whoever gets a :class:`Disk`, or a volume of it, opens no path again: nothing else can come between two steps.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.image import blank_image, create_image
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.roles import told_by_type
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, InvalidTable, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Extent, Geometry, Lba, format_size

if TYPE_CHECKING:
    from osdimage.imaging.disk.tables.read import DiskReading
    from osdimage.imaging.disk.tables.table import Partition, PartitionTable


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

    def __str__(self) -> str:
        """Return what messages call it."""
        return self.name

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<Disk {self.name}, {format_size(self.geometry.size_bytes)}>"

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
        found = self._volume(partition.extent, partition.number)
        return found if found.content is not None else replace(found, content=told_by_type(partition.type_id))

    def whole_volume(self) -> OpenVolume:
        """Return the volume that the disk is when it has no partition table, unlocked as :meth:`volume_in` does.

        Raises:
            InvalidVolume, StorageError: as :meth:`volume_in`.
        """
        return self._volume(Extent(Lba(0), self.geometry.sectors), None)

    def _volume(self, extent: Extent, number: int | None) -> OpenVolume:
        if extent in self._encrypted:
            return self._encrypted[extent]
        found = OpenVolume.of(self.target, extent, self.path, number, self._opening)
        if found.content is not Content.BITLOCKER:
            return found
        found = unlocked(found, self._opening)
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
            # An exception that is on its way is not replaced by what follows from it.
            with suppress(*(() if error is None else (StorageError,))):
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
        InvalidInput: when it is a WIM, or the file of a virtual machine that cannot be used; for writing, that is
            TargetRefused.
        InvalidRequest: when the size of its sectors is not that of the device.
    """
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - who opens a volume alone needs none of it

    where = Path(path)
    if create is not None and not where.exists():
        made = create_image(str(where), create, sector_size=opening.sector_size or 512)
        return Disk(made, where, is_new=True, opening=opening)
    if create is not None and _is_empty(where):
        # What is left when this was interrupted between the making of a file and its growing.
        again = os.open(where, os.O_RDWR | os.O_CLOEXEC)
        made = blank_image(str(where), again, create, sector_size=opening.sector_size or 512)
        return Disk(made, where, is_new=True, opening=opening)
    target = open_target(str(where), write=write, opening=opening, share=share)
    try:
        wanted = create if create is not None else require
        if wanted is not None:
            _require_size(target, wanted)
    except BaseException:
        # Why it is refused is not replaced by what comes of closing it.
        with suppress(StorageError):
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


def unlocked(volume: OpenVolume, opening: Opening) -> OpenVolume:
    """Return a volume as it reads when it is unlocked; see :func:`~osdimage.imaging.disk.bitlocker.opened.unlocked`."""
    if volume.content is not Content.BITLOCKER:
        return volume
    from osdimage.imaging.disk.bitlocker.opened import unlocked as unlocked_volume  # noqa: PLC0415 - few have any

    return unlocked_volume(volume, opening)


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
