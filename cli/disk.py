"""``osdimage disk``: the group of verbs for whole disks.  Each verb is imported when it is used."""

from __future__ import annotations

import importlib

import click

# name: (module of this package, what `osdimage disk --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("disk_plan", "Show the exact table that a layout gives on a disk; change nothing."),
    "init": ("disk_init", "Write a new partition table to a disk image or device."),
    "show": ("disk_show", "Show the partitions of a disk and a picture of it."),
    "check": ("disk_check", "Look for faults of a partition table, and repair a GPT."),
    "backup": ("disk_backup", "Save the partition table of a disk in a file."),
    "restore": ("disk_restore", "Put a saved partition table back."),
}


class DiskGroup(click.Group):
    """A group whose help needs none of its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"osdimage.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{cmd_name}_command is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group("disk", cls=DiskGroup)
def disk_command() -> None:
    """Lay out disks: MBR and GPT, in disk images and on devices.

    A layout comes from a preset, or from the variables of ConfigMgr's Format and Partition Disk step.
    """
