"""Lists of driver packages as an index: each INF is looked through once for its Windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from osdimage.imaging.drivers.inf.inf_file import InfFile
from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.ranking.index import Candidate, DriverFacts, MemoryIndex
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileFacts


class Packaged(Protocol):
    """A driver package, as far as an index asks."""

    @property
    def inf(self) -> InfFile:
        """What its INF says."""

    @property
    def path(self) -> str:
        """Of its INF."""

    def find(self, path: str) -> FileFacts | None:
        """Return the file at a path below its folder, or None."""


def _catalog_presence(package: Packaged, os: TargetOs) -> Signature:
    """Tell whether a package has the catalog that its INF names for an architecture; it is not opened."""
    catalog = package.inf.version.catalog_for(os.architecture)
    return Signature.NONE if catalog is None or package.find(catalog) is None else Signature.PRESENT


def index_packages(
    packages: Iterable[Packaged],
    os: TargetOs,
    *,
    passed_over: Mapping[int, str] = MappingProxyType({}),
) -> MemoryIndex:
    """Return an index of packages for a Windows; the order of a driver in it is its place among them, from 0.

    An INF that cannot be used is in it with the reason, and matches nothing.

    Args:
        packages: those that are to be chosen from.
        os: the Windows.
        passed_over: those that are not to be chosen, by their places, and why.  Who has nothing for the Windows is
            told as such, whatever is said here.

    Raises:
        InvalidVolume, StorageError: when the files of a package cannot be looked for.
    """
    drivers: list[DriverFacts] = []
    candidates: list[Candidate] = []
    for order, package in enumerate(packages):
        signature = _catalog_presence(package, os)
        facts, lines = candidates_of(package.inf, os, name=package.path, order=order, signature=signature)
        reason = passed_over.get(order) if facts.is_for_os else None
        drivers.append(facts if reason is None else replace(facts, passed_over=reason))
        candidates += lines if reason is None else ()
    return MemoryIndex(os, drivers, candidates)


def candidates_of(
    inf: InfFile, os: TargetOs, *, name: str, order: int, signature: Signature = Signature.UNKNOWN
) -> tuple[DriverFacts, tuple[Candidate, ...]]:
    """Return a driver, and the lines of its INF by their ids: those for a Windows, and those for another one.

    Args:
        inf: what its INF says.
        os: the Windows.
        name: what messages call the driver.
        order: as in :class:`DriverFacts`.
        signature: what is known of that.
    """
    fault: str | None = None
    fitting: tuple[Model, ...] = ()
    others: list[Model] = []
    if inf.placeholder is not None:
        fault = f"it is a template: {inf.placeholder.text} in line {inf.placeholder.line} was not filled in"
    else:
        try:
            fitting = inf.models(os)
            places = {(each.line, each.decoration) for each in fitting}
            others = [each for each in inf.all_models() if (each.line, each.decoration) not in places]
        except InvalidInput as error:
            fault, fitting, others = error.said, (), []
    facts = DriverFacts(
        name,
        order,
        inf.version.provider,
        inf.version.class_name,
        inf.version.class_guid,
        inf.version.driver_version,
        signature,
        tuple(each.text for each in inf.platforms),
        inf.version.extension_id,
        is_for_os=bool(fitting),
        is_primitive=inf.is_primitive,
        fault=fault,
    )
    found = _Lines(inf, os, facts)
    try:
        return facts, (*found.fitting(fitting), *found.others(others))
    except InvalidInput as error:
        return replace(facts, is_for_os=False, fault=error.said), ()


class _Lines:
    """The lines of one INF; each install section is looked at once."""

    def __init__(self, inf: InfFile, os: TargetOs, driver: DriverFacts) -> None:
        self._driver = driver
        self._installs = inf.install_reader(os.architecture)

    def fitting(self, models: Iterable[Model]) -> Iterator[Candidate]:
        for model in models:
            install = self._installs.read(model.section)
            components = install.component_ids
            for position, each in model.placed_ids():
                yield Candidate(
                    self._driver,
                    each,
                    position,
                    model.description,
                    model.section,
                    model.decoration.text,
                    install.feature_score,
                    install.is_nt,
                    install.driver_version,
                    components,
                )

    def others(self, models: Iterable[Model]) -> Iterator[Candidate]:
        for model in models:
            for position, each in model.placed_ids():
                yield Candidate(
                    self._driver,
                    each,
                    position,
                    model.description,
                    model.section,
                    model.decoration.text,
                    fits=False,
                )
