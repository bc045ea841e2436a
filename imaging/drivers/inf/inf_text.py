"""The sections of an INF, with the tokens ``%name%`` replaced by what ``[Strings]`` says.

Sources: Microsoft, "INF Strings Section" (``install/inf-strings-section.md``) for languages, "General Syntax Rules for
INF Files" for ``%%``.  A text that takes a token's place is not looked through again, so that tokens which name each
other end.  A token without a text stays as it is, and ``%12%``, a folder of Windows, until its number is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from osdimage.imaging.drivers.inf.lines import LONGEST_FIELD, Line, Parsed, Section, fault, fold
from osdimage.imaging.errors import InvalidInput, quoted

ENGLISH = 0x0409
_TOKEN = re.compile(r"%([^%]*)%")
_NUMBER = re.compile(r"-?[0-9]{1,6}")
_LANGUAGE = re.compile(r"strings\.([0-9a-f]{4})")
_MOST_TEXT = 64 << 20
"""Characters that all tokens together may become: a small file can ask for any number of them."""
_LINES_OF_SMALL = 20_000
_LINES_OF_WHOLE = 1_000_000
_TIMES_OF_ALL = 4
"""A look at an INF, in which sections name others, comes to no more lines than these and so many times all of them."""


class InfTopic(StrEnum):
    """What a warning is about."""

    UNDEFINED = "undefined"
    """A token without a text."""
    SECTION = "section"
    """A section that is named and not there."""
    DRIVER_VERSION = "driver-version"
    """A ``DriverVer`` without a date."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class InfWarning:
    """What is unusual about an INF, and does not keep it from being read.

    Attributes:
        line: where, from 1; 0 for the file as a whole.
        text: what, without the place.
        topic: what it is about.
    """

    line: int
    text: str
    topic: InfTopic = InfTopic.OTHER

    def __str__(self) -> str:
        """Return the sentence with the line's number."""
        return f"line {self.line}: {self.text}" if self.line else self.text


def folder_number(text: str) -> int | None:
    """Return the number of a folder that a token such as ``12`` names; None when it is no number."""
    return int(text) if _NUMBER.fullmatch(text) else None


