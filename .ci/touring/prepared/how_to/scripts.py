"""What docs/how-to/scripts.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import osdimage, reference


def prepare() -> None:
    """Make a folder, and a WIM of it."""
    reference(Path("Reference"))
    osdimage("capture", "Reference", "install.wim", "--name", "Reference 1.0")
