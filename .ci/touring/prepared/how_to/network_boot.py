"""What docs/how-to/network-boot.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases.media import boot_files, boot_image
from cases.netboot import PXE, wimboot_file

_KNOWN = """\
Name,SMBIOS GUID,MAC Address,boot-image
LAB-PC1,,00:15:5D:01:02:03,
LAB-PC2,7c9f2c1e-5d0c-4f4b-9a51-1f3c5a7b9d01,,pe
LAB-PC3,,00:15:5D:01:02:05,local
"""
_BROKEN = """\
Name,SMBIOS GUID,MAC Address,boot-image
LAB-PC1,,00:15:5D:01:02,
LAB-PC2,,,pe
"""


def prepare() -> None:
    """Make a boot image, a stand-in for wimboot, and tables of computers."""
    boot_image(Path("boot.wim"), boot_files() | PXE)
    wimboot_file(Path("wimboot"))
    Path("computers.csv").write_text(_KNOWN)
    Path("broken.csv").write_text(_BROKEN)
