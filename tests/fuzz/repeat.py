"""Repeat an input without Atheris: ``python -m fuzz.repeat NAME FILE...``; ``--less`` leaves out what is not needed."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from fuzz.registry import TARGETS
from fuzz.target import Target


def main() -> int:
    """Tell of each file whether it is read or refused; of a fault, show where it is."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.repeat", description=__doc__)
    parser.add_argument("name", choices=TARGETS, metavar="NAME")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--less", action="store_true", help="write FILE.less: shorter, with the same fault")
    given = parser.parse_args()
    target, faults = TARGETS[given.name], 0
    for path in given.files:
        data = path.read_bytes()
        try:
            told = "read" if target.attempt(data) else "refused"
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            traceback.print_exception(error)
            told, faults = "a fault", faults + 1
            if given.less:
                less = path.with_name(path.name + ".less")
                less.write_bytes(_less(target, data, _kind(error)))
                told = f"a fault, the same as of {less}"
        print(f"{path}: {told}")
    return 1 if faults else 0


def _less(target: Target, data: bytes, kind: object) -> bytes:
    return shortest(data, lambda shorter: _fault(target, shorter) == kind)


def shortest(data: bytes, holds: Callable[[bytes], bool]) -> bytes:
    """Leave out all pieces without which the same still holds, large ones first."""
    size = len(data)
    while size := size // 2:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if holds(shorter):
                data = shorter
            else:
                at += size
    return data


def _fault(target: Target, data: bytes) -> object:
    try:
        target.attempt(data)
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return _kind(error)
    return None


def _kind(error: Exception) -> object:
    """Return what makes two faults the same: the exception, and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno


if __name__ == "__main__":
    sys.exit(main())
