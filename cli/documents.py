"""JSON on stdout: one document for each call of a command with ``--json``.

Every document is an object with the version of its shape, its kind, and members that do not depend on how many things
a command was given: lists are lists when they hold one.  ``cli/schemas`` tells of each.  The documents are
ASCII, whatever the locale is: half of a surrogate pair, which a name of Windows may hold, can be written no other way.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

import click
from osdimage.cli import invocation
from osdimage.cli.guidance.advice import worded
from osdimage.cli.streams import out
from osdimage.imaging.errors import Remedy

if TYPE_CHECKING:
    from osdimage.cli.failures import Failure

VERSION = 1
_BLOCK_ITEMS = 1000


def to_plain(value: object) -> object:
    """Turn facts into what JSON has: dataclasses into objects, enums into their names, times into ISO 8601."""
    if isinstance(value, Remedy):
        return worded(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name.lower()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (UUID, Path)):
        return str(value)
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return value


def compact(value: object) -> str:
    """Return facts as one line of JSON."""
    return json.dumps(to_plain(value), allow_nan=False)


def document(value: object, *, kind: str | None = None) -> None:
    """Print one document on stdout.

    Args:
        value: its members: a dataclass or a mapping.  A document that is kept, such as a plan, has its own version.
        kind: what it is.  Default: the command's name, such as ``disk-show``.
    """
    members = to_plain(value)
    if not isinstance(members, dict):
        raise TypeError(f"a document is an object, not {type(value).__name__}")
    invocation.current().has_answered = True
    out(json.dumps(head(kind) | members, indent=2, allow_nan=False))


def head(kind: str | None = None) -> dict[str, object]:
    """Return the members that every document begins with."""
    return {"version": VERSION, "kind": _kind_of_command() if kind is None else kind}


def _kind_of_command() -> str:
    words = click.get_current_context().command_path.split()
    return "-".join(words[1:])


class ListDocument:
    """A document with a list too long for memory: it is printed as it comes.

    Use it as a context manager.  When the work fails after the first item, the document ends with an ``error``.
    """

    def __init__(self, members: Mapping[str, object], name: str) -> None:
        """Prepare; nothing is printed before the first item."""
        self._members = head() | {key: to_plain(value) for key, value in members.items()}
        self._name = name
        self._begun = False
        self._waiting: list[str] = []

    def __enter__(self) -> Self:
        """Do nothing yet."""
        return self

    def add(self, item: object) -> None:
        """Print an item on a line of its own, many at a time."""
        self._waiting.append(json.dumps(item))
        if len(self._waiting) == _BLOCK_ITEMS:
            out(self._taken(), end="")

    def _taken(self) -> str:
        """Return what waits to be printed, with what stands before it."""
        if not self._waiting:
            return "" if self._begun else self._begin()
        before = ",\n" if self._begun else self._begin()
        text = before + ",\n".join(f"    {item}" for item in self._waiting)
        self._waiting.clear()
        return text

    def _begin(self) -> str:
        self._begun = invocation.current().has_answered = True
        before = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in self._members.items())
        return f"{{\n{before}  {json.dumps(self._name)}: [\n"

    def end(self, members: Mapping[str, object]) -> None:
        """End the list and print the members that stand behind it."""
        after = "".join(f",\n  {json.dumps(key)}: {json.dumps(to_plain(value))}" for key, value in members.items())
        out(f"{self._taken()}\n  ]{after}\n}}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it with what went wrong; a signal leaves it open."""
        if isinstance(error, Exception) and (self._begun or self._waiting):
            from osdimage.cli.failures import describe  # noqa: PLC0415 - it prints documents

            with suppress(OSError):
                self.end({"error": failure_members(describe(error))})


def failure_members(failure: Failure) -> Mapping[str, object]:
    """Return the error object, whose members are always there."""
    return {
        "code": failure.code,
        "kind": failure.kind,
        "message": failure.message,
        "where": failure.where,
        "errno": failure.errno,
        "remedy": failure.remedy,
        "problems": list(failure.problems),
        "candidates": list(failure.candidates),
    }


def failure_document(failure: Failure, *, sends: bool = False) -> None:
    """Print what went wrong in place of a result."""
    text = json.dumps(head("error") | {"error": failure_members(failure)}, indent=2)
    out(text, file=sys.stderr if sends else None)
