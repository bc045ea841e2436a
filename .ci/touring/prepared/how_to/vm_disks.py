"""What docs/how-to/vm-disks.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import osdimage, windows


def prepare() -> None:
    """Capture a Windows."""
    osdimage("capture", str(windows(Path("tree"))), "windows.wim", "--name", "Windows 11 Pro")
