"""Sizes, sectors and runs of them: arithmetic, and reading and writing sizes for people.

All units are binary, as in Windows tools and ConfigMgr: 1 MB = 2**20 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

from osdimage.imaging.errors import InvalidRequest

__all__ = [
    "GIB",
    "KIB",
    "MIB",
    "SECTOR_SIZES",
    "TIB",
    "Bytes",
    "Extent",
    "Geometry",
    "Lba",
    "format_size",
    "parse_size",
]

Bytes = NewType("Bytes", int)

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

_FACTORS = {"": 1, "B": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1 << 50, "E": 1 << 60}
_SIZE = re.compile(r"(?P<number>\d{1,30}(?:\.\d{1,30})?)\s*(?P<unit>[KMGTPE]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> Bytes:
    """Read a size such as ``512MB``, ``64GB``, ``1.5GiB`` or ``1048576`` (bytes).

    Raises:
        InvalidRequest: when the text is not a size, or is not a whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest(f"{text!r} is not a size; write a number and a unit, for example 512MB or 64GB")
    whole, _, fraction = match["number"].partition(".")
    scaled = int(whole + fraction) * _FACTORS[match["unit"].upper()]
    size, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
        raise InvalidRequest(f"{text!r} is not a whole number of bytes")
    return Bytes(size)


def counted(number: int, one: str, several: str | None = None) -> str:
    """Write a number with its noun: ``1 image``, ``2,000 images``."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def format_size(size: int) -> str:
    """Write a size for people, with the largest binary unit that gives at least 1: ``"4.2 GB"``."""
    if size < KIB:
        return "1 byte" if size == 1 else f"{size} bytes"
    number = float(size)
    for unit in ("KB", "MB", "GB", "TB", "PB"):
        number /= 1024
        if number < 999.5:
            return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"
    return f"{number / 1024:.1f} EB"


Lba = NewType("Lba", int)
"""The number of a sector of a disk, from 0."""

SECTOR_SIZES = (512, 4096)


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """A run of sectors.

    Attributes:
        first: its first sector.
        count: how many sectors; at least 1.
    """

    first: Lba
    count: int

    @property
    def last(self) -> Lba:
        """The last sector that belongs to the run."""
        return Lba(self.first + self.count - 1)

    @property
    def end(self) -> Lba:
        """The first sector after the run."""
        return Lba(self.first + self.count)

    def overlaps(self, other: Extent) -> bool:
        """Tell whether a sector belongs to both."""
        return self.first < other.end and other.first < self.end

    def contains(self, other: Extent) -> bool:
        """Tell whether every sector of the other belongs to this one."""
        return self.first <= other.first and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a disk measures.

    Attributes:
        sector_size: bytes of a logical sector, 512 or 4096.
        sectors: how many sectors the disk has.
    """

    sector_size: int
    sectors: int

    def __post_init__(self) -> None:
        """Refuse sector sizes for which Windows has no disks."""
        if self.sector_size not in SECTOR_SIZES:
            raise InvalidRequest(f"sectors of {self.sector_size} bytes are not supported; valid are 512 and 4096")

    @classmethod
    def of_size(cls, size_bytes: int, sector_size: int) -> Geometry:
        """Return the geometry of a disk of this many bytes; a part of a sector at the end is not counted."""
        return cls(sector_size, size_bytes // sector_size)

    @property
    def size_bytes(self) -> Bytes:
        """The size of the disk."""
        return Bytes(self.sectors * self.sector_size)


def align_up(value: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that is not below ``value``."""
    return -(-value // step) * step


def align_down(value: int, step: int) -> int:
    """Return the largest multiple of ``step`` that is not above ``value``."""
    return value // step * step
