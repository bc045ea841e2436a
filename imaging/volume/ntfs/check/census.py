"""What the records of a volume say, as far as it is asked for when all of them were read.

This is all that grows with a volume: for each file some numbers and its names, which go as they are found in an index.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from osdimage.imaging.volume.ntfs.check.attributes import IS_DIRECTORY, NUMBER
from osdimage.imaging.volume.ntfs.check.clusters import ClusterMap

_TAIL = struct.Struct("<qqI?")
# The parent, and from the length of the name on: what makes a name, without the sizes and times that are copies.
_PARENT_END, _NAME_AT, _NAMESPACE_AT = 8, 64, 65


class Name(NamedTuple):
    """A $FILE_NAME, and what its copies of sizes and flags should be.

    Attributes:
        value: the attribute.
        allocated: bytes that the file takes.
        size: bytes of its data.
        flags: FILE_ATTRIBUTE_*.
        is_only: whether its file has no other name, so that Windows keeps the entry of the index current.
    """

    value: bytes
    allocated: int
    size: int
    flags: int
    is_only: bool


class Census:
    """What was counted.

    Attributes:
        clusters: who has them.
        indexes: the records with an index.
        listed: those with an attribute list.
        parents: the directory that each directory is in.
        security_ids: those that files have, with the first record that has each.
        object_ids: the file that has each, in the order of the records.
        reparse_tags: of each file that is a reparse point, by its reference.
        partial: records of which not everything could be read.
        files: how many there are.
        directories: how many of these are directories.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.clusters = ClusterMap()
        self.indexes = array("Q")
        self.listed = array("Q")
        self.parents: dict[int, int] = {}
        self.security_ids: dict[int, int] = {}
        self.object_ids: list[tuple[bytes, int]] = []
        self.reparse_tags: dict[int, int] = {}
        self.partial: set[int] = set()
        self.files = 0
        self.directories = 0
        self._facts: dict[int, int] = {}
        self._bases: dict[int, int] = {}
        self._names: dict[int, bytes | list[bytes]] = {}

    def add_record(self, number: int, sequence: int, flags: int, base: int) -> None:
        """Note a record that is in use."""
        self._facts[number] = sequence | flags << 16
        if base:
            self._bases[number] = base

    def is_file(self, reference: int) -> bool:
        """Tell whether a reference leads to the first record of a file."""
        number = reference & NUMBER
        facts = self._facts.get(number)
        return facts is not None and facts & 0xFFFF == reference >> 48 and number not in self._bases

    def is_known(self, number: int) -> bool:
        """Tell whether a record is in use and could be read."""
        return number in self._facts

    def is_directory(self, number: int) -> bool:
        """Tell whether a record is in use and marked as a directory."""
        return bool(self._facts.get(number, 0) >> 16 & IS_DIRECTORY)

    def reference(self, number: int) -> int:
        """Return the reference of a record that is in use."""
        return number | (self._facts.get(number, 0) & 0xFFFF) << 48

    def base_of(self, number: int) -> int:
        """Return the reference of the file that a record continues, or 0."""
        return self._bases.get(number, 0)

    @property
    def extensions(self) -> dict[int, int]:
        """The records that continue others, with the references of these."""
        return self._bases

    @property
    def records(self) -> int:
        """How many are in use."""
        return len(self._facts)

    @property
    def names(self) -> int:
        """How many names are still to be found in an index."""
        return sum(1 if isinstance(each, bytes) else len(each) for each in self._names.values())

    def in_use(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges of records that are in use, in order; those that could not be read count."""
        unread = self.partial - self._facts.keys()
        # They were read in order.
        for number in sorted(self._facts.keys() | unread) if unread else self._facts:
            yield number, number + 1

    def add_name(self, number: int, name: Name) -> None:
        """Note a name of a file, to be found in the index of its directory."""
        packed = name.value + _TAIL.pack(name.allocated, name.size, name.flags, name.is_only)
        before = self._names.get(number)
        if before is None:
            self._names[number] = packed
        elif isinstance(before, bytes):
            self._names[number] = [before, packed]
        else:
            before.append(packed)

    def take_name(self, number: int, key: bytes) -> Name | None:
        """Return the name of a file that an entry of an index has for its key, once; None when there is none."""
        there = self._names.get(number)
        if there is None:
            return None
        if isinstance(there, bytes):
            if there[:_PARENT_END] != key[:_PARENT_END] or there[_NAME_AT : -_TAIL.size] != key[_NAME_AT:]:
                return None
            del self._names[number]
            return _unpacked(there)
        for at, each in enumerate(there):
            if each[:_PARENT_END] == key[:_PARENT_END] and each[_NAME_AT : -_TAIL.size] == key[_NAME_AT:]:
                # The last one takes its place: a file may have thousands of names, found in another order.
                there[at] = there[-1]
                there.pop()
                if not there:
                    del self._names[number]
                return _unpacked(each)
        return None

    def names_left(self) -> Iterator[tuple[int, Name]]:
        """Yield the names that were not taken, by their records."""
        for number, there in self._names.items():
            for each in [there] if isinstance(there, bytes) else there:
                yield number, _unpacked(each)


def _unpacked(packed: bytes) -> Name:
    return Name(packed[: -_TAIL.size], *_TAIL.unpack(packed[-_TAIL.size :]))


def parent_of(value: bytes) -> int:
    """Return the reference of the directory that a $FILE_NAME is in."""
    return int.from_bytes(value[:_PARENT_END], "little")


def namespace_of(value: bytes) -> int:
    """Return the namespace of a $FILE_NAME (FILE_NAME_TYPE_FLAGS)."""
    return value[_NAMESPACE_AT]
