"""``osdimage bootimage``: the group of verbs for boot images.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage bootimage --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("bootimage.show", "Show what the images of a WIM start, and what is set in them."),
    "set": ("bootimage.set", "Set what a boot image shows and starts, and add files to it."),
    "add-driver": ("bootimage.add_driver", "Add drivers to a boot image."),
    "export": ("bootimage.export", "Copy a boot image alone to a new WIM, with what is to be set in it."),
    "files": ("bootimage.files", "Write the files with which wimboot starts a boot image as it is."),
}


class BootImageGroup(LazyGroup):
    """The verbs for boot images."""

    table = COMMANDS
    above = ("bootimage",)


@click.group("bootimage", cls=BootImageGroup)
def bootimage_command() -> None:
    """Look into and change boot images: a Windows PE in a WIM, such as boot.wim of a Windows medium, or winre.wim.

    Nothing is mounted, and no Windows is needed.
    """
