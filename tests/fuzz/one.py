"""One target in Atheris, in a process of its own.

``python -m fuzz.one MODULE NAME [OPTION OF LIBFUZZER]... [FOLDER OF INPUTS]...``
"""

from __future__ import annotations

import sys
from importlib import import_module

import atheris


def main() -> None:
    """Run the target until libFuzzer has enough, or an input is not read and not refused."""
    module, name = sys.argv[1:3]
    with atheris.instrument_imports(include=["osdimage"]):
        target = next(each for each in import_module(module).TARGETS if each.name == name)
        # Much is imported when it is first used, and is to be instrumented as well.
        for seed in target.seeds():
            target.attempt(seed)

    def read(data: bytes) -> None:
        target.attempt(data)

    atheris.Setup([sys.argv[0], *sys.argv[3:]], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
