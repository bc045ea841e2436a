"""LZNT1, as it is written; that others read it is seen where volumes are judged."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.volume.ntfs.compress import decompress
from osdimage.native._wimlib import ffi, lib

UNIT = 65536


def compressed(data: bytes, room: int = UNIT) -> bytes:
    out = ffi.new("uint8_t[]", room)
    size = lib.osd_lznt1_compress(data, len(data), out, room)
    return bytes(out[0:size])


NOISE = random.Random(1).randbytes(UNIT)
KINDS = [
    pytest.param(b"a" * UNIT, 1000, id="one letter"),
    pytest.param(bytes(UNIT), 1000, id="zeros"),
    pytest.param((b"the same line again\n" * 4000)[:UNIT], 6000, id="lines"),
    pytest.param(b"".join(b"line %d of a log\n" % n for n in range(4000))[:UNIT], 35_000, id="a log"),
]


@pytest.mark.parametrize(("data", "most"), KINDS)
def test_what_repeats_becomes_short_and_comes_back(data: bytes, most: int) -> None:
    stored = compressed(data)
    assert 0 < len(stored) < most
    assert decompress(stored, len(data)) == data


def test_noise_has_no_room_in_less_than_its_size() -> None:
    assert compressed(NOISE, UNIT - 4096) == b""


def test_chunks_that_do_not_become_shorter_are_stored_whole() -> None:
    # libntfs-3g refuses a chunk that is stored with less than 4096 bytes.
    stored = compressed(NOISE[:5000])
    assert len(stored) == 2 * (4096 + 2) or stored[4098 + 1] & 0x80
    assert decompress(stored, 5000) == NOISE[:5000]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 300)), min_size=1, max_size=40))
def test_anything_comes_back(parts: list[tuple[bytes, int]]) -> None:
    data = b"".join(piece * count for piece, count in parts)[:UNIT]
    stored = compressed(data, 2 * UNIT)
    assert stored
    assert decompress(stored, len(data)) == data
