"""What docs/how-to/whole-disks.md takes for granted."""

from __future__ import annotations

from touring.stock import windows_disk


def prepare() -> None:
    """Make a disk with a Windows."""
    windows_disk()
