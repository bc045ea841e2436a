"""The named packages of a catalog: drivers that are used together, such as all of one model of computer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog,
    driver_number,
    drivers_of,
    moment,
    note,
)
from osdimage.imaging.drivers.store.records import CatalogDriver, CatalogPackage, checked_name, folded
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.units import counted

_LONGEST_DESCRIPTION = 4096


def all_packages(catalog: DriverCatalog) -> list[CatalogPackage]:
    """Return all packages by name.

    Raises:
        InvalidInput: when the catalog is damaged.
        StorageError: when it cannot be read.
        TargetRefused: when another process does not let go of it in time.
    """
    database = catalog.database
    with database.snapshot():
        rows = database.rows("SELECT id, name FROM package ORDER BY folded")
        return [_package(catalog, database.number(row[0])) for row in rows]


def find_package(catalog: DriverCatalog, name: str) -> CatalogPackage:
    """Return the package of a name, whatever its case.

    Raises:
        InvalidRequest: when there is none.
        InvalidInput, StorageError, TargetRefused: as :func:`all_packages`.
    """
    with catalog.database.snapshot():
        return _package(catalog, package_number(catalog, name))


def members_of(catalog: DriverCatalog, name: str) -> list[CatalogDriver]:
    """Return the drivers of a package by name; errors as :func:`find_package`."""
    with catalog.database.snapshot():
        return _members(catalog, package_number(catalog, name))


def create_package(
    catalog: DriverCatalog,
    name: str,
    *,
    description: str = "",
    drivers: Collection[str] = (),
    now: datetime | None = None,
) -> CatalogPackage:
    """Make a package of drivers, which may be none yet.

    Raises:
        InvalidRequest: when there is one of this name, a driver is not there, or is disabled.
        InvalidInput, StorageError, TargetRefused: as :func:`all_packages`.
    """
    now = datetime.now(UTC) if now is None else now
    with catalog.database.transaction():
        if catalog.database.rows("SELECT 1 FROM package WHERE folded = ?", [folded(name.strip())]):
            raise InvalidRequest(f"{catalog.path}: there is a package {quoted(name)} already")
        number = package_number(catalog, name, makes=True, description=description, now=now)
        _add(catalog, number, name, drivers, now)
        return _package(catalog, number)


def delete_package(catalog: DriverCatalog, name: str, *, now: datetime | None = None) -> CatalogPackage:
    """Delete a package; its drivers stay in the catalog.  Return what it was; errors as :func:`find_package`."""
    with catalog.database.transaction():
        number = package_number(catalog, name)
        package = _package(catalog, number)
        catalog.database.change("DELETE FROM package WHERE id = ?", [number])
        note(catalog, "package", package.name, "deleted", datetime.now(UTC) if now is None else now)
    return package


def add_to_package(
    catalog: DriverCatalog, name: str, drivers: Collection[str], *, now: datetime | None = None
) -> CatalogPackage:
    """Put drivers into a package; one that is in it already stays.

    Raises:
        InvalidRequest: when there is no such package or driver, or a driver is disabled.
        InvalidInput, StorageError, TargetRefused: as :func:`all_packages`.
    """
    with catalog.database.transaction():
        number = package_number(catalog, name)
        _add(catalog, number, name, drivers, datetime.now(UTC) if now is None else now)
        return _package(catalog, number)


def remove_from_package(
    catalog: DriverCatalog, name: str, drivers: Collection[str], *, now: datetime | None = None
) -> CatalogPackage:
    """Take drivers out of a package; they stay in the catalog.

    Raises:
        InvalidRequest: when there is no such package, or a driver is not in it.
        InvalidInput, StorageError, TargetRefused: as :func:`all_packages`.
    """
    database = catalog.database
    with database.transaction():
        package = package_number(catalog, name)
        for each in drivers:
            number = driver_number(catalog, each)
            if not database.rows("SELECT 1 FROM member WHERE package = ? AND driver = ?", [package, number]):
                raise InvalidRequest(f"{catalog.path}: driver {quoted(each)} is not in package {quoted(name)}")
            database.change("DELETE FROM member WHERE package = ? AND driver = ?", [package, number])
        _note_count(catalog, name, "taken out", drivers, datetime.now(UTC) if now is None else now)
        return _package(catalog, package)


# ---- inside a transaction


def package_number(
    catalog: DriverCatalog, name: str, *, makes: bool = False, description: str = "", now: datetime | None = None
) -> int:
    """Return the row of a package; with ``makes`` it is made when it is missing.

    Raises:
        InvalidRequest: when there is none, or the name or the description is none.
    """
    database = catalog.database
    rows = database.rows("SELECT id FROM package WHERE folded = ?", [folded(name.strip())])
    if rows:
        return database.number(rows[0][0])
    if not makes:
        remedy = Remedy("{} names them", (Means.LIST_DRIVER_PACKAGES,))
        raise InvalidRequest(f"{catalog.path}: there is no package {quoted(name)}", remedy=remedy)
    name = checked_name(name, "package")
    if len(description) > _LONGEST_DESCRIPTION:
        raise InvalidRequest(f"the description of a package has at most {_LONGEST_DESCRIPTION:,} characters")
    now = datetime.now(UTC) if now is None else now
    note(catalog, "package", name, "created", now)
    return database.change(
        "INSERT INTO package (name, folded, description, created) VALUES (?, ?, ?, ?)",
        [name, folded(name), description, int(now.timestamp())],
    )


def add_members(catalog: DriverCatalog, package: int, name: str, drivers: Collection[int], *, now: datetime) -> None:
    """Put the drivers of rows, which are enabled, into the package of a row."""
    catalog.database.change_many("INSERT OR IGNORE INTO member VALUES (?, ?)", ((package, each) for each in drivers))
    _note_count(catalog, name, "added", drivers, now)


def _add(catalog: DriverCatalog, package: int, name: str, drivers: Iterable[str], now: datetime) -> None:
    numbers = []
    for each in drivers:
        number = driver_number(catalog, each)
        if not catalog.database.rows("SELECT 1 FROM driver WHERE id = ? AND enabled", [number]):
            remedy = Remedy("{} enables it", (Means.ENABLE_DRIVER,), (each,))
            raise InvalidRequest(
                f"{catalog.path}: driver {quoted(each)} is disabled, and only enabled ones can be added", remedy=remedy
            )
        numbers.append(number)
    if numbers:
        add_members(catalog, package, name, numbers, now=now)


def _note_count(catalog: DriverCatalog, name: str, what: str, drivers: Collection[object], now: datetime) -> None:
    note(catalog, "package", name.strip(), f"{counted(len(drivers), 'driver')} {what}", now)


def _package(catalog: DriverCatalog, number: int) -> CatalogPackage:
    database = catalog.database
    row = database.rows("SELECT name, description, created FROM package WHERE id = ?", [number])[0]
    drivers = _members(catalog, number)
    return CatalogPackage(
        name=database.text(row[0]),
        description=database.text(row[1]),
        created=moment(database, row[2]),
        drivers=tuple(each.name for each in drivers),
        disabled=tuple(each.name for each in drivers if not each.is_enabled),
        size=sum(each.size for each in drivers),
    )


def _members(catalog: DriverCatalog, number: int) -> list[CatalogDriver]:
    database = catalog.database
    rows = database.rows("SELECT driver FROM member WHERE package = ?", [number])
    return drivers_of(catalog, [database.number(row[0]) for row in rows])
