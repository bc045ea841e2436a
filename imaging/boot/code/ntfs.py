"""The boot code of an NTFS volume, which starts BOOTMGR in its root directory, or NTLDR as Windows XP has it.

Windows formats volumes with code that it has as data in some of its libraries.  It belongs to Microsoft and none of it
is here, but an image of Windows that is deployed brings those libraries along, and the code is found in them by how
it begins.  Where it is not, osdimage has code of its own, with its source in ``ntfs.asm``.  Both are there twice, and
differ in the name of what they start.  Either fills the
16 sectors of the file ``$Boot`` around the description of the volume.

Sources: Microsoft, Windows 2000 Server Resource Kit, "Boot Sector" (fields, the copy in the last sector); D. Sedory,
"An Examination of the NTFS Volume Boot Record of Windows 7" (which libraries hold it, and the second sector, which
begins with the name of the file that it starts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import construct as c
from osdimage.imaging.boot.code.kinds import (
    SECTOR_BYTES,
    SIGNATURE,
    BootCode,
    Loader,
    assembled_for,
    refuse_large_sectors,
)
from osdimage.imaging.disk.tables.write import Flush, Step, Write, run_steps
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused

# ---- declaration ----

BOOT_STRUCT = c.Struct(
    "Jump" / c.Bytes(3),
    "OemId" / c.Bytes(8),
    "BytesPerSector" / c.Int16ul,
    "SectorsPerCluster" / c.Int8ul,
    "ReservedSectors" / c.Int16ul,
    "Unused1" / c.Bytes(5),
    "MediaDescriptor" / c.Int8ul,
    "Unused2" / c.Bytes(2),
    "SectorsPerTrack" / c.Int16ul,
    "NumberOfHeads" / c.Int16ul,
    "HiddenSectors" / c.Int32ul,
    "Unused3" / c.Bytes(8),
    "TotalSectors" / c.Int64ul,
)

# ---- behaviour ----

CANDIDATES = (
    "Windows/System32/untfs.dll",
    "Windows/System32/vdsutil.dll",
    "Windows/System32/winsetup.dll",
    "Windows/System32/bootsect.exe",
)
"""The files of Windows that may hold the code, the likeliest first; the last one is part of preinstallation images."""
MOST_SECTORS = 16
"""The size of ``$Boot``."""
_DESCRIPTION = slice(0x03, 0x54)
"""What of the first sector describes the volume."""
_HIDDEN_AT = 0x1C
_LARGEST_SOURCE = 64 << 20
_OEM_ID = b"NTFS    "
_BEGIN = b"\xeb\x52\x90" + _OEM_ID
# The second sector: the length of a name, the name, and then the name of the index of a directory in the same form.
_SECOND = {
    each: len(each.name).to_bytes(2, "little") + each.name.encode("utf-16-le") + b"\x04\0" + "$I30".encode("utf-16-le")
    for each in Loader
}
_INT_13H = b"\xcd\x13"
_U32 = 0xFFFFFFFF
# What mkntfs writes.
_NO_BOOT_CODE = b"This is not a bootable disk"


@dataclass(frozen=True, slots=True)
class NtfsBootCode:
    """Boot code for NTFS volumes.

    Attributes:
        data: whole sectors, at least 2 and at most 16; the description of the volume in the first one is not used.
        source: the file that it is from.
        loader: what it starts.
    """

    data: bytes
    source: str
    loader: Loader = Loader.BOOTMGR


def find_ntfs_boot_code(data: bytes, *, source: str = "", loader: Loader = Loader.BOOTMGR) -> NtfsBootCode | None:
    """Return the boot code of NTFS for a loader that is part of a file, or None.

    It counts only when it begins and continues as it must, and asks the BIOS for sectors; the first of several does.
    """
    at = data.find(_BEGIN)
    while at >= 0:
        whole = min(MOST_SECTORS, (len(data) - at) // SECTOR_BYTES)
        code = data[at : at + whole * SECTOR_BYTES]
        if _started_by(code) is loader:
            return NtfsBootCode(code, source, loader)
        at = data.find(_BEGIN, at + 1)
    return None


def ntfs_boot_code_from(read: Callable[[str], bytes | None], *, loader: Loader = Loader.BOOTMGR) -> NtfsBootCode | None:
    """Look for the boot code of NTFS in the files of a Windows image.

    Args:
        read: returns a file of the image by its path (``Windows/System32/untfs.dll``; the case of letters does not
            count), or None when there is none.
        loader: what it is to start.

    Returns:
        The code, or None when no file holds it.
    """
    for path in CANDIDATES:
        data = read(path)
        if data is not None and len(data) <= _LARGEST_SOURCE:
            found = find_ntfs_boot_code(data, source=path, loader=loader)
            if found is not None:
                return found
    return None


def own_ntfs_boot_code(loader: Loader = Loader.BOOTMGR) -> NtfsBootCode:
    """Return the boot code of osdimage itself, whose source is ``ntfs.asm``."""
    return NtfsBootCode(assembled_for("ntfs", loader), "osdimage", loader)


def _started_by(code: bytes) -> Loader | None:
    """Return what boot code of Microsoft's starts, or None when it is not that."""
    first, second = code[:SECTOR_BYTES], code[SECTOR_BYTES:]
    if len(second) < SECTOR_BYTES or not first.endswith(SIGNATURE) or _INT_13H not in first[_DESCRIPTION.stop : -2]:
        return None
    return next((each for each, begin in _SECOND.items() if second.startswith(begin)), None)


