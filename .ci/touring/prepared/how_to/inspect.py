"""What docs/how-to/inspect.md takes for granted."""

from __future__ import annotations

from touring.stock import two_references, windows_disk


def prepare() -> None:
    """Make two images and a disk with a Windows."""
    two_references()
    windows_disk()
