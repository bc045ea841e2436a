"""Which partitions of a captured disk change on a disk of another size, and how far.

The volume of Windows takes what is more.  On a smaller disk it gives first, as far as its files leave room, then the
others that have most to spare; never a small one, one for recovery or for the firmware, or one whose files nobody has
counted.  A user may choose instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from osdimage.imaging.deploy.boot_plan import holds
from osdimage.imaging.deploy.plan import needed_bytes
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.fit import Giver, fitted
from osdimage.imaging.disk.roles import Role
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import DoesNotFit, InvalidRequest
from osdimage.imaging.units import MIB, Geometry
from osdimage.imaging.wim.image import WimImage

# What Windows needs beside its files to start and to be updated: a tenth of them, and this much at least.
_ROOM_SHARE, _LEAST_ROOM = 10, 64 * MIB
_WINDOWS = "Windows/System32"
# A volume of less than this share of the largest is a small one.
_SMALL_SHARE = 10
# What the file systems take without any file.  FAT32 has 65,525 clusters, which are not smaller than sectors.
_LEAST_NTFS = 8 * MIB
_LEAST_FAT32 = {512: 34 * MIB, 4096: 260 * MIB}

Images = Mapping[int, WimImage]
"""The images that have the files of partitions, by the numbers of these."""


@dataclass(frozen=True, slots=True)
class SizeWish:
    """Which partitions are to have another size than they had, by their numbers; None is the usual one.

    Attributes:
        grow: the one that takes what a larger disk has more.
        shrink: the one that gives what a smaller disk has less.
    """

    grow: int | None = None
    shrink: int | None = None


def resize(
    table: PartitionTable, images: Images, geometry: Geometry, wish: SizeWish
) -> tuple[PartitionTable, tuple[str, ...]]:
    """Return the table for a disk, and what the user should know of it.

    Raises:
        InvalidRequest: when a partition that is to grow or to shrink holds no volume that is made anew.
        DoesNotFit: when the disk is too small, even when everything gives what it can.
    """
    windows = _windows(table, images)
    taker = _chosen(table, wish.grow, "grow") or windows
    chosen = _chosen(table, wish.shrink, "shrink")
    giving = list(_usual_givers(table, images, windows)) if chosen is None else [chosen]
    number = None if taker is None else taker.number
    with_room = [Giver(each.number, _least(table, each, images, room=True)) for each in giving]
    try:
        return fitted(table, geometry, taker=number, givers=with_room), ()
    except DoesNotFit:
        full = [Giver(each.number, _least(table, each, images, room=False)) for each in giving]
        made = fitted(table, geometry, taker=number, givers=full)
    numbers = "partition " if len(full) == 1 else "partitions "
    numbers += " and ".join(str(each.number) for each in full)
    return made, (f"the disk is so small that {numbers} will be almost full",)


def _chosen(table: PartitionTable, number: int | None, verb: str) -> Partition | None:
    if number is None:
        return None
    volumes = [each for each in table.partitions if each.spec is not None and each.spec.filesystem is not None]
    found = next((each for each in volumes if each.number == number), None)
    if found is None:
        valid = ", ".join(str(each.number) for each in volumes) or "none"
        raise InvalidRequest(
            f"partition {number} cannot {verb}: it holds no volume that is made anew; those are: {valid}"
        )
    return found


def _candidates(table: PartitionTable) -> list[Partition]:
    """Return the NTFS volumes of Windows or of data, without the active one of several, which is a system partition."""
    usable = [
        each
        for each in table.partitions
        if each.spec is not None
        and each.spec.filesystem is FileSystem.NTFS
        and each.spec.role in {Role.PRIMARY, Role.LOGICAL}
    ]
    return [each for each in usable if not each.active] or usable


def _windows(table: PartitionTable, images: Images) -> Partition | None:
    """Return the partition of Windows, or else the largest that may be one."""
    candidates = _candidates(table)
    with_windows = [each for each in candidates if each.number in images and _has_windows(images[each.number])]
    # An active partition that holds Windows is no mere system partition.
    others = [each for each in table.partitions if each.number in images and each.spec is not None]
    with_windows = with_windows or [each for each in others if _has_windows(images[each.number])]
    return max(with_windows or candidates, key=lambda each: each.extent.count, default=None)


def _has_windows(image: WimImage) -> bool:
    return image.info.windows is not None or holds(image, _WINDOWS)


def _usual_givers(table: PartitionTable, images: Images, windows: Partition | None) -> Iterator[Partition]:
    if windows is None:
        return
    if windows.number in images:
        yield windows
    size = table.geometry.sector_size
    largest = max(each.extent.count for each in _candidates(table) or [windows])
    others = [
        each
        for each in _candidates(table)
        if each.number != windows.number and each.number in images and each.extent.count * _SMALL_SHARE >= largest
    ]
    # What has most to spare comes first.
    yield from sorted(others, key=lambda each: _least(table, each, images, room=True) - each.extent.count * size)


def _least(table: PartitionTable, partition: Partition, images: Images, *, room: bool) -> int:
    """Return how small a volume can be, in bytes, with room to work in or without; of no image, what is empty takes."""
    filesystem = None if partition.spec is None else partition.spec.filesystem
    is_ntfs = filesystem is FileSystem.NTFS
    size = partition.extent.count * table.geometry.sector_size
    if filesystem in {FileSystem.FAT12, FileSystem.FAT16}:
        # Which of the two it is hangs on its size.
        return size
    floor = _LEAST_NTFS if is_ntfs else _LEAST_FAT32[table.geometry.sector_size]
    image = images.get(partition.number)
    if image is None:
        return floor
    # Of a smaller volume NTFS takes less for itself, never more.
    needed = needed_bytes(image.audit(), size, is_ntfs=is_ntfs)
    return max(floor, needed + max(needed // _ROOM_SHARE, _LEAST_ROOM) if room else needed)