@dataclass(slots=True)
class Budget:
    """How much a look at an INF may still come to.

    Attributes:
        lines: of sections.
        characters: of values that are made of them.
    """

    lines: int
    characters: int = _MOST_TEXT


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a section with its tokens replaced.

    Attributes:
        line: its number.
        key: what is before the first ``=``; None when there is none.
        raw: the values as they stand there, their tokens not replaced.
        text: the values.
    """

    line: int
    key: str | None
    raw: tuple[str, ...]
    text: tuple[str, ...]

    def value(self, position: int) -> str:
        """Return a value; empty for one that was left out, in the middle or at the end."""
        return self.text[position] if position < len(self.text) else ""


@dataclass(slots=True)
class InfText:
    """The text of an INF, by sections.

    Attributes:
        name: what messages call the file.
        encoding: Python's name of what it was in.
        language: of the texts that take the tokens' places, where the file has several.
    """

    name: str
    parsed: Parsed
    encoding: str
    language: int = ENGLISH
    _texts: dict[str, str] = field(default_factory=dict)
    _made: dict[str, str] = field(default_factory=dict)
    _characters: int = 0

    def __post_init__(self) -> None:
        """Gather the texts of the tokens."""
        for section in reversed(self._strings()):
            # Of two lines for one token in a section, Windows finds the first.
            for line in reversed(section.lines):
                if line.key is not None:
                    self._texts[fold(line.key)] = line.fields[0]

    def section(self, name: str) -> Section | None:
        """Return the section of a name, in any case; None when there is none."""
        return self.parsed.sections.get(fold(name))

    def entries(self, name: str, budget: Budget | None = None) -> Iterator[Entry]:
        """Yield the lines of a section; none when there is no such section.

        Raises:
            InvalidInput: when a value becomes too long, or the budget is used up.
        """
        section = self.section(name)
        for line in () if section is None else section.lines:
            if budget is not None:
                self.spend(budget, line.number)
            yield self.entry(line)

    def entry(self, line: Line) -> Entry:
        """Return a line with its tokens replaced."""
        number, key, fields = line
        key = key if key is None or "%" not in key else self.expand(key, number)
        text = tuple([self.expand(each, number) if "%" in each else each for each in fields])
        return Entry(number, key, fields, text)

    def named(self, section: str, key: str, budget: Budget | None = None) -> Iterator[Entry]:
        """Yield the lines of a section that have a key, such as each ``AddReg``."""
        found = self.section(section)
        for line in () if found is None else found.keyed(key):
            if budget is not None:
                self.spend(budget, line.number)
            yield self.entry(line)

    def value(self, section: str, key: str) -> str:
        """Return the first value of the first line with a key, or an empty text."""
        return next((entry.value(0) for entry in self.named(section, key)), "")

    def expand(self, text: str, line: int) -> str:
        """Return a text that stands in a line with its tokens replaced; ``%12%`` stays.

        Raises:
            InvalidInput: when it becomes longer than Windows allows.
        """
        if "%" not in text:
            return text
        known = self._made.get(text)
        if known is None:
            known = self._made[text] = self.resolve(text, line, lambda _: None)
            self._characters += len(known)
            if self._characters > _MOST_TEXT:
                raise self.fault(line, "the tokens become more text than any driver needs")
        return known

    def resolve(self, text: str, line: int, folders: Callable[[int], str | None]) -> str:
        """Return a text with its tokens and the numbers of folders replaced; ``%%12%%`` is no such number.

        Args:
            text: as it stands in the file.
            line: where it stands.
            folders: returns what a number stands for, or None to leave it as it is.

        Raises:
            InvalidInput: as :meth:`expand`.
        """
        made: list[str] = []
        length = position = 0
        for found in _TOKEN.finditer(text):
            put = self._text_of(found[1], folders)
            put = found[0] if put is None else put
            made += (text[position : found.start()], put)
            length += found.start() - position + len(put)
            position = found.end()
            if length > LONGEST_FIELD:
                break
        length += len(text) - position
        if length > LONGEST_FIELD:
            raise self.fault(
                line, f"{quoted(text[:40])} becomes longer than {LONGEST_FIELD} characters, which are the most"
            )
        return "".join((*made, text[position:]))

    def fault(self, line: int, text: str) -> InvalidInput:
        """Return the error of a line."""
        return fault(self.name, line, text)

    def tokens(self) -> Iterator[tuple[int, str]]:
        """Yield the line and the name of every token outside of the strings that has no text and is no number."""
        for folded, section in self.parsed.sections.items():
            if folded == "strings" or _LANGUAGE.fullmatch(folded):
                continue
            for number, key, fields in section.lines:
                for each in fields if key is None else (key, *fields):
                    if "%" in each:
                        for name in _TOKEN.findall(each):
                            # Between the two of ""%1"",%* there is no name.
                            if name and '"' not in name and not self._known(name):
                                yield number, name

    def _known(self, name: str) -> bool:
        return fold(name) in self._texts or folder_number(name) is not None

    def _strings(self) -> list[Section]:
        """Return the sections of texts, the best for the language first."""
        found: dict[str, Section] = {}
        for folded, section in self.parsed.sections.items():
            if folded == "strings" or _LANGUAGE.fullmatch(folded):
                found[folded.removeprefix("strings").removeprefix(".")] = section
        exact, primary = f"{self.language:04x}", self.language & 0x3FF

        def order(code: str) -> tuple[int, int]:
            section = found[code]
            if code == exact:
                return 0, section.number
            if not code:
                return 1, section.number
            # The same language in another country, then any that has the text.
            return 2 if int(code, 16) & 0x3FF == primary else 3, section.number

        return [found[code] for code in sorted(found, key=order)]

    def _text_of(self, name: str, folders: Callable[[int], str | None]) -> str | None:
        if not name:
            return "%"
        text = self._texts.get(fold(name))
        if text is not None:
            return text
        number = folder_number(name)
        return None if number is None else folders(number)

    def budget(self, *, of_whole: bool = False) -> Budget:
        """Return how much one look may come to, so that it takes time in proportion to the file.

        Args:
            of_whole: it is a look at all install sections together, which have most in common.
        """
        lines = sum(len(each.lines) for each in self.parsed.sections.values())
        return Budget((_LINES_OF_WHOLE if of_whole else _LINES_OF_SMALL) + _TIMES_OF_ALL * lines)

    def spend(self, budget: Budget, line: int, characters: int = 0) -> None:
        """Take a line and what is made of it from a budget.

        Raises:
            InvalidInput: when there is not so much left.
        """
        budget.lines -= 1
        budget.characters -= characters
        if budget.lines < 0 or budget.characters < 0:
            raise self.fault(line, "sections name others so often that no driver can mean it")
