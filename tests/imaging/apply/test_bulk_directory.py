"""Filling empty directories by all processors: libwim makes the same of an image, and what is left to it."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import pytest
from cases import bulk as cases
from cases import trees
from cases.filled import assert_alike, fill, made
from cases.volume import osdimage, osdimage_json
from cases.wimcraft import LINKS_FIXED, MOUNT_POINT_TAG, SYMLINK_TAG, Node, folder, root, symlink
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.wim import wimlib
from osdimage.imaging import WimFile
from osdimage.imaging.apply.engine import Engine, Fallback, Reason
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.errors import CorruptWim, OsdImageError, TargetRefused
from runs import drawn

MIB = 1 << 20
NAME = "a folder with a name of forty characters"

# ---- what is there afterwards


def test_libwim_makes_the_same_of_an_image_with_everything(tmp_path: Path) -> None:
    files = assert_alike(made(tmp_path, cases.everything(cases.DIRECTORY_NAMES)), tmp_path)
    assert files[b"/large"].size == 2_700_000
    assert files[b"/links/app"].size == 0


@pytest.mark.foreign
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(("--compress=lzx:20",), id="lzx"),
        pytest.param(("--compress=none", "--norpfix"), id="links as they are"),
        # Chunks so small that most files begin in one and end in another.
        pytest.param(("--solid", "--solid-compress=lzx:10", "--solid-chunk-size=32K"), id="solid"),
        pytest.param(("--solid", "--solid-compress=lzms:10", "--solid-chunk-size=1M"), id="solid, large chunks"),
    ],
)
def test_libwim_makes_the_same_of_what_wimlib_has_captured(how: tuple[str, ...], tmp_path: Path) -> None:
    source, wim = trees.make_tree(tmp_path / "tree"), tmp_path / "image.wim"
    for number in range(3):
        (source / f"large {number}").write_bytes(cases.noise(1_500_000))
    os.link(source / "large 1", source / "sub" / "another name of large 1")
    wimlib("capture", source, wim, *how)
    files = assert_alike(wim, tmp_path)
    assert files[b"/large 1"].names == {b"/large 1", b"/sub/another name of large 1"}
    inside, outside = (files[f"/absolute link {place}".encode()].target for place in ("inside", "outside"))
    assert outside == b"/usr/share"
    base = source if "--norpfix" in how else tmp_path / "target"
    assert inside == os.fsencode(base / "text.log")


@pytest.mark.foreign
def test_the_parts_of_a_split_wim_are_read(tmp_path: Path) -> None:
    wim = made(tmp_path, root(*(Node(f"{n}", cases.noise(200_000, n)) for n in range(5))))
    wimlib("split", wim, tmp_path / "part.swm", "0.3")
    with WimFile.open(tmp_path / "part.swm") as opened:
        result = apply_image(opened.image(1), tmp_path / "target")
    assert result.engine is Engine.BULK
    assert {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()} == {
        f"{n}": cases.noise(200_000, n) for n in range(5)
    }


@drawn.examples(2, 8)
def test_libwim_makes_the_same_of_a_tree_of_chance(examples: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(seed=st.integers(0, 1 << 32))
    def check(seed: int) -> None:
        place = tmp_path_factory.mktemp("chance")
        tree = cases.at_random(seed)
        _fit_for_directory(tree)
        assert_alike(made(place, tree), place)

    check()


def _fit_for_directory(node: Node) -> None:
    """Cut names to the bytes of Linux, and give links the data of links."""
    for number, child in enumerate(node.children or ()):
        if isinstance(child.name, str) and len(child.name.encode()) > 255:
            child.name = f"{child.name[:60]} {number}"
        if child.reparse_tag:
            child.data = symlink("", f"..\\{len(child.data)}\\target").data
        _fit_for_directory(child)


@pytest.mark.parametrize(("size", "count"), [(0, 200), (1000, 200), (2_500_000, 10)], ids=["empty", "small", "large"])
def test_all_names_of_a_file_are_made(size: int, count: int, tmp_path: Path) -> None:
    names = [folder(f"{n:03}", Node("name", cases.noise(size), link_group=7)) for n in range(count)]
    files = assert_alike(made(tmp_path, root(*names, Node("alone", cases.noise(size)))), tmp_path)
    assert len(files[b"/007/name"].names) == count
    assert files[b"/alone"].sha1 == files[b"/007/name"].sha1


def test_modes_are_those_of_the_users_mask(tmp_path: Path) -> None:
    wim = made(tmp_path, root(folder("a", Node("b", b"x"), Node("empty")), Node("large", cases.noise(300_000) * 8)))
    before = os.umask(0o027)
    try:
        files = assert_alike(wim, tmp_path)
    finally:
        os.umask(before)
    assert (files[b"/a"].mode & 0o777, files[b"/a/b"].mode & 0o777, files[b"/large"].mode & 0o777) == (
        0o750,
        0o640,
        0o640,
    )


def test_holes_of_sparse_files_stay_holes(tmp_path: Path) -> None:
    size = 3 * MIB
    tree = root(
        Node("sparse", b"begin" + bytes(size) + b"end", attributes=0x220),
        Node("copy", b"begin" + bytes(size) + b"end", attributes=0x220),
        Node("full", b"begin" + bytes(size) + b"end"),
        Node("a hole", bytes(300_000), attributes=0x220),
        *(Node(f"only begun {n}", b"begin" + bytes(size), attributes=0x220) for n in range(2)),
        Node("full to its end", b"begin" + bytes(size)),
        *(Node(f"nothing but a hole {n}", bytes(size), attributes=0x220) for n in range(2)),
    )
    assert_alike(made(tmp_path, tree), tmp_path)
    used = {path.name: path.stat().st_blocks * 512 for path in (tmp_path / "of bulk").iterdir()}
    assert min(used.pop("full"), used.pop("full to its end")) >= size
    assert max(used.values()) <= 64 << 10


def test_paths_as_deep_as_linux_opens_them(tmp_path: Path) -> None:
    room = 4095 - len(os.fsencode(tmp_path / "target"))
    depth, rest = divmod(room, len(NAME) + 1)
    deep = Node("b" * (rest - 1 if rest > 1 else rest + len(NAME)), b"x")
    for _ in range(depth if rest > 1 else depth - 1):
        deep = folder(NAME, deep)
    wim = made(tmp_path, root(deep))
    (longest,) = [path for path, file in assert_alike(wim, tmp_path).items() if file.size]
    assert len(longest) == room


def test_what_is_in_two_places_of_a_name_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    lone = b"\x00\xd8a\x00"
    files = assert_alike(
        made(tmp_path, root(folder(lone, Node(lone, b"1"), Node("A", b"2"), Node("a", b"3")))), tmp_path
    )
    assert files.keys() >= {b"/\xed\xa0\x80a/\xed\xa0\x80a", b"/\xed\xa0\x80a/A", b"/\xed\xa0\x80a/a"}


# ---- links


def _target(tag: int, target: str, *, relative: bool = False, size: int | None = None) -> bytes:
    text = target.encode("utf-16-le", "surrogatepass")
    flags = struct.pack("<I", relative) if tag == SYMLINK_TAG else b""
    return struct.pack("<HHHH", 0, len(text) if size is None else size, 0, 0) + flags + text


TARGETS = {
    "relative": _target(SYMLINK_TAG, "..\\a\\b/c", relative=True),
    "relative that looks absolute": _target(SYMLINK_TAG, "\\a", relative=True),
    "relative with a drive": _target(SYMLINK_TAG, "C:\\a", relative=True),
    "relative and empty": _target(SYMLINK_TAG, "", relative=True),
    "full": _target(SYMLINK_TAG, "\\??\\C:\\Users\\Public"),
    "full, of the root": _target(SYMLINK_TAG, "\\??\\C:"),
    "with a drive": _target(SYMLINK_TAG, "C:\\Users"),
    "without a drive": _target(SYMLINK_TAG, "\\Users"),
    "empty": _target(SYMLINK_TAG, ""),
    "of a device": _target(SYMLINK_TAG, "\\Device\\\\\\HarddiskVolume1\\a"),
    "of a DOS device": _target(SYMLINK_TAG, "\\DosDevices\\D:\\a"),
    "of a share": _target(SYMLINK_TAG, "\\??\\UNC\\server\\share"),
    "of Win32": _target(SYMLINK_TAG, "\\\\?\\C:\\a"),
    "not in ASCII": _target(SYMLINK_TAG, "\\??\\C:\\Grüße\\日本\\😀"),
    "half a pair": _target(SYMLINK_TAG, "a\ud800b\udc00", relative=True),
    "junction": _target(MOUNT_POINT_TAG, "\\??\\C:\\Users"),
    "volume": _target(MOUNT_POINT_TAG, "\\??\\Volume{12345678-0000-0000-0000-100000000000}\\"),
    "NUL": _target(SYMLINK_TAG, "a\0b", relative=True),
}
NO_LINKS = {
    "too short": b"1234567",
    "too short for a link": bytes(8),
    "an odd size": _target(SYMLINK_TAG, "ab", size=3),
    "beyond the data": _target(SYMLINK_TAG, "ab", size=6),
}


@pytest.mark.parametrize("flags", [0, LINKS_FIXED], ids=["", "fixed"])
def test_links_lead_where_libwim_lets_them_lead(flags: int, tmp_path: Path) -> None:
    links = [
        Node(f"{name}, {kept}", data + bytes(2 * kept), reparse_tag=_tag(name), link_flags=kept)
        for name, data in TARGETS.items()
        for kept in (0, 1)
    ]
    assert_alike(made(tmp_path, root(*links), flags=flags), tmp_path)


def _tag(name: str) -> int:
    return MOUNT_POINT_TAG if name in {"junction", "volume"} else SYMLINK_TAG


@pytest.mark.parametrize("name", NO_LINKS)
def test_a_link_without_the_data_of_one_ends_the_apply(name: str, tmp_path: Path) -> None:
    wim = made(tmp_path, root(folder("d", Node("link", NO_LINKS[name], reparse_tag=SYMLINK_TAG))))
    with pytest.raises(OsdImageError):
        fill(wim, tmp_path / "libwim's", engine=Engine.LIBWIM)
    with pytest.raises(CorruptWim, match=r"image 1: the link '/d/link' has no data of a link -- .* incomplete image"):
        fill(wim, tmp_path / "target")
    assert sorted(path.name for path in (tmp_path / "target").rglob("*")) == ["d"]


def test_contents_that_are_also_the_data_of_a_link_become_both(tmp_path: Path) -> None:
    data = TARGETS["relative"]
    wim = made(tmp_path, root(Node("file", data), Node("link", data, reparse_tag=SYMLINK_TAG)))
    files = assert_alike(wim, tmp_path)
    assert (files[b"/file"].size, files[b"/link"].target) == (len(data), b"../a/b\\c")


# ---- what is left to libwim


def _same_link(flags: tuple[int, int]) -> Node:
    return root(*(Node(f"l{n}", TARGETS["full"], reparse_tag=SYMLINK_TAG, link_flags=n) for n in flags))


REFUSED = {
    "encrypted": (root(Node("secret", b"raw", attributes=cases.ENCRYPTED | 0x20)), 0, "/secret"),
    "reparse-tag": (root(folder("d", Node("app", b"x" * 24, reparse_tag=0x80000013, contents=b"y"))), 0, "/d/app"),
    "link": (_same_link((0, 1)), LINKS_FIXED, "/l0"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_each_reason_of_the_image_is_told_and_libwim_does_it(code: str, tmp_path: Path) -> None:
    tree, flags, path = REFUSED[code]
    wim = made(tmp_path, tree, flags=flags)
    result = fill(wim, tmp_path / "target")
    assert (result.engine, result.engine_reason) == (Engine.LIBWIM, Reason(Fallback(code), path))
    with pytest.raises(TargetRefused, match="not written: the engine for empty directories cannot"):
        fill(wim, tmp_path / "other", engine=Engine.BULK)
    assert not (tmp_path / "other").exists()


def test_a_link_without_data_is_left_to_libwim_which_makes_none(tmp_path: Path) -> None:
    result = fill(made(tmp_path, root(Node("link", b"", reparse_tag=SYMLINK_TAG))), tmp_path / "target")
    assert result.engine_reason == Reason(Fallback.LINK, "/link")


def test_a_directory_that_holds_something_is_joined_by_libwim(tmp_path: Path) -> None:
    wim, target = made(tmp_path, root(Node("a", b"1"))), tmp_path / "target"
    assert fill(wim, target).engine is Engine.BULK
    (target / "mine").touch()
    assert fill(wim, target).engine_reason == Reason(Fallback.NOT_EMPTY)
    assert {path.name for path in target.iterdir()} == {"a", "mine"}
    with pytest.raises(TargetRefused, match=r"the directory holds something; let libwim write it"):
        fill(wim, target, engine=Engine.BULK)


def test_an_empty_directory_that_is_there_is_filled_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    assert fill(made(tmp_path, root(Node("a", b"1"))), target).engine is Engine.BULK
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


def test_data_of_unix_are_left_to_libwim(tmp_path: Path) -> None:
    result = fill(made(tmp_path, root(Node("a", b"1"))), tmp_path / "target", unix_data=True)
    assert result.engine_reason == Reason(Fallback.UNIX_DATA)


def test_a_file_that_was_added_to_the_image_is_left_to_libwim(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"more")
    with WimFile.open(made(tmp_path, root(Node("a", b"1")))) as opened:
        image = opened.image(1)
        image.add_file(tmp_path / "file", "/d/more")
        result = apply_image(image, tmp_path / "target")
    assert result.engine_reason == Reason(Fallback.ELSEWHERE, "/d/more")
    assert (tmp_path / "target" / "d" / "more").read_bytes() == b"more"


@pytest.mark.foreign
def test_a_pipable_wim_is_left_to_libwim(tmp_path: Path) -> None:
    wimlib("export", made(tmp_path, root(Node("a", b"1"))), "1", tmp_path / "pipable.wim", "--pipable")
    assert fill(tmp_path / "pipable.wim", tmp_path / "target").engine_reason == Reason(Fallback.PIPABLE)


@pytest.mark.parametrize("engine", [Engine.LIBNTFS, Engine.LIBWIM])
def test_libwim_can_be_asked_for_by_what_it_is_called_for_volumes_too(engine: Engine, tmp_path: Path) -> None:
    result = fill(made(tmp_path, root(Node("a", b"1"))), tmp_path / "target", engine=engine)
    assert (result.engine, result.engine_reason) == (Engine.LIBWIM, Reason(Fallback.ASKED))


def test_streams_with_names_are_not_read_for_a_directory(tmp_path: Path) -> None:
    tree = root(Node("a", b"main", streams={"s": b"damaged here"}))
    wim = made(tmp_path, tree)
    wim.write_bytes(wim.read_bytes().replace(b"damaged here", b"damaged HERE"))
    result = fill(wim, tmp_path / "target")
    assert (result.engine, [loss.what for loss in result.losses]) == (Engine.BULK, ["named data streams not kept"])


def test_extended_attributes_are_counted_as_lost(tmp_path: Path) -> None:
    value = struct.pack("<HBB", 5, 4, 0) + b"name\0value"
    item = struct.pack("<II", 2, len(value)) + value
    names = [Node(name, b"3", items=item, link_group=7) for name in ("one file", "that has", "three names")]
    wim = made(tmp_path, root(folder("d", Node("a", b"1", items=item), Node("b", b"2")), *names))
    ours, theirs = (fill(wim, tmp_path / engine, engine=engine) for engine in (Engine.BULK, Engine.LIBWIM))
    assert [str(loss) for loss in ours.losses] == [str(loss) for loss in theirs.losses]
    assert [loss.count for loss in ours.losses if loss.kind == "extended-attributes"] == [2]


def test_the_engine_is_told(tmp_path: Path) -> None:
    wim, target = made(tmp_path, root(Node("a", b"1"))), tmp_path / "target"
    first = osdimage("apply", str(wim), str(target), "--verbose").splitlines()
    assert first[-1] == "  engine: bulk"
    again = osdimage("apply", str(wim), str(target), "--verbose").splitlines()
    # A typing error in the name of a volume makes one.
    assert [f"{target} (a new directory): " in lines[0] for lines in (first, again)] == [True, False]
    assert "  engine: libwim, as the directory holds something" in again
    result = osdimage_json("apply", str(wim), str(target))
    assert (result["engine"], result["engine_reason"]) == ("libwim", {"code": "not-empty", "path": None})
    asked = osdimage("apply", str(wim), str(target), "--verbose", "--engine", "libntfs").splitlines()
    assert "  engine: libwim, as libwim or libntfs was asked for" in asked
    said = osdimage("apply", str(wim), str(target), "--engine", "bulk", code=4)
    assert "let libwim write it, with --engine auto" in said
