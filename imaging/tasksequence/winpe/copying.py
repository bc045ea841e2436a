r"""Copying files and folders into a volume: ``copy``, ``xcopy`` and ``robocopy``.

Sources: "copy", "xcopy" and "robocopy", learn.microsoft.com/windows-server/administration/windows-commands: switches,
exit codes of xcopy (0 to 5) and of robocopy (a sum of 1: copied, 2: there is more in the destination, 16: nothing was
done).  Where a person would be asked, nothing is copied: nobody is there to answer.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.command import IN_RAM, Command, Outcome
from osdimage.imaging.tasksequence.winpe.patterns import checked_name
from osdimage.imaging.tasksequence.winpe.places import (
    DrivePath,
    SourcePath,
    drive_path,
    read,
    refuse_absent,
    source_path,
    written,
)
from osdimage.imaging.tasksequence.winpe.switches import Switches
from osdimage.imaging.tasksequence.winpe.trees import (
    HIDDEN,
    Copier,
    Item,
    Rules,
    delete_all,
    extra_in,
    is_within,
    items_in,
)
from osdimage.imaging.units import counted
from osdimage.imaging.volume.files import VolumeFiles

_FAILED = 1
_CANNOT_BEGIN = 4
_MORE_THERE, _NOTHING_DONE = 2, 16
_SHOWN = 3


class _Copying(Command):
    """A command that copies from one path to another one."""

    source: SourcePath
    target: DrivePath

    def needless(self, machine: Machine) -> str | None:
        """Return that it copies into the RAM disk, or None."""
        del machine
        return IN_RAM if self.target.is_in_ram else None

    def foretell(self, machine: Machine) -> Forecast:
        """Tell what it would copy; files of this machine must be there."""
        self.target.volume(machine)
        if isinstance(self.source, DrivePath):
            self.source.known_volume(machine)
        refuse_absent(self.source)
        return Forecast(f"copy {self.source} to {self.target}")

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Copy; an NTFS volume gets all of it at one moment."""
        place = self.target.volume(machine)
        with (
            written(machine, place, is_repeated=events.is_repeated) as files,
            read(machine, self.source, (place, files)) as source,
        ):
            found = None if self.source.is_wild else source.find(self.source.inner)
            return self.between(source, found, files, is_repeated=events.is_repeated)

    @abstractmethod
    def between(self, source: FileSource, found: FileFacts | None, files: VolumeFiles, *, is_repeated: bool) -> Outcome:
        """Copy from open files to open files.

        Args:
            source: where they come from.
            found: what is at the path of the source; None when there is nothing, or when it stands for several names.
            files: of the volume that they go to, which may be the source.
            is_repeated: whether the step may have copied some of them before.
        """

    def _is_folder(self, files: VolumeFiles) -> bool:
        there = files.find(self.target.inner)
        return there is not None and there.is_directory

    def _into_itself(self, source: FileSource, folder: str, files: VolumeFiles) -> str | None:
        if source is not files or not is_within(self.target.inner, folder):
            return None
        return f"{self.target} is in {self.source}, which would be copied into itself"


@dataclass(frozen=True, slots=True)
class CopyFiles(_Copying):
    """``copy``: files of one folder."""

    source: SourcePath
    target: DrivePath
    overwrites: bool

    @classmethod
    def read(cls, words: tuple[str, ...], machine: Machine, here: Path | None) -> CopyFiles:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        switches = Switches.apart(words)
        if len(switches.words) != 2 or any("+" in word for word in switches.words):
            raise InvalidRequest("valid of copy is copy SOURCE TARGET, with one source and a whole path of the target")
        overwrites = switches.take("y")
        switches.pass_over("-y", "b", "v", "z", "n")
        switches.finish("copy")
        return cls(source_path(switches.words[0], machine, here), drive_path(switches.words[1]), overwrites)

    def between(self, source: FileSource, found: FileFacts | None, files: VolumeFiles, *, is_repeated: bool) -> Outcome:
        """Copy the files of a folder; hidden ones are not found."""
        items = self._items(source, found)
        if not items:
            return Outcome(_FAILED, f"there is no file {self.source}")
        above = files.find(self.target.inner if self.target.is_folder else self.target.above)
        if above is None or not above.is_directory:
            return Outcome(_FAILED, f"there is no folder for {self.target}")
        copier = Copier(source, files, Rules(overwrites=self.overwrites or is_repeated))
        if self._is_folder(files):
            copier.copy_to(self.target.inner, items)
        elif self.source.is_wild or (found is not None and found.is_directory):
            return Outcome(_FAILED, f"{self.target} is no folder: several files would be joined into it")
        else:
            copier.copy_as(self.target.inner, items[0].facts)
        return _ended(copier, _FAILED if copier.refused else 0)

    def _items(self, source: FileSource, found: FileFacts | None) -> list[Item]:
        if found is not None and not found.is_directory:
            return [] if found.attributes & HIDDEN else [Item(found, found.name)]
        if found is not None:
            return list(items_in(source, found.path, Rules()))
        return list(items_in(source, self.source.above, Rules((self.source.name,)))) if self.source.is_wild else []


