"""Plain disks of tests that are in the file of a virtual machine while a command runs (``make formats``).

With ``OSDIMAGE_DISK_FORMAT`` each plain disk that a command is given as an argument becomes a file of that format under
the same name before, and is a plain disk again afterwards, for the judges of the test.  Nothing else changes: names
promise nothing, and a command must do the same with both.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

FORMAT = os.environ.get("OSDIMAGE_DISK_FORMAT")
of_plain_files = pytest.mark.skipif(FORMAT is not None, reason="of the file of a plain disk itself, or its descriptor")
_OPTIONS = {"vpc": ("-o", "force_size=on")}
_LEAST = 1 << 20


@contextmanager
def in_containers(words: Sequence[str]) -> Iterator[None]:
    """Let the plain disks among arguments be containers meanwhile."""
    if FORMAT is None:
        yield
        return
    disks = [path for path in map(_path_of, words) if _is_plain_disk(path)]
    for path in disks:
        _convert(path, "raw", FORMAT)
    try:
        yield
    finally:
        for path in disks:
            # A command may have made it anew.
            if path.is_file() and not _is_plain_disk(path):
                _convert(path, FORMAT, "raw")


def _path_of(word: str) -> Path:
    """Return the path that an argument has, such as ``disk.img`` or ``0=disk.img``."""
    number, equals, name = word.partition("=")
    return Path(name if equals and number.isdecimal() else word)


def _is_plain_disk(path: Path) -> bool:
    """Tell whether a file has a partition table, or begins as a volume does: both have the same mark."""
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size < _LEAST:
            return False
        with path.open("rb") as file:
            return file.read(512)[510:] == b"\x55\xaa"
    except (OSError, ValueError):
        return False


def _convert(path: Path, source: str, to: str) -> None:
    made = path.with_name(f"{path.name}.{to}")
    words = ["qemu-img", "convert", "-f", source, "-O", to, *_OPTIONS.get(to, ()), path, made]
    subprocess.run(words, check=True, capture_output=True)
    made.chmod(stat.S_IMODE(path.stat().st_mode))
    made.replace(path)
