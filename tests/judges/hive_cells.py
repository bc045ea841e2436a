"""Whether the cells of a hive are sound: each used once or free, and the descriptors a ring with right counts.

By the "Windows registry file format specification" (M. Suhanov), with nothing of osdimage.
"""

from __future__ import annotations

import struct
from collections import Counter

_BINS = 4096
_BIG = 16344


def cells_of(data: bytes) -> dict[int, int]:
    """Return the offset and the size of every cell, negative when it is free; the bins must be full of them."""
    found = {}
    length = struct.unpack_from("<I", data, 40)[0]
    at = 0
    while at < length:
        magic, offset, size = struct.unpack_from("<4sII", data, _BINS + at)
        assert (magic, offset) == (b"hbin", at)
        cell, end = at + 32, at + size
        while cell < end:
            found[cell] = -struct.unpack_from("<i", data, _BINS + cell)[0]
            assert found[cell]
            cell += abs(found[cell])
        assert cell == end
        at = end
    return found


class Tree:
    """What the tree of keys needs.

    Attributes:
        needed: the offsets of its cells, without descriptors, in the order in which they are found.
        descriptors: how many keys each descriptor has, by its offset.
    """

    def __init__(self, data: bytes) -> None:
        self.needed: list[int] = []
        self.descriptors: Counter[int] = Counter()
        self._data = data
        self._has_big_data = data[24] >= 4
        self._take_key(struct.unpack_from("<I", data, 36)[0])

    def _words(self, at: int, count: int = 1) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}I", self._data, _BINS + 4 + at)

    def _take_key(self, at: int) -> None:
        self.needed.append(at)
        subkeys, _, subkey_list, _, values, value_list, security, of_class = self._words(at + 20, 8)
        self.descriptors[security] += 1
        if struct.unpack_from("<H", self._data, _BINS + 4 + at + 74)[0]:
            self.needed.append(of_class)
        if values:
            self.needed.append(value_list)
            for each in self._words(value_list, values):
                self._take_value(each)
        below = self._take_list(subkey_list) if subkeys else []
        assert len(below) == subkeys
        for each in below:
            assert self._words(each + 16)[0] == at
            self._take_key(each)

    def _take_list(self, at: int) -> list[int]:
        self.needed.append(at)
        kind, count = struct.unpack_from("<2sH", self._data, _BINS + 4 + at)
        if kind == b"ri":
            return [key for leaf in self._words(at + 4, count) for key in self._take_list(leaf)]
        return list(self._words(at + 4, count) if kind == b"li" else self._words(at + 4, 2 * count)[::2])

    def _take_value(self, at: int) -> None:
        self.needed.append(at)
        length, where = self._words(at + 4, 2)
        if length & 1 << 31 or not length:
            return
        self.needed.append(where)
        if length > _BIG and self._has_big_data:
            count, listed = struct.unpack_from("<2xHI", self._data, _BINS + 4 + where)
            self.needed += [listed, *self._words(listed, count)]


def assert_sound(data: bytes) -> None:
    """Check that every cell is used once or free, and that the descriptors are a ring with right counts."""
    tree = Tree(data)
    assert len(tree.needed) == len(set(tree.needed))
    used = {at for at, size in cells_of(data).items() if size > 0}
    assert used == {*tree.needed, *tree.descriptors}
    first = at = next(iter(tree.descriptors))
    seen: dict[int, int] = {}
    while at not in seen:
        magic, after, _, count = struct.unpack_from("<2s2xIII", data, _BINS + 4 + at)
        assert magic == b"sk"
        assert struct.unpack_from("<I", data, _BINS + 4 + after + 8)[0] == at
        seen[at], at = count, after
    assert at == first
    assert seen == tree.descriptors
