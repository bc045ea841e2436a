"""What of the library is public, and where each of it is described.

Public are the names in ``__all__`` of ``osdimage.imaging``, of its rooms, and of the modules beside the rooms that have
one.  What has several names is described once, under the shortest that it can be imported by, on the page of the room,
or of the module beside the rooms, that it is at home in.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FRONT = "osdimage.imaging"
OURS = f"{FRONT}."


@dataclass(frozen=True, eq=False)
class PublicName:
    """Something that a program may import.

    Attributes:
        module: where it is imported from, by the shortest name.
        home: the module of the library that has it.
        aliases: its other whole names.
    """

    module: str
    name: str
    home: str
    value: object
    aliases: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Return the whole name."""
        return f"{self.module}.{self.name}"

    @property
    def page(self) -> str:
        """Return the room, or the module beside the rooms, that describes it."""
        return ".".join(self.home.split(".")[:3])

    @property
    def directive(self) -> str:
        """Return the name of the directive of Sphinx that describes it."""
        if inspect.isclass(self.value):
            return "autoexception" if issubclass(self.value, BaseException) else "autoclass"
        is_function = inspect.isroutine(self.value) or hasattr(self.value, "__wrapped__")
        return "autofunction" if is_function else "autodata"


def rooms() -> list[str]:
    """Return the modules of the rooms."""
    return [each.name for each in _children() if each.ispkg]


def ground_floor() -> list[str]:
    """Return the modules beside the rooms that have something public."""
    beside = [each.name for each in _children() if not each.ispkg]
    return [name for name in beside if hasattr(importlib.import_module(name), "__all__")]


def public_names() -> list[PublicName]:
    """Return everything that is public, each once, the names of the front door first."""
    found: dict[tuple[str, str], PublicName] = {}
    for module, name, home in _listed():
        first = found.get((home, name))
        if first is None:
            found[home, name] = PublicName(module, name, home, getattr(importlib.import_module(module), name))
        else:
            found[home, name] = replace(first, aliases=(*first.aliases, f"{module}.{name}"))
    return list(found.values())


def private_bases(value: type) -> list[type]:
    """Return the classes of ours above a class that have no page, so that their members are described with it."""
    return [each for each in inspect.getmro(value)[1:] if each.__name__.startswith("_") and OURS in each.__module__]


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, without the colons before an example."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    head, stop, _ = paragraph.partition(". ")
    return f"{head}." if stop else paragraph.removesuffix("::").rstrip()


def _children() -> Iterator[pkgutil.ModuleInfo]:
    path = importlib.import_module(FRONT).__path__
    return (each for each in pkgutil.iter_modules(path, f"{FRONT}.") if not each.name.startswith(f"{FRONT}._"))


def _listed() -> Iterator[tuple[str, str, str]]:
    """Yield the module, the name and the home of every public name, the shortest names first."""
    for face in (FRONT, *rooms()):
        homes = _homes_of(face)
        yield from ((face, name, homes[name]) for name in importlib.import_module(face).__all__)
    for module in ground_floor():
        yield from ((module, name, module) for name in importlib.import_module(module).__all__)


def _homes_of(face: str) -> dict[str, str]:
    """Return the module of each name of a face, as its stub tells type checkers."""
    stub = Path(str(importlib.import_module(face).__file__)).with_suffix(".pyi")
    imports = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
