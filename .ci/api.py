#!/usr/bin/env python3
"""Write docs/library/api.txt, the public interface of the library: every public name, with its signature.

It stands in the repository, so that a review sees each change of it, and tests/test_api.py fails when it is not what
the code has.  What was added (``+``) and what was removed or changed (``-``) is printed; ``--check`` writes nothing,
and ``--since v1.2.3`` tells what breaks programs that were written for that version.
Annotations and defaults are those of the source, and ``...`` stands for a default that is no constant.  The package is
installed from this source, or follows it.

Public are the names in ``__all__`` of the front door, of its rooms, and of the modules beside the rooms that have one.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import enum
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, get_overloads

from api_breaks import breaks, least_version

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / "docs/library/api.txt"
FRONT = "osdimage.imaging"
HEAD = """\
# The public interface of the library, written by `make api`; docs/library/contract.md tells what it promises.
# `=` is another place of a name; (...) a class that other functions make the objects of.
"""
# Whoever has one of these to give is not outside of the library; the attributes that hold one are nobody's business.
HIDDEN = {"WimHandle"}
ADVICE = """\
The public interface changed.  Run `make api` and commit docs/library/api.txt with the change.  A line that was removed
or changed may be a break: give CHANGELOG.md a line for it under Changed or Removed; docs/library/contract.md tells
what that does to the version."""


def public_modules() -> list[str]:
    """Return the modules with a public ``__all__``: the front door first, then rooms and modules by name."""
    folder = ROOT / "imaging"
    rooms = [path.parent.name for path in folder.glob("*/__init__.pyi")]
    beside = [path.stem for path in folder.glob("[!_]*.py") if "\n__all__ = " in path.read_text(encoding="utf-8")]
    return [FRONT, *(f"{FRONT}.{name}" for name in sorted((*rooms, *beside)))]


def snapshot() -> str:
    """Return the text of the file."""
    modules = {name: importlib.import_module(name) for name in public_modules()}
    homes: dict[int, str] = {}
    for name, module in reversed(modules.items()):
        homes |= {id(getattr(module, each)): name for each in module.__all__ if name != FRONT}
    text = [HEAD]
    for name, module in modules.items():
        text.append(f"\n[{name}]\n")
        for each in sorted(module.__all__):
            value = getattr(module, each)
            home = homes.get(id(value), name)
            lines = [f"{each} = {home}.{each}"] if home != name else described(each, value, name)
            text += (f"{line}\n" for line in lines)
    return "".join(text)


def described(name: str, value: object, face: str) -> Iterator[str]:
    """Yield the lines of a public name."""
    if isinstance(value, type):
        yield from of_class(name, value)
    elif callable(value) and inspect.isfunction(inspect.unwrap(value)):
        yield from of_function(name, value)
    else:
        text = assigned(home_of(face, name)).get(name)
        yield f"{name}: {type(value).__name__}" if text is None else f"{name} = {text}"


def home_of(face: str, name: str) -> str:
    """Return the module that defines a name that is neither class nor function."""
    module = importlib.import_module(face)
    stub = Path(str(module.__file__)).with_suffix(".pyi")
    if stub.exists():
        for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
                return str(node.module)
    return face


@cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8"))


@cache
def assigned(module: str) -> dict[str, str]:
    """Return what the names of a module are assigned: types under other names, constants."""
    found = {}
    for node in tree_of(module).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.unparse(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = ast.unparse(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            names = ast.unparse(node.targets[0]).strip("()").split(", ")
            found |= zip(names, map(ast.unparse, node.value.elts), strict=False)
    return found


def of_class(name: str, kind: type) -> Iterator[str]:
    """Yield the lines of a class: how it is made, then what its objects have, by name."""
    bases = ", ".join(base_names(kind))
    head = f"{name}({bases})" if bases else name
    if issubclass(kind, enum.Enum):
        yield f"enum {head}"
        for each in kind:
            yield f"{name}.{each.name}" + (f" = {each.value!r}" if isinstance(each.value, (str, int)) else "")
    elif dataclasses.is_dataclass(kind):
        yield f"{'frozen ' if getattr(kind, '__dataclass_params__').frozen else ''}dataclass {head}"  # noqa: B009
        yield from of_constructor(name, kind)
    elif is_named_tuple(kind):
        yield f"named tuple {name}"
        yield f"{name}{written(inspect.signature(kind.__new__), bound=True)}".rpartition(" -> ")[0]
    else:
        yield f"{'protocol' if getattr(kind, '_is_protocol', False) else 'class'} {head}"
        yield from of_constructor(name, kind)
    constructed = {*getattr(kind, "_fields", ()), *getattr(kind, "__dataclass_fields__", ())}
    for member, lines in sorted(members_of(name, kind).items()):
        if member not in constructed:
            yield from lines


def members_of(name: str, kind: type) -> dict[str, list[str]]:
    """Return the lines of each public member of a class, but for the members of an enumeration."""
    members: dict[str, list[str]] = {}
    for owner in reversed(shown_bases(kind)):
        members |= attributes_of(owner, name)
        for member, value in vars(owner).items():
            if is_shown(member) and not (issubclass(kind, enum.Enum) and member in kind.__members__):
                lines = of_member(f"{name}.{member}", value)
                if lines:
                    members[member] = lines
    return members


def is_named_tuple(kind: type) -> bool:
    """Tell whether a class is one of ``typing.NamedTuple``."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def is_shown(member: str) -> bool:
    """Tell whether a member of a class is public: operators and other names with a meaning of Python are."""
    kept = {"__enter__", "__iter__", "__len__", "__getitem__", "__contains__", "__setitem__", "__call__"}
    return member in kept or not member.startswith("_")


