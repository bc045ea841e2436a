"""Short names, case bits and long names."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest, UnsafeName
from osdimage.imaging.volume.fat import names as fat_names
from osdimage.imaging.volume.fat.names import StoredName, fold, read_long, read_short, refuse_name, store_names

# fatgen103, "Name Limits and Character Sets": all that a short name may hold.
VALID_SHORT = re.compile(rb"[A-Z0-9$%'\-_@~`!(){}^#&\x80-\xff]+ *")


def short_of(stored: StoredName) -> str:
    base, extension = stored.short[:8].decode("cp437").rstrip(), stored.short[8:].decode("cp437").rstrip()
    return f"{base}.{extension}" if extension else base


# fatgen103, "Generating 8.3 Names from Long Names"; test_fat32_judged asks mtools for the same.
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["README.TXT"], ["README.TXT"], id="as it is"),
        pytest.param(["readme.txt"], ["README.TXT"], id="lower-case"),
        pytest.param(["ReadMe.txt"], ["README.TXT"], id="mixed case needs no tail"),
        pytest.param(["The quick brown.fox"], ["THEQUI~1.FOX"], id="the example of fatgen103"),
        pytest.param(["a b"], ["AB~1"], id="a space"),
        pytest.param([".profile"], ["PROFIL~1"], id="a leading dot"),
        pytest.param(["a.b.c"], ["AB~1.C"], id="two dots"),
        pytest.param(["x.html"], ["X~1.HTM"], id="a long extension"),
        pytest.param(["a+b"], ["A_B~1"], id="characters that become an underscore"),
        pytest.param(["日本"], ["__~1"], id="characters that the code page lacks"),
        pytest.param(["größe.txt"], ["GRÖßE.TXT"], id="characters that the code page has"),
        pytest.param(["grösser als alles"], ["GRÖSSE~1"], id="and a tail"),
        pytest.param([" a"], ["A~1"], id="only a space makes the difference"),
        pytest.param(["longname1", "longname2"], ["LONGNA~1", "LONGNA~2"], id="two alike"),
        pytest.param(["longname1", "LONGNA~1"], ["LONGNA~2", "LONGNA~1"], id="a tail never takes a name"),
    ],
)
def test_short_names(names: list[str], expected: list[str]) -> None:
    assert [short_of(each) for each in store_names(names, [None] * len(names), 437)] == expected


@pytest.mark.parametrize(
    ("name", "bits", "has_long"),
    [
        ("README.TXT", 0, False),
        ("readme.txt", 0x18, False),
        ("readme.TXT", 0x08, False),
        ("README.txt", 0x10, False),
        ("123.456", 0, False),
        ("Readme.txt", 0, True),
        ("äöü.txt", 0, True),
        ("ÄÖÜ.TXT", 0, True),
    ],
)
def test_case_bits_spare_the_long_name(name: str, bits: int, has_long: bool) -> None:
    (stored,) = store_names([name], [None], 437)
    assert (stored.case_bits, bool(stored.long)) == (bits, has_long)


def test_tails_grow_and_the_base_makes_room() -> None:
    names = [f"long name {number:04d}" for number in range(1200)]
    shorts = [short_of(each) for each in store_names(names, [None] * len(names), 437)]
    assert shorts[:2] == ["LONGNA~1", "LONGNA~2"]
    assert shorts[8:10] == ["LONGNA~9", "LONGN~10"]
    assert shorts[98:100] == ["LONGN~99", "LONG~100"]
    assert shorts[998:1000] == ["LONG~999", "LON~1000"]
    assert len(set(shorts)) == len(names)


@pytest.mark.parametrize(
    ("name", "wish", "expected"),
    [
        ("long file name", "LFN.X", "LFN.X"),
        ("long file name", "lfn.x", "LFN.X"),
        ("long file name", "OTHER", "LONGFI~1"),
        ("long file name", "NOT VALID", "LONGFI~1"),
        ("SHORT", "LFN.X", "SHORT"),
    ],
)
def test_a_short_name_from_elsewhere_is_kept_when_it_can_be(name: str, wish: str, expected: str) -> None:
    stored = store_names([name, "OTHER"], [wish, None], 437)
    assert [short_of(each) for each in stored] == [expected, "OTHER"]


def test_a_name_that_is_made_leaves_those_that_were_wished() -> None:
    names = ["long name number 1", "long name number 2", "long name number 3"]
    stored = store_names(names, [None, "LONGNA~1", "LONGNA~1"], 437)
    assert [each.short for each in stored] == [b"LONGNA~2   ", b"LONGNA~1   ", b"LONGNA~3   "]


def test_the_byte_that_marks_erased_entries_is_never_the_first() -> None:
    # Õ is E5 in code page 850.
    (stored,) = store_names(["Õ"], [None], 850)
    assert stored.short[0] == 0x05
    assert read_short(stored.short, 0, "cp850") == "Õ"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((f"a{character}b", "is not allowed") for character in '"*/:<>?\\|\0\n\x1f'),
        ("trailing.", "cannot end in '.'"),
        ("trailing ", "cannot end in ' '"),
        ("...", "cannot end in"),
        ("", "no name"),
        (".", "no name"),
        ("..", "no name"),
        ("n" * 256, "longer than 255"),
        ("😀" * 128, "longer than 255"),
    ],
)
def test_names_that_fat_cannot_hold_are_refused_with_their_path(name: str, message: str) -> None:
    with pytest.raises(UnsafeName, match=message) as caught:
        refuse_name(name, f"some/{name}")
    assert caught.value.path == f"some/{name}"


def test_unknown_code_pages_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"932 is not supported.*437, "):
        store_names(["a"], [None], 932)


@pytest.mark.parametrize("label", ["a.b", "a/b", "x" * 12, " a", "a ", "日本", "a\tb"])
def test_labels_that_cannot_be_are_refused(label: str) -> None:
    with pytest.raises(InvalidRequest, match="label"):
        fat_names.store_label(label, 437)


# Names that FAT holds, with what makes trouble more often than chance would have it.
ALPHABET = st.one_of(
    st.sampled_from(string.ascii_letters + "0123456789 .~_+,;=[]äÖß"),
    st.characters(exclude_characters='"*/:<>?\\|', exclude_categories=["Cc"]),
    st.integers(0xD800, 0xDFFF).map(chr),
)
# A pair of lone surrogates is one character to UTF-16, and would come back as one.
VALID = st.text(ALPHABET, min_size=1, max_size=40).filter(
    lambda name: (
        name[-1] not in ". " and name == name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    )
)


@example(["%", "a%b.c", "long %% name.text"], 864)
@given(st.lists(VALID, unique_by=fold, max_size=60), st.sampled_from(fat_names.CODE_PAGES))
def test_every_name_gets_a_valid_short_name_of_its_own_and_is_read_back(names: list[str], code_page: int) -> None:
    stored = store_names(names, [None] * len(names), code_page)
    assert len({each.short for each in stored}) == len(names)
    longs = {fold(name): index for index, name in enumerate(names)}
    for index, (name, each) in enumerate(zip(names, stored, strict=True)):
        refuse_name(name, name)
        base, extension = fat_names.show_e5(each.short)[:8], each.short[8:]
        assert VALID_SHORT.fullmatch(base), each.short
        assert extension == b"   " or VALID_SHORT.fullmatch(extension), each.short
        entries = [each.long[at : at + 32] for at in range(0, len(each.long), 32)]
        shown = read_long(entries, each.short) if entries else read_short(each.short, each.case_bits, f"cp{code_page}")
        assert shown == name
        # A short name is a name: it must not be that of another file.
        assert longs.get(fold(read_short(each.short, 0, f"cp{code_page}")), index) == index


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=25), st.binary(min_size=11, max_size=11))
def test_arbitrary_long_entries_are_a_name_or_none(entries: list[bytes], short: bytes) -> None:
    name = read_long(entries, short)
    assert name is None or 0 < len(name) <= 255
