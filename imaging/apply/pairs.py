"""Which image of a WIM belongs to which volume of a disk: the first to the first, and so on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.units import counted
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.wim.described.captured_table import numbers_of
from osdimage.imaging.wim.image import WimImage


def pair_volumes(
    images: Sequence[WimImage], disk: Disk, *, wim: Path, refused: str
) -> list[tuple[WimImage, Partition]]:
    """Return each image with its volume; those that are bytes of partitions have none and are left out.

    Volumes are the partitions with an NTFS or FAT file system in the order of their numbers; an EFI system partition
    only when the XML of the WIM says that one was captured.

    Args:
        images: those that were captured from the disk, or from one like it.
        disk: the disk.
        wim: their WIM, for the error.
        refused: what was not done, for the error, such as ``not written``.

    Raises:
        TargetRefused: when there are more images than volumes.
        InvalidTable: when the disk has no partition table that can be used.
        StorageError: when it cannot be read.
    """
    of_files = [image for image in images if not image.info.is_of_bytes]
    sources = [image.info.disk.captured for image in of_files if image.info.disk is not None]
    raw = raw_partitions(images)
    eligible = look_over(disk).eligible(with_efi=any(each is not None and each.is_efi for each in sources))
    found = [each for each in eligible if each.number not in raw]
    if not of_files or len(of_files) > len(found):
        numbers = ", ".join(str(each.number) for each in found) or "none"
        raise TargetRefused(
            f"{disk.name}: {refused}: {wim} has {counted(len(of_files), 'image')}, the disk has {len(found)} NTFS "
            f"and FAT volumes for them (partitions: {numbers})"
        )
    return list(zip(of_files, found, strict=False))


def raw_partitions(images: Iterable[WimImage]) -> set[int]:
    """Return the numbers of the partitions that images are the bytes of.

    Such a partition may hold a volume, of a kind that is not made here, and no image with files is for that.
    """
    disks = [image.info.disk for image in images if image.info.is_of_bytes]
    return {numbers_of(disk)[disk.captured.index] for disk in disks if disk is not None and disk.captured is not None}
