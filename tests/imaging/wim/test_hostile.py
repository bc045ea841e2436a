"""WIMs that lie: each command ends with a documented exit code, one line of error, and nothing where it must not be."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import wimcraft
from cases.smalldisk import small_disk
from cases.wimcraft import FILE, Node, build, change_blob, folder, lie, resource, root, symlink, told
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import (
    CompressionSpec,
    CorruptWim,
    ExportOptions,
    InvalidInput,
    InvalidRequest,
    UnsafeName,
    WimFile,
    export_images,
)
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.capture.config import parse_config
from osdimage.imaging.units import parse_size
from osdimage.imaging.wim.described.info import decode_xml, parse_images
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob
from runs import drawn
from runs.sandbox import COMMAND, Outcome, Sandbox

MIB = 1 << 20
GOOD = Node("good.txt", b"good" * 100)
# Read now: the tests' environment has no variables of osdimage's own.
_NAMED = os.environ.get("OSDIMAGE_CORPUS")
CORPUS = Path(_NAMED) if _NAMED else Path(__file__).resolve().parents[4] / "shared" / "corpus"


def valid() -> bytes:
    descriptor = bytes.fromhex("0100048000000000000000000000000000000000")
    return build(
        root(
            GOOD,
            folder("dir", Node("in.txt", b"in", security_id=0), Node("empty")),
            Node("A long name.txt", b"long", short_name="ALONGN~1.TXT"),
            symlink("link", "/nowhere"),
        ),
        root(Node("other", b"other")),
        descriptors=[descriptor],
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as worker:
        yield worker


@pytest.fixture(scope="module")
def blank_volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("volume") / "blank.ntfs"
    with path.open("wb") as file:
        file.truncate(8 * MIB)
    judges.run("mkntfs", "-F", "-Q", "-q", path)
    return path


@dataclass(frozen=True)
class Place:
    """Where a command works: everything below ``outer`` is looked at afterwards."""

    outer: Path
    wim: Path
    target: Path
    volume: Path

    def others(self) -> set[str]:
        """Return what is there besides the WIM and the volume."""
        known = {self.wim, self.volume}
        return {str(path.relative_to(self.outer)) for path in self.outer.rglob("*") if path not in known}


@pytest.fixture
def place(tmp_path: Path, blank_volume: Path) -> Place:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    volume = inner / "volume.ntfs"
    shutil.copy(blank_volume, volume)
    return Place(tmp_path, inner / "hostile.wim", inner / "target", volume)


def assert_error(outcome: Outcome, code: int) -> None:
    """One line of error after the warnings, with this exit code."""
    assert outcome.code == code, outcome.describe()
    *warnings, last = outcome.err.splitlines()
    assert last.startswith("osdimage: "), outcome.describe()
    assert "internal error" not in last
    assert all(line.startswith("warning: ") for line in warnings), outcome.describe()


def assert_fine(outcome: Outcome, *, warns: bool = False) -> None:
    assert outcome.code == 0, outcome.describe()
    assert all(line.startswith("warning: ") for line in outcome.err.splitlines()), outcome.describe()
    assert bool(outcome.err) == warns, outcome.describe()


def shared_lists(levels: int) -> Node:
    """A tree of n levels in which two directories of each level have one list: 2**n entries when it is expanded."""
    inner = folder("leaf", Node("file", b"1"))
    for _ in range(levels):
        twin = folder("twin")
        twin.subdir_of = inner
        inner = folder("level", inner, twin)
    return inner


def cyclic(length: int) -> Node:
    last = folder("last")
    first = last
    for _ in range(length - 1):
        first = folder("more", first)
    tree = root(GOOD, first)
    last.subdir_of = tree if first is last else first
    return tree


def nested(depth: int) -> Node:
    inner = folder("deep", Node("leaf", b"1"))
    for _ in range(depth):
        inner = folder("d", inner)
    return root(GOOD, inner)


# ---- the builder itself


@pytest.mark.foreign
def test_the_builders_files_are_valid_for_foreign_readers(tmp_path: Path) -> None:
    path = tmp_path / "valid.wim"
    path.write_bytes(valid())
    assert "was successfully verified" in judges.wimlib("verify", path)
    assert "Everything is Ok" in judges.run("7zz", "t", path)
    listed = judges.wimlib("dir", path, "1").splitlines()
    assert {"/dir/in.txt", "/good.txt", "/link", "/A long name.txt"} <= set(listed)


# ---- names

NAMES: dict[str, str | bytes] = {
    "parent": "..",
    "itself": ".",
    "slash": "a/b",
    "absolute": "/etc/evil",
    "backslashes": "..\\..\\x",
    "drive": "C:\\x",
    "stream": "ab:stream",
    "NUL": "a\0b",
    "empty": "",
}


@pytest.mark.foreign
@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_could_lead_out_of_a_target_is_refused_before_anything_is_written(
    sandbox: Sandbox, place: Place, name: str | bytes, is_folder: bool
) -> None:
    evil = folder(name, Node("child", b"evil")) if is_folder else Node(name, b"evil")
    place.wim.write_bytes(build(root(GOOD, folder("sub", evil))))
    volume = place.volume.read_bytes()
    for arguments in (
        ("apply", place.wim, place.target),
        ("apply", place.wim, place.volume),
        ("extract", place.wim, "/", "--to", place.target),
        ("extract", place.wim, "/sub", "--to", place.target),
        ("extract", place.wim, "sub/*", "--to", place.target),
    ):
        outcome = sandbox.cli(*arguments)
        assert_error(outcome, 3)
        assert "not allowed" in outcome.err
    assert place.others() == {"a", "a/b"}
    assert place.volume.read_bytes() == volume
    verified = sandbox.cli("verify", place.wim)
    assert verified.code == 3
    assert "name:" in verified.out


@pytest.mark.parametrize("name", ["..", "a\0b", ""], ids=["parent", "NUL", "empty"])
def test_a_dropped_name_is_told_by_list_and_refused_by_export(sandbox: Sandbox, place: Place, name: str) -> None:
    place.wim.write_bytes(build(root(GOOD, Node(name, b"evil"))))
    for option in ((), ("--json",), ("--long",), ("--columns",)):
        assert_fine(sandbox.cli("list", place.wim, *option), warns=True)
    assert_error(sandbox.cli("export", place.wim, place.target), 3)
    assert place.others() == {"a", "a/b"}


def test_a_dropped_name_is_refused_after_the_tree_was_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "w.wim"
    path.write_bytes(build(root(GOOD, Node("..", b"evil"))))
    with WimFile.open(path) as wim:
        image = wim.image(1)
        assert [entry.path for entry in image.entries()] == ["/", "/good.txt"]
        for _ in range(2):
            with pytest.raises(UnsafeName):
                apply_image(image, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_dropped_name_is_refused_behind_any_number_of_other_faults(tmp_path: Path) -> None:
    path = tmp_path / "w.wim"
    path.write_bytes(build(root(*(Node("twice", b"1") for _ in range(600)), Node("..", b"evil"))))
    with WimFile.open(path) as wim, pytest.raises(CorruptWim, match="more places than can be told"):
        apply_image(wim.image(1), tmp_path / "target")
    assert not (tmp_path / "target").exists()


HARMLESS: dict[str, str | bytes] = {
    "lone surrogate": b"a\x00\x00\xd8",
    "escapes": "a\x1b[31mred\nosdimage fake\r\x9b1m",
    "255 characters": "x" * 255,
    "emoji": "\U0001f600",
    "bidirectional": "txt.\u202eexe",
}


@pytest.mark.foreign
@pytest.mark.parametrize("name", HARMLESS.values(), ids=HARMLESS)
def test_a_strange_name_is_applied_and_shown_escaped(sandbox: Sandbox, place: Place, name: str | bytes) -> None:
    place.wim.write_bytes(build(root(GOOD, Node(name, b"strange"))))
    for arguments in (
        ("list", place.wim),
        ("list", place.wim, "--json"),
        ("verify", place.wim),
        ("apply", place.wim, place.target),
        ("apply", place.wim, place.volume),
        ("extract", place.wim, "*", "--to", place.target.with_name("extracted")),
    ):
        outcome = sandbox.cli(*arguments)
        # A check and a volume tell of names that Windows cannot open.
        is_told = arguments[0] == "verify" or place.volume in arguments
        assert_fine(outcome, warns=is_told and name in {HARMLESS["lone surrogate"], HARMLESS["escapes"]})
        assert (outcome.out + outcome.err).replace("\n", "").isprintable(), outcome.describe()
    assert sorted(path.stat().st_size for path in place.target.iterdir()) == [7, 400]
    assert len(list(place.target.with_name("extracted").iterdir())) == 2
    assert sandbox.cli("list", place.wim).out.count("\n") == 3


def test_a_name_that_the_encoding_lacks_is_shown_escaped(place: Place) -> None:
    place.wim.write_bytes(build(root(Node("\U0001f600", b"1"))))
    shown = judges.run("env", "PYTHONIOENCODING=latin-1", *command("list", place.wim))
    assert shown == "/\n/\\U0001f600\n"


def test_names_of_images_are_escaped_in_errors(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(build(root(GOOD), root(GOOD), names=["a\x9b31m", "b&#10;osdimage: fake"]))
    outcome = sandbox.cli("list", place.wim)
    assert outcome.code == 2
    assert outcome.err.splitlines()[1:] == ["  1: a\\x9b31m", "  2: b osdimage: fake"]


# ---- trees

WARNED = {
    "two equal names": root(GOOD, Node("x", b"1"), Node("x", b"2")),
    "two equal folders": root(GOOD, folder("x", Node("a", b"1")), folder("x", Node("b", b"2"))),
    "children of a file": root(GOOD, Node("x", b"1", children=[Node("child", b"evil")], attributes=FILE)),
    "children of a symbolic link": root(GOOD, symlink("x", "/etc", Node("child", b"evil"))),
    "security id out of range": root(GOOD, Node("x", b"1", security_id=77)),
}


@pytest.mark.foreign
@pytest.mark.parametrize("tree", WARNED.values(), ids=WARNED)
def test_what_is_dropped_from_a_tree_is_told(sandbox: Sandbox, place: Place, tree: Node) -> None:
    place.wim.write_bytes(build(tree))
    for arguments in (
        ("list", place.wim),
        ("apply", place.wim, place.target),
        ("apply", place.wim, place.volume),
        ("extract", place.wim, "/", "--to", place.target.with_name("extracted")),
        ("export", place.wim, place.target.with_name("exported.wim")),
    ):
        assert_fine(sandbox.cli(*arguments), warns=True)
    assert sandbox.cli("verify", place.wim).code == 3
    assert not list(place.outer.rglob("child"))
    strict = sandbox.cli("apply", place.wim, place.target.with_name("strict"), "--strict")
    assert_error(strict, 1)


BROKEN_TREES: dict[str, Callable[[], bytes]] = {
    "a folder inside itself": lambda: build(cyclic(1)),
    "a cycle of three folders": lambda: build(cyclic(3)),
    "20,000 levels": lambda: build(nested(20_000)),
    "shared lists that expand to 2^40 entries": lambda: build(root(GOOD, shared_lists(40))),
    "an entry longer than the tree": lambda: build(root(GOOD, Node("x", b"1", length=1 << 40))),
    "zeros": lambda: build(root(), raw_metadata=bytes(64)),
    "a table of 2^30 security descriptors": lambda: build(
        root(), raw_metadata=struct.pack("<II", 1 << 31, 1 << 30) + bytes(200)
    ),
    "a root that is a file": lambda: build(Node("", attributes=FILE, children=[])),
    "a size of 2^40": lambda: change_blob(build(root(GOOD)), 1, size=1 << 40),
    "a size of 900 MB": lambda: change_blob(build(root(GOOD)), 1, size=900 << 20),
    "a place behind the end": lambda: change_blob(build(root(GOOD)), 1, offset=1 << 40),
    "nothing": lambda: build(root(), raw_metadata=b""),
    "no blob table": lambda: lie(build(root(GOOD)), blob_table=resource(208, 2)),
}


@pytest.mark.slow
@pytest.mark.foreign
@pytest.mark.parametrize("make", BROKEN_TREES.values(), ids=BROKEN_TREES)
def test_a_tree_that_cannot_be_is_corrupt(sandbox: Sandbox, place: Place, make: Callable[[], bytes]) -> None:
    place.wim.write_bytes(make())
    for arguments in (
        ("list", place.wim),
        ("apply", place.wim, place.target),
        ("apply", place.wim, place.volume),
        ("extract", place.wim, "/", "--to", place.target),
        ("export", place.wim, place.target),
    ):
        assert_error(sandbox.cli(*arguments), 3)
    assert sandbox.cli("verify", place.wim).code == 3
    assert place.others() == {"a", "a/b"}
    assert not judges.is_dirty(place.volume)


def test_a_deep_tree_is_applied(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(build(nested(400)))
    assert_fine(sandbox.cli("apply", place.wim, place.target))
    assert (place.target / "/".join("d" * 400) / "deep" / "leaf").read_bytes() == b"1"


def test_times_beyond_the_calendar_are_listed(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(build(root(Node("late", b"1", created=(1 << 64) - 1))))
    assert '"modified": null' in sandbox.cli("list", place.wim, "--json").out
    assert "after the year 9999" in sandbox.cli("list", place.wim, "--columns").out


# ---- headers

LIES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "magic only": lambda wim: wim[:8],
    "half a header": lambda wim: wim[:100],
    "cut off": lambda wim: wim[:-300],
    "text": lambda _: b"This is not a WIM.\n" * 50,
    "header size 7": lambda wim: lie(wim, header_size=7),
    "version 1": lambda wim: lie(wim, version=1),
    "2^32 - 1 images": lambda wim: lie(wim, image_count=(1 << 32) - 1),
    "3 images": lambda wim: lie(wim, image_count=3),
    "part 0 of 0": lambda wim: lie(wim, part_number=0, total_parts=0),
    "part 2 of 1": lambda wim: lie(wim, part_number=2, total_parts=1),
    "chunk size 3": lambda wim: lie(wim, flags=0x20002, chunk_size=3),
    "chunk size 0": lambda wim: lie(wim, flags=0x20002, chunk_size=0),
    "blob table of 2^40": lambda wim: lie(wim, blob_table=resource(208, 1 << 40)),
    "blob table behind the end": lambda wim: lie(wim, blob_table=resource(1 << 40, 500)),
    "XML of 2^40": lambda wim: lie(wim, xml=resource(208, 1 << 40)),
    "XML behind the end": lambda wim: lie(wim, xml=resource(1 << 40, 500)),
    "no XML": lambda wim: lie(wim, xml=resource(0, 0)),
    "XML of 2 bytes": lambda wim: lie(wim, xml=resource(told(wim, "xml")[1], 2)),
}


@pytest.mark.foreign
@pytest.mark.parametrize("change", LIES.values(), ids=LIES)
def test_a_header_that_lies_is_invalid(sandbox: Sandbox, place: Place, change: Callable[[bytes], bytes]) -> None:
    place.wim.write_bytes(change(valid()))
    original = place.wim.read_bytes()
    for arguments in (
        ("info", place.wim),
        ("list", place.wim, "--index", "1"),
        ("apply", place.wim, place.target, "--index", "1"),
        ("apply", place.wim, place.volume, "--index", "1"),
        ("extract", place.wim, "/", "--to", place.target, "--index", "1"),
        ("export", place.wim, place.target, "--all"),
        ("info", place.wim, "--index", "1", "--set", "name=new"),
        ("delete", place.wim, "--index", "1"),
        ("capture", place.outer / "a", place.wim, "--append"),
    ):
        outcome = sandbox.cli(*arguments)
        if arguments[0] == "capture":
            assert outcome.code in {2, 3}, outcome.describe()
            continue
        assert_error(outcome, 3)
    verified = sandbox.cli("verify", place.wim)
    assert verified.code == 3
    assert not verified.err
    assert place.others() == {"a", "a/b"}
    assert place.wim.read_bytes() == original


@pytest.mark.parametrize("fields", [{"boot_index": 999}, {"flags": wimcraft.WRITE_IN_PROGRESS}], ids=["boot", "flag"])
def test_a_header_with_a_harmless_fault_is_read_with_a_warning(
    sandbox: Sandbox, place: Place, fields: dict[str, int]
) -> None:
    place.wim.write_bytes(lie(valid(), **fields))
    assert_fine(sandbox.cli("info", place.wim), warns=True)
    assert_fine(sandbox.cli("apply", place.wim, place.target, "--index", "1"), warns=True)
    assert (place.target / "dir" / "in.txt").read_bytes() == b"in"


@pytest.mark.parametrize("size", [2, 500, 1 << 40], ids=["2 bytes", "no table", "2^40 bytes"])
def test_an_integrity_table_that_cannot_be_stops_checks_and_changes(sandbox: Sandbox, place: Place, size: int) -> None:
    wim = lie(valid(), integrity=resource(300, size))
    place.wim.write_bytes(wim)
    assert sandbox.cli("verify", place.wim).code == 3
    assert_error(sandbox.cli("info", place.wim, "--check"), 3)
    assert_error(sandbox.cli("info", place.wim, "--index", "1", "--set", "name=new"), 3)
    assert place.wim.read_bytes() == wim


XMLS = {
    "cut off": "\ufeff<WIM><IMAGE",
    "entities": '\ufeff<!DOCTYPE x [<!ENTITY a "b">]><WIM><IMAGE INDEX="1"><NAME>&a;</NAME></IMAGE></WIM>',
    "3000 levels": '\ufeff<WIM><IMAGE INDEX="1">' + "<A>" * 3000 + "</A>" * 3000 + "</IMAGE></WIM>",
    "another root": "\ufeff<HTML/>",
    "no number": '\ufeff<WIM><IMAGE INDEX="abc"><NAME>n</NAME></IMAGE></WIM>',
}


@pytest.mark.parametrize("text", XMLS.values(), ids=XMLS)
def test_xml_that_no_wim_has_is_corrupt(sandbox: Sandbox, place: Place, text: str) -> None:
    place.wim.write_bytes(build(root(GOOD), xml=text.encode("utf-16-le")))
    assert_error(sandbox.cli("info", place.wim), 3)
    assert_error(sandbox.cli("info", place.wim, "--set", "name=new"), 3)


def test_numbers_of_any_length_in_xml_are_shown(sandbox: Sandbox, place: Place) -> None:
    more = f"<HARDLINKBYTES>{'9' * 400}</HARDLINKBYTES><CREATIONTIME><HIGHPART>0x{'f' * 9000}</HIGHPART></CREATIONTIME>"
    place.wim.write_bytes(build(root(GOOD), more_xml=more))
    assert_fine(sandbox.cli("info", place.wim))
    assert_fine(sandbox.cli("info", place.wim, "--json"))


# ---- contents


@pytest.mark.foreign
@pytest.mark.parametrize("offset", [1 << 40, (1 << 63) + 7], ids=["behind the end", "where pread(2) refuses to read"])
def test_contents_behind_the_end_are_corrupt_and_half_written_targets_named(
    sandbox: Sandbox, place: Place, offset: int
) -> None:
    place.wim.write_bytes(change_blob(build(root(GOOD)), 0, offset=offset))
    for target in (place.target, place.volume):
        outcome = sandbox.cli("apply", place.wim, target)
        assert_error(outcome, 3)
        assert f"{target} holds an incomplete image" in outcome.err
    assert judges.is_dirty(place.volume)
    assert "/good.txt: lies beyond the end of the file" in sandbox.cli("verify", place.wim).out
    exported = sandbox.cli("export", place.wim, place.wim.with_name("other.wim"), "--all")
    assert_error(exported, 3)
    assert exported.err.startswith(f"osdimage: {place.wim}: the file ends too early")


def test_every_bad_blob_is_named(sandbox: Sandbox, place: Place) -> None:
    wim = build(root(GOOD, *(Node(f"bad-{number}", b"bad %d" % number) for number in range(3))))
    place.wim.write_bytes(wim.replace(b"bad 0", b"BAD 0").replace(b"bad 2", b"BAD 2"))
    outcome = sandbox.cli("verify", place.wim)
    assert outcome.code == 3
    assert "2 problems" in outcome.out
    assert "/bad-0: does not match" in outcome.out
    assert "/bad-2: does not match" in outcome.out
    applied = sandbox.cli("apply", place.wim, place.target)
    assert_error(applied, 3)
    assert "holds an incomplete image" in applied.err


# ---- bombs


def bomb() -> bytes:
    """A megabyte that expands to a gigabyte."""
    data = os.urandom(MIB)
    return build(root(*(Node(f"copy-{number}", data) for number in range(1024))))


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.foreign
def test_a_bomb_is_refused_by_a_limit(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(bomb())
    for arguments in (
        ("apply", place.wim, place.target),
        ("apply", place.wim, place.volume),
        ("extract", place.wim, "/", "--to", place.target),
        ("extract", place.wim, *(f"copy-{number}" for number in range(20)), "--to", place.target),
    ):
        outcome = sandbox.cli(*arguments, "--limit-bytes", "16MB")
        assert_error(outcome, 4)
        assert "limit of 16.0 MB" in outcome.err
    assert place.others() == {"a", "a/b"}
    assert not judges.is_dirty(place.volume)


def test_sizes_that_wrap_around_are_refused_by_a_limit(sandbox: Sandbox, place: Place) -> None:
    # 256 files of 2^56 - 1 bytes are 2^64 - 256, and 144 bytes in 64 bits with the 400 of the other file.
    wim = build(root(GOOD, *(Node(f"copy-{number}", b"a") for number in range(256))))
    place.wim.write_bytes(change_blob(wim, 0, size=(1 << 56) - 1))
    assert '"size": 72057594037927935' in sandbox.cli("list", place.wim, "/copy-1", "--json").out
    for arguments in (("--limit-bytes", "16MB"), ()):
        assert_error(sandbox.cli("apply", place.wim, place.target, *arguments), 4)
    assert place.others() == {"a", "a/b"}


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.foreign
def test_a_bomb_is_refused_by_a_small_volume(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(bomb())
    volume = place.volume.read_bytes()
    outcome = sandbox.cli("apply", place.wim, place.volume)
    assert_error(outcome, 4)
    assert "not written" in outcome.err
    assert place.volume.read_bytes() == volume


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.root
def test_a_bomb_is_refused_by_a_small_disk(place: Place, tmp_path: Path) -> None:
    place.wim.write_bytes(bomb())
    mounted = tmp_path / "disk"
    mounted.mkdir()
    with small_disk(mounted, 16 * MIB) as disk:
        free = disk.free()
        for arguments in (
            ("apply", place.wim, mounted / "target"),
            ("extract", place.wim, "/", "--to", mounted / "target"),
        ):
            done = judges.run(*disk.prefix, *command(*arguments), code=4)
            assert "not written: the image needs 1.0 GB, there is room for" in done
            assert done.count("\n") == 1
        assert disk.free() == free
        assert not list(disk.seen.iterdir())


def command(*arguments: str | Path) -> list[str]:
    return [*COMMAND, *map(str, arguments)]


# ---- links in the target

LINKED: dict[str, tuple[str, list[str]]] = {
    "apply": ("Dir", ["apply", "{wim}", "{target}"]),
    "extract a folder": ("Dir", ["extract", "{wim}", "/DIR", "--to", "{target}"]),
    "extract a folder below": ("Sub", ["extract", "{wim}", "dir\\sub", "--to", "{target}"]),
    "extract the root": ("Dir", ["extract", "{wim}", "/", "--to", "{target}"]),
    "extract a pattern": ("Dir", ["extract", "{wim}", "D*", "--to", "{target}"]),
    "extract below a link": ("Dir", ["extract", "{wim}", "/dir/SUB/f", "--to", "{target}", "--keep-directories"]),
}


@pytest.mark.parametrize(("link", "arguments"), LINKED.values(), ids=LINKED)
def test_a_link_in_the_target_leads_nothing_outside(
    sandbox: Sandbox, place: Place, link: str, arguments: list[str]
) -> None:
    place.wim.write_bytes(build(root(folder("Dir", folder("Sub", Node("f", b"evil"))))))
    outside = place.outer / "outside"
    outside.mkdir()
    place.target.mkdir()
    (place.target / link).symlink_to(outside)
    outcome = sandbox.cli(*(part.format(wim=place.wim, target=place.target) for part in arguments))
    assert_error(outcome, 4)
    assert "symbolic link" in outcome.err
    assert not list(outside.iterdir())
    assert [path.name for path in place.target.iterdir()] == [link]


@pytest.mark.parametrize("verb", [("apply",), ("extract", "/f", "--to")], ids=["apply", "extract"])
def test_a_link_in_the_place_of_a_file_is_replaced(sandbox: Sandbox, place: Place, verb: tuple[str, ...]) -> None:
    place.wim.write_bytes(build(root(Node("f", b"new"))))
    outside = place.outer / "outside"
    outside.write_bytes(b"old")
    place.target.mkdir()
    (place.target / "f").symlink_to(outside)
    assert_fine(sandbox.cli(verb[0], place.wim, *verb[1:], place.target))
    assert outside.read_bytes() == b"old"
    assert (place.target / "f").read_bytes() == b"new"
    assert not (place.target / "f").is_symlink()


def test_a_link_of_the_image_is_not_followed_by_a_second_image(sandbox: Sandbox, place: Place) -> None:
    outside = place.outer / "outside"
    outside.mkdir()
    place.wim.write_bytes(build(root(symlink("d", str(outside))), root(folder("d", Node("f", b"evil")))))
    assert_fine(sandbox.cli("apply", place.wim, place.target, "--index", "1"))
    assert_error(sandbox.cli("apply", place.wim, place.target, "--index", "2"), 4)
    assert not list(outside.iterdir())


def test_directories_above_a_target_are_made(sandbox: Sandbox, place: Place) -> None:
    place.wim.write_bytes(build(root(GOOD)))
    assert_fine(sandbox.cli("apply", place.wim, place.target / "more" / "levels"))
    assert (place.target / "more" / "levels" / "good.txt").read_bytes() == GOOD.data


# ---- files of others

# What apply says: an exit code, and a word of its error or warning.
OTHERS = {
    "mwl_VerifyFail.wim": (3, "damaged"),
    "wimlib_corrupted_file_1.wim": (3, "SHA-1"),
    "wimlib_dotdot.wim": (3, "not allowed"),
    "wimlib_duplicate_names.wim": (0, "Ignoring duplicate file"),
}


@pytest.mark.foreign
@pytest.mark.parametrize(("name", "expected"), OTHERS.items(), ids=OTHERS)
def test_a_hostile_wim_of_another_project(sandbox: Sandbox, place: Place, name: str, expected: tuple[int, str]) -> None:
    path = CORPUS / "wim-hostile" / name
    if not path.is_file():
        pytest.skip("the corpus is not here (OSDIMAGE_CORPUS)")
    code, word = expected
    for target in (place.target, place.volume):
        outcome = sandbox.cli("apply", path, target)
        assert outcome.code == code, outcome.describe()
        assert word in outcome.err
    assert sandbox.cli("verify", path).code == 3
    assert sandbox.cli("info", path).code == 0
    if code == 3 and "corrupted" not in name:
        assert place.others() == {"a", "a/b"}
        assert not judges.is_dirty(place.volume)


# ---- random damage


@st.composite
def damages(draw: st.DrawFn) -> bytes:
    wim = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(wim) - 1))
        kind = draw(st.sampled_from(["bit", "byte", "number", "cut"]))
        if kind == "bit":
            wim[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte":
            wim[at] = draw(st.integers(0, 255))
        elif kind == "number":
            size = draw(st.sampled_from([2, 4, 8]))
            number = draw(st.sampled_from([0, 1, 7, 1 << 15, (1 << 16) - 1, 1 << 31, (1 << 32) - 1, 1 << 62]))
            wim[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
        else:
            del wim[max(at, 8) :]
    return bytes(wim)


def _compressed() -> bytes:
    """A small compressed WIM, made once by osdimage itself: damage is what is tested, not the maker."""
    with tempfile.TemporaryDirectory() as name:
        path, packed = Path(name) / "valid.wim", Path(name) / "packed.wim"
        path.write_bytes(build(root(GOOD, folder("dir", Node("text", b"some text, " * 8000)))))
        with WimFile.open(path) as wim:
            export_images(wim, packed, ExportOptions(compression=CompressionSpec.parse("lzx"), integrity=True))
        return packed.read_bytes()


SEEDS = [valid(), _compressed()]


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(wim=damages())
def test_random_damage_ends_in_success_or_a_documented_exception(sandbox: Sandbox, wim: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "w.wim"
        path.write_bytes(wim)
        work = Path(name) / "work"
        work.mkdir()
        outcome = sandbox.exercise(path, work)
        assert outcome.code == 0, outcome.describe()
        assert {entry.name for entry in Path(name).iterdir()} == {"w.wim", "work"}


@given(data=st.binary(max_size=400))
@example(data=b"\xff\xfe<\0")
def test_xml_of_any_bytes_is_text_or_corrupt(data: bytes) -> None:
    try:
        text = decode_xml(data)
    except CorruptWim:
        return
    try:
        images = parse_images(text, 2)
    except CorruptWim:
        return
    assert [image.index for image in images] == [1, 2]


_PIECES = [
    *("<WIM>", "</WIM>", '<IMAGE INDEX="1">', '<IMAGE INDEX="x">', "</IMAGE>", "<NAME>", "</NAME>", "<TOTALBYTES>"),
    *("</TOTALBYTES>", "9" * 30, "0x", "-1", "text", "<CREATIONTIME>", "<HIGHPART>0xffffffff</HIGHPART>", "&amp;"),
    *("<LOWPART>0</LOWPART>", "</CREATIONTIME>", "<WINDOWS>", "</WINDOWS>", "<VERSION/>", "&x;", "\0"),
]
_MARKUP = st.lists(st.sampled_from(_PIECES), max_size=14).map("".join)


@given(text=st.one_of(_MARKUP, _MARKUP.map(lambda inner: f"<WIM><IMAGE>{inner}</IMAGE></WIM>"), st.text(max_size=200)))
def test_xml_of_any_text_gives_that_many_images_or_is_corrupt(text: str) -> None:
    try:
        images = parse_images(text, 3)
    except CorruptWim:
        return
    assert len(images) == 3
    assert all(image.size is None or 0 <= image.size < 1 << 64 for image in images)


@given(text=st.one_of(st.text(max_size=200), st.text(alphabet='[]ExclusionList\n\\"*C:#', max_size=100)))
@example(text="[ExclusionList]\n\\a\n[nonsense]\n")
def test_a_configuration_of_any_text_is_parsed_or_invalid(text: str) -> None:
    try:
        config = parse_config(text, "test.ini")
    except InvalidInput as error:
        problem = str(error)
    else:
        problem = None
    if problem is not None:
        assert problem.startswith("test.ini:")
        return
    assert parse_config(config.to_text(), "again").exclusions == config.exclusions


_SIZES = st.from_regex(r"\s*\d{1,30}(\.\d{1,9})? ?[kKmMgGtTpPeE]?i?[bB]?", fullmatch=True)


@given(text=st.one_of(st.text(max_size=30), _SIZES))
@example(text="1.5GB")
@example(text="9" * 5000)
def test_a_size_of_any_text_is_a_number_or_an_invalid_request(text: str) -> None:
    try:
        size = parse_size(text)
    except InvalidRequest:
        return
    assert size >= 0


@drawn.examples(60, 300)
def test_a_resource_of_any_bytes_gives_its_size_or_an_error(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        data=st.binary(max_size=300),
        offset=st.one_of(st.integers(0, 300), st.sampled_from([1 << 40, (1 << 64) - 1])),
        stored=st.one_of(st.integers(0, 300), st.sampled_from([1 << 32, 1 << 50, (1 << 56) - 1])),
        size=st.one_of(st.integers(0, 300_000), st.sampled_from([1 << 32, 1 << 50, (1 << 64) - 1])),
        is_compressed=st.booleans(),
        is_solid=st.booleans(),
        compression=st.sampled_from(Compression),
        chunk_size=st.sampled_from([0, 3, 4096, 32768, 1 << 26, (1 << 32) - 1]),
    )
    def check(
        *,
        data: bytes,
        offset: int,
        stored: int,
        size: int,
        is_compressed: bool,
        is_solid: bool,
        compression: Compression,
        chunk_size: int,
    ) -> None:
        blob = Blob(bytes(20), size, 1, 1, False, is_compressed, is_solid, 0, offset, stored, size)
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            reader = ResourceReader(file.fileno(), compression, chunk_size)
            with suppress(OSError):
                assert sum(len(piece) for piece in reader.pieces(blob)) == size
            reader.close()

    check()
