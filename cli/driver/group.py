"""``osdimage driver``: the group of verbs for drivers.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage driver --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("driver.check", "Look for what keeps Windows from installing drivers."),
    "add": ("driver.add", "Bring drivers into a Windows: a disk, an image, a folder."),
    "match": ("driver.match", "Find the best drivers for the devices of a computer."),
    "show": ("driver.show", "Show what drivers are for, and what they install."),
    "installed": ("driver.installed", "List the drivers of others that a Windows has."),
    "export-installed": ("driver.export_installed", "Take the drivers of others out of a Windows."),
    "import": ("driver.import_", "Take drivers into a catalog."),
    "list": ("driver.list", "List the drivers of a catalog."),
    "set": ("driver.set", "Enable a driver, categorize it, say which Windows it is for."),
    "remove": ("driver.remove", "Take drivers out of a catalog."),
    "package": ("driver.package.group", "Gather drivers in packages: create, add, export and more."),
}


class DriverGroup(LazyGroup):
    """The verbs for drivers."""

    table = COMMANDS
    above = ("driver",)


@click.group("driver", cls=DriverGroup)
def driver_command() -> None:
    """Bring drivers into a Windows, look into them, find the best, and keep them in a catalog."""