@dataclass(frozen=True, slots=True)
class CopyTree(_Copying):
    """``xcopy``: files, and folders with their files.

    Attributes:
        rules: which files, and what becomes of those that are there.
        into_folder: whether several files go into a folder that is not there, without a question.
    """

    source: SourcePath
    target: DrivePath
    rules: Rules
    into_folder: bool

    @classmethod
    def read(cls, words: tuple[str, ...], machine: Machine, here: Path | None) -> CopyTree:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        switches = Switches.apart(words)
        if len(switches.words) != 2:
            raise InvalidRequest("valid of xcopy is xcopy SOURCE TARGET, with a whole path of the target")
        with_empty = switches.take("e")
        rules = Rules(
            with_folders=switches.take("s") or with_empty,
            with_empty=with_empty,
            with_hidden=switches.take("h"),
            only_folders=switches.take("t"),
            overwrites=switches.take("y"),
            over_protected=switches.take("r"),
            keeps_readonly=switches.take("k"),
            only_newer=switches.take("d"),
        )
        into_folder = switches.take("i")
        switches.pass_over("-y", "q", "f", "c", "v", "z", "b", "j", "g")
        switches.finish("xcopy")
        return cls(source_path(switches.words[0], machine, here), drive_path(switches.words[1]), rules, into_folder)

    def between(self, source: FileSource, found: FileFacts | None, files: VolumeFiles, *, is_repeated: bool) -> Outcome:
        """Copy files, and folders with theirs."""
        if found is None and not self.source.is_wild:
            return Outcome(_CANNOT_BEGIN, f"there is no {self.source}")
        is_one = found is not None and not found.is_directory
        folder = found.path if found is not None and found.is_directory else self.source.above
        names = ("*",) if found is not None and found.is_directory else (self.source.name,)
        rules = replace(self.rules, patterns=names, overwrites=self.rules.overwrites or is_repeated)
        items = list(items_in(source, folder, rules))
        if not items:
            return Outcome(0, f"no file of {self.source} was found")
        stopped = self._why_not(files, is_one=is_one) or (None if is_one else self._into_itself(source, folder, files))
        if stopped is not None:
            return Outcome(_CANNOT_BEGIN, stopped)
        copier = Copier(source, files, rules)
        if found is not None and is_one and not rules.with_folders and not self._goes_into_folder(files):
            copier.copy_as(self.target.inner, found)
        else:
            copier.copy_to(self.target.inner, items)
        return _ended(copier, _CANNOT_BEGIN if copier.refused else 0)

    def _goes_into_folder(self, files: VolumeFiles) -> bool:
        return self.target.is_folder or self._is_folder(files)

    def _why_not(self, files: VolumeFiles, *, is_one: bool) -> str | None:
        if self._goes_into_folder(files) or (self.into_folder and not is_one and not files.exists(self.target.inner)):
            return None
        if not files.exists(self.target.inner):
            return f"a person would be asked whether {self.target} is a file or a folder; a backslash at its end tells"
        return None if is_one else f"{self.target} is a file, and several go there"


