"""Drivers that a collection has several times: a folder for each Windows and architecture.

``virtio-win.iso`` has ``DRIVER/WINDOWS/ARCHITECTURE``, such as ``viostor/w10/amd64/viostor.inf``, and some drivers once
more as ``ARCHITECTURE/WINDOWS``.  Of one driver that folder is taken whose Windows is the newest that is not above the
target; of those of one version, as Windows 10, 11 and Server 2016 to 2025 are, one for a server on a server, where
there is one, and for a workstation elsewhere.  So decorations of INFs are chosen, too, and what an INF says of the
Windows that it is for decides before the name of its folder.

Source: virtio-win-pkg-scripts, ``util/filemap.py``, for the names, and Microsoft's "Windows 10 release information" and
"Windows Server release information" for builds; Microsoft, "INF Manufacturer Section", for the order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidInput

_Item = TypeVar("_Item")
# Version, build, and whether it is a server.  Of a version before 10.0 the build does not count.
_SYSTEMS = {
    "xp": (5, 1, 0, False),
    "2k3": (5, 2, 0, True),
    "vista": (6, 0, 0, False),
    "2k8": (6, 0, 0, True),
    "w7": (6, 1, 0, False),
    "2k8r2": (6, 1, 0, True),
    "w8": (6, 2, 0, False),
    "2k12": (6, 2, 0, True),
    "w8.1": (6, 3, 0, False),
    "2k12r2": (6, 3, 0, True),
    "w10": (10, 0, 0, False),
    "2k16": (10, 0, 14393, True),
    "2k19": (10, 0, 17763, True),
    "2k22": (10, 0, 20348, True),
    "w11": (10, 0, 22000, False),
    "2k25": (10, 0, 26100, True),
}
_ARCHITECTURES = {
    "amd64": Architecture.AMD64,
    "x64": Architecture.AMD64,
    "x86": Architecture.X86,
    "i386": Architecture.X86,
    "arm64": Architecture.ARM64,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """What the names of the folders of a driver say.

    Attributes:
        driver: the folder without those of Windows and architecture, which all variants of a driver share.
        system: the name for the Windows, as it is there.
        architecture: that it is for.
    """

    driver: str
    system: str
    architecture: Architecture

    @classmethod
    def of(cls, folder: str) -> Variant | None:
        """Return what the last two names of a folder say, or None when they are others."""
        *above, first, second = ("", "", *folder.split("/"))
        for system, architecture in ((first, second), (second, first)):
            if system.lower() in _SYSTEMS and architecture.lower() in _ARCHITECTURES:
                return cls("/".join(filter(None, above)), system, _ARCHITECTURES[architecture.lower()])
        return None

    def fault(self, os: TargetOs) -> str | None:
        """Return why it is not for a Windows, or None."""
        if self.architecture is not os.architecture:
            return f"it is for {self.architecture}"
        major, minor, build, _ = _SYSTEMS[self.system.lower()]
        if (major, minor, build) > (os.major, os.minor, os.build):
            return f"it is for a newer Windows, {self.system}"
        return None

    def nearness(self, os: TargetOs) -> tuple[int, int, bool, int]:
        """Return what the variants of a driver are compared by; the highest is the nearest to a Windows."""
        major, minor, build, is_server = _SYSTEMS[self.system.lower()]
        return major, minor, is_server == (os.product is not ProductType.WORKSTATION), build


@dataclass(frozen=True, slots=True)
class LeftOut(Generic[_Item]):
    """What was not taken.

    Attributes:
        item: what it is.
        reason: why, as a sentence about it.
    """

    item: _Item
    reason: str


@dataclass(frozen=True, slots=True)
class Choice(Generic[_Item]):
    """What of a collection is for a Windows.

    Attributes:
        taken: in the order of the collection.
        left_out: the rest.
    """

    taken: tuple[_Item, ...]
    left_out: tuple[LeftOut[_Item], ...]


class Placed(Protocol):
    """What a collection may have several times."""

    @property
    def name(self) -> str:
        """The file name of its INF."""

    @property
    def folders(self) -> Sequence[str]:
        """Where it lies, with ``/``: the same files may be in several folders."""


_Placed = TypeVar("_Placed", bound=Placed)


def choose_placed(items: Sequence[_Placed], os: TargetOs) -> Choice[_Placed]:
    """Choose by the names of folders alone; what lies in none whose names say something is taken."""
    return _choose(items, os, lambda each: each.folders, lambda _: None, lambda each: each.name)


def choose_folders(folders: Iterable[str], os: TargetOs) -> Choice[str]:
    """Choose folders by their names alone; one whose names say nothing is taken.

    Args:
        folders: paths with ``/``.
        os: the Windows.
    """
    return _choose(list(folders), os, lambda each: (each,), lambda _: None)


def choose_packages(packages: Sequence[DriverPackage], os: TargetOs) -> Choice[DriverPackage]:
    """Choose the packages that are for a Windows, by their INFs and then by the names of their folders, each once.

    One for no device, and one that cannot be judged since it is not finished or damaged, is taken.

    Raises:
        InvalidVolume, StorageError: when files of a package cannot be read.
    """
    chosen = _choose(packages, os, lambda each: each.folders, lambda each: _inf_fault(each, os), lambda each: each.name)
    return _without_copies(chosen, os)


@dataclass(frozen=True, slots=True)
class _Rival:
    """A place in which something lies that may lie in others, and what its names say."""

    number: int
    folder: str
    variant: Variant


def _choose(
    items: Sequence[_Item],
    os: TargetOs,
    folders_of: Callable[[_Item], Sequence[str]],
    fault_of: Callable[[_Item], str | None],
    name_of: Callable[[_Item], str] = lambda _: "",
) -> Choice[_Item]:
    reasons: dict[int, str] = {}
    rivals: dict[tuple[str, str], list[_Rival]] = {}
    for number, item in enumerate(items):
        places = [
            _Rival(number, each, variant) for each in folders_of(item) if (variant := Variant.of(each)) is not None
        ]
        faults = [each.variant.fault(os) for each in places]
        # What lies in several folders is for each Windows that one of them is for.
        fault = fault_of(item) or (None if None in faults else next(iter(faults), None))
        if fault is not None:
            reasons[number] = fault
            continue
        for place, unfit in zip(places, faults, strict=True):
            if unfit is None:
                key = place.variant.driver.casefold(), name_of(item).casefold()
                rivals.setdefault(key, []).append(place)
    reasons |= _beaten(rivals.values(), os)
    taken = tuple(item for number, item in enumerate(items) if number not in reasons)
    return Choice(taken, tuple(LeftOut(items[number], reasons[number]) for number in sorted(reasons)))


def _beaten(rivals: Iterable[Sequence[_Rival]], os: TargetOs) -> dict[int, str]:
    """Return the numbers of what lies beside something nearer to a Windows, and why it is not taken."""
    reasons: dict[int, str] = {}
    for each in rivals:
        best = max(each, key=lambda rival: (rival.variant.nearness(os), -rival.number))
        # Two folders for one Windows, spelled in two ways, are both taken: nothing tells them apart.
        near = {rival.number for rival in each if rival.variant.nearness(os) == best.variant.nearness(os)}
        for rival in each:
            if rival.number not in near:
                reasons.setdefault(rival.number, f"{best.folder} is nearer to {os}")
    return reasons


def _inf_fault(package: DriverPackage, os: TargetOs) -> str | None:
    """Return why a package is for no device on a Windows, or None."""
    inf = package.inf
    if inf.is_primitive or inf.placeholder is not None:
        return None
    try:
        if inf.models(os):
            return None
    except InvalidInput:
        return None
    platforms = ", ".join(each.text or "no platform" for each in inf.platforms) or "none"
    return f"its INF has no device for {os}; its platforms are {platforms}"


def _without_copies(choice: Choice[DriverPackage], os: TargetOs) -> Choice[DriverPackage]:
    """Leave out packages of which all files are those of one before."""
    first: dict[bytes, DriverPackage] = {}
    by_name: dict[str, list[DriverPackage]] = {}
    for each in choice.taken:
        by_name.setdefault(each.name.casefold(), []).append(each)
    copies: list[LeftOut[DriverPackage]] = []
    taken: list[DriverPackage] = []
    for each in choice.taken:
        if len(by_name[each.name.casefold()]) > 1:
            same = first.setdefault(_digest(each, os), each)
            if same is not each:
                copies.append(LeftOut(each, f"all its files are those of {same.path}"))
                continue
        taken.append(each)
    return Choice(tuple(taken), (*choice.left_out, *copies))


def _digest(package: DriverPackage, os: TargetOs) -> bytes:
    """Return a hash of the names and contents of all files of a package for a Windows."""
    made = hashlib.sha256()
    for path in sorted(_files(package, os), key=str.casefold):
        facts = package.find(path)
        contents = b"" if facts is None else hashlib.sha256(package.read(path, facts.size)).digest()
        made.update(repr((path.casefold(), contents)).encode())
    return made.digest()


def _files(package: DriverPackage, os: TargetOs) -> Iterator[str]:
    yield package.name
    try:
        closure = package.inf.files(os)
    except InvalidInput:
        return
    if closure.catalog is not None:
        yield closure.catalog
    yield from (each.path for each in closure.files)
