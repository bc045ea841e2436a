"""Edits of a hive that was read: every other byte stays, no cell is lost, and programs of others read the result."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import hive as hive_judges
from judges.hive_cells import assert_sound
from judges.wim import CORPUS
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.hive import Hive, Key, Value, ValueType
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.security import descriptor
from osdimage.imaging.registry.write import new_hive, write_hive


def sample(minor: int = 5) -> bytes:
    hive = new_hive("ROOT", minor=minor)
    for number in range(4):
        key = hive.root.ensure(f"Key{number}")
        key.class_data = b"c\0l\0"
        key.ensure("Below").set(Value.string("Text", "some text"))
        key.set(Value.binary("Large", bytes(range(250)) * 80))
        key.set(Value.dword("Number", number))
    hive.root.ensure("Key3").security = descriptor(0x20019)
    return write_hive(hive)


def changed_bytes(old: bytes, new: bytes) -> list[int]:
    return [at for at in range(4096, len(old)) if old[at] != new[at]]


def key_of(hive: Hive, path: str) -> Key:
    found = hive.root.find(path)
    assert found is not None
    return found


def test_a_value_of_the_same_size_is_written_where_it_was() -> None:
    old = sample()
    hive = read_hive(old)
    key_of(hive, "Key1").set(Value.dword("Number", 0x01020304))
    new = write_hive(hive)
    assert len(new) == len(old)
    assert [new[at] for at in changed_bytes(old, new)] == [4, 3, 2, 1]
    hive = read_hive(old)
    key_of(hive, r"Key1\Below").set(Value.string("Text", "more text"))
    new = write_hive(hive)
    assert bytes(new[at] for at in changed_bytes(old, new)) == b"mr"
    assert_sound(new)


def test_a_larger_value_gets_a_new_cell_and_the_old_one_is_free_and_empty() -> None:
    hive = read_hive(sample())
    key_of(hive, r"Key1\Below").set(Value.string("Text", "a longer text than before"))
    new = write_hive(hive)
    assert_sound(new)
    assert new.count("some text".encode("utf-16-le")) == 3
    assert hive_judges.dissect(new)[r"Key1\Below"]["Text"] == (1, "a longer text than before\0".encode("utf-16-le"))


def test_a_key_is_deleted_with_all_its_cells() -> None:
    old = sample()
    hive = read_hive(old)
    assert hive.root.delete_key("Key1")
    assert hive.root.delete_key("Key3")
    new = write_hive(hive)
    assert_sound(new)
    assert len(new) == len(old)
    assert set(hive_judges.dissect(new)) == {"", "Key0", r"Key0\Below", "Key2", r"Key2\Below"}
    # The descriptor of Key3 is gone with it.
    assert new.count(descriptor(0x20019)) == 0


# What nobody here understands: bits of flags, fields that are spare, the stub of a layered key, a name for debugging.
def test_what_is_not_understood_stays() -> None:
    data = bytearray(sample())
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    listed = 4100 + struct.unpack_from("<I", data, root + 28)[0]
    key = 4100 + struct.unpack_from("<I", data, listed + 4)[0]
    struct.pack_into("<H", data, key + 2, 0xFF80 | 0x20)
    struct.pack_into("<I", data, key + 12, 0xDEADBEEF)
    struct.pack_into("<I", data, key + 24, 77)
    struct.pack_into("<I", data, key + 68, 0x1234ABCD)
    values = 4100 + struct.unpack_from("<I", data, key + 40)[0]
    value = 4100 + struct.unpack_from("<2I", data, values)[1]
    # A tombstone with data, a spare field that is none.
    struct.pack_into("<HH", data, value + 16, 0x8003, 0x4321)
    hive = read_hive(bytes(data))
    key_of(hive, "Key2").set(Value.dword("New", 1))
    key_of(hive, "Key0").ensure("New")
    new = write_hive(hive)
    fixed = [
        *range(key + 2, key + 4),
        *range(key + 12, key + 16),
        *range(key + 24, key + 28),
        *range(key + 68, key + 72),
    ]
    assert [new[at] for at in fixed] == [data[at] for at in fixed]
    assert new[value : value + 20] == data[value : value + 20]
    assert_sound(new)


def test_a_tombstone_keeps_its_data() -> None:
    hive = new_hive("R")
    hive.root.set(Value("Marked", ValueType.DWORD, b"\x44\x33\x22\x11", flags=2))
    hive.root.set(Value("Empty", ValueType.NONE, b"", flags=2))
    again = read_hive(write_hive(hive))
    assert again.root.values == hive.root.values
    path = CORPUS / "hostile2" / "tombstone-with-data.hive"
    if not path.exists():
        pytest.skip("the corpus is not there")
    hive = read_hive(path.read_bytes())
    hive.root.ensure("Select").set(Value.dword("Current", 2))
    key = key_of(read_hive(write_hive(hive)), "K")
    assert key.value("Marked") == Value("Marked", ValueType.DWORD, b"\x44\x33\x22\x11", flags=2)
    five = key.value("Five")
    assert five is not None
    assert len(five.data) == 5


def test_what_two_values_share_stays_whole_for_the_other() -> None:
    data = bytearray(sample(minor=3))
    hive = read_hive(bytes(data))
    records = []
    for number in (0, 1):
        stored = key_of(hive, rf"Key{number}\Below").values
        assert stored
        slot = key_of(hive, rf"Key{number}\Below").stored
        assert slot is not None
        records.append(4100 + slot.values[0].offset)
    # Both point to the data of the second one.
    data[records[0] + 8 : records[0] + 12] = data[records[1] + 8 : records[1] + 12]
    for text in ("other txt", "a text that needs a larger cell"):
        hive = read_hive(bytes(data))
        key_of(hive, r"Key0\Below").set(Value.string("Text", text))
        again = read_hive(write_hive(hive))
        assert key_of(again, r"Key0\Below").value("Text") == Value.string("Text", text)
        assert key_of(again, r"Key1\Below").value("Text") == Value.string("Text", "some text")
    hive = read_hive(bytes(data))
    hive.root.delete_key("Key0")
    assert key_of(read_hive(write_hive(hive)), r"Key1\Below").value("Text") == Value.string("Text", "some text")


def test_a_list_that_cannot_be_read_is_not_written_unless_by_force() -> None:
    data = bytearray(sample())
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    struct.pack_into("<I", data, root + 28, 4)
    hive = read_hive(bytes(data), name="SOFTWARE")
    hive.root.set(Value.dword("Fine", 1))
    assert read_hive(write_hive(hive)).root.value("Fine") == Value.dword("Fine", 1)
    hive.root.ensure("New")
    with pytest.raises(
        InvalidInput, match=r"SOFTWARE: damaged hive: key 'ROOT': .*would lose what cannot be read"
    ) as caught:
        write_hive(hive)
    assert "force writes the hive anew" in str(caught.value)
    assert [key.name for key in read_hive(write_hive(hive, force=True)).root.subkeys] == ["New"]


def test_long_lists_are_changed_in_their_middle() -> None:
    hive = new_hive("R")
    for number in range(0, 2200, 2):
        hive.root.ensure(f"k{number:05}")
    hive = read_hive(write_hive(hive))
    for number in (1, 777, 1501, 2199):
        hive.root.ensure(f"k{number:05}").set(Value.dword("n", number))
    for number in (0, 1000, 2198):
        hive.root.delete_key(f"k{number:05}")
    new = write_hive(hive)
    assert_sound(new)
    names = [key.name for key in hive.root.subkeys]
    assert len(names) == 1100 + 4 - 3
    assert list(hive_judges.dissect(new))[1:] == names


names = st.sampled_from(["a", "B", "c\u00e9", "\u03a9", "Key", "x" * 40])
contents = st.one_of(st.binary(max_size=12), st.sampled_from([bytes(100), bytes(16344), bytes(16345), bytes(40000)]))
operations = st.one_of(
    st.tuples(st.just("set"), st.lists(names, max_size=3), names, contents),
    st.tuples(st.just("unset"), st.lists(names, max_size=3), names, st.none()),
    st.tuples(st.just("delete"), st.lists(names, min_size=1, max_size=3), st.none(), st.none()),
    st.tuples(
        st.just("class"),
        st.lists(names, min_size=1, max_size=2),
        st.none(),
        st.text("abc", max_size=3).map(lambda text: text.encode("utf-16-le")),
    ),
    st.tuples(st.just("security"), st.lists(names, min_size=1, max_size=2), st.none(), st.integers(1, 3)),
)


def do(hive: Hive, operation: tuple[str, list[str], str | None, object]) -> None:
    what, path, name, data = operation
    where = "\\".join(path)
    if what == "set":
        hive.root.ensure(where).set(Value(name or "", 3, bytes(data)))  # type: ignore[call-overload]
    elif what == "delete":
        hive.root.delete_key(where)
    elif (key := hive.root.find(where)) is not None:
        if what == "unset":
            key.delete_value(name or "")
        elif what == "class":
            key.class_data = bytes(data)  # type: ignore[call-overload]
        else:
            key.security = descriptor(int(data))  # type: ignore[call-overload]


def facts(hive: Hive) -> list[tuple[object, ...]]:
    return [
        (path, key.name, sorted(key.values, key=repr), key.security, key.class_data) for path, key in hive.root.walk()
    ]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([3, 5]), st.lists(st.lists(operations, max_size=6), min_size=1, max_size=4))
def test_any_edits_give_what_a_new_hive_would_hold(
    minor: int, rounds: list[list[tuple[str, list[str], str | None, object]]]
) -> None:
    made = new_hive("R", minor=minor)
    data = write_hive(made)
    for some in rounds:
        hive = read_hive(data)
        for operation in some:
            do(made, operation)
            do(hive, operation)
        data = write_hive(hive)
        assert_sound(data)
        assert facts(read_hive(data)) == facts(made)
    theirs = hive_judges.dissect(data)
    assert {path: set(values) for path, values in theirs.items()} == {
        path: {value.name for value in key.values} for path, key in made.root.walk()
    }


@pytest.mark.foreign
def test_hivexsh_reads_and_changes_what_was_edited(tmp_path: Path) -> None:
    hive = read_hive(sample(minor=3))
    hive.root.ensure(r"Key1\New\Deep").set(Value.string("Text", "new"))
    hive.root.delete_key("Key2")
    path = tmp_path / "hive"
    path.write_bytes(write_hive(hive))
    expected = {
        where: {each.name: (int(each.type), each.data) for each in key.values} for where, key in hive.root.walk()
    }
    assert hive_judges.hivexml(path) == expected
    hive_judges.hivexsh(path, r"cd \Key1\New", "add More", "commit")
    assert read_hive(path.read_bytes()).root.find(r"Key1\New\More") is not None


def test_a_large_hive_is_read_and_changed_in_the_memory_of_its_file() -> None:
    hive = new_hive("R")
    for number in range(400):
        key = hive.root.ensure(rf"Classes\group{number // 50}\{number:08}")
        key.set(Value.string("Text", "some text of some length"))
        key.set(Value.binary("Data", bytes(4000)))
    data = write_hive(hive)
    del hive, key
    tracemalloc.start()
    hive = read_hive(data)
    key_of(hive, r"Classes\group7\00000377")
    assert tracemalloc.get_traced_memory()[1] < len(data) // 4
    for _, each in hive.root.walk():
        assert len(each.values) in {0, 2}
    assert tracemalloc.get_traced_memory()[1] < len(data) // 2
    key_of(hive, r"Classes\group7\00000377").set(Value.string("Text", "x"))
    new = write_hive(hive)
    assert tracemalloc.get_traced_memory()[1] < len(data) * 3 // 2
    tracemalloc.stop()
    assert len(new) == len(data)


def test_a_cell_that_claims_its_neighbours_is_not_wiped_with_them() -> None:
    # The list of Key1 says that it is larger than it is, and so reaches over what is behind it.
    data = bytearray(sample())
    stored = key_of(read_hive(bytes(data)), "Key1").stored
    assert stored is not None
    listed = 4096 + stored.fields[7]
    struct.pack_into("<i", data, listed, -400)
    before = {path: key.values for path, key in read_hive(bytes(data)).root.walk()}
    for change in ("New", "Below"):
        hive = read_hive(bytes(data))
        key = key_of(hive, "Key1")
        assert key.remove_child(change) or key.ensure(change)
        after = {path: each.values for path, each in read_hive(write_hive(hive)).root.walk()}
        changed = {rf"Key1\{change}"}
        assert {each: after.get(each) for each in before.keys() - changed} == {
            each: before[each] for each in before.keys() - changed
        }
