"""``osdimage disk``: the group of verbs for whole disks.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage disk --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("disk.plan", "Show the exact table that a layout gives on a disk; change nothing."),
    "init": ("disk.init", "Write a new partition table to a disk image or device."),
    "format": ("disk.format", "Make a file system in one partition."),
    "show": ("disk.show", "Show the partitions of a disk and a picture of it."),
    "check": ("disk.check", "Look for faults of a partition table, and repair a GPT."),
    "backup": ("disk.backup", "Save the partition table of a disk in a file."),
    "restore": ("disk.restore", "Put a saved partition table back."),
}


class DiskGroup(LazyGroup):
    """The verbs for whole disks."""

    table = COMMANDS
    above = ("disk",)


@click.group("disk", cls=DiskGroup)
def disk_command() -> None:
    """Lay out disks: MBR and GPT, in disk images and on devices.

    A layout comes from a preset, or from the variables of ConfigMgr's Format and Partition Disk step.
    """
