"""Registration files: what regedit writes, what it reads, and what programs of others make of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import hive as hive_judges
from judges.wim import output
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.registry import reg_file
from osdimage.imaging.registry.edits import (
    clear_mounted_devices,
    data_text,
    export_keys,
    find_key,
    hive_path,
    import_edits,
    local_path,
    registry_prefix,
    value_lines,
)
from osdimage.imaging.registry.hive import Hive, Key, Value, ValueType
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.reg_file import (
    Edit,
    LeftOut,
    encode_reg,
    format_reg,
    format_value,
    parse_reg,
    read_reg,
    reg_lines,
)
from osdimage.imaging.registry.write import new_hive, write_hive

PREFIX = r"HKEY_LOCAL_MACHINE\SYSTEM"

# As regedit of Windows 10 exports it: hexadecimal data continue after two blanks, backslashes and quotes are doubled.
EXPORTED = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\Setup]
"CmdLine"="oobe\\windeploy.exe"
"SetupType"=dword:00000002
@="say \"hello\""
"OsLoaderPath"="\\"
"Long"=hex(b):00,00,00,00,00,01,00,00
"None"=hex(0):
"Path"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,74,\
  00,25,00,00,00
"List"=hex(7):61,00,00,00,62,00,00,00,00,00
"Blob"=hex:01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\
  17,18,19,1a,1b,1c
"Odd"=hex(ffff0012):61,00

[HKEY_LOCAL_MACHINE\SYSTEM\Setup\Empty]

"""
VALUES = (
    Value.string("CmdLine", r"oobe\windeploy.exe"),
    Value.dword("SetupType", 2),
    Value.string("", 'say "hello"'),
    Value.string("OsLoaderPath", "\\"),
    Value.qword("Long", 1 << 40),
    Value("None", ValueType.NONE, b""),
    Value.expand_string("Path", "%SystemRoot%"),
    Value.multi_string("List", ["a", "b"]),
    Value.binary("Blob", bytes(range(1, 29))),
    Value("Odd", 0xFFFF0012, b"a\0"),
)


def exported() -> bytes:
    return encode_reg(EXPORTED.replace("\n", "\r\n"))


def setup_hive() -> Hive:
    hive = new_hive("SYSTEM")
    for value in VALUES:
        hive.root.ensure("Setup").set(value)
    hive.root.ensure(r"Setup\Empty")
    return hive


def test_what_regedit_exports_is_read() -> None:
    edits = parse_reg(exported())
    key = PREFIX + r"\Setup"
    assert [(edit.key, edit.value) for edit in edits] == [
        (key, None),
        *((key, value) for value in VALUES),
        (key + r"\Empty", None),
    ]
    hive = new_hive("SYSTEM")
    report = import_edits(hive, edits, PREFIX)
    assert (report.keys_added, report.values_set) == (2, 10)
    assert dict(hive.root.walk())["Setup"].values == VALUES
    assert import_edits(hive, edits, PREFIX).is_empty


def test_it_is_written_as_regedit_writes_it() -> None:
    text = format_reg(export_keys(setup_hive(), "Setup", PREFIX))
    assert text.replace("\r\n", "\n") == EXPORTED
    assert encode_reg(text) == exported()


@pytest.mark.foreign
def test_hivexregedit_merges_what_we_export_and_we_import_what_it_exports(tmp_path: Path) -> None:
    empty, registration = tmp_path / "hive", tmp_path / "file.reg"
    empty.write_bytes(write_hive(new_hive("SYSTEM")))
    # It reads no UTF-16.
    text = format_reg(export_keys(setup_hive(), "", PREFIX))
    registration.write_text(text.replace("\r\n", "\n"), encoding="utf-8")
    output("hivexregedit", "--merge", "--prefix", PREFIX, empty, registration)
    merged = read_hive(empty.read_bytes())
    key = merged.root.find("Setup")
    assert key is not None
    assert {value.name: value for value in key.values} == {value.name: value for value in VALUES}
    printed = output("hivexregedit", "--export", "--prefix", PREFIX, "--max-depth", "5", empty, "\\")
    again = new_hive("SYSTEM")
    import_edits(again, parse_reg(printed.encode()), PREFIX)
    assert {path: set(each.values) for path, each in again.root.walk()} == {
        path: set(each.values) for path, each in merged.root.walk()
    }


