r"""Drivers in a boot image: where they go, and what loads them.

Windows PE runs from memory, so that nothing has to be in its driver store: ``drvload`` loads an INF when the image
starts (Microsoft, "Drvload Command-Line Options").  Windows Setup loads what is in ``\$WinPEDriver$`` and puts it into
the Windows that it installs (KB 2686316).  The order is that of the script: storage, network, the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from osdimage.imaging.drivers.injection.staging import STAGED, folder_name
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.signed.package import require_vouched
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage import places, startnet, winpeshl
from osdimage.imaging.media.bootimage.choosing import ChosenDriver, DriverWish, choose_drivers, class_rank
from osdimage.imaging.media.bootimage.facts import BootKind, DriverWay
from osdimage.imaging.media.bootimage.ini import IniText
from osdimage.imaging.media.bootimage.plan import PlannedDriver
from osdimage.imaging.media.bootimage.script import driver_script, refuse_unsafe
from osdimage.imaging.media.bootimage.work import BootWork
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.windows_names import checked_path

LAUNCH_LINE = r'%SYSTEMROOT%\System32\cmd.exe, "/c %SYSTEMROOT%\System32\osdimage-drivers.cmd"'
"""What loads the drivers where a winpeshl.ini says what is started."""
_LARGEST_FILE = 1024 * MIB
_TOLD = 5


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
    """What is in the folder of drivers of an image.

    Attributes:
        root: the folder.
        folders: those of osdimage with their numbers, by the names of the INFs in lower case.
        ranks: when each INF of these is loaded.
        next_number: above those of all folders, whoever made them.
    """

    root: str
    folders: dict[str, tuple[int, str]] = field(default_factory=dict)
    ranks: dict[str, tuple[int, int]] = field(default_factory=dict)
    next_number: int = 0


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
        _stage(work, staged, each, files_of(work, each, os, allow_modified=wish.allow_modified), way)
    if way is DriverWay.LOADED and chosen:
        infs = sorted(staged.ranks, key=lambda path: staged.ranks[path])
        work.put(places.SCRIPT, driver_script(infs))
        _call_script(work)


def _place_of(kind: BootKind) -> tuple[str, DriverWay]:
    return (places.WINPE_DRIVER, DriverWay.SETUP) if kind is BootKind.SETUP else (places.DRIVERS, DriverWay.LOADED)


# ---- where they go


def _staged_in(files: FileSource, root: str) -> _Staged:
    """Return what osdimage has put into an image before."""
    found = _Staged(root)
    facts = files.find(root)
    if facts is None or not facts.is_directory or facts.is_link:
        return found
    for each in files.list(root):
        match = STAGED.fullmatch(each.name)
        if match is None or not each.is_directory or each.is_link:
            continue
        number = int(match[1])
        found.next_number = max(found.next_number, number + 1)
        for package in packages_in(files, each.path, on_fault=lambda *_: None):
            is_in_it = package.folder.lower() == each.path.lower()
            # A folder that is not called by its INF is somebody else's, and stays as it is.
            if is_in_it and each.name.lower() == folder_name(number, package.name).lower():
                found.folders[package.name.lower()] = (number, each.path)
                found.ranks[f"{each.path}/{package.name}"] = (class_rank(package), number)
    return found


def _stage(work: BootWork, staged: _Staged, chosen: ChosenDriver, contents: list[DriverFile], way: DriverWay) -> None:
    """Plan the folder of a package: that of an older one of its name, or a new one."""
    package = chosen.package
    refuse_unsafe(package.name)
    name = package.name.lower()
    number, folder = staged.folders.get(name, (staged.next_number, ""))
    if not folder:
        folder = f"{staged.root}/{folder_name(number, package.name)}"
        staged.folders[name] = (number, folder)
        staged.next_number = number + 1
    is_new = work.replace_folder(folder, [(each.path, each) for each in contents])
    inf = f"{folder}/{package.name}"
    for path in [each for each in staged.ranks if each.lower() == inf.lower()]:
        del staged.ranks[path]
    staged.ranks[inf] = (class_rank(package), number)
    work.drivers.append(planned(chosen, inf, way, contents, is_new=is_new))


def planned(
    chosen: ChosenDriver, inf: str, way: DriverWay, contents: Iterable[DriverFile], *, is_new: bool
) -> PlannedDriver:
    """Return what is told of a driver whose INF gets a path in an image."""
    version = chosen.package.inf.version
    told = None if version.driver_version is None else str(version.driver_version)
    size = sum(each.size for each in contents)
    return PlannedDriver(inf, chosen.called, version.class_name, told, way, size, is_new)


def files_of(work: BootWork, chosen: ChosenDriver, os: TargetOs, *, allow_modified: bool = False) -> list[DriverFile]:
    """Return the files of a package: its INF, its catalog, and those that it names and holds.

    Raises:
        InvalidInput: when files are missing that it copies, or are not what its catalog vouches for; it lists them.
        InvalidRequest: when one has a name that Windows does not open.
        InvalidVolume, StorageError: when one cannot be read.
    """
    package = chosen.package
    missing = package.missing(os)
    if missing:
        raise InvalidInput(
            f"{chosen.called}: the package lacks files that its INF names: {_listed(each.path for each in missing)}"
        )
    closure = package.inf.files(os)
    paths = [package.name, *([closure.catalog] if closure.catalog else []), *(each.path for each in closure.files)]
    work.warnings += require_vouched([package], os, allows_modified=allow_modified)
    found: dict[str, DriverFile] = {}
    for path in paths:
        facts = package.find(path)
        if facts is not None:
            found.setdefault(path.lower(), DriverFile(package, checked_path(path), facts.size))
    return list(found.values())


def _listed(texts: Iterable[str]) -> str:
    found = list(texts)
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return ", ".join(found[:_TOLD]) + more


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
