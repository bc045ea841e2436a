"""Trees read as they are stored: told as libwim tells them once it has loaded them, or left to it."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import bulk as cases
from cases.wimcraft import DIRECTORY, FILE, REPARSE_POINT, Node, build, folder, metadata, root, symlink
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from judges.wim import run
from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Relay
from osdimage.native.engine.arrays import Tree
from osdimage.native.status import WimlibError
from osdimage.native.wim import entries, tree
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
from runs import drawn

GROUP = 0x1122334455


def linked(name: str, data: bytes = b"linked", **facts: Any) -> Node:
    """Return a name of a file that has more of them, by the number that they share."""
    return Node(name, data, attributes=FILE, reparse_tag=GROUP, **facts)


def told(wim: Path, stored: bytes) -> list[Entry] | None:
    """Return the entries of a tree as it is stored; None when they are left to libwim."""
    found: list[Entry] = []
    relay = Relay()
    relay.on_item = lambda item: found.append(entries._entry(item))
    with WimHandle.open(wim) as handle, relay:
        blobs, data = Tree(BlobTable(handle)), ffi.from_buffer("uint8_t[]", stored)
        error = lib.osd_tree_walk(blobs.pointer, data, len(stored), lib.osd_on_entry, relay.handle)
    return None if error else found


def loaded(wim: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """Return the entries as libwim tells them, and what it says when it loads them."""
    found: list[Entry] = []
    with WimHandle.open(wim) as handle:
        messages = tree.audit(handle, 1).messages
        entries.each_entry(handle, 1, "/", recursive=True, visit=found.append)
    return found, messages


def comparable(found: list[Entry]) -> list[Entry]:
    """Return entries in the order of their paths, without what nobody asks: sizes as stored, unused numbers."""
    return sorted(
        (
            replace(
                each,
                streams=tuple(replace(stream, stored_size=None) for stream in each.streams),
                link_group=each.link_group if each.links > 1 else None,
                reparse_tag=each.reparse_tag or None,
            )
            for each in found
        ),
        key=lambda each: each.path,
    )


def unix(mode: int) -> bytes:
    return struct.pack("<IIIIII", 0x337DD873, 16, 1000, 100, mode, 0)


EVERYTHING = root(
    *(cases.everything().children or ()),
    linked("link 1"),
    folder("more", linked("link 2"), linked("link 3", short_name="LINK3~1")),
    Node("alone in its group", b"x", attributes=FILE, reparse_tag=GROUP + 1),
    Node("unix", b"u", items=unix(0o100644)),
    Node("object", b"o", items=struct.pack("<II", 1, 64) + bytes(range(64))),
    Node(
        "short object", b"o", items=struct.pack("<II", 7, 3) + b"abc".ljust(8) + struct.pack("<II", 1, 16) + b"i" * 16
    ),
    Node("broken items", b"o", items=struct.pack("<II", 1, 640) + b"i" * 16),
    Node(b"half \x00\xd8 pair".replace(b" ", b" \0").replace(b"half", b"h\0a\0l\0f\0").replace(b"pair", b"p\0")),
)


@pytest.mark.parametrize("made", [root(), EVERYTHING], ids=["empty", "everything"])
def test_what_is_sound_is_told_as_libwim_tells_it(made: Node, tmp_path: Path) -> None:
    (tmp_path / "wim").write_bytes(build(made, descriptors=cases.DESCRIPTORS))
    expected, _ = loaded(tmp_path / "wim")
    found = told(tmp_path / "wim", metadata(made, cases.DESCRIPTORS))
    assert found is not None
    assert comparable(found) == comparable(expected)


@drawn.examples(1, 4)
def test_trees_of_chance_are_told_as_libwim_tells_them(examples: int, tmp_path: Path) -> None:
    # Of 481 files; the first that is drawn is a small one.
    @settings(max_examples=examples, deadline=None)
    @example(seed=12345)
    @given(seed=st.integers(0, 1 << 32))
    def check(seed: int) -> None:
        made = cases.at_random(seed)
        (tmp_path / "wim").write_bytes(build(made, descriptors=cases.DESCRIPTORS))
        found = told(tmp_path / "wim", metadata(made, cases.DESCRIPTORS))
        assert found is not None
        assert comparable(found) == comparable(loaded(tmp_path / "wim")[0])

    check()


@pytest.mark.foreign
def test_trees_of_wimlib_are_told_as_it_tells_them(tmp_path: Path) -> None:
    # The tree of a WIM that is not compressed is in the file as it is.
    source, wim = tmp_path / "source", tmp_path / "wim"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "file").write_bytes(b"contents")
    (source / "a" / "b" / "link").hardlink_to(source / "a" / "file")
    (source / "soft").symlink_to("a")
    (source / "é").touch()
    run("wimlib-imagex", "capture", source, wim, "--unix-data", "--compress=none")
    with WimHandle.open(wim) as handle:
        place = tree.tree_blob(handle, 1)
    assert place is not None
    found = told(wim, wim.read_bytes()[place.resource_offset : place.resource_offset + place.size])
    assert found is not None
    assert comparable(found) == comparable(loaded(wim)[0])


LEFT = {
    "a name that is dropped": root(Node("..")),
    "a name in two parts": root(Node("a/b")),
    "a name that is ended early": root(Node(b"a\0\0\0b\0")),
    "a name that is too long": root(Node("x" * 256)),
    "a short name that is too long": root(Node("x", short_name="ABCDEFGH.TEXT")),
    "no name": root(Node("")),
    "an encrypted file": root(Node("secret", b"raw", attributes=FILE | 0x4000)),
    "contents beside a reparse point": root(Node("wof", b"data", reparse_tag=0x80000017, contents=b"contents")),
    "two contents": root(Node("two", b"data", contents=b"contents")),
    "a descriptor that is not there": root(Node("far", security_id=99)),
    "names of one file with other attributes": root(linked("1"), Node("2", b"linked", attributes=1, reparse_tag=GROUP)),
    "names of one file with other contents": root(linked("1"), linked("2", b"other")),
    "names of one file with other items": root(linked("1"), linked("2", items=unix(0o644))),
    "a directory with two names": root(
        Node("1", children=[], attributes=DIRECTORY, reparse_tag=GROUP),
        Node("2", children=[], attributes=DIRECTORY, reparse_tag=GROUP),
    ),
    "an entry that leaves the tree": root(Node("long", length=1 << 20)),
    "an entry that is too short": root(Node("short", length=100)),
    "entries in a link": root(symlink("link", "x", Node("in it"))),
    "a root that is none": Node("", children=[], attributes=DIRECTORY | REPARSE_POINT),
    "a root with a name": folder("name"),
}


@pytest.mark.parametrize("made", LEFT.values(), ids=LEFT)
def test_what_libwim_mends_or_reads_in_its_own_way_is_left_to_it(made: Node, tmp_path: Path) -> None:
    (tmp_path / "wim").write_bytes(build(root(Node("x", b"linked"), Node("y", b"other"), Node("z", b"data"))))
    assert told(tmp_path / "wim", metadata(made)) is None


def test_directories_that_share_their_entries_are_left_to_libwim(tmp_path: Path) -> None:
    first = folder("1", Node("x"))
    made = root(first, Node("2", children=[Node("y")], subdir_of=first))
    (tmp_path / "wim").write_bytes(build(made))
    assert told(tmp_path / "wim", metadata(made)) is None


def test_a_cycle_is_left_to_libwim(tmp_path: Path) -> None:
    above = folder("1")
    above.children = [Node("2", children=[Node("x")], subdir_of=above)]
    (tmp_path / "wim").write_bytes(build(root(Node("x"))))
    assert told(tmp_path / "wim", metadata(root(above))) is None


def test_contents_that_are_not_in_the_wim_are_left_to_libwim(tmp_path: Path) -> None:
    (tmp_path / "wim").write_bytes(build(root(Node("a", b"here"))))
    assert told(tmp_path / "wim", metadata(root(Node("a", b"elsewhere")))) is None


@pytest.mark.parametrize("names", [("file", "file"), ("a:b", "c")], ids=["doubles", "refused"])
def test_names_that_are_dropped_or_refused_leave_the_audit_to_libwim(names: tuple[str, ...], tmp_path: Path) -> None:
    made = root(*map(Node, names))
    (tmp_path / "wim").write_bytes(build(made))
    with WimHandle.open(tmp_path / "wim") as handle:
        filled = Tree(BlobTable(handle))
        assert tree.audit_stored(metadata(made), filled.pointer) is None


@pytest.mark.parametrize("made", [root(), EVERYTHING], ids=["empty", "everything"])
def test_the_audit_is_that_of_the_loaded_tree(made: Node, tmp_path: Path) -> None:
    # Of names that differ in case only, the second is told: that depends on the order.
    made = root(*(each for each in made.children or () if each.name != "names"))
    (tmp_path / "wim").write_bytes(build(made, descriptors=cases.DESCRIPTORS))
    with WimHandle.open(tmp_path / "wim") as handle:
        filled = Tree(BlobTable(handle))
        assert tree.audit_stored(metadata(made, cases.DESCRIPTORS), filled.pointer) == tree.audit(handle, 1)


SMALL = root(
    folder("d", Node("a", b"one", short_name="A~1"), Node("b", b"two", streams={"s": b"three"})),
    linked("1"),
    linked("2"),
    symlink("soft", "\\??\\C:\\x"),
    Node("i", b"one", security_id=1, items=unix(0o644)),
)
STORED = metadata(SMALL, cases.DESCRIPTORS)
# Of the root, which is behind the descriptors: DIRENTRY.liSubdirOffset.
CHILDREN_AT = -(-int.from_bytes(STORED[:4], "little") // 8) * 8 + 16


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(STORED) - 1), st.integers(0, 255)), min_size=1, max_size=3))
@example(changes=[(0, 0)])
# The highest byte of where the entries of the root are.
@example(changes=[(CHILDREN_AT + 7, 0xF6)])
def test_a_damaged_tree_is_told_as_libwim_tells_it_or_left_to_it(
    changes: list[tuple[int, int]], tmp_path: Path
) -> None:
    damaged = bytearray(STORED)
    for at, value in changes:
        damaged[at] = value
    wim = tmp_path / "wim"
    wim.write_bytes(build(SMALL, descriptors=cases.DESCRIPTORS, raw_metadata=bytes(damaged)))
    found = told(wim, bytes(damaged))
    if found is None:
        return
    try:
        expected, messages = loaded(wim)
    except WimlibError as error:
        raise AssertionError(f"libwim cannot load what was told: {error}") from error
    assert not [text for text in messages if "duplicate" not in text]
    if not messages:
        assert comparable(found) == comparable(expected)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, len(STORED)), noise=st.binary(max_size=64))
def test_no_tree_leads_out_of_its_bytes(size: int, noise: bytes, tmp_path: Path) -> None:
    wim = tmp_path / "wim"
    if not wim.exists():
        wim.write_bytes(build(SMALL, descriptors=cases.DESCRIPTORS))
    told(wim, STORED[:size] + noise)
