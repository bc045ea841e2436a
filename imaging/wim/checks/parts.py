"""The parts of a split WIM: which files they are, and which are missing.

Each part knows its number, how many there are, and the GUID that all of them share.  DISM and wimlib call them after
the first: ``install.swm``, ``install2.swm``, ``install3.swm``.  A part with another name is found too, when it is in
the same folder and has the same suffix.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from osdimage.imaging.wim.placed.place import is_there, opened_file
from osdimage.imaging.wim.stored.format import HEADER_SIZE, MAGIC, PIPABLE_MAGIC, Header

# A file of the same folder is looked at for its header only.
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a split WIM.

    Attributes:
        path: of the file.
        guid: what all parts of the WIM have.
        number: its place, from 1 on.
        total: how many parts there are.
    """

    path: Path
    guid: UUID
    number: int
    total: int

    def expected(self, number: int) -> Path | None:
        """Return what another part is called; None when this one is not called as programs do."""
        stem, suffix = self.path.stem, self.path.suffix
        if self.number > 1:
            if not stem.endswith(str(self.number)):
                return None
            stem = stem.removesuffix(str(self.number))
        return self.path.with_name(f"{stem}{number if number > 1 else ''}{suffix}")

    def belongs_to(self, other: Part) -> bool:
        """Tell whether both are of one split WIM."""
        return (self.guid, self.total) == (other.guid, other.total)


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found of a split WIM.

    Attributes:
        one: a part, with which it was begun.
        found: the parts by their numbers.
        strangers: files that have the name of a part that was not found, and are of another WIM, by the part's number.
    """

    one: Part
    found: dict[int, Part]
    strangers: dict[int, Part]

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that were not found."""
        return [number for number in range(1, self.one.total + 1) if number not in self.found]

    def describe_missing(self, number: int) -> str:
        """Say which part is missing, and where it was looked for."""
        what = f"part {number} of {self.one.total} is missing"
        if number in self.strangers:
            other = self.strangers[number]
            return (
                f"{what}: {other.path} is part {other.number} of {other.total} of another WIM (GUID {other.guid}, not "
                f"{self.one.guid})"
            )
        place = self.one.expected(number)
        if place is None:
            return f"{what} (GUID {self.one.guid})"
        return f"{what}: {place} is no part of a split WIM" if is_there(place) else f"{what}: there is no {place}"


def part_of(path: Path) -> Part | None:
    """Return which part of a split WIM a file is; None when it is no such part, or cannot be read."""
    try:
        with opened_file(path) as file:
            header = Header.parse(file.read(HEADER_SIZE, 0))
    except OSError:
        return None
    if header.magic not in {MAGIC, PIPABLE_MAGIC} or not 1 <= header.part_number <= header.total_parts:
        return None
    if header.total_parts == 1:
        return None
    return Part(path, UUID(bytes_le=header.guid), header.part_number, header.total_parts)


def find_parts(one: Part, among: Iterable[Part] = ()) -> Parts:
    """Find the parts of a split WIM.

    Args:
        one: a part of it.
        among: more of them, wherever they are; they come before what is found by name.
    """
    found = {one.number: one}
    for each in among:
        if each.belongs_to(one):
            found.setdefault(each.number, each)
    strangers: dict[int, Part] = {}
    for number in range(1, one.total + 1):
        place = one.expected(number) if number not in found else None
        there = None if place is None else part_of(place)
        if there is None:
            continue
        if there.belongs_to(one):
            found.setdefault(there.number, there)
        else:
            strangers[number] = there
    if len(found) < one.total:
        for there in _beside(one.path):
            if there.belongs_to(one):
                found.setdefault(there.number, there)
    unknown = {number: each for number, each in strangers.items() if number not in found}
    return Parts(one, dict(sorted(found.items())), unknown)


def _beside(path: Path) -> list[Part]:
    """Return the parts of any WIM in the folder of one, by their names."""
    names: list[str] = []
    with suppress(OSError), os.scandir(path.parent) as listing:
        for each in listing:
            if each.name.lower().endswith(path.suffix.lower()) and each.is_file():
                names.append(each.name)
            if len(names) > _MOST_FILES:
                break
    found = (part_of(path.with_name(name)) for name in sorted(names))
    return [each for each in found if each is not None]


def missing_parts(path: Path) -> list[str]:
    """Say which parts of a split WIM are not found; nothing of any other file."""
    part = part_of(path)
    if part is None:
        return []
    parts = find_parts(part)
    return [parts.describe_missing(number) for number in parts.missing]
