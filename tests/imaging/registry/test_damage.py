"""Hives that lie: what can be read is, the rest is named, and never more memory is used than the file is worth."""

from __future__ import annotations

import contextlib
import re
import struct
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import hive as hive_judges
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.hive import Hive, Value
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
SEGMENTS = 4096 + struct.unpack_from("<I", SAMPLE, DATA + 4 + 4)[0]


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
        pytest.param(patched(36, "I", 0xFFFFFFFF), "its root: nowhere: no cell can be there", id="no root"),
        pytest.param(patched(36, "I", 0x24), "its root: offset 0x1024: no cell can be there", id="unaligned"),
        pytest.param(patched(ROOT, "i", -4), "its root: .*: the size of the cell cannot be", id="no cell"),
        pytest.param(patched(ROOT + 4, "2s", b"vk"), "its root: .*: no record nk", id="not a key"),
    ],
)
def test_what_is_no_hive_is_refused_with_the_place(harm: Callable[[bytearray], None], message: str) -> None:
    data = bytearray(SAMPLE)
    harm(data)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_hive(bytes(data), name="SOFTWARE")
    assert str(caught.value).startswith("SOFTWARE: ")


ALL = ["Key0", "Key1", "Key2"]
LARGE = (3, bytes(20000))
# What is warned of, which subkeys the root has then, and the value of Key0.  dissect.regf lists the same keys of each,
# but of those that end in an error there; hivexsh those that it opens at all.
HARMS: dict[str, tuple[Callable[[bytearray], None], str, list[str], bytes | None]] = {
    "no bins": (patched(40, "I", 0), "its header tells of 0 bytes of bins", ALL, LARGE[1]),
    "more bins than file": (patched(40, "I", 0x7FFFF000), "its header tells of 2147479552 bytes", ALL, LARGE[1]),
    "bin": (patched(4096, "4s", b"xbin"), "offset 0x1000: not a bin", ALL, LARGE[1]),
    "bin of no size": (patched(4104, "I", 0), "offset 0x1000: not a bin", ALL, LARGE[1]),
    "free": (patched(ROOT, "i", 88), "key 'ROOT': offset 0x1020: the cell is marked as free", ALL, LARGE[1]),
    "beyond the end": (patched(ROOT, "i", -0x7FFFFFF8), "key 'ROOT': offset 0x1020: .*size cannot be", ALL, LARGE[1]),
    "key name": (patched(ROOT + 76, "H", 60000), "key 'ROOT': the name 'ROOT' takes 60000 bytes", ALL, LARGE[1]),
    "count of subkeys": (patched(ROOT + 24, "I", 2), "key 'ROOT': it has 2 subkeys, its list 3", ALL, LARGE[1]),
    "huge list": (patched(LIST + 6, "H", 60000), "key 'ROOT': some subkeys are lost: .* 60000 entries", ALL, LARGE[1]),
    "not a list": (patched(LIST + 4, "2s", b"xx"), "key 'ROOT': its subkeys are lost: .*no record lh or lf", [], None),
    "no list": (patched(ROOT + 32, "I", 0x7FFFFFF8), "key 'ROOT': its subkeys are lost: .*no cell", [], None),
    "cycle": (
        patched(LIST + 16, "I", offset(ROOT)),
        "'ROOT' says that it is in another key",
        ["Key0", "Key2", "ROOT"],
        LARGE[1],
    ),
    "shared key": (patched(LIST + 16, "I", offset(KEY)), "a second key 'Key0'", ["Key0", "Key0", "Key2"], LARGE[1]),
    "lost key": (
        patched(LIST + 16, "I", 0x7FFFFFF8),
        "key 'ROOT': a subkey is lost: .*no cell",
        ["Key0", "Key2"],
        LARGE[1],
    ),
    "hash": (patched(LIST + 12, "I", 1), "key 'ROOT': its list has a wrong hash for 'Key0'", ALL, LARGE[1]),
    "order": (
        patched(
            LIST + 8,
            "4I",
            *struct.unpack_from("<4I", SAMPLE, LIST + 8)[2:],
            *struct.unpack_from("<2I", SAMPLE, LIST + 8),
        ),
        "key 'ROOT': its list is not sorted at 'Key0'",
        ALL,
        LARGE[1],
    ),
    "huge count": (
        patched(KEY + 40, "I", 1 << 30),
        "key 'Key0': some values are lost: .*1073741824 values",
        ALL,
        LARGE[1],
    ),
    "no values": (patched(KEY + 44, "I", 4), "key 'Key0': its values are lost: .*no cell", ALL, None),
    "class": (patched(KEY + 52, "I", 0xFFFFFFF8), "key 'Key0': its class name is lost: .*no cell", ALL, LARGE[1]),
    "long class": (
        patched(KEY + 78, "H", 600),
        "key 'Key0': its class name is lost: .*600 bytes do not fit",
        ALL,
        LARGE[1],
    ),
    "lost value": (patched(VALUES + 4, "I", 8), "key 'Key0': a value is lost: .*no cell", ALL, None),
    "value name": (patched(VALUE + 6, "H", 600), "key 'Key0': the name 'Large' takes 600 bytes", ALL, LARGE[1]),
    "inline": (patched(VALUE + 8, "II", 0x80000005, 0x44434241), "'Large' some data are lost: .*5 bytes", ALL, b"ABCD"),
    "huge data": (
        patched(VALUE + 8, "I", 0x7FFFFFFF),
        "'Large' some data are lost: .*cannot be in 2 segments",
        ALL,
        b"",
    ),
    "short data": (patched(VALUE + 8, "I", 40), "'Large' some data are lost: .*40 bytes do not fit", ALL, None),
    "not segments": (patched(DATA + 4, "2s", b"xx"), "'Large' some data are lost: .*nor in a list", ALL, b""),
    "lost segment": (patched(SEGMENTS + 8, "I", 4), "'Large' some data are lost: .*no cell", ALL, bytes(16344)),
    "security": (patched(SECURITY + 20, "I", 1 << 20), "key 'Key0': its security .* 1048576 bytes", ALL, LARGE[1]),
}


