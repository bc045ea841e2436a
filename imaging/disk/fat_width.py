"""Which of FAT12, FAT16 and FAT32 a volume is, by its boot sector.

The number of clusters decides, and never the text in the boot sector, which is only for people (Microsoft, fatgen103,
"FAT Type Determination").  One thing comes before: what has its table's size in the field of FAT32 is FAT32 to every
driver, however few its clusters (Linux: fat_fill_super; Windows-driver-samples, fastfat: IsBpbFat32; EDK2:
FatOpenDevice).  The room ``volume`` reads such volumes whole; here is only what it takes to call one by its name.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from osdimage.imaging.disk.content import Content

FIRST_CLUSTER = 2
"""The number of the first cluster, whatever the width."""
DIRECTORY_ENTRY_BYTES = 32
# BPB_BytsPerSec, SecPerClus, RsvdSecCnt, NumFATs, RootEntCnt, TotSec16, Media, FATSz16; TotSec32, FATSz32.
_BPB, _LARGE = struct.Struct("<HBHBHHBH"), struct.Struct("<II")
_BPB_AT, _LARGE_AT = 11, 32


class FatWidth(IntEnum):
    """The bits of an entry of the table; of those of FAT32, four are reserved."""

    FAT12 = 12
    FAT16 = 16
    FAT32 = 32

    @classmethod
    def of(cls, clusters: int) -> FatWidth | None:
        """Return the width of a volume whose root directory is no chain; None where there are too many clusters."""
        return next((each for each in (cls.FAT12, cls.FAT16) if clusters <= each.most_clusters), None)

    @property
    def content(self) -> Content:
        """What a window holds that has it."""
        return Content(self.name.lower())

    @property
    def most_clusters(self) -> int:
        """How many clusters there can be."""
        return _MOST_CLUSTERS[self]


_MOST_CLUSTERS = {FatWidth.FAT12: 4084, FatWidth.FAT16: 65_524, FatWidth.FAT32: 0x0FFFFFF5 - FIRST_CLUSTER}


def fat_width(head: bytes) -> FatWidth | None:
    """Return the width that a boot sector tells; None when its numbers are those of no volume.

    Args:
        head: the first 512 bytes, or more, of a volume that is known to be FAT.
    """
    if len(head) < _LARGE_AT + _LARGE.size + 4:
        return None
    sector, per_cluster, reserved, fats, root_entries, small, _, fat_sectors = _BPB.unpack_from(head, _BPB_AT)
    large, large_fat = _LARGE.unpack_from(head, _LARGE_AT)
    if fat_sectors == 0:
        return FatWidth.FAT32 if large_fat else None
    if not sector or not per_cluster:
        return None
    root_sectors = -(-root_entries * DIRECTORY_ENTRY_BYTES // sector)
    left = (small or large) - reserved - fats * fat_sectors - root_sectors
    return None if left < per_cluster else FatWidth.of(left // per_cluster)


def cluster_bytes(head: bytes) -> int:
    """Return the size of a cluster that a boot sector tells, in bytes; 0 where it tells none."""
    sector, per_cluster = _BPB.unpack_from(head, _BPB_AT)[:2]
    return int(sector * per_cluster)
