"""``osdimage media``: the group of verbs for optical discs.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage media --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "iso": ("media.iso", "Make a disc that starts a boot image, or a disc of another one."),
    "usb": ("media.usb", "Make a USB stick, or the image of one, that starts a boot image."),
    "standalone": ("media.standalone", "Make a medium with a task sequence and all that it needs."),
    "boot": ("media.boot", "Make a disc that goes on with what a server has."),
    "capture": ("media.capture", "Make a disc that captures the Windows of a computer."),
    "netboot": ("media.netboot", "Make a folder from which computers start by the network."),
    "verify": ("media.verify", "Look whether a medium is sound, and whether it starts."),
    "show": ("media.show", "Show what a disc is, and what firmware starts from it."),
    "list": ("media.list", "List the files of a disc."),
    "extract": ("media.extract", "Extract files of a disc."),
    "sdi": ("media.sdi", "Look into a boot.sdi, or make one."),
}


class MediaGroup(LazyGroup):
    """The verbs for media: those that make them first, in the order in which people need them."""

    table = COMMANDS
    above = ("media",)


@click.group("media", cls=MediaGroup)
def media_command() -> None:
    """Make media that computers start from, verify them, and look into optical discs.

    Discs are ISO files and drives with UDF, or with ISO 9660, Joliet and Rock Ridge; sticks are devices, or images of
    disks.  Nothing is mounted, and no root is needed but for a device.
    """
