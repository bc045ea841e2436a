r"""Which drivers are brought into a Windows, of what was given for it and the devices of its computer.

Of a collection (a folder, an archive, a disc) those are taken that are for the Windows; when the devices are known, of
those the best for each.  An INF that is named by itself, and all of a package for a model of computer, are taken
whatever the devices.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.sources import read_devices
from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.injection.plan import InjectionOptions, Method, WantedDriver
from osdimage.imaging.drivers.offline.boot_driver import boot_models, boot_services, why_not_boot
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.ranking.match import DeviceMatch, Matching, match_drivers
from osdimage.imaging.drivers.store.opening import open_driver_files
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.drivers.supplied.variants import LeftOut, choose_packages
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import Incomplete, InvalidInput, InvalidRequest, quoted

_INF = ".inf"
# Mass storage by PCI's class codes: SCSI, RAID and SAS.  IDE, ATA, AHCI and, from Windows 8 on, NVMe have drivers in
# Windows itself.
_STORAGE = re.compile(r"[\\&]CC_01(\d\d)", re.IGNORECASE)
_FOREIGN, _NVME, _FIRST_WITH_NVME = frozenset({"00", "04", "07"}), "08", (6, 2)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DriverWish:
    """What is asked for.

    Attributes:
        drivers: paths of collections or single INFs, or ``catalog:NAME``.
        packages: such paths of collections of which everything is taken that is for the Windows.
        devices: what tells the devices of the computer, as :func:`read_devices` takes it; None: they are not known.
        boot_critical: names of INFs or services that the loader of Windows must have.
        options: how they are brought in.
        catalog: in which ``catalog:NAME`` is looked for; None for that of the person.
    """

    drivers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    devices: str | None = None
    boot_critical: tuple[str, ...] = ()
    options: InjectionOptions = field(default_factory=InjectionOptions)
    catalog: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no drivers are asked for."""
        return not (self.drivers or self.packages)


@dataclass(frozen=True, slots=True)
class ChosenDrivers:
    """What was chosen; its files can be read as long as what they are in is open.

    Attributes:
        wanted: the drivers.
        without_driver: names of devices for which there is none among what was given.
        without_storage: those of them that are disk controllers for which Windows itself has none.
        warnings: sentences for people.
    """

    wanted: tuple[WantedDriver, ...]
    without_driver: tuple[str, ...] = ()
    without_storage: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def require_storage(self) -> None:
        """Refuse to go on when there is no driver for a disk controller, before anything is written.

        Raises:
            Incomplete: naming one.
        """
        if self.without_storage:
            raise Incomplete(
                f"there is no driver for the disk controller {self.without_storage[0]}; nothing was written"
            )


@contextmanager
def open_drivers(wish: DriverWish, os: TargetOs) -> Iterator[ChosenDrivers]:
    """Open what holds the drivers, choose those for a Windows, and yield them.

    Raises:
        InvalidInput: when none of a collection is for the Windows, or something is damaged.
        InvalidRequest: when nothing is to be chosen from, or there is no driver of a name.
        OsdImageError: when something cannot be read.
    """
    if wish.is_empty:
        raise InvalidRequest("no drivers are given to choose from")
    with ExitStack() as opened:
        supplies = [
            opened.enter_context(open_driver_files(each, catalog=wish.catalog))
            for each in (*wish.drivers, *wish.packages)
        ]
        given = _Given()
        for number, supply in enumerate(supplies):
            given.warnings += supply.notes
            given.add(supply, os, is_whole=number >= len(wish.drivers) or supply.is_inf)
        matching = None
        if wish.devices is not None:
            found = read_devices(wish.devices, os)
            given.warnings += found.warnings
            matching = match_drivers(given.packages, found.devices, os)
        yield _choose(wish, os, given, matching)


@dataclass(slots=True)
class _Given:
    """The packages of what was given that are for the Windows.

    Attributes:
        packages: each once.
        whole: of each, whether it is taken whatever the devices.
        warnings: sentences for people.
    """

    packages: list[DriverPackage] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _known: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def add(self, supply: Supply, os: TargetOs, *, is_whole: bool) -> None:
        """Add those of a supply.

        Raises:
            InvalidInput: when it has none for the Windows, or one that is not finished.
            OsdImageError: when it cannot be read.
        """
        for each in _packages_for(supply, os, self.warnings):
            # An INF of the same bytes is the same driver, wherever it lies.
            key = (each.name.casefold(), hashlib.sha256(each.read(each.name)).digest())
            number = self._known.get(key)
            if number is None:
                self._known[key] = len(self.packages)
                self.packages.append(each)
                self.whole.append(is_whole)
            else:
                self.whole[number] |= is_whole


def _packages_for(supply: Supply, os: TargetOs, warnings: list[str]) -> Sequence[DriverPackage]:
    """Return the packages of a supply that are for a Windows."""
    found = packages_in(
        supply.files, supply.folder, on_fault=lambda path, error: warnings.append(f"{path}: {error.said}")
    )
    if not found:
        raise InvalidInput(f"{supply.name}: holds no INF of a driver")
    choice = choose_packages(found, os)
    if not choice.taken:
        raise InvalidInput(f"{supply.name}: no driver there is for {os}: {_reasons(choice.left_out)}")
    refuse_unfinished(choice.taken)
    return choice.taken


