"""What docs/how-to/mount.md takes for granted."""

from __future__ import annotations

from touring.stock import boot_image


def prepare() -> None:
    """Make a boot image."""
    boot_image()
