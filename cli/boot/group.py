"""``osdimage boot``: the group of verbs for starting a disk.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage boot --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "install": ("boot.install", "Write boot files, BCD store and boot code for a Windows that was applied."),
    "show": ("boot.show", "Explain the BCD store of a disk."),
    "check": ("boot.check", "Tell whether a disk would start, and what keeps it from it."),
    "fix": ("boot.fix", "Bind the BCD store to this disk again, as after cloning."),
}


class BootGroup(LazyGroup):
    """The verbs for starting a disk."""

    table = COMMANDS
    above = ("boot",)


@click.group("boot", cls=BootGroup)
def boot_command() -> None:
    """Make disks start: UEFI from GPT, BIOS from MBR, in disk images and on devices; what bcdboot and bootsect do.

    `osdimage deploy` does it by itself.
    """
