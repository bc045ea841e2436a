"""Running commands in a terminal, and what is seen of them.

A row of the screen is cells; a ``Stay`` is a row that stood at a line of the screen from one moment to another.  Time
is that of a viewer: a command is typed, what it does takes as long as it took, but no wait longer than a viewer likes.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from dataclasses import dataclass

import pyte

PROMPT = "$ "
LETTER_SECONDS = 0.03
_PAUSE_SECONDS = 1.2
_LONGEST_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Cell:
    """What stands in one place: a character, its colours by the names of pyte, and whether it is bold."""

    text: str
    front: str
    back: str
    is_bold: bool


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Stay:
    """A row at a line of the screen, from 0; ``end`` is None for what stays, and ``typed`` letters are typed first."""

    line: int
    row: Row
    begin: float
    end: float | None
    typed: int = 0


@dataclass(frozen=True)
class Recording:
    """What was seen in a terminal of so many columns and lines, and as a page shows it."""

    columns: int
    lines: int
    stays: tuple[Stay, ...]
    seconds: float
    transcript: str


class Terminal:
    """A screen with the time of a viewer."""

    def __init__(self, columns: int, lines: int) -> None:
        """Begin with an empty screen."""
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._since: dict[int, tuple[Row, float, int]] = {}
        self._stays: list[Stay] = []
        self._transcript: list[str] = []
        self._now = 0.5

    def run(self, command: str) -> None:
        """Type a command, and show what it prints as it comes.

        Raises:
            RuntimeError: it fails, or the screen is too small for what it prints.
        """
        first = self._screen.cursor.y
        self._write(f"{PROMPT}{command}".encode(), typed=len(command))
        self._now += len(command) * LETTER_SECONDS + _LONGEST_WAIT_SECONDS
        self._write(b"\r\n")
        ours, theirs = pty.openpty()
        size = struct.pack("HHHH", self._screen.lines, self._screen.columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        environment = os.environ | {"TERM": "xterm-256color"}
        process = subprocess.Popen(
            ["/bin/bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self._follow(ours)
        os.close(ours)
        if process.wait():
            raise RuntimeError(f"{command} left with {process.returncode}: {self._screen.display}")
        last = self._screen.cursor.y
        if last + 1 >= self._screen.lines:
            raise RuntimeError(f"{command}: the screen has {self._screen.lines} lines, which are too few")
        self._transcript += [line.rstrip() for line in self._screen.display[first:last]]
        self._now += _PAUSE_SECONDS

    def recording(self) -> Recording:
        """Return what was seen until now, with a prompt at its end."""
        self._write(PROMPT.encode())
        ended = [Stay(line, row, begin, None, typed) for line, (row, begin, typed) in sorted(self._since.items())]
        lines = self._screen.cursor.y + 1
        return Recording(self._screen.columns, lines, (*self._stays, *ended), self._now, "\n".join(self._transcript))

    def _follow(self, ours: int) -> None:
        before = time.monotonic()
        while True:
            select.select([ours], [], [])
            now = time.monotonic()
            self._now += min(now - before, _LONGEST_WAIT_SECONDS)
            before = now
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # EIO: nobody has the other end any more
                return
            if not data:
                return
            self._write(data)

    def _write(self, data: bytes, *, typed: int = 0) -> None:
        self._stream.feed(data)
        for line in range(self._screen.lines):
            row = self._row(line)
            known, begin, letters = self._since.get(line, ((), 0.0, 0))
            if row == known:
                continue
            if known and begin < self._now:
                self._stays.append(Stay(line, known, begin, self._now, letters))
            self._since[line] = (row, self._now, typed)

    def _row(self, line: int) -> Row:
        places = self._screen.buffer[line]
        row = [
            Cell(place.data, place.fg, place.bg, place.bold)
            for place in (places[column] for column in range(self._screen.columns))
        ]
        while row and row[-1].text == " " and row[-1].back == "default":
            row.pop()
        return tuple(row)