@pytest.mark.parametrize(("harm", "message", "subkeys", "data"), HARMS.values(), ids=HARMS)
def test_damage_is_told_with_its_key_and_the_rest_is_read(
    harm: Callable[[bytearray], None], message: str, subkeys: list[str], data: bytes | None
) -> None:
    file = bytearray(SAMPLE)
    harm(file)
    hive = read_hive(bytes(file), name="SOFTWARE")
    assert [key.name for key in hive.root.subkeys] == subkeys
    key = hive.root.child("Key0")
    value = None if key is None else key.value("Large")
    if data is not None:
        assert value is not None
        assert value.data == data
    assert any(re.search(message, text) for text in hive.warnings), hive.warnings
    assert all(text.startswith("SOFTWARE: ") for text in hive.warnings)
    # Every path through it comes to an end.
    assert len(list(hive.root.walk())) <= 7


@pytest.mark.foreign
@pytest.mark.parametrize("harm", [each[0] for each in HARMS.values()], ids=HARMS)
def test_what_others_list_of_a_damaged_hive_is_listed(harm: Callable[[bytearray], None], tmp_path: Path) -> None:
    file = bytearray(SAMPLE)
    harm(file)
    path = tmp_path / "hive"
    path.write_bytes(file)
    root = read_hive(bytes(file)).root
    for names, theirs in (("", hive_judges.hivexsh_list(path)), ("Key0", hive_judges.hivexsh_list(path, "Key0"))):
        key = root.find(names)
        assert theirs is None or (key is not None and sorted(theirs) == sorted(each.name for each in key.subkeys))
    theirs_too = hive_judges.dissect_list(bytes(file))
    assert theirs_too is None or theirs_too == sorted(each.name for each in root.subkeys)


def test_a_file_that_was_cut_off_is_named_as_such() -> None:
    for size in (0, 3, 4095, 4096):
        with pytest.raises(InvalidInput):
            read_hive(SAMPLE[:size])
    for size in (9000, len(SAMPLE) - 1):
        hive = read_hive(SAMPLE[:size])
        assert "bytes of bins; the file has" in hive.warnings[0]
        assert [key.name for key in hive.root.subkeys] == (ALL if size > 9000 else ALL[:1])


def test_two_keys_or_values_of_one_name_are_both_there() -> None:
    data = SAMPLE.replace(b"Key1", b"KEY0")
    hive = read_hive(data)
    assert [key.name for key in hive.root.subkeys] == ["Key0", "KEY0", "Key2"]
    first = hive.root.child("key0")
    assert first is not None
    assert first.name == "Key0"
    assert any("key 'ROOT': a second key 'KEY0'" in text for text in hive.warnings)
    assert hive.root.remove_child("KEY0")
    again = read_hive(write_hive(hive))
    assert [key.name for key in again.root.subkeys] == ["KEY0", "Key2"]
    made = new_hive("R")
    made.root.set(Value.dword("One", 1))
    made.root.set(Value.dword("Two", 2))
    hive = read_hive(write_hive(made).replace(b"Two", b"ONE"))
    assert [(value.name, value.as_integer()) for value in hive.root.values] == [("One", 1), ("ONE", 2)]
    assert any("key 'R': a second value 'ONE'" in text for text in hive.warnings)
    hive.root.set(Value.dword("one", 3))
    assert [each.as_integer() for each in read_hive(write_hive(hive)).root.values] == [3, 2]


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
    root_key = read_hive(bytes(data)).root
    with pytest.raises(InvalidInput, match="its cells overlap"):
        list(root_key.values)
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
    hive = read_hive(bytes(data))
    assert max(path.count("\\") for path, _ in hive.root.walk()) == 510
    # There are more faults than anybody would read.
    assert "more faults" in hive.warnings[-1]
    assert len(hive.warnings) < 210


@settings(max_examples=120)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_bytes_changed_anywhere_end_in_a_tree_or_an_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for at, value in changes:
        # Half of them where the records are: the large values fill most of the file.
        data[at if at % 2 else at % 9000] = value
    try:
        before = facts_of(read_hive(bytes(data)))
        hive = read_hive(bytes(data))
        hive.root.ensure("Added").set(Value.string("text", "x" * 50))
        written = write_hive(hive, force=hive.is_dirty)
    except (InvalidInput, InvalidRequest):
        return
    assert len(written) < 2 * len(SAMPLE)
    after = facts_of(read_hive(written))
    assert after.pop("Added") is not None
    # What could be read is all there, and as it was: a damaged hive is not rearranged.
    assert after == before


def facts_of(hive: Hive) -> dict[str, object]:
    return {
        path: (key.name, key.values, key.security, key.timestamp, key.flags, key.access, key.control, key.class_data)
        for path, key in hive.root.walk()
    }


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_hive_can_be_written_anew_with_what_can_be_read(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for at, value in changes:
        data[at % 9000] = value
    try:
        hive = read_hive(bytes(data))
        hive.root.set(Value.dword("x", 1))
        written = write_hive(hive, force=True)
    except (InvalidInput, InvalidRequest):
        return
    assert len(written) < 3 * len(SAMPLE)
    again = read_hive(written)
    assert again.root.value("x") == Value.dword("x", 1)


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
