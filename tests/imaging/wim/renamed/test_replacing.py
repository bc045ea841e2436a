"""Names that cannot be get others: readable ones, each once in its folder, and the same in every run."""

from __future__ import annotations

import random
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.wim.checks.names import REFUSED
from osdimage.imaging.wim.renamed.replacing import Named, NameRule, replaced, replaced_streams
from osdimage.native.wim.names import faults_of_name, folded
from osdimage.native.wim.tree import Fault

EVERYWHERE = NameRule(REFUSED)
FAT32 = NameRule(REFUSED | {Fault.TWIN, Fault.CHARACTER, Fault.END})
ALL = NameRule(frozenset(Fault), longest_bytes=40)


def names_of(rule: NameRule, *names: str) -> list[str]:
    return [each.name for each in replaced([Named(name) for name in names], rule)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["a:b", "c\\d", "e/f", "x"], ["a_b", "c_d", "e_f", "x"], id="separators and colons"),
        pytest.param([".", ".."], ["_", "__"], id="the names of directories themselves"),
        pytest.param(["a\0b"], ["a_b"], id="a NUL"),
        pytest.param(["a:b.txt", "A_B.TXT"], ["a_b (2).txt", "A_B.TXT"], id="a name that is taken, in other case"),
        pytest.param(["a\\b", "a:b", "a_b (2)"], ["a_b (3)", "a_b", "a_b (2)"], id="several that become one"),
        pytest.param([".a:b"], [".a_b"], id="a name that begins with a dot"),
        pytest.param(["a: b. c d"], ["a_ b. c d"], id="no ending"),
        pytest.param(["x" * 300 + ".txt"], ["x" * 250 + "~.txt"], id="too long, with its ending"),
        pytest.param(["\U0001f4be" * 128], ["\U0001f4be" * 127 + "~"], id="too long, of pairs of units"),
        pytest.param(["x" * 256, "x" * 257], ["x" * 254 + "~", "x" * 250 + "~ (2)"], id="too long, and one twice"),
        pytest.param(["a?b", "A", "a", "end."], ["a?b", "A", "a", "end."], id="what only Windows refuses"),
    ],
)
def test_names_that_cannot_be_get_others(names: list[str], expected: list[str]) -> None:
    assert names_of(EVERYWHERE, *names) == expected


def test_a_fat_volume_gets_others_for_what_it_refuses() -> None:
    names = ["a?b", "Twin", "twin", "TWIN", "end.", "blank ", "con", "\x01"]
    assert names_of(FAT32, *names) == ["a_b", "Twin (2)", "twin (3)", "TWIN", "end_", "blank_", "con", "_"]


def test_all_that_a_file_system_may_refuse_is_replaced() -> None:
    names = ["con", "lpt1.txt", "a\ud800b", "ü" * 30]
    assert names_of(ALL, *names) == ["con_", "lpt1_.txt", "a_b", "ü" * 19 + "~"]


def test_short_names_that_cannot_be_are_left_out() -> None:
    rule = NameRule(REFUSED | {Fault.SHORT})
    names = [
        Named("one long name", "TWICE~1"),
        Named("two long name", "TWICE~1"),
        Named("three", "A:B"),
        Named("four.txt", "FOUR.TXT"),
        Named("five long", "four.txt"),
        Named("six long", "TOOLONGFOR8.TXT"),
        Named("a:b long", "AB~1"),
    ]
    assert replaced(names, rule) == [
        Named("one long name", "TWICE~1"),
        Named("two long name"),
        Named("three"),
        Named("four.txt", "FOUR.TXT"),
        Named("five long"),
        Named("six long"),
        Named("a_b long", "AB~1"),
    ]


def test_streams_get_other_names_too() -> None:
    assert replaced_streams(["a:b", "a_b", "x\\y", "control\x01"], EVERYWHERE) == {
        "a:b": "a_b (2)",
        "a_b": "a_b",
        "x\\y": "x_y",
        "control\x01": "control\x01",
    }


ODD = st.text("aA_.: ?/\\\0\x07ü(2)~\ud800\U0001f4be", min_size=1, max_size=8) | st.sampled_from(
    [".", "..", "con", "x" * 256, "X" * 256, "ü" * 200]
)


@given(st.lists(ODD, unique=True, max_size=12), st.sampled_from([EVERYWHERE, FAT32, ALL]), st.randoms())
def test_no_name_is_left_that_cannot_be(names: list[str], rule: NameRule, chance: random.Random) -> None:
    given_names = dict(zip(names, names_of(rule, *names), strict=True))
    for old, new in given_names.items():
        assert not rule.refuses(new, faults_of_name(new)), (old, new)
        if not rule.refuses(old, faults_of_name(old)):
            assert new == old or (Fault.TWIN in rule.refused and folded(old) in map(folded, set(names) - {old}))
    changed = [new for old, new in given_names.items() if old != new]
    assert all([folded(each) for each in given_names.values()].count(folded(each)) == 1 for each in changed)
    assert names_of(rule, *given_names.values()) == list(given_names.values())
    shuffled = chance.sample(names, len(names))
    assert dict(zip(shuffled, names_of(rule, *shuffled), strict=True)) == given_names


def test_thousands_of_names_that_become_the_same_get_numbers_in_a_moment() -> None:
    """A hostile image has them; tried one after the other, the numbers of 5,000 took a minute, of 60,000 hours."""
    names = [Named("".join(each)) for each in islice(product(":\\", repeat=13), 5000)]
    new = [each.name for each in replaced(names, EVERYWHERE)]
    assert (new[0], new[1], new[-1]) == ("_" * 13, "_" * 13 + " (2)", "_" * 13 + " (5000)")
    assert len(set(new)) == 5000
