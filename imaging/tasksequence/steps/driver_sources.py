"""Where the steps of drivers take them from: the catalog, or the files of a package of the sequence."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.store.addresses import packages_of, resolve
from osdimage.imaging.drivers.store.catalog import DriverCatalog, all_drivers, categories, default_catalog, open_catalog
from osdimage.imaging.drivers.store.records import folded
from osdimage.imaging.drivers.supplied.opened import Supply, open_supply
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine

_SHOWN = 10


def catalog_path(machine: Machine) -> Path:
    """Return the catalog that a machine takes drivers from: its own, or that of the person."""
    return default_catalog() if machine.catalog is None else machine.catalog


def open_drivers(stack: ExitStack, machine: Machine, wanted: Sequence[str]) -> DriverCatalog:
    """Open the catalog of a machine, which must have these categories.

    Raises:
        InvalidRequest: when there is no catalog, or no such category; names those that there are.
        InvalidInput, StorageError, TargetRefused: when the catalog cannot be read.
    """
    catalog = stack.enter_context(open_catalog(catalog_path(machine)))
    there = categories(catalog)
    missing = {folded(each): each for each in wanted}.keys() - {folded(each) for each in there}
    if missing:
        first = next(each for each in wanted if folded(each) in missing)
        known = ", ".join(there[:_SHOWN]) or "none"
        raise InvalidRequest(f"{catalog.path}: there is no category {quoted(first)}; there are: {known}")
    return catalog


def drivers_in(catalog: DriverCatalog, wanted: Sequence[str]) -> tuple[DriverPackage, ...]:
    """Return the enabled drivers of a catalog that are in any of the categories; without categories, all.

    Raises:
        InvalidInput, StorageError, TargetRefused: when the catalog, or an INF in it, cannot be read.
    """
    asked = {folded(each) for each in wanted}
    found = (each for each in all_drivers(catalog) if each.is_enabled)
    return packages_of(
        catalog, (each for each in found if not asked or not asked.isdisjoint(map(folded, each.categories)))
    )


def drivers_of_package(stack: ExitStack, machine: Machine, package_id: str) -> Sequence[DriverPackage]:
    """Return the drivers of a driver package: those that an address of the catalog names, or all below a folder.

    Raises:
        InvalidRequest: when the package was not mapped, or the catalog has nothing of that name.
        InvalidInput: when there is no driver in it, or an INF cannot be read.
        StorageError, TargetRefused: when it cannot be read.
    """
    address = machine.driver_package(package_id)
    if address is not None:
        return resolve(address, stack.enter_context(open_catalog(catalog_path(machine)))).packages
    supply = supply_of(stack, machine, package_id)
    found = packages_in(supply.files, supply.folder)
    if not found:
        raise InvalidInput(f"{supply.name}: holds no driver: no INF of one is in it")
    return found


def supply_of(stack: ExitStack, machine: Machine, package_id: str) -> Supply:
    """Open the files of a driver package: a folder, a disc or an archive.

    Raises:
        InvalidRequest: when the package was not mapped, or is one of the catalog.
        InvalidInput, StorageError: when it cannot be read.
    """
    return stack.enter_context(open_supply(machine.package(package_id)))
