"""The grammar of an INF: Microsoft's "General Syntax Rules for INF Files", and their examples."""

from __future__ import annotations

import pytest
from fuzz.targets.infs import told, written
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.drivers.inf.decoding import decode
from osdimage.imaging.drivers.inf.lines import LONGEST_FIELD, LONGEST_NAME, parse
from osdimage.imaging.errors import InvalidInput, InvalidRequest

Told = tuple[str | None, tuple[str, ...]]


def lines_of(text: str, section: str = "s") -> list[Told]:
    parsed = parse(text, name="x.inf").sections[section]
    return [(line.key, line.fields) for line in parsed.lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = b", ("a", ("b",)), id="key"),
        pytest.param("x.sys", (None, ("x.sys",)), id="no key"),
        pytest.param("x.sys,,,2", (None, ("x.sys", "", "", "2")), id="empty values in the middle"),
        pytest.param("a=b,", ("a", ("b", "")), id="trailing comma"),
        pytest.param("a=", ("a", ("",)), id="no value"),
        pytest.param("\ta\t=\tb ,  c\t", ("a", ("b", "c")), id="tabs"),
        pytest.param("a = b ; c = d", ("a", ("b",)), id="comment"),
        pytest.param('a = "b ; c"', ("a", ("b ; c",)), id="semicolon in quotation marks"),
        pytest.param('a = "b , c", d', ("a", ("b , c", "d")), id="comma in quotation marks"),
        pytest.param('"a=b" = c', ("a=b", ("c",)), id="key in quotation marks"),
        pytest.param("HKR,,x,,a=b", (None, ("HKR", "", "x", "", "a=b")), id="equals sign behind a comma"),
        pytest.param("a = b = c", ("a", ("b = c",)), id="second equals sign"),
        pytest.param('a = "Display an ""example"" string"', ("a", ('Display an "example" string',)), id="doubled"),
        pytest.param('a = "  b  "  ', ("a", ("  b  ",)), id="blanks in quotation marks"),
        pytest.param('a = b "c" d', ("a", ("b c d",)), id="quotation marks inside"),
        pytest.param('a = ""', ("a", ("",)), id="nothing in quotation marks"),
        pytest.param(r'a = "Dir\"', ("a", ("Dir\\",)), id="backslash before a quotation mark"),
        pytest.param(r"a = b\c\d", ("a", (r"b\c\d",)), id="backslashes inside"),
        pytest.param(r"a = b\ c", ("a", (r"b\ c",)), id="backslash and blank inside"),
        pytest.param("a = %b%", ("a", ("%b%",)), id="token"),
        pytest.param("a = 50% ; 60% c", ("a", ("50%",)), id="percent signs and a comment"),
    ],
)
def test_a_line_has_a_key_and_values(text: str, expected: Told) -> None:
    assert lines_of(f"[s]\n{text}\n") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The three of the page's section "Line Format, Continuation, and Comments".
        pytest.param('CopyFiles = "SomeDirectory\\"\\\n,SomeFile', ("SomeDirectory\\", "SomeFile"), id="quoted"),
        pytest.param("CopyFiles = SomeDirectory\\\\\n,SomeFile", ("SomeDirectory", "SomeFile"), id="two backslashes"),
        pytest.param(
            'CopyFiles = "SomeDirectory\\"\\ ; comment \n,SomeFile', ("SomeDirectory\\", "SomeFile"), id="comment"
        ),
        pytest.param("CopyFiles = a,\\\n   b,\\\n\tc", ("a", "b", "c"), id="three lines"),
        pytest.param("CopyFiles = a \\\n b", ("ab",), id="inside a value"),
        pytest.param("CopyFiles = a,\\\r\n   b", ("a", "b"), id="CRLF"),
        pytest.param("CopyFiles = a,\\\n[s2]", ("a", "[s2]"), id="what looks like a section"),
        pytest.param("CopyFiles = a,\\\n\nb", ("a", ""), id="an empty line ends it"),
        pytest.param("CopyFiles = a,b\\", ("a", "b"), id="at the end of the file"),
    ],
)
def test_a_backslash_at_the_end_continues_a_line(text: str, expected: tuple[str, ...]) -> None:
    assert lines_of(f"[s]\n{text}")[0] == ("CopyFiles", expected)


def test_a_backslash_inside_of_open_quotation_marks_does_not_continue_a_line() -> None:
    parsed = parse('[s]\na = "b\\\nc\n', name="x.inf")
    assert [line.fields for line in parsed.sections["s"].lines] == [("b\\",), ("c",)]
    assert parsed.warnings == [(2, "a quotation mark is not closed; it ends with the line")]


def test_sections_of_one_name_are_merged() -> None:
    parsed = parse("[A]\n1\n[ b ]\n2\n[a ] ; more\n3\n", name="x.inf")
    assert {name: [line.fields[0] for line in found.lines] for name, found in parsed.sections.items()} == {
        "a": ["1", "3"],
        "b": ["2"],
    }
    assert [line.number for line in parsed.sections["a"].lines] == [2, 6]


