"""Directories that are filled from an image, and all that there is to see of them."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging import WimFile
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.progress import ProgressCallback

from cases import bulk
from cases.wimcraft import Node, build, lie

PART = ".osdimage-"
"""How the names of files begin whose contents are not proved."""


@dataclass(frozen=True)
class File:
    """What a directory of Linux tells of a file in it."""

    mode: int
    modified_ns: int
    accessed_ns: int
    names: frozenset[bytes]
    size: int | None = None
    sha1: str | None = None
    target: bytes | None = None


def files_of(place: Path) -> dict[bytes, File]:
    """Look at all files before any is read: reading sets the times of access."""
    seen: dict[Path, os.stat_result] = {place: place.lstat()}
    waiting = [place]
    while waiting:
        for path in waiting.pop().iterdir():
            seen[path] = path.lstat()
            if stat.S_ISDIR(seen[path].st_mode):
                waiting.append(path)
    names = {path: os.fsencode(path)[len(os.fsencode(place)) :] for path in seen}
    groups: dict[int, set[bytes]] = {}
    for path, facts in seen.items():
        groups.setdefault(facts.st_ino, set()).add(names[path])
    return {names[path]: _file(path, facts, frozenset(groups[facts.st_ino])) for path, facts in seen.items()}


def _file(path: Path, facts: os.stat_result, names: frozenset[bytes]) -> File:
    common = (facts.st_mode, facts.st_mtime_ns, facts.st_atime_ns, names)
    if stat.S_ISDIR(facts.st_mode):
        return File(*common)
    if stat.S_ISLNK(facts.st_mode):
        return File(*common, target=os.fsencode(path.readlink()))
    sha1 = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return File(*common, size=facts.st_size, sha1=sha1)


def fill(wim: Path, target: Path, progress: ProgressCallback | None = None, **options: object) -> ApplyResult:
    with WimFile.open(wim) as opened:
        return apply_image(opened.image(1), target, ApplyOptions(**options), progress=progress)  # type: ignore[arg-type]


def assert_alike(wim: Path, place: Path) -> dict[bytes, File]:
    """Fill a directory by either engine, one after the other under the same name, and compare all that is there."""
    target = place / "target"
    found = []
    for engine in (Engine.LIBWIM, Engine.BULK):
        result = fill(wim, target, engine=engine)
        found.append((files_of(target), result.losses, result.files, result.directories, result.size))
        target.rename(place / f"of {engine}")
    assert found[0][1:] == found[1][1:]
    libwims, ours = found[0][0], found[1][0]
    assert ours.keys() == libwims.keys()
    assert {path: (ours[path], file) for path, file in libwims.items() if ours[path] != file} == {}
    return ours


def made(place: Path, *trees: Node, flags: int = 0) -> Path:
    wim = place / "image.wim"
    wim.write_bytes(lie(build(*trees, descriptors=bulk.DESCRIPTORS), flags=flags))
    return wim


def left(target: Path) -> dict[str, bytes]:
    """Return the files that are there; none may be one that is not proved."""
    found = {f"/{path.relative_to(target)}": path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert not [path for path in found if PART in path]
    return found
