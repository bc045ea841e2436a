r"""The folders of staged drivers: ``\Drivers\NN-<name of the INF>``, each with one INF and its own files.

A folder of the same driver that is there already keeps its number, so that the same again changes nothing; another
driver gets the next number that no folder has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource

FOLDER = "Drivers"
"""Where drivers are staged, below the root of the volume."""
STAGED = re.compile(r"(\d{2,4})-[A-Za-z0-9._-]+", re.ASCII)
"""The names of our folders there."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_MOMENTARY = ".osdimage-"
"""What the names of files begin with that an interrupted run may leave in a folder of Linux."""
_LONGEST = 40
_MOST = 9999


@dataclass(frozen=True, slots=True)
class StagedFile:
    r"""A file of a driver.

    Attributes:
        path: below the folder of the driver, names separated by ``/``.
        size: in bytes.
        source: where its contents are read.
        source_path: its path there.
    """

    path: str
    size: int
    source: FileSource = field(repr=False, compare=False)
    source_path: str

    def read(self) -> bytes:
        """Return the contents.

        Raises:
            OsdImageError: as :meth:`FileSource.read`.
        """
        return self.source.read(self.source_path, limit=max(1, self.size))


@dataclass(frozen=True, slots=True)
class DriverFiles:
    """A driver that is to be staged: the name of its INF, and all its files, that one too."""

    inf: str
    files: tuple[StagedFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


@dataclass(frozen=True, slots=True)
class StagedDriver:
    """A driver in its folder.

    Attributes:
        folder: the name of the folder.
        inf: the name of the INF in it.
        files: of the driver.
        is_there: the folder is there with all these files already.
    """

    folder: str
    inf: str
    files: tuple[StagedFile, ...] = ()
    is_there: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def plain_name(inf: str) -> str:
    """Return what the folder of an INF is called behind its number: nothing that a command line or a list takes apart.

    >>> plain_name("Intel(R) Ethernet 12.inf")
    'Intel_R_Ethernet_12'
    """
    stem = inf[: -len(".inf")] if inf.lower().endswith(".inf") else inf
    return _NOT_PLAIN.sub("_", stem)[:_LONGEST].strip("._-") or "driver"


def folder_name(number: int, inf: str) -> str:
    """Return the name of the folder of a driver, in a Windows or a boot image.

    >>> folder_name(3, "viostor.inf")
    '03-viostor'
    """
    return f"{number:02}-{plain_name(inf)}"


def stage(drivers: Iterable[DriverFiles], target: FileSource) -> tuple[StagedDriver, ...]:
    """Return the folders of drivers in a Windows; nothing is written.

    Args:
        drivers: in the order of their numbers.
        target: the files of the volume or image.

    Raises:
        InvalidRequest: when there are more than folders can be numbered.
        OsdImageError: when the target or a driver cannot be read.
    """
    there = list(_staged_folders(target))
    numbers = {int(name.partition("-")[0]) for name in there}
    free = (number for number in range(_MOST + 1) if number not in numbers)
    made = []
    for driver in drivers:
        name = plain_name(driver.inf)
        same = [each for each in there if each.partition("-")[2].lower() == name.lower()]
        # What an interrupted run has begun is gone on with.
        held = {each: _held(target, each, driver.files) for each in same}
        mine = next((each for wanted in (True, False) for each in same if held[each] is wanted), None)
        if mine is not None:
            there.remove(mine)
            made.append(StagedDriver(mine, driver.inf, driver.files, is_there=held[mine] is True))
            continue
        number = next(free, None)
        if number is None:
            raise InvalidRequest(f"there are more than {_MOST} drivers; valid are fewer at a time")
        made.append(StagedDriver(folder_name(number, driver.inf), driver.inf, driver.files))
    return tuple(made)


def staged_before(target: FileSource, drivers: Sequence[StagedDriver]) -> Iterator[StagedDriver]:
    """Yield what else is staged in a Windows and not installed yet, by the INF that each folder has.

    Raises:
        OsdImageError: when it cannot be read.
    """
    mine = {each.folder.lower() for each in drivers}
    for folder in _staged_folders(target):
        if folder.lower() in mine:
            continue
        names = [each.name for each in target.list(f"{FOLDER}/{folder}") if not each.is_directory]
        inf = next((each for each in names if each.lower().endswith(".inf")), None)
        if inf is not None:
            yield StagedDriver(folder, inf, is_there=True)


def device_path(old: str, folders: Sequence[str], drive: str) -> str:
    r"""Return ``DevicePath`` with folders of staged drivers behind what it has; one that it has is not doubled.

    Args:
        old: its value; empty when there is none.
        folders: names below ``\Drivers``.
        drive: of Windows, such as ``C:``.
    """
    parts = [each for each in old.split(";") if each] or [r"%SystemRoot%\inf"]
    known = {each.lower() for each in parts}
    return ";".join((*parts, *(each for each in staged_paths(folders, drive) if each.lower() not in known)))


def without_staged(old: str, drive: str) -> str:
    """Return ``DevicePath`` without the folders of staged drivers."""
    prefix = rf"{drive}\{FOLDER}" + "\\"
    parts = [each for each in old.split(";") if each]
    return ";".join(
        each
        for each in parts
        if not (each.lower().startswith(prefix.lower()) and STAGED.fullmatch(each[len(prefix) :]))
    )


def staged_paths(folders: Iterable[str], drive: str) -> tuple[str, ...]:
    """Return the whole paths of folders of staged drivers."""
    return tuple(rf"{drive}\{FOLDER}" + f"\\{each}" for each in folders)


def _staged_folders(target: FileSource) -> Iterator[str]:
    facts = target.find(FOLDER)
    if facts is None or not facts.is_directory or facts.is_link:
        return
    for each in target.list(FOLDER):
        if each.is_directory and not each.is_link and STAGED.fullmatch(each.name):
            yield each.name


def _held(target: FileSource, folder: str, files: Sequence[StagedFile]) -> bool | None:
    """Tell whether a folder holds all of these files; None when it holds something else, so that it is another's."""
    wanted = {f"{FOLDER}/{folder}/{each.path}".lower(): each for each in files}
    count = 0
    for there in target.walk(f"{FOLDER}/{folder}"):
        if there.is_directory or there.name.startswith(_MOMENTARY):
            continue
        file = wanted.get(there.path.lower())
        if file is None or there.is_link or there.size != file.size:
            return None
        if target.read(there.path, limit=max(1, file.size)) != file.read():
            return None
        count += 1
    return count == len(wanted)
