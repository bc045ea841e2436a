"""Runs osdimage where a crash, a flood of memory or an endless loop is an outcome and not the end of the tests.

A worker process imports osdimage once and forks for each request: the child gets a limit of memory, its own output
files, and a time after which it is killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

COMMAND = (sys.executable, "-c", "from osdimage.cli.main import main; main()")
"""The command line, in whatever way the package is installed."""

SYSTEM_COMMAND = (
    sys.executable,
    "-c",
    f"from osdimage.imaging import programs; programs.bundled_program = lambda name: None; {COMMAND[-1]}",
)
"""The same, calling the programs of ``PATH`` also where osdimage brings its own along, as wheels of a release do."""

WORKER = Path(__file__).with_name("sandbox_worker.py")


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the exit code, or minus the number of the signal that killed it."""

    code: int
    out: str
    err: str

    def describe(self) -> str:
        """Return everything, for the message of an assertion."""
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Sandbox:
    """A worker.  Use as a context manager."""

    def __enter__(self) -> Self:
        self._worker = subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="ascii",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.communicate()

    def cli(self, *arguments: str | Path) -> Outcome:
        """Run the command line."""
        return self._ask("cli", *arguments)

    def exercise(self, wim: Path, folder: Path) -> Outcome:
        """Do everything that reads a WIM, through the library; see ``sandbox_worker.py``."""
        return self._ask("exercise", wim, folder)

    def _ask(self, what: str, *arguments: str | Path) -> Outcome:
        stdin, stdout = self._worker.stdin, self._worker.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([what, *map(str, arguments)]) + "\n")
        stdin.flush()
        return Outcome(*json.loads(stdout.readline()))
