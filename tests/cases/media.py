"""What media are made of: boot images with all that starts them, and folders with the shape of a Windows medium."""

from __future__ import annotations

import struct
from pathlib import Path

from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume.fat.make import FatOptions, SourceEntry, fill_fat, from_entries

from cases.boot_images import SYSTEM32, boot_wim, pe_files
from cases.windows_trees import FALLBACKS, MACHINES, body, pe, windows_files

ETFSBOOT = body("etfsboot.com", 4096)
# Records of a volume that holds nothing, and of the place of a boot image behind it; the head adds up to 0.
_TABLE = struct.pack("<8s4Q24x", b"PART", 0, 2048, 512, 7) + struct.pack("<8s4Q24x", b"WIM", 0, 2560, 0, 0)
_HEAD = (b"$SDI0001".ljust(0x1F8, b"\0") + bytes([-sum(b"$SDI0001") % 256])).ljust(0x400, b"\0")
BOOT_SDI = (_HEAD + _TABLE).ljust(2560, b"\0")
LOCALES = ("en-US", "de-DE")


def efisys(salt: str, size: int = 64 << 10) -> bytes:
    """Return what UEFI starts from a disc: FAT with a loader of each processor, which is none that starts."""
    entries = [
        SourceEntry(f"EFI/BOOT/{name.upper()}", size=len(salt), contents=lambda: (salt.encode("ascii"),))
        for name in FALLBACKS.values()
    ]
    volume = MemoryTarget(Geometry(512, size // 512))
    fill_fat(volume, from_entries(entries), FatOptions(1, "EFISYS", width=FatWidth.FAT12))
    return volume.read_at(0, size)


def dvd_files(*, signed_2023: bool = False) -> dict[str, bytes]:
    """Return what ``Windows/Boot/DVD`` of an image has; with ``signed_2023`` also ``DVD_EX``."""
    files = {
        "Windows/Boot/DVD/PCAT/etfsboot.com": ETFSBOOT,
        "Windows/Boot/DVD/PCAT/boot.sdi": BOOT_SDI,
        "Windows/Boot/DVD/PCAT/BCD": b"not of this medium",
        "Windows/Boot/DVD/PCAT/en-US/bootfix.bin": body("bootfix.bin", 1024),
        "Windows/Boot/DVD/EFI/boot.sdi": BOOT_SDI,
        "Windows/Boot/DVD/EFI/BCD": b"not of this medium",
        "Windows/Boot/DVD/EFI/en-US/efisys.bin": efisys("efisys.bin"),
        "Windows/Boot/DVD/EFI/en-US/efisys_noprompt.bin": efisys("efisys_noprompt.bin"),
    }
    if signed_2023:
        files["Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin"] = efisys("efisys_EX.bin")
        files["Windows/Boot/DVD_EX/EFI/en-US/efisys_noprompt_EX.bin"] = efisys("efisys_noprompt_EX.bin")
    return files


def boot_files(
    architecture: str = "x64", *, dvd: bool = True, uefi: bool = True, bios: bool = True, signed_2023: bool = False
) -> dict[str, bytes]:
    """Return the files of a Windows PE that has all a medium is started with, but ``dvd``."""
    windows = windows_files(architecture, uefi=uefi, bios=bios, signed_2023=signed_2023)
    files = {path: data for path, data in windows.items() if path.startswith("Windows/Boot/")}
    for firmware, ending in ((uefi, "efi"), (bios, "exe")):
        if firmware:
            files[f"{SYSTEM32}/winload.{ending}"] = pe(MACHINES[architecture], salt=f"winload.{ending}")
            files[f"{SYSTEM32}/Boot/winload.{ending}"] = pe(MACHINES[architecture], salt=f"boot winload.{ending}")
    if dvd:
        files |= dvd_files(signed_2023=signed_2023)
    return pe_files(architecture=architecture) | files


def boot_image(path: Path, *images: dict[str, bytes], boot: int = 1) -> Path:
    """Make a WIM whose image ``boot`` starts; by default of one Windows PE that starts everything."""
    return boot_wim(path, *(images or (boot_files(),)), boot=boot)


def medium_files(architecture: str = "x64") -> dict[str, bytes]:
    """Return the files of a Windows medium without its WIMs, spelled as older ones are."""
    fallback = FALLBACKS[architecture]
    return {
        "BOOTMGR": b"bootmgr of the medium",
        "setup.exe": pe(MACHINES[architecture], salt="setup"),
        "Boot/BCD": b"a store that is not taken",
        "Boot/boot.sdi": BOOT_SDI + b"of the medium",
        "Boot/bootfix.bin": b"press any key",
        "Boot/etfsboot.com": body("etfsboot of the medium", 4096),
        "Boot/Fonts/chs_boot.ttf": b"font of the medium",
        f"efi/boot/{fallback}": pe(MACHINES[architecture], salt="loader of the medium"),
        "efi/Microsoft/boot/efisys.bin": efisys("volume of the medium"),
        "sources/setup.exe": pe(MACHINES[architecture], salt="sources"),
    }
