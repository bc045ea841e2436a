"""Which partitions of a disk are volumes that images go to and come from.

An image of a WIM belongs to an NTFS or FAT volume, in the order of the partitions.  Extended and Microsoft reserved
partitions hold none.  An EFI system partition is a volume of the firmware: Windows gives it no drive letter, and Apply
Operating System passes it over.  A capture of all volumes takes it along, since the disk does not start without it;
then it counts when the images are applied, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.held import VolumeInfo, look_at, volumes
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS

# What is made again as it was meant is one, too.
_VOLUMES = FILE_SYSTEMS | {Content.UNFINISHED}


@dataclass(frozen=True, slots=True)
class DiskVolumes:
    """A disk: its table, and what its partitions hold, by their numbers."""

    table: PartitionTable
    held: dict[int, VolumeInfo]

    def eligible(self, *, with_efi: bool) -> list[Partition]:
        """Return the partitions with an NTFS or FAT volume, in the order of their numbers."""
        return [
            each
            for each in self.table.partitions
            if each.number in self.held and self.held[each.number].kind in _VOLUMES and (with_efi or not is_efi(each))
        ]


def is_efi(partition: Partition) -> bool:
    """Tell whether a partition is an EFI system partition."""
    return partition.type_id in roles.EFI_TYPES


def look_over(disk: Disk) -> DiskVolumes:
    """Read what a disk holds, also in volumes that are encrypted, where the disk is only read and a key opens them.

    Raises:
        InvalidTable: when it has no partition table that can be used, or a partition does not lie on it.
        StorageError: when it cannot be read.
    """
    table = disk.table
    for each in table.partitions:
        if not each.is_extended:
            disk.require_whole(each)
    return DiskVolumes(table, {each.number: _behind(disk, each, found) for each, found in volumes(disk.target, table)})


def _behind(disk: Disk, partition: Partition, found: VolumeInfo) -> VolumeInfo:
    """Return what is behind the encryption of a volume, if it is unlocked."""
    if found.encryption is None or disk.target.is_writable:
        return found
    volume = disk.volume_in(partition)
    if volume.content is Content.BITLOCKER:
        return found
    return replace(look_at(volume.window()), encryption=found.encryption)
