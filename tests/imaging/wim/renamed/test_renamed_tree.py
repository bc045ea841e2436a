"""A tree with other names is the tree that was, but for them."""

from __future__ import annotations

import pytest
from cases.wimcraft import Node, folder, metadata, root, symlink
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.checks.names import REFUSED
from osdimage.imaging.wim.renamed.renamed_tree import with_other_names
from osdimage.imaging.wim.renamed.replacing import NamePart, NameRule, ReplacedName
from osdimage.native.wim.tree import Fault

RULE = NameRule(REFUSED | {Fault.SHORT})
DESCRIPTORS = (b"d" * 20, b"e" * 33)
ITEM = b"\x01\0\0\0\x10\0\0\0" + b"i" * 16


def tree_of(*, is_odd: bool) -> Node:
    """Return a tree with odd names, or the same with those that they are to get; all else is there, too."""

    def name(odd: str, plain: str) -> str:
        return odd if is_odd else plain

    return root(
        folder(
            name("a:b", "a_b"),
            Node(name("c\\d", "c_d"), b"1", short_name="CD~1", items=ITEM, security_id=1),
            folder("empty"),
            folder(name("..", "__"), Node(name("e/f", "e_f"), b"2", link_group=7)),
        ),
        Node("linked", b"2", link_group=7, created=130_000_000_000_000_001),
        Node("short", b"3", short_name=name("A:B", "")),
        Node("streams", b"4", streams={name("s:t", "s_t"): b"5", "plain": b"6"}),
        symlink("link", "/a:b"),
    )


def test_all_but_the_names_stays_as_it_is() -> None:
    found = with_other_names(metadata(tree_of(is_odd=True), DESCRIPTORS), RULE)
    assert found is not None
    assert found.tree == metadata(tree_of(is_odd=False), DESCRIPTORS)
    assert set(found.names) == {
        ReplacedName("/a:b", NamePart.NAME, "a:b", "a_b"),
        ReplacedName("/a:b/c\\d", NamePart.NAME, "c\\d", "c_d"),
        ReplacedName("/a:b/..", NamePart.NAME, "..", "__"),
        ReplacedName("/a:b/../e/f", NamePart.NAME, "e/f", "e_f"),
        ReplacedName("/short", NamePart.SHORT_NAME, "A:B", None),
        ReplacedName("/streams", NamePart.STREAM, "s:t", "s_t"),
    }
    assert found.paths == {
        "/a:b": "/a_b",
        "/a:b/c\\d": "/a_b/c_d",
        "/a:b/empty": "/a_b/empty",
        "/a:b/..": "/a_b/__",
        "/a:b/../e/f": "/a_b/__/e_f",
    }
    assert with_other_names(found.tree, RULE) is None


def test_a_line_tells_what_was_replaced() -> None:
    lines = [
        str(ReplacedName("/x/a:b", NamePart.NAME, "a:b", "a_b")),
        str(ReplacedName("/x", NamePart.SHORT_NAME, "A:B", None)),
        str(ReplacedName("/x", NamePart.STREAM, "s:t", "s_t")),
    ]
    assert lines == ["'/x/a:b' became 'a_b'", "'/x' lost its short name 'A:B'", "the stream 's:t' of '/x' became 's_t'"]


def test_two_folders_with_one_list_are_refused() -> None:
    first = folder("a:b", Node("x", b"x"))
    with pytest.raises(CorruptWim, match="one list"):
        with_other_names(metadata(root(first, Node("second", children=[], subdir_of=first))), RULE)


@given(st.data())
def test_a_damaged_tree_is_an_error_or_a_tree(data: st.DataObject) -> None:
    tree = bytearray(metadata(tree_of(is_odd=True), DESCRIPTORS))
    for _ in range(data.draw(st.integers(1, 3))):
        tree[data.draw(st.integers(0, len(tree) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(tree[: data.draw(st.integers(0, len(tree)))])
    try:
        found = with_other_names(cut, RULE)
    except CorruptWim:
        return
    assert found is None or with_other_names(found.tree, RULE) is None
