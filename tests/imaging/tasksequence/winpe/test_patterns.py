"""Patterns of names, by what Microsoft's tests say of them."""

from __future__ import annotations

import pytest
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.winpe.patterns import checked_name, pattern_of


# Rows of SimpleMatchData and of Win32MatchData, by the patterns that its comments give, in FileSystemNameTests.cs of
# dotnet/runtime; but for the last ones, which follow from the words of "FsRtlIsNameInExpression".
@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("log.txt", "LOG.TXT", True),
        ("log.txt", "log.txt.bak", False),
        ("log.txt", "mylog.txt", False),
        ("*foo", "NoFOO", True),
        ("foo*", "foo", True),
        ("foo*", "barfoo", False),
        ("*foo*", "BARFOOBAR", True),
        ("*mid*", "nomatch", False),
        ("pre*fix", "prefix", True),
        ("pre*fix", "pre_extra_FIX", True),
        ("pre*fix", "prefi", False),
        ("file*txt", "file.txt", True),
        ("file*txt", "txt", False),
        ("*.*", "footxt", True),
        ("*.*", "foo.txt", True),
        ("*.*", ".foo", True),
        ("?.?", "a.b", True),
        ("?.?", "a", True),
        ("?.?", "ab", False),
        ("?.?", "a.bc", False),
        ("?.?", "ab.c", False),
        ("??.??", "a.b", True),
        ("??.??", "a.bc", True),
        ("??.??", "ab.ba", True),
        ("??b.??", "ab.ba", False),
        ("a??.??", "ab.ba", True),
        ("??.??a", "ab.ba", False),
        ("??.b??", "ab.ba", True),
        ("??.b??", "ab.b", True),
        ("??.??.??", "ab.ba", True),
        ("??.??.??", "abba", False),
        ("??.ab.ba", "ab.ba", False),
        ("ab.ba.??", "ab.ba", True),
        ("ab.??.ba", "ab.ba", False),
        ("??.??.???", "ab.ba.cab", True),
        ("a??.b??.c???", "ab.ba.cab", True),
        # What DOS_DOT does: "Matches either a period or zero characters beyond the name string."
        ("setup.*", "setup", True),
        ("setup.*", "setup2.exe", False),
        # What DOS_STAR does: "Matches zero or more characters until encountering and matching the final . in the name."
        ("*.?", "a.bc", False),
        ("*.?", "a.b.c", True),
        ("*.txt", "a.txt.txt", True),
        ("*.txt", "txt", False),
        ("a(b)[c]*", "A(b)[c]+d", True),
    ],
)
def test_a_pattern_fits_names_as_in_windows(pattern: str, name: str, *, fits: bool) -> None:
    assert (pattern_of(pattern).fullmatch(name) is not None) is fits


@pytest.mark.parametrize("middle", ["a", "?", "a.", ".?"])
def test_a_pattern_of_many_stars_ends(middle: str) -> None:
    # A matcher that tries all places never does.
    assert pattern_of(f"*{middle}" * 60 + "*b").fullmatch("a" * 255) is None
    assert pattern_of(f"*{middle}" * 60 + "*b").fullmatch("a." * 127) is None


@pytest.mark.parametrize("name", ["a.", "*.", "b ", "CON", "lpt1.txt", "a/b", r"C:\Tools", "x" * 256])
def test_a_name_that_windows_does_not_open_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="and Windows would not open it"):
        checked_name(name, "x")
