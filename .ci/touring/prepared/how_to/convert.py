"""What docs/how-to/convert.md takes for granted."""

from __future__ import annotations

from touring.stock import two_references


def prepare() -> None:
    """Make two images."""
    two_references()
