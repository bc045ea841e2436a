"""``osdimage registry``: the group of verbs for hives.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage registry --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "get": ("registry.get", "Show a key, or one value."),
    "set": ("registry.set", "Set a value, or delete a value or a key."),
    "import": ("registry.import_", "Do what a .reg file says."),
    "export": ("registry.export", "Write a key and all below it as a .reg file."),
}


class RegistryGroup(LazyGroup):
    """The verbs for hives."""

    table = COMMANDS
    above = ("registry",)


@click.group("registry", cls=RegistryGroup)
def registry_command() -> None:
    r"""Read and change the registry of a Windows that does not run.

    TARGET is a hive's own file, or with --hive what holds it: a disk (with --partition), a file or device with one
    volume, or a WIM.  Keys are named as in the hive, or with their whole path such as HKLM\SYSTEM\Setup;
    CurrentControlSet is the control set that Windows starts with.
    """
