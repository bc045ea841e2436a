"""What is put on the disk for one step, to run at the first start of the Windows that is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import Fields, checked_number

Position = tuple[int, ...]
"""The place of a step or a group in a sequence: (0, 2) is the third member of the first group."""

SUCCESS = (0, 3010)
"""Success, and success that asks for a restart: ERROR_SUCCESS and ERROR_SUCCESS_REBOOT_REQUIRED."""


@dataclass(frozen=True, slots=True)
class StagedPackage:
    r"""Files that a command needs, which are put below ``packages\NAME`` of the first start: its folder when it runs.

    Attributes:
        name: the folder that they are put into.
        path: the folder, or the one file, of this machine.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A small file that is put beside the command of a step.

    Attributes:
        name: of the file.
        text: what it holds, with line feeds.
        is_unicode: whether it is written in UTF-8 with a mark, as PowerShell reads it; else in the OEM code page.
    """

    name: str
    text: str
    is_unicode: bool = False


@dataclass(frozen=True, slots=True)
class StagedCommand:
    """What a step becomes.

    Attributes:
        does: one sentence, such as "run setup.exe /quiet".
        lines: of a batch file; the exit code of the last is that of the step.  It runs in the folder of the first
            start, ``%OSDImageFirstStart%``, where ``packages`` and ``vars.txt`` are; ``%~dp0`` is where its files are.
        success_codes: the exit codes that are success; None: those that the step has in the sequence.
        retries: how often it is begun again when the computer stopped in it; None: what the sequence says.
        is_wow: whether it runs in the 32-bit shell, where the Windows has one.
        restarts: whether the computer restarts when it has succeeded.
        timeout_seconds: after which it is ended and has failed, or None.
        output_variable: the variable that its output becomes, or None.
        sets: the names of other variables that it sets, by lines ``NAME=VALUE`` that it adds to ``vars.txt``.
        packages: that it needs.
        files: that it needs.
        warnings: sentences about what it will leave out or lose.
    """

    does: str
    lines: tuple[str, ...]
    success_codes: tuple[int, ...] | None = None
    retries: int | None = None
    is_wow: bool = False
    restarts: bool = False
    timeout_seconds: int | None = None
    output_variable: str | None = None
    sets: tuple[str, ...] = ()
    packages: tuple[StagedPackage, ...] = ()
    files: tuple[StagedFile, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> frozenset[str]:
        """The variables whose values nobody knows after it, in lower case."""
        return frozenset(name.lower() for name in (*self.sets, self.output_variable or "") if name)

    def to_document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "does": self.does,
            "lines": list(self.lines),
            "success_codes": None if self.success_codes is None else [code & 0xFFFFFFFF for code in self.success_codes],
            "retries": self.retries,
            "is_wow": self.is_wow,
            "restarts": self.restarts,
            "timeout_seconds": self.timeout_seconds,
            "output_variable": self.output_variable,
            "sets": list(self.sets),
            "packages": [{"name": each.name, "path": str(each.path)} for each in self.packages],
            "files": [{"name": each.name, "text": each.text, "is_unicode": each.is_unicode} for each in self.files],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_fields(cls, document: Fields) -> StagedCommand:
        """Read what :meth:`to_document` returned; ValueError when it is not that."""
        codes = None if document.given("success_codes") is None else _codes(document)
        return cls(
            does=document.text("does"),
            lines=document.texts("lines"),
            success_codes=codes,
            retries=document.number_or_none("retries"),
            is_wow=document.truth("is_wow"),
            restarts=document.truth("restarts"),
            timeout_seconds=document.number_or_none("timeout_seconds"),
            output_variable=document.text_or_none("output_variable"),
            sets=document.texts("sets"),
            packages=tuple(
                StagedPackage(each.text("name"), Path(each.text("path"))) for each in document.each("packages")
            ),
            files=tuple(
                StagedFile(each.text("name"), each.text("text"), each.truth("is_unicode"))
                for each in document.each("files")
            ),
            warnings=document.texts("warnings"),
        )


@dataclass(frozen=True, slots=True)
class StagedCondition:
    """A condition that only the new Windows can answer.

    Attributes:
        group: the place of the group whose condition it is, which is asked once; None for that of the step alone.
        lines: of a batch file that ends with exit code 0 when it holds, and 1 when it does not.
    """

    group: Position | None
    lines: tuple[str, ...]

    def to_document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {"group": None if self.group is None else list(self.group), "lines": list(self.lines)}

    @classmethod
    def from_fields(cls, document: Fields) -> StagedCondition:
        """Read what :meth:`to_document` returned; ValueError when it is not that."""
        group = document.given("group")
        return cls(None if group is None else _position(group, document.at("group")), document.texts("lines"))


@dataclass(frozen=True, slots=True)
class StagedStep:
    """One step that waits for the first start.

    Attributes:
        number: of the step in the sequence, from 1.
        place: where it is in the sequence.
        name: of the step.
        command: what runs.
        success_codes: the exit codes that are success.
        retries: how often it is begun again when the computer stopped in it.
        may_fail: whether what follows it runs although it failed.
        tolerant: the places of the groups around it that may fail, the innermost last.
        conditions: that must all hold, those of groups first.
        shown: what people call its number: ``12.3`` in a child task sequence that stands in place of step 12.
    """

    number: int
    place: Position
    name: str
    command: StagedCommand
    success_codes: tuple[int, ...] = (0,)
    retries: int = 0
    may_fail: bool = False
    tolerant: tuple[Position, ...] = ()
    conditions: tuple[StagedCondition, ...] = ()
    shown: str = ""

    @property
    def called(self) -> str:
        """What people call its number."""
        return self.shown or str(self.number)

    def to_document(self) -> dict[str, object]:
        """Return plain values for JSON.  Secrets are in it in the clear."""
        return {
            "number": self.number,
            "place": list(self.place),
            "name": self.name,
            "command": self.command.to_document(),
            "success_codes": [code & 0xFFFFFFFF for code in self.success_codes],
            "retries": self.retries,
            "may_fail": self.may_fail,
            "tolerant": [list(each) for each in self.tolerant],
            "conditions": [each.to_document() for each in self.conditions],
            "shown": self.shown,
        }

    @classmethod
    def from_fields(cls, document: Fields) -> StagedStep:
        """Read what :meth:`to_document` returned; ValueError when it is not that."""
        return cls(
            number=document.number("number", 1),
            place=_position(document.given("place"), document.at("place")),
            name=document.text("name"),
            command=StagedCommand.from_fields(document.fields("command")),
            success_codes=_codes(document),
            retries=document.number("retries"),
            may_fail=document.truth("may_fail"),
            tolerant=tuple(_position(value, where) for where, value in document.items("tolerant")),
            conditions=tuple(map(StagedCondition.from_fields, document.each("conditions"))),
            shown=document.text("shown"),
        )


def _codes(document: Fields) -> tuple[int, ...]:
    return tuple(checked_number(value, where, 0, 0xFFFFFFFF) for where, value in document.items("success_codes"))


def _position(value: object, place: str) -> Position:
    if not isinstance(value, list):
        raise ValueError(f"{place} is not valid; expected is a list of numbers")  # noqa: TRY004 - as all of it
    return tuple(checked_number(each, place) for each in value)
