"""``catalog:NAME``: drivers that are named in a catalog, where others are named by a path.

NAME is that of a driver, a package or a category; ``catalog:driver:NAME``, ``catalog:package:NAME`` and
``catalog:category:NAME`` say which, where several things bear it.  Without a name all drivers are meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog,
    all_drivers,
    driver_number,
    drivers_of,
    files_of,
    find_driver,
)
from osdimage.imaging.drivers.store.exporting import folders_of
from osdimage.imaging.drivers.store.records import CatalogDriver, folded
from osdimage.imaging.drivers.store.source import CatalogFiles
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted

PREFIX = "catalog:"


class AddressKind(StrEnum):
    """What a name in a catalog is of."""

    DRIVER = "driver"
    PACKAGE = "package"
    CATEGORY = "category"
    ALL = "catalog"
    """No name: all drivers."""


_NAMED = (AddressKind.DRIVER, AddressKind.PACKAGE, AddressKind.CATEGORY)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The drivers that an address names.

    Attributes:
        kind: what was named.
        packages: the drivers, as packages are that lie in a folder; the catalog need not stay open.
        names: the name of each in the catalog.
        left_out: the names of those in it that are disabled.
    """

    kind: AddressKind
    packages: tuple[DriverPackage, ...]
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def is_address(text: str) -> bool:
    """Tell whether a text names something in a catalog."""
    return text.lower().startswith(PREFIX)


def resolve(address: str, catalog: DriverCatalog) -> Resolved:
    """Return the drivers that an address names.

    Args:
        address: ``catalog:NAME``, or without the prefix.
        catalog: with them.

    Raises:
        InvalidRequest: when nothing or several things are called so, a driver is disabled, or all of a package are.
        InvalidInput: when the catalog is damaged, or an INF in it is.
        StorageError: when it cannot be read.
        TargetRefused: when another process does not let go of it in time.
    """
    named = _named(address, catalog, with_disabled=False)
    names = tuple(each.name for each in named.drivers)
    return Resolved(named.kind, packages_of(catalog, named.drivers), names, named.left_out)


def supply_of(address: str, catalog: DriverCatalog, *, with_disabled: bool = False) -> Supply:
    """Return the drivers that an address names as driver files, each in a folder of its own where there are several.

    Args:
        address: as for :func:`resolve`.
        catalog: with them; it need not stay open.
        with_disabled: whether those are in it, too.

    Raises:
        InvalidRequest, InvalidInput, StorageError, TargetRefused: as :func:`resolve`.
    """
    named = _named(address, catalog, with_disabled=with_disabled)
    notes = tuple(f"driver {each} of the catalog is disabled, and left out" for each in named.left_out)
    files = [files_of(catalog, driver_number(catalog, each.name)) for each in named.drivers]
    if named.kind is AddressKind.DRIVER:
        (driver,) = named.drivers
        one = CatalogFiles(address, catalog.contents, files[0], lay_in={"": driver.folders_that_count})
        return Supply(one, driver.inf, address, is_inf=True)
    folders = list(folders_of(named.drivers))
    placed = [
        replace(file, path=f"{folder}/{file.path}")
        for (folder, _), own in zip(folders, files, strict=True)
        for file in own
    ]
    lay_in = {folder: each.folders_that_count for folder, each in folders}
    return Supply(CatalogFiles(address, catalog.contents, placed, lay_in=lay_in), "", address, notes=notes)


def resolved_driver(address: str, catalog: DriverCatalog) -> CatalogDriver | None:
    """Return the driver that an address names, also a disabled one; None when it may name several; errors as above."""
    kind, name = _kind_of(address, catalog)
    return find_driver(catalog, name) if kind is AddressKind.DRIVER else None


@dataclass(frozen=True, slots=True)
class _Named:
    kind: AddressKind
    drivers: tuple[CatalogDriver, ...]
    left_out: tuple[str, ...] = ()


def _named(address: str, catalog: DriverCatalog, *, with_disabled: bool) -> _Named:
    kind, name = _kind_of(address, catalog)
    if kind is AddressKind.DRIVER:
        driver = find_driver(catalog, name)
        if not (driver.is_enabled or with_disabled):
            remedy = Remedy("{} enables it", (Means.ENABLE_DRIVER,), (driver.name,))
            raise InvalidRequest(f"{catalog.path}: driver {quoted(driver.name)} is disabled", remedy=remedy)
        return _Named(kind, (driver,))
    members = all_drivers(catalog) if kind is AddressKind.ALL else _members(catalog, kind, name)
    chosen = tuple(each for each in members if each.is_enabled or with_disabled)
    if not chosen:
        whole = f"{kind} {quoted(name)}" if name else "the catalog"
        raise InvalidRequest(f"{catalog.path}: {whole} has no driver that is enabled")
    return _Named(kind, chosen, tuple(each.name for each in members if each not in chosen))


def packages_of(catalog: DriverCatalog, drivers: Iterable[CatalogDriver]) -> tuple[DriverPackage, ...]:
    """Return drivers of a catalog as packages are that lie in a folder; errors as :func:`resolve`."""
    found: list[DriverPackage] = []
    for each in drivers:
        files = files_of(catalog, driver_number(catalog, each.name))
        lay_in = {"": each.folders_that_count}
        source = CatalogFiles(f"{PREFIX}{each.name}", catalog.contents, files, lay_in=lay_in)
        found += packages_in(source, each.inf)
    return tuple(found)


def package_of(catalog: DriverCatalog, name: str) -> DriverPackage:
    """Return the driver of a name as a package, also when it is disabled; errors as :func:`resolve`."""
    (found,) = packages_of(catalog, [find_driver(catalog, name)])
    return found


def _kind_of(address: str, catalog: DriverCatalog) -> tuple[AddressKind, str]:
    name = address[len(PREFIX) :] if is_address(address) else address
    if not name.strip():
        return AddressKind.ALL, ""
    for kind in _NAMED:
        if name.lower().startswith(f"{kind}:"):
            return kind, name[len(kind) + 1 :].strip()
    name = name.strip()
    found = [kind for kind in _NAMED if _is_there(catalog, kind, name)]
    if len(found) == 1:
        return found[0], name
    if found:
        several = " and ".join(f"a {kind}" for kind in found)
        valid = " or ".join(f"{PREFIX}{kind}:{name}" for kind in found)
        raise InvalidRequest(f"{catalog.path}: {quoted(name)} is {several}; valid is {valid}")
    remedy = Remedy(
        "{} names drivers and their categories, {} packages", (Means.LIST_DRIVERS, Means.LIST_DRIVER_PACKAGES)
    )
    raise InvalidRequest(f"{catalog.path}: there is no driver, package or category {quoted(name)}", remedy=remedy)


def _is_there(catalog: DriverCatalog, kind: AddressKind, name: str) -> bool:
    # The tables are called as the kinds are.
    query = f"SELECT 1 FROM {kind} WHERE folded = ?"  # noqa: S608
    return bool(catalog.database.rows(query, [folded(name)]))


def _members(catalog: DriverCatalog, kind: AddressKind, name: str) -> list[CatalogDriver]:
    database = catalog.database
    if not _is_there(catalog, kind, name):
        raise InvalidRequest(f"{catalog.path}: there is no {kind} {quoted(name)}")
    query = {
        AddressKind.PACKAGE: "SELECT driver FROM member JOIN package ON id = package WHERE folded = ?",
        AddressKind.CATEGORY: "SELECT driver FROM driver_category JOIN category ON id = category WHERE folded = ?",
    }[kind]
    return drivers_of(catalog, [database.number(row[0]) for row in database.rows(query, [folded(name)])])
