"""The plan of a copy takes what is sound, and nothing of what is not, whatever a file says."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cases import wimcraft
from cases.wimcraft import Node
from hypothesis import given
from hypothesis import strategies as st
from osdimage.native.wim.raw_copy import ENTRY_BYTES, CopyPlan

SOLID_RESOURCE = 1 << 32
SOLID = 0x10


@contextmanager
def failing(number: int) -> Iterator[None]:
    """Want an OSError of a number."""
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        yield
    assert caught.value.errno == number


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def entry(name: bytes, offset: int, stored: int, *, size: int | None = None, flags: int = 0, part: int = 1) -> bytes:
    """Return an entry of the format's RESHDR_DISK."""
    whole = stored if size is None else size
    return struct.pack("<QQQHI20s", stored | flags << 56, offset, whole, part, 7, sha1(name))


def tree(*names: bytes) -> bytes:
    return wimcraft.metadata(wimcraft.root(*(Node(name.decode(), name) for name in names)))


def test_what_is_wanted_goes_where_there_is_no_hole() -> None:
    table = entry(b"a", 300, 10) + entry(b"b", 208, 50) + entry(b"c", 258, 42) + entry(b"d", 400, 5)
    plan = CopyPlan(table)
    plan.add_tree(tree(b"b", b"a"), may_miss=False)
    plan.add_tree(tree(b"a"), may_miss=False)
    assert plan.lay_out(1000) == 1
    # In the order of the file, joined where both touch: 208 + 50 and, behind a hole, 300 + 10.
    assert plan.ranges(1) == [(208, 208, 50), (300, 258, 10)]
    rows = [struct.unpack("<QQQHI20s", plan.table(1)[at : at + 50]) for at in range(0, 100, 50)]
    assert [(row[0], row[1], row[4], row[5]) for row in rows] == [(10, 258, 2, sha1(b"a")), (50, 208, 1, sha1(b"b"))]