def base_names(kind: type) -> Iterator[str]:
    """Yield the classes that a class is declared to be made of, without those that change nothing for a caller."""
    for base in getattr(kind, "__orig_bases__", kind.__bases__):
        text = base.__name__ if isinstance(base, type) else str(base).replace("typing.", "").replace("~", "")
        if text not in {"object", "Protocol", "ABC"} and not text.startswith("_"):
            yield text.rpartition(".")[2] if "[" not in text else text


def shown_bases(kind: type) -> list[type]:
    """Return the classes whose members are those of the class: itself, and bases that are not public."""
    return [each for each in kind.__mro__ if each is kind or (each.__name__.startswith("_") and is_ours(each))]


def is_ours(kind: type) -> bool:
    """Tell whether a class is one of osdimage."""
    return kind.__module__.startswith("osdimage.")


def of_constructor(name: str, kind: type) -> Iterator[str]:
    """Yield how objects are made, where callers do."""
    own = next((each for each in kind.__mro__ if "__init__" in vars(each)), object)
    if own is object or not is_ours(own) or (own is not kind and not dataclasses.is_dataclass(kind)):
        return
    if getattr(kind, "_is_protocol", False):
        return
    signature = inspect.signature(vars(own)["__init__"])
    if any(each.annotation in HIDDEN for each in signature.parameters.values()):
        yield f"{name}(...)"
        return
    yield f"{name}{written(signature, bound=True)}".removesuffix(" -> None")


@cache
def attributes_of(owner: type, name: str) -> dict[str, list[str]]:
    """Return the public attributes that the body of a class, or its constructor, declares."""
    try:
        (node,) = (
            each
            for each in ast.walk(tree_of(owner.__module__))
            if isinstance(each, ast.ClassDef) and each.name == owner.__name__
        )
    except ValueError:
        return {}
    found = {}
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            found[each.target.id] = ast.unparse(each.annotation)
        elif isinstance(each, ast.FunctionDef) and each.name == "__init__":
            found |= set_by(each)
    return {each: [f"{name}.{each}: {kind}"] for each, kind in found.items() if not each.startswith("_")}


def set_by(constructor: ast.FunctionDef) -> dict[str, str]:
    """Return the attributes that a constructor sets, with the types that it, or the argument, is annotated with."""
    arguments = (*constructor.args.posonlyargs, *constructor.args.args, *constructor.args.kwonlyargs)
    known = {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation is not None}
    found: dict[str, str] = {}
    for node in ast.walk(constructor):
        targets: list[ast.expr]
        if isinstance(node, ast.AnnAssign):
            targets, kind = [node.target], ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            targets, kind = node.targets, known.get(ast.unparse(node.value), "?")
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self" and kind not in HIDDEN:
                found[target.attr] = kind
    return found


def of_member(name: str, value: object) -> list[str]:
    """Return the lines of a method, a property or a constant of a class."""
    if isinstance(value, property):
        returned = inspect.signature(value.fget).return_annotation if value.fget else "?"
        return [f"{name}: {returned}" + ("" if value.fset else " (read only)")]
    if isinstance(value, (classmethod, staticmethod)):
        lines = of_function(name, value.__func__, bound=isinstance(value, classmethod))
        return [f"{type(value).__name__} {line}" for line in lines]
    if inspect.isfunction(value):
        return list(of_function(name, value, bound=True))
    return []


