"""Hives that lie: a clear error with the offset, never a crash, and never more memory than the file is worth."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.write import new_hive, write_hive


def sample() -> bytes:
    hive = new_hive("ROOT")
    for number in range(3):
        key = hive.root.ensure(f"Key{number}")
        key.class_data = b"c\0l\0"
        key.ensure("Below").set(Value.string("Text", "some text"))
        key.set(Value.binary("Large", bytes(20000)))
    return write_hive(hive)


SAMPLE = sample()
ROOT = 4096 + struct.unpack_from("<I", SAMPLE, 36)[0]
LIST = 4096 + struct.unpack_from("<I", SAMPLE, ROOT + 4 + 28)[0]
KEY = 4096 + struct.unpack_from("<I", SAMPLE, LIST + 8)[0]
VALUES = 4096 + struct.unpack_from("<I", SAMPLE, KEY + 4 + 40)[0]
VALUE = 4096 + struct.unpack_from("<I", SAMPLE, VALUES + 4)[0]
SECURITY = 4096 + struct.unpack_from("<I", SAMPLE, ROOT + 4 + 44)[0]
DATA = 4096 + struct.unpack_from("<I", SAMPLE, VALUE + 4 + 8)[0]


def patched(at: int, form: str, *values: object) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into("<" + form, data, at, *values)


def offset(at: int) -> int:
    return at - 4096


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        pytest.param(patched(0, "4s", b"MSWI"), "not a registry hive", id="magic"),
        pytest.param(patched(24, "I", 2), "version 1.2; 1.3 to 1.6 can be read", id="version"),
        pytest.param(patched(20, "I", 2), "version 2.5", id="major"),
        pytest.param(patched(28, "I", 6), "file type 6", id="log file"),
        pytest.param(patched(40, "I", 0), "tells of 0 bytes of bins", id="no bins"),
        pytest.param(patched(40, "I", 0x7FFFF000), "tells of 2147479552 bytes of bins", id="more bins than file"),
        pytest.param(patched(4096, "4s", b"xbin"), "offset 0x1000: not a bin", id="bin"),
        pytest.param(patched(4104, "I", 0), "offset 0x1000: not a bin", id="bin of no size"),
        pytest.param(patched(36, "I", 0xFFFFFFFF), "nowhere: no cell can be there", id="no root"),
        pytest.param(patched(36, "I", 0x24), "offset 0x1024: no cell can be there", id="unaligned"),
        pytest.param(patched(ROOT, "i", 80), "the cell is free", id="free"),
        pytest.param(patched(ROOT, "i", -0x7FFFFFF8), "its size cannot be", id="beyond the end"),
        pytest.param(patched(ROOT + 4, "2s", b"vk"), "no record nk", id="not a key"),
        pytest.param(patched(ROOT + 4 + 72, "H", 60000), "the name of the key takes 60000 bytes", id="key name"),
        pytest.param(patched(ROOT + 4 + 20, "I", 2), "has 2 subkeys, its list 3", id="count of subkeys"),
        pytest.param(patched(LIST + 6, "H", 60000), "a list of 60000 entries does not fit", id="huge list"),
        pytest.param(patched(LIST + 4, "2s", b"xx"), "no record lh or lf or li or ri", id="not a list"),
        pytest.param(patched(LIST + 8, "I", offset(ROOT)), "the key is in the tree twice", id="cycle"),
        pytest.param(patched(LIST + 16, "I", offset(KEY)), "the key is in the tree twice", id="shared key"),
        pytest.param(patched(KEY + 4 + 36, "I", 1 << 30), "list of 1073741824 values does not fit", id="huge count"),
        pytest.param(patched(KEY + 4 + 48, "I", 0xFFFFFFF8), "no cell can be there", id="class"),
        pytest.param(patched(KEY + 4 + 74, "H", 600), "600 bytes do not fit the cell", id="long class"),
        pytest.param(patched(VALUE + 4 + 2, "H", 600), "name of the value takes 600 bytes", id="value name"),
        pytest.param(patched(VALUE + 4 + 4, "I", 0x80000005), "5 bytes of data cannot be in the value", id="inline"),
        pytest.param(patched(VALUE + 4 + 4, "I", 0x7FFFFFFF), "cannot be in 2 segments", id="huge data"),
        pytest.param(patched(VALUE + 4 + 4, "I", 40), "40 bytes do not fit the cell", id="short data"),
        pytest.param(patched(DATA + 4, "2s", b"xx"), "neither in the cell nor in a list", id="not segments"),
        pytest.param(patched(SECURITY + 4 + 16, "I", 1 << 20), "security descriptor of 1048576 bytes", id="security"),
    ],
)
def test_a_lie_is_named_with_its_place(harm: Callable[[bytearray], None], message: str) -> None:
    data = bytearray(SAMPLE)
    harm(data)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_hive(bytes(data), name="SOFTWARE")
    assert str(caught.value).startswith("SOFTWARE: ")


def test_a_file_that_was_cut_off_is_named_as_such() -> None:
    for size in (0, 3, 4095, 4096, 5000, len(SAMPLE) - 1):
        with pytest.raises(InvalidInput):
            read_hive(SAMPLE[:size])


def test_two_keys_or_values_of_one_name_are_refused() -> None:
    data = SAMPLE.replace(b"Key1", b"KEY0")
    with pytest.raises(InvalidInput, match="a second key 'KEY0' in 'ROOT'"):
        read_hive(data)
    hive = new_hive("R")
    hive.root.set(Value.dword("One", 1))
    hive.root.set(Value.dword("Two", 1))
    with pytest.raises(InvalidInput, match="a second value 'ONE' in key 'R'"):
        read_hive(write_hive(hive).replace(b"Two", b"ONE"))


def test_many_values_that_share_one_large_cell_cost_no_memory() -> None:
    # A thousand values that all point to the same 400 kB would be 400 MB.
    hive = new_hive("R", minor=3)
    hive.root.set(Value.binary("first", bytes(400_000)))
    for number in range(1000):
        hive.root.set(Value.binary(f"v{number}", b"12345678"))
    data = bytearray(write_hive(hive))
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    values = 4100 + struct.unpack_from("<I", data, root + 40)[0]
    offsets = struct.unpack_from("<1001I", data, values)
    large = struct.unpack_from("<II", data, 4100 + offsets[0] + 4)
    for each in offsets[1:]:
        struct.pack_into("<II", data, 4100 + each + 4, *large)
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="its cells overlap"):
        read_hive(bytes(data))
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_keys_nested_deeper_than_windows_allows_are_refused() -> None:
    # Each key's list points to a key in another cell: 600 of them, which no recursion would bear for long.
    hive = new_hive("R", minor=3)
    for number in range(600):
        hive.root.ensure(f"k{number:03}").ensure("x")
    data = bytearray(write_hive(hive))
    bins = memoryview(data)[4096:]
    root = struct.unpack_from("<I", data, 36)[0]
    index = struct.unpack_from("<I", bins, root + 4 + 28)[0]
    leaves = struct.unpack_from("<2I", bins, index + 8)
    keys = [
        struct.unpack_from("<I", bins, leaf + 8 + 8 * at)[0]
        for leaf, count in zip(leaves, (507, 93), strict=True)
        for at in range(count)
    ]
    # The root has the first key alone, and each key the next one instead of its own.
    struct.pack_into("<I", bins, root + 4 + 20, 1)
    first = struct.unpack_from("<I", bins, keys[-1] + 4 + 28)[0]
    struct.pack_into("<I", bins, first + 8, keys[0])
    struct.pack_into("<I", bins, root + 4 + 28, first)
    for key, after in pairwise(keys):
        struct.pack_into("<I", bins, struct.unpack_from("<I", bins, key + 4 + 28)[0] + 8, after)
    struct.pack_into("<II", bins, keys[-1] + 4 + 20, 0, 0)
    with pytest.raises(InvalidInput, match="keys are nested more than 512 deep"):
        read_hive(bytes(data))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_bytes_changed_anywhere_end_in_a_tree_or_an_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for at, value in changes:
        # Half of them where the records are: the large values fill most of the file.
        data[at if at % 2 else at % 9000] = value
    try:
        hive = read_hive(bytes(data))
    except InvalidInput:
        return
    written = write_hive(hive, force=True)
    assert len(written) < 2 * len(SAMPLE)
    assert [path for path, _ in read_hive(written).root.walk()] == [path for path, _ in hive.root.walk()]


@given(st.binary(max_size=300), st.integers(0, 8000))
def test_noise_inside_a_hive_ends_in_a_tree_or_an_error(noise: bytes, at: int) -> None:
    data = bytearray(SAMPLE)
    data[at : at + len(noise)] = noise
    with contextlib.suppress(InvalidInput, InvalidRequest):
        write_hive(read_hive(bytes(data)), force=True)


def test_lists_of_every_kind_are_read() -> None:
    # Entries of lf and li are an offset and a hint, and an offset; lf is what version 1.3 writes.
    hive = new_hive("R", minor=3)
    for name in ("A", "B", "C"):
        hive.root.ensure(name)
    data = bytearray(write_hive(hive))
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    at = 4100 + struct.unpack_from("<I", data, root + 28)[0]
    assert data[at : at + 2] == b"lf"
    assert data[at + 8 : at + 12] == b"A\0\0\0"
    keys = [struct.unpack_from("<I", data, at + 4 + 8 * index)[0] for index in range(3)]
    struct.pack_into("<2sH3I", data, at, b"li", 3, *keys)
    assert [key.name for key in read_hive(bytes(data)).root.subkeys] == ["A", "B", "C"]
    assert cells.checksum(bytes(508)) == 1
    assert cells.checksum(b"\xff\xff\xff\xff" + bytes(504)) == 0xFFFFFFFE
