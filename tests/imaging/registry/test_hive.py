"""Hives: what programs of others read of ours, what we read of theirs, and what an edit keeps."""

from __future__ import annotations

import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import hive as hive_judges
from judges.wim import require
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.registry import cells
from osdimage.imaging.registry import names as hive_names
from osdimage.imaging.registry.hive import Hive, Key, Value, ValueType
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.security import KEY_ALL_ACCESS, descriptor
from osdimage.imaging.registry.write import new_hive, write_hive

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

EVERY_TYPE = [
    Value.string("", "the default"),
    Value.string("text", "Grüße"),
    Value.expand_string("expanded", r"%SystemRoot%\x"),
    Value.multi_string("list", ["one", "two"]),
    Value.dword("number", 0xFEDCBA98),
    Value.qword("long", 1 << 40),
    Value.binary("bytes", bytes(range(256))),
    Value.binary("none at all", b""),
    Value.binary("four", b"1234"),
    Value.binary("five", b"12345"),
    Value("untyped", ValueType.NONE, b"xy"),
    Value("Ωμέγα", ValueType.BINARY, b"a name in UTF-16"),
]


def tree_of(hive: Hive) -> hive_judges.Tree:
    return {path: {value.name: (int(value.type), value.data) for value in key.values} for path, key in hive.root.walk()}


def facts_of(hive: Hive) -> list[object]:
    return [
        (
            path,
            key.name,
            key.values,
            key.security,
            key.timestamp,
            key.flags,
            key.access,
            key.control,
            key.class_data,
            key.predefined,
        )
        for path, key in hive.root.walk()
    ]


def full(minor: int) -> Hive:
    hive = new_hive("ROOT", file_name=r"\Windows\System32\config\TEST", minor=minor, now=NOW)
    key = hive.root.ensure("Software\\Größe Ω")
    for value in EVERY_TYPE:
        key.set(value)
    key.class_data = "A class".encode("utf-16-le")
    # Above 16344 bytes version 1.4 and later use segments: one byte into the second, and three whole ones.
    key.set(Value.binary("segments 2", bytes(16345)))
    key.set(Value.binary("segments 3", bytes(range(256)) * 180))
    many = hive.root.ensure("Many")
    # reged passes over keys whose names take two bytes a character.
    many.set(Value.dword("number", 0xFEDCBA98))
    for number in range(1100):
        many.ensure(f"k{number}")
    return hive


@pytest.mark.foreign
@pytest.mark.parametrize("minor", [3, 4, 5, 6])
@pytest.mark.parametrize("judge", hive_judges.READERS)
def test_every_type_big_data_and_long_lists_are_read_by(judge: str, minor: int, tmp_path: Path) -> None:
    if judge == "hivexml" and minor == 6:
        pytest.skip("libhivex knows no version 1.6")
    if judge == "dissect.regf" and minor == 4:
        pytest.skip("dissect.regf looks for segments from version 1.5 on; Windows (CM_BIG_DATA) from 1.4")
    hive = full(minor)
    path = tmp_path / "hive"
    path.write_bytes(write_hive(hive))
    assert hive_judges.READERS[judge](path) == tree_of(hive)


@pytest.mark.foreign
@pytest.mark.parametrize("minor", [3, 5])
def test_regfinfo_reged_hivexregedit_and_regipy_read_it(minor: int, tmp_path: Path) -> None:
    hive = full(minor)
    path = tmp_path / "hive"
    path.write_bytes(write_hive(hive))
    assert f"Version:\t1.{minor}" in hive_judges.regfinfo(path).replace("\t\t", "\t")
    exported = hive_judges.reged_export(path, tmp_path)
    assert '"number"=dword:fedcba98' in exported
    assert "[HKEY_X\\Many\\k1099]" in exported
    listed = hive_judges.hivexregedit_export(path)
    assert '"list"=hex(7):6f,00,6e,00,65,00,00,00,74,00,77,00,6f,00,00,00,00,00' in listed
    assert hive_judges.regipy_paths(path) == set(tree_of(hive))


