"""The sectors that a volume says it has, beside those of the disk that it is on.

NTFS and FAT tell it in the same place of the boot sector (fatgen103, BPB_BytsPerSec; NTFS_BOOT_SECTOR of
``<ntfs-3g/layout.h>``).  A volume that is alone in a file may have any; in a partition those of the disk are right.
"""

from __future__ import annotations

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.volume import OpenVolume

_AT = slice(11, 13)
_HEAD_BYTES = 16


def sector_bytes_of(volume: BlockTarget) -> int:
    """Return how many bytes the boot sector of an NTFS or FAT volume says that a sector has.

    Raises:
        StorageError: when it cannot be read.
    """
    return int.from_bytes(volume.read_at(0, _HEAD_BYTES)[_AT], "little")


def odd_sectors(volume: OpenVolume) -> str | None:
    """Say that an NTFS or FAT volume has other sectors than its disk, or None when it has not, or no disk is known.

    Windows' FAT driver does not mount such a volume (Microsoft, Windows-driver-samples, fastfat: FatMountVolume), and
    Linux does only when the disk's sectors are the smaller ones.

    Raises:
        StorageError: when it cannot be read.
    """
    if volume.partition is None and not volume.target.is_device:
        return None
    there, wanted = sector_bytes_of(volume.window()), volume.target.geometry.sector_size
    if there == wanted:
        return None
    return (
        f"{volume.name}: the volume has sectors of {there} bytes, its disk of {wanted}: Windows mounts only a volume "
        "with the sectors of its disk; format it anew to have it so"
    )
