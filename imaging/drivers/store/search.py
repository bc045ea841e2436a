"""Finding drivers of a catalog: by what they are, for a Windows, for ids of devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from osdimage.imaging.drivers.inf.decorations import Decoration, best_of
from osdimage.imaging.drivers.ranking.index import fold_id
from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog,
    drivers_of,
    read_applicability,
    read_platform,
)
from osdimage.imaging.drivers.store.database import Database
from osdimage.imaging.drivers.store.platforms import Applicability, Platform
from osdimage.imaging.drivers.store.records import CatalogDriver
from osdimage.imaging.drivers.target_os import Architecture, TargetOs

_LAST = "\U0010ffff"
_SECTIONS = (
    "SELECT driver, entry, id, decoration, models > 0 FROM section JOIN chosen USING (driver) ORDER BY driver, entry"
)


@dataclass(frozen=True, slots=True)
class DriverFilter:
    """Which drivers are wanted; None leaves it open.  Texts are compared without case, and may have ``*`` and ``?``.

    Attributes:
        class_name: such as ``Net``.
        category: one to which it belongs.
        provider: who gives it out.
        os: a Windows that it is for.
        architecture: one that it is for, whatever the version of Windows.
        id: what an id that it serves begins with.
        enabled: whether it is.
    """

    class_name: str | None = None
    category: str | None = None
    provider: str | None = None
    os: TargetOs | None = None
    architecture: Architecture | None = None
    id: str | None = None
    enabled: bool | None = None

    def fits(self, driver: CatalogDriver) -> bool:
        """Tell whether a driver is wanted, as far as its record tells."""
        return (
            _fits(self.class_name, (driver.class_name or "",))
            and _fits(self.category, driver.categories)
            and _fits(self.provider, (driver.provider or "",))
            and self.enabled in {None, driver.is_enabled}
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The Models section that a Windows takes of an entry in ``[Manufacturer]``.

    Attributes:
        driver: the row of the driver.
        section: the row of the section.
        decoration: of the section.
        by_person: a person, not the INF, says that the driver is for this Windows.
    """

    driver: int
    section: int
    decoration: str
    by_person: bool


def find_drivers(catalog: DriverCatalog, wanted: DriverFilter | None = None) -> list[CatalogDriver]:
    """Return the drivers that are wanted, by name.

    Raises:
        InvalidInput: when the catalog is damaged.
        StorageError: when it cannot be read.
        TargetRefused: when another process does not let go of it in time.
    """
    wanted = DriverFilter() if wanted is None else wanted
    database = catalog.database
    with database.snapshot():
        numbers = {database.number(row[0]) for row in database.rows("SELECT id FROM driver")}
        if wanted.id is not None:
            numbers &= _serving(database, wanted.id)
        if wanted.os is not None:
            numbers &= {each.driver for each in chosen_sections(database, numbers, wanted.os)}
        if wanted.architecture is not None:
            numbers &= _for_architecture(database, numbers, wanted.architecture)
        return [each for each in drivers_of(catalog, numbers) if wanted.fits(each)]


def _fits(pattern: str | None, values: Iterable[str]) -> bool:
    if pattern is None:
        return True
    # A bracket stands for itself, as in "(R)" and "[64]".
    escaped = pattern.casefold().replace("[", "[[]")
    return any(fnmatchcase(each.casefold(), escaped) for each in values)


def _serving(database: Database, start: str) -> set[int]:
    first = fold_id(start.strip())
    rows = database.rows(
        "SELECT DISTINCT driver FROM model JOIN section ON section.id = section WHERE folded >= ? AND folded < ?",
        [first, first + _LAST],
    )
    return {database.number(row[0]) for row in rows}


def chosen_sections(database: Database, numbers: Iterable[int], os: TargetOs) -> list[Chosen]:
    """Return the sections of models, none of them empty, that a Windows takes of the drivers of rows.

    Where a person has said that a driver is for this Windows and its INF has nothing for it, the section of the
    architecture that is for the highest version takes its place; whether Windows takes the driver, it decides itself.
    Where a person has listed others, it takes nothing.
    """
    database.choose(numbers)
    rules = _rules(database)
    found = []
    # Thousands of drivers name the same few platforms.
    known: dict[tuple[object, ...], tuple[int, bool] | None] = {}
    for (row, _), rows in groupby(database.rows(_SECTIONS), key=itemgetter(0, 1)):
        driver, sections = database.number(row), list(rows)
        applicability, platforms = rules[driver]
        if applicability is Applicability.LISTED and not any(each.fits(os) for each in platforms):
            continue
        named = tuple((each[3], each[4]) for each in sections)
        key = (applicability is Applicability.INF, *named)
        if key not in known:
            texts = [(database.text(text), bool(models)) for text, models in named]
            known[key] = _taken(texts, os, by_inf=applicability is Applicability.INF)
        taken = known[key]
        if taken is not None:
            section = sections[taken[0]]
            number = database.number(section[2])
            found.append(Chosen(driver, number, database.text(section[3]), taken[1]))
    return found


def _taken(named: list[tuple[str, bool]], os: TargetOs, *, by_inf: bool) -> tuple[int, bool] | None:
    """Return which of decorations, each with whether it has models, a Windows takes, and whether a person says so."""
    parsed = {made: at for at, (text, _) in enumerate(named) if (made := _decoration(text)) is not None}
    best = best_of(parsed, os)
    if best is not None and named[parsed[best]][1]:
        return parsed[best], False
    nearest = None if by_inf else _nearest([made for made, at in parsed.items() if named[at][1]], os)
    return None if nearest is None else (parsed[nearest], True)


def _rules(database: Database) -> dict[int, tuple[Applicability, list[Platform]]]:
    """Return of each chosen driver what tells which Windows it is for."""
    platforms = defaultdict(list)
    for row in database.rows("SELECT driver, platform FROM platform JOIN chosen USING (driver)"):
        platforms[row[0]].append(read_platform(database, database.text(row[1])))
    return {
        database.number(row[0]): (read_applicability(database, row[1]), platforms[row[0]])
        for row in database.rows("SELECT id, applies FROM driver JOIN chosen ON driver = id")
    }


def _nearest(decorations: Iterable[Decoration], os: TargetOs) -> Decoration | None:
    """Return the decoration that is for the highest version of Windows on an architecture."""
    fitting = (each for each in decorations if each.runs_on is os.architecture)
    return max(fitting, key=lambda each: (each.version, each.build or 0), default=None)


def _for_architecture(database: Database, numbers: Iterable[int], wanted: Architecture) -> set[int]:
    """Return those of drivers that are for an architecture, as their INFs say or persons have listed."""
    database.choose(numbers)
    rules = _rules(database)
    found = {
        driver
        for driver, (applicability, platforms) in rules.items()
        if applicability is Applicability.ANY or any(each.architecture is wanted for each in platforms)
    }
    listed = {driver for driver, (applicability, _) in rules.items() if applicability is Applicability.LISTED}
    for row in database.rows("SELECT driver, decoration FROM section JOIN chosen USING (driver) WHERE models > 0"):
        decoration = _decoration(database.text(row[1]))
        if decoration and row[0] not in listed and decoration.runs_on is wanted:
            found.add(database.number(row[0]))
    return found


@lru_cache(maxsize=4096)
def _decoration(text: str) -> Decoration | None:
    return Decoration.parse(text) if text else Decoration()
