"""What docs/tutorials/iso-to-vm.md takes for granted."""

from __future__ import annotations

from touring.discs import virtio_disc, windows_disc


def prepare() -> None:
    """Make a disc of Windows, and one with drivers."""
    windows_disc()
    virtio_disc()
