"""The blocks of a page that show a console, each command with the place of its output in the text.

A command begins with ``$ ``, and goes on where a line ends with a backslash, and up to WORD behind ``<<'WORD'``.  What
stands below it, up to the next command, is what it prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PROMPT = "$ "
_FENCE = re.compile(r"^(?P<indent> *)```console\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<-?\s*(['\"]?)(?P<word>\w+)\1")


class NotRunnable(Exception):
    """A block shows what cannot be run."""


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        line: what the shell gets, several lines perhaps.
        number: the line of the page where it stands, from 1.
        shown: the lines below it, without the block's indentation.
        first: the number of the first line of output, from 1, whether there is one or not.
        indent: the blanks before each line of the block.
    """

    line: str
    number: int
    shown: tuple[str, ...]
    first: int
    indent: str


@dataclass(frozen=True)
class Page:
    """A page, and the commands that it shows in their order."""

    path: Path
    text: str
    commands: tuple[Command, ...]

    @classmethod
    def read(cls, path: Path) -> Page:
        """Read a page.

        Raises:
            NotRunnable: a block begins with what is no command.
        """
        text = path.read_text(encoding="utf-8")
        commands: list[Command] = []
        for block in _FENCE.finditer(text):
            number = text.count("\n", 0, block.start("body")) + 1
            try:
                commands += _commands(block["body"].splitlines(), number, block["indent"])
            except NotRunnable as why:
                raise NotRunnable(f"{path}:{number}: {why}") from None
        return cls(path, text, tuple(commands))

    def with_outputs(self, printed: dict[Command, list[str]]) -> str:
        """Return the text with other lines below some commands."""
        lines = self.text.splitlines(keepends=True)
        for command in sorted(printed, key=lambda each: each.number, reverse=True):
            begin = command.first - 1
            new = [f"{command.indent}{line}".rstrip() + "\n" for line in printed[command]]
            lines[begin : begin + len(command.shown)] = new
        return "".join(lines)


def _commands(body: list[str], number: int, indent: str) -> list[Command]:
    lines = [line.removeprefix(indent) for line in body]
    if not lines or not lines[0].startswith(_PROMPT):
        raise NotRunnable("a block of a console begins with a command, `$ ...`; what shows output alone is ```text")
    found = []
    at = 0
    while at < len(lines):
        end = _end(lines, at)
        following = next((n for n in range(end, len(lines)) if lines[n].startswith(_PROMPT)), len(lines))
        command = "\n".join((lines[at].removeprefix(_PROMPT), *lines[at + 1 : end]))
        found.append(Command(command, number + at, tuple(lines[end:following]), number + end, indent))
        at = following
    return found


def _end(lines: list[str], at: int) -> int:
    """Return the index behind the last line of the command that begins at one."""
    end = at + 1
    while lines[end - 1].endswith("\\"):
        if end == len(lines):
            raise NotRunnable(f"the command goes on, and the block ends: {lines[at]}")
        end += 1
    here = _HERE.search(" ".join(lines[at:end]))
    if here is None:
        return end
    if here["word"] not in lines[end:]:
        raise NotRunnable(f"no line is {here['word']}, which ends what the command reads: {lines[at]}")
    return lines.index(here["word"], end) + 1
