r"""Which command lines are recognized: those that say plainly what they change on the disks.

What is not recognized is refused by what it is, never guessed: a program that is unknown, a switch that is, a path that
leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.boot_files import InstallBoot
from osdimage.imaging.tasksequence.winpe.command import Command, Outcome
from osdimage.imaging.tasksequence.winpe.copying import CopyFiles, CopyTree, MirrorTree
from osdimage.imaging.tasksequence.winpe.folders import DeleteFiles, MakeFolders, RemoveFolders
from osdimage.imaging.tasksequence.winpe.hives import ChangeKey, LoadHive, UnloadHive
from osdimage.imaging.tasksequence.winpe.images import read_dism
from osdimage.imaging.tasksequence.winpe.leaving import Leave
from osdimage.imaging.tasksequence.winpe.words import Joint, Part, parts_of, program_words, shell_words

Reader = Callable[[tuple[str, ...], Machine, Path | None], Command]
"""Reads the words behind the name of a program; InvalidRequest when they are not known."""

_SYSTEM = re.compile(r"x:\\windows\\system32\\(.*)", re.IGNORECASE | re.DOTALL)
_REGISTRY: Mapping[str, Callable[[tuple[str, ...]], Command]] = {
    "load": LoadHive.read,
    "unload": UnloadHive.read,
    "add": ChangeKey.read_add,
    "delete": ChangeKey.read_delete,
}


def _registry(words: tuple[str, ...], machine: Machine, here: Path | None) -> Command:
    del machine, here
    reader = _REGISTRY.get(words[0].lower()) if words else None
    if reader is None:
        raise InvalidRequest(f"of reg, {', '.join(_REGISTRY)} are known here")
    return reader(words[1:])


def _alone(read: Callable[[tuple[str, ...]], Command]) -> Reader:
    def reader(words: tuple[str, ...], machine: Machine, here: Path | None) -> Command:
        del machine, here
        return read(words)

    return reader


_OF_SHELL: Mapping[str, Reader] = {
    "md": _alone(MakeFolders.read),
    "mkdir": _alone(MakeFolders.read),
    "rd": _alone(RemoveFolders.read),
    "rmdir": _alone(RemoveFolders.read),
    "del": _alone(DeleteFiles.read),
    "erase": _alone(DeleteFiles.read),
    "copy": CopyFiles.read,
    "exit": _alone(Leave.read),
}
_PROGRAMS: Mapping[str, Reader] = {
    "bcdboot": _alone(InstallBoot.read),
    "dism": read_dism,
    "reg": _registry,
    "robocopy": MirrorTree.read,
    "xcopy": CopyTree.read,
}
RECOGNIZED = (*_OF_SHELL, *_PROGRAMS)
"""The names of what is recognized."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line all of whose commands are recognized.

    Attributes:
        commands: each with what joins it to the one before it.
    """

    commands: tuple[tuple[Joint, Command], ...]

    def needless(self, machine: Machine) -> str | None:
        """Return why nothing needs to be done for any of them, or None."""
        found = [command.needless(machine) for _, command in self.commands]
        told = [each for each in found if each is not None]
        return "; ".join(dict.fromkeys(told)) if told and len(told) == len(found) else None

    def foretell(self, machine: Machine) -> Forecast:
        """Tell what all of them would do.

        Raises:
            OsdImageError: when one of them would fail.
        """
        told = [command.foretell(machine) for _, command in self.commands if command.needless(machine) is None]
        unknown = [each.unknown for each in told if each.unknown is not None]
        return Forecast(
            "; ".join(each.does for each in told),
            destroys=tuple(text for each in told for text in each.destroys),
            unknown="; ".join(unknown) or None,
            warnings=tuple(text for each in told for text in each.warnings),
            details=tuple(text for each in told for text in each.details),
            serves=tuple(text for each in told for text in each.serves),
            lacks=tuple(text for each in told for text in each.lacks),
        )

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Do one after the other, as a shell does; the code is that of the last one that ran.

        Raises:
            OsdImageError: when something cannot be read or written; those behind it do not run.
        """
        code = 0
        said: list[str] = []
        warnings: list[str] = []
        for joint, command in self.commands:
            if (joint is Joint.IF_OK and code) or (joint is Joint.IF_FAILED and not code):
                continue
            if isinstance(command, Leave):
                code = code if command.code is None else command.code
                break
            if command.needless(machine) is not None:
                code = 0
                continue
            ended = command.carry_out(machine, events)
            code = ended.code
            said.append(ended.message)
            warnings += ended.warnings
        return Outcome(code, "; ".join(said) or f"ended with exit code {code}", tuple(warnings))


def recognize(line: str, machine: Machine, here: Path | None = None) -> CommandLine:
    """Read a command line of Windows PE; nothing is changed.

    Args:
        line: its ``%NAME%`` of the sequence replaced.
        machine: whose shares stand for those of the network.
        here: the folder of the package that it runs in, or None.

    Raises:
        InvalidRequest: when it is not recognized, with the reason.
    """
    return CommandLine(tuple((part.joint, _command(part, machine, here)) for part in parts_of(line)))


def _command(part: Part, machine: Machine, here: Path | None) -> Command:
    if part.is_of_shell:
        words = shell_words(part.text)
        reader = _OF_SHELL.get(words[0].lower()) if words else None
        if reader is not None:
            return reader(words[1:], machine, here)
    words = program_words(part.text)
    reader = _PROGRAMS.get(_named(words[0]))
    if reader is None:
        shown = words[0] if len(words[0]) <= 60 else f"{words[0][:60]}..."
        raise InvalidRequest(f"the program {quoted(shown)} is not recognized")
    return reader(words[1:], machine, here)


def _named(program: str) -> str:
    """Return the name of a program of Windows PE, without its folder there."""
    found = _SYSTEM.fullmatch(program)
    return (program if found is None else found[1]).lower().removesuffix(".exe")
