"""Patterns of what a capture leaves out: what they fit, and that no pattern takes long."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from osdimage.native.wim.patterns import Patterns


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        pytest.param(r"\a.b", "A.B", True, id="a dot is a dot"),
        pytest.param(r"\a.b", "axb", False, id="and nothing else"),
        pytest.param(r"\a", "a/b/c", True, id="what is below a path that fits"),
        pytest.param(r"\a\b", "a", False, id="not what is above it"),
        pytest.param("b", "a/b", True, id="a name anywhere"),
        pytest.param("b", "b/a", False, id="a name is the last"),
        pytest.param("*", "a/b", True, id="a star alone"),
        pytest.param(r"\*b", "a/b", False, id="a star stays in its component"),
        pytest.param("?.txt", "ä.txt", True, id="a question mark is a character and not a byte"),
        pytest.param("?", "😀", True, id="of any size"),
        pytest.param("ÄÖÜ*", "äöü.TXT", True, id="case beyond ASCII"),
        # Windows has no other case for either: $UpCase as mkntfs writes it.
        pytest.param("STRASSE", "straße", False, id="one character for one"),
        pytest.param("I", "\u0131", False, id="the dotless i is no i"),
        pytest.param("a**b", "axb", True, id="two stars are one"),
        pytest.param("a\udc80*", "a\udc80b", True, id="half a surrogate pair"),
    ],
)
def test_a_pattern_fits_what_it_says(pattern: str, path: str, fits: bool) -> None:
    assert Patterns([pattern]).exclude(path) is fits


def test_a_path_is_left_out_as_it_is_written_and_no_exception_saves_it() -> None:
    patterns = Patterns([], ["*.txt"], paths=["/b/*.txt", "/a/?"])
    assert [
        each for each in ("/b/*.txt", "/b/x.txt", "/B/*.txt", "/a/?", "/a/?/b", "/a") if patterns.exclude(each)
    ] == [
        "/b/*.txt",
        "/a/?",
    ]


def test_an_exception_saves_what_fits_it_and_what_leads_there() -> None:
    patterns = Patterns([r"\a"], [r"\a\b\c"])
    assert [patterns.exclude(path) for path in ("a", "a/b", "a/b/c", "a/b/c/d", "a/b/x", "a/x")] == [
        False,
        False,
        False,
        False,
        True,
        True,
    ]


@given(name=st.text("abA", min_size=1, max_size=12), pattern=st.text("ab?*", min_size=1, max_size=8))
@example(name="aab", pattern="*ab")
@example(name="abab", pattern="*a?")
def test_matching_is_that_of_fnmatch(name: str, pattern: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), name, re.IGNORECASE) is not None
    assert Patterns([pattern]).exclude(name) is expected


@pytest.mark.parametrize("stars", [6, 60, 120])
def test_a_pattern_of_many_stars_ends(stars: int) -> None:
    # With six of them libwim takes hours; a matcher that tries all places never ends with sixty.
    assert not Patterns(["*a" * stars + "*b"]).exclude("a" * 255)
    assert Patterns(["*a" * stars + "*"]).exclude("a" * 255)


def test_case_is_told_apart_if_that_is_asked_for() -> None:
    patterns = Patterns(["foo", r"\Bar\x"], match_case=True)
    # Of wimlib-imagex on Linux: tests/exclusionlists/case_sensitive of its source.
    assert [patterns.exclude(path) for path in ("/foo", "/FOO", "/Bar/x", "/bar/x", "/Bar/X")] == [
        True, False, True, False, False
    ]  # fmt: skip
