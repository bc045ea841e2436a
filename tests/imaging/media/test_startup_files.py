"""The files that Windows PE starts by: what is read of them, and that what nobody sets stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media.bootimage import startnet, winpeshl
from osdimage.imaging.media.bootimage.ini import LARGEST, IniText

BLOCK = f"{startnet.BEGIN}\r\n{startnet.CALL}\r\n{startnet.END}\r\n".encode("ascii")


@pytest.mark.parametrize(("before", "after"), [
    pytest.param(b"wpeinit\r\n", BLOCK + b"wpeinit\r\n", id="as it comes"),
    pytest.param(b"wpeinit", BLOCK + b"wpeinit", id="no line end"),
    pytest.param(b"@echo off\nWPEINIT.EXE -u:x\n", b"@echo off\n" + BLOCK + b"WPEINIT.EXE -u:x\n", id="options"),
    pytest.param(
        b"rem wpeinit\r\n:: wpeinit\r\n@ REM wpeinit\r\nstart /w X:\\Windows\\System32\\wpeinit\r\nwpeinit\r\n",
        b"rem wpeinit\r\n:: wpeinit\r\n@ REM wpeinit\r\n" + BLOCK
        + b"start /w X:\\Windows\\System32\\wpeinit\r\nwpeinit\r\n",
        id="not in a comment",
    ),
    pytest.param(b"type wpeinit.log\r\n", BLOCK + b"type wpeinit.log\r\n", id="no wpeinit: at the front"),
    pytest.param(b"", BLOCK, id="empty"),
    pytest.param(
        f"a\r\n{startnet.BEGIN}\r\nold\r\n{startnet.END}\r\nwpeinit\r\n".encode("ascii"),
        b"a\r\n" + BLOCK + b"wpeinit\r\n",
        id="an old block where it is",
    ),
    pytest.param(
        f"{startnet.BEGIN}\r\nwpeinit\r\n".encode("ascii"),
        f"{startnet.BEGIN}\r\n".encode("ascii") + BLOCK + b"wpeinit\r\n",
        id="a mark without its end is no block",
    ),
])  # fmt: skip
def test_the_block_stands_before_the_first_wpeinit(before: bytes, after: bytes) -> None:
    assert startnet.with_block(before) == after
    assert startnet.with_block(after) == after
    assert startnet.has_block(after)


@given(st.binary())
def test_no_other_byte_of_a_script_changes(data: bytes) -> None:
    made = startnet.with_block(data)
    assert made.replace(BLOCK, b"", 1) == data.replace(BLOCK, b"", 1)
    assert startnet.with_block(made) == made


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfwpeinit", "wpeinit".encode("utf-16"), "wpeinit".encode("utf-16-le")])
def test_a_script_in_unicode_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"startnet\.cmd: is Unicode text"):
        startnet.check_script(data, "startnet.cmd")


def test_line_ends_become_those_of_windows() -> None:
    assert startnet.with_windows_ends(b"a\nb\r\nc\rd") == b"a\r\nb\r\nc\r\nd"


INI = (
    b'; kept\r\n[Other]\r\nCommandLine=x\r\n\r\n[CustomHook]\r\nFirst = 1\r\nCommandLine = "cmd /c a.cmd"\r\n[Last]\r\n'
)


def test_a_value_is_read_of_its_section_without_its_quotation_marks() -> None:
    ini = IniText.parse(INI, name="x")
    assert ini.get("customhook", "COMMANDLINE") == "cmd /c a.cmd"
    assert ini.get("CustomHook", "nothing") is None
    assert ini.get("Nothing", "CommandLine") is None
    assert ini.to_bytes() == INI


def test_a_value_is_set_where_it_is_and_all_else_stays() -> None:
    ini = IniText.parse(INI, name="x")
    ini.set("CUSTOMHOOK", "CommandLine", '"b"')
    assert ini.to_bytes() == INI.replace(b'CommandLine = "cmd /c a.cmd"', b'CommandLine="b"')


@pytest.mark.parametrize(("before", "after"), [
    pytest.param(b"", b"[S]\r\nK=1\r\n", id="empty"),
    pytest.param(b"[Other]", b"[Other]\r\n\r\n[S]\r\nK=1\r\n", id="a new section"),
    pytest.param(b"[S]\r\nA=2\r\n", b"[S]\r\nK=1\r\nA=2\r\n", id="a new entry"),
    pytest.param(b"[S\r\nk=2\r\n", b"[S\r\nK=1\r\n", id="a section without its end"),
])  # fmt: skip
def test_a_value_that_is_not_there_is_added(before: bytes, after: bytes) -> None:
    ini = IniText.parse(before, name="x")
    ini.set("S", "K", "1")
    assert ini.to_bytes() == after


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")).map(lambda each: f"{each}\r\n"))
def test_a_file_in_utf_16_stays_one(text: str) -> None:
    data = b"\xff\xfe" + text.encode("utf-16-le")
    assert IniText.parse(data, name="x").to_bytes() == data


@given(st.binary())
def test_a_file_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    try:
        ini = IniText.parse(data, name="x")
    except InvalidInput:
        assert data.startswith(b"\xff\xfe")
        return
    winpeshl.launched(ini)
    winpeshl.faults(ini)
    assert IniText.parse(ini.to_bytes(), name="x") == ini


def test_what_is_larger_than_any_such_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 1,048,576"):
        IniText.parse(bytes(LARGEST + 1), name="x")


def programs(text: str) -> list[tuple[str, str]]:
    return [(each.program, each.options) for each in winpeshl.launched(IniText(text.splitlines()))]


@pytest.mark.parametrize(("text", "expected"), [
    # The examples of Microsoft's reference.
    pytest.param("[LaunchApp]\nAppPath = %SYSTEMDRIVE%\\myshell.exe\n", [("%SYSTEMDRIVE%\\myshell.exe", "")], id="one"),
    pytest.param(
        "[LaunchApps]\n%SYSTEMDRIVE%\\mydirectory\\application1.exe, -option1 -option2\napplication2.exe, -option\n",
        [("%SYSTEMDRIVE%\\mydirectory\\application1.exe", "-option1 -option2"), ("application2.exe", "-option")],
        id="several",
    ),
    pytest.param("[LaunchApps]\n; no\n\n wpeutil.exe , \"/c a, b\"\n", [("wpeutil.exe", '"/c a, b"')], id="a comma"),
    pytest.param("[Other]\nx.exe\n", [], id="none"),
])  # fmt: skip
def test_the_programs_of_winpeshl_are_told_in_their_order(text: str, expected: list[tuple[str, str]]) -> None:
    assert programs(text) == expected


@pytest.mark.parametrize(("text", "fault"), [
    pytest.param("", "names no program", id="empty"),
    pytest.param("[LaunchApp]\nAppPath=\n[LaunchApps]\n", "names no program", id="no path"),
    pytest.param("[LaunchApp]\nPath=x\n[LaunchApps]\ny\n", "without AppPath", id="another name"),
    pytest.param("[LaunchApps]\n" + "x" * 251, "has 251 characters; at most 250", id="long"),
])  # fmt: skip
def test_a_winpeshl_that_windows_pe_would_not_carry_out_is_refused(text: str, fault: str) -> None:
    with pytest.raises(InvalidInput, match=f"w: .*{fault}"):
        winpeshl.refuse_faults(IniText(text.splitlines()), "w")


def test_a_line_of_250_characters_is_taken() -> None:
    winpeshl.refuse_faults(IniText(["[LaunchApps]", "x" * 250]), "w")


@pytest.mark.parametrize(("before", "after"), [
    pytest.param("[LaunchApps]\nsecond.exe, /x", "[LaunchApps]\nfirst.exe\nsecond.exe, /x", id="in front"),
    pytest.param("[LaunchApp]\nAppPath=X:\\shell.exe", "[LaunchApps]\nfirst.exe\nX:\\shell.exe", id="the one program"),
])  # fmt: skip
def test_a_program_is_put_in_front_of_the_others(before: str, after: str) -> None:
    ini = IniText(before.splitlines())
    winpeshl.put_first(ini, "first.exe", "w")
    assert ini.lines == after.splitlines()


def test_a_program_that_would_make_a_line_too_long_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="would have 251 characters; at most 250"):
        winpeshl.put_first(IniText(["[LaunchApps]", "x"]), "y" * 251, "w")
