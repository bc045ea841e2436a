"""A catalog, open: its file and its folder of contents, and what both say together."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from osdimage.imaging.drivers.inf.version import DriverVersion
from osdimage.imaging.drivers.store.contents import Contents, Work
from osdimage.imaging.drivers.store.database import BUSY_SECONDS, Database
from osdimage.imaging.drivers.store.platforms import Applicability, Platform
from osdimage.imaging.drivers.store.records import (
    CatalogDriver,
    Happening,
    StoredFile,
    checked_name,
    folded,
)
from osdimage.imaging.drivers.store.works import remove_folders
from osdimage.imaging.errors import InvalidRequest, Means, OsdImageError, Remedy, quoted
from osdimage.imaging.files import split_path

_MOST_OF_VERSION = 0xFFFF
_ALL = "SELECT id FROM driver"
_DRIVERS = (
    "SELECT id, name, inf, class_name, class_guid, provider, date, version, signed, enabled, applies, digest,"
    " imported FROM driver JOIN chosen ON driver = id ORDER BY folded"
)
# Folders, decorations, chosen platforms, categories and packages of the chosen drivers.
_TEXTS = (
    "SELECT driver, folder FROM variant JOIN chosen USING (driver) ORDER BY folder",
    "SELECT driver, decoration FROM section JOIN chosen USING (driver) WHERE models > 0 ORDER BY id",
    "SELECT driver, platform FROM platform JOIN chosen USING (driver) ORDER BY platform",
    (
        "SELECT driver, name FROM driver_category JOIN chosen USING (driver) JOIN category ON id = category"
        " ORDER BY folded"
    ),
    "SELECT driver, name FROM member JOIN chosen USING (driver) JOIN package ON id = package ORDER BY folded",
)


@dataclass(frozen=True, slots=True)
class DriverCatalog:
    """A catalog, open.

    Attributes:
        database: the file with what is known of the drivers.
        contents: the folder with their files.
    """

    database: Database
    contents: Contents

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.database.path


def default_catalog() -> Path:
    """Return the catalog of a person: ``$OSDIMAGE_CATALOG``, or ``osdimage/drivers.db`` in ``$XDG_DATA_HOME``."""
    chosen = os.environ.get("OSDIMAGE_CATALOG")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "osdimage" / "drivers.db"


@contextmanager
def open_catalog(
    path: str | os.PathLike[str] | None = None,
    *,
    writes: bool = False,
    creates: bool = False,
    busy_s: float = BUSY_SECONDS,
) -> Iterator[DriverCatalog]:
    """Open a catalog, and yield it.

    Args:
        path: of its file; None for that of the person, see :func:`default_catalog`.
        writes: whether it is to be changed; what killed processes left in its folder is removed first.
        creates: whether it is made when it is missing, with the folders above it, by the first change.
        busy_s: how many seconds are waited for another process that changes it.

    Raises:
        InvalidRequest: when there is none.
        InvalidInput: when it is no catalog, a damaged one, or one of a newer version.
        StorageError: when it cannot be read or made.
        TargetRefused: when another process does not let go of it in time.
    """
    path = default_catalog() if path is None else Path(path)
    with Database(path, writes=writes or creates, creates=creates, busy_s=busy_s) as database:
        catalog = DriverCatalog(database, Contents(path))
        if database.writes:
            _sweep(catalog)
        yield catalog


def _sweep(catalog: DriverCatalog) -> None:
    """Remove what processes left that were killed while they added or removed contents."""
    with catalog.contents.left_behind() as dead:
        if not dead or not catalog.database.is_there:
            return
        with catalog.database.transaction():
            named = {row[0] for row in catalog.database.rows("SELECT DISTINCT sha256 FROM file")}
            catalog.contents.remove(digest for digest in catalog.contents.all() if digest not in named)
        remove_folders(dead)


def remove_unnamed(catalog: DriverCatalog, digests: AbstractSet[str], work: Work) -> None:
    """Remove those of contents that no driver has; where the catalog cannot be held, the next one who does looks."""
    try:
        with catalog.database.held():
            named = {row[0] for row in catalog.database.rows("SELECT DISTINCT sha256 FROM file")}
            catalog.contents.remove(digests - named)
    except OsdImageError:
        work.keep()


# ---- reading


def all_drivers(catalog: DriverCatalog) -> list[CatalogDriver]:
    """Return all drivers by name.

    Raises:
        InvalidInput: when the catalog is damaged.
        StorageError, TargetRefused: as :func:`open_catalog`.
    """
    with catalog.database.snapshot():
        return drivers_of(catalog, [catalog.database.number(row[0]) for row in catalog.database.rows(_ALL)])


def find_driver(catalog: DriverCatalog, name: str) -> CatalogDriver:
    """Return the driver of a name, whatever its case.

    Raises:
        InvalidRequest: when there is none.
        InvalidInput, StorageError, TargetRefused: as :func:`all_drivers`.
    """
    with catalog.database.snapshot():
        number = driver_number(catalog, name)
        return drivers_of(catalog, [number])[0]


def drivers_of(catalog: DriverCatalog, numbers: Iterable[int]) -> list[CatalogDriver]:
    """Return the drivers of rows, by name; errors as :func:`all_drivers`."""
    catalog.database.choose(numbers)
    return _chosen_drivers(catalog.database)


def driver_number(catalog: DriverCatalog, name: str) -> int:
    """Return the row of the driver of a name, whatever its case; errors as :func:`find_driver`."""
    rows = catalog.database.rows("SELECT id FROM driver WHERE folded = ?", [folded(name.strip())])
    if not rows:
        remedy = Remedy("{} names them", (Means.LIST_DRIVERS,))
        raise InvalidRequest(f"{catalog.path}: there is no driver {quoted(name)}", remedy=remedy)
    return catalog.database.number(rows[0][0])


def files_of(catalog: DriverCatalog, number: int) -> tuple[StoredFile, ...]:
    """Return the files of the driver of a row, by path.

    Raises:
        InvalidInput: when the catalog is damaged.
        StorageError, TargetRefused: as :func:`open_catalog`.
    """
    database = catalog.database
    rows = database.rows("SELECT path, size, sha256 FROM file WHERE driver = ? ORDER BY path", [number])
    return tuple(
        StoredFile(checked_path(database, row[0]), database.number(row[1]), database.digest(row[2])) for row in rows
    )


def warnings_of(catalog: DriverCatalog, name: str) -> tuple[str, ...]:
    """Return what was to be said of a driver when it was imported; errors as :func:`find_driver`."""
    number = driver_number(catalog, name)
    rows = catalog.database.rows("SELECT text FROM warning WHERE driver = ? ORDER BY number", [number])
    return tuple(catalog.database.text(row[0]) for row in rows)


def history_of(catalog: DriverCatalog, kind: str, name: str) -> tuple[Happening, ...]:
    """Return what was done to a ``driver`` or ``package``, the oldest first; errors as :func:`all_drivers`."""
    query = "SELECT moment, what FROM history WHERE kind = ? AND name = ? ORDER BY id"
    rows = catalog.database.rows(query, [kind, folded(name)])
    return tuple(Happening(moment(catalog.database, row[0]), catalog.database.text(row[1])) for row in rows)


def categories(catalog: DriverCatalog) -> tuple[str, ...]:
    """Return the names of all categories; errors as :func:`all_drivers`."""
    rows = catalog.database.rows("SELECT name FROM category ORDER BY folded")
    return tuple(catalog.database.text(row[0]) for row in rows)


def _chosen_drivers(database: Database) -> list[CatalogDriver]:
    """Return the drivers in ``chosen``, by name."""
    sizes = {
        row[0]: (database.number(row[1]), database.number(row[2]))
        for row in database.rows("SELECT driver, count(*), sum(size) FROM file JOIN chosen USING (driver) GROUP BY 1")
    }
    folders, decorations, platforms, kinds, packages = (_texts(database, each) for each in _TEXTS)
    made = []
    for row in database.rows(_DRIVERS):
        number = database.number(row[0])
        files, size = sizes.get(number, (0, 0))
        made.append(
            CatalogDriver(
                name=database.text(row[1]),
                inf=database.text(row[2]),
                class_name=database.optional_text(row[3]),
                class_guid=database.optional_text(row[4]),
                provider=database.optional_text(row[5]),
                driver_version=read_version(database, row[6], row[7]),
                is_signed=bool(row[8]),
                is_enabled=bool(row[9]),
                applicability=read_applicability(database, row[10]),
                platforms=tuple(read_platform(database, each) for each in platforms[number]),
                decorations=tuple(dict.fromkeys(decorations[number])),
                folders=tuple(checked_path(database, each) for each in folders[number]),
                categories=tuple(kinds[number]),
                packages=tuple(packages[number]),
                files=files,
                size=size,
                digest=database.digest(row[11]),
                imported=moment(database, row[12]),
            )
        )
    return made


def _texts(database: Database, query: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in database.rows(query):
        found[database.number(row[0])].append(database.text(row[1]))
    return found


# ---- what a row holds


def checked_path(database: Database, value: object) -> str:
    """Return the path of a file or folder, which must not lead out of where it is.

    Raises:
        InvalidInput: when it is none, or does.
    """
    text = database.text(value)
    try:
        parts = split_path(text)
    except InvalidRequest as error:
        raise database.damaged(str(error)) from error
    if not parts or "/".join(parts) != text:
        raise database.damaged(f"{quoted(text)} is no path of a file")
    return text


def moment(database: Database, value: object) -> datetime:
    """Return a time that is stored in seconds since 1970.

    Raises:
        InvalidInput: when it is none.
    """
    try:
        return datetime.fromtimestamp(database.number(value), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise database.damaged("a time is none") from error


def read_version(database: Database, date: object, numbers: object) -> DriverVersion | None:
    """Return a ``DriverVer`` whose date and numbers are stored as texts, or None; errors as :func:`moment`."""
    day, text = database.optional_text(date), database.optional_text(numbers)
    if text is None:
        return None
    try:
        return _version(day, text)
    except ValueError as error:
        raise database.damaged(f"{quoted(f'{day}, {text}')} is no date and version") from error


# Many drivers of a vendor have the same.
@lru_cache(maxsize=4096)
def _version(day: str | None, text: str) -> DriverVersion:
    numbers = tuple(map(int, text.split(".")))
    if ".".join(map(str, numbers)) != text or not all(0 <= each <= _MOST_OF_VERSION for each in numbers):
        raise ValueError
    first, second, third, fourth = numbers
    return DriverVersion(None if day is None else dt.date.fromisoformat(day), (first, second, third, fourth))


def read_applicability(database: Database, value: object) -> Applicability:
    """Return what tells which Windows a driver is for; errors as :func:`moment`."""
    text = database.text(value)
    try:
        return Applicability(text)
    except ValueError as error:
        raise database.damaged(f"{quoted(text)} is no applicability") from error


def read_platform(database: Database, text: str) -> Platform:
    """Return a platform; errors as :func:`moment`."""
    try:
        return Platform.parse(text)
    except InvalidRequest as error:
        raise database.damaged(str(error)) from error


# ---- writing, inside a transaction


def note(catalog: DriverCatalog, kind: str, name: str, what: str, now: datetime) -> None:
    """Write down what is done to a ``driver`` or ``package``."""
    catalog.database.change(
        "INSERT INTO history (moment, kind, name, what) VALUES (?, ?, ?, ?)",
        [int(now.timestamp()), kind, folded(name), what],
    )


def category_number(catalog: DriverCatalog, name: str) -> int:
    """Return the row of a category, which is made if there is none.

    Raises:
        InvalidRequest: when the name is none.
    """
    name = checked_name(name, "category", excluded=",;")
    rows = catalog.database.rows("SELECT id FROM category WHERE folded = ?", [folded(name)])
    if rows:
        return catalog.database.number(rows[0][0])
    return catalog.database.change("INSERT INTO category (name, folded) VALUES (?, ?)", [name, folded(name)])
