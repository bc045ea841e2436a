"""The command line in this process, with standard streams of its own: what goes through them as bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runs.commands import Outcome, osdimage


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a command did.

    Attributes:
        outcome: its exit code, and what it printed.
        sent: the bytes that it wrote to its standard output by itself.
    """

    outcome: Outcome
    sent: bytes


def streamed(*arguments: str | os.PathLike[str], stdin: bytes = b"", code: int | None = 0) -> Streamed:
    """Run a command that reads bytes from stdin, or writes some to stdout."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(stdin)
        source.seek(0)
        with _in_place_of(0, source.fileno()), _in_place_of(1, target.fileno()):
            outcome = osdimage(*arguments, code=code)
        target.seek(0)
        return Streamed(outcome, target.read())


@contextmanager
def _in_place_of(standard: int, descriptor: int) -> Iterator[None]:
    before = os.dup(standard)
    try:
        os.dup2(descriptor, standard)
        yield
    finally:
        os.dup2(before, standard)
        os.close(before)
