"""What of a change of the public interface is a break, and what that does to the version (docs/library/contract.md).

It judges lines of docs/library/api.txt.  What it cannot see, such as a function that now does something else, a person
says in CHANGELOG.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"(?:async |classmethod |staticmethod )*([\w.]+)\(")
# What takes all that another type is.
_WIDER = {"Path": "os.PathLike[str]", "int": "float"}
_KINDS = re.compile(r"^(?:frozen dataclass|dataclass|named tuple|class|protocol|enum|async|classmethod|staticmethod) ")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        name: how it is called; of ``*names`` with the stars.
        kinds: the members of the union that it is annotated with.
        default: its default as it is written, or None when it must be given.
        place: its position, or None when it is given by keyword alone.
        by_name: whether it can be given by keyword.
    """

    name: str
    kinds: frozenset[str]
    default: str | None
    place: int | None
    by_name: bool


def breaks(old: Collection[str], new: Collection[str]) -> list[str]:
    """Return the lines that went, and have no other in their place that takes and gives what they did."""
    moved = {_key(line): line.partition(" = ")[2].rpartition(".")[0] for line in new if " = osdimage." in line}
    found: dict[str, list[str]] = {}
    for line in new:
        found.setdefault(_key(line), []).append(line)
    return [
        line
        for line in sorted(set(old) - set(new))
        if not any(_replaces(line, each) for each in found.get(_key(_at_home(line, moved)), ()))
    ]


def least_version(version: str, old: Collection[str], new: Collection[str]) -> str:
    """Return the lowest version after another that may have a change.

    Until 1.0.0 the second number is that of breaks, and the third that of all else.
    """
    first, second, third = map(int, version.split("."))
    if breaks(old, new):
        return f"{first + 1}.0.0" if first else f"0.{second + 1}.0"
    return f"{first}.{second + 1}.0" if first and set(new) - set(old) else f"{first}.{second}.{third + 1}"


def _at_home(line: str, moved: Mapping[str, str]) -> str:
    """Return the line as it stands where its name is at home now: the front door shows names of the rooms."""
    module, _, rest = line.partition(": ")
    if " = osdimage." in rest:
        return line
    home = moved.get(f"{module}: {re.split(r'[.( ]', _bare(rest))[0]}")
    return line if home is None else f"{home}: {rest}"


def _key(line: str) -> str:
    """Return what a line is about: its module, and the name or the member; a call has a parenthesis behind it."""
    module, _, rest = line.partition(": ")
    if match := _NAME.match(rest):
        return f"{module}: {match[1]}("
    return f"{module}: {re.split(r'[(: ]', _bare(rest))[0]}"


def _bare(rest: str) -> str:
    """Return a line without the words that say of what kind its name is."""
    return _KINDS.sub("", rest)


def _replaces(old: str, new: str) -> bool:
    """Tell whether a line does for callers what another one did."""
    old, new = (line.partition(": ")[2] for line in (old, new))
    if _NAME.match(old):
        return _takes_as_much(old, new)
    if " = osdimage." in old or " = osdimage." in new or new in {old, old.removesuffix(" (read only)")}:
        # The same object at another place; an attribute that can be set now.
        return True
    kinds = [_KINDS.match(each) for each in (old, new)]
    return kinds[0] is not None and kinds[1] is not None and kinds[0][0] == kinds[1][0] and _listed(old) <= _listed(new)


def _listed(line: str) -> set[str]:
    return set(line.partition("(")[2].rstrip(")").split(", ")) - {""}


def _takes_as_much(old: str, new: str) -> bool:
    """Tell whether each call of the one function is one of the other, with a result that is expected."""
    if old.endswith("(...)") or new.endswith("(...)"):
        # Callers do not make objects of such a class.
        return old.endswith("(...)")
    if old.partition("(")[0].split()[:-1] != new.partition("(")[0].split()[:-1]:
        return False
    before, result = _signature(old)
    after, new_result = _signature(new)
    here = {each.name: each for each in after}
    return (
        new_result <= result
        and all(each.name in here and _is_as_good(each, here[each.name]) for each in before)
        and all(each.default is not None for each in after if each.name not in {old.name for old in before})
    )


def _is_as_good(old: Parameter, new: Parameter) -> bool:
    return (
        all(each in new.kinds or _WIDER.get(each) in new.kinds for each in old.kinds)
        and (old.default is None or old.default == new.default)
        and (old.place is None or old.place == new.place)
        and (new.by_name or not old.by_name)
    )


def _signature(line: str) -> tuple[tuple[Parameter, ...], frozenset[str]]:
    """Return the parameters of a line, and the members of the union that it returns."""
    node = ast.parse(f"def f({line.partition('(')[2]}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)  # noqa: S101 - it is what was written
    given = node.args
    positional = (*given.posonlyargs, *given.args)
    defaults = [None] * (len(positional) - len(given.defaults)) + [ast.unparse(each) for each in given.defaults]
    found = [
        Parameter(each.arg, _kinds(each.annotation), default, number, number >= len(given.posonlyargs))
        for number, (each, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        default = None if value is None else ast.unparse(value)
        found.append(Parameter(each.arg, _kinds(each.annotation), default, None, by_name=True))
    for stars, several in (("*", given.vararg), ("**", given.kwarg)):
        if several is not None:
            found.append(Parameter(stars + several.arg, _kinds(several.annotation), "", None, by_name=False))
    return tuple(found), _kinds(node.returns)


def _kinds(annotation: ast.expr | None) -> frozenset[str]:
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _kinds(annotation.left) | _kinds(annotation.right)
    return frozenset() if annotation is None else frozenset({ast.unparse(annotation)})