@dataclass(frozen=True, slots=True)
class MirrorTree(_Copying):
    """``robocopy``: a folder with what is in it.

    Attributes:
        rules: which files, and what becomes of those that are there.
        purges: whether what the source does not have is deleted.
    """

    COPIED: ClassVar = 1
    """The part of its exit code that tells that files were copied."""

    source: SourcePath
    target: DrivePath
    rules: Rules
    purges: bool

    @classmethod
    def read(cls, words: tuple[str, ...], machine: Machine, here: Path | None) -> MirrorTree:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        words, without_files = _excluded(words, "/xf")
        words, without_folders = _excluded(words, "/xd")
        switches = Switches.apart(words)
        if len(switches.words) < 2:
            raise InvalidRequest("valid of robocopy is robocopy SOURCE TARGET")
        for each in (*switches.words[2:], *without_files, *without_folders):
            checked_name(each, "robocopy")
        mirrors = switches.take("mir")
        with_empty = switches.take("e") or mirrors
        rules = Rules(
            patterns=switches.words[2:] or ("*",),
            without_files=without_files,
            without_folders=without_folders,
            with_folders=switches.take("s") or with_empty,
            with_empty=with_empty,
            with_hidden=True,
            overwrites=True,
            over_protected=True,
            only_newer=switches.take("xo"),
            skips_same=not switches.take("is"),
        )
        purges = switches.take("purge") or mirrors
        for name in ("copy", "dcopy"):
            wanted = switches.value(name) or ""
            if set(wanted.upper()) - set("DATX"):
                raise InvalidRequest(f"robocopy /{name}:{wanted} copies owners and permissions; valid here are D, A, T")
        switches.pass_over(*_WITHOUT_USE)
        switches.finish("robocopy")
        return cls(source_path(switches.words[0], machine, here), drive_path(switches.words[1]), rules, purges)

    def foretell(self, machine: Machine) -> Forecast:
        """Tell what it would copy, and what would be lost."""
        told = _Copying.foretell(self, machine)
        return replace(told, destroys=(f"what {self.target} has and {self.source} has not",)) if self.purges else told

    def between(self, source: FileSource, found: FileFacts | None, files: VolumeFiles, *, is_repeated: bool) -> Outcome:
        """Copy a folder; exit codes are those of robocopy, of which 1 tells that files were copied."""
        del is_repeated
        if found is None or not found.is_directory:
            return Outcome(_NOTHING_DONE, f"there is no folder {self.source}")
        stopped = self._into_itself(source, found.path, files)
        if stopped is not None:
            return Outcome(_NOTHING_DONE, stopped)
        items = list(items_in(source, found.path, self.rules))
        if self.target.inner and not files.exists(self.target.inner):
            files.make_directory(self.target.inner)
        all_there = items_in(source, found.path, replace(self.rules, patterns=("*",), with_empty=True))
        extra = extra_in(files, self.target.inner, all_there, self.rules)
        if self.purges:
            delete_all(files, extra)
        copier = Copier(source, files, self.rules)
        copier.copy_to(self.target.inner, items)
        return _ended(copier, (self.COPIED if copier.copied else 0) + (_MORE_THERE if extra else 0))


_WITHOUT_USE = (
    "r", "w", "np", "nfl", "ndl", "njh", "njs", "ns", "nc", "tee", "v", "eta", "mt", "log", "log+", "unilog",
    "unilog+", "z", "b", "zb", "j", "fft", "tbd", "reg", "bytes", "ts", "fp", "x", "it",
)  # fmt: skip


def _excluded(words: tuple[str, ...], switch: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take a switch out with the names behind it, up to the next switch."""
    lower = [word.lower() for word in words]
    if switch not in lower:
        return words, ()
    begin = lower.index(switch)
    end = next((at for at in range(begin + 1, len(words)) if words[at].startswith("/")), len(words))
    return words[:begin] + words[end:], words[begin + 1 : end]


def _ended(copier: Copier, code: int) -> Outcome:
    said = "; ".join((f"{counted(copier.copied, 'file')} copied", *copier.refused[:_SHOWN]))
    return Outcome(code, said, tuple(copier.warnings))
