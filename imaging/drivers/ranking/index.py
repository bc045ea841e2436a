r"""What matching asks of drivers, wherever they are kept: facts of each, and its lines of models by their ids.

A list of INFs and a catalog in a database both give a :class:`DriverIndex`, so that no INF is read while devices are
matched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from osdimage.imaging.drivers.inf.version import EXTENSION_CLASS, DriverVersion
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.target_os import TargetOs


def fold_id(text: str) -> str:
    """Return what an id is found by: Windows compares ids without regard to case."""
    return text.casefold()


@dataclass(frozen=True, slots=True)
class DriverFacts:
    r"""A driver package, as far as matching asks.

    Attributes:
        name: what messages call it: the path of its INF, or the name that a catalog has for it.
        order: when it came to its list or catalog; of equal drivers the first is taken.
        provider: who gave it out.
        class_name: such as ``Net``.
        class_guid: in braces and upper case, or None.
        version: its ``DriverVer``, or None.
        signature: what is known of that.
        platforms: what its INF names, such as ``NTamd64.10.0...16299``; one without a text is ``""``.
        extension_id: of an extension INF.
        is_for_os: whether it has models for the Windows in question.
        is_primitive: it is for no device.
        fault: why it cannot be used at all, or None.
        passed_over: why it is not to be chosen, although it could be, or None.
    """

    name: str
    order: int
    provider: str = ""
    class_name: str = ""
    class_guid: str | None = None
    version: DriverVersion | None = None
    signature: Signature = Signature.UNKNOWN
    platforms: tuple[str, ...] = ()
    extension_id: str | None = None
    is_for_os: bool = True
    is_primitive: bool = False
    fault: str | None = None
    passed_over: str | None = None

    @property
    def is_extension(self) -> bool:
        """Whether it is added to the driver of a device, and is none by itself."""
        return self.class_guid == EXTENSION_CLASS


@dataclass(frozen=True, slots=True)
class Candidate:
    r"""An id of a line of models: what a device is matched with.

    Attributes:
        driver: whose line it is.
        id: as the INF has it.
        position: 0 for the hardware id of the line, 1 for its first compatible id.
        description: what the line calls the device.
        section: the install section that the line names.
        decoration: of the section that the line is in, such as ``NTamd64``.
        feature_score: of the install section.
        is_nt: whether the install section that is taken ends in ``.nt`` or ``.nt`` and an architecture.
        version: ``DriverVer`` of the install section, which stands above that of the INF, or None.
        components: hardware ids of software components that it makes, with ``SWC\`` in front.
        fits: whether the line is for the Windows in question.
    """

    driver: DriverFacts
    id: str
    position: int
    description: str
    section: str
    decoration: str
    feature_score: int = 0xFF
    is_nt: bool = True
    version: DriverVersion | None = None
    components: tuple[str, ...] = ()
    fits: bool = True

    @property
    def dated(self) -> DriverVersion:
        """Date and version that count for it."""
        return self.version or self.driver.version or DriverVersion(None)


@runtime_checkable
class DriverIndex(Protocol):
    """Drivers for one Windows, by the ids that they are for."""

    @property
    def os(self) -> TargetOs:
        """The Windows that :attr:`Candidate.fits` is about."""

    def drivers(self) -> Sequence[DriverFacts]:
        """Return all drivers, those too that are for no device or another Windows."""

    def candidates(self, ids: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return the candidates of ids, which are folded as :func:`fold_id` does; ids without any may be left out."""


class MemoryIndex:
    """An index in memory."""

    def __init__(self, os: TargetOs, drivers: Iterable[DriverFacts], candidates: Iterable[Candidate]) -> None:
        """Sort candidates by their ids."""
        self._os = os
        self._drivers = tuple(drivers)
        self._by_id: dict[str, list[Candidate]] = defaultdict(list)
        for each in candidates:
            self._by_id[fold_id(each.id)].append(each)

    @property
    def os(self) -> TargetOs:
        """The Windows that it was made for."""
        return self._os

    def drivers(self) -> Sequence[DriverFacts]:
        """Return all drivers."""
        return self._drivers

    def candidates(self, ids: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return the candidates of ids."""
        return {each: found for each in ids if (found := self._by_id.get(each)) is not None}