def test_a_semicolon_inside_of_a_known_token_begins_no_comment() -> None:
    # In the strings it needs quotation marks, since it begins a comment there.
    text = '[s]\na = %b;c%, d\ne = %f;g%, h\n[Strings]\n"b;c" = x\n'
    assert lines_of(text) == [("a", ("%b;c%", "d")), ("e", ("%f",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[s]\na=b\n[t\n", "x.inf: line 3: the section '[t' has no ']' behind its name", id="no bracket"),
        pytest.param(
            f"\n[{'n' * (LONGEST_NAME + 1)}]",
            "x.inf: line 2: the name of a section has 256 characters; valid are at most 255",
            id="long name",
        ),
        pytest.param(
            f"[s]\na={'n' * (LONGEST_FIELD + 1)}",
            "x.inf: line 2: a value has 4096 characters; valid are at most 4095",
            id="long value",
        ),
        pytest.param(
            f'[s]\na="{"n" * (LONGEST_FIELD + 1)}"',
            "x.inf: line 2: a value has 4096 characters; valid are at most 4095",
            id="long value in quotation marks",
        ),
    ],
)
def test_a_fault_names_file_and_line(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(text, name="x.inf")
    assert str(refused.value) == said


def test_the_longest_name_and_value_are_read() -> None:
    name, value = "n" * LONGEST_NAME, "v" * LONGEST_FIELD
    assert lines_of(f"[{name}]\na={value},{value}", name) == [("a", (value, value))]


def test_what_stands_before_the_first_section_is_left_out() -> None:
    # EDK2 begins its files so.
    parsed = parse("## @file\n# x\n[Defines]\n  INF_VERSION = 0x00010005\n", name="x.inf")
    assert list(parsed.sections) == ["defines"]
    assert parsed.warnings == [(1, "stands before the first section, and is left out")]


TEXT = '[Version]\nSignature = "$Windows NT$"\nProvider = "Bücher & Söhne"\n[s]\nä = ö\n'


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16-le", id="UTF-16LE"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be", id="UTF-16BE"),
        pytest.param(TEXT.encode("utf-16-le"), "utf-16-le", id="UTF-16LE without a mark"),
        pytest.param(TEXT.encode("utf-16-be"), "utf-16-be", id="UTF-16BE without a mark"),
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), "utf-8", id="UTF-8"),
        pytest.param(TEXT.encode(), "utf-8", id="UTF-8 without a mark"),
        pytest.param(TEXT.encode("cp1252"), "cp1252", id="code page"),
        pytest.param(TEXT.encode("cp1252") + b"\x1a\0\0\x1a", "cp1252", id="Ctrl-Z"),
        pytest.param(TEXT.encode("cp1252") + bytes(100), "cp1252", id="filled up"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_each_encoding_and_line_end_tells_the_same(data: bytes, encoding: str, end: str) -> None:
    width = encoding if encoding.startswith("utf-16") else "ascii"
    changed = data.replace("\n".encode(width), end.encode(width))
    found = decode(changed, name="x.inf")
    assert found.encoding == encoding
    assert parse(found.text, name="x.inf") == parse(TEXT, name="x.inf")


def test_a_code_page_can_be_named() -> None:
    assert decode("[s]\nя=ы".encode("cp1251"), name="x.inf", codepage="cp1251").text == "[s]\nя=ы"
    with pytest.raises(InvalidRequest, match="there is no code page 'cp0'"):
        decode(b"\xff[s]", name="x.inf", codepage="cp0")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"[s]\na=\0b", "x.inf: line 2: holds a NUL", id="NUL"),
        pytest.param(
            b"\xff\xfe[\0s\0]\0\n\0\x00\xd8a\0", "x.inf: line 2: is no valid UTF-16-LE", id="half a character"
        ),
        pytest.param(b"\xef\xbb\xbf[s]\n\xff", "x.inf: line 2: is no valid UTF-8", id="no UTF-8 behind its mark"),
        pytest.param(b"\n" * ((16 << 20) + 1), "an INF has at most 16.0 MB", id="too large"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode(data, name="x.inf")


PLAIN = st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f\xa0\xad")
VALUES = st.text(PLAIN, max_size=12)


def formatted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@settings(max_examples=150)
@given(st.lists(st.tuples(VALUES.filter(str.strip), st.lists(VALUES, min_size=1, max_size=4)), max_size=6))
def test_what_is_written_in_quotation_marks_is_read_as_it_was(lines: list[tuple[str, list[str]]]) -> None:
    text = "".join(f"{formatted(key)} = {', '.join(map(formatted, values))} ; x\n" for key, values in lines)
    assert lines_of(f"[s]\n{text}") == [(key, tuple(values)) for key, values in lines]


@settings(max_examples=300)
@given(st.text(st.sampled_from('a ;,="%\\\n\r[]\t\x1a'), max_size=60))
def test_any_text_is_read_and_reads_the_same_when_written_again(text: str) -> None:
    try:
        parsed = parse(f"[s]\n{text}", name="x.inf")
    except InvalidInput:
        return
    assert told(parse(written(parsed), name="y.inf")) == told(parsed)


@pytest.mark.parametrize(
    ("line", "too_long"),
    [
        pytest.param("\\ " * 500_000 + "x", True, id="backslashes and blanks"),
        pytest.param("%" * 1_000_000, True, id="percent signs"),
        pytest.param('""' * 500_000, True, id="quotation marks"),
        pytest.param("a," * 500_000, False, id="values"),
        pytest.param("a\\\n" * 300_000, True, id="one value of many lines"),
        pytest.param("[a]\n" * 300_000, False, id="sections"),
    ],
)
def test_a_million_characters_are_read_in_one_go(line: str, *, too_long: bool) -> None:
    text = f"[s]\n{line}\n[t]\nb = c\n[Strings]\n%;% = d"
    if too_long:
        with pytest.raises(InvalidInput, match="valid are at most 4095"):
            parse(text, name="x.inf")
    else:
        assert parse(text, name="x.inf").sections["t"].lines[0].fields == ("c",)
