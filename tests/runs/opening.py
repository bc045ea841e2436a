"""How often a file is opened by this process, and whether another one could take its lock meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from judges.wim import require

_watched: dict[str, list[str]] = {}


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _watched or not isinstance(arguments[0], (str, bytes)):
        return
    path = os.fsdecode(arguments[0])
    if path in _watched:
        _watched[path].append(path)


# An audit hook cannot be taken away again.
sys.addaudithook(_hear)


@contextmanager
def opens_of(path: Path) -> Iterator[list[str]]:
    """Yield the list of the opens of a file by its path, which grows while the body runs."""
    _watched[str(path)] = []
    try:
        yield _watched[str(path)]
    finally:
        del _watched[str(path)]


def is_locked(path: Path) -> bool:
    """Tell whether another program that asks for the lock of a file does not get it."""
    require("flock")
    done = subprocess.run(["flock", "--nonblock", path, "true"], capture_output=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode == 1
