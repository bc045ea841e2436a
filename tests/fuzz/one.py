"""One target in Atheris, in a process of its own.

``python -m fuzz.one MODULE NAME [OPTION OF LIBFUZZER]... [FOLDER OF INPUTS]...``
"""

from __future__ import annotations

import random
import sys
from importlib import import_module

import atheris

# How often a piece is repeated, of all changes: what takes longer than its size is found with long lists.
_REPEATED = 1 / 16
_LONGEST_PIECE = 200


def mutate(data: bytes, largest: int, seed: int) -> bytes:
    """Change an input: as libFuzzer does, or by repeating a piece of it until it is as large as one may be."""
    rng = random.Random(seed)
    if not data or rng.random() > _REPEATED:
        return bytes(atheris.Mutate(data, largest))
    begin = rng.randrange(len(data))
    piece = data[begin : begin + rng.randint(1, _LONGEST_PIECE)]
    count = max(0, largest - len(data)) // len(piece)
    return data[:begin] + piece * count + data[begin:]


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

    atheris.Setup([sys.argv[0], *sys.argv[3:]], read, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
