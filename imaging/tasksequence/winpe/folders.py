r"""Making and removing folders, and deleting files: ``md``, ``rd`` and ``del`` of the shell.

Sources: "mkdir", "rmdir" and "del", learn.microsoft.com/windows-server/administration/windows-commands; the exit codes
are those of cmd.exe: mkdir of what is there 1; rd of what is not there 2, of a folder that is not empty 145; del of
what is not there 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.files import FileFacts
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.command import IN_RAM, Command, Outcome
from osdimage.imaging.tasksequence.winpe.patterns import pattern_of
from osdimage.imaging.tasksequence.winpe.places import DrivePath, drive_path, written
from osdimage.imaging.tasksequence.winpe.switches import Switches
from osdimage.imaging.tasksequence.winpe.trees import HIDDEN
from osdimage.imaging.units import counted
from osdimage.imaging.volume.files import VolumeFiles

_IS_THERE, _NOT_FOUND, _NOT_EMPTY, _NO_FOLDER = 1, 2, 145, 267


class _OnVolumes(Command):
    """A command that changes what paths of volumes lead to, one path after the other."""

    paths: tuple[DrivePath, ...]
    verb: str
    done: str

    def needless(self, machine: Machine) -> str | None:
        """Return that all of it is in the RAM disk, or None."""
        del machine
        return IN_RAM if all(path.is_in_ram for path in self.paths) else None

    def _places(self, machine: Machine) -> list[tuple[DrivePath, Place]]:
        return [(path, path.volume(machine)) for path in self.paths if not path.is_in_ram]

    def _told(self, verb: str) -> str:
        return f"{verb} {', '.join(str(path) for path in self.paths if not path.is_in_ram)}"


@dataclass(frozen=True, slots=True)
class MakeFolders(_OnVolumes):
    """``md``: makes folders, with those above them."""

    paths: tuple[DrivePath, ...]
    verb, done = "make the folder", "made the folder"

    @classmethod
    def read(cls, words: tuple[str, ...]) -> MakeFolders:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one.
        """
        switches = Switches.apart(words)
        switches.finish("md")
        return cls(_paths(switches, wild=False))

    def foretell(self, machine: Machine) -> Forecast:
        """Tell which folders it would make."""
        self._places(machine)
        return Forecast(self._told(self.verb))

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Make them; one that is there is a failure, unless this step may have made it."""
        there = []
        for path, place in self._places(machine):
            with written(machine, place, is_repeated=events.is_repeated) as files:
                if not path.inner or files.exists(path.inner):
                    there.append(str(path))
                else:
                    files.make_directory(path.inner)
        if there and not events.is_repeated:
            return Outcome(_IS_THERE, f"there is something already: {', '.join(there)}")
        return Outcome(0, self._told(self.done))


@dataclass(frozen=True, slots=True)
class RemoveFolders(_OnVolumes):
    """``rd``: removes folders, with all in them where it says so."""

    paths: tuple[DrivePath, ...]
    with_contents: bool
    verb, done = "remove the folder", "removed the folder"

    @classmethod
    def read(cls, words: tuple[str, ...]) -> RemoveFolders:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one, or it would ask a person.
        """
        switches = Switches.apart(words)
        found = cls(_paths(switches, wild=False), switches.take("s"))
        if found.with_contents and not switches.take("q"):
            raise InvalidRequest("rd /s asks a person whether all shall go; valid here is rd /s /q")
        switches.take("q")
        switches.finish("rd")
        return found

    def foretell(self, machine: Machine) -> Forecast:
        """Tell what would be lost."""
        self._places(machine)
        lost = [f"{path} and all in it" for path in self.paths if self.with_contents and not path.is_in_ram]
        return Forecast(self._told(self.verb), destroys=tuple(lost))

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Remove them; links in them go, and not what they lead to."""
        ended = Outcome(0, self._told(self.done))
        for path, place in self._places(machine):
            with written(machine, place, is_repeated=events.is_repeated) as files:
                ended = self._remove(files, path, ended, is_repeated=events.is_repeated)
        return ended

    def _remove(self, files: VolumeFiles, path: DrivePath, ended: Outcome, *, is_repeated: bool) -> Outcome:
        facts = files.find(path.inner)
        if facts is None:
            return ended if is_repeated else Outcome(_NOT_FOUND, f"there is no {path}")
        if not facts.is_directory:
            return Outcome(_NO_FOLDER, f"{path} is no folder")
        inside = [] if facts.is_link else files.list(path.inner)
        if inside and not self.with_contents:
            return Outcome(_NOT_EMPTY, f"{path} is not empty")
        if inside:
            for each in reversed(list(files.walk(path.inner))):
                files.delete(each.path)
        if path.inner:
            files.delete(path.inner)
        return ended


@dataclass(frozen=True, slots=True)
class DeleteFiles(_OnVolumes):
    """``del``: deletes files."""

    paths: tuple[DrivePath, ...]
    with_folders: bool
    forced: bool
    verb, done = "delete", "deleted"

    @classmethod
    def read(cls, words: tuple[str, ...]) -> DeleteFiles:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one, or it would ask a person.
        """
        switches = Switches.apart(words)
        is_quiet = switches.take("q")
        found = cls(_paths(switches, wild=True), switches.take("s"), switches.take("f"))
        switches.finish("del")
        if not is_quiet and any(_is_all(path.name) or path.is_folder for path in found.paths):
            raise InvalidRequest("del asks a person whether all files of a folder shall go; valid here is del /q")
        return found

    def foretell(self, machine: Machine) -> Forecast:
        """Tell what would be lost."""
        self._places(machine)
        return Forecast(
            self._told(self.verb), destroys=tuple(f"the files {path}" for path in self.paths if not path.is_in_ram)
        )

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Delete the files; what is not there, and what is protected, is passed over as Windows does."""
        deleted, kept = 0, []
        for path, place in self._places(machine):
            with written(machine, place, is_repeated=events.is_repeated) as files:
                for facts in list(self._found(files, path)):
                    if facts.attributes & FileAttribute.READONLY and not self.forced:
                        kept.append(f"{facts.path} is read-only, and stays: del /f deletes it")
                        continue
                    files.delete(facts.path)
                    deleted += 1
        return Outcome(0, f"{self._told(self.done)}: {counted(deleted, 'file')}", tuple(kept))

    def _found(self, files: VolumeFiles, path: DrivePath) -> Iterator[FileFacts]:
        facts = None if path.is_wild else files.find(path.inner)
        if facts is not None and facts.is_directory:
            yield from self._matching(files, path.inner, "*")
        elif facts is not None and not self.with_folders:
            # A hidden file is not found without being asked for (/a).
            yield from () if facts.attributes & HIDDEN else (facts,)
        elif path.is_wild or self.with_folders:
            yield from self._matching(files, path.above, path.name)

    def _matching(self, files: VolumeFiles, folder: str, name: str) -> Iterable[FileFacts]:
        above = files.find(folder)
        if above is None or not above.is_directory:
            return ()
        pattern = pattern_of(name)
        inside = files.walk(folder) if self.with_folders else files.list(folder)
        return (
            each
            for each in inside
            if not each.is_directory and not each.attributes & HIDDEN and pattern.fullmatch(each.name)
        )


def _is_all(name: str) -> bool:
    return name in {"*", "*.*"}


def _paths(switches: Switches, *, wild: bool) -> tuple[DrivePath, ...]:
    if not switches.words:
        raise InvalidRequest("it names no path; valid is one such as C:\\Folder")
    found = tuple(map(drive_path, switches.words))
    for path in found:
        if path.is_wild and not wild:
            raise InvalidRequest(f"{quoted(str(path))} stands for several names; valid is one folder")
    return found
