"""Paths of files on discs: the path of the disc, ``!``, and the path on it.

``DISC.iso!sources/install.wim`` is such a path, and ``/dev/sr0!sources/install.wim``.  A file of this machine that has
the name comes first.  A disc is looked at each time; what was found in a file is kept as long as that stays as it is.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidInput, InvalidVolume, Means, Remedy, TargetRefused

if TYPE_CHECKING:
    from osdimage.imaging.disc import Disc

MARK = "!"
_KEPT = 64


@dataclass(frozen=True, slots=True)
class DiscPath:
    """A path of a file on a disc.

    Attributes:
        disc: the path of the disc on this machine.
        inside: the path on the disc, names separated by ``/``, none in front.
    """

    disc: Path
    inside: str

    def __str__(self) -> str:
        """Write it as users do."""
        return f"{self.disc}{MARK}{self.inside}"


@dataclass(frozen=True, slots=True)
class Located:
    """Where a file of a disc is: where it begins in the bytes of the disc, its size, and when it was changed."""

    begin: int
    size: int
    modified_ns: int | None


def disc_path(path: str | os.PathLike[str]) -> DiscPath | None:
    """Return what a path means that leads to a file on a disc; None for a path of this machine.

    Only what can be the disc is looked at: the file before a ``!``, which must be there.
    """
    text = os.fspath(path)
    if MARK not in text or os.path.lexists(text):
        return None
    for at, letter in enumerate(text):
        if letter == MARK and at and _may_be_disc(text[:at]):
            return DiscPath(Path(text[:at]), text[at + 1 :].strip("/"))
    return None


def _may_be_disc(name: str) -> bool:
    try:
        return not stat.S_ISDIR(os.stat(name).st_mode)  # noqa: PTH116 - pathlib raises for some of what is not there
    except (OSError, ValueError):
        return False


def file_of(path: Path) -> Path:
    """Return the file of this machine that a path leads to: itself, or the disc that it is on."""
    place = disc_path(path)
    return path if place is None else place.disc


def absent(path: str | os.PathLike[str]) -> str:
    """Say that a file is not there, and of a path that may lead to a disc that there is no disc either."""
    disc, mark, inside = os.fspath(path).partition(MARK)
    said = os.strerror(errno.ENOENT)
    return f"{said}, and no disc {disc} in which {inside} could be" if mark and disc and inside else said


def refuse_on_disc(path: str | os.PathLike[str]) -> None:
    """Refuse to write to a file of a disc.

    Raises:
        TargetRefused: when the path leads to a disc.
        StorageError: when that cannot be read.
    """
    place = disc_path(path)
    if place is None:
        return
    is_there = False
    try:
        with _opened(place.disc) as disc:
            is_there = disc.find(place.inside) is not None
    except InvalidVolume:
        # A damaged one is none the less.
        pass
    except InvalidInput:
        # A new file may have a mark in its name, and the file before that be anything.
        return
    raise TargetRefused(
        f"{os.fspath(path)}: is on a disc, which is not written",
        remedy=Remedy("a copy of it, made with {}, can be changed", (Means.EXPORT,), (os.fspath(path),))
        if is_there
        else Remedy("a new file can be elsewhere only"),
    )


def located(place: DiscPath) -> Located:
    """Find a file on a disc, whose names are compared without case.

    Raises:
        OSError: ENOENT when there is no such file, EISDIR when it is a directory, with a text that says so; or when the
            disc cannot be read.
        InvalidInput: when the disc is damaged, or the file lies in several pieces or is a link.
    """
    facts = place.disc.stat()
    if not stat.S_ISREG(facts.st_mode):
        # Nothing tells that there is another disc in the drive.
        return _look_for(place)
    return _located(place, (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(_KEPT)
def _located(place: DiscPath, _: tuple[int, ...]) -> Located:
    return _look_for(place)


def _look_for(place: DiscPath) -> Located:
    with _opened(place.disc) as disc:
        file = disc.find(place.inside)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, f"the disc {place.disc} holds no {place.inside}", str(place))
        if file.is_directory:
            raise IsADirectoryError(errno.EISDIR, f"is a directory of the disc {place.disc}", str(place))
        extents = disc.extents(file)
        if len(extents) > 1 or any(each.offset is None for each in extents):
            raise InvalidInput(
                f"{place}: lies in {len(extents)} pieces on the disc, and only what lies in one is read at its place",
                remedy=Remedy(
                    "take it out of there first, with {}", (Means.EXTRACT_FROM_DISC,), (str(place.disc), place.inside)
                ),
            )
        begin = extents[0].offset if extents else 0
        assert begin is not None  # noqa: S101 - see above
        return Located(begin, file.size, file.modified_ns)


def paths_fitting(pattern: str) -> list[str]:
    """Return the files that fit a pattern, sorted; of a disc too, where the mark stands between two patterns.

    Raises:
        InvalidInput: when what stands before the mark is no disc, or a damaged one.
        StorageError: when it cannot be read.
    """
    found = glob.glob(pattern)  # noqa: PTH207 - may be absolute
    if not found and MARK in pattern:
        found = list(_on_discs(pattern))
    return sorted(found)


def _on_discs(pattern: str) -> Iterator[str]:
    for at, letter in enumerate(pattern):
        fitting = glob.glob(pattern[:at]) if letter == MARK and at else []  # noqa: PTH207 - may be absolute
        discs = [each for each in fitting if _may_be_disc(each)]
        for name in discs:
            below = pattern[at + 1 :]
            lead = below[: len(below) - len(below.lstrip("/"))]
            with _opened(Path(name)) as disc:
                for path in _fitting(disc, below.strip("/").split("/")):
                    yield f"{name}{MARK}{lead}{path}"
        if discs:
            return


def _fitting(disc: Disc, parts: list[str]) -> Iterator[str]:
    """Yield the paths on a disc that fit the patterns of their names."""
    level = [disc.root()]
    for number, part in enumerate(parts, start=1):
        below = [each for folder in level if folder.is_directory for each in disc.children(folder)]
        level = [each for each in below if fnmatch.fnmatchcase(each.name.casefold(), part.casefold())]
        if number == len(parts):
            yield from (each.path.strip("/") for each in level)


@contextmanager
def _opened(path: Path) -> Iterator[Disc]:
    # Few WIMs are on discs.
    from osdimage.imaging.disc.opened import open_disc  # noqa: PLC0415

    with open_disc(path) as disc:
        yield disc
