"""Where the steps of drivers take them from: the files of a package of the sequence."""

from __future__ import annotations

from contextlib import ExitStack

from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.supplied.opened import Supply, open_supply
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.machine import Machine


def drivers_of_package(stack: ExitStack, machine: Machine, package_id: str) -> list[DriverPackage]:
    """Return the drivers of a driver package: all below a folder, on a disc or in an archive.

    Raises:
        InvalidRequest: when the package was not mapped.
        InvalidInput: when there is no driver in it, or an INF cannot be read.
        StorageError: when it cannot be read.
    """
    supply = supply_of(stack, machine, package_id)
    found = packages_in(supply.files, supply.folder)
    if not found:
        raise InvalidInput(f"{supply.name}: holds no driver: no INF of one is in it")
    return found


def supply_of(stack: ExitStack, machine: Machine, package_id: str) -> Supply:
    """Open the files of a driver package.

    Raises:
        InvalidRequest: when the package was not mapped.
        InvalidInput, StorageError: when it cannot be read.
    """
    return stack.enter_context(open_supply(machine.package(package_id)))