def of_function(name: str, function: Callable[..., Any], *, bound: bool = False) -> Iterator[str]:
    """Yield the line of a function, or one for each of its overloads."""
    inner = inspect.unwrap(function)
    kind = "async " if inspect.iscoroutinefunction(inner) else ""
    for each in get_overloads(inner) or [inner]:
        signature = inspect.signature(each)
        returned = str(signature.return_annotation)
        if inner is not function and inspect.isgeneratorfunction(inner) and returned.startswith("Iterator["):
            # As contextlib.contextmanager makes it.
            signature = signature.replace(
                return_annotation=f"{AbstractContextManager.__name__}[{returned.removeprefix('Iterator[')}"
            )
        yield f"{kind}{name}{written(signature, bound=bound)}"


def written(signature: inspect.Signature, *, bound: bool) -> str:
    """Return a signature as the source has it, without the object that a method is called on."""
    parameters = [each for each in signature.parameters.values() if not each.name.startswith("_")][1 if bound else 0 :]
    parts: list[str] = []
    star = False
    for number, each in enumerate(parameters):
        if each.kind is each.VAR_POSITIONAL or (each.kind is each.KEYWORD_ONLY and not star):
            star = True
            if each.kind is each.KEYWORD_ONLY:
                parts.append("*")
        mark = "*" if each.kind is each.VAR_POSITIONAL else "**" if each.kind is each.VAR_KEYWORD else ""
        default = "" if each.default is each.empty else f" = {shown(each.default)}"
        parts.append(f"{mark}{each.name}: {each.annotation}{default}")
        after = parameters[number + 1].kind if number + 1 < len(parameters) else None
        if each.kind is each.POSITIONAL_ONLY and after is not each.POSITIONAL_ONLY:
            parts.append("/")
    returned = "" if signature.return_annotation is signature.empty else f" -> {signature.return_annotation}"
    return f"({', '.join(parts)}){returned}"


def shown(value: object) -> str:
    """Return a default in a form that is the same in every version of Python."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, (bool, int, float, str, bytes, Path)):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' if len(value) == 1 else ''})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = (
            f"{field.name}={shown(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != field.default
        )
        return f"{type(value).__name__}({', '.join(changed)})"
    return "..."


def changes(old: str, new: str) -> tuple[list[str], list[str]]:
    """Return what one snapshot has more than the other, and less, each line with the module before it."""
    before, after = lines_of(old), lines_of(new)
    return sorted(after - before), sorted(before - after)


def lines_of(text: str) -> set[str]:
    """Return the lines of a snapshot with the modules that they stand below."""
    found, module = set(), ""
    for line in text.splitlines():
        if line.startswith("["):
            module = line.strip("[]")
        elif line and not line.startswith("#"):
            found.add(f"{module}: {line}")
    return found


def since(reference: str, new: str) -> Iterator[str]:
    """Yield what changed since a commit or a tag, and the lowest version that may have it.

    Raises:
        LookupError: when git has no such commit, or that has no snapshot.
    """

    def then(path: str) -> str:
        command = ["git", "show", f"{reference}:{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise LookupError(done.stderr.strip())
        return done.stdout

    old = lines_of(then(str(SNAPSHOT.relative_to(ROOT))))
    version = re.findall(r'^__version__ = "(.*)"', then("imaging/_package/__init__.py"), re.MULTILINE)[0]
    broken = set(breaks(old, lines_of(new)))
    yield from (f"+ {line}" for line in sorted(lines_of(new) - old))
    yield from (f"{'!' if line in broken else '-'} {line}" for line in sorted(old - lines_of(new)))
    yield f"{len(broken)} breaks (!): the next version after {version} is {least_version(version, old, lines_of(new))}"


def main() -> int:
    """Write the snapshot, or compare it."""
    parser = argparse.ArgumentParser(description="Write down the public interface of the library.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail when it is another")
    parser.add_argument("--since", metavar="REF", help="write nothing, and tell what changed since a commit or a tag")
    given = parser.parse_args()
    new = snapshot()
    if given.since is not None:
        try:
            sys.stdout.write("".join(f"{line}\n" for line in since(given.since, new)))
        except LookupError as error:
            parser.error(str(error))
        return 0
    old = SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.exists() else ""
    more, less = changes(old, new)
    for mark, lines in (("+", more), ("-", less)):
        for line in lines:
            sys.stdout.write(f"{mark} {line}\n")
    if not given.check:
        SNAPSHOT.write_text(new, encoding="utf-8")
        return 0
    if old == new:
        return 0
    sys.stdout.write(f"{ADVICE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
