"""Putting drivers into a catalog: all of an import in one transaction, or nothing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from osdimage.imaging.drivers.inf.version import DriverVersion
from osdimage.imaging.drivers.ranking.index import fold_id
from osdimage.imaging.drivers.store.catalog import DriverCatalog, category_number, note, remove_unnamed
from osdimage.imaging.drivers.store.contents import Work
from osdimage.imaging.drivers.store.database import Value
from osdimage.imaging.drivers.store.named import add_members, package_number
from osdimage.imaging.drivers.store.platforms import Applicability
from osdimage.imaging.drivers.store.records import (
    InfFacts,
    InstallFacts,
    SectionFacts,
    StoredFile,
    checked_name,
    folded,
)
from osdimage.imaging.drivers.supplied.variants import Variant
from osdimage.imaging.errors import InvalidRequest, quoted


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file of a driver that is offered to a catalog.

    Attributes:
        path: below the folder of the INF, with ``/``.
        read: returns what it holds.
    """

    path: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Offered:
    """An INF that is offered to a catalog.

    Attributes:
        source: where it is, for messages.
        facts: what it says; None when it is not taken.
        files: all of it, the INF among them.
        reason: why it is not taken, or None.
        folder: of the INF in the collection that it comes from, with ``/``; empty for the root.
    """

    source: str
    facts: InfFacts | None
    files: tuple[OfferedFile, ...] = ()
    reason: str | None = None
    folder: str = ""


class Outcome(StrEnum):
    """What became of an INF."""

    NEW = "new"
    PRESENT = "present"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class ImportedInf:
    """What became of an INF.

    Attributes:
        source: where it is.
        outcome: whether it is new in the catalog, was there already, or was left out.
        name: of the driver in the catalog; None when it was left out.
        reason: why it was left out, or None.
        warnings: what is to be said of it.
    """

    source: str
    outcome: Outcome
    name: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportWish:
    """How drivers are taken in.

    Attributes:
        name: of the one driver; None for what its INF says.
        categories: to which all belong then, also those that were there already.
        package: into which all are put, or None; it is made when it is missing.
        enabled: whether new ones are.
    """

    name: str | None = None
    categories: tuple[str, ...] = ()
    package: str | None = None
    enabled: bool = True

    def check(self) -> None:
        """Refuse what cannot be done whatever is found.

        Raises:
            InvalidRequest: when it cannot be.
        """
        if self.package is not None and not self.enabled:
            raise InvalidRequest("only enabled drivers can be put into a package")
        if self.name is not None:
            checked_name(self.name, "driver")
        if self.package is not None:
            checked_name(self.package, "package")
        for each in self.categories:
            checked_name(each, "category", excluded=",;")


@dataclass(slots=True)
class _Gathered:
    """A driver whose files are gathered."""

    offered: Offered
    facts: InfFacts
    files: tuple[StoredFile, ...]
    digest: str


@dataclass(slots=True)
class _Adding:
    """What an import has come to."""

    wish: ImportWish
    now: datetime
    infs: list[ImportedInf] = field(default_factory=list)


def add_drivers(
    catalog: DriverCatalog, offered: Iterable[Offered], wish: ImportWish | None = None, *, now: datetime | None = None
) -> tuple[ImportedInf, ...]:
    """Put drivers into a catalog, all or, when anything fails, none.

    Args:
        catalog: opened to be written.
        offered: the INFs, read one after the other.
        wish: how they are taken in.
        now: what time it is, for the history.

    Raises:
        InvalidRequest: when the wish cannot be fulfilled; nothing was changed.
        InvalidInput: when a file is damaged; nothing was changed.
        StorageError: when something cannot be read or written; nothing was changed.
        TargetRefused: when another process does not let go of the catalog in time; nothing was changed.
    """
    wish = ImportWish() if wish is None else wish
    wish.check()
    adding = _Adding(wish, datetime.now(UTC) if now is None else now)
    with catalog.contents.work() as work:
        gathered = list(_gather(work, offered, adding))
        if wish.name is not None and len(gathered) != 1:
            raise InvalidRequest(f"a name is for one driver, and there are {len(gathered)}")
        work.sync()
        try:
            with catalog.database.transaction():
                _add_all(catalog, work, gathered, adding)
        except BaseException:
            remove_unnamed(catalog, {file.sha256 for each in gathered for file in each.files}, work)
            raise
    return tuple(sorted(adding.infs, key=lambda each: each.source))


def _gather(work: Work, offered: Iterable[Offered], adding: _Adding) -> Iterator[_Gathered]:
    for each in offered:
        if each.facts is None:
            adding.infs.append(ImportedInf(each.source, Outcome.LEFT_OUT, reason=each.reason))
            continue
        files = []
        for file in each.files:
            data = file.read()
            files.append(StoredFile(file.path, len(data), work.add(data)))
        files.sort(key=lambda file: file.path.casefold())
        yield _Gathered(each, each.facts, tuple(files), digest_of(files))


def digest_of(files: Sequence[StoredFile]) -> str:
    """Return the SHA-256 of a list of files, which are two drivers of the same files or not."""
    listed = hashlib.sha256()
    for each in files:
        listed.update(f"{each.sha256} {each.size} {each.path.casefold()}\n".encode("utf-8", "surrogatepass"))
    return listed.hexdigest()


