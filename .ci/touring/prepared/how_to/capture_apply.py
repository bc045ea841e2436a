"""What docs/how-to/capture-apply.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import reference


def prepare() -> None:
    """Make a folder."""
    reference(Path("Reference"))
