"""A medium that is there: a disc, a stick or the image of one, or a folder with what is on one; its files are read.

All of its names are looked at when it is opened.  No link is followed.  A stick with several volumes, such as one of
FAT32 that starts and one of NTFS with large files, is one medium: of two files with one path, that of the first volume
counts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.browse.places import open_disc_tree, open_tree
from osdimage.imaging.browse.tree import Found, VolumeTree
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, StorageError, quoted
from osdimage.imaging.files import DEEPEST, FileFacts, FileSource, split_path
from osdimage.imaging.filetime import NOT_KNOWN_NS
from osdimage.imaging.media.parts.form import is_disc
from osdimage.imaging.media.parts.source import scanned
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.wim.placed.on_disc import MARK

MOST_NAMES = 1 << 20
"""Files and folders of a medium."""


class MediumForm(StrEnum):
    """What a medium is."""

    DISC = "disc"
    STICK = "stick"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class _Held:
    """A file or folder: what is known of it, and what reads it."""

    facts: FileFacts
    pieces: Callable[[], Iterator[bytes]]


class OpenMedium(FileSource):
    r"""A medium that is open; :func:`open_medium` makes one.

    Paths have ``/`` or ``\`` between their names, which are compared without case.

    Attributes:
        path: as it was given.
        form: what it is.
        notes: sentences about what is odd.
    """

    def __init__(self, path: Path, form: MediumForm, notes: Iterable[str] = ()) -> None:
        """Begin with no file."""
        super().__init__(str(path))
        self.path: Path = path
        self.form: MediumForm = form
        self.notes: tuple[str, ...] = tuple(notes)
        root = FileFacts("", is_directory=True, size=0, attributes=int(FileAttribute.DIRECTORY), modified_ns=None)
        self._held: dict[str, _Held] = {"": _Held(root, lambda: iter(()))}
        self._names: dict[str, list[str]] = {"": []}

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        held = self._held.get(_key(path))
        return None if held is None else held.facts

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        names = self._names.get(_key(path))
        if names is None:
            raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
        return [self._held[each].facts for each in sorted(names)]

    def files(self, path: str = "") -> Iterator[FileFacts]:
        """Yield the files at and below a path, links among them.

        Raises:
            InvalidRequest: when there is nothing at the path.
        """
        facts = self.find(path)
        if facts is not None and not facts.is_directory:
            yield facts
            return
        yield from (each for each in self.walk(path) if not each.is_directory)

    def place_of(self, path: str) -> Path | None:
        """Return a path by which a WIM on the medium is opened where it lies; None on a stick, of which it is copied.

        Raises:
            InvalidRequest: when there is no such file.
        """
        facts = self._required_file(path)
        if self.form is MediumForm.FOLDER:
            return self.path / facts.path
        return Path(f"{self.path}{MARK}{facts.path}") if self.form is MediumForm.DISC else None

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        if facts.is_link:
            raise InvalidVolume(f"{quoted(facts.path)} is a link, which is not followed", volume=self.name)
        return self._held[facts.path.lower()].pieces()

    def add(self, facts: FileFacts, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Take a file or folder, behind the folder that it is in; for :func:`open_medium`.

        Raises:
            InvalidVolume: when there are more than any medium has.
        """
        key = facts.path.lower()
        if key in self._held:
            return
        if len(self._held) > MOST_NAMES:
            raise InvalidVolume(f"has more than {MOST_NAMES} files and folders", volume=self.name)
        above = key.rpartition("/")[0]
        if above not in self._names:
            # In a folder whose path a file of an earlier volume has.
            return
        self._held[key] = _Held(facts, pieces)
        self._names[above].append(key)
        if facts.is_directory and not facts.is_link:
            self._names[key] = []


def _key(path: str) -> str:
    return "/".join(split_path(path)).lower()


