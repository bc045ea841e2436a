"""What docs/how-to/update.md takes for granted."""

from __future__ import annotations

from touring.stock import boot_image


def prepare() -> None:
    """Make a boot image, and what is put into it."""
    boot_image()
