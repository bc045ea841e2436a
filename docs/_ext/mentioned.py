"""Find the classes that public names give or take, and that are not public themselves.

A program meets them as results and attributes, though it does not import them by name, so they are described too.
"""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from collections.abc import Iterable, Iterator
from types import ModuleType

from public_names import OURS, PublicName


def mentioned(names: Iterable[PublicName]) -> list[PublicName]:
    """Return the classes of the library, under the names of their modules, that the types of public names mention."""
    values = [each.value for each in names]
    known = {value for value in values if inspect.isclass(value)}
    found: dict[type, PublicName] = {}
    while values:
        value = values.pop()
        for each in filter(_is_ours, _types_of(value)):
            if each not in known:
                known.add(each)
                values.append(each)
                found[each] = PublicName(each.__module__, each.__name__, each.__module__, each)
    return list(found.values())


def _is_ours(value: type) -> bool:
    """Tell whether a class is one of ours that a program may look at."""
    return value.__module__.startswith(OURS) and not value.__name__.startswith("_")


def _types_of(value: object) -> Iterator[type]:
    """Yield the classes in the types of a function, or of the bases, attributes and methods of a class."""
    if not inspect.isclass(value):
        yield from _hinted(value)
        return
    yield from value.__bases__
    yield from _hinted(value)
    for name, member in vars(value).items():
        if not name.startswith("_") or name == "__init__":
            yield from _hinted(inspect.unwrap(getattr(member, "fget", None) or getattr(member, "__func__", member)))


def _hinted(value: object) -> Iterator[type]:
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return
    module = sys.modules[value.__module__]
    import_for_types(module)
    for name, hint in inspect.get_annotations(value).items():
        if not name.startswith("_"):
            yield from _classes_in(_evaluated(hint, module) if isinstance(hint, str) else hint)


def _evaluated(hint: str, module: ModuleType) -> object:
    try:
        return eval(hint, vars(module))  # noqa: S307 (it is a line of our own source)
    except TypeError:  # array.array[int] is a type for checkers alone; it names none of ours
        return None


def _classes_in(hint: object) -> Iterator[type]:
    if inspect.isclass(hint):
        yield hint
    for each in hint if isinstance(hint, list) else typing.get_args(hint):
        yield from _classes_in(each)


def import_for_types(module: ModuleType) -> None:
    """Give a module the names that it imports for type checkers alone, so that its types can be looked up."""
    if getattr(module, "TYPE_CHECKING", None) is not False:
        return
    vars(module)["TYPE_CHECKING"] = True
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            lines = [line for line in node.body if isinstance(line, ast.Import | ast.ImportFrom)]
            exec("\n".join(map(ast.unparse, lines)), vars(module))  # noqa: S102 (as above)
