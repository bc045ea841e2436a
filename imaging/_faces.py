"""The faces of the rooms: public names, imported when they are first used, so that importing a room costs nothing.

A name that a module of the room bears too cannot be in its face, for importing that module would put it in the name's
place; ``place``, ``execute`` and ``verify_file`` are at the front door, :mod:`osdimage.imaging`, alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(
    face: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package that shows names of modules below it.

    Args:
        face: the name of the package.
        homes: the public names, by the module that defines them.  ``__init__.pyi`` tells type checkers the same.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {face!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{face}.{home}"), name)
        setattr(sys.modules[face], name, value)
        return value

    return load, lambda: sorted(home_of), list(home_of)
