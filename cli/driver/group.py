"""``osdimage driver``: the group of verbs for drivers.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage driver --help` says).  The module has the command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "match": ("driver.match", "Find the best drivers for the devices of a computer."),
    "show": ("driver.show", "Show what drivers are for, and what they install."),
    "installed": ("driver.installed", "List the drivers of others that a Windows has."),
    "export-installed": ("driver.export_installed", "Take the drivers of others out of a Windows."),
}


class DriverGroup(LazyGroup):
    """The verbs for drivers."""

    table = COMMANDS
    above = ("driver",)


@click.group("driver", cls=DriverGroup)
def driver_command() -> None:
    """Look into drivers of Windows: INF files, in folders, archives and on discs, and those that a Windows has."""
