"""Which driver serves which device, as Windows chooses among those that it is given.

Sources: Microsoft, "Overview of the Driver Package Selection Process" (``overview-of-the-driver-selection-process.md``:
the lowest rank, then the latest date, then the highest version, then any), "Using an Extension INF File"
(``using-an-extension-inf-file.md``: of those with one ``ExtensionId`` one alone is taken, by date and version; all that
are left are added to the one driver of the device), "INF AddComponent Directive" (``inf-addcomponent-directive.md``).
Components of components are not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.inf.version import DriverVersion
from osdimage.imaging.drivers.ranking.index import Candidate, DriverFacts, DriverIndex, fold_id
from osdimage.imaging.drivers.ranking.packages import Packaged, index_packages
from osdimage.imaging.drivers.ranking.rank import MatchKind, Rank, identifier_score
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidRequest

_FIRST_WITH_FEATURE_SCORES = (6, 0)
_NO_FEATURE_SCORE = 0xFF


@dataclass(frozen=True, slots=True)
class Ranked:
    """A driver that matches a device, by the best of its lines.

    Attributes:
        candidate: the id of the driver that matches.
        rank: how well.
        kind: which lists of ids match.
        device_position: of the id in that list of the device, from 0.
    """

    candidate: Candidate
    rank: Rank
    kind: MatchKind
    device_position: int

    @property
    def driver(self) -> DriverFacts:
        """The driver."""
        return self.candidate.driver

    @property
    def id(self) -> str:
        """The id that matches, as the INF has it."""
        return self.candidate.id

    @property
    def version(self) -> DriverVersion:
        """Its date and version."""
        return self.candidate.dated


@dataclass(frozen=True, slots=True)
class DeviceMatch:
    """A device and the drivers for it.

    Attributes:
        device: which.
        candidates: drivers that match and are for the Windows, the best first.
        extensions: extensions that are added to whichever driver the device gets.
        older_extensions: those that are not, since a newer one has the same ``ExtensionId``.
        components: drivers of the software components that the driver or the extensions make.
        misfits: drivers with an id of the device, but not for the Windows; the best rank first.
    """

    device: Device
    candidates: tuple[Ranked, ...] = ()
    extensions: tuple[Ranked, ...] = ()
    older_extensions: tuple[Ranked, ...] = ()
    components: tuple[Ranked, ...] = ()
    misfits: tuple[Ranked, ...] = ()

    @property
    def chosen(self) -> Ranked | None:
        """The driver that is the best of those given, or None when there is none."""
        return self.candidates[0] if self.candidates else None

    @property
    def taken(self) -> tuple[Ranked, ...]:
        """All that the device needs: its driver, extensions, and drivers of software components."""
        return (*self.candidates[:1], *self.extensions, *self.components)


class Why(Enum):
    """Why a driver serves no device; the value is a sentence about it."""

    FAULT = "it cannot be used"
    PASSED_OVER = "it is not to be chosen"
    PRIMITIVE = "it is for no device: Windows never chooses it"
    OTHER_WINDOWS = "it has no models for this Windows"
    OUTRANKED = "another driver is better for the device"
    NO_DEVICE = "no device has an id of it"


@dataclass(frozen=True, slots=True)
class Unused:
    """A driver that serves no device, and why."""

    driver: DriverFacts
    why: Why

    @property
    def reason(self) -> str:
        """The reason as a sentence about the driver."""
        driver = self.driver
        if self.why is Why.OTHER_WINDOWS:
            named = ", ".join(each or "any x86" for each in driver.platforms)
            return f"{self.why.value}, but for {named}" if named else "its INF has models for no Windows"
        return {Why.FAULT: driver.fault, Why.PASSED_OVER: driver.passed_over}.get(self.why) or self.why.value


@dataclass(frozen=True, slots=True)
class Matching:
    """Devices and their drivers.

    Attributes:
        os: the Windows that it is for.
        devices: each with its drivers, in their order.
        unused: drivers that serve none.
    """

    os: TargetOs
    devices: tuple[DeviceMatch, ...]
    unused: tuple[Unused, ...]

    @property
    def without_driver(self) -> tuple[DeviceMatch, ...]:
        """Devices for which there is no driver."""
        return tuple(each for each in self.devices if each.chosen is None)

    @property
    def taken(self) -> tuple[DriverFacts, ...]:
        """The drivers that serve a device, each once, in their order; extensions and components too."""
        found = {each.driver.order: each.driver for device in self.devices for each in device.taken}
        return tuple(found[order] for order in sorted(found))


def match_drivers(packages: DriverIndex | Iterable[Packaged], devices: Iterable[Device], os: TargetOs) -> Matching:
    """Find the best drivers of devices for a Windows.  Those that Windows itself has are not known, and may be better.

    Args:
        packages: driver packages, or an index of drivers.
        devices: such as :attr:`Devices.devices`.
        os: the Windows; an index must be one for it.

    Raises:
        InvalidRequest: when an index is for another Windows.
        InvalidVolume, StorageError: when the files of a package cannot be looked for.
    """
    index = packages if isinstance(packages, DriverIndex) else index_packages(packages, os)
    if index.os != os:
        raise InvalidRequest(f"the index of drivers is for {index.os}, not for {os}")
    return _Matcher(index).match(list(devices))


class _Matcher:
    """Matches devices with one index."""

    def __init__(self, index: DriverIndex) -> None:
        self._index = index
        self._has_feature_scores = index.os.version >= _FIRST_WITH_FEATURE_SCORES
        self._found: dict[str, Sequence[Candidate]] = {}
        self._beaten: set[int] = set()

    def match(self, devices: list[Device]) -> Matching:
        self._look_up(each for device in devices for each in (*device.hardware_ids, *device.compatible_ids))
        self._look_up(made for found in tuple(self._found.values()) for each in found for made in each.components)
        matched = tuple(map(self._match, devices))
        return Matching(self._index.os, matched, tuple(_unused(self._index.drivers(), matched, self._beaten)))

    def _look_up(self, ids: Iterable[str]) -> None:
        self._found.update(self._index.candidates({fold_id(each) for each in ids}))

    def _match(self, device: Device) -> DeviceMatch:
        fitting, misfits = self._best_of_each(device)
        base = [each for each in fitting if not each.driver.is_extension]
        extensions, older = _by_extension_id([each for each in fitting if each.driver.is_extension])
        made = dict.fromkeys(each for maker in (*base[:1], *extensions) for each in maker.candidate.components)
        components: dict[int, Ranked] = {}
        for each in made:
            drivers, _ = self._best_of_each(Device(each, (each,)))
            for best in drivers[:1]:
                components.setdefault(best.driver.order, best)
            self._beaten.update(other.driver.order for other in drivers[1:])
        return DeviceMatch(
            device, tuple(base), tuple(extensions), tuple(older), tuple(components.values()), tuple(misfits)
        )

    def _best_of_each(self, device: Device) -> tuple[list[Ranked], list[Ranked]]:
        """Return the best match of each driver, the best first; then those of drivers for another Windows."""
        fitting: dict[int, Ranked] = {}
        others: dict[int, Ranked] = {}
        for is_hardware, ids in ((True, device.hardware_ids), (False, device.compatible_ids)):
            for position, each in enumerate(ids):
                for candidate in self._found.get(fold_id(each), ()):
                    ranked = self._ranked(candidate, position, is_hardware=is_hardware)
                    best = fitting if candidate.fits else others
                    old = best.get(candidate.driver.order)
                    if old is None or _order(ranked) < _order(old):
                        best[candidate.driver.order] = ranked
        misfits = [each for order, each in others.items() if order not in fitting]
        return sorted(fitting.values(), key=_order), sorted(misfits, key=_order)

    def _ranked(self, candidate: Candidate, position: int, *, is_hardware: bool) -> Ranked:
        kind = MatchKind.of(is_hardware_of_device=is_hardware, is_hardware_of_inf=candidate.position == 0)
        score = identifier_score(kind, position, max(candidate.position - 1, 0))
        signature = candidate.driver.signature.score(is_nt=candidate.is_nt)
        feature = candidate.feature_score if self._has_feature_scores else _NO_FEATURE_SCORE
        return Ranked(candidate, Rank(signature, feature, score), kind, position)


def _order(ranked: Ranked) -> tuple[int, int, tuple[int, ...], int]:
    """Return what the best driver has the least of: its rank, then its age, then when it came."""
    date, numbers = ranked.version.newness
    return ranked.rank.value, -date.toordinal(), tuple(-each for each in numbers), ranked.driver.order


def _by_extension_id(found: Iterable[Ranked]) -> tuple[list[Ranked], list[Ranked]]:
    """Return the newest extension of each ExtensionId, and the others."""
    newest: dict[str | int, Ranked] = {}
    older: list[Ranked] = []
    for each in found:
        identity = (each.driver.extension_id or "").casefold() or each.driver.order
        old = newest.setdefault(identity, each)
        if old is not each:
            newest[identity], loser = (each, old) if _order(each)[1:] < _order(old)[1:] else (old, each)
            older.append(loser)
    return list(newest.values()), older


def _unused(
    drivers: Iterable[DriverFacts], matched: Sequence[DeviceMatch], beaten: AbstractSet[int]
) -> Iterator[Unused]:
    """Yield the drivers that serve no device; those of components that others are better for are beaten."""
    taken = {each.driver.order for device in matched for each in device.taken}
    outranked = {each.driver.order for device in matched for each in (*device.candidates, *device.older_extensions)}
    outranked |= beaten
    for driver in drivers:
        if driver.order not in taken:
            yield Unused(driver, _why(driver, is_outranked=driver.order in outranked))


def _why(driver: DriverFacts, *, is_outranked: bool) -> Why:
    if driver.fault is not None:
        return Why.FAULT
    if driver.passed_over is not None:
        return Why.PASSED_OVER
    if driver.is_primitive:
        return Why.PRIMITIVE
    if is_outranked:
        return Why.OUTRANKED
    return Why.NO_DEVICE if driver.is_for_os else Why.OTHER_WINDOWS
