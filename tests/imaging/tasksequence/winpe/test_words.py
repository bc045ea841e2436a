"""Command lines taken apart: golden rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.winpe.words import Joint, Part, parts_of, program_words, shell_words

SHELL = {"is_of_shell": True}


# The rows of "Parsing C command-line arguments" (learn.microsoft.com), "Results of parsing command lines".
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('x "abc" d e', ("x", "abc", "d", "e")),
        (r'x a\\b d"e f"g h', ("x", r"a\\b", "de fg", "h")),
        (r"x a\\\"b c d", ("x", r"a\"b", "c", "d")),
        (r'x a\\\\"b c" d e', ("x", r"a\\b c", "d", "e")),
        ('x a"b"" c d', ("x", 'ab" c d')),
        (r'robocopy "C:\a b\" D:\c', ("robocopy", r'C:\a b" D:\c')),
        ('"C:\\a b\\x.exe" ""', ("C:\\a b\\x.exe", "")),
    ],
)
def test_words_of_a_program_are_those_of_the_c_runtime(line: str, words: tuple[str, ...]) -> None:
    assert program_words(line) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"rd/s/q C:\a", ("rd", "/s", "/q", r"C:\a")),
        (r'mkdir "C:\a b",C:\c', ("mkdir", r"C:\a b", r"C:\c")),
        (r'copy "C:\a/b" C:\c', ("copy", r"C:\a/b", r"C:\c")),
        (r"copy C:/a C:\b", ("copy", "C:", "/a", r"C:\b")),
    ],
)
def test_words_of_the_shell_end_at_its_own_signs(text: str, words: tuple[str, ...]) -> None:
    assert shell_words(text) == words


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (r"bcdboot C:\Windows & x", (Part(r"bcdboot C:\Windows & x"),)),
        (r"cmd /c mkdir C:\a", (Part(r"mkdir C:\a", **SHELL),)),
        (r"CMD.EXE /d /s /c mkdir C:\a", (Part(r"mkdir C:\a", **SHELL),)),
        (r"X:\Windows\System32\cmd.exe /c mkdir C:\a", (Part(r"mkdir C:\a", **SHELL),)),
        (
            r"cmd /c a&b && c||d",
            (
                Part("a", **SHELL),
                Part("b", Joint.ALWAYS, **SHELL),
                Part("c", Joint.IF_OK, **SHELL),
                Part("d", Joint.IF_FAILED, **SHELL),
            ),
        ),
        (r'cmd /c "mkdir "C:\a b" & x"', (Part(r'mkdir "C:\a b"', **SHELL), Part("x", **SHELL))),
        (r'cmd /c mkdir "C:\a&b"', (Part(r'mkdir "C:\a&b"', **SHELL),)),
        (r"cmd /c mkdir C:\a^&b", (Part(r"mkdir C:\a&b", **SHELL),)),
        (r"cmd /c mkdir C:\a >nul 2>&1", (Part(r"mkdir C:\a", **SHELL),)),
        (r'cmd /c mkdir C:\a1>>"X:\log file.txt"', (Part(r"mkdir C:\a1", **SHELL),)),
        (r"cmd /c @mkdir %SystemDrive%\a", (Part(r"mkdir X:\a", **SHELL),)),
        (r"cmd /c a & exit %errorlevel%", (Part("a", **SHELL), Part("exit 0", **SHELL))),
        (r"cmd /c copy C:\Program(x86) C:\b", (Part(r"copy C:\Program(x86) C:\b", **SHELL),)),
    ],
)
def test_a_line_is_one_command_or_those_of_a_shell(line: str, parts: tuple[Part, ...]) -> None:
    assert parts_of(line) == parts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"cmd /c mkdir C:\a > C:\log", "valid are nul and X:"),
        (r"cmd /c echo y | del C:\a", "output of one command to another"),
        ("cmd /c (mkdir C:\\a)", "block in parentheses"),
        ('cmd /c mkdir "C:\\a', "not closed"),
        ("cmd /c a &&& b", "no command beside"),
        ("cmd /c", "no command beside"),
        ("cmd /k mkdir C:\\a", "stays open"),
        ("cmd", "stays open"),
        (r"cmd /c mkdir %Nobody%\a", "no variable 'Nobody'"),
        ("cmd /c mkdir C:\\a\nrd C:\\b", "control character"),
        ("x" * 8192, "8,192 characters"),
    ],
)
def test_what_only_a_shell_can_do_is_refused_by_what_it_is(line: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        parts_of(line)


@given(some.text(some.sampled_from('abC:\\/ "&|<>^()%12nulx;,=\t'), max_size=60))
def test_any_line_is_taken_apart_or_refused(text: str) -> None:
    for line in (text, f"cmd /c {text}"):
        try:
            parts = parts_of(line)
        except InvalidRequest:
            continue
        for part in parts:
            assert len(program_words(part.text)) > 0
            assert "".join(shell_words(part.text)).count('"') == 0