def write_ntfs_boot_code(volume: BlockTarget, code: NtfsBootCode, *, hidden_sectors: int) -> None:
    """Write boot code into an NTFS volume; boot code that was there is lost.

    Nothing of the volume's description changes but the number of sectors before it.

    Args:
        volume: the volume, usually the window of a partition.
        code: what :func:`ntfs_boot_code_from` found.
        hidden_sectors: the number of the volume's first sector on its disk.

    Raises:
        InvalidVolume: when it is not an NTFS volume.
        TargetRefused: when its sectors do not have 512 bytes.
        InvalidRequest: when the code is not boot code of NTFS, or the volume begins beyond what 32 bits count.
        StorageError: when writing failed.
    """
    size = len(code.data)
    is_code = code == own_ntfs_boot_code(code.loader) or _started_by(code.data) is code.loader
    if not is_code or size % SECTOR_BYTES or size > MOST_SECTORS * SECTOR_BYTES:
        raise InvalidRequest(f"{code.source or 'the data'}: {size} bytes are not boot code of NTFS")
    replace_boot_sector(
        volume,
        code.data[:SECTOR_BYTES],
        code.data[SECTOR_BYTES:].ljust((MOST_SECTORS - 1) * SECTOR_BYTES, b"\0"),
        hidden_sectors=hidden_sectors,
    )


def replace_boot_sector(volume: BlockTarget, first: bytes, rest: bytes, *, hidden_sectors: int) -> None:
    """Write a boot sector around the description of an NTFS volume, the sectors that follow it, and its copy.

    Raises:
        InvalidVolume, TargetRefused, InvalidRequest, StorageError: as :func:`write_ntfs_boot_code`.
    """
    refuse_large_sectors(volume)
    if not 0 <= hidden_sectors <= _U32:
        raise InvalidRequest(f"{volume.name}: a BIOS starts volumes in the first 2 TB, not at sector {hidden_sectors}")
    sector, total = read_boot_sector(volume)
    merged = bytearray(first)
    merged[_DESCRIPTION] = sector[_DESCRIPTION]
    merged[_HIDDEN_AT : _HIDDEN_AT + 4] = hidden_sectors.to_bytes(4, "little")
    run_steps(volume, tuple(_steps(volume, bytes(merged), rest, total)))


def ntfs_boot_code(volume: BlockTarget) -> BootCode:
    """Tell whose boot code is in an NTFS volume; Microsoft's is that which begins and goes on as in its libraries.

    Raises:
        InvalidVolume: when it is not an NTFS volume.
    """
    return _told(volume)[0]


def ntfs_boot_loader(volume: BlockTarget) -> Loader | None:
    """Return what the boot code of an NTFS volume starts, or None when there is none or it is not known.

    Raises:
        InvalidVolume: when it is not an NTFS volume.
    """
    return _told(volume)[1]


def _told(volume: BlockTarget) -> tuple[BootCode, Loader | None]:
    sector, _ = read_boot_sector(volume)
    code = sector[_DESCRIPTION.stop : -2]
    owns = {each: assembled_for("ntfs", each) for each in Loader}
    # Their first sectors are the same, and the name of what they start is behind it.
    if any(code == own[_DESCRIPTION.stop : SECTOR_BYTES - 2] for own in owns.values()):
        for each, own in owns.items():
            if volume.read_at(SECTOR_BYTES, len(own) - SECTOR_BYTES) == own[SECTOR_BYTES:]:
                return BootCode.OSDIMAGE, each
        return BootCode.OTHER, None
    if _NO_BOOT_CODE in code or not any(code):
        return BootCode.NONE, None
    if b"GRUB \0" in code:
        return BootCode.GRUB, None
    loader = _started_by(volume.read_at(0, MOST_SECTORS * SECTOR_BYTES))
    return (BootCode.OTHER if loader is None else BootCode.MICROSOFT), loader


def read_boot_sector(volume: BlockTarget) -> tuple[bytes, int]:
    """Return the first sector of an NTFS volume, and the number of the sector with its copy.

    Raises:
        InvalidVolume: when it is not an NTFS volume.
        TargetRefused: when its sectors do not have 512 bytes.
    """
    sector = volume.read_at(0, SECTOR_BYTES)
    raw = BOOT_STRUCT.parse(sector)
    if raw.OemId != _OEM_ID or not sector.endswith(SIGNATURE):
        raise InvalidVolume("not an NTFS volume: its first sector does not say so", volume=volume.name)
    if raw.BytesPerSector != SECTOR_BYTES:
        raise TargetRefused(
            f"{volume.name}: the NTFS volume has sectors of {raw.BytesPerSector} bytes; valid are {SECTOR_BYTES}"
        )
    if not MOST_SECTORS <= raw.TotalSectors < volume.geometry.sectors + 1:
        raise InvalidVolume(
            f"the NTFS volume claims {raw.TotalSectors} sectors of {volume.geometry.sectors}", volume=volume.name
        )
    return sector, int(raw.TotalSectors)


def _steps(volume: BlockTarget, first: bytes, rest: bytes, copy_at: int) -> Iterator[Step]:
    """Yield the writes, the boot sector last: it finds what it needs at any moment."""
    if rest:
        yield Write(SECTOR_BYTES, rest, "rest of the NTFS boot code")
    # The copy is in the sector behind the last one that counts, where the partition has such a sector.
    if copy_at < volume.geometry.sectors and volume.read_sectors(copy_at)[3:11] == _OEM_ID:
        yield Write(copy_at * SECTOR_BYTES, first, "copy of the NTFS boot sector")
    yield Flush()
    yield Write(0, first, "NTFS boot sector")
    yield Flush()
