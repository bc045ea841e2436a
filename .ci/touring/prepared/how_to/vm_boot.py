"""What docs/how-to/vm-boot.md takes for granted."""

from __future__ import annotations

from touring.discs import install_wim, virtio_disc


def prepare() -> None:
    """Make an image of a Windows disc, and drivers for QEMU."""
    install_wim()
    virtio_disc()