@pytest.mark.foreign
def test_reged_imports_what_we_export(tmp_path: Path) -> None:
    # chntpw's reged adds keys and values, and leaves with 2 when it changed the hive.
    hive = new_hive("SYSTEM", minor=3)
    hive.root.ensure("Setup")
    path, registration = tmp_path / "hive", tmp_path / "file.reg"
    path.write_bytes(write_hive(hive))
    registration.write_bytes(encode_reg(format_reg(export_keys(setup_hive(), "Setup", PREFIX))))
    output("reged", "-I", "-C", path, PREFIX, registration, code=None)
    key = read_hive(path.read_bytes()).root.find("Setup")
    assert key is not None
    number = key.value("SetupType")
    assert number is not None
    assert number.as_integer() == 2
    command = key.value("CmdLine")
    assert command is not None
    assert command.as_string() == r"oobe\windeploy.exe"


def test_keys_and_values_are_deleted() -> None:
    hive = setup_hive()
    hive.root.ensure(r"Gone\Deep").set(Value.dword("x", 1))
    text = (
        "Windows Registry Editor Version 5.00\n\n; a comment\n"
        '[-HKEY_LOCAL_MACHINE\\SYSTEM\\Gone]\n"ignored"=dword:1\n'
        "[-HKLM\\System\\Never]\n"
        '[HKEY_LOCAL_MACHINE\\system\\setup]\n"CMDLINE"=-\n@=-\n"never"=-\n"SetupType"=dword:5 ; changed\n'
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\Nowhere]\n"
    )
    report = import_edits(hive, parse_reg(text.encode()), PREFIX)
    assert (report.keys_added, report.keys_deleted, report.values_set, report.values_deleted) == (1, 1, 1, 2)
    assert hive.root.find("Gone") is None
    key = hive.root.find("Setup")
    assert key is not None
    assert key.value("CmdLine") is None
    assert key.value("") is None
    assert key.value("SetupType") == Value.dword("SetupType", 5)


def test_regedit4_is_in_a_code_page() -> None:
    data = b'REGEDIT4\r\n\r\n[HKEY_USERS\\.DEFAULT\\S\xe4tze]\r\n"a"="\xf6"\r\n"b"=hex(2):25,e4,25,00\r\n"c"=hex:e4\r\n'
    edits = parse_reg(data)
    assert edits[0].key == "HKEY_USERS\\.DEFAULT\\Sätze"
    assert [edit.value for edit in edits[1:]] == [
        Value.string("a", "ö"),
        Value.expand_string("b", "%ä%"),
        Value.binary("c", b"\xe4"),
    ]
    assert parse_reg(data, code_page="cp1251")[1].value == Value.string("a", "ц")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "utf-16-be-mark", "cp1252"])
def test_version_5_is_read_in_any_encoding_that_editors_save(encoding: str) -> None:
    text = 'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_X\\k]\r\n"a"="ö"\r\n'
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-mark" else text.encode(encoding)
    assert parse_reg(data)[-1].value == Value.string("a", "ö")


# As Wine's regedit reads them: programs/regedit/regproc.c, eol_backslash_state and hex_multiline_state.
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('"a"=hex:01,02,\\\n; comment\n  03', id="between the lines"),
        pytest.param('"a"=hex:01,\\;comment\n  02,\\ ; comment\n  03', id="behind the backslash"),
        pytest.param('"a"=hex:01,02,\\\n\n  \n  03 ; not \\', id="empty lines"),
    ],
)
def test_hexadecimal_data_are_continued_behind_comments(lines: str) -> None:
    edits = parse_reg(f'REGEDIT4\n[HKEY_X]\n{lines}\n"z"=dword:1\n'.encode())
    assert [each.value for each in edits[1:]] == [Value.binary("a", b"\1\2\3"), Value.dword("z", 1)]


