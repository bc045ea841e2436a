"""Commands of an update as text.  What wimlib-imagex 1.13.6 takes and refuses is in the rows, with its words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.service.command_file import (
    CommandDefaults,
    decode_commands,
    parse_command,
    parse_commands,
)
from osdimage.imaging.wim.edited.commands import AddTree, DeletePath, RenamePath


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("delete it's", DeletePath("it's", origin="f:1"), id="a quote inside a word"),
        pytest.param(
            "  delete\tb  --force ", DeletePath("b", force=True, origin="f:1"), id="blanks and an option behind"
        ),
        pytest.param(
            "delete --recursive --force '/a b'",
            DeletePath("/a b", recursive=True, force=True, origin="f:1"),
            id="options",
        ),
        pytest.param('add "My Directory" /d', AddTree(Path("My Directory"), "/d", origin="f:1"), id="double quotes"),
        pytest.param(
            "add --no-replace --dereference --unix-data s d",
            AddTree(Path("s"), "d", replaces=False, dereference=True, unix_data=True, origin="f:1"),
            id="options of add",
        ),
        pytest.param("add --no-acls s d", AddTree(Path("s"), "d", origin="f:1"), id="of security descriptors"),
        pytest.param("rename C:\\a \\b", RenamePath("C:\\a", "\\b", "f:1"), id="backslashes"),
        pytest.param("delete '#x'", DeletePath("#x", origin="f:1"), id="a quoted mark of a comment"),
        pytest.param("delete -- --x", DeletePath("--x", origin="f:1"), id="an end of options"),
    ],
)
def test_a_line_is_a_command(line: str, expected: object) -> None:
    assert parse_commands(line, "f") == (expected,)


def test_a_quote_that_is_written_twice_stands_for_itself() -> None:
    assert parse_command("""rename 'it''s "a" b' "c""d" """, "x") == RenamePath('it\'s "a" b', 'c"d', "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # wimlib-imagex: Missing closing quote: 'b
        ("delete 'b", r"f:1: the quote ' has no end"),
        # wimlib-imagex: Unknown update command "foo" on line 2
        ("# one\nfoo x", r"f:2: there is no command 'foo'; valid are add, delete and rename"),
        # wimlib-imagex: Not enough arguments to update command "delete" on line 1
        ("delete", r"f:1: delete takes one path, and here are 0"),
        # wimlib-imagex: Unexpected argument "#" in update command on line 1
        ("delete b  # c", r"f:1: delete takes one path, and here are 3"),
        ("rename a", r"f:1: rename takes two paths, and here are 1"),
        ("delete --recurse b", r"f:1: delete has no option '--recurse'; valid are --force, --recursive"),
        ("rename --force a b", r"f:1: rename has no option '--force'$"),
        ("delete ''", r"f:1: delete has an empty path"),
        ("\nadd 'a'/b c", r"f:2: after the quoted 'a' comes no blank but '/'"),
        ("delete a\0b", r"f:1: a NUL character"),
    ],
)
def test_what_is_no_command_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_commands(text, "f")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be-sig"], ids=str)
def test_files_are_read_in_each_encoding_that_windows_writes(encoding: str) -> None:
    text = "# Grüße\r\n\r\nadd 'Grüße' '/日本語'\r\ndelete x"
    mark = b"\xfe\xff" if encoding == "utf-16-be-sig" else b""
    data = mark + text.encode(encoding.removesuffix("-sig") if mark else encoding)
    assert decode_commands(data, "f") == (
        AddTree(Path("Grüße"), "/日本語", origin="f:3"),
        DeletePath("x", origin="f:4"),
    )


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a text file in UTF-8 or UTF-16, at byte 7"):
        decode_commands(b"delete \xff", "f")


def test_defaults_hold_for_all_commands() -> None:
    defaults = CommandDefaults(replaces=False, dereference=True, unix_data=True, recursive=True, force=True)
    assert parse_commands("add a b\ndelete c", "f", defaults) == (
        AddTree(Path("a"), "b", replaces=False, dereference=True, unix_data=True, origin="f:1"),
        DeletePath("c", recursive=True, force=True, origin="f:2"),
    )


@settings(max_examples=40)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1))
def test_any_path_can_be_quoted(path: str) -> None:
    quoted = "'" + path.replace("'", "''") + "'"
    expected = path if not path.startswith("--") else None
    if expected is not None:
        assert parse_command(f"delete {quoted}", "x") == DeletePath(path, origin="x")
    assert parse_command(f"rename -- {quoted} b", "x") == RenamePath(path, "b", "x")


@given(st.text())
def test_any_text_is_commands_or_an_error(text: str) -> None:
    try:
        parse_commands(text, "f")
    except InvalidInput:
        return
