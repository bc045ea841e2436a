"""What a folder for network boot takes from others, with stand-ins for their programs."""

from __future__ import annotations

from pathlib import Path

from cases.media import boot_files, boot_image
from cases.windows_trees import MACHINES, body, pe

# strings wimboot | grep Imaging     of wimboot 2.9.0, built from its source (commit e587564)
WIMBOOT_TOLD = b"\n\nwimboot v2.9.0 -- Windows Imaging Format bootloader -- https://ipxe.org/wimboot\n\n\0"
PXE = {f"Windows/Boot/PXE/{name}": body(name) for name in ("pxeboot.n12", "pxeboot.com", "bootmgr.exe")}


def wimboot_file(path: Path, architecture: str = "x64", told: bytes = WIMBOOT_TOLD) -> Path:
    """Write a program that says of itself what wimboot does."""
    path.write_bytes(pe(MACHINES[architecture]) + told)
    return path


def ipxe_folder(folder: Path) -> Path:
    """Make a folder with the names of iPXE for a BIOS and UEFI for x64."""
    folder.mkdir(exist_ok=True)
    (folder / "undionly.kpxe").write_bytes(body("undionly.kpxe"))
    (folder / "snponly.efi").write_bytes(pe(MACHINES["x64"], salt="snponly"))
    return folder


def net_material(folder: Path) -> None:
    """Write ``pe.wim``, ``other.wim``, ``wimboot`` and ``ipxe``, of which a folder for network boot is made."""
    boot_image(folder / "pe.wim", boot_files() | PXE)
    boot_image(folder / "other.wim", boot_files(dvd=True) | {"Windows/other.txt": b"other"})
    wimboot_file(folder / "wimboot")
    ipxe_folder(folder / "ipxe")
