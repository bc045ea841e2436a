"""What changed between two images, against what wimlib-imagex says of both.

The images are laid out byte by byte (``cases.wimcraft``), so that they have whatever files can have.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from cases.ntfs_items import DENIED, OPEN
from cases.wimcraft import Node, build, folder, metadata, root, symlink
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import CorruptWim, ImageSelector, InvalidRequest, WimFile
from osdimage.imaging.compare import Fidelity, ImageDiff, diff_images
from osdimage.imaging.compare.images import ALL_KINDS
from osdimage.imaging.compare.tree_facts import TreeFacts
from osdimage.imaging.wim import WimImage

foreign = pytest.mark.foreign

TIME = 130_000_000_000_000_000
SECOND = 10_000_000
# What wimlib-imagex says nothing of, or that follows from other facts of several files.
NOT_LISTED = {"hard-links", "extended-attributes", "names"}
NO_HASH = "0x" + "0" * 40

# The labels of wimlib-imagex, and what they are here.
LABELS = {
    "Attributes": "attributes",
    "Security Descriptor": "security-descriptors",
    "Creation Time": "creation-times",
    "Last Write Time": "modification-times",
    "Last Access Time": "access-times",
    "Short Name": "short-names",
    "Object ID": "object-ids",
}


def item(tag: int, data: bytes) -> bytes:
    return struct.pack("<II", tag, len(data)) + data + bytes(-len(data) % 8)


def unix(owner: int = 1, group: int = 2, mode: int = 0o100644, device: int = 0) -> bytes:
    return item(0x337DD873, struct.pack("<IIII", owner, group, mode, device))


def object_id(number: int) -> bytes:
    return item(1, bytes([number]) * 64)


def extended(value: bytes) -> bytes:
    return item(2, struct.pack("<HBB", len(value), 8, 0) + b"user.one\0" + value)


def as_image(folder: Path, *trees: Node, name: str = "pair.wim") -> Path:
    path = folder / name
    path.write_bytes(build(*trees, descriptors=[OPEN, DENIED]))
    return path


def differ(wim: Path, other: Path | None = None, images: tuple[int, int] = (1, 2), **options: object) -> ImageDiff:
    with WimFile.open(wim) as first, WimFile.open(other or wim) as second:
        one, two = first.select(ImageSelector(index=images[0])), second.select(ImageSelector(index=images[1]))
        return diff_images(one, two, **options)  # type: ignore[arg-type]


def told(found: ImageDiff) -> list[tuple[str, str]]:
    return [(each.kind.value, each.path) for each in found.changed]


# ---- the second opinion


def kinds_by_wimlib(one: judges.DetailedEntry, other: judges.DetailedEntry, path: str) -> Iterator[tuple[str, str]]:
    for label, kind in LABELS.items():
        if one.facts.get(label) != other.facts.get(label):
            yield kind, path
    data = [dict(each.split(":") for each in entry.facts.get("UNIX Data", "").split()) for entry in (one, other)]
    for kind, names in (("owners", ("uid", "gid")), ("modes", ("mode",)), ("device-numbers", ("rdev",))):
        values = [[each.get(name) for name in names] for each in data]
        # No device has the number 0.
        if kind == "device-numbers":
            values = [[None if number == "0x0" else number for number in each] for each in values]
        if values[0] != values[1]:
            yield kind, path
    tags = [entry.facts.get("Reparse Tag") for entry in (one, other)]
    mains = [None if entry.streams.get("", NO_HASH) == NO_HASH else entry.streams[""] for entry in (one, other)]
    if any(tags) and (tags[0], tags[0] and mains[0]) != (tags[1], tags[1] and mains[1]):
        yield "reparse-points", path
    if (None if tags[0] else mains[0]) != (None if tags[1] else mains[1]):
        yield "contents", path
    for name in (one.streams.keys() | other.streams.keys()) - {""}:
        if one.streams.get(name) != other.streams.get(name):
            yield "named-streams", f"{path}:{name}"


def wimlib_says(wim: Path, other: Path, images: tuple[int, int]) -> tuple[set[str], set[str], set[tuple[str, str]]]:
    """Return what is removed, added and changed, as it follows from what wimlib-imagex lists."""
    before, after = judges.wimlib_entries(wim, images[0]), judges.wimlib_entries(other, images[1])
    changed = {
        each for path in before.keys() & after.keys() for each in kinds_by_wimlib(before[path], after[path], path)
    }
    return before.keys() - after.keys(), after.keys() - before.keys(), changed


def groups_by_wimlib(wim: Path, image: int, among: set[str]) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for path, entry in judges.wimlib_entries(wim, image).items():
        if path in among and entry.facts["Link Count"] != "1":
            found.setdefault(entry.facts["Link Group ID"], set()).add(path)
    return {frozenset(paths) for paths in found.values() if len(paths) > 1}


def below(paths: set[str], top: str) -> set[str]:
    return {path for path in paths if path == top or path.startswith(f"{top}/")}


def assert_agrees(wim: Path, other: Path | None = None, images: tuple[int, int] = (1, 2)) -> ImageDiff:
    """Compare what is told with the second opinion; what was renamed is removed and added there."""
    found = differ(wim, other, images)
    removed, added, changed = wimlib_says(wim, other or wim, images)
    before, after = {each.path for each in found.removed}, {each.path for each in found.added}
    for each in found.renamed:
        ours, theirs = below(removed, each.before), below(added, each.after)
        assert {path[len(each.before) :] for path in ours} == {path[len(each.after) :] for path in theirs}
        assert len(ours) == each.names
        before |= ours
        after |= theirs
    assert (before, after) == (removed, added)
    assert {each for each in told(found) if each[0] not in NOT_LISTED} == changed
    both = set(judges.wimlib_entries(wim, images[0])) - removed
    groups = [groups_by_wimlib(each, image, both) for each, image in zip((wim, other or wim), images, strict=True)]
    assert ("hard-links" in {kind for kind, _ in told(found)}) == (groups[0] != groups[1])
    return found


BASE = Node("f", b"one", created=TIME)
LINK = symlink("f", "C:\\one")
# What a file was and is, and the kinds in which it is another.
CHANGES = {
    "contents": (BASE, replace(BASE, data=b"two"), ["contents"]),
    "emptied": (BASE, replace(BASE, data=b""), ["contents"]),
    "attributes": (BASE, replace(BASE, attributes=0x21), ["attributes"]),
    "times": (BASE, replace(BASE, created=TIME + SECOND), ["creation-times", "modification-times", "access-times"]),
    "descriptor": (replace(BASE, security_id=0), replace(BASE, security_id=1), ["security-descriptors"]),
    "no descriptor": (replace(BASE, security_id=0), BASE, ["security-descriptors"]),
    "a descriptor that is none": (replace(BASE, security_id=7), BASE, []),
    "short name": (replace(BASE, short_name="F~1"), replace(BASE, short_name="F~2"), ["short-names"]),
    "no short name": (replace(BASE, short_name="F~1"), BASE, ["short-names"]),
    "object id": (replace(BASE, items=object_id(1)), replace(BASE, items=object_id(2)), ["object-ids"]),
    "owner": (replace(BASE, items=unix()), replace(BASE, items=unix(owner=5)), ["owners"]),
    "mode": (replace(BASE, items=unix()), replace(BASE, items=unix(mode=0o100600)), ["modes"]),
    "device": (
        replace(BASE, items=unix(mode=0o20600, device=0x103)),
        replace(BASE, items=unix(mode=0o20600, device=0x104)),
        ["device-numbers"],
    ),
    "no data of Unix": (replace(BASE, items=unix()), BASE, ["owners", "modes"]),
    "items in another order": (
        replace(BASE, items=unix() + object_id(1)),
        replace(BASE, items=object_id(1) + unix()),
        [],
    ),
    "where a link leads": (LINK, symlink("f", "C:\\two"), ["reparse-points"]),
    "a link for a file": (BASE, replace(LINK, created=TIME), ["attributes", "contents", "reparse-points"]),
    "the tag": (
        replace(LINK, reparse_tag=0x80000017),
        replace(LINK, reparse_tag=0x80000018),
        ["reparse-points"],
    ),
    "named streams": (
        replace(BASE, streams={"a": b"1", "b": b"2", "c": b"3"}),
        replace(BASE, streams={"a": b"1", "b": b"4", "d": b"5"}),
        ["named-streams"] * 3,
    ),
    "nothing": (replace(BASE, streams={"a": b"1"}, items=unix()), replace(BASE, streams={"a": b"1"}, items=unix()), []),
}


@foreign
@pytest.mark.parametrize(("before", "after", "kinds"), CHANGES.values(), ids=CHANGES.keys())
def test_each_fact_is_told_of(before: Node, after: Node, kinds: list[str], tmp_path: Path) -> None:
    wim = as_image(tmp_path, root(folder("d", before), Node("z")), root(folder("d", after), Node("z")))
    found = assert_agrees(wim)
    assert sorted(each.kind.value for each in found.changed) == sorted(kinds)
    assert {each.path.partition(":")[0] for each in found.changed} <= {"/d/f"}
    assert found.is_equal == (not kinds)


def test_what_wimlib_does_not_list_is_told_of_too(tmp_path: Path) -> None:
    behind, flag = symlink("behind", "C:\\one"), symlink("flag", "C:\\one")
    wim = as_image(
        tmp_path,
        root(replace(BASE, items=extended(b"1")), behind, flag),
        root(replace(BASE, items=extended(b"2")), replace(behind, contents=b"x"), replace(flag, link_flags=1)),
    )
    assert told(differ(wim)) == [
        ("contents", "/behind"),
        ("extended-attributes", "/f"),
        ("reparse-points", "/flag"),
    ]
    (change,) = [each for each in differ(wim).changed if each.path == "/f"]
    assert (change.before, change.after) == ("user.one = 31", "user.one = 32")


@foreign
def test_the_same_stored_in_another_way_is_no_difference(tmp_path: Path) -> None:
    # libwim stores the main stream of a file with others behind its entry, crafted ones have it in the entry.
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "f").write_bytes(b"one")
    judges.wimlib("capture", tree, tmp_path / "one.wim", "--compress=none")
    judges.wimlib("export", tmp_path / "one.wim", "1", tmp_path / "two.wim", "--compress=lzms", "--solid")
    judges.wimlib("export", tmp_path / "one.wim", "1", tmp_path / "three.wim", "--pipable")
    for other in ("two.wim", "three.wim"):
        assert differ(tmp_path / "one.wim", tmp_path / other, (1, 1)).is_equal


def number(value: int, name: str = "f") -> Node:
    return Node(name, b"contents %d" % value, created=TIME + value * SECOND)


@foreign
def test_a_file_of_another_path_was_renamed(tmp_path: Path) -> None:
    wim = as_image(
        tmp_path,
        root(folder("a", number(1), number(2, "g")), number(3, "gone")),
        root(folder("a", number(2, "other name")), folder("b", number(1)), number(4, "new")),
    )
    found = assert_agrees(wim)
    assert [(each.before, each.after) for each in found.renamed] == [("/a/f", "/b/f"), ("/a/g", "/a/other name")]
    assert [each.path for each in found.removed] == ["/gone"]
    assert [(each.path, each.what, each.size) for each in found.added] == [
        ("/b", "directory", None),
        ("/new", "file", 10),
    ]


@foreign
def test_a_folder_is_renamed_with_all_that_is_in_it(tmp_path: Path) -> None:
    def tree(name: str) -> Node:
        return folder(name, number(1), folder("deep", number(2), Node("empty", created=TIME)), symlink("l", "C:\\x"))

    wim = as_image(tmp_path, root(folder("x", tree("old"))), root(folder("x"), folder("y", tree("new"))))
    found = assert_agrees(wim)
    assert [(each.before, each.after, each.names) for each in found.renamed] == [("/x/old", "/y/new", 6)]
    assert [each.path for each in found.added] == ["/y"]


@foreign
def test_of_a_folder_that_changed_the_files_are_renamed(tmp_path: Path) -> None:
    before, after = folder("old", number(1), number(2, "g")), folder("new", number(1), number(2, "g"), number(3, "h"))
    found = assert_agrees(as_image(tmp_path, root(before), root(after)))
    assert [(each.before, each.after) for each in found.renamed] == [("/old/f", "/new/f"), ("/old/g", "/new/g")]
    assert [each.path for each in found.removed] == ["/old"]
    assert [each.path for each in found.added] == ["/new", "/new/h"]


@foreign
def test_what_differs_in_anything_was_not_renamed(tmp_path: Path) -> None:
    wim = as_image(tmp_path, root(number(1, "a")), root(replace(number(1, "b"), attributes=0x21)))
    assert not assert_agrees(wim).renamed
    assert [each.after for each in differ(wim, kinds=ALL_KINDS - {Fidelity.ATTRIBUTES}).renamed] == ["/b"]
    assert not differ(wim, kinds=frozenset({Fidelity.NAMES})).renamed


def test_of_many_equal_files_those_of_one_name_are_paired_first(tmp_path: Path) -> None:
    # More than could be compared each with each.
    names = [f"{each:04}" for each in range(1000)]
    before, after = ([replace(number(1), name=each) for each in names[part]] for part in (slice(None), slice(None, -1)))
    wim = as_image(tmp_path, root(folder("a", *before)), root(folder("b", replace(number(1), name="new"), *after)))
    renamed = {each.before: each.after for each in differ(wim).renamed}
    assert renamed == {f"/a/{each}": f"/b/{each}" for each in names[:-1]} | {"/a/0999": "/b/new"}


def test_empty_files_are_the_same_only_by_their_times(tmp_path: Path) -> None:
    wim = as_image(tmp_path, root(Node("a", created=TIME)), root(Node("b", created=TIME)))
    assert [each.after for each in differ(wim).renamed] == ["/b"]
    assert not differ(wim, kinds=frozenset({Fidelity.NAMES, Fidelity.CONTENTS})).renamed


@foreign
def test_names_of_one_file_that_are_no_longer_one_are_told(tmp_path: Path) -> None:
    def names(*groups: int) -> Node:
        return root(*(replace(number(1, name), link_group=group) for name, group in zip("abc", groups, strict=True)))

    same = assert_agrees(as_image(tmp_path, names(7, 7, 0), names(9, 9, 3)))
    assert same.is_equal
    parted = assert_agrees(as_image(tmp_path, names(7, 7, 7), names(7, 7, 0)))
    assert [(each.path, each.before, each.after) for each in parted.changed] == [
        ("/c", "the same file as /a", "a file of its own")
    ]
    joined = assert_agrees(as_image(tmp_path, names(0, 0, 0), names(1, 0, 1)))
    assert [(each.path, each.after) for each in joined.changed] == [("/c", "the same file as /a")]


def test_a_name_of_a_file_that_is_gone_is_not_told_of_the_others(tmp_path: Path) -> None:
    names = [replace(number(1, name), link_group=5) for name in "abc"]
    found = differ(as_image(tmp_path, root(*names), root(*names[:2])))
    assert ([each.path for each in found.removed], found.changed) == (["/c"], ())


def test_a_name_in_another_case_is_the_same_file(tmp_path: Path) -> None:
    wim = as_image(
        tmp_path,
        root(folder("System32", number(1)), number(2, "a"), number(3, "A")),
        root(folder("SYSTEM32", number(4)), number(2, "a"), number(3, "A")),
    )
    found = differ(wim, kinds=frozenset({Fidelity.NAMES, Fidelity.CONTENTS}))
    first = found.changed[0]
    assert (first.path, first.before, first.after) == ("/System32", "System32", "SYSTEM32")
    assert told(found) == [("names", "/System32"), ("contents", "/System32/f")]


def test_a_folder_in_the_place_of_a_file_is_told_with_what_is_in_it(tmp_path: Path) -> None:
    wim = as_image(tmp_path, root(number(1, "x")), root(folder("x", number(2, "in"))))
    found = differ(wim)
    assert ("names", "/x") in told(found)
    assert [each.path for each in found.added] == ["/x/in"]
    back = differ(wim, images=(2, 1))
    assert [each.path for each in back.removed] == ["/x/in"]


# ---- trees of chance


def any_node(rng: random.Random, name: str, depth: int) -> Node:
    if depth and rng.random() < 0.3:
        made = folder(name, *any_nodes(rng, depth - 1))
    elif rng.random() < 0.15:
        made = symlink(name, f"C:\\{rng.randrange(2)}")
    else:
        made = Node(name, b"%d" % rng.randrange(3) if rng.random() < 0.9 else b"")
    made.created = TIME + rng.randrange(2) * SECOND
    made.security_id = rng.choice([-1, 0, 1])
    made.short_name = rng.choice(["", "", f"{name.upper()}~1"])
    made.items = rng.choice([b"", b"", unix(), unix(owner=3), object_id(1)])
    if rng.random() < 0.2:
        made.streams = {"s": b"%d" % rng.randrange(2)}
    return made


def any_nodes(rng: random.Random, depth: int) -> list[Node]:
    return [any_node(rng, name, depth) for name in "abcdef" if rng.random() < 0.6]


@foreign
@pytest.mark.parametrize("seed", range(12))
def test_trees_of_chance_are_told_as_wimlib_lists_them(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    assert_agrees(as_image(tmp_path, root(*any_nodes(rng, 3)), root(*any_nodes(rng, 3))))


CORPUS = ["mwl_LZX", "mwl_LZMS", "mwl_XPRESS", "mwl_BootLZX", "wimlib_longpaths", "discutils_TestData"]


@foreign
def test_images_of_others_are_told_as_wimlib_lists_them() -> None:
    folder = judges.corpus() / "wim"
    for one, other in pairwise(CORPUS):
        assert_agrees(folder / f"{one}.wim", folder / f"{other}.wim", (1, 1))


# ---- what is told of


def test_paths_choose_what_is_told_of(tmp_path: Path) -> None:
    wim = as_image(
        tmp_path,
        root(folder("Logs", number(1, "a.log"), number(2, "b[1].log")), number(3)),
        root(folder("Logs", number(4, "a.log"), number(5, "b[1].log")), number(6)),
    )

    def paths(*wanted: str, **options: object) -> list[str]:
        found = differ(wim, kinds=frozenset({Fidelity.CONTENTS}), paths=wanted, **options)
        return [each.path for each in found.changed]

    assert paths() == ["/Logs/a.log", "/Logs/b[1].log", "/f"]
    assert paths(r"\LOGS") == paths("/logs/*.log") == ["/Logs/a.log", "/Logs/b[1].log"]
    assert paths("/logs/b[1].log", "f") == ["/Logs/b[1].log", "/f"]
    assert paths(exclude=["*.log"]) == paths(exclude=[r"\logs"]) == ["/f"]
    with pytest.raises(InvalidRequest, match="neither image holds anything that fits '/nothing'"):
        paths("/nothing")


# ---- damage


def nested(depth: int) -> Node:
    made = folder("d" * 200)
    for _ in range(depth):
        made = folder("d" * 200, made)
    return root(made)


def shared() -> Node:
    first = folder("a", Node("x"))
    return root(first, replace(folder("b"), subdir_of=first))


@pytest.mark.parametrize(
    "tree",
    [
        pytest.param(lambda: metadata(shared()), id="a list of two directories"),
        pytest.param(lambda: metadata(root(Node("a", b"1", length=4000))), id="an entry that is too long"),
        pytest.param(lambda: metadata(root(Node("a", b"1", length=60))), id="an entry that is too short"),
        pytest.param(lambda: metadata(root(Node("a")))[:-120], id="cut off"),
        pytest.param(lambda: struct.pack("<II", 16, 1 << 30) + bytes(200), id="more descriptors than there are"),
        pytest.param(lambda: metadata(nested(200)), id="paths that nothing can name"),
    ],
)
def test_a_damaged_tree_is_told_and_ends(tree: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "damaged.wim"
    path.write_bytes(build(root(), root(), raw_metadata=tree()))
    with pytest.raises(CorruptWim):
        differ(path)


def test_a_tree_that_is_not_the_one_of_its_hash_is_damaged(tmp_path: Path) -> None:
    tree = metadata(root(number(1)))
    wim = build(root(number(1)), root())
    path = tmp_path / "changed.wim"
    path.write_bytes(wim.replace(tree, tree.replace(b"f\0", b"g\0")))
    with pytest.raises(CorruptWim, match="does not match its SHA-1"):
        differ(path)


@given(st.dictionaries(st.integers(0, 900), st.integers(0, 255), max_size=6))
def test_bytes_that_nobody_meant_are_damage_or_facts(changes: dict[int, int]) -> None:
    node = replace(number(1), streams={"s": b"2"}, items=unix() + extended(b"3"), short_name="F~1")
    stored = bytearray(metadata(root(folder("d", node), symlink("l", "C:\\x")), [OPEN]))
    for at, value in changes.items():
        stored[at % len(stored)] = value
    try:
        facts = TreeFacts(bytes(stored), "x", {})
        waiting = [facts.root]
        while waiting:
            entry = waiting.pop()
            facts.contents(entry), facts.items(entry), facts.short_name(entry), facts.main_sha1(entry)
            waiting += facts.children(entry).values()
    except CorruptWim:
        pass


def test_a_file_that_was_added_in_memory_is_compared(tmp_path: Path) -> None:
    wim = as_image(tmp_path, root(number(1)), root(number(1)))
    (tmp_path / "more").write_bytes(b"more")
    with WimFile.open(wim) as opened:
        one: WimImage = opened.select(ImageSelector(index=1))
        two = opened.select(ImageSelector(index=2))
        two.add_file(tmp_path / "more", "/more")
        assert [each.path for each in diff_images(one, two).added] == ["/more"]
