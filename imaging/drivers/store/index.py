"""The drivers of a catalog as what devices are matched with: no INF is read for it.

Of a driver that a collection has for each Windows, as virtio-win.iso, only the one nearest to the Windows is offered,
by the folders in which they lay (``supplied/variants.py``), unless a person has said for which Windows it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from osdimage.imaging.drivers.ranking.index import Candidate, DriverFacts
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.store.catalog import DriverCatalog, checked_path, read_version
from osdimage.imaging.drivers.store.platforms import Applicability
from osdimage.imaging.drivers.store.records import folded
from osdimage.imaging.drivers.store.search import chosen_sections
from osdimage.imaging.drivers.supplied.variants import choose_placed
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidRequest, quoted

# What SQLite takes as values of one statement, with room to spare.
_AT_ONCE = 500
_FACTS = (
    "SELECT id, name, provider, class_name, class_guid, date, version, signed, extension_id, primitive"
    " FROM driver JOIN chosen ON driver = id ORDER BY id"
)
_LINES = (
    "SELECT model.folded, section.driver, section.id, decoration, position, model.id, description,"
    " install.name, feature_score, nt, install.date, install.version, components"
    " FROM model JOIN section ON section.id = section JOIN install ON install.id = install WHERE folded IN ({})"
    " ORDER BY section.id, number, position"
)
_VARIANTS = (
    "SELECT driver, inf, folder FROM variant JOIN chosen USING (driver) JOIN driver ON id = driver WHERE applies = ?"
    " ORDER BY driver, folder"
)


@dataclass(frozen=True, slots=True)
class _Variants:
    """A driver that lay in folders for some Windows, as :class:`Placed`."""

    driver: int
    name: str
    folders: list[str]


class CatalogIndex:
    """The enabled drivers of a catalog, for one Windows; the catalog must be open when it is asked.

    The order of a driver in it is its row in the catalog, which grows as drivers are imported.
    """

    def __init__(self, catalog: DriverCatalog, os: TargetOs, *, categories: Iterable[str] | None = None) -> None:
        """Choose the drivers.

        Args:
            catalog: with them.
            os: the Windows.
            categories: those of which a driver must have one; None for all drivers.

        Raises:
            InvalidRequest: when there is no such category.
            InvalidInput: when the catalog is damaged.
            StorageError: when it cannot be read.
            TargetRefused: when another process does not let go of it in time.
        """
        self._catalog = catalog
        self._os = os
        self._numbers = _enabled(catalog) if categories is None else _in_categories(catalog, categories)

    @property
    def os(self) -> TargetOs:
        """The Windows that it was made for."""
        return self._os

    def drivers(self) -> Sequence[DriverFacts]:
        """Return all drivers, also those that are for another Windows.

        Raises:
            InvalidInput, StorageError, TargetRefused: as the constructor.
        """
        return tuple(self._facts.values())

    def candidates(self, ids: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return the candidates of folded ids.

        Raises:
            InvalidInput, StorageError, TargetRefused: as the constructor.
        """
        database = self._catalog.database
        found: dict[str, list[Candidate]] = defaultdict(list)
        for row in self._lines(tuple(ids)):
            driver = self._facts.get(database.number(row[1]))
            if driver is None or driver.passed_over is not None:
                continue
            components = database.text(row[12])
            found[database.text(row[0])].append(
                Candidate(
                    driver,
                    id=database.text(row[5]),
                    position=database.number(row[4]),
                    description=database.text(row[6]),
                    section=database.text(row[7]),
                    decoration=database.text(row[3]),
                    feature_score=database.number(row[8]),
                    is_nt=bool(row[9]),
                    version=read_version(database, row[10], row[11]),
                    components=tuple(components.split("\n")) if components else (),
                    fits=row[2] in self._sections,
                )
            )
        return found

    def _lines(self, ids: Sequence[str]) -> Iterator[Sequence[object]]:
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            yield from self._catalog.database.rows(_LINES.format(", ".join("?" * len(some))), some)

    @cached_property
    def _sections(self) -> dict[int, int]:
        """The section rows that are for the Windows, each with the row of its driver."""
        found = chosen_sections(self._catalog.database, self._numbers, self._os)
        return {each.section: each.driver for each in found}

    @cached_property
    def _facts(self) -> dict[int, DriverFacts]:
        """The drivers by their rows."""
        database = self._catalog.database
        for_os, passed_over = {*self._sections.values()}, self._passed_over()
        database.choose(self._numbers)
        platforms: dict[object, list[str]] = defaultdict(list)
        for row in database.rows("SELECT driver, decoration FROM section JOIN chosen USING (driver) ORDER BY id"):
            platforms[row[0]].append(database.text(row[1]))
        return {
            database.number(row[0]): DriverFacts(
                name=database.text(row[1]),
                order=database.number(row[0]),
                provider=database.optional_text(row[2]) or "",
                class_name=database.optional_text(row[3]) or "",
                class_guid=database.optional_text(row[4]),
                version=read_version(database, row[5], row[6]),
                signature=self._signature(database.text(row[7])),
                platforms=tuple(dict.fromkeys(platforms[row[0]])),
                extension_id=database.optional_text(row[8]),
                is_for_os=row[0] in for_os,
                is_primitive=bool(row[9]),
                passed_over=passed_over.get(database.number(row[0])),
            )
            for row in database.rows(_FACTS)
        }

    def _passed_over(self) -> dict[int, str]:
        """Return why drivers are not to be chosen whose collection has another one that is nearer to the Windows."""
        database = self._catalog.database
        database.choose({*self._sections.values()})
        placed: dict[int, _Variants] = {}
        for row in database.rows(_VARIANTS, [Applicability.INF.value]):
            number = database.number(row[0])
            driver = placed.setdefault(number, _Variants(number, database.text(row[1]), []))
            driver.folders.append(checked_path(database, row[2]))
        left_out = choose_placed(list(placed.values()), self._os).left_out
        return {each.item.driver: each.reason for each in left_out}

    def _signature(self, signed: str) -> Signature:
        return Signature.PRESENT if self._os.architecture in signed.split() else Signature.NONE


def _enabled(catalog: DriverCatalog) -> tuple[int, ...]:
    return tuple(
        catalog.database.number(row[0]) for row in catalog.database.rows("SELECT id FROM driver WHERE enabled")
    )


def _in_categories(catalog: DriverCatalog, categories: Iterable[str]) -> tuple[int, ...]:
    """Return the rows of the enabled drivers that are in one of some categories."""
    database = catalog.database
    found: set[int] = set()
    for each in categories:
        rows = database.rows("SELECT id FROM category WHERE folded = ?", [folded(each.strip())])
        if not rows:
            raise InvalidRequest(f"{catalog.path}: there is no category {quoted(each)}")
        members = database.rows(
            "SELECT id FROM driver_category JOIN driver ON id = driver WHERE enabled AND category = ?",
            [database.number(rows[0][0])],
        )
        found.update(database.number(row[0]) for row in members)
    return tuple(sorted(found))