def test_parts_are_filled_in_order() -> None:
    table = b"".join(entry(b"%d" % number, 208 + 100 * number, 100) for number in range(5))
    plan = CopyPlan(table)
    plan.add_tree(tree(*(b"%d" % number for number in range(5))), may_miss=False)
    # Each has 300 besides, the first one 150 more: room for one, two and two of 150 with their entries.
    assert plan.lay_out(10_000, limit=600, fixed=300, first=150) == 3
    assert [[(each.source, each.size) for each in plan.ranges(part)] for part in (1, 2, 3)] == [
        [(208, 100)],
        [(308, 200)],
        [(508, 200)],
    ]
    assert [len(plan.table(part)) // ENTRY_BYTES for part in (1, 2, 3)] == [1, 2, 2]
    assert struct.unpack_from("<H", plan.table(3), 24) == (3,)
    with failing(errno.EFBIG):
        plan.lay_out(10_000, limit=449, fixed=300, first=0)
    assert plan.culprit == table[:50]


def test_what_is_larger_than_a_part_may_have_one_of_its_own() -> None:
    sizes = (100, 500, 20, 30)
    places = [208 + sum(sizes[:number]) for number in range(4)]
    table = b"".join(entry(b"%d" % number, places[number], sizes[number]) for number in range(4))
    plan = CopyPlan(table)
    plan.add_tree(tree(b"0", b"1", b"2", b"3"), may_miss=False)
    # Each has 300 besides, and the first one more than it may have.
    assert plan.lay_out(10_000, limit=500, fixed=300, first=250, may_exceed=True) == 4
    assert [[each.size for each in plan.ranges(part)] for part in (1, 2, 3, 4)] == [[], [100], [500], [50]]


def test_a_solid_resource_is_copied_whole_or_not_at_all() -> None:
    table = (
        entry(b"", 208, 30, size=SOLID_RESOURCE, flags=SOLID)
        + entry(b"a", 0, 60, flags=SOLID)
        + entry(b"b", 60, 40, flags=SOLID)
        + entry(b"c", 300, 7)
    )
    plan = CopyPlan(table)
    plan.add_tree(tree(b"a", b"b"), may_miss=False)
    plan.lay_out(1000)
    assert plan.ranges(1) == [(208, 208, 30)]
    assert len(plan.table(1)) == 3 * ENTRY_BYTES
    other = CopyPlan(table)
    other.add_tree(tree(b"a", b"c"), may_miss=False)
    with failing(errno.ENOTSUP):
        other.lay_out(1000)


UNKNOWN = {
    "another part": entry(b"a", 208, 1, part=2),
    "unknown flag": entry(b"a", 208, 1, flags=0x20),
    "free": entry(b"a", 208, 1, flags=0x01),
    "in no solid resource": entry(b"a", 208, 1, flags=SOLID),
    "a tree in a solid resource": entry(b"", 208, 9, size=SOLID_RESOURCE, flags=SOLID)
    + entry(b"a", 0, 1, flags=SOLID | 2),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_table_with_what_is_not_known_is_none_to_copy(name: str) -> None:
    with failing(errno.ENOTSUP):
        CopyPlan(UNKNOWN[name])


TREES = {
    "no bytes": b"",
    "cut off": tree(b"a")[:150],
    "two equal names": wimcraft.metadata(wimcraft.root(Node("a", b"a"), Node("a", b"a"))),
    "a name of two dots": wimcraft.metadata(wimcraft.root(Node("..", b"a"))),
    "a separator in a name": wimcraft.metadata(wimcraft.root(Node("a/b", b"a"))),
    "children of a file": wimcraft.metadata(
        wimcraft.root(Node("a", None, attributes=0x20, children=[Node("b", b"a")]))
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_a_tree_that_libwim_would_not_take_whole(name: str) -> None:
    with failing(errno.EBADMSG):
        CopyPlan(entry(b"a", 208, 1)).add_tree(TREES[name], may_miss=False)


def test_what_is_in_another_file() -> None:
    plan = CopyPlan(entry(b"a", 208, 1))
    with failing(errno.ENODATA):
        plan.add_tree(tree(b"a", b"b"), may_miss=False)
    plan.add_tree(tree(b"a", b"b"), may_miss=True)
    plan.lay_out(1000)
    assert plan.ranges(1) == [(208, 208, 1)]


LIES = {
    "before the contents": entry(b"a", 100, 1),
    "beyond the end": entry(b"a", 999, 2),
    "so far that it wraps": entry(b"a", (1 << 64) - 1, 2),
    "twice the file": entry(b"a", 208, 700) + entry(b"b", 208, 700),
}


@pytest.mark.parametrize("name", LIES)
def test_places_that_cannot_be(name: str) -> None:
    plan = CopyPlan(LIES[name])
    plan.add_tree(tree(b"a", b"b"), may_miss=True)
    with failing(errno.EBADMSG):
        plan.lay_out(1000)


@given(st.binary(max_size=700), st.data())
def test_no_bytes_make_a_plan_that_leaves_its_file(noise: bytes, data: st.DataObject) -> None:
    good = tree(b"a", b"b")
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + noise[:20] + good[at + len(noise[:20]) :]
    for table in (noise, entry(b"a", 208, 10) + noise):
        try:
            plan = CopyPlan(table[: len(table) // ENTRY_BYTES * ENTRY_BYTES])
            for each in (changed, noise):
                plan.add_tree(each, may_miss=True)
            parts = plan.lay_out(5000, limit=data.draw(st.sampled_from([0, 600])), fixed=300)
        except OSError as error:
            if error.errno not in {errno.EBADMSG, errno.ENOTSUP, errno.EFBIG}:
                raise
            continue
        ranges = [each for part in range(1, parts + 1) for each in plan.ranges(part)]
        assert all(each.source >= 208 and each.source + each.size <= 5000 for each in ranges)
        assert sum(each.size for each in ranges) <= 5000


def test_a_tree_tells_whether_its_folders_have_streams() -> None:
    plan = CopyPlan(entry(b"a", 208, 1))
    file = Node("file", b"a", streams={"one": b"b"})
    for children, streams, found in (
        ([], {}, False),
        ([file], {}, False),
        ([file, Node("folder", children=[])], {}, False),
        ([file, Node("folder", children=[], streams={"one": b"b"})], {}, True),
        ([file], {"one": b"b"}, True),
    ):
        made = wimcraft.metadata(Node("", children=children, streams=streams))
        assert plan.add_tree(made, may_miss=True) is found, (children, streams)
