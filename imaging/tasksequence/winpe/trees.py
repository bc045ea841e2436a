"""Trees of files that a command copies into a volume: which files of them, and how each goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import DEEPEST, FileFacts, FileSource
from osdimage.imaging.tasksequence.winpe.patterns import pattern_of
from osdimage.imaging.units import GIB, format_size
from osdimage.imaging.volume.files import VolumeFiles

LARGEST_BYTES = GIB
"""The largest file that is copied: it is held in memory as a whole."""
MOST = 100_000
"""The most files and folders that one command looks at."""

HIDDEN = FileAttribute.HIDDEN | FileAttribute.SYSTEM
_KEPT = FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE
_TWO_SECONDS_NS = 2 * 10**9
"""How far apart the times of files may be that robocopy takes for the same; FAT keeps even seconds."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which files are copied, and what becomes of those that are there.

    Attributes:
        patterns: of names, of which a file must match one.
        without_files: patterns of names of files that are not copied.
        without_folders: the same of folders.
        with_folders: whether folders are copied that hold such a file, at any depth.
        with_empty: whether all other folders are copied, too.
        with_hidden: whether hidden files and those of the system are copied.
        only_folders: whether folders alone are made.
        overwrites: whether files that are there are replaced.
        over_protected: whether read-only ones are, too.
        keeps_readonly: whether copies of read-only files are read-only.
        only_newer: whether a file is replaced by a newer one only.
        skips_same: whether a file stays that has the size and the time of the source.
    """

    patterns: tuple[str, ...] = ("*",)
    without_files: tuple[str, ...] = ()
    without_folders: tuple[str, ...] = ()
    with_folders: bool = False
    with_empty: bool = False
    with_hidden: bool = False
    only_folders: bool = False
    overwrites: bool = False
    over_protected: bool = False
    keeps_readonly: bool = True
    only_newer: bool = False
    skips_same: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    r"""One file or folder: what it is, and where it goes below the destination, its names separated by ``\``."""

    facts: FileFacts
    below: str


def items_in(source: FileSource, folder: str, rules: Rules) -> Iterator[Item]:
    """Yield what is in a folder and is to be copied, folders before what is in them; links to folders are passed over.

    Raises:
        InvalidRequest: when it is more than one command looks at.
        InvalidVolume, StorageError: when it cannot be read.
    """
    facts = source.find(folder)
    if facts is not None and facts.is_directory:
        yield from _Search(source, folder, rules).below(folder, "")


class _Search:
    """The search through one tree."""

    def __init__(self, source: FileSource, folder: str, rules: Rules) -> None:
        self._source, self._folder, self._rules = source, folder, rules
        self._takes_file = _matcher(rules.patterns, rules.without_files)
        self._takes_folder = _matcher(("*",), rules.without_folders)
        self._count = 0

    def below(self, path: str, prefix: str) -> Iterator[Item]:
        if prefix.count("\\") > DEEPEST:
            raise InvalidRequest(f"{self._source.name}: {self._folder} has folders more than {DEEPEST} deep")
        found = [each for each in self._source.list(path) if self._is_shown(each)]
        self._count += len(found)
        if self._count > MOST:
            raise InvalidRequest(f"{self._source.name}: {self._folder} holds more than {MOST:,} files and folders")
        for each in found:
            if not each.is_directory and not self._rules.only_folders and self._takes_file(each.name):
                yield Item(each, f"{prefix}{each.name}")
        for each in found if self._rules.with_folders else ():
            if each.is_directory and not each.is_link and self._takes_folder(each.name):
                yield from self._folder_with(each, prefix)

    def _folder_with(self, facts: FileFacts, prefix: str) -> Iterator[Item]:
        inside = self.below(facts.path, f"{prefix}{facts.name}\\")
        first = next(inside, None)
        if first is not None or self._rules.with_empty:
            yield Item(facts, f"{prefix}{facts.name}")
        if first is not None:
            yield first
            yield from inside

    def _is_shown(self, facts: FileFacts) -> bool:
        return self._rules.with_hidden or not facts.attributes & HIDDEN


def _matcher(patterns: Iterable[str], without: Iterable[str]) -> Callable[[str], bool]:
    wanted, unwanted = ([pattern_of(each) for each in group] for group in (patterns, without))
    return lambda name: (
        any(each.fullmatch(name) for each in wanted) and not any(each.fullmatch(name) for each in unwanted)
    )


@dataclass(slots=True)
class Copier:
    """Copies files into a volume, and counts.

    Attributes:
        source: where they are.
        target: the volume, open for writing; it may be the same.
        rules: what becomes of files that are there.
        copied: how many files were copied.
        refused: sentences about files that were not, though they should be.
        warnings: sentences about what no copy can be made of.
    """

    source: FileSource
    target: VolumeFiles
    rules: Rules
    copied: int = 0
    refused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def copy_to(self, folder: str, items: Iterable[Item]) -> None:
        """Copy files and folders into a folder of the volume, which is made when it is not there."""
        for each in items:
            path = joined(folder, each.below)
            if not each.facts.is_directory:
                self.copy_as(path, each.facts)
            elif not self.target.exists(path):
                self.target.make_directory(path, modified_ns=each.facts.modified_ns)

    def copy_as(self, path: str, facts: FileFacts) -> None:
        """Copy one file, with its time and its attributes.

        Raises:
            InvalidRequest: when it is larger than a file that is copied can be.
            OsdImageError: when it cannot be read or written.
        """
        if facts.is_link:
            self.warnings.append(f"{facts.path} is a link, or stored as only Windows reads it, and is not copied")
            return
        there = self.target.find(path)
        if there is not None and self._stays(facts, there):
            return
        if facts.size > LARGEST_BYTES:
            raise InvalidRequest(
                f"{self.source.name}: {facts.path} has {format_size(facts.size)}; a file that is copied has at most "
                f"{format_size(LARGEST_BYTES)}"
            )
        dropped = 0 if self.rules.keeps_readonly else FileAttribute.READONLY
        attributes = int(facts.attributes & _KEPT & ~dropped | FileAttribute.ARCHIVE)
        data = self.source.read(facts.path, limit=LARGEST_BYTES)
        self.target.write(path, data, attributes=attributes, modified_ns=facts.modified_ns)
        self.copied += 1

    def _stays(self, facts: FileFacts, there: FileFacts) -> bool:
        """Tell whether what is there already is left as it is."""
        rules, known = self.rules, facts.modified_ns is not None and there.modified_ns is not None
        newer_ns = (facts.modified_ns or 0) - (there.modified_ns or 0)
        if rules.only_newer and known and newer_ns <= 0:
            return True
        if rules.skips_same and known and facts.size == there.size and abs(newer_ns) <= _TWO_SECONDS_NS:
            return True
        if not rules.overwrites:
            self.refused.append(f"{there.path} is there, and a person would be asked: /y replaces it")
        elif there.attributes & FileAttribute.READONLY and not rules.over_protected:
            self.refused.append(f"{there.path} is there and read-only")
        else:
            return False
        return True


def extra_in(target: VolumeFiles, folder: str, items: Iterable[Item], rules: Rules) -> list[Item]:
    """Return what a folder has and others have not, folders before what is in them."""
    there = {each.below.lower() for each in items}
    found = items_in(target, folder, replace(rules, patterns=("*",), with_empty=True))
    return [each for each in found if each.below.lower() not in there]


def delete_all(target: VolumeFiles, items: Iterable[Item]) -> None:
    """Delete files, and folders with all in them.

    Raises:
        OsdImageError: when that cannot be written.
    """
    for each in items:
        if not target.exists(each.facts.path):
            continue
        if each.facts.is_directory and not each.facts.is_link:
            for below in reversed(list(target.walk(each.facts.path))):
                target.delete(below.path)
        target.delete(each.facts.path)


def joined(folder: str, name: str) -> str:
    """Return the path of something in a folder; the folder may be the root."""
    return f"{folder}\\{name}" if folder else name


def is_within(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or leads into it."""
    whole, above = (each.replace("/", "\\").strip("\\").lower() for each in (path, folder))
    return not above or whole == above or whole.startswith(f"{above}\\")
