"""Documents of stated size and kinds: saved tables, plans, the state of a task sequence, files of variables.

A document is somebody else's: it may be damaged, edited by hand, or made to do harm.  So its size is limited before it
is read into memory, JSON is read strictly (no ``Infinity`` and ``NaN``, no number that only a hostile file has, no name
twice), and :class:`Fields` gives each value by its name *and its kind*: whatever else is there is refused with the
place where it is, before anybody writes.  No message repeats a value, which may be a secret.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from osdimage.imaging.errors import InvalidDocument, StorageError
from osdimage.imaging.output import new_file
from osdimage.imaging.units import MIB, format_size

MAX_DOCUMENT_BYTES = 64 * MIB
"""The largest document that is read: the state of a run, with all of its variables."""
MAX_NUMBER = (1 << 63) - 1
"""The largest number that a document of ours holds: what Linux has for bytes of a file."""

BLANKS = " \t\n\r\v\f"
"""What stands around the things of a listing, as in C."""

_UNIT_BYTES = 2
_LONGEST_NUMBER = 24
_HEXADECIMAL = re.compile("(?:0x)?[0-9a-f]{1,64}", re.ASCII | re.IGNORECASE)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_T = TypeVar("_T")


def write_document(path: Path, text: str) -> None:
    """Write a document under its name complete or not at all, mode 0600, and wait until it is on the medium.

    Raises:
        TargetRefused: when something that is no regular file has its name.
        StorageError: when it cannot be written; one that was there is as it was, unless the message says that the new
            one has its name.
    """
    with new_file(path, replace=True, private=True) as descriptor:
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(text.encode("utf-8"))
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def read_limited(path: Path, limit_bytes: int, *, kind: str) -> bytes:
    """Read a whole file that may have at most ``limit_bytes``; more than that is never in memory.

    Args:
        path: the file.
        limit_bytes: what the largest real one stays below.
        kind: what it ought to be, in the plural, such as ``answer files``.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if len(data) > limit_bytes:
        raise InvalidDocument(f"{path} is larger than {format_size(limit_bytes)}; {kind} are not")
    return data


def as_text(data: bytes, *, source: str) -> str:
    """Return the text of a file: UTF-8, or UTF-16 where it begins with the mark of that, as PowerShell writes it.

    Raises:
        InvalidDocument: when it is neither.
    """
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"{source} is not a text file in UTF-8 or UTF-16, at byte {error.start}") from error


def as_listing(data: bytes, limit_bytes: int, *, source: str, kind: str) -> str:
    """Return the text of a file of one thing a line: UTF-8, or UTF-16, which Notepad does not always mark.

    Args:
        data: what the file holds, or the first bytes of more than the limit.
        limit_bytes: what the largest real one stays below.
        source: what messages call it.
        kind: what such files are called there.

    Raises:
        InvalidDocument: when it is larger than the limit, or not text.
    """
    if len(data) > limit_bytes:
        raise InvalidDocument(f"{source} is larger than {format_size(limit_bytes)}; {kind} are not")
    # The first character of such a file is ASCII.
    is_unmarked = len(data) >= _UNIT_BYTES and data[0] != 0 and data[1] == 0
    return as_text(b"\xff\xfe" + data if is_unmarked else data, source=source)


def lines_of(text: str, *, source: str, comments: str) -> Iterator[tuple[int, str]]:
    """Yield what is in a listing: the number of each line and its text without blanks around, but no comments.

    Raises:
        InvalidDocument: at a NUL, which no path holds.
    """
    # Not splitlines(): a name may hold what else that takes for the end of a line.
    for number, line in enumerate(text.split("\n"), start=1):
        if "\0" in line:
            raise InvalidDocument(f"{source}:{number}: a NUL character, which no path holds")
        stripped = line.strip(BLANKS)
        if stripped and stripped[0] not in comments:
            yield number, stripped


def read_document(path: Path, limit_bytes: int = MAX_DOCUMENT_BYTES) -> str:
    """Read the text of a document.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is larger than the limit, or not text.
    """
    return as_text(read_limited(path, limit_bytes, kind="documents of osdimage"), source=str(path))