def test_texts_hold_line_ends_quotes_and_what_looks_like_statements() -> None:
    text = 'first\r\n[HKEY_X\\no key]\r\n\r\n; "no comment"\r\nlast \\"quoted\\'
    # As regedit exports it; ours are hex(1), of which nobody takes a line for a statement.
    line = '"a\\\\b"="' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert "\r\n[" not in format_value(Value.string("a\\b", text))
    data = f'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_X]\r\n{line}\r\n"next"=dword:1\r\n'.encode()
    assert [edit.value for edit in parse_reg(data)] == [None, Value.string("a\\b", text), Value.dword("next", 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "line 1: not a registration file", id="empty"),
        pytest.param("REGEDIT5\n", "line 1: not a registration file", id="header"),
        pytest.param('"a"="b"', "line 2: a value before the first key", id="no key"),
        pytest.param("[]\n", "line 2: not a key in brackets", id="no name"),
        pytest.param("[HKEY_X\n", "line 2: not a key in brackets", id="open"),
        pytest.param("[ -HKEY_X\\a]\n", "line 2: not a key in brackets", id="blank"),
        pytest.param("[HKEY_X]\nfoo\n", "line 3: neither a key", id="no value"),
        pytest.param('[HKEY_X]\n"a"\n', "line 3: neither a key", id="no equals"),
        pytest.param('[HKEY_X]\n"a"=dword:xyz\n', "line 3: value 'a': 'dword:xyz' is not", id="number"),
        pytest.param('[HKEY_X]\n"a"=dword:123456789\n', "'dword:123456789' is not", id="long number"),
        pytest.param('[HKEY_X]\n"a"=hex:0g\n', "line 3: not bytes in hexadecimal", id="hex"),
        pytest.param('[HKEY_X]\n"a"=hex:100\n', "line 3: not bytes in hexadecimal", id="large byte"),
        pytest.param('[HKEY_X]\n\n"a"="open\nand\nno end\n', "line 4: value 'a'", id="open text"),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    header = "" if message.startswith("line 1") else "Windows Registry Editor Version 5.00\n"
    with pytest.raises(InvalidInput, match="x.reg: .*" + message.replace("(", r"\(")):
        parse_reg((header + text).encode(), name="x.reg")
    with pytest.raises(InvalidInput, match="not utf-16-le"):
        parse_reg(b"\xff\xfea")


def test_a_long_text_that_never_ends_takes_no_long_time() -> None:
    text = 'Windows Registry Editor Version 5.00\n[HKEY_X]\n"a"="' + "x\n" * 200_000
    with pytest.raises(InvalidInput, match="line 3"):
        parse_reg(text.encode())


names = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=()), max_size=10)
values = st.builds(
    Value,
    names,
    st.one_of(st.integers(0, 11), st.integers(0, 0xFFFFFFFF)),
    st.one_of(
        st.binary(max_size=90),
        st.text(max_size=20).map(lambda text: (text + "\0").encode("utf-16-le", "surrogatepass")),
    ),
)


@given(st.lists(values, max_size=6))
def test_any_value_comes_back_from_a_file(contents: list[Value]) -> None:
    key = Key("k")
    for value in contents:
        key.set(value)
    text = format_reg([(r"HKEY_X\k", key)])
    assert all(len(line) <= 80 or '="' in line or line.startswith('"') for line in text.split("\r\n"))
    edits = parse_reg(encode_reg(text))
    assert tuple(edit.value for edit in edits[1:]) == key.values


key_names = st.text(st.characters(exclude_characters="\\", exclude_categories=()), min_size=1, max_size=6)
odd_names = st.one_of(
    key_names, st.sampled_from(["a]b", "x] ; [y]", "-a", " a ", ";", '"', "a\r\n[HKEY_X\\evil]", "nul\0"])
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.lists(odd_names, min_size=1, max_size=3), odd_names), max_size=8))
def test_no_name_comes_back_as_another_one(entries: list[tuple[list[str], str]]) -> None:
    hive = new_hive("R")
    for path, name in entries:
        hive.root.ensure("\\".join(path)).set(Value.string(name, name))
    for only_printable in (False, True):
        left_out = LeftOut()
        lines = reg_lines(export_keys(hive, "", PREFIX), left_out, only_printable=only_printable)
        again = new_hive("R")
        import_edits(again, parse_reg(encode_reg("".join(lines))), PREFIX)
        there = {path: {each.name: each for each in key.values} for path, key in hive.root.walk()}
        back = {path: {each.name: each for each in key.values} for path, key in again.root.walk()}
        assert all(each in there and values.items() <= there[each].items() for each, values in back.items())
        lost = len(there.keys() - back.keys()) + sum(len(there[each]) - len(back[each]) for each in back)
        assert (left_out.count > 0) == (lost > 0)
        assert left_out.count <= lost