@pytest.mark.foreign
def test_hivexsh_adds_to_a_hive_of_ours_and_we_read_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "hive"
    hive = new_hive("ROOT", minor=3)
    for name in ("Alpha", "Beta", "Omega"):
        hive.root.ensure(name).set(Value.dword("n", 1))
    path.write_bytes(write_hive(hive))
    hive_judges.hivexsh(
        path,
        r"cd \Beta",
        "add Gamma",
        r"cd \Beta\Gamma",
        "setval 2",
        "Text",
        "string:from hivexsh",
        "N",
        "dword:77",
        "commit",
    )
    read = read_hive(path.read_bytes())
    assert not read.is_dirty
    key = read.root.find(r"beta\GAMMA")
    assert key is not None
    assert {value.name: value.data for value in key.values} == {
        "Text": "from hivexsh\0".encode("utf-16-le"),
        "N": struct.pack("<I", 77),
    }
    # And what we make of that is still read by it.
    key.ensure("Delta").set(Value.string("x", "y"))
    path.write_bytes(write_hive(read))
    assert hive_judges.hivexml(path) == tree_of(read)


@pytest.mark.foreign
def test_upper_case_is_that_of_ntfs(tmp_path: Path) -> None:
    # mkntfs writes the table of Windows 7 and later into $UpCase, file 10 of the MFT.
    volume = tmp_path / "volume"
    with volume.open("wb") as file:
        file.truncate(2 << 20)
    subprocess.run([require("mkntfs"), "-q", "-F", "-Q", volume], check=True, capture_output=True)
    table = subprocess.run([require("ntfscat"), "-i", "10", volume], check=True, capture_output=True).stdout
    for unit, (upper,) in enumerate(struct.iter_unpack("<H", table)):
        assert hive_names.UPPER.get(unit, unit) == upper, hex(unit)


@pytest.mark.parametrize(
    ("name", "number"),
    # From the lh lists of a SYSTEM hive that Windows 7 wrote.
    [("ControlSet001", 0x8F3BA9A2), ("MountedDevices", 0xFC7A072B), ("Select", 0x5F0024A0), ("Setup", 0x097CB881)],
)
def test_hashes_are_those_of_windows(name: str, number: int) -> None:
    assert hive_names.hash_of(hive_names.fold(name)) == number


def test_names_are_compared_without_case_and_unit_by_unit() -> None:
    assert hive_names.fold("straße") == "STRAßE"
    assert hive_names.fold("\u03bc") == "\u039c"
    # The micro sign has no upper case in Windows.
    assert hive_names.fold("\u00b5") == "\u00b5"
    # Beyond the BMP a name sorts by its surrogates, below U+FFFD.
    assert hive_names.fold("\U0001f600") < hive_names.fold("\ufffd")
    hive = new_hive("R")
    hive.root.ensure("Größe")
    assert hive.root.find("gRÖSSE") is None
    assert hive.root.find("GRÖßE") is hive.root.subkeys[0]


def test_records_of_struct_are_those_of_the_declarations() -> None:
    for declared, record in [
        (cells.KEY_STRUCT, cells.KEY),
        (cells.VALUE_STRUCT, cells.VALUE),
        (cells.SECURITY_STRUCT, cells.SECURITY),
        (cells.BIG_DATA_STRUCT, cells.BIG_DATA),
    ]:
        data = bytes(range(1, record.size + 1))
        parsed = declared.parse(data)
        assert declared.sizeof() == record.size
        assert tuple(parsed[field.name] for field in declared.subcons) == record.unpack(data)


def test_records_have_the_sizes_and_offsets_of_the_specification() -> None:
    # Offsets of "Windows registry file format specification": key node, key value, key security.
    assert (cells.KEY.size, cells.VALUE.size, cells.SECURITY.size) == (76, 20, 20)
    data = write_hive(full(5))
    assert data[:4] == b"regf"
    assert struct.unpack_from("<II", data, 4) == (1, 1)
    root = 4096 + struct.unpack_from("<I", data, 36)[0]
    assert struct.unpack_from("<i", data, root)[0] < 0
    # KEY_HIVE_ENTRY, KEY_NO_DELETE, KEY_COMP_NAME.
    assert struct.unpack_from("<2sH", data, root + 4) == (b"nk", 0x2C)
    assert data[root + 4 + 76 : root + 4 + 80] == b"ROOT"
    total = 0
    for (word,) in struct.iter_unpack("<I", data[:508]):
        total ^= word
    assert struct.unpack_from("<I", data, 508)[0] == total
    assert data[48:112].decode("utf-16-le").rstrip("\0") == r"\Windows\System32\config\TEST"