def parse_json(text: str) -> object:
    """Read JSON as RFC 8259 has it, and refuse what readers of it disagree about.

    Raises:
        ValueError: when it is no JSON, holds ``Infinity``, ``NaN``, a number of more than 24 digits or beyond what a
            double holds, an object with one name twice, or is nested too deeply; says where, and no value.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_whole_number,
            parse_float=_finite_number,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"{_shown(name)} is given twice")
        made[name] = value
    return made


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no number in JSON")


def _whole_number(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits)} digits; valid are at most {_LONGEST_NUMBER}")
    return int(digits)


def _finite_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a document, whose values are taken by name and kind.

    Each method raises ValueError where the value is missing or of another kind.  ``true`` is no number, ``1.0`` is no
    whole number, and text has no half character and no NUL, which no file system and no terminal takes.

    Attributes:
        values: the names and values.
        place: where in the document the object is, such as ``partitions[0]``; empty for its root.
    """

    values: Mapping[str, object]
    place: str = ""

    @classmethod
    def of(cls, value: object, place: str = "") -> Fields:
        """Take a value that must be an object."""
        if not isinstance(value, dict):
            raise _wrong(place or "it", value, "an object")
        return cls(value, place)

    def at(self, name: str) -> str:
        """Return what messages call a value: its way from the root."""
        return f"{self.place}.{_shown(name)}" if self.place else _shown(name)

    def given(self, name: str) -> object:
        """Return a value of any kind, which must be there."""
        if name not in self.values:
            raise ValueError(f"{self.at(name)!r} is missing")
        return self.values[name]

    def is_given(self, name: str) -> bool:
        """Tell whether a value is there and not ``null``."""
        return self.given(name) is not None

    def text(self, name: str) -> str:
        """Return a text."""
        return checked_text(self.given(name), self.at(name))

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None for ``null``."""
        return self.text(name) if self.is_given(name) else None

    def number(self, name: str, least: int = 0, most: int = MAX_NUMBER) -> int:
        """Return a whole number from ``least`` to ``most``."""
        return checked_number(self.given(name), self.at(name), least, most)

    def number_or_none(self, name: str, least: int = 0, most: int = MAX_NUMBER) -> int | None:
        """Return a whole number, or None for ``null``."""
        return self.number(name, least, most) if self.is_given(name) else None

    def duration(self, name: str) -> float:
        """Return a number of seconds, not negative; it may have a fraction."""
        value = self.given(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_NUMBER:
            raise _wrong(self.at(name), value, "a number of seconds")
        return float(value)

    def truth(self, name: str) -> bool:
        """Return ``true`` or ``false``."""
        value = self.given(name)
        if not isinstance(value, bool):
            raise _wrong(self.at(name), value, "true or false")
        return value

    def parsed(self, name: str, read: Callable[[str], _T], expected: str) -> _T:
        """Return what a function makes of a text; its ValueError means that the text is not what is expected."""
        text = self.text(name)
        try:
            return read(text)
        except ValueError:
            raise ValueError(f"{self.at(name)} is not valid; expected is {expected}") from None

    def parsed_or_none(self, name: str, read: Callable[[str], _T], expected: str) -> _T | None:
        """Return what a function makes of a text, or None for ``null``."""
        return self.parsed(name, read, expected) if self.is_given(name) else None

    def hexadecimal(self, name: str, bits: int) -> int:
        """Return a number that is written as text in hexadecimal, with or without ``0x``."""
        text = self.text(name)
        if _HEXADECIMAL.fullmatch(text) is None or int(text, 16) >> bits:
            raise ValueError(f"{self.at(name)} is not valid; expected is a hexadecimal number of at most {bits} bits")
        return int(text, 16)

    def fields(self, name: str) -> Fields:
        """Return an object."""
        return Fields.of(self.given(name), self.at(name))

    def fields_or_none(self, name: str) -> Fields | None:
        """Return an object, or None for ``null``."""
        return self.fields(name) if self.is_given(name) else None

    def items(self, name: str) -> list[tuple[str, object]]:
        """Return the values of a list, each with its place."""
        value, place = self.given(name), self.at(name)
        if not isinstance(value, list):
            raise _wrong(place, value, "a list")
        return [(f"{place}[{index}]", each) for index, each in enumerate(value)]

    def each(self, name: str) -> tuple[Fields, ...]:
        """Return a list of objects."""
        return tuple(Fields.of(value, place) for place, value in self.items(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(checked_text(value, place) for place, value in self.items(name))

    def named_texts(self, name: str) -> dict[str, str]:
        """Return an object all of whose values are texts; its names are texts as well."""
        found = self.fields(name)
        return {checked_text(each, f"a name in {found.place}"): found.text(each) for each in found.values}


def require_version(document: Fields, version: int, *, source: str) -> None:
    """Refuse a document of another version.

    Raises:
        InvalidDocument: when ``version`` of the document is another number, or none at all.
    """
    given = document.values.get("version")
    if isinstance(given, bool) or given != version:
        shown = str(given) if isinstance(given, int) else "none that is known"
        raise InvalidDocument(f"{source} is of version {shown}; this osdimage reads {version}")


def checked_text(value: object, place: str, expected: str = "text") -> str:
    """Return a value that must be a text; see :class:`Fields`.  Raises ValueError."""
    if not isinstance(value, str):
        raise _wrong(place, value, expected)
    if _NO_TEXT.search(value) is not None:
        raise ValueError(f"{place} holds a character that no text has")
    return value


def checked_number(value: object, place: str, least: int = 0, most: int = MAX_NUMBER) -> int:
    """Return a value that must be a whole number within limits; see :class:`Fields`.  Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(place, value, "a whole number")
    if not least <= value <= most:
        valid = f"of {least} or more, with at most 63 bits" if most == MAX_NUMBER else f"from {least} to {most}"
        raise ValueError(f"{place} is out of range; valid are whole numbers {valid}")
    return value


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)


def _wrong(place: str, value: object, expected: str) -> ValueError:
    kind = next((name for each, name in _KINDS if isinstance(value, each)), "null")
    return ValueError(f"{place} is {kind}; expected is {expected}")


def _shown(name: str) -> str:
    """Return a name of a document for a message: a hostile one may be long, or break the line."""
    clear = name if name.isprintable() else ascii(name)
    return clear if len(clear) <= 60 else f"{clear[:60]}..."


def reason_of(error: Exception) -> str:
    """Say what is wrong with a document, from what was raised when it was read; without names of Python."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, (TypeError, AttributeError, OverflowError)):
        # What these say is about Python's types.
        return "a value is of the wrong kind"
    return str(error)
