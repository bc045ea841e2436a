"""What docs/how-to/diff.md takes for granted."""

from __future__ import annotations

import shutil
from pathlib import Path

from touring.stock import boot_image, osdimage

_CHANGES = """\
delete /Windows/Boot/PCAT/memtest.exe
rename /Windows/Boot/EFI/de-DE /Windows/Boot/EFI/de
add startnet.cmd /Windows/System32/startnet.cmd
"""


def prepare() -> None:
    """Make a boot image, and change it."""
    boot_image()
    shutil.copy("boot.wim", "old.wim")
    Path("changes.txt").write_text(_CHANGES, encoding="ascii")
    osdimage("update", "boot.wim", "--from", "changes.txt", "--reg", "lab.reg")
