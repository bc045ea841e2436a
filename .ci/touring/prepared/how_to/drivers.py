"""What docs/how-to/drivers.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases.boot_drivers import storage_package
from cases.infs import write_drivers
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import write_tree


def prepare() -> None:
    """Make drivers, a Windows that does not run, and a disk controller's driver for it."""
    write_drivers(Path("Drivers"))
    write_tree(Path("windows"), make_tree(WINDOWS_11))
    write_tree(Path("virtio-win"), storage_package(folder="viostor/w11/amd64"))
