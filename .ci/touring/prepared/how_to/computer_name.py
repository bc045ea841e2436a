"""What docs/how-to/computer-name.md takes for granted."""

from __future__ import annotations

from touring.discs import capture, windows_11


def prepare() -> None:
    """Make an image of a Windows that was generalized."""
    capture(windows_11(), "install.wim", "Windows 11 Pro")
