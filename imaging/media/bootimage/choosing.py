r"""Which of the drivers that are given a boot image gets.

A boot image needs drivers of storage and network: what else there is, it starts without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from osdimage.imaging.drivers.devices.listing import Devices
from osdimage.imaging.drivers.inf.decorations import best_of
from osdimage.imaging.drivers.offline.boot_driver import class_of
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.ranking.match import Matching, match_drivers
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.drivers.supplied.variants import choose_packages
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.media.bootimage.plan import LeftOut
from osdimage.imaging.media.bootimage.work import BootWork

_NETWORK, _NETWORK_NAME = "{4D36E972-E325-11CE-BFC1-08002BE10318}", "net"
"""Net ("System-Defined Device Setup Classes Available to Vendors")."""
_NEEDED = re.compile(r"&CC_0[12]", re.IGNORECASE)
"""Mass storage and network controllers among the compatible ids of PCI."""
_PACKAGE_OF_WINDOWS = "update.mum"
REST = 2
"""The rank of what is neither storage nor network."""


@dataclass(frozen=True, slots=True)
class DriverWish:
    """Which drivers a boot image is to have.

    Attributes:
        supplies: what is given; they must be open until the plan is carried out.
        devices: tells the devices, as a Windows names them, of which the drivers are taken; None for all that are for
            the Windows PE.
        every: take drivers of every class, not those of storage and network alone.
        packages: drivers that are given one by one, such as those of a catalog.
        allow_modified: take also packages whose files are not those that their catalogs vouch for.
    """

    supplies: tuple[Supply, ...] = ()
    devices: Callable[[TargetOs], Devices] | None = None
    every: bool = False
    packages: tuple[DriverPackage, ...] = ()
    allow_modified: bool = False


@dataclass(frozen=True, slots=True)
class ChosenDriver:
    """A package that is taken.

    Attributes:
        package: its INF and where its files are.
        is_named: whether its INF was named by itself.
    """

    package: DriverPackage
    is_named: bool

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.package.inf.name


def choose_drivers(work: BootWork, wish: DriverWish, os: TargetOs) -> list[ChosenDriver]:
    """Return the drivers that are taken, in the order in which they are loaded; the others are noted in the work.

    Raises:
        OsdImageError: as :func:`plan_drivers`.
    """
    fitting = [each for supply in wish.supplies for each in _fitting(work, supply, os)]
    if wish.packages:
        fitting += _chosen_of(work, wish.packages, "what the catalog has of these names", os, is_named=False)
    served = fitting if wish.devices is None else _serving(work, fitting, wish.devices(os), os)
    taken = _one_of_each_name(work, served, os)
    chosen = []
    for each in taken:
        if wish.every or each.is_named or class_rank(each.package) < REST:
            chosen.append(each)
        else:
            name = each.package.inf.version.class_name or "none that is told"
            work.left_out.append(LeftOut(each.called, f"is of the class {name}, neither storage nor network"))
    if taken and not chosen:
        classes = ", ".join(sorted({each.package.inf.version.class_name for each in taken}))
        raise InvalidInput(
            f"{work.files.name}: no driver of those given is one of storage or network; they are of: {classes}",
            remedy=Remedy("{} takes drivers of every class", (Means.EVERY_DRIVER,)),
        )
    return sorted(chosen, key=lambda each: (class_rank(each.package), each.package.name.lower()))


def _fitting(work: BootWork, supply: Supply, os: TargetOs) -> list[ChosenDriver]:
    """Return the packages of a supply that are for the Windows PE.

    Raises:
        InvalidInput: when none is.
    """
    if supply.files.find(_PACKAGE_OF_WINDOWS) is not None:
        raise InvalidRequest(f"{supply.name}: is a package of Windows itself, {_DISM}")
    faults: list[LeftOut] = []
    found = packages_in(
        supply.files,
        supply.folder,
        on_fault=None if supply.is_inf else lambda path, error: faults.append(LeftOut(path, error.said)),
    )
    return _chosen_of(work, found, supply.name, os, is_named=supply.is_inf, faults=faults)


def _chosen_of(
    work: BootWork,
    packages: Sequence[DriverPackage],
    name: str,
    os: TargetOs,
    *,
    is_named: bool,
    faults: Sequence[LeftOut] = (),
) -> list[ChosenDriver]:
    """Return the packages that are for the Windows PE; of a driver that is there for several Windows the nearest.

    Raises:
        InvalidInput: when none is; ``name`` is what messages call where they are.
    """
    left = [*faults, *(LeftOut(each.inf.name, why) for each in packages if (why := _unusable(each)) is not None)]
    choice = choose_packages([each for each in packages if _unusable(each) is None], os)
    left += [LeftOut(each.item.inf.name, each.reason) for each in choice.left_out]
    if not choice.taken:
        told = "; ".join(f"{each.source}: {each.why}" for each in left[:_TOLD]) or "there is no INF of a driver"
        more = f"; and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
        raise InvalidInput(f"{name}: holds no driver for {os}, which the boot image is: {told}{more}")
    work.left_out += left
    return [ChosenDriver(each, is_named) for each in choice.taken]


_DISM = "which needs DISM on Windows: dism /Image:DIR /Add-Package /PackagePath:FILE"
_TOLD = 5
_UPDATE = ".msu"


def refuse_package(path: str) -> None:
    """Refuse the path of an update of Windows, by its name.

    Raises:
        InvalidRequest: which names the command that takes it.
    """
    if path.lower().endswith(_UPDATE):
        raise InvalidRequest(f"{path}: is an update of Windows, {_DISM}")


def _unusable(package: DriverPackage) -> str | None:
    """Say why a package is of no use to any Windows PE; None when it is."""
    inf = package.inf
    if inf.placeholder is not None:
        return f"is a template, and no finished INF: {inf.placeholder.text} in line {inf.placeholder.line}"
    return "is a driver for no device, which drvload does not load" if inf.is_primitive else None


def _one_of_each_name(work: BootWork, packages: Iterable[ChosenDriver], os: TargetOs) -> list[ChosenDriver]:
    """Return of INFs of one name the best: a second version of a driver that is loaded does harm."""
    best: dict[str, ChosenDriver] = {}
    for each in packages:
        name = each.package.name.lower()
        old = best.setdefault(name, each)
        if old is each:
            continue
        winner, loser = (each, old) if _merit(each.package, os) > _merit(old.package, os) else (old, each)
        best[name] = winner
        work.left_out.append(LeftOut(loser.called, f"is there once more, as {winner.called}, which is taken"))
    return list(best.values())


def _merit(package: DriverPackage, os: TargetOs) -> tuple[object, ...]:
    """Return what is the highest of the best of several INFs of one name: how new, and for how late a Windows."""
    version = package.inf.version.driver_version
    decoration = best_of(package.inf.platforms, os)
    late = ((0, 0), 0) if decoration is None else (decoration.version, decoration.build or 0)
    return (version is not None, version.newness if version is not None else (), late)


def _serving(work: BootWork, packages: Sequence[ChosenDriver], devices: Devices, os: TargetOs) -> list[ChosenDriver]:
    """Return the packages that are the best for one of the devices."""
    matching = match_drivers([each.package for each in packages], devices.devices, os)
    taken = [packages[facts.order] for facts in matching.taken]
    if not taken:
        raise InvalidInput(
            f"{devices.source}: none of its {len(devices.devices)} devices is served by a driver of those given"
        )
    work.left_out += [LeftOut(packages[each.driver.order].called, each.why.value) for each in matching.unused]
    work.warnings += [f"{devices.source}: {text}" for text in devices.warnings]
    work.warnings += _without(matching, devices)
    return taken


def _without(matching: Matching, devices: Devices) -> list[str]:
    """Tell of controllers of disks and of network for which nothing was given."""
    names = [
        each.device.name
        for each in matching.without_driver
        if any(_NEEDED.search(found) for found in (*each.device.hardware_ids, *each.device.compatible_ids))
    ]
    if not names:
        return []
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    told = f"{', '.join(names[:_TOLD])}{more}"
    return [f"{devices.source}: no driver of those given is for {told}; the boot image may have one of its own"]


def class_rank(package: DriverPackage) -> int:
    """Return when drivers of a class are loaded: storage, network, the rest."""
    if class_of(package.inf) is not None:
        return 0
    guid, name = package.inf.version.class_guid, package.inf.version.class_name.strip().lower()
    return 1 if guid == _NETWORK or (guid is None and name == _NETWORK_NAME) else REST
