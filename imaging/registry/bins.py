"""New cells for a hive, and the records of keys and values in them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Protocol

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.registry import cells, names
from osdimage.imaging.registry.hive import MAX_DEPTH, Key
from osdimage.imaging.registry.values import Value
from osdimage.imaging.units import align_up


class Room(Protocol):
    """Where cells go."""

    def allocate(self, size: int) -> int:
        """Return the offset of a new cell for ``size`` bytes, filled with zeroes."""

    def put(self, at: int, data: bytes) -> None:
        """Write bytes at an offset."""


class Bins:
    """Cells, one behind the other, in bins of one page; a larger cell has a bin of its own.

    Attributes:
        data: the bins.
    """

    def __init__(self, timestamp: int, base: int = 0) -> None:
        """Begin without a bin; ``base`` is the offset of the first one, ``timestamp`` that of the hive."""
        self.data = bytearray()
        self._base = base
        self._at = 0
        self._timestamp = timestamp

    def allocate(self, size: int) -> int:
        """Return the offset of a new cell for ``size`` bytes, filled with zeroes."""
        whole = whole_of(size)
        at = self._at
        if at + whole > len(self.data):
            at = self._add_bin(whole)
        struct.pack_into("<i", self.data, at, -whole)
        self._at = at + whole
        return self._base + at

    def put(self, at: int, data: bytes) -> None:
        """Write bytes at an offset."""
        self.data[at - self._base : at - self._base + len(data)] = data

    def close(self) -> None:
        """Make the rest of the last bin one free cell."""
        if self._at < len(self.data):
            struct.pack_into("<i", self.data, self._at, len(self.data) - self._at)

    def _add_bin(self, needed: int) -> int:
        self.close()
        start = len(self.data)
        size = align_up(cells.BIN_HEADER_BYTES + needed, cells.BIN_STEP)
        self.data += bytes(size)
        offset = self._base + start
        self.data[start : start + cells.BIN_HEADER_BYTES] = cells.BIN_STRUCT.build(
            {
                "Signature": b"hbin",
                "FileOffset": offset,
                "Size": size,
                "Reserved1": 0,
                "TimeStamp": 0 if offset else self._timestamp,
                "Spare": 0,
            }
        )
        return start + cells.BIN_HEADER_BYTES


def whole_of(size: int) -> int:
    """Return the size of a cell for so many bytes: with its own size, in steps of eight."""
    return (size + 11) & ~7


class Records:
    """Writes records into a room."""

    def __init__(self, room: Room, minor: int, now: int | None, security: Callable[[bytes | None], int]) -> None:
        """Prepare for a hive of version 1.``minor``.

        ``now`` is the time of what was changed, or None to leave times alone; ``security`` returns the offset of the
        cell with a descriptor, and counts that it is used once more.
        """
        self._room = room
        self._now = now
        self._security = security
        self._has_big_data = minor >= cells.BIG_DATA_MINOR
        self.list_kind = b"lh" if minor >= cells.HASH_LEAF_MINOR else b"lf"

    def add(self, data: bytes) -> int:
        """Add a cell with these contents; return its offset."""
        at = self._room.allocate(len(data))
        self._room.put(at + 4, data)
        return at

    # ---- keys

    def add_tree(self, root: Key, parent: int = 0, depth: int = 1) -> int:
        """Add a key and all below it; return the offset of its cell.

        Raises:
            InvalidRequest: when keys are nested more than 512 deep.
        """
        # The key, the offset of the key that it is in, where that one's list notes it, and how deep it is.
        waiting: list[tuple[Key, str, int, int | None, int]] = [(root, "", parent, None, depth)]
        first: int | None = None
        while waiting:
            key, folded, above, slot, level = waiting.pop()
            if level > MAX_DEPTH:
                raise InvalidRequest(f"key {key.name!r}: keys are nested more than {MAX_DEPTH} deep")
            below = key.sorted_subkeys()
            at, slots = self._add_key(key, above, below)
            key.release()
            if slot is None:
                first = at
            else:
                self._room.put(slot, struct.pack("<II", at, self.word_of(key.name, folded)))
            # Popped from the end: the last one first keeps neighbours together.
            for (name, child), place in zip(reversed(below), reversed(slots), strict=True):
                waiting.append((child, name, at, place, level + 1))
        if first is None:
            raise ValueError("no key was written")
        return first

    def word_of(self, name: str, folded: str, kind: bytes = b"") -> int:
        """Return what a list notes beside the offset of a subkey: a hash, or a hint."""
        if (kind or self.list_kind) == b"lh":
            return names.hash_of(folded)
        return int.from_bytes(names.hint_of(name), "little")

    def _add_key(self, key: Key, parent: int, below: list[tuple[str, Key]]) -> tuple[int, list[int]]:
        name, is_compressed = names.store(key.name)
        at = self._room.allocate(cells.KEY.size + len(name))
        values = key.values
        value_list = self.add_offsets([self.add_value(value) for value in values]) if values else cells.NOWHERE
        subkey_list, slots = self._add_empty_lists(len(below)) if below else (cells.NOWHERE, [])
        record = cells.KEY.pack(
            b"nk",
            key.flags | (cells.KEY_COMP_NAME if is_compressed else 0),
            self._now if key.changed and self._now is not None else key.timestamp,
            key.access,
            parent,
            len(below),
            0,
            subkey_list,
            cells.NOWHERE,
            len(values) if key.predefined is None else key.predefined,
            value_list,
            self._security(key.security),
            self.add(key.class_data) if key.class_data else cells.NOWHERE,
            longest_name([folded for folded, _ in below]),
            key.control,
            max((len(child.class_data) for _, child in below), default=0),
            longest_name([value.name for value in values]),
            max((len(value.data) for value in values), default=0),
            0,
            len(name),
            len(key.class_data),
        )
        self._room.put(at + 4, record + name)
        return at, slots

    def add_list(self, entries: Sequence[tuple[int, int]], kind: bytes) -> int:
        """Add lists of subkeys, given by their offsets and hashes or hints; return the offset of the first."""
        leaf_bytes = []
        for start in range(0, len(entries), cells.LEAF_ENTRIES):
            some = entries[start : start + cells.LEAF_ENTRIES]
            leaf_bytes.append(leaf_of(some, kind))
        leaves = [self.add(each) for each in leaf_bytes]
        return leaves[0] if len(leaves) == 1 else self._add_index(leaves)

    def _add_index(self, leaves: Sequence[int]) -> int:
        return self.add(cells.LIST.pack(b"ri", len(leaves)) + struct.pack(f"<{len(leaves)}I", *leaves))

    def _add_empty_lists(self, count: int) -> tuple[int, list[int]]:
        """Add lists for ``count`` subkeys; return their offset and where each subkey's entry of eight bytes goes."""
        leaves: list[int] = []
        slots: list[int] = []
        for start in range(0, count, cells.LEAF_ENTRIES):
            entries = min(cells.LEAF_ENTRIES, count - start)
            leaf = self._room.allocate(cells.LIST.size + 8 * entries)
            self._room.put(leaf + 4, cells.LIST.pack(self.list_kind, entries))
            leaves.append(leaf)
            first = leaf + 4 + cells.LIST.size
            slots += range(first, first + 8 * entries, 8)
        return (leaves[0] if len(leaves) == 1 else self._add_index(leaves)), slots

    # ---- values

    def add_offsets(self, offsets: Sequence[int]) -> int:
        """Add a list of values."""
        return self.add(struct.pack(f"<{len(offsets)}I", *offsets))

    def add_value(self, value: Value) -> int:
        """Add a value with its data; return its offset."""
        if len(value.data) <= 4:
            return self.add(value_record(value, *inline(value)))
        return self.add(value_record(value, len(value.data), self.add_data(value.data)))

    def add_data(self, data: bytes) -> int:
        """Add data that do not fit a value itself; return the offset of their cell."""
        if not self.is_big(len(data)):
            return self.add(data)
        step = cells.SEGMENT_BYTES
        # libhivex takes the last four bytes of every segment's cell for padding, also where Windows needs none.
        segments = [self.add(data[start : start + step] + bytes(4)) for start in range(0, len(data), step)]
        return self.add(cells.BIG_DATA.pack(b"db", len(segments), self.add_offsets(segments)))

    def is_big(self, size: int) -> bool:
        """Tell whether data of a size are a list of segments."""
        return self._has_big_data and size > cells.SEGMENT_BYTES