def test_security_cells_are_a_ring_with_exact_counts() -> None:
    hive = new_hive("R")
    other = descriptor(0x20019)
    hive.root.ensure("A")
    hive.root.ensure("B").security = other
    hive.root.ensure("C").security = other
    data = write_hive(hive)
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    first = struct.unpack_from("<I", data, root + 44)[0]
    seen = {}
    at = first
    while at not in seen:
        magic, _, forward, back, count, size = struct.unpack_from("<2sHIIIII"[:8], data, 4100 + at)
        assert magic == b"sk"
        seen[at] = (count, data[4120 + at : 4120 + at + size])
        assert struct.unpack_from("<I", data, 4100 + forward + 8)[0] == at
        del back
        at = forward
    assert at == first
    assert sorted(seen.values()) == sorted([(2, hive.root.security), (2, other)])


def test_an_edit_keeps_everything_else() -> None:
    hive = full(5)
    odd = hive.root.ensure("Odd")
    odd.flags, odd.access, odd.control, odd.timestamp = 0x1190, 0x80000302, 0x0231, 0x01D9ABCDEF012345
    odd.class_data, odd.security = b"odd", descriptor(KEY_ALL_ACCESS, 0x20019)
    odd.set(Value("tombstone", 0, b"", flags=2))
    odd.set(Value("rid", 0x000003E9, b""))
    link = hive.root.ensure("Link")
    link.flags = 0x10
    link.set(Value("SymbolicLinkValue", ValueType.LINK, r"\Registry\Machine".encode("utf-16-le")))
    handle = hive.root.ensure("Handle")
    handle.flags, handle.predefined = 0x40, 0x80000001
    header = bytearray(hive.header)
    header[112:176] = bytes(range(64))
    header[2000:2010] = b"thawing..."
    hive.header = bytes(header)
    before = read_hive(write_hive(hive))
    facts = facts_of(before)
    edited = read_hive(write_hive(hive))
    edited.root.ensure("Added").set(Value.dword("x", 1))
    after = read_hive(write_hive(edited))
    assert [each for each in facts_of(after) if each[0] != "Added"] == facts
    changed = {at for at in range(4096) if before.header[at] != after.header[at]}
    # Sequence numbers, length, root, checksum: nothing else of the first block.
    assert changed <= {*range(4, 12), *range(36, 44), *range(508, 512)}


def test_times_move_only_where_something_changed_and_only_when_asked() -> None:
    hive = new_hive("R", now=NOW)
    hive.root.ensure("A").ensure("Deep")
    hive.root.ensure("B").set(Value.dword("x", 1))
    hive = read_hive(write_hive(hive, now=NOW))
    assert hive.root.modified == NOW
    deep = hive.root.find(r"a\deep")
    assert deep is not None
    deep.set(Value.dword("y", 2))
    same = hive.root.find("B")
    assert same is not None
    same.set(Value.dword("x", 1))
    later = datetime(2025, 1, 1, tzinfo=UTC)
    read = read_hive(write_hive(hive, now=later))
    times = {path: key.modified for path, key in read.root.walk()}
    assert times == {"": NOW, "A": NOW, r"A\Deep": later, "B": NOW}
    assert {key.modified for _, key in read_hive(write_hive(hive)).root.walk()} == {NOW}


def test_the_same_tree_gives_the_same_bytes() -> None:
    assert write_hive(full(5)) == write_hive(full(5))
    once = write_hive(full(5))
    again = write_hive(read_hive(once))
    assert again[4096:] == once[4096:]


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        pytest.param(4, 9, "its sequence numbers are 9 and 1", id="sequence"),
        pytest.param(508, 9, "the checksum of its first block is wrong", id="checksum"),
    ],
)
def test_a_dirty_hive_is_read_with_a_warning_and_written_only_by_force(at: int, value: int, message: str) -> None:
    data = bytearray(write_hive(full(5)))
    struct.pack_into("<I", data, at, value)
    if at == 4:
        struct.pack_into("<I", data, 508, cells.checksum(bytes(data[:4096])))
    hive = read_hive(bytes(data), name="SYSTEM")
    assert hive.is_dirty
    assert message in hive.warnings[0]
    assert tree_of(hive) == tree_of(full(5))
    with pytest.raises(TargetRefused, match=r"SYSTEM: dirty: .*log files"):
        write_hive(hive)
    forced = read_hive(write_hive(hive, force=True))
    assert not forced.is_dirty
    assert struct.unpack_from("<I", forced.header, 4)[0] == max(value if at == 4 else 1, 1) + 1