@contextmanager
def open_medium(path: str | os.PathLike[str]) -> Iterator[OpenMedium]:
    """Open a medium: a disc in a file or drive, a stick or its image, or a folder with what is on a medium.

    Raises:
        InvalidInput: when it is none of them.
        InvalidTable, InvalidVolume: when it is damaged.
        TargetRefused: when it is in use by somebody who writes.
        InvalidRequest: when there is nothing.
        StorageError: when it cannot be read.
    """
    where = Path(path)
    holds = probe(where)
    if holds is Content.MISSING:
        raise InvalidRequest(f"{where}: there is no such file or directory")
    with ExitStack() as stack:
        if holds is Content.DIRECTORY:
            yield _from_folder(where)
        elif is_disc(where, holds):
            yield _from_trees(where, MediumForm.DISC, [stack.enter_context(open_disc_tree(where))])
        elif holds in {Content.TABLE, Content.CONTAINER}:
            yield _from_trees(where, MediumForm.STICK, _volumes(where, stack))
        elif holds in FATS or holds is Content.NTFS:
            volume = stack.enter_context(open_volume(where, share=True))
            yield _from_trees(where, MediumForm.STICK, [stack.enter_context(open_tree(volume))])
        else:
            raise InvalidInput(
                f"{where}: is {described(holds)}; valid is a disc, a stick or the image of one, or a folder with what "
                "is on a medium"
            )


def _volumes(where: Path, stack: ExitStack) -> list[VolumeTree]:
    """Open the volumes of a stick that have files."""
    disk = stack.enter_context(open_disk(where, share=True))
    partitions = look_over(disk).eligible(with_efi=True)
    if not partitions:
        raise InvalidInput(f"{where}: has no NTFS or FAT volume; valid is a disc, a stick, or a folder")
    return [stack.enter_context(open_tree(disk.volume_in(each))) for each in partitions]


def _from_trees(where: Path, form: MediumForm, trees: list[VolumeTree]) -> OpenMedium:
    medium = OpenMedium(where, form, (note for tree in trees for note in tree.notes))
    for tree in trees:
        for found in tree.walk(tree.root()):
            if found.entry.path.strip("/"):
                medium.add(_facts(found), _reader(tree, found))
    return medium


def _reader(tree: VolumeTree, found: Found) -> Callable[[], Iterator[bytes]]:
    return lambda: tree.contents(found)


def _facts(found: Found) -> FileFacts:
    entry = found.entry
    is_directory = found.is_directory
    return FileFacts(
        entry.path.strip("/"),
        is_directory=is_directory,
        size=0 if is_directory else found.size,
        attributes=entry.attributes,
        modified_ns=None if entry.modified_ns == NOT_KNOWN_NS else entry.modified_ns,
        is_link=not is_directory and not found.has_contents,
    )


def _from_folder(where: Path) -> OpenMedium:
    medium = OpenMedium(where, MediumForm.FOLDER)
    waiting = [("", 0)]
    while waiting:
        above, depth = waiting.pop()
        if depth > DEEPEST:
            raise InvalidVolume(f"{above[:60]!r}... is more than {DEEPEST} directories deep", volume=medium.name)
        for entry in sorted(scanned(where / above), key=lambda each: each.name):
            path = f"{above}/{entry.name}" if above else entry.name
            facts = _facts_of_entry(path, entry)
            medium.add(facts, _file_reader(where / path))
            if facts.is_directory:
                waiting.append((path, depth + 1))
    return medium


def _facts_of_entry(path: str, entry: os.DirEntry[str]) -> FileFacts:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError as error:
        raise StorageError(f"{entry.path}: {error.strerror}", path=entry.path, errno=error.errno) from error
    is_directory = stat.S_ISDIR(facts.st_mode)
    return FileFacts(
        path,
        is_directory=is_directory,
        size=0 if is_directory else facts.st_size,
        attributes=int(FileAttribute.DIRECTORY if is_directory else FileAttribute.NORMAL),
        modified_ns=facts.st_mtime_ns,
        is_link=not is_directory and not stat.S_ISREG(facts.st_mode),
    )


def _file_reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                while piece := os.read(descriptor, MIB):
                    yield piece
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error

    return pieces