def inline(value: Value) -> tuple[int, int]:
    """Return the length and the offset of data that are in the value itself, as its record notes them."""
    if not value.data and value.flags & cells.VALUE_TOMBSTONE:
        return 0, cells.NOWHERE
    return len(value.data) | cells.INLINE, int.from_bytes(value.data, "little")


def value_record(value: Value, length: int, where: int, spare: int = 0) -> bytes:
    """Return the record of a value whose data are noted as ``length`` and ``where``."""
    name, is_compressed = names.store(value.name)
    # As Windows does, the default value has no name that could be compressed.
    flags = value.flags | (cells.VALUE_COMP_NAME if is_compressed and name else 0)
    return cells.VALUE.pack(b"vk", len(name), length, where, value.type, flags, spare) + name


def leaf_of(entries: Sequence[tuple[int, int]], kind: bytes) -> bytes:
    """Return a list of subkeys."""
    head = cells.LIST.pack(kind, len(entries))
    if kind == b"li":
        return head + struct.pack(f"<{len(entries)}I", *(offset for offset, _ in entries))
    return head + b"".join(struct.pack("<II", *entry) for entry in entries)


def longest_name(texts: Sequence[str]) -> int:
    """Return the most bytes that one of several names takes in UTF-16."""
    return max((2 * len(names.units(text)) for text in texts), default=0)
