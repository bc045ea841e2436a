"""What docs/how-to/deploy.md takes for granted."""

from __future__ import annotations

from touring.discs import install_wim


def prepare() -> None:
    """Make a WIM with two editions of a Windows."""
    install_wim()
