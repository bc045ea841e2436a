"""``osdimage driver package``: the group of verbs for packages.  Each verb is imported when it is used."""

from __future__ import annotations

import click
from osdimage.cli.lazy import LazyGroup

# name: (module of this package, what `osdimage driver package --help` says).
COMMANDS: dict[str, tuple[str, str]] = {
    "create": ("driver.package.create", "Make a package of drivers."),
    "add": ("driver.package.add", "Put drivers into a package."),
    "remove": ("driver.package.remove", "Take drivers out of a package."),
    "list": ("driver.package.list", "List the packages."),
    "show": ("driver.package.show", "Show what is in a package."),
    "delete": ("driver.package.delete", "Delete a package; its drivers stay."),
    "export": ("driver.package.export", "Write a package as a folder or ZIP, as DISM takes it."),
}


class PackageGroup(LazyGroup):
    """The verbs for packages."""

    table = COMMANDS
    above = ("driver", "package")


@click.group("package", cls=PackageGroup)
def package_command() -> None:
    """Gather drivers of a catalog in named packages, such as one for each model of computer.

    Only enabled drivers can be put into a package.
    """
