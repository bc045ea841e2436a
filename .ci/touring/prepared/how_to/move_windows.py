"""What docs/how-to/move-windows.md takes for granted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cases.installed_drivers import windows_10_tree
from cases.offline_windows import WINDOWS_10
from cases.windows_trees import windows_files

from touring.discs import capture, virtio_disc
from touring.stock import osdimage


def prepare() -> None:
    """Make the disk of a machine with drivers of its own, and drivers for QEMU."""
    used = replace(WINDOWS_10, image_state="IMAGE_STATE_COMPLETE", setup_type=0, setup_command="")
    capture(windows_files() | windows_10_tree(used), "install.wim", "Windows 10")
    osdimage("deploy", "install.wim", "old-pc.img", "--preset", "uefi", "--size", "64GB")
    Path("install.wim").unlink()
    virtio_disc()
