"""What kind of thing a path is, as the source of a capture or the target of an apply.

A volume is told from its first sector: the OEM name at byte 3 (NTFS, BitLocker, exFAT), the file-system type of a FAT
boot sector, and the partition table of a whole disk.
"""

from __future__ import annotations

import os
import stat
from enum import Enum
from pathlib import Path

from osdimage.imaging.disk.container import container_of
from osdimage.imaging.errors import StorageError

_SECTOR = 4096


class Kind(Enum):
    """What a path is."""

    MISSING = "nothing"
    DIRECTORY = "a directory"
    NTFS = "an NTFS volume"
    BITLOCKER = "a BitLocker volume"
    EXFAT = "an exFAT volume"
    FAT = "a FAT volume"
    DISK = "a disk with a partition table"
    WIM = "a WIM"
    CONTAINER = "a virtual machine's disk but no plain image, which qemu-img convert -O raw makes of it"
    OTHER_FILE = "a file that holds no file system known here"
    SPECIAL = "neither a file, a directory nor a block device"


def probe(path: str | os.PathLike[str]) -> Kind:
    """Return what a path is; symbolic links are followed.

    Raises:
        StorageError: when it cannot be looked at or read.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            return Kind.DIRECTORY
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            return Kind.SPECIAL
        with Path(path).open("rb") as file:
            return probe_sector(file.read(_SECTOR))
    except FileNotFoundError:
        return Kind.MISSING
    except OSError as error:
        raise StorageError(f"{os.fspath(path)}: {error.strerror}", path=path, errno=error.errno) from error


def probe_sector(sector: bytes) -> Kind:
    """Return what begins with these bytes."""
    by_name = {b"NTFS    ": Kind.NTFS, b"-FVE-FS-": Kind.BITLOCKER, b"EXFAT   ": Kind.EXFAT}
    kind = by_name.get(sector[3:11])
    if kind is not None:
        return kind
    if sector[:8] in {b"MSWIM\0\0\0", b"WLPWM\0\0\0"}:
        return Kind.WIM
    if container_of(sector) is not None:
        return Kind.CONTAINER
    if sector[510:512] != b"\x55\xaa":
        return Kind.OTHER_FILE
    if sector[54:57] == b"FAT" or sector[82:87] == b"FAT32":
        return Kind.FAT
    return Kind.DISK
