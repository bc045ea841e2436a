"""The form of ``CustomSettings.ini``: sections of ``Name=Value``, and comments.

Names are compared without case.  Of two sections, or two settings of a section, with the same name the first counts, as
it is found first by who reads from the top.  A value is what stands behind the first ``=``, without blanks around; it
has no quotes and no comments of its own.

Sources: "Properties in the CustomSettings.ini File" of the MDT documentation; ``Get-IniContent`` of PSDGather.psm1 in
FriendsOfMDT/PSD (what a line may be).  Chosen here, since no source says it: which of two of the same name counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import as_listing, lines_of, read_limited
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.units import MIB

MAX_BYTES = MIB
"""More than all computers of a company would have of sections."""

_SECTION = re.compile(r"\[(.+?)\]\s*", re.ASCII)
_KIND = "files of rules"


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``Name=Value``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section.

    Attributes:
        name: as it is written.
        settings: in their order, by their names in lower case.
    """

    name: str
    settings: Mapping[str, Setting]

    def value(self, name: str) -> str | None:
        """Return a value, or None when the section has none of this name, or an empty one."""
        found = self.settings.get(name.lower())
        return found.value or None if found is not None else None


@dataclass(frozen=True, slots=True)
class IniFile:
    """A file of rules.

    Attributes:
        source: what messages call it.
        sections: by their names in lower case.
        warnings: sentences about what in it counts for nothing.
    """

    source: str
    sections: Mapping[str, Section]
    warnings: tuple[str, ...] = ()

    def section(self, name: str) -> Section | None:
        """Return a section, or None when there is none of this name."""
        return self.sections.get(name.strip().lower())


def read_ini(path: Path) -> IniFile:
    """Read a file of rules.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: as :func:`parse_ini`.
    """
    return parse_ini(read_limited(path, MAX_BYTES, kind=_KIND), source=str(path))


def parse_ini(data: bytes, *, source: str) -> IniFile:
    """Read what a file of rules holds: UTF-8 or UTF-16.

    Raises:
        InvalidDocument: when it is larger than 1 MiB, no text, or a line is before the first section.
    """
    text = as_listing(data, MAX_BYTES, source=source, kind=_KIND).replace("\r\n", "\n").replace("\r", "\n")
    sections: dict[str, Section] = {}
    warnings: list[str] = []
    settings: dict[str, Setting] | None = None
    for number, line in lines_of(text, source=source, comments=";"):
        header = _SECTION.fullmatch(line)
        if header is not None:
            name = header[1].strip()
            settings = {}
            if name.lower() in sections:
                warnings.append(f"{source}:{number}: section [{_shown(name)}] is there twice; the first counts")
            else:
                sections[name.lower()] = Section(name, settings)
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not (equals and name):
            warnings.append(f"{source}:{number}: is no section, no comment and no Name=Value; it counts for nothing")
        elif settings is None:
            raise InvalidDocument(f"{source}:{number}: a setting before the first section; valid is [Settings] above")
        else:
            settings.setdefault(name.lower(), Setting(name, value))
    return IniFile(source, sections, tuple(_few(warnings)))


def _few(warnings: list[str]) -> Iterator[str]:
    """Yield the first of many warnings, and how many there are more."""
    most = 20
    yield from warnings[:most]
    if len(warnings) > most:
        yield f"{len(warnings) - most} more lines count for nothing"


def _shown(name: str) -> str:
    clear = name if name.isprintable() else ascii(name)
    return clear if len(clear) <= 60 else f"{clear[:60]}..."
