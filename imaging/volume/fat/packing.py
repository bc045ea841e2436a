"""The entries of a FAT as they are stored: of 12, 16 or 32 bits.

Source: Microsoft, fatgen103, "FAT Data Structure".  Two entries of 12 bits share three bytes, low bits first: 0xABC and
0xDEF are BC FA DE.  So an entry crosses bytes, and some cross sectors; and where there is an odd number of them, half
of the last byte belongs to none.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.units import KIB

FREE = 0
"""What the table says of a cluster that is free."""
PAGE_BYTES = 64 * KIB
"""How much of a table is read at once; FAT12 has no more than fits."""


@dataclass(frozen=True, slots=True)
class EntryKind:
    """How the entries of a width are stored, and what their values mean.

    Attributes:
        width: of one.
        mask: the bits that count; FAT32 keeps four to itself.
        clean_shutdown: set in the second entry while the volume is clean; 0 where there is no such bit (FAT12).
        no_errors: set there while reading and writing went well; likewise.
    """

    width: FatWidth
    mask: int
    clean_shutdown: int
    no_errors: int

    @property
    def end_of_chain(self) -> int:
        """What the end of a chain is marked with."""
        return self.mask

    @property
    def first_end_mark(self) -> int:
        """This and all above it end a chain."""
        return self.mask - 7

    @property
    def bad(self) -> int:
        """What marks a cluster that cannot be used."""
        return self.mask - 8

    @property
    def clean_bits(self) -> int:
        """What is set in the second entry of a clean volume."""
        return self.clean_shutdown | self.no_errors

    @property
    def page_entries(self) -> int:
        """How many entries a page has."""
        return PAGE_BYTES * 8 // self.width

    def most_entries(self, size_bytes: int) -> int:
        """Return how many entries a table of so many bytes holds."""
        return size_bytes * 8 // self.width

    def packed_bytes(self, entries: int) -> int:
        """Return how many bytes so many entries take, the last one of them maybe half."""
        return -(-entries * self.width // 8)

    def values(self, entries: Iterable[int] = ()) -> array[Any]:
        """Return entries with these values."""
        return array("I" if self.width is FatWidth.FAT32 else "H", entries)

    def unpack(self, data: bytes, entries: int) -> array[Any]:
        """Return so many entries of stored ones; the first is in the first byte."""
        found = self.values()
        if self.width is FatWidth.FAT12:
            for index in range(entries):
                at = index * 3 // 2
                pair = data[at] | data[at + 1] << 8
                found.append(pair >> 4 if index & 1 else pair & 0xFFF)
            return found
        found.frombytes(data)
        if sys.byteorder == "big":
            found.byteswap()
        return found

    def pack(self, entries: array[Any], half: int = 0) -> bytes:
        """Store entries; the first is in the first byte.

        Args:
            entries: their values.
            half: the half of the last byte, from 0 to 15, that belongs to no entry where they do not fill it.
        """
        if self.width is FatWidth.FAT12:
            values = [*entries, half] if len(entries) & 1 else entries
            triples = ((values[at] | values[at + 1] << 12).to_bytes(3, "little") for at in range(0, len(values), 2))
            return b"".join(triples)[: self.packed_bytes(len(entries))]
        if sys.byteorder == "big":
            entries = array(entries.typecode, entries)
            entries.byteswap()
        return entries.tobytes()


KINDS = {
    FatWidth.FAT12: EntryKind(FatWidth.FAT12, 0xFFF, 0, 0),
    FatWidth.FAT16: EntryKind(FatWidth.FAT16, 0xFFFF, 0x8000, 0x4000),
    FatWidth.FAT32: EntryKind(FatWidth.FAT32, 0x0FFFFFFF, 0x08000000, 0x04000000),
}
