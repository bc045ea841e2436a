"""What the README takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import REG, osdimage, reference, windows


def prepare() -> None:
    """Make a folder, an image and a disk of a Windows, a boot image, and files that are put into it."""
    reference(Path("Reference"))
    osdimage("capture", str(windows(Path("tree"))), "windows.wim")
    osdimage("deploy", "windows.wim", "disk.img", "--preset", "uefi", "--size", "64GB")
    osdimage("capture", "tree", "boot.wim", "--name", "Windows PE")
    Path("startnet.cmd").write_text("wpeinit\r\n", encoding="ascii")
    Path("lab.reg").write_text(REG, encoding="ascii")