def test_what_a_registration_file_cannot_hold_is_named() -> None:
    hive = new_hive("R")
    hive.root.ensure("a\r\n[HKEY_X]").ensure("below")
    hive.root.ensure("b").set(Value.string("v\0", "x"))
    hive.root.ensure("c\u2028")
    hive.root.ensure("d").set(Value.string("e", "x\r\n[HKEY_X]\0\r\n"))
    left_out = LeftOut()
    text = "".join(reg_lines(export_keys(hive, "", PREFIX), left_out))
    assert (left_out.count, text.count("[")) == (2, 4)
    assert "'HKEY_LOCAL_MACHINE\\\\SYSTEM\\\\a\\r\\n[HKEY_X]'" in str(left_out)
    assert '"e"=hex(1):78,00,0d,00,0a,00,' in text
    left_out = LeftOut()
    assert "c" not in "".join(reg_lines(export_keys(hive, "", PREFIX), left_out, only_printable=True)).split("]")[-3]
    assert left_out.count == 3
    with pytest.raises(InvalidRequest, match="cannot hold names with line ends"):
        format_reg(export_keys(hive, "", PREFIX))


def test_a_second_key_of_one_name_is_left_out_and_counted() -> None:
    hive = new_hive("R")
    hive.root.ensure("One").ensure("first")
    hive.root.ensure("Two").ensure("second")
    hive = read_hive(write_hive(hive).replace(b"Two", b"ONE"))
    left_out = LeftOut()
    text = "".join(reg_lines(export_keys(hive, "", PREFIX), left_out))
    assert (left_out.count, "first" in text, "second" in text) == (1, True, False)


@pytest.mark.foreign
def test_hivexregedit_makes_the_same_keys_of_odd_names(tmp_path: Path) -> None:
    hive = new_hive("R")
    # It takes no lone surrogates, and trims names.
    for name in ("a]b", "x] ; [y]", "-a", ";", 'q"q', "=", "\u00e4\U0001f600", "%x%", "@"):
        hive.root.ensure(name).set(Value.string(name, f"{name}\r\n[HKEY_X]"))
    text = format_reg(export_keys(hive, "", PREFIX))
    empty, registration = tmp_path / "hive", tmp_path / "file.reg"
    empty.write_bytes(write_hive(new_hive("R")))
    registration.write_text(text.replace("\r\n", "\n"), encoding="utf-8")
    output("hivexregedit", "--merge", "--prefix", PREFIX, empty, registration)
    merged = {path: key.values for path, key in read_hive(empty.read_bytes()).root.walk()}
    assert merged == {path: key.values for path, key in hive.root.walk()}


def test_long_data_take_no_long_time() -> None:
    data = bytes(range(256)) * 4000
    lines = format_value(Value.binary("a", data))
    text = f"REGEDIT4\n[HKEY_X]\n{lines}\n" + '"b"=hex:' + data.hex(",") + '\n"c"=hex:' + ", ".join(["1"] * 100_000)
    assert [each.value for each in parse_reg(text.encode())[1:]] == [
        Value.binary("a", data),
        Value.binary("b", data),
        Value.binary("c", b"\1" * 100_000),
    ]


@pytest.mark.parametrize("text", ['REGEDIT4\n[HKEY_X]\n\n"a\0"="b"', "REGEDIT4\n\n\n[HKEY_X\\\0y]\n"])
def test_a_nul_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"x\.reg: line 4: a NUL character"):
        parse_reg(text.encode(), name="x.reg")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reg_file, "MAX_BYTES", 1 << 20)
    path = tmp_path / "x.reg"
    path.write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(InvalidInput, match=r"larger than 1\.0 MB"):
        read_reg(path)
    with pytest.raises(StorageError):
        read_reg(tmp_path / "none")


def test_bytes_that_a_code_page_does_not_know_are_kept() -> None:
    # cp1252 has nothing for 0x81; Windows makes U+0081 of it, and none of them is lost.
    data = b'REGEDIT4\r\n[HKEY_X]\r\n"a"="\x81\x80"\r\n"b"=hex(2):81,00\r\n'
    assert [each.value for each in parse_reg(data)[1:]] == [
        Value.string("a", "\x81\u20ac"),
        Value.expand_string("b", "\x81"),
    ]


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for data in (text.encode("utf-8", "replace"), b"REGEDIT4\n[HKEY_X]\n" + text.encode("utf-8", "replace")):
        try:
            edits = parse_reg(data)
        except InvalidInput:
            continue
        assert all(isinstance(edit, Edit) for edit in edits)


# ---- where hives are in the registry


