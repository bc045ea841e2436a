"""Files that a medium gets besides, has in the place of others, or loses; and the answer file for Windows Setup."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.answers.unattend import check_boot_answer_file
from osdimage.imaging.disc.written.contents import contents_of_file
from osdimage.imaging.documents import read_limited
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.media.parts.medium import BOOT_WIMS, Medium, MediumFile, joined
from osdimage.imaging.media.parts.source import open_source
from osdimage.imaging.volume.windows_names import checked_path

ANSWERS = "autounattend.xml"
"""Where Windows Setup looks for its answer file on a medium: in the root."""
_SETUP = {"setup.exe", "sources/setup.exe"}
_ANSWERS_BYTES = 1 << 25
# What nothing starts without, in lower case.
_STARTING = re.compile(rf"bootmgr|(efi/microsoft/)?boot/bcd|boot/boot\.sdi|efi/boot/boot\w+\.efi|{BOOT_WIMS}")


@dataclass(frozen=True, slots=True)
class PlacedSource:
    """A file or folder of this machine, and its path on a medium; of a folder that of all that is in it.

    Attributes:
        source: the file or folder.
        path: names separated by slashes; ``/`` is the root.
    """

    source: Path
    path: str


@dataclass(frozen=True, slots=True)
class MediumChanges:
    """What is changed of the files of a medium, in this order.

    Attributes:
        removed: paths of files and folders that it loses.
        replaced: files that it has already and gets with other contents.
        added: files and folders with files that it does not have.
        answers: the answer file for Windows Setup, also in the place of one that it has.
    """

    removed: tuple[str, ...] = ()
    replaced: tuple[PlacedSource, ...] = ()
    added: tuple[PlacedSource, ...] = ()
    answers: Path | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        """What is read."""
        more = () if self.answers is None else (self.answers,)
        return (*(each.source for each in (*self.replaced, *self.added)), *more)


def changed_medium(medium: Medium, changes: MediumChanges, *, folders: Iterable[str] = ()) -> Medium:
    """Return a medium after changes, with what is to be said of them among its warnings.

    ``folders`` are as of :func:`changed_files`.

    Raises:
        InvalidRequest, InvalidInput, StorageError: as :func:`changed_files` and :func:`check_setup_answers`.
    """
    files, warnings = changed_files(medium.files, changes, folders=folders), list(medium.warnings)
    there = {each.path.lower() for each in files}
    lost = [
        each.path for each in medium.files if each.path.lower() not in there and _STARTING.fullmatch(each.path.lower())
    ]
    if lost:
        warnings.append(f"without {', '.join(map(quoted, lost))}, which was left out, not all of it starts")
    if changes.answers is not None:
        architecture = None if medium.boot is None else medium.boot.architecture or None
        warnings += check_setup_answers(changes.answers, files, architecture)
    return replace(medium, files=files, warnings=tuple(warnings))


def changed_files(
    files: Iterable[MediumFile], changes: MediumChanges, *, folders: Iterable[str] = ()
) -> tuple[MediumFile, ...]:
    """Return the files of a medium after changes; nothing is read but names and sizes.

    Args:
        files: that the medium has.
        changes: what is changed.
        folders: paths of directories that it has, also of such as hold no files.

    Raises:
        InvalidRequest: when a file that is to go or to be replaced is not there, or one that is to be added is; the
            message has all of them.
        InvalidInput: when something that is no file, such as a symbolic link in a folder, is to be added.
        StorageError: when a source cannot be read.
    """
    kept = {each.path.lower(): each for each in files}
    faults = list(_removed(kept, {each.lower() for each in folders}, changes.removed))
    new: list[MediumFile] = []
    for each in changes.replaced:
        path = checked_path(each.path)
        old = kept.get(path.lower())
        if old is None:
            faults.append(f"{quoted(each.path)} cannot be replaced: the medium has no such file")
        elif each.source.is_dir():
            faults.append(f"{quoted(each.path)} cannot be replaced by {each.source}, which is a folder")
        else:
            new.append(_file(each.source, old.path))
    there = dict(kept)
    for each in changes.added:
        for file in _files_of(each):
            if file.path.lower() in there:
                origin = there[file.path.lower()].origin
                faults.append(f"{quoted(file.path)} cannot be added: the medium has one already, of {origin}")
            there[file.path.lower()] = file
            new.append(file)
    if faults:
        raise InvalidRequest("; ".join(faults))
    if changes.answers is not None:
        new.append(_file(changes.answers, ANSWERS))
    return joined(kept.values(), new)


def check_setup_answers(
    file: str | os.PathLike[str], files: Iterable[MediumFile], architecture: str | None
) -> tuple[str, ...]:
    """Check an answer file for the Windows Setup of a medium, and return what would be ignored: a sentence each.

    Args:
        file: the file.
        files: of the medium.
        architecture: of the Setup; None: not known.

    Raises:
        InvalidInput: when it is no answer file.
        StorageError: when it cannot be read.
    """
    path = Path(file)
    data = read_limited(path, _ANSWERS_BYTES, kind="answer files")
    ignored = check_boot_answer_file(data, architecture, source=str(path), by_setup=True)
    if any(each.path.lower() in _SETUP for each in files):
        return ignored
    return (*ignored, f"{path}: Windows Setup alone reads {ANSWERS}, and the medium has no sources/setup.exe")


def is_within(path: str, above: str) -> bool:
    """Tell whether a path of a medium is another one, as people write it, or in a folder of that path."""
    key, path = above.replace("\\", "/").strip("/").lower(), path.lower()
    return bool(key) and (path == key or path.startswith(f"{key}/"))


def _removed(kept: dict[str, MediumFile], folders: set[str], paths: Iterable[str]) -> Iterator[str]:
    """Take files and folders out, and yield what is wrong with those that are not there."""
    for path in paths:
        gone = [each for each in kept if is_within(each, path)]
        if not gone and not any(is_within(each, path) for each in folders):
            yield f"{quoted(path)} cannot be removed: the medium has no such file or folder"
        for each in gone:
            del kept[each]


def _files_of(placed: PlacedSource) -> Iterator[MediumFile]:
    if not placed.source.is_dir():
        yield _file(placed.source, checked_path(placed.path))
        return
    above = placed.path.replace("\\", "/").strip("/")
    prefix = f"{checked_path(above)}/" if above else ""
    for each in open_source(placed.source).files:
        yield MediumFile(prefix + each.path, each.contents, each.modified_ns, each.origin)


def _file(source: Path, path: str) -> MediumFile:
    # A link that a person names is followed; what a folder holds is taken as it is.
    contents = contents_of_file(source.resolve())
    return MediumFile(path, contents, contents.modified_ns, str(source))
