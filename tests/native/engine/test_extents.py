"""Lists of runs as NTFS stores them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.native._wimlib import ffi, lib

HOLE = 2**64 - 1
CLUSTERS = 1 << 40
# The examples of the Linux-NTFS project's documentation ("Data Runs"): the list, and what its runs are.
TOLD = [
    pytest.param("21 18 34 56 00", [(0x5634, 0x18)], id="one"),
    pytest.param(
        "31 38 73 25 34 32 14 01 E5 11 02 31 42 AA 00 03 00",
        [(0x342573, 0x38), (0x363758, 0x114), (0x393802, 0x42)],
        id="fragmented",
    ),
    pytest.param("11 30 60 21 10 00 01 11 20 E0 00", [(0x60, 0x30), (0x160, 0x10), (0x140, 0x20)], id="scrambled"),
    pytest.param("11 30 20 01 60 11 10 30 00", [(0x20, 0x30), (HOLE, 0x60), (0x50, 0x10)], id="sparse"),
]
FALSE = [
    pytest.param("21 18 34 56", id="without an end"),
    pytest.param("21 18", id="cut off"),
    pytest.param("01 00 00", id="of no clusters"),
    pytest.param("11 F0 10 00", id="of a negative length"),
    pytest.param("11 10 F0 00", id="before the volume"),
    pytest.param("16 FF FF FF FF FF 7F 10 00", id="behind the volume"),
    pytest.param("F9 " + "01 " * 24 + "00", id="of too many bytes"),
]


@contextmanager
def runs_of(*runs: tuple[int, int]) -> Iterator[Any]:
    made = ffi.new("struct osd_extents *")
    for lcn, length in runs:
        assert lib.osd_extents_add(made, lcn, length) == 0
    yield made
    lib.osd_extents_release(made)


def listed(made: Any) -> list[tuple[int, int]]:
    return [(made.runs[i].lcn, made.runs[i].length) for i in range(made.count)]


def encoded(*runs: tuple[int, int]) -> bytes:
    with runs_of(*runs) as made:
        size = ffi.new("size_t *")
        assert lib.osd_extents_fitting(made.runs, made.count, 1 << 20, size) == made.count
        buffer = ffi.new("uint8_t[]", size[0])
        assert lib.osd_extents_encode(made.runs, made.count, buffer) == size[0]
        return bytes(buffer)


@pytest.mark.parametrize(("told", "runs"), TOLD)
def test_a_list_of_runs_is_written_and_read_as_documented(told: str, runs: list[tuple[int, int]]) -> None:
    assert encoded(*runs) == bytes.fromhex(told)
    with runs_of() as made:
        assert lib.osd_extents_decode(made, bytes.fromhex(told), len(bytes.fromhex(told)), CLUSTERS) == 0
        assert listed(made) == runs


@pytest.mark.parametrize("told", FALSE)
def test_a_list_that_cannot_be_is_refused(told: str) -> None:
    with runs_of() as made:
        assert lib.osd_extents_decode(made, bytes.fromhex(told), len(bytes.fromhex(told)), CLUSTERS) != 0


@given(
    st.lists(st.tuples(st.one_of(st.just(HOLE), st.integers(0, 2**39)), st.integers(1, 2**39)), min_size=1, max_size=40)
)
def test_any_list_is_read_as_it_was_written(runs: list[tuple[int, int]]) -> None:
    with runs_of(*runs) as made, runs_of() as read:
        joined = listed(made)
        data = encoded(*joined)
        assert lib.osd_extents_decode(read, data, len(data), 2**46) == 0
        assert listed(read) == joined
        assert read.clusters == sum(length for _, length in runs)


@given(st.lists(st.tuples(st.integers(0, 2**39), st.integers(1, 2**20)), min_size=1, max_size=40), st.integers(2, 200))
def test_a_list_is_cut_where_there_is_no_more_room(runs: list[tuple[int, int]], room: int) -> None:
    with runs_of(*runs) as made:
        size = ffi.new("size_t *")
        fitting = lib.osd_extents_fitting(made.runs, made.count, room, size)
        assert size[0] <= room
        assert fitting == made.count or len(encoded(*listed(made)[: fitting + 1])) > room
