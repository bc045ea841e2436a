"""The boot code of a FAT32 volume, which starts BOOTMGR in its root directory, or NTLDR; its source is ``fat32.asm``.

It fills the boot sector around the description of the volume, and two of the reserved sectors.  The copy of the boot
sector that FAT32 keeps is written as well, with the two sectors at the same distance behind it.
"""

from __future__ import annotations

from dataclasses import replace

from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, BootCode, Loader, assembled_for, refuse_large_sectors
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.tables.write import Flush, Step, Write, run_steps
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.volume.fat.layout import NO_BOOT_CODE, BootSector, parse_boot

# From here to there the boot sector describes the volume; the jump before it leads to the code after it.
_DESCRIPTION = slice(0x03, 0x5A)
_HIDDEN_AT = 0x1C
_U32 = 0xFFFFFFFF
# What Microsoft's code looks for in the root directory (D. Sedory, "FAT32 Boot Record of Windows 7", "of Windows XP"),
# by calls of the BIOS.
_NAMES, _INT_13H = {each: each.name.encode("ascii").ljust(11) for each in Loader}, b"\xcd\x13"
_SECOND_PART = 2
"""Where ``fat32.asm`` looks for its second part, and how far behind the copy of the boot sector it is."""


def write_fat32_boot_sector(volume: BlockTarget, *, hidden_sectors: int, loader: Loader = Loader.BOOTMGR) -> None:
    """Write the code that starts BOOTMGR or NTLDR into a FAT32 volume; boot code that was there is lost.

    Nothing of the volume's description changes but the number of sectors before it.

    Args:
        volume: the volume, usually the window of a partition.
        hidden_sectors: the number of the volume's first sector on its disk, by which the code and the boot manager
            find everything.
        loader: what it is to start.

    Raises:
        InvalidVolume: when it is not a FAT32 volume.
        TargetRefused: when its sectors do not have 512 bytes, or its reserved sectors have no room for the code.
        InvalidRequest: when the volume begins beyond what 32 bits count.
        StorageError: when writing failed.
    """
    refuse_large_sectors(volume)
    if not 0 <= hidden_sectors <= _U32:
        raise InvalidRequest(f"{volume.name}: a BIOS starts volumes in the first 2 TB, not at sector {hidden_sectors}")
    sector = volume.read_at(0, SECTOR_BYTES)
    boot = _parsed(volume, sector)
    code = assembled_for("fat32", loader)
    _refuse_without_room(volume.name, boot, len(code) // SECTOR_BYTES - 1)
    first = bytearray(code[:SECTOR_BYTES])
    first[_DESCRIPTION] = sector[_DESCRIPTION]
    first[_HIDDEN_AT : _HIDDEN_AT + 4] = hidden_sectors.to_bytes(4, "little")
    run_steps(volume, tuple(_steps(replace(boot, hidden_sectors=hidden_sectors), bytes(first), code[SECTOR_BYTES:])))


def fat32_boot_code(volume: BlockTarget) -> BootCode:
    """Tell whose boot code is in a FAT32 volume; code of osdimage counts when all of its parts are there.

    Raises:
        InvalidVolume: when it is not a FAT32 volume.
    """
    return _told(volume)[0]


def fat32_boot_loader(volume: BlockTarget) -> Loader | None:
    """Return what the boot code of a FAT32 volume starts, or None when there is none or it is not known.

    Raises:
        InvalidVolume: when it is not a FAT32 volume.
    """
    return _told(volume)[1]


def _told(volume: BlockTarget) -> tuple[BootCode, Loader | None]:
    sector = volume.read_at(0, SECTOR_BYTES)
    _parsed(volume, sector)
    code = sector[_DESCRIPTION.stop :]
    owns = {each: assembled_for("fat32", each) for each in Loader}
    # Their first sectors are the same, and the name of what they start is in the second part.
    if any(code == own[_DESCRIPTION.stop : SECTOR_BYTES] for own in owns.values()):
        for each, own in owns.items():
            if volume.read_at(_SECOND_PART * SECTOR_BYTES, len(own) - SECTOR_BYTES) == own[SECTOR_BYTES:]:
                return BootCode.OSDIMAGE, each
        return BootCode.OTHER, None
    # What this package and mkfs.fat leave in a volume that nothing is to start from.
    without = code.startswith(NO_BOOT_CODE) or b"This is not a bootable disk" in code or not any(code[:-2])
    if without:
        return BootCode.NONE, None
    loader = next((each for each, name in _NAMES.items() if name in code and _INT_13H in code), None)
    return (BootCode.OTHER if loader is None else BootCode.MICROSOFT), loader


def _parsed(volume: BlockTarget, sector: bytes) -> BootSector:
    boot = parse_boot(sector, size_bytes=volume.geometry.size_bytes)
    if boot.layout.width is not FatWidth.FAT32:
        raise InvalidVolume(f"a {boot.layout.width.name} volume, of which there is no boot code", volume=volume.name)
    return boot


def _refuse_without_room(name: str, boot: BootSector, count: int) -> None:
    layout = boot.layout
    if layout.sector_size != SECTOR_BYTES:
        raise TargetRefused(f"{name}: the FAT32 volume has sectors of {layout.sector_size} bytes; valid are 512")
    taken = {boot.fsinfo_sector, boot.backup_sector}
    if boot.backup_sector is not None:
        taken.add(boot.backup_sector + (boot.fsinfo_sector or 0))
    wanted = range(_SECOND_PART, _SECOND_PART + count)
    if layout.reserved < wanted.stop or taken & set(wanted):
        raise TargetRefused(
            f"{name}: the FAT32 volume has no room for boot code in its reserved sectors {wanted.start} to "
            f"{wanted.stop - 1}; copy what it holds and make it anew, as osdimage, Windows and mkfs.fat do"
        )


def _steps(boot: BootSector, first: bytes, second: bytes) -> list[Step]:
    """Return the writes, the second part first: at any moment the boot sector finds the one that it needs."""
    steps: list[Step] = [Write(_SECOND_PART * SECTOR_BYTES, second, "second part of the FAT32 boot code"), Flush()]
    backup = boot.backup_sector
    if backup is not None:
        behind = backup + _SECOND_PART
        if behind + len(second) // SECTOR_BYTES <= boot.layout.reserved:
            steps.append(Write(behind * SECTOR_BYTES, second, "copy of the second part of the FAT32 boot code"))
        steps += [Write(backup * SECTOR_BYTES, first, "copy of the FAT32 boot sector"), Flush()]
    return [*steps, Write(0, first, "FAT32 boot sector"), Flush()]