def refuse_unfinished(packages: Iterable[DriverPackage]) -> None:
    """Refuse an INF in which a build has to replace something yet.

    Raises:
        InvalidInput: naming the first, and the line.
    """
    for each in packages:
        if each.inf.placeholder is not None:
            raise InvalidInput(
                f"{each.inf.name}: line {each.inf.placeholder.line}: is not a finished INF: "
                f"{quoted(each.inf.placeholder.text)} is in it"
            )


def _reasons(left_out: Sequence[LeftOut[DriverPackage]]) -> str:
    shown = "; ".join(f"{each.item.path}: {each.reason}" for each in left_out[:_SHOWN])
    return shown + (f"; and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else "")


def _choose(wish: DriverWish, os: TargetOs, given: _Given, matching: Matching | None) -> ChosenDrivers:
    packages, warnings = given.packages, given.warnings
    serves: list[list[DeviceMatch]] = [[] for _ in packages]
    if matching is not None:
        serves = _served(len(packages), matching)
    enabled = {} if matching is None else dict(_boot_models(packages, matching, os))
    for name in wish.boot_critical:
        number, model = _named(packages, name, os)
        enabled[number] = model
    wanted = [
        WantedDriver(package, tuple(each.device.name for each in serves[number]), enabled.get(number))
        for number, package in enumerate(packages)
        if matching is None or given.whole[number] or serves[number] or number in enabled
    ]
    if not wanted:
        raise InvalidInput(
            f"{wish.devices}: no device there has a driver in {', '.join((*wish.drivers, *wish.packages))}"
        )
    if wish.options.method is Method.BOOT:
        wanted = [each for each in wanted if each.boot_model is not None]
        if not wanted:
            raise InvalidRequest("no driver there is for a disk controller that is known to be in the computer")
    lacking = () if matching is None else matching.without_driver
    storage = tuple(each.device.name for each in lacking if is_foreign_storage(each.device, os))
    warnings += [f"{each}: a disk controller without a driver in what was given" for each in storage]
    if matching is None and not enabled and wish.options.method is Method.AUTO:
        warnings += not_enabled(packages, os)
    return ChosenDrivers(
        tuple(wanted), tuple(each.device.name for each in lacking), storage, tuple(dict.fromkeys(warnings))
    )


def not_enabled(packages: Iterable[DriverPackage], os: TargetOs) -> Iterator[str]:
    """Yield a sentence about the drivers of disk controllers, of which nothing says that they are needed."""
    names = list(dict.fromkeys(each.name for each in packages if boot_models(each.inf, os)))
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield (
            f"{', '.join(names[:_SHOWN])}{more}: not enabled for booting, as nothing says that a disk of the computer "
            "needs it: neither its devices nor a driver that must start are named"
        )


def _served(count: int, matching: Matching) -> list[list[DeviceMatch]]:
    """Return the devices that each package is taken for."""
    found: list[list[DeviceMatch]] = [[] for _ in range(count)]
    for device in matching.devices:
        for each in device.taken:
            found[each.driver.order].append(device)
    return found


def _boot_models(packages: Sequence[DriverPackage], matching: Matching, os: TargetOs) -> Iterator[tuple[int, Model]]:
    """Yield the packages that are the best for a disk controller, with the model, when the loader has to read them."""
    # One package can be the best for many devices.
    known: dict[int, tuple[Model, ...]] = {}
    for device in matching.devices:
        chosen = device.chosen
        if chosen is None:
            continue
        number = chosen.driver.order
        if number not in known:
            known[number] = boot_models(packages[number].inf, os)
        wanted = chosen.id.casefold()
        model = next((each for each in known[number] if wanted in {one.casefold() for one in each.ids}), None)
        if model is not None:
            yield number, model


def _named(packages: Sequence[DriverPackage], name: str, os: TargetOs) -> tuple[int, Model]:
    """Return the package of an INF or service that the loader must have."""
    folded = name.casefold()
    for number, package in enumerate(packages):
        for model, service in boot_services(package.inf, os):
            if folded in {service.name.casefold(), *_names(package)}:
                return number, model
    for package in packages:
        if folded in _names(package):
            models = package.inf.models(os)
            reason = why_not_boot(package.inf, models[0], os) if models else "it is for no device"
            raise InvalidRequest(f"{package.inf.name}: cannot be enabled for booting: {reason}")
    raise InvalidRequest(
        f"there is no driver {quoted(name)} in what was given; valid is the name of an INF or a service"
    )


def _names(package: DriverPackage) -> Iterable[str]:
    folded = package.name.casefold()
    return folded, folded.removesuffix(_INF)


def is_foreign_storage(device: Device, os: TargetOs) -> bool:
    """Tell whether a device is a disk controller for which Windows has no driver of its own."""
    codes = {found[1] for each in (*device.hardware_ids, *device.compatible_ids) for found in _STORAGE.finditer(each)}
    foreign = _FOREIGN if os.version >= _FIRST_WITH_NVME else _FOREIGN | {_NVME}
    return bool(codes & foreign)
