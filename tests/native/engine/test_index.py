"""Indexes of NTFS that are built from the bottom up, read by code of their own."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.native._wimlib import ffi, lib

BLOCK, CLUSTER = 4096, 4096
HAS_CHILD, IS_LAST = 1, 2
ENTRY_HEAD = 16


@dataclass
class Built:
    """An index: the value of its root, and its blocks without fixups."""

    root: bytes
    blocks: list[bytes]
    depths: set[int] = field(default_factory=set)
    used: list[int] = field(default_factory=list)

    def keys(self) -> list[int]:
        """Return the keys in the order of the index, and look at all that is always so."""
        assert struct.unpack_from("<III", self.root) == (0x30, 1, BLOCK)
        found = list(self._node(self.root, 16, 0, is_block=False))
        assert len(self.depths) == 1, "all leaves are at one depth"
        assert sorted(self.used) == list(range(len(self.blocks))), "every block is reached, once"
        return found

    def _node(self, data: bytes, header: int, depth: int, *, is_block: bool) -> list[int]:
        first, used, allocated, flags = struct.unpack_from("<IIIB", data, header)
        assert used <= allocated <= len(data) - header
        at, found, count = header + first, [], 0
        while True:
            length, key_length, entry_flags = struct.unpack_from("<HHH", data, at + 8)
            assert length % 8 == 0
            assert bool(entry_flags & HAS_CHILD) == bool(flags)
            if entry_flags & HAS_CHILD:
                (vcn,) = struct.unpack_from("<Q", data, at + length - 8)
                found += self._block(vcn, depth + 1)
            else:
                self.depths.add(depth)
            if entry_flags & IS_LAST:
                assert at + length == header + used
                assert count or not is_block, "no block is empty"
                return found
            found.append(int.from_bytes(data[at + ENTRY_HEAD : at + ENTRY_HEAD + key_length], "big"))
            at, count = at + length, count + 1

    def _block(self, vcn: int, depth: int) -> list[int]:
        number = vcn // (BLOCK // CLUSTER)
        self.used.append(number)
        block = self.blocks[number]
        assert struct.unpack_from("<4s12xQ", block) == (b"INDX", vcn)
        return self._node(block, 24, depth, is_block=True)


def without_fixups(block: bytes) -> bytes:
    at, count = struct.unpack_from("<HH", block, 4)
    assert count == len(block) // 512 + 1
    data = bytearray(block)
    for i in range(1, count):
        assert data[512 * i - 2 : 512 * i] == block[at : at + 2]
        data[512 * i - 2 : 512 * i] = block[at + 2 * i : at + 2 * i + 2]
    return bytes(data)


def build(lengths: list[int], largest_root: int, largest_parent: int) -> Built:
    blocks: list[bytes] = []

    @ffi.callback("uint32_t(void *, size_t)")
    def length_of(_: Any, entry: int) -> int:
        return lengths[entry]

    @ffi.callback("void(void *, size_t, uint8_t *)")
    def put(_: Any, entry: int, out: Any) -> None:
        data = struct.pack("<QHHI", 0, lengths[entry], 8, 0) + entry.to_bytes(8, "big")
        ffi.memmove(out, data, len(data))

    @ffi.callback("int(void *, uint32_t, uint8_t *)")
    def take(_: Any, number: int, block: Any) -> int:
        assert number == len(blocks)
        blocks.append(without_fixups(bytes(ffi.buffer(block, BLOCK))))
        return 0

    wish = ffi.new(
        "struct osd_index_input *",
        {
            "count": len(lengths),
            "length": length_of,
            "entry": put,
            "block": ffi.cast("int(*)(void *, uint32_t, const uint8_t *)", take),
            "attribute_type": 0x30,
            "collation": lib.OSD_COLLATE_FILE_NAME,
            "block_size": BLOCK,
            "cluster_size": CLUSTER,
            "largest_root": largest_root,
            "largest_parent": largest_parent,
        },
    )
    measured, built = ffi.new("struct osd_index *"), ffi.new("struct osd_index *")
    assert lib.osd_index_measure(wish, measured) == 0
    root = ffi.new("uint8_t[]", 65536)
    assert lib.osd_index_build(wish, built, root, len(root)) == 0
    assert (measured.root_size, measured.blocks) == (built.root_size, built.blocks) == (built.root_size, len(blocks))
    assert built.root_size <= (largest_parent if blocks else largest_root)
    return Built(bytes(root)[: built.root_size], blocks)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40, 41, 42, 43, 1700, 30_000])
def test_an_index_of_any_size_has_all_entries_in_order(count: int) -> None:
    assert build([88] * count, 700, 500).keys() == list(range(count))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(3, 75).map(lambda eighths: 8 * eighths), max_size=400),
    st.integers(56, 900),
    st.integers(56, 900),
)
def test_entries_of_any_lengths_are_packed(lengths: list[int], largest_root: int, largest_parent: int) -> None:
    assert build(lengths, max(largest_root, largest_parent), largest_parent).keys() == list(range(len(lengths)))


def test_a_root_without_room_for_an_entry_has_one_child() -> None:
    built = build([608] * 100, 56, 56)
    assert len(built.root) == 56
    assert built.keys() == list(range(100))