def test_typed_readings() -> None:
    assert Value.string("x", "téxt").as_string() == "téxt"
    assert Value("x", ValueType.SZ, b"a\0b").as_string() == "a"
    assert Value.multi_string("x", ["a", "b"]).as_strings() == ("a", "b")
    assert Value("x", ValueType.MULTI_SZ, "a\0b".encode("utf-16-le")).as_strings() == ("a", "b")
    assert Value.dword("x", 5).as_integer() == 5
    assert Value("x", ValueType.DWORD_BIG_ENDIAN, b"\0\0\1\0").as_integer() == 256
    assert Value.qword("x", 1 << 63).as_integer() == 1 << 63
    assert Value("x", 0x1234, b"").type_name == "0x00001234"
    for read in (Value.as_string, Value.as_strings, Value.as_integer):
        with pytest.raises(InvalidInput, match="value 'x' is REG_BINARY"):
            read(Value.binary("x", b""))
    with pytest.raises(InvalidInput, match="REG_DWORD of 3 bytes"):
        Value("x", ValueType.DWORD, b"123").as_integer()


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        pytest.param(lambda key: key.ensure("x" * 256), "at most 255", id="long key"),
        pytest.param(lambda key: key.set(Value.dword("x" * 16384, 1)), "at most 16383", id="long value"),
        pytest.param(lambda key: key.set(Value("x", 1 << 32, b"")), "cannot be stored", id="type"),
        pytest.param(lambda key: key.delete_key(""), "root of a hive cannot be deleted", id="root"),
        pytest.param(lambda _: Value.dword("x", 1 << 32), "0 to 4294967295", id="number"),
        pytest.param(lambda _: Value.multi_string("x", ["a", ""]), "cannot hold an empty one", id="empty in a list"),
        pytest.param(lambda _: new_hive("x", minor=2), "valid are 1.3 to 1.6", id="version"),
    ],
)
def test_what_cannot_be_is_refused(attempt: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        attempt(Key("k"))  # type: ignore[operator]


def test_keys_and_values_are_found_replaced_and_deleted_whatever_their_case() -> None:
    hive = new_hive("R")
    hive.root.ensure(r"One\Two").set(Value.dword("Name", 1))
    key = hive.root.find(r"\one\TWO")
    assert key is not None
    key.set(Value.dword("NAME", 2))
    assert [(value.name, value.as_integer()) for value in key.values] == [("NAME", 2)]
    assert key.delete_value("name")
    assert not key.delete_value("name")
    assert hive.root.delete_key(r"ONE\two")
    assert not hive.root.delete_key(r"ONE\two")
    assert not hive.root.delete_key(r"nothing\here")
    assert hive.root.ensure("one").name == "One"
    assert repr(hive.root) == "Key('R', 1 subkeys, 0 values)"


def test_keys_nested_deeper_than_windows_allows_are_refused() -> None:
    hive = new_hive("R")
    hive.root.ensure("\\".join("d" * 511))
    assert read_hive(write_hive(hive)).root.find("\\".join("d" * 511)) is not None
    hive.root.ensure("\\".join("d" * 512))
    with pytest.raises(InvalidRequest, match="nested more than 512 deep"):
        write_hive(hive)


names = st.text(st.characters(exclude_characters="\\", exclude_categories=()), min_size=1, max_size=12)
values = st.builds(
    Value,
    st.one_of(st.just(""), names),
    st.one_of(st.integers(0, 12), st.integers(0, 0xFFFFFFFF)),
    st.one_of(st.binary(max_size=40), st.integers(16340, 33000).map(bytes)),
    st.sampled_from([0, 0x10]),
)


@settings(max_examples=60)
@given(
    st.sampled_from([3, 4, 5, 6]),
    st.lists(st.tuples(st.lists(names, max_size=4), st.lists(values, max_size=4), st.binary(max_size=9)), max_size=8),
)
def test_any_tree_comes_back(minor: int, branches: list[tuple[list[str], list[Value], bytes]]) -> None:
    hive = new_hive("R", minor=minor)
    for path, contents, odd in branches:
        key = hive.root
        for name in path:
            key = key.ensure(name)
        for value in contents:
            key.set(value)
        key.class_data = odd
        key.security = descriptor(len(odd))
        key.timestamp = len(odd) << 40
    read = read_hive(write_hive(hive))
    assert facts_of(read) == facts_of(hive)
    assert not read.is_dirty
