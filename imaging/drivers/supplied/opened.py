"""Driver files that are open, wherever they are."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disc.opened import open_disc
from osdimage.imaging.drivers.supplied.disc import DiscFiles
from osdimage.imaging.drivers.supplied.extracted import ExtractedFiles, extracted
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.drivers.supplied.members import SupplyLimits
from osdimage.imaging.drivers.supplied.nested import NestedFiles
from osdimage.imaging.drivers.supplied.programs import MARK_BYTES, ArchiveKind
from osdimage.imaging.drivers.supplied.zipped import ZipFiles, open_zip
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, StorageError
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.placed.on_disc import absent, disc_path

DEFAULT_LIMITS = SupplyLimits()
_INF = ".inf"
# What starts a program when a disc is put in: it says nothing of drivers, and stands beside archives with them.
_AUTORUN = "autorun.inf"
_NESTED = (".zip", ".cab", ".7z", ".exe", ".msi")
_MOST_NESTED = 100
_SHOWN = 12
_MSU = ".msu"
_UPDATE = "it is an update of Windows, which DISM installs on Windows"
_VALID = "valid are a folder, an INF, a disc (.iso), an archive (.zip, .cab, .7z, .exe, .msi), and DISC.iso!FOLDER"


@dataclass(frozen=True, slots=True)
class Supply:
    """Driver files, readable as long as they are open.

    Attributes:
        files: all that can be read: also what lies beside the part that was asked for.
        folder: the folder in ``files`` to look in, or the INF that is meant; ``""`` is the root.
        name: what was asked for, as messages call it.
        is_inf: whether one INF alone is meant, with the files of its package beside it.
        notes: what is to be said of it, such as what was left out.
    """

    files: FileSource
    folder: str
    name: str
    is_inf: bool = False
    notes: tuple[str, ...] = ()


@contextmanager
def open_supply(path: str | os.PathLike[str], *, limits: SupplyLimits = DEFAULT_LIMITS) -> Iterator[Supply]:
    """Open driver files for reading, and yield them.

    A ZIP is read where it is; what a program has to extract is in a folder for a while.  Archives in an archive without
    any INF of a driver are opened, too, once, and are folders of their names then.  No archive is ever run.

    Args:
        path: a folder; an INF, whose folder is read with it; a disc; an archive; or ``FILE!PATH``, a folder, an INF or
            an archive on a disc or in an archive.
        limits: what archives may become.

    Raises:
        InvalidInput: when it is nothing of this kind, damaged, not safe, or beyond the limits.
        InvalidRequest: when there is nothing at the path on the disc.
        StorageError: when it cannot be read.
        OsdImageError: when the program that extracts it is missing or fails.
    """
    name = os.fspath(path)
    place = disc_path(path)
    here = Path(name) if place is None else place.disc
    with ExitStack() as opened:
        if here.is_dir():
            yield Supply(FolderFiles(here), "", name)
        elif not here.exists():
            raise StorageError(f"{name}: {absent(path)}", path=path, errno=errno.ENOENT)
        elif here.suffix.lower() == _INF and place is None:
            yield Supply(FolderFiles(here.parent), here.name, name, is_inf=True)
        else:
            files = _opened(opened, here, str(here), limits)
            yield Supply(files, "", name) if place is None else _within(opened, files, place.inside, name, limits)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is an archive, or something in one is meant; a disc is none.

    Raises:
        StorageError: when it cannot be read.
    """
    place = disc_path(path)
    here = Path(path) if place is None else place.disc
    return here.is_file() and _kind_of(here) is not None


def _opened(opened: ExitStack, path: Path, name: str, limits: SupplyLimits) -> FileSource:
    """Return the files of an archive with those in it, or of a disc."""
    kind = _kind_of(path)
    if kind is None:
        try:
            return DiscFiles(opened.enter_context(open_disc(path)))
        except InvalidVolume:
            raise
        except InvalidInput as error:
            what = _UPDATE if path.suffix.lower() == _MSU else _VALID
            raise InvalidInput(f"{name}: driver files are not read of such a file; {what}") from error
    outer = _archive(opened, path, kind, name, limits)
    found = list(outer.walk())
    if any(each.name.lower().endswith(_INF) and each.name.lower() != _AUTORUN for each in found):
        return outer
    inner = [each for each in found if not each.is_directory and each.path.lower().endswith(_NESTED)]
    if len(inner) > _MOST_NESTED:
        raise InvalidInput(f"{name}: holds no INF, and {len(inner)} archives; at most {_MOST_NESTED} are looked into")
    return _with_nested(opened, outer, inner, limits)


def _with_nested(
    opened: ExitStack, outer: ZipFiles | ExtractedFiles, inner: list[FileFacts], limits: SupplyLimits
) -> FileSource:
    left = limits.without(outer.total_bytes, outer.members)
    nested: dict[str, FileSource] = {}
    for each in inner:
        copy = _copied(opened, outer, each)
        kind = _kind_of(copy)
        if kind is None:
            continue
        try:
            files = _archive(opened, copy, kind, f"{outer.name}!{each.path}", left)
        except InvalidInput:
            if kind is not ArchiveKind.PROGRAM:
                raise
            # Beside the archives there is often one that installs them.
            continue
        left = left.without(files.total_bytes, files.members)
        nested[each.path] = files
    return NestedFiles(outer, nested) if nested else outer


def _within(opened: ExitStack, files: FileSource, path: str, name: str, limits: SupplyLimits) -> Supply:
    """Return what a folder, an INF or an archive among files is."""
    facts = files.find(path)
    if facts is None:
        raise InvalidRequest(f"{files.name}: holds no {path}{_instead(files, path)}")
    if facts.is_directory:
        return Supply(files, facts.path, name)
    if path.lower().endswith(_INF):
        return Supply(files, facts.path, name, is_inf=True)
    copy = _copied(opened, files, facts)
    kind = _kind_of(copy)
    if kind is None:
        raise InvalidInput(f"{name}: is neither a folder, an INF nor an archive")
    return Supply(_archive(opened, copy, kind, name, limits), "", name)


def _instead(files: FileSource, path: str) -> str:
    """Say what there is in the folder where a path ends that leads nowhere."""
    folder = path
    while folder and ((facts := files.find(folder)) is None or not facts.is_directory):
        folder = folder.rpartition("/")[0]
    names = sorted(each.path.rpartition("/")[2] for each in files.list(folder))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; valid in {folder or 'its root'} are {', '.join(names[:_SHOWN])}{more}" if names else ""


def _archive(
    opened: ExitStack, path: Path, kind: ArchiveKind, name: str, limits: SupplyLimits
) -> ZipFiles | ExtractedFiles:
    if kind in {ArchiveKind.ZIP, ArchiveKind.PROGRAM}:
        in_place = opened.enter_context(open_zip(path, name, limits))
        if in_place is not None:
            return in_place
    return opened.enter_context(extracted(path, kind, name, limits))


def _copied(opened: ExitStack, files: FileSource, facts: FileFacts) -> Path:
    """Return a copy of a file, that is there as long as the rest is."""
    copy = opened.enter_context(scratch_folder()) / "archive"
    try:
        copy.write_bytes(files.read(facts.path, facts.size))
    except OSError as error:
        raise StorageError(f"{copy}: {error.strerror}", path=copy, errno=error.errno) from error
    return copy


def _kind_of(path: Path) -> ArchiveKind | None:
    try:
        with path.open("rb") as file:
            return ArchiveKind.of(file.read(MARK_BYTES))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
