"""What docs/tutorials/fleet.md takes for granted."""

from __future__ import annotations

from touring.discs import install_wim


def prepare() -> None:
    """Make the image of a Windows disc."""
    install_wim()
