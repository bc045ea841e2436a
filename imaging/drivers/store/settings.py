"""Changing what a catalog says of a driver, and taking drivers out of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog,
    category_number,
    driver_number,
    drivers_of,
    files_of,
    note,
    remove_unnamed,
)
from osdimage.imaging.drivers.store.platforms import Applicability, Platform
from osdimage.imaging.drivers.store.records import CatalogDriver, folded
from osdimage.imaging.errors import InvalidRequest, quoted


@dataclass(frozen=True, slots=True)
class DriverChange:
    """What becomes of a driver.

    Attributes:
        enabled: whether it is then; None to leave it.
        joins: the categories to which it belongs then, too; those that are missing are made.
        leaves: the categories to which it does not belong then.
        applicability: what tells which Windows it is for; None to leave it.
        platforms: those that a person has chosen, where these tell.
    """

    enabled: bool | None = None
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    applicability: Applicability | None = None
    platforms: tuple[Platform, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return self == DriverChange()


def change_driver(
    catalog: DriverCatalog, name: str, change: DriverChange, *, now: datetime | None = None
) -> CatalogDriver:
    """Change what a catalog says of a driver; return what it says then.

    A driver that is disabled stays in its packages, and is left out of what is made of them.

    Raises:
        InvalidRequest: when there is no such driver, or it is not in a category that it is to leave.
        InvalidInput: when the catalog is damaged.
        StorageError: when it cannot be read or written; nothing was changed.
        TargetRefused: when another process does not let go of it in time; nothing was changed.
    """
    now = datetime.now(UTC) if now is None else now
    database = catalog.database
    with database.transaction():
        number = driver_number(catalog, name)
        (before,) = drivers_of(catalog, [number])
        if change.enabled is not None and change.enabled is not before.is_enabled:
            database.change("UPDATE driver SET enabled = ? WHERE id = ?", [int(change.enabled), number])
            note(catalog, "driver", before.name, "enabled" if change.enabled else "disabled", now)
        _change_categories(catalog, number, before, change, now)
        if change.applicability is not None:
            _set_platforms(catalog, number, before, change, now)
        return drivers_of(catalog, [number])[0]


def _change_categories(
    catalog: DriverCatalog, number: int, before: CatalogDriver, change: DriverChange, now: datetime
) -> None:
    has = {folded(each) for each in before.categories}
    for each in change.leaves:
        if folded(each) not in has:
            raise InvalidRequest(f"{catalog.path}: driver {quoted(before.name)} is not in category {quoted(each)}")
        kind = category_number(catalog, each)
        catalog.database.change("DELETE FROM driver_category WHERE driver = ? AND category = ?", [number, kind])
        note(catalog, "driver", before.name, f"left category {each}", now)
    for each in change.joins:
        if folded(each) not in has:
            kind = category_number(catalog, each)
            catalog.database.change("INSERT OR IGNORE INTO driver_category VALUES (?, ?)", [number, kind])
            note(catalog, "driver", before.name, f"joined category {each}", now)
    _drop_empty_categories(catalog)


def _set_platforms(
    catalog: DriverCatalog, number: int, before: CatalogDriver, change: DriverChange, now: datetime
) -> None:
    assert change.applicability is not None  # noqa: S101 - the caller has looked
    platforms = sorted({str(each) for each in change.platforms})
    if (change.applicability, platforms) == (before.applicability, sorted(map(str, before.platforms))):
        return
    database = catalog.database
    database.change("UPDATE driver SET applies = ? WHERE id = ?", [change.applicability.value, number])
    database.change("DELETE FROM platform WHERE driver = ?", [number])
    database.change_many("INSERT INTO platform VALUES (?, ?)", ((number, each) for each in platforms))
    note(catalog, "driver", before.name, f"platforms: {', '.join(platforms) or change.applicability.value}", now)


def remove_drivers(
    catalog: DriverCatalog, names: Collection[str], *, now: datetime | None = None
) -> tuple[CatalogDriver, ...]:
    """Take drivers out of a catalog and out of its packages, with the contents that no other driver has.

    Raises:
        InvalidRequest: when one of them is not there; nothing was changed.
        InvalidInput: when the catalog is damaged.
        StorageError: when it cannot be written; nothing was changed.
        TargetRefused: when another process does not let go of it in time; nothing was changed.
    """
    now = datetime.now(UTC) if now is None else now
    database = catalog.database
    # A process that is killed between the two transactions leaves this folder, and the next one looks.
    with catalog.contents.work() as work:
        with database.transaction():
            numbers = dict.fromkeys(driver_number(catalog, each) for each in names)
            removed = drivers_of(catalog, numbers)
            digests = {file.sha256 for each in numbers for file in files_of(catalog, each)}
            database.change_many("DELETE FROM driver WHERE id = ?", ((each,) for each in numbers))
            _drop_empty_categories(catalog)
            for each in removed:
                note(catalog, "driver", each.name, "removed", now)
        # They are out of the catalog: that a content is still there is nobody's trouble.
        remove_unnamed(catalog, digests, work)
    return tuple(removed)


def _drop_empty_categories(catalog: DriverCatalog) -> None:
    catalog.database.change("DELETE FROM category WHERE id NOT IN (SELECT category FROM driver_category)")