@pytest.mark.parametrize(
    ("hive", "path", "prefix"),
    [
        ("system", "Windows/System32/config/SYSTEM", r"HKEY_LOCAL_MACHINE\SYSTEM"),
        ("DEFAULT", "Windows/System32/config/DEFAULT", r"HKEY_USERS\.DEFAULT"),
        (r"Users\x\NTUSER.DAT", "Users/x/NTUSER.DAT", "HKEY_CURRENT_USER"),
        ("/Windows/System32/config/SOFTWARE", "Windows/System32/config/SOFTWARE", r"HKEY_LOCAL_MACHINE\SOFTWARE"),
        ("my.hiv", "my.hiv", r"HKEY_LOCAL_MACHINE\MY.HIV"),
    ],
)
def test_a_hive_has_a_path_and_a_place_in_the_registry(hive: str, path: str, prefix: str) -> None:
    assert hive_path(hive) == path
    assert registry_prefix(hive) == prefix


def test_paths_are_local_or_of_the_registry() -> None:
    hive = setup_hive()
    hive.root.ensure("Select").set(Value.dword("Default", 2))
    pasted = r"Computer\HKEY_LOCAL_MACHINE\SYSTEM\Setup"
    for path in ("Setup", r"\Setup", r"HKLM\SYSTEM\Setup", r"hkey_local_machine\system\setup", pasted):
        assert find_key(hive, path, PREFIX).name == "Setup"
    assert find_key(hive, PREFIX, PREFIX) is hive.root
    assert local_path(hive, r"CurrentControlSet\Services", PREFIX) == r"ControlSet002\Services"
    assert local_path(hive, r"HKLM\SYSTEM\CurrentControlSet", PREFIX) == "ControlSet002"
    literal = new_hive("x")
    literal.root.ensure("CurrentControlSet")
    assert local_path(literal, "CurrentControlSet", PREFIX) == "CurrentControlSet"
    for path in (r"HKLM\SYSTEMATIC\x", r"HKCR\.txt", r"HKCC\Software"):
        with pytest.raises(InvalidRequest, match="is not in this hive, whose keys begin with"):
            local_path(hive, path, PREFIX)
    with pytest.raises(InvalidRequest, match=r"there is no key 'Setup\\a\\b'; there is .*SYSTEM\\Setup'"):
        find_key(hive, r"Setup\a\b", PREFIX)


def test_the_current_control_set_of_a_hive_that_does_not_tell_it_is_refused() -> None:
    hive = new_hive("SYSTEM")
    with pytest.raises(InvalidRequest, match=r"does not tell .*Select.Default.; the hive has no control set"):
        local_path(hive, r"CurrentControlSet\Services", PREFIX)
    hive.root.ensure("ControlSet001")
    edits = parse_reg(b'REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet]\n"a"="b"\n')
    with pytest.raises(InvalidRequest, match=r"line 3: the hive does not tell .*; name a control set: 'ControlSet001'"):
        import_edits(hive, edits, PREFIX)
    assert [key.name for key in hive.root.subkeys] == ["ControlSet001"]


def test_mounted_devices_are_cleared() -> None:
    hive = setup_hive()
    with pytest.raises(InvalidInput, match="not a SYSTEM hive"):
        clear_mounted_devices(hive)
    hive.root.ensure("Select")
    assert clear_mounted_devices(hive) == 0
    key = hive.root.ensure("MountedDevices")
    key.set(Value.binary(r"\DosDevices\C:", b"DMIO:ID:" + bytes(16)))
    key.set(Value.binary(r"\??\Volume{x}", bytes(12)))
    hive = read_hive(write_hive(hive))
    assert clear_mounted_devices(hive) == 2
    key = read_hive(write_hive(hive)).root.ensure("MountedDevices")
    assert key.values == ()
    assert clear_mounted_devices(hive) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value.string("", "x"), "(Default)    REG_SZ    x"),
        (Value.multi_string("m", ["a", "b"]), r"m    REG_MULTI_SZ    a\0b"),
        (Value.dword("d", 255), "d    REG_DWORD    0xff"),
        (Value("d", ValueType.DWORD, b"12"), "d    REG_DWORD    3132"),
        (Value("o", 0x12345, b"\1"), "o    0x00012345    01"),
    ],
)
def test_values_are_shown_as_reg_query_shows_them(value: Value, text: str) -> None:
    assert value_lines(value) == text
    assert data_text(value) == text.rsplit("    ", 1)[1]


def test_judges_read_what_an_import_made(tmp_path: Path) -> None:
    hive = new_hive("SYSTEM")
    import_edits(hive, parse_reg(exported()), PREFIX)
    path = tmp_path / "hive"
    path.write_bytes(write_hive(hive))
    assert hive_judges.dissect(path.read_bytes())["Setup"] == {
        value.name: (int(value.type), value.data) for value in VALUES
    }
