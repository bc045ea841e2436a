"""Columns of a table of computers: what each of them tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import InvalidRequest, quoted


class ColumnKind(StrEnum):
    """What a column tells; the values are the words for them."""

    NAME = "name"
    GUID = "guid"
    MAC = "mac"
    SOURCE = "source"
    VARIABLE = "var"
    FURTHER = "further"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of computers.

    Attributes:
        kind: what it tells.
        called: the name of the variable or of the further value; of an ignored column its heading; else empty.
    """

    kind: ColumnKind
    called: str = ""

    def __str__(self) -> str:
        """Return what people call it."""
        if self.kind is ColumnKind.FURTHER:
            return self.called
        return f"{self.kind}:{self.called}" if self.kind is ColumnKind.VARIABLE else self.kind.value


_WORDS = {
    "name": ColumnKind.NAME,
    "computername": ColumnKind.NAME,
    "guid": ColumnKind.GUID,
    "smbiosguid": ColumnKind.GUID,
    "uuid": ColumnKind.GUID,
    "mac": ColumnKind.MAC,
    "macaddress": ColumnKind.MAC,
    "source": ColumnKind.SOURCE,
    "sourcecomputer": ColumnKind.SOURCE,
    "ignore": ColumnKind.IGNORE,
}
_ONCE = {ColumnKind.NAME, ColumnKind.GUID, ColumnKind.MAC, ColumnKind.SOURCE}
_VARIABLE = re.compile(r"(?:var|variable)\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
# Import Computer Information Wizard of ConfigMgr: at least two characters, no blanks or special characters.
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_-]{2,256}")

DEFAULT_COLUMNS = (Column(ColumnKind.NAME), Column(ColumnKind.GUID), Column(ColumnKind.MAC))
"""Those of ConfigMgr's example: ``NEWCOMP1,55555555-5555-5555-5555-555555555555,05:06:07:08:09:0A``."""


def parse_columns(text: str, further: Collection[str] = ()) -> tuple[Column, ...]:
    """Read columns as people list them, such as ``name,guid,mac,var:OSDComputerName,ignore``.

    Args:
        text: the columns, with commas between.
        further: names of values that the program wants besides.

    Raises:
        InvalidRequest: when a word is none of them, a column is there twice, or none has the name.
    """
    columns = tuple(column_of(each, further) for each in text.split(","))
    unknown = [each.called for each in columns if each.kind is ColumnKind.IGNORE and each.called]
    faults = [f"{quoted(each)} is no column" for each in unknown] + list(faults_of(columns))
    if faults:
        valid = ", ".join(("name", "guid", "mac", "source", "var:NAME", *further, "ignore"))
        raise InvalidRequest(f"the columns {quoted(text)}: {'; '.join(faults)}; valid are {valid}")
    return columns


def column_of(text: str, further: Collection[str] = ()) -> Column:
    """Return the column that a word or a heading means: case, blanks, ``-`` and ``_`` do not count.

    One that means nothing is to be ignored, and keeps its heading.
    """
    variable = _VARIABLE.fullmatch(text.strip())
    if variable is not None:
        return Column(ColumnKind.VARIABLE, variable[1].strip())
    plain = _plain(text)
    named = next((each for each in further if _plain(each) == plain), None)
    if named is not None:
        return Column(ColumnKind.FURTHER, named)
    kind = _WORDS.get(plain, ColumnKind.IGNORE)
    return Column(kind, text.strip() if kind is ColumnKind.IGNORE and plain not in {"", "ignore"} else "")


def faults_of(columns: Iterable[Column]) -> list[str]:
    """Return what is wrong with columns: no name, one twice, a variable that no task sequence can have."""
    found: list[str] = []
    seen: set[Column] = set()
    for each in columns:
        key = Column(each.kind, each.called.lower())
        if key in seen and each.kind is not ColumnKind.IGNORE:
            found.append(f"the column {quoted(str(each))} is there twice")
        seen.add(key)
        if each.kind is ColumnKind.VARIABLE and _VARIABLE_NAME.fullmatch(each.called) is None:
            found.append(
                f"{quoted(each.called)} is no variable; valid are 2 to 256 letters, digits, underscores and hyphens"
            )
        elif each.kind is ColumnKind.VARIABLE and each.called.startswith("_"):
            found.append(f"{quoted(each.called)} is a variable that only the task sequence sets")
    if Column(ColumnKind.NAME) not in seen:
        found.append("no column has the name")
    return found


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).lower()
