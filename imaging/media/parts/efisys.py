r"""The volume in which UEFI finds a loader on a disc: FAT with ``\EFI\BOOT\BOOTX64.EFI``, or what its processor has.

Windows' own (``efisys.bin``, a floppy of 1,440 KiB with FAT12) has a loader made for discs, which nobody else has.  One
that is made here has the loader of the medium itself: firmware starts it, and whether Microsoft's loader then finds its
store on the disc is not known.
"""

from __future__ import annotations

from osdimage.imaging.boot.files import fallback_path
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, OsdImageError
from osdimage.imaging.units import KIB, MIB, Geometry, format_size
from osdimage.imaging.volume.fat.make import FatOptions, SourceEntry, fill_fat, from_entries, open_fat

LARGEST_EFISYS = 32 * MIB - 512
"""El Torito counts its sectors of 512 bytes in 16 bits."""
_SECTOR_BYTES = 512
_FLOPPY_BYTES = 1440 * KIB
# Tables, the root directory, two more, and a cluster that is not full.
_MORE_BYTES = 128 * KIB
# Any number, but always the same, so that a medium can be made again to the byte.
_SERIAL = 0x45464953


def make_efisys(loader: bytes, architecture: str, *, modified_ns: int, name: str) -> bytes:
    """Make such a volume; of the same loader and time it is the same, to the byte.

    Args:
        loader: the program that starts.
        architecture: of the program: ``x86``, ``x64``, ``arm`` or ``arm64``.
        modified_ns: the time of its last change, in nanoseconds since 1970.
        name: what messages call the loader.

    Raises:
        InvalidInput: when it is too large for what a disc starts.
    """
    size = max(_FLOPPY_BYTES, -(-(len(loader) + _MORE_BYTES) // (32 * KIB)) * 32 * KIB)
    if size > LARGEST_EFISYS:
        most = format_size(LARGEST_EFISYS - _MORE_BYTES)
        raise InvalidInput(f"{name}: has {format_size(len(loader))}; a disc starts by UEFI what has at most {most}")
    volume = MemoryTarget(Geometry(_SECTOR_BYTES, size // _SECTOR_BYTES), name="efisys.bin")
    path = fallback_path(architecture).upper()
    entry = SourceEntry(path, size=len(loader), modified_ns=modified_ns, contents=lambda: (loader,))
    fill_fat(volume, from_entries([entry]), FatOptions(_SERIAL, "EFISYS", width=FatWidth.FAT12))
    return volume.read_at(0, size)


def loader_in(efisys: bytes, architecture: str) -> bytes | None:
    """Return the loader in such a volume, or None when there is none, or it cannot be read."""
    sectors = len(efisys) // _SECTOR_BYTES
    if not sectors:
        return None
    volume = MemoryTarget(Geometry(_SECTOR_BYTES, sectors), name="efisys.bin")
    volume.write_at(0, efisys[: sectors * _SECTOR_BYTES])
    try:
        return b"".join(open_fat(volume).read(fallback_path(architecture)))
    except OsdImageError:
        return None
