"""The files of a medium that is there already, such as Windows' own: a folder with its contents, or the disc itself.

They are taken as contents of the new medium where they lie: of a disc, stretches of its file.  Nothing stays open, and
nothing is read but what is asked for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disc.facts import DiscFile, FileKind
from osdimage.imaging.disc.opened import Disc, open_disc
from osdimage.imaging.disc.written.contents import FileContents, contents_of_file
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, quoted
from osdimage.imaging.files import FileFacts, FileSource, split_path
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.wim.placed.on_disc import MARK

_SHOWN = 20
# What media of ConfigMgr have, in a form that is not published.
_CONFIGMGR = "sms/data/variables.dat"


class MediumSource(FileSource):
    r"""The files of a medium; :func:`open_source` makes one.

    Paths have ``/`` or ``\`` between their names, which are compared without case.

    Attributes:
        path: the folder, or the file of the disc.
        files: all of them, in the order of their paths.
        label: of the disc; None of a folder.
    """

    def __init__(self, path: Path, files: Iterable[MediumFile], label: str | None) -> None:
        """Take the files of a medium.

        Raises:
            InvalidInput: when two files or folders of it differ in case alone; the message has all, up to 20.
        """
        super().__init__(str(path))
        self.path = path
        self.files: tuple[MediumFile, ...] = tuple(sorted(files, key=lambda each: each.path))
        self.label = label
        self._files: dict[str, MediumFile] = {}
        self._facts: dict[str, FileFacts] = {"": _folder("")}
        self._children: dict[str, list[str]] = {"": []}
        faults = [fault for each in self.files if (fault := self._add(each)) is not None]
        if faults:
            _refuse(self.name, dict.fromkeys(faults), "differ in case alone, and are one for Windows")

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        return self._facts.get("/".join(split_path(path)).lower())

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        facts = self.find(path)
        if facts is None or not facts.is_directory:
            raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
        return [self._facts[each] for each in self._children[facts.path.lower()]]

    def file(self, path: str) -> MediumFile | None:
        """Return a file with its contents, or None when there is none."""
        return self._files.get("/".join(split_path(path)).lower())

    def spelled(self, path: str) -> str:
        """Return a path with the names of the files and folders on its way spelled as they are on the medium."""
        parts = path.split("/")
        for count in range(len(parts), 0, -1):
            found = self._facts.get("/".join(parts[:count]).lower())
            if found is not None:
                return "/".join((found.path, *parts[count:]))
        return path

    def spelling(self, files: Iterable[MediumFile]) -> tuple[MediumFile, ...]:
        """Return files with their paths spelled so."""
        return tuple(replace(each, path=self.spelled(each.path)) for each in files)

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._files[facts.path.lower()].contents.pieces())

    def _add(self, file: MediumFile) -> str | None:
        """Add a file and the folders above it; return what differs from another in case alone, or None."""
        names = file.path.split("/")
        above = ""
        for number, name in enumerate(names, 1):
            path = f"{above}/{name}" if above else name
            is_file = number == len(names)
            found = self._facts.get(path.lower())
            if found is None:
                facts = _facts_of(file) if is_file else _folder(path)
                self._facts[path.lower()] = facts
                self._children[above.lower()].append(path.lower())
                if not is_file:
                    self._children[path.lower()] = []
            elif found.path != path or is_file or not found.is_directory:
                return f"{quoted(found.path)} and {quoted(path)}"
            above = path
        self._files[file.path.lower()] = file
        return None


def open_source(path: str | os.PathLike[str]) -> MediumSource:
    """Return the files of a medium: of a folder that has what is on it, or of a disc in a file or drive.

    Raises:
        InvalidInput: when it holds what no medium takes: symbolic links, which are not followed, special files, names
            that are no text, or names that differ in case alone; the message has all, up to 20.  When a file that is no
            disc is given.
        InvalidVolume: when the disc is damaged.
        StorageError: when it cannot be read.
    """
    where = Path(path)
    if where.is_dir():
        return MediumSource(where, _files_of_folder(where), None)
    with open_disc(where) as disc:
        return MediumSource(where, _files_of_disc(disc, where), disc.label)


def refuse_configmgr(files: FileSource) -> None:
    """Refuse a medium for task sequences that ConfigMgr has made.

    Raises:
        InvalidInput: when it is one.
    """
    if files.find(_CONFIGMGR) is not None:
        raise InvalidInput(
            f"{files.name}: is a medium of Configuration Manager, whose variables and policy are in forms that nobody "
            f"has published; valid is a medium of Windows, or one that osdimage made of the exported task sequence"
        )


def _files_of_folder(folder: Path) -> list[MediumFile]:
    found: list[MediumFile] = []
    faults: list[str] = []
    waiting = [""]
    while waiting:
        above = waiting.pop()
        for entry in scanned(folder / above):
            path = f"{above}/{entry.name}" if above else entry.name
            mode = _mode_of(entry)
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif not stat.S_ISREG(mode):
                faults.append(f"{quoted(path)} ({'a symbolic link' if stat.S_ISLNK(mode) else 'no regular file'})")
            elif not _is_text(path):
                faults.append(f"{quoted(path)} (a name that is not UTF-8)")
            else:
                contents = contents_of_file(folder / path)
                found.append(MediumFile(path, contents, contents.modified_ns, str(folder / path)))
    if faults:
        _refuse(str(folder), faults, "cannot be on a medium, which takes files and directories")
    return found


def scanned(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder of this machine, in no order.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error


def _mode_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        raise StorageError(f"{entry.path}: {error.strerror}", path=entry.path, errno=error.errno) from error


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _files_of_disc(disc: Disc, where: Path) -> list[MediumFile]:
    # A disc may be given by way of a link, as /dev/cdrom; its contents are read by nobody's link.
    target = where.resolve()
    facts = target.stat()
    faults = []
    found = []
    for file in disc.walk():
        if file.is_directory:
            continue
        path = file.path.strip("/")
        fault = _fault_of(file)
        if fault is not None:
            faults.append(f"{quoted(path)} ({fault})")
            continue
        contents = FileContents(target, disc.extents(file), disc.size_bytes, facts.st_mtime_ns)
        moment = facts.st_mtime_ns if file.modified_ns is None else file.modified_ns
        found.append(MediumFile(path, contents, moment, f"{where}{MARK}{path}"))
    if faults:
        _refuse(disc.name, faults, "cannot be taken from this disc")
    return found


def _fault_of(file: DiscFile) -> str | None:
    if "/" in file.name or "\\" in file.name:
        return "a name with a separator in it"
    if file.kind is not FileKind.FILE:
        return "a link" if file.kind is FileKind.LINK else "no regular file"
    return file.unreadable


def _refuse(name: str, faults: Iterable[str], why: str) -> None:
    told = list(faults)
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    raise InvalidInput(f"{name}: {'; '.join(told[:_SHOWN])}{more}: {why}")


def _folder(path: str) -> FileFacts:
    return FileFacts(path, is_directory=True, size=0, attributes=int(FileAttribute.DIRECTORY), modified_ns=None)


def _facts_of(file: MediumFile) -> FileFacts:
    return FileFacts(
        file.path,
        is_directory=False,
        size=file.size,
        attributes=int(FileAttribute.NORMAL),
        modified_ns=file.modified_ns,
    )
