"""The pass over a tree in C: what it counts is what wimlib-imagex says, or what was put into a tree byte by byte."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from cases.wimcraft import FILE, Node, build, folder, root, symlink
from judges.wim import run, wimlib_info, wimlib_paths
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim import tree
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit, Fault, Occupied

HIDDEN, SPARSE, ENCRYPTED = 0x02, 0x200, 0x4000
APP_LINK = 0x8000001B


def audit_of(
    wim: Path,
    path: str = "/",
    *,
    target: Path | None = None,
    without_parents: bool = False,
    memory: int | None = None,
) -> Audit:
    with WimHandle.open(wim) as handle:
        where = None if target is None else str(target)
        return tree.audit(handle, 1, path=path, target=where, without_parents=without_parents, memory=memory)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "x.wim"


# ---- against wimlib


@pytest.mark.foreign
def test_sums_are_those_that_wimlib_wrote_into_the_xml(tmp_path: Path, place: Path) -> None:
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    (source / "c").mkdir()
    for number in range(50):
        (source / "a" / f"file {number}").write_bytes(b"x" * number * 100)
    # Groups of links whose size does not divide by their number.
    for links in (2, 3, 7):
        (source / f"first of {links}").write_bytes(b"y" * 1000)
        for number in range(1, links):
            os.link(source / f"first of {links}", source / "a" / "b" / f"{number} of {links}")
    (source / "link").symlink_to("c")
    run("wimlib-imagex", "capture", source, place)
    told = wimlib_info(place).images[0]
    found = audit_of(place)
    assert found.directories == int(told["Directory Count"])
    assert found.files == int(told["File Count"])
    # wimlib's total has the contents of each link.
    assert found.size == int(told["Total Bytes"]) - int(told["Hard Link Bytes"])
    assert (found.links, found.other_reparse_points, found.named_streams) == (1, 0, 0)


@pytest.mark.foreign
def test_the_names_in_the_root_are_those_that_wimlib_lists(tmp_path: Path, place: Path) -> None:
    source = tmp_path / "source"
    (source / "ä folder" / "below").mkdir(parents=True)
    (source / "file").touch()
    run("wimlib-imagex", "capture", source, place)
    with WimHandle.open(place) as handle:
        found = tree.names_in_root(handle, 1)
    assert sorted(found) == sorted({path.split("/")[1] for path in wimlib_paths(place) if path != "/"})


@pytest.mark.foreign
@pytest.mark.parametrize("options", [[], ["--solid"]])
def test_solid_resources_are_noticed(tmp_path: Path, place: Path, options: list[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"contents")
    run("wimlib-imagex", "capture", source, place, *options)
    blobs: list[tree.Blob] = []
    with WimHandle.open(place) as handle:
        assert tree.has_solid_blobs(handle) == bool(options)
        tree.each_blob(handle, blobs.append)
    assert min((blob.size, blob.is_metadata, blob.is_solid) for blob in blobs) == (8, False, bool(options))


# ---- against what was put there


def test_everything_that_a_target_may_not_hold_is_counted(place: Path) -> None:
    reparse = Node("app link", b"data", attributes=FILE | 0x400, reparse_tag=APP_LINK)
    place.write_bytes(
        build(
            root(
                Node("described", b"1", security_id=0),
                Node("also described", b"22", security_id=0),
                Node("two names", b"333", short_name="TWONAM~1"),
                Node("sparse", b"4444", attributes=FILE | SPARSE),
                Node("encrypted", b"55555", attributes=FILE | ENCRYPTED),
                folder("hidden folder", Node("hidden", b"666666", attributes=FILE | HIDDEN)),
                symlink("symlink", "/etc"),
                reparse,
            ),
            descriptors=[b"descriptor"],
        )
    )
    found = audit_of(place)
    assert (found.directories, found.files) == (2, 8)
    assert found.sparse_size == 4
    assert (found.security_descriptors, found.short_names, found.encrypted, found.dos_attributes) == (2, 1, 1, 1)
    assert (found.links, found.other_reparse_points, found.object_ids, found.missing_blobs) == (1, 1, 0, 0)
    assert (found.refused_names, found.refusal, found.refused_path, found.symlink_path) == (0, None, None, None)


def test_only_what_is_at_and_below_a_path_is_counted(place: Path) -> None:
    place.write_bytes(build(root(Node("a", b"1"), folder("b", Node("c", b"22"), folder("d", Node("e", b"333"))))))
    assert [audit_of(place, path).size for path in ("/", "/b", "/b/d", "/b/d/e", "/a")] == [6, 5, 3, 3, 1]
    with pytest.raises(WimlibError) as caught:
        audit_of(place, "/nothing")
    assert caught.value.code == WimlibCode.PATH_DOES_NOT_EXIST


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("a:b", Fault.COLON),
        ("C:", Fault.COLON),
        ("a\\b", Fault.SEPARATOR),
        ("..\\:", Fault.SEPARATOR),
        ("...", None),
        ("a.", None),
    ],
)
def test_a_name_that_cannot_be_applied_is_told_with_its_reason(place: Path, name: str, refusal: Fault | None) -> None:
    place.write_bytes(build(root(folder("first"), folder("folder", Node(name, b"x")), Node("z:z", b"y"))))
    found = audit_of(place)
    assert found.refused_names == (1 if refusal is None else 2)
    if refusal is not None:
        assert (found.refusal, found.refused_path) == (refusal, f"/folder/{name}")


def test_sizes_that_wrap_around_stay_at_the_end(place: Path) -> None:
    # Two blobs, each of which claims 2^63 + 5 bytes.
    wim = bytearray(build(root(Node("a", b"first"), Node("b", b"second"))))
    for data in (b"first", b"second"):
        entry = struct.pack("<QQQ", len(data), wim.index(data), len(data))
        at = wim.index(entry)
        wim[at : at + 24] = struct.pack("<QQQ", len(data) | 4 << 56, wim.index(data), (1 << 63) + 5)
    place.write_bytes(wim)
    try:
        found = audit_of(place)
    except WimlibError:
        pytest.skip("this libwim refuses such a table by itself")
    assert found.size == (1 << 64) - 1


# ---- the target


def test_a_symbolic_link_in_the_place_of_a_directory_is_told(tmp_path: Path, place: Path) -> None:
    place.write_bytes(build(root(folder("a", folder("b", Node("file", b"x"))), folder("c"))))
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    (target / "a").mkdir(parents=True)
    elsewhere.mkdir()
    assert audit_of(place, target=target).symlink_path is None
    (target / "a" / "b").symlink_to(elsewhere)
    (target / "c").symlink_to(elsewhere)
    assert audit_of(place, target=target).symlink_path == "/a/b"
    # Without what is above it, the path lies directly in the target.
    found = audit_of(place, "/a/b", target=target, without_parents=True)
    assert found.symlink_path is None
    (target / "b").symlink_to(elsewhere)
    assert audit_of(place, "/a/b", target=target, without_parents=True).symlink_path == "/a/b"
    # A link in the place of a file is replaced, not followed.
    (target / "a" / "b").unlink()
    (target / "a" / "b").mkdir()
    (target / "c").unlink()
    (target / "a" / "b" / "file").symlink_to(elsewhere)
    assert audit_of(place, target=target).symlink_path is None


def test_a_directory_in_the_place_of_a_file_is_told_and_the_other_way(tmp_path: Path, place: Path) -> None:
    place.write_bytes(build(root(folder("a", Node("file", b"x")), folder("c"), symlink("link", "a"))))
    target = tmp_path / "target"
    (target / "a").mkdir(parents=True)
    (target / "a" / "file").write_bytes(b"old")
    (target / "link").write_bytes(b"old")
    assert audit_of(place, target=target).occupied is None
    for name, is_directory in (("/c", False), ("/a/file", True), ("/link", True)):
        path = target / name[1:]
        path.unlink(missing_ok=True)
        if is_directory:
            path.mkdir()
        else:
            path.write_bytes(b"in the way")
        assert audit_of(place, target=target).occupied == Occupied(name, is_directory=is_directory)
        if is_directory:
            path.rmdir()
        else:
            path.unlink()
    (target / "file").mkdir()
    found = audit_of(place, "/a/file", target=target, without_parents=True)
    assert found.occupied == Occupied("/a/file", is_directory=True)


def test_a_link_of_the_image_itself_is_no_directory_of_the_target(tmp_path: Path, place: Path) -> None:
    place.write_bytes(build(root(symlink("link", "/etc", Node("below", b"x")))))
    (tmp_path / "link").symlink_to("/etc")
    assert audit_of(place, target=tmp_path).symlink_path is None


# ---- memory


def test_a_tree_that_expands_without_end_is_stopped_by_its_limit(place: Path) -> None:
    # 2^40 entries in some kilobytes: both directories of a level have the children of one.
    inner = folder("0", Node("file", b"x"))
    for level in range(1, 40):
        inner = folder(f"{level}", inner, Node(f"{level} again", children=[], subdir_of=inner))
    place.write_bytes(build(root(inner)))
    with pytest.raises(WimlibError) as caught:
        audit_of(place, memory=32 << 20)
    assert caught.value.code == WimlibCode.NOMEM
    # The limit was for that call.
    place.write_bytes(build(root(Node("a", b"1"))))
    assert audit_of(place).files == 1


# ---- names: Microsoft, "Naming Files, Paths, and Namespaces"


def faults_of(place: Path, *nodes: Node) -> dict[Fault, tuple[int, tuple[str, ...]]]:
    place.write_bytes(build(root(*nodes)))
    return {each.fault: (each.count, each.examples) for each in audit_of(place).faulty}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        *(
            (name, Fault.DEVICE)
            for name in ("CON", "prn", "Aux.txt", "nul .x", "COM0", "lpt9.tar.gz", "CONIN$", "conout$")
        ),
        *((name, Fault.DEVICE) for name in ("COM\xb9", "LPT\xb2.x", "com\xb3")),
        *((name, None) for name in ("CONS", "COM", "COM10", "xCON", "LPT\xb4", "CONIN", ".con", "a.con", "COM1x")),
        *((f"a{character}b", Fault.CHARACTER) for character in '<>"|?*\x01\x1f'),
        *((name, None) for name in ("a\x7fb", "a'b", "a;b", "[a]", " a", ".a", "a b", "ä")),
        *((name, Fault.END) for name in ("a.", "a ", "...", "a. ")),
        *((name, Fault.SURROGATE) for name in ("a\ud800", "\udfffb")),
        ("\N{GRINNING FACE}", None),
        ("x" * 255, None),
        ("\N{GRINNING FACE}" * 127 + "x", None),
        ("x" * 256, Fault.LENGTH),
        ("\N{GRINNING FACE}" * 128, Fault.LENGTH),
        # libntfs-3g stores the length in a byte: this would be "..".
        ("." * 258, Fault.LENGTH),
    ],
)
def test_a_name_has_its_fault(place: Path, name: str, fault: Fault | None) -> None:
    found = faults_of(place, folder("deep", folder("er", Node(name, b"x"))))
    found.pop(Fault.END, None) if fault is not Fault.END else None
    assert found == ({} if fault is None else {fault: (1, (f"/deep/er/{name}",))})


@pytest.mark.parametrize(
    ("first", "second", "are_twins"),
    [
        ("name", "NAME", True),
        ("ä", "Ä", True),
        # $UpCase of mkntfs: one unit for one, and nothing for what Unicode folds in other ways.
        ("straße", "STRASSE", False),
        ("\u0131", "I", False),
        ("\u017f", "S", False),
        ("\u1fb3", "\u1fbc", True),
        ("\uab70", "\u13a0", False),
        ("name", "name ", False),
    ],
)
def test_twins_are_found_by_the_upper_case_of_windows(place: Path, first: str, second: str, are_twins: bool) -> None:
    found = faults_of(place, folder("a", Node(first, b"x"), Node(second, b"y")), Node(second, b"z"))
    assert (Fault.TWIN in found) is are_twins


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param(
            [Node("a long name", b"", short_name="TWICE~1"), Node("a longer", b"", short_name="TWICE~1")], id="two"
        ),
        pytest.param([Node("a long name", b"", short_name="OTHER"), Node("other", b"")], id="is a name"),
        pytest.param([Node("z long name", b"", short_name="OTHER"), Node("other", b"")], id="is a name before it"),
        pytest.param([Node("a long name", b"", short_name="CON")], id="device"),
        pytest.param([Node("a long name", b"", short_name="A?")], id="character"),
        pytest.param([Node("a long? name", b"", short_name="ALONGN~1")], id="name that Windows cannot open"),
    ],
)
def test_a_short_name_that_ntfs_cannot_have_is_told(place: Path, nodes: list[Node]) -> None:
    # libntfs-3g refuses each when it sets it, or has two files of one name afterwards.
    assert faults_of(place, *nodes)[Fault.SHORT][0] == 1


def test_a_short_name_that_is_the_name_is_none_of_another(place: Path) -> None:
    assert faults_of(place, Node("Name", b"", short_name="NAME"), Node("a long name", b"", short_name="ALONGN~1")) == {}


def test_of_many_faulty_names_three_are_told(place: Path) -> None:
    found = faults_of(place, *(Node(f"{number}.", b"x") for number in range(5)))
    assert found == {Fault.END: (5, ("/0.", "/1.", "/2."))}


def test_every_name_with_a_fault_that_is_asked_for_is_listed(place: Path) -> None:
    nodes = [
        folder("a:b", *(Node(f"c\\{number}", b"x") for number in range(70))),
        Node("d/e", b"x", streams={"s:t": b"y", "plain": b"z"}),
        Node("end.", b"x"),
        Node("plain", b"x", short_name="A:B"),
        folder("folder", Node("Twin", b"x"), Node("twin", b"x")),
    ]
    place.write_bytes(build(root(*nodes)))
    with WimHandle.open(place) as handle:
        found = tree.odd_names(handle, 1, {Fault.SEPARATOR, Fault.COLON})
        below = tree.odd_names(handle, 1, {Fault.TWIN, Fault.COLON}, "/folder")
    assert {(each.path, each.name, each.stream, each.faults) for each in found} == {
        ("/a:b", "a:b", None, frozenset({Fault.COLON})),
        *((f"/a:b/c\\{number}", f"c\\{number}", None, frozenset({Fault.SEPARATOR})) for number in range(70)),
        ("/d/e", "d/e", None, frozenset({Fault.SEPARATOR})),
        ("/d/e", "d/e", "s:t", frozenset({Fault.COLON})),
        ("/plain", "plain", None, frozenset({Fault.COLON, Fault.SHORT})),
    }
    assert [(each.path, each.faults) for each in below] == [("/folder/twin", frozenset({Fault.TWIN}))]
