r"""Drivers for a boot image: which of those that are given are taken, where they go, and what loads them.

Windows PE runs from memory, so that nothing has to be in its driver store: ``drvload`` loads an INF when the image
starts (Microsoft, "Drvload Command-Line Options").  Windows Setup loads what is in ``\$WinPEDriver$`` and puts it into
the Windows that it installs (KB 2686316).  The order is that of the script: storage, network, the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.drivers.devices.listing import Devices
from osdimage.imaging.drivers.inf.decorations import best_of
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.ranking.match import Matching, match_drivers
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage import places, startnet, winpeshl
from osdimage.imaging.media.bootimage.facts import BootKind, DriverWay
from osdimage.imaging.media.bootimage.ini import IniText
from osdimage.imaging.media.bootimage.names import checked_path
from osdimage.imaging.media.bootimage.plan import LeftOut, PlannedDriver
from osdimage.imaging.media.bootimage.script import driver_script, folder_name, refuse_unsafe
from osdimage.imaging.media.bootimage.work import BootWork
from osdimage.imaging.units import MIB

LAUNCH_LINE = r'%SYSTEMROOT%\System32\cmd.exe, "/c %SYSTEMROOT%\System32\osdimage-drivers.cmd"'
"""What loads the drivers where a winpeshl.ini says what is started."""
_LARGEST_FILE = 1024 * MIB
_STORAGE = frozenset({"{4D36E97B-E325-11CE-BFC1-08002BE10318}", "{4D36E96A-E325-11CE-BFC1-08002BE10318}"})
"""SCSIAdapter and HDC ("System-Defined Device Setup Classes Available to Vendors")."""
_NETWORK = frozenset({"{4D36E972-E325-11CE-BFC1-08002BE10318}"})
_OURS = re.compile(r"(\d{2,})-.+")
_NEEDED = re.compile(r"&CC_0[12]", re.IGNORECASE)
"""Mass storage and network controllers among the compatible ids of PCI."""
_SIGNED_ONLY = frozenset({Architecture.AMD64, Architecture.ARM64})
_PACKAGE_OF_WINDOWS = "update.mum"


@dataclass(frozen=True, slots=True)
class DriverWish:
    """Which drivers a boot image is to have.

    Attributes:
        supplies: what is given; they must be open until the plan is carried out.
        devices: tells the devices, as a Windows names them, of which the drivers are taken; None for all that are for
            the Windows PE.
        every: take drivers of every class, not those of storage and network alone.
    """

    supplies: tuple[Supply, ...] = ()
    devices: Callable[[TargetOs], Devices] | None = None
    every: bool = False


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


@dataclass(frozen=True, slots=True)
class DriverFile:
    """A file of a package.

    Attributes:
        package: which.
        path: in its folder, names separated by ``/``.
        size: in bytes.
    """

    package: DriverPackage
    path: str
    size: int

    def read(self) -> bytes:
        """Return its contents."""
        return self.package.read(self.path, _LARGEST_FILE)


@dataclass(slots=True)
class _Staged:
    """What is in the folder of drivers of an image, by the names of the INFs."""

    root: str
    folders: dict[str, tuple[int, str]] = field(default_factory=dict)
    ranks: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def next_number(self) -> int:
        return max((number for number, _ in self.folders.values()), default=-1) + 1


def plan_drivers(work: BootWork, wish: DriverWish) -> None:
    """Plan which drivers an image gets, and what loads them; nothing is written.

    Raises:
        InvalidRequest: when a package that DISM alone installs is given.
        InvalidInput: when nothing that is given is for the image, a package lacks files, or an INF cannot be read.
        InvalidVolume, StorageError: when files cannot be read.
    """
    os = offline_windows(work.files).os
    chosen = choose_drivers(work, wish, os)
    root, way = _place_of(work.kind)
    staged = _staged_in(work.files, root)
    for each in chosen:
        _stage(work, staged, each, way, os)
    if way is DriverWay.LOADED and chosen:
        infs = sorted(staged.ranks, key=lambda path: staged.ranks[path])
        work.put(places.SCRIPT, driver_script(infs))
        _call_script(work)


def _place_of(kind: BootKind) -> tuple[str, DriverWay]:
    return (places.WINPE_DRIVER, DriverWay.SETUP) if kind is BootKind.SETUP else (places.DRIVERS, DriverWay.LOADED)


# ---- which are taken


def choose_drivers(work: BootWork, wish: DriverWish, os: TargetOs) -> list[ChosenDriver]:
    """Return the drivers that are taken, in the order in which they are loaded; the others are noted in the work.

    Raises:
        OsdImageError: as :func:`plan_drivers`.
    """
    fitting = [each for supply in wish.supplies for each in _fitting(work, supply, os)]
    served = fitting if wish.devices is None else _serving(work, fitting, wish.devices(os), os)
    taken = _one_of_each_name(work, served, os)
    chosen = []
    for each in taken:
        if wish.every or each.is_named or _class_rank(each.package) < _REST:
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
    return sorted(chosen, key=lambda each: (_class_rank(each.package), each.package.name.lower()))


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
    fitting = []
    for package in found:
        why = _unfit(package, os)
        if why is None:
            fitting.append(ChosenDriver(package, supply.is_inf))
        else:
            faults.append(LeftOut(package.inf.name, why))
    if not fitting:
        told = "; ".join(f"{each.source}: {each.why}" for each in faults[:_TOLD]) or "there is no INF of a driver"
        more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        raise InvalidInput(f"{supply.name}: holds no driver for {os}, which the boot image is: {told}{more}")
    work.left_out += faults
    return fitting


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


def _unfit(package: DriverPackage, os: TargetOs) -> str | None:
    """Say why a package is not for a Windows; None when it is."""
    inf = package.inf
    if inf.placeholder is not None:
        return f"is a template, and no finished INF: {inf.placeholder.text} in line {inf.placeholder.line}"
    if inf.is_primitive:
        return "is a driver for no device, which drvload does not load"
    try:
        if inf.models(os):
            return None
    except InvalidInput as error:
        return error.said
    return f"is for {', '.join(map(str, inf.platforms)) or 'no Windows'}"


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
    return [
        f"{devices.source}: no driver of those given is for {each.device.name}; the boot image may have one of its own"
        for each in matching.without_driver
        if any(_NEEDED.search(found) for found in (*each.device.hardware_ids, *each.device.compatible_ids))
    ]


_REST = 2


def _class_rank(package: DriverPackage) -> int:
    """Return when drivers of a class are loaded: storage, network, the rest."""
    version = package.inf.version
    guid, name = (version.class_guid or "").upper(), version.class_name.lower()
    if guid in _STORAGE or (not guid and name in {"scsiadapter", "hdc"}):
        return 0
    return 1 if guid in _NETWORK or (not guid and name == "net") else _REST


# ---- where they go


def _staged_in(files: FileSource, root: str) -> _Staged:
    """Return what osdimage has put into an image before."""
    found = _Staged(root)
    facts = files.find(root)
    if facts is None or not facts.is_directory or facts.is_link:
        return found
    for each in files.list(root):
        match = _OURS.fullmatch(each.name)
        if match is None or not each.is_directory or each.is_link:
            continue
        for package in packages_in(files, each.path, on_fault=lambda *_: None):
            if package.folder.lower() == each.path.lower():
                found.folders[package.name.lower()] = (int(match[1]), each.path)
                found.ranks[f"{each.path}/{package.name}"] = (_class_rank(package), int(match[1]))
    return found


def _stage(work: BootWork, staged: _Staged, chosen: ChosenDriver, way: DriverWay, os: TargetOs) -> None:
    """Plan the folder of a package: that of an older one of its name, or a new one."""
    package = chosen.package
    refuse_unsafe(package.name)
    contents = files_of(work, chosen, os)
    name = package.name.lower()
    number, folder = staged.folders.get(name, (staged.next_number, ""))
    if not folder:
        folder = f"{staged.root}/{folder_name(number, package.name)}"
        staged.folders[name] = (number, folder)
    is_new = work.replace_folder(folder, [(each.path, each) for each in contents])
    inf = f"{folder}/{package.name}"
    for path in [each for each in staged.ranks if each.lower() == inf.lower()]:
        del staged.ranks[path]
    staged.ranks[inf] = (_class_rank(package), number)
    work.drivers.append(planned(chosen, inf, way, contents, is_new=is_new))


def planned(
    chosen: ChosenDriver, inf: str, way: DriverWay, contents: Iterable[DriverFile], *, is_new: bool
) -> PlannedDriver:
    """Return what is told of a driver whose INF gets a path in an image."""
    version = chosen.package.inf.version
    told = None if version.driver_version is None else str(version.driver_version)
    size = sum(each.size for each in contents)
    return PlannedDriver(inf, chosen.called, version.class_name, told, way, size, is_new)


def files_of(work: BootWork, chosen: ChosenDriver, os: TargetOs) -> list[DriverFile]:
    """Return the files of a package: its INF, its catalog, and those that it names and holds.

    Raises:
        InvalidInput: when files are missing that it copies; it lists them.
        InvalidRequest: when one has a name that Windows does not open.
    """
    package = chosen.package
    missing = package.missing(os)
    if missing:
        names = ", ".join(each.path for each in missing[:_TOLD])
        more = f" and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
        raise InvalidInput(f"{chosen.called}: the package lacks files that its INF names: {names}{more}")
    closure = package.inf.files(os)
    paths = [package.name, *([closure.catalog] if closure.catalog else []), *(each.path for each in closure.files)]
    if os.architecture in _SIGNED_ONLY and (closure.catalog is None or package.find(closure.catalog) is None):
        work.warnings.append(
            f"{chosen.called}: has no catalog ({closure.catalog or 'and names none'}); Windows of {os.architecture} "
            "loads no kernel driver without a signature"
        )
    found: dict[str, DriverFile] = {}
    for path in paths:
        facts = package.find(path)
        if facts is not None:
            found.setdefault(path.lower(), DriverFile(package, checked_path(path), facts.size))
    return list(found.values())


# ---- what loads them


def _call_script(work: BootWork) -> None:
    """Plan that the script is called: by winpeshl.ini where there is one, which keeps startnet.cmd from being run."""
    shell = work.read(places.WINPESHL_INI)
    if shell is None:
        script = work.read(places.STARTNET)
        work.put(places.STARTNET, startnet.with_block(startnet.DEFAULT if script is None else script))
        return
    name = work.name_of(places.WINPESHL_INI)
    ini = IniText.parse(shell, name=name)
    if winpeshl.line_with(ini, places.SCRIPT_NAME) is not None:
        return
    winpeshl.put_first(ini, LAUNCH_LINE, name)
    work.put(places.WINPESHL_INI, ini.to_bytes())
    work.warnings.append(
        f"{name}: says what is started, so that startnet.cmd may never run: the drivers are loaded by a line in front "
        "of its others"
    )
