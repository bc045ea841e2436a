r"""The grammar of an INF: sections, lines and fields.

Source: Microsoft, "General Syntax Rules for INF Files" (windows-driver-docs,
``install/general-syntax-rules-for-inf-files.md``): comments, quotation marks, ``\`` as the last character of a line,
the limits; sections of one name are merged.  That a run of ``\`` at the end is left out as a whole, and blanks around
it, is how Wine's setupapi reads that page's "Windows ignores the first backslash".

All of it takes time in proportion to the text, whatever is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from osdimage.imaging.errors import InvalidInput, quoted

LONGEST_NAME = 255
"""Characters of the name of a section."""
LONGEST_FIELD = 4095
"""Characters of a field, before and after its tokens were replaced; Windows counts a NUL behind it, too."""
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_BLANKS = " \t\f\v\xa0\ufeff"
_SPECIAL = re.compile(r'[";,=%\\]')
_NOT_OF_RUN = re.compile(rf"[^\\{_BLANKS}]")
_TOKEN = re.compile(r"%([^%]*)%")
_TOKEN_WITH_SEMICOLON = re.compile(r"%([^%\r\n;]*;[^%\r\n]*)%")


class Line(NamedTuple):
    """A line of a section, with those that continue it.

    Attributes:
        number: in the file, from 1: where it begins.
        key: what is before the first ``=``; None when there is none.
        fields: the values, without their quotation marks; the tokens are as they stand there.
    """

    number: int
    key: str | None
    fields: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """A section, or what all of one name say together.

    Attributes:
        name: as its first header has it.
        number: the line of that header.
        lines: of all of them, in the order of the file.
    """

    name: str
    number: int
    lines: list[Line] = field(default_factory=list)
    _by_key: dict[str, list[Line]] | None = None

    def keyed(self, key: str) -> list[Line]:
        """Return the lines that have a key, in any case."""
        if self._by_key is None:
            self._by_key = {}
            for line in self.lines:
                if line.key is not None:
                    self._by_key.setdefault(fold(line.key), []).append(line)
        return self._by_key.get(fold(key), [])


@dataclass(slots=True)
class Parsed:
    """What is in a text.

    Attributes:
        sections: by name, folded.
        warnings: pairs of a line's number and what is unusual there.
    """

    sections: dict[str, Section] = field(default_factory=dict)
    warnings: list[tuple[int, str]] = field(default_factory=list)


def fold(name: str) -> str:
    """Return what names of sections, entries and tokens are compared by."""
    return name.strip(_BLANKS).casefold()


def fault(name: str, number: int, text: str) -> InvalidInput:
    """Return the error of a line."""
    return InvalidInput(f"{name}: line {number}: {text}")


def parse(text: str, *, name: str) -> Parsed:
    """Return the sections of a text.

    Raises:
        InvalidInput: when a header has no end, or a name or a field is too long.
    """
    found = Parsed()
    scanner = _Scanner(name, _tokens_with_semicolons(text), found.warnings)
    section: Section | None = None
    strays = 0
    for number, raw in enumerate(_LINE_ENDS.split(text), start=1):
        if not scanner.continues:
            if not (bare := raw.strip(_BLANKS)) or bare[0] == ";":
                continue
            if bare[0] == "[":
                section = _section(found, bare, number, name)
                continue
            if section is None:
                strays = strays or number
                continue
            line = scanner.plain(bare, number)
        else:
            line = scanner.scan(raw, number)
        if line is not None and section is not None:
            section.lines.append(line)
    if section is not None and (line := scanner.finish()) is not None:
        section.lines.append(line)
    if strays:
        found.warnings.append((strays, "stands before the first section, and is left out"))
    return found


def _section(found: Parsed, bare: str, number: int, file: str) -> Section:
    end = bare.find("]")
    if end < 0:
        raise fault(file, number, f"the section {quoted(bare[:40])} has no ']' behind its name")
    name = bare[1:end].strip(_BLANKS)
    if len(name) > LONGEST_NAME:
        raise fault(file, number, f"the name of a section has {len(name)} characters; valid are at most {LONGEST_NAME}")
    return found.sections.setdefault(name.casefold(), Section(name, number))


def _tokens_with_semicolons(text: str) -> frozenset[str]:
    """Return the tokens with ``;`` in their names that have a text: else two ``%`` and a comment look the same."""
    names = {fold(each) for each in _TOKEN_WITH_SEMICOLON.findall(text)}
    if not names:
        return frozenset()
    keys = (line.partition("=") for line in _LINE_ENDS.split(text) if "=" in line and ";" in line)
    return frozenset(names & {fold(key).strip('"') for key, _, _ in keys})


class _Scanner:
    """Makes one :class:`Line` of a line and those that continue it."""

    def __init__(self, name: str, tokens: frozenset[str], warnings: list[tuple[int, str]]) -> None:
        self.continues = False
        self._name = name
        self._tokens = tokens
        self._warnings = warnings
        self._begin(0)

    def _begin(self, number: int) -> None:
        self._number = number
        self._key: str | None = None
        self._fields: list[str] = []
        self._parts: list[str] = []
        self._solid = 0

    def plain(self, bare: str, number: int) -> Line | None:
        """Take a whole line without blanks around it, quickly when it has no quotation mark and does not go on."""
        if '"' in bare or self._tokens:
            self._begin(number)
            return self.scan(bare, number)
        body = bare.partition(";")[0].rstrip(_BLANKS)
        if body.endswith("\\"):
            self._begin(number)
            return self.scan(bare, number)
        comma, equals = body.find(","), body.find("=")
        key = None
        if equals >= 0 and (comma < 0 or equals < comma):
            key = body[:equals].rstrip(_BLANKS)
            body = body[equals + 1 :]
        fields = (body.strip(_BLANKS),) if comma < 0 else tuple(each.strip(_BLANKS) for each in body.split(","))
        if len(bare) > LONGEST_FIELD:
            for each in (key or "", *fields):
                self._measure(each, number)
        return Line(number, key, fields)

    def scan(self, raw: str, number: int) -> Line | None:
        """Take a physical line; return the logical one that it ends, or None when that goes on."""
        position = len(raw) - len(raw.lstrip(_BLANKS))
        while (found := _SPECIAL.search(raw, position)) is not None:
            self._add(raw[position : found.start()])
            position = found.start()
            match raw[position]:
                case ";":
                    return self.finish()
                case '"':
                    position = self._quoted(raw, position, number)
                case "\\":
                    end = _after_run(raw, position)
                    if end == len(raw) or raw[end] == ";":
                        self._strip()
                        self.continues = True
                        return None
                    self._add(raw[position:end])
                    position = end
                case "%":
                    position = self._percent(raw, position)
                case "=" if self._key is None and not self._fields:
                    self._key = self._field(number)
                    position += 1
                case ",":
                    self._fields.append(self._field(number))
                    position += 1
                case other:
                    self._add(other)
                    position += 1
        self._add(raw[position:])
        return self.finish()

    def finish(self) -> Line | None:
        """Return the line that was begun, or None when there is none, or nothing in it."""
        self.continues = False
        if not self._number:
            return None
        self._fields.append(self._field(self._number))
        line = Line(self._number, self._key, tuple(self._fields))
        self._begin(0)
        return None if line.key is None and line.fields == ("",) else line

    def _quoted(self, raw: str, position: int, number: int) -> int:
        end = position + 1
        while (end := raw.find('"', end)) >= 0 and raw.startswith('""', end):
            end += 2
        if end < 0:
            self._warnings.append((number, "a quotation mark is not closed; it ends with the line"))
            end = len(raw)
        self._parts.append(raw[position + 1 : end].replace('""', '"'))
        self._solid = len(self._parts)
        return end + 1

    def _percent(self, raw: str, position: int) -> int:
        found = _TOKEN.match(raw, position) if self._tokens else None
        end = found.end() if found is not None and fold(found[1]) in self._tokens else position + 1
        self._add(raw[position:end])
        return end

    def _add(self, text: str) -> None:
        if not self._parts:
            text = text.lstrip(_BLANKS)
        if text:
            self._parts.append(text)

    def _strip(self) -> None:
        """Leave out the blanks at the end that are not inside of quotation marks."""
        while len(self._parts) > self._solid:
            last = self._parts.pop().rstrip(_BLANKS)
            if last:
                self._parts.append(last)
                return

    def _field(self, number: int) -> str:
        self._strip()
        text = "".join(self._parts)
        self._parts = []
        self._solid = 0
        self._measure(text, number)
        return text

    def _measure(self, text: str, number: int) -> None:
        if len(text) > LONGEST_FIELD:
            raise fault(self._name, number, f"a value has {len(text)} characters; valid are at most {LONGEST_FIELD}")


def _after_run(raw: str, position: int) -> int:
    r"""Return where the ``\`` and blanks end that begin at a position."""
    found = _NOT_OF_RUN.search(raw, position)
    return len(raw) if found is None else found.start()
