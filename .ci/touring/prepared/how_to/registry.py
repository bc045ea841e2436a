"""What docs/how-to/registry.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import REG, osdimage, windows


def prepare() -> None:
    """Make an image of a Windows, a disk with it, and a file of keys."""
    osdimage("capture", str(windows(Path("tree"))), "install.wim", "--name", "Windows")
    osdimage("deploy", "install.wim", "windows.img", "--preset", "uefi", "--size", "64GB")
    Path("boot.reg").write_text(REG, encoding="ascii")