def _add_all(catalog: DriverCatalog, work: Work, gathered: Sequence[_Gathered], adding: _Adding) -> None:
    database = catalog.database
    present = {
        database.text(row[0]): (database.number(row[1]), database.text(row[2]), bool(row[3]))
        for row in database.rows("SELECT digest, id, name, enabled FROM driver")
    }
    names = {folded(name) for _, name, _ in present.values()}
    new: list[tuple[int, _Gathered]] = []
    numbers: dict[int, str] = {}
    for each in gathered:
        found = present.get(each.digest)
        if found is None:
            name = _unused(names, each.facts.default_name if adding.wish.name is None else adding.wish.name, adding)
            number = _insert_driver(catalog, each, name, adding)
            present[each.digest] = number, name, adding.wish.enabled
            names.add(folded(name))
            new.append((number, each))
            outcome = Outcome.NEW
        else:
            number, name, is_enabled = found
            if adding.wish.package is not None and not is_enabled:
                raise InvalidRequest(f"{quoted(name)} is in the catalog and disabled: it cannot be put into a package")
            outcome = Outcome.PRESENT
        numbers[number] = name
        if Variant.of(each.offered.folder) is not None:
            # The same files in another folder are for that Windows as well.
            database.change("INSERT OR IGNORE INTO variant VALUES (?, ?)", [number, each.offered.folder])
        adding.infs.append(ImportedInf(each.offered.source, outcome, name, warnings=each.facts.warnings))
    _insert_rows(catalog, new)
    work.place({file.sha256 for _, each in new for file in each.files})
    for category in dict.fromkeys(adding.wish.categories):
        kind = category_number(catalog, category)
        database.change_many("INSERT OR IGNORE INTO driver_category VALUES (?, ?)", ((each, kind) for each in numbers))
    if adding.wish.package is not None and numbers:
        package = package_number(catalog, adding.wish.package, makes=True, now=adding.now)
        add_members(catalog, package, adding.wish.package, numbers, now=adding.now)


def _unused(names: set[str], name: str, adding: _Adding) -> str:
    """Return a name that no driver has: with a number behind it where one has it.

    Raises:
        InvalidRequest: when somebody wants exactly this one.
    """
    name = checked_name(name, "driver")
    if folded(name) not in names:
        return name
    if adding.wish.name is not None:
        raise InvalidRequest(f"another driver is called {quoted(name)}; choose another name")
    number = 2
    while folded(f"{name} ({number})") in names:
        number += 1
    return f"{name} ({number})"


def _insert_driver(catalog: DriverCatalog, each: _Gathered, name: str, adding: _Adding) -> int:
    facts = each.facts
    row: dict[str, Value] = {
        "name": name,
        "folded": folded(name),
        "digest": each.digest,
        "inf": facts.inf,
        "class_name": facts.class_name,
        "class_guid": facts.class_guid,
        "provider": facts.provider,
        **_version(facts.version),
        "extension_id": facts.extension_id,
        "primitive": int(facts.is_primitive),
        "signed": " ".join(facts.signed_for),
        "enabled": int(adding.wish.enabled),
        "applies": Applicability.INF.value,
        "imported": int(adding.now.timestamp()),
    }
    statement = f"INSERT INTO driver ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - our names
    number = catalog.database.change(statement, list(row.values()))
    note(catalog, "driver", name, f"imported from {each.offered.source}", adding.now)
    return number


def _version(version: DriverVersion | None) -> dict[str, Value]:
    if version is None:
        return {"date": None, "version": None}
    return {"date": None if version.date is None else version.date.isoformat(), "version": version.number_text}


def _insert_rows(catalog: DriverCatalog, new: Sequence[tuple[int, _Gathered]]) -> None:
    database = catalog.database
    database.change_many(
        "INSERT INTO file VALUES (?, ?, ?, ?)",
        ((number, file.path, file.size, file.sha256) for number, each in new for file in each.files),
    )
    database.change_many(
        "INSERT INTO warning VALUES (?, ?, ?)",
        ((number, at, text) for number, each in new for at, text in enumerate(each.facts.warnings)),
    )
    first = _unused_number(catalog, "section")
    sections = [(number, section) for number, each in new for section in each.facts.sections]
    database.change_many(
        "INSERT INTO section VALUES (?, ?, ?, ?, ?)",
        (
            (at, number, section.entry, section.decoration, len(section.models))
            for at, (number, section) in enumerate(sections, start=first)
        ),
    )
    installs = _insert_installs(catalog, sections)

    def models() -> Iterator[tuple[Value, ...]]:
        for at, (driver, section) in enumerate(sections, start=first):
            for line, model in enumerate(section.models):
                install = installs[driver, model.install]
                for position, each in model.ids:
                    yield at, line, position, fold_id(each), each, install, model.description

    database.change_many("INSERT INTO model VALUES (?, ?, ?, ?, ?, ?, ?)", models())


def _insert_installs(
    catalog: DriverCatalog, sections: Sequence[tuple[int, SectionFacts]]
) -> dict[tuple[int, InstallFacts], int]:
    """Write the install sections of drivers, each once; return their rows."""
    named = ((driver, model.install) for driver, section in sections for model in section.models)
    numbers = {each: at for at, each in enumerate(dict.fromkeys(named), start=_unused_number(catalog, "install"))}
    catalog.database.change_many(
        "INSERT INTO install VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                at,
                driver,
                each.name,
                each.feature_score,
                int(each.is_nt),
                *_version(each.version).values(),
                "\n".join(each.components),
            )
            for (driver, each), at in numbers.items()
        ),
    )
    return numbers


def _unused_number(catalog: DriverCatalog, table: str) -> int:
    rows = catalog.database.rows(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 - a name of ours
    return catalog.database.number(rows[0][0]) + 1
