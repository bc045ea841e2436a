"""Which drivers the steps of drivers bring into a Windows, and why each.

By devices, as Windows chooses among drivers that it is given: the best of each device, or all that fit it.  Without
devices, all of those that are for the Windows.  A driver without which that Windows finds no disk is told apart, when a
device is there that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.injection.choose import is_foreign_storage, refuse_unfinished
from osdimage.imaging.drivers.injection.plan import WantedDriver
from osdimage.imaging.drivers.offline.boot_driver import BootDriver, boot_models
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.ranking.index import DriverFacts, fold_id
from osdimage.imaging.drivers.ranking.match import DeviceMatch, Matching, Ranked, match_drivers
from osdimage.imaging.drivers.supplied.variants import Choice as Variants
from osdimage.imaging.drivers.supplied.variants import choose_packages
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.inputs import boolean
from osdimage.imaging.units import counted

UNSIGNED = boolean(
    "OSDAllowUnsignedDriver",
    "drivers without signatures are taken without a word; Windows Vista and later decide themselves",
    default=False,
)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The drivers that a step brings in.

    Attributes:
        wanted: them, each once.
        reasons: one sentence for each driver: what it is for, and how well it fits.
        warnings: sentences about what is left out, and about what Windows may refuse.
        loaders: drivers of disks that Windows starts with, and that are none of them.
        serves: names of devices for which they have a driver.
        lacks: names of disk controllers for which they have none, nor has Windows.
        allows_unsigned: whether drivers without a catalog of signatures are taken without a word.
    """

    wanted: tuple[WantedDriver, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    loaders: tuple[BootDriver, ...] = ()
    serves: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    allows_unsigned: bool = False

    def __str__(self) -> str:
        """Say it for people."""
        names = [each.package.name for each in self.wanted]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{counted(len(names), 'driver')}{': ' if names else ''}{', '.join(names[:_SHOWN])}{more}"


def choose_by_devices(
    matching: Matching, package_of: Callable[[DriverFacts], DriverPackage], *, is_best_match: bool = True
) -> Choice:
    """Choose the drivers that devices need.

    Args:
        matching: of the devices of the computer with the drivers from which is chosen.
        package_of: returns the package of a driver that is taken.
        is_best_match: the best one of each device; otherwise all that fit it, among which Windows chooses.

    Raises:
        OsdImageError: when a package cannot be read.
    """
    drivers: dict[int, DriverFacts] = {}
    served: dict[int, list[tuple[DeviceMatch, Ranked]]] = {}
    for each in matching.devices:
        for ranked in each.taken if is_best_match else _all_of(each):
            drivers[ranked.driver.order] = ranked.driver
            served.setdefault(ranked.driver.order, []).append((each, ranked))
    wanted, reasons = [], []
    for order in sorted(served):
        package, of = package_of(drivers[order]), served[order]
        boot = _boot_model(package, of, matching.os)
        wanted.append(WantedDriver(package, tuple(each.device.name for each, _ in of), boot))
        reasons.append(_reason(package, of, boot))
    faults = (each.driver for each in matching.unused if each.driver.fault is not None)
    told = tuple(f"{each.name}: {each.fault}" for each in faults)
    return _with_devices(Choice(tuple(wanted), tuple(reasons), told), matching)


def choose_all(packages: Sequence[DriverPackage], devices: Sequence[Device], os: TargetOs) -> Choice:
    """Choose all drivers that are for a Windows, whatever the devices; these only tell which it needs to find a disk.

    Raises:
        InvalidInput: when none of them is for the Windows, or one is not finished; names the first ones.
        InvalidVolume, StorageError: when the files of a package cannot be looked for.
    """
    found = choose_packages(packages, os)
    if not found.taken:
        raise InvalidInput("; ".join(f"{each.item.path}: {each.reason}" for each in found.left_out[:_SHOWN]))
    refuse_unfinished(found.taken)
    matching = match_drivers(found.taken, devices, os)
    served = {each.driver.order: (device, each) for device in matching.devices for each in device.candidates[:1]}
    wanted, reasons = [], []
    for number, each in enumerate(found.taken):
        device = served.get(number)
        of = [] if device is None else [device]
        boot = _boot_model(each, of, os)
        wanted.append(WantedDriver(each, tuple(match.device.name for match, _ in of), boot))
        reasons.append(_reason(each, of, boot))
    return _with_devices(Choice(tuple(wanted), (*reasons, *_left_out(found))), matching)


def _left_out(found: Variants[DriverPackage]) -> Iterator[str]:
    if found.left_out:
        first = found.left_out[0]
        count = counted(len(found.left_out), "driver")
        yield f"{count} of the package not taken, the first: {first.item.path}: {first.reason}"


def _all_of(match: DeviceMatch) -> Iterator[Ranked]:
    yield from match.candidates
    yield from match.extensions
    yield from match.components


def _boot_model(package: DriverPackage, served: Sequence[tuple[DeviceMatch, Ranked]], os: TargetOs) -> Model | None:
    """Return the line of a driver by which it serves a controller of disks, or None; only the best one counts."""
    wanted = [fold_id(ranked.id) for match, ranked in served if match.chosen is ranked]
    models = boot_models(package.inf, os) if wanted else ()
    found = (model for each in wanted for model in models if each in map(fold_id, model.ids))
    return next(found, None)


def _with_devices(choice: Choice, matching: Matching) -> Choice:
    """Return a choice with the devices that have a driver in it, and the disk controllers that need one."""
    lacks = [each.device.name for each in matching.without_driver if is_foreign_storage(each.device, matching.os)]
    told = [f"{each}: a disk controller without a driver in what was given; Windows may not start" for each in lacks]
    serves = (each.device.name for each in matching.devices if each.candidates)
    return replace(choice, warnings=(*choice.warnings, *told), serves=tuple(serves), lacks=tuple(lacks))


def _reason(package: DriverPackage, served: Sequence[tuple[DeviceMatch, Ranked]], boot: Model | None) -> str:
    version = package.inf.version.driver_version
    text = package.name if version is None else f"{package.name} ({version})"
    if not served:
        return f"{text}: it is in the package"
    told = [f"{match.device.name} by {ranked.id} (rank {ranked.rank})" for match, ranked in served[:_SHOWN]]
    more = f" and {len(served) - _SHOWN} more" if len(served) > _SHOWN else ""
    needed = "; Windows starts with it" if boot is not None else ""
    return f"{text}: for {', '.join(told)}{more}{needed}"
