"""Discs that others made, against what others say of them.

genisoimage, xorriso, mkudffs and pycdlib write; 7zz, xorriso and isoinfo read.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from io import BytesIO
from pathlib import Path

import pycdlib
import pytest
from judges import disc as judges
from judges.disk import run
from judges.wim import output
from osdimage.imaging.disc.eltorito import Emulation, Platform
from osdimage.imaging.disc.facts import DiscFile, FileKind, TreeKind
from osdimage.imaging.disc.opened import Disc, open_disc
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume

pytestmark = pytest.mark.foreign

TREES = {
    TreeKind.UDF: "udf",
    TreeKind.JOLIET: "iso",
}
SECOND = 10**9
BOOT = (
    *("-b", "efi/boot/etfs.com", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-eltorito-alt-boot"),
    *("-e", "efi/boot/efi.img", "-no-emul-boot"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tree") / "tree"
    bytes_of = random.Random(7)
    files = {
        "sources/install.wim": bytes_of.randbytes(70_001),
        "efi/boot/etfs.com": bytes_of.randbytes(2048),
        "efi/boot/efi.img": bytes_of.randbytes(5000),
        "Ünï dir/日本語 with a name that is long enough.text": b"wide\n",
        "a/b/c/d/e/f/g/h/i/j/deep.txt": b"deep\n",
        "empty": b"",
        **{f"many/file {number:03}.txt": b"%d" % number for number in range(120)},
    }
    for name, contents in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(contents)
        os.utime(path / name, ns=(1_600_000_000 * SECOND, 1_580_702_706 * SECOND))
    return path


@pytest.fixture(scope="module")
def linked(folder: Path) -> Path:
    """The same with what only Unix has."""
    path = folder.with_name("linked")
    shutil.copytree(folder, path)
    (path / "links").mkdir()
    (path / "links/relative").symlink_to("../sources/install.wim")
    (path / "links/absolute").symlink_to("/usr/share")
    (path / "links/long").symlink_to("/".join(["x" * 90, "y" * 80, "..", "z" * 95, "end"]))
    os.mkfifo(path / "pipe")
    (path / "UPPER").write_bytes(b"1")
    (path / "upper").write_bytes(b"2")
    (path / ("n" * 250)).write_bytes(b"a long name")
    return path


@pytest.fixture(scope="module")
def bridge(folder: Path) -> Path:
    return judges.make("genisoimage", folder.with_name("g.iso"), folder, "-udf", "-J", "-R", "-V", "BRIDGE", *BOOT)


@pytest.fixture(scope="module")
def rock(linked: Path) -> Path:
    return judges.make("xorriso", linked.with_name("x.iso"), linked, "-J", "-V", "ROCK", *BOOT)


def files_of(disc: Disc) -> dict[str, DiscFile]:
    return {each.path: each for each in disc.walk()}


def hashes(disc: Disc) -> dict[str, str]:
    return {
        each.path: hashlib.sha256(b"".join(disc.pieces(each))).hexdigest()
        for each in disc.walk()
        if each.kind is FileKind.FILE
    }


@pytest.mark.parametrize(("tree", "kind"), TREES.items())
def test_a_disc_of_genisoimage_is_what_7zz_lists_and_extracts(
    bridge: Path, tmp_path: Path, tree: TreeKind, kind: str
) -> None:
    listed = judges.seven_zip(bridge, kind)
    with open_disc(bridge, tree=tree) as disc:
        assert disc.facts.kind is tree
        found = files_of(disc)
        assert found.keys() - {"/"} == listed.keys()
        for path, each in listed.items():
            assert (found[path].is_directory, found[path].size, found[path].modified_ns) == (
                each.is_directory, each.size, each.modified_ns
            ), path  # fmt: skip
        assert hashes(disc) == judges.seven_zip_hashes(bridge, kind, tmp_path / "out")


def test_udf_is_read_of_a_disc_that_has_all(bridge: Path) -> None:
    with open_disc(bridge) as disc:
        assert disc.facts.kind is TreeKind.UDF
        assert disc.facts.revision == "1.02"
        assert disc.label == "BRIDGE"
        assert [each.kind for each in disc.trees] == [
            TreeKind.UDF, TreeKind.ROCK_RIDGE, TreeKind.ISO_9660, TreeKind.JOLIET
        ]  # fmt: skip
        assert disc.notes == ()


def test_the_tree_that_holds_the_files_is_read(tmp_path: Path, folder: Path) -> None:
    # As on Windows discs: the files are in UDF alone.
    hidden = judges.make("genisoimage", tmp_path / "h.iso", folder, "-D", "-udf", "-hide", "*")
    with open_disc(hidden) as disc:
        assert disc.find("SOURCES/Install.WIM") is not None
    with open_disc(hidden, tree=TreeKind.ISO_9660) as disc:
        assert disc.find("/sources/install.wim") is None
        with pytest.raises(InvalidRequest, match=r"has no tree of ISO 9660 with Rock Ridge; it has UDF 1\.02, ISO"):
            open_disc(hidden, tree=TreeKind.ROCK_RIDGE)


def test_rock_ridge_tells_what_the_files_were(rock: Path, linked: Path) -> None:
    with open_disc(rock) as disc:
        assert disc.facts.kind is TreeKind.ROCK_RIDGE
        assert disc.label == "ROCK"
        found = files_of(disc)
        expected = {f"/{each.relative_to(linked)}": each for each in linked.rglob("*")}
        assert found.keys() - {"/"} == expected.keys() | {"/boot.cat"}
        for path, each in expected.items():
            facts, ours = each.lstat(), found[path]
            assert ours.unix is not None
            assert (ours.unix.mode, ours.unix.uid, ours.unix.gid) == (facts.st_mode, facts.st_uid, facts.st_gid), path
            assert ours.modified_ns == facts.st_mtime_ns // SECOND * SECOND
            assert ours.target == (str(each.readlink()) if each.is_symlink() else None)
        assert found["/pipe"].kind is FileKind.SPECIAL
        assert found["/sources/install.wim"].accessed_ns is not None
        read = hashes(disc)
        del read["/boot.cat"]
        assert read == judges.hashes_of(linked)


def test_a_link_that_takes_several_entries_is_whole(tmp_path: Path) -> None:
    # genisoimage writes damaged ones of names above a hundred characters.
    target = "/".join(["x" * 200, "y" * 230, "..", "z" * 250, "end"])
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/long").symlink_to(target)
    with open_disc(judges.make("xorriso", tmp_path / "l.iso", tmp_path / "tree")) as disc:
        assert files_of(disc)["/long"].target == target
    disc_of_genisoimage = judges.make("genisoimage", tmp_path / "g.iso", tmp_path / "tree", "-R")
    with open_disc(disc_of_genisoimage) as disc, pytest.raises(InvalidVolume, match="symbolic link that is cut off"):
        files_of(disc)


def test_a_directory_that_was_moved_is_where_it_was(linked: Path, tmp_path: Path) -> None:
    # isoinfo reads Rock Ridge with code of its own; genisoimage moves directories below the eighth level.
    disc = judges.make("genisoimage", tmp_path / "deep.iso", linked, "-R", "-r")
    listed = output("isoinfo", "-R", "-f", "-i", disc).splitlines()
    with open_disc(disc) as opened:
        found = files_of(opened)
        assert "/a/b/c/d/e/f/g/h/i/j/deep.txt" in found
        assert "/rr_moved/h" not in found
        # What isoinfo lists where it was moved to is in its own place, too.
        assert {each for each in listed if not each.startswith("/rr_moved/")} <= found.keys()
        assert opened.find("/links/long").target == str((linked / "links/long").readlink())  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["bridge", "rock"])
def test_boot_entries_are_those_that_xorriso_reports(name: str, request: pytest.FixtureRequest) -> None:
    disc = request.getfixturevalue(name)
    expected = judges.boot_images(disc)
    assert [each.path for each in expected] == ["/efi/boot/etfs.com", "/efi/boot/efi.img"]
    with open_disc(disc) as opened:
        found = opened.boot_entries()
    assert [Platform(each.platform) for each in found] == [Platform.BIOS, Platform.UEFI]
    assert {Emulation(each.emulation) for each in found} == {Emulation.NONE}
    assert [(each.is_bootable, each.sectors, each.offset // 2048, each.path) for each in found] == [
        (each.is_bootable, each.sectors, each.block, each.path) for each in expected
    ]


def test_a_file_is_read_in_place(bridge: Path, folder: Path) -> None:
    with open_disc(bridge) as disc:
        file = disc.find("sources\\INSTALL.wim")
        assert file is not None
        (extent,) = disc.extents(file)
        assert extent.size == file.size == 70_001
        assert extent.offset is not None
    data = bridge.read_bytes()[extent.offset : extent.offset + extent.size]
    assert data == (folder / "sources/install.wim").read_bytes()


def test_a_name_in_another_case_is_found_when_none_is_exact(rock: Path) -> None:
    with open_disc(rock) as disc:
        names = {text: disc.find(text) for text in ("/UPPER", "/upper", "/EMPTY", "/Pipe/below", "nothing")}
        assert [each and each.path for each in names.values()] == ["/UPPER", "/upper", "/empty", None, None]


def test_a_file_of_several_extents_is_one(tmp_path: Path) -> None:
    # Files of 4 GiB and more have them; here two files that are beside each other become one.
    source = tmp_path / "tree"
    source.mkdir()
    for name, size in (("BIG1", 4096), ("BIG2", 300)):
        (source / name).write_bytes(name.encode() * (size // 4))
    disc = judges.make("xorriso", tmp_path / "two.iso", source, "--norock")
    data = bytearray(disc.read_bytes())
    first, second = (data.find(name) for name in (b"BIG1", b"BIG2"))
    data[first - 8] |= 0x80
    data[second : second + 4] = b"BIG1"
    disc.write_bytes(data)
    ((path, listed),) = judges.seven_zip(disc, "iso").items()
    with open_disc(disc) as opened:
        found = opened.find(path)
        assert found is not None
        assert found.size == listed.size == 4396
        assert len(opened.extents(found)) == 1
        assert hashes(opened) == judges.seven_zip_hashes(disc, "iso", tmp_path / "out")


@pytest.mark.parametrize("revision", ["1.02", "1.50", "2.00", "2.01"])
@pytest.mark.parametrize("options", [("-b", "2048"), ("-b", "512", "--ad=long"), ("-b", "4096", "--strategy=4096")])
def test_a_new_volume_of_mkudffs_is_empty_and_has_its_label(
    tmp_path: Path, revision: str, options: tuple[str, ...]
) -> None:
    path = tmp_path / "volume.udf"
    with path.open("wb") as file:
        file.truncate(3 << 20)
    run(["mkudffs", "-r", revision, "-l", "Läbel 日本", *options, path])
    with open_disc(path) as disc:
        assert (disc.facts.revision, disc.label, disc.notes) == (revision, "Läbel 日本", ())
        assert [each.path for each in disc.walk()] == ["/"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-m", "cdr", "-r", "1.50"), "a virtual allocation table"),
        (("-m", "dvdrw", "-r", "2.01", "--spartable=2"), "a sparing table"),
    ],
)
def test_a_volume_with_a_table_of_places_is_named_and_refused(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "volume.udf"
    with path.open("wb") as file:
        file.truncate(30 << 20)
    run(["mkudffs", *options, path])
    with pytest.raises(InvalidVolume, match=said):
        open_disc(path)


def test_a_disc_of_pycdlib_is_read(tmp_path: Path) -> None:
    contents = random.Random(1).randbytes(9000)
    path = tmp_path / "p.iso"
    writer = pycdlib.PyCdlib()
    writer.new(udf="2.60", joliet=3, rock_ridge="1.09", vol_ident="PYCD")
    names = {"iso_path": "/FILE.;1", "udf_path": "/file", "joliet_path": "/file", "rr_name": "file"}
    writer.add_fp(BytesIO(contents), len(contents), **names)
    writer.add_directory("/DIR", udf_path="/dir", joliet_path="/dir", rr_name="dir")
    writer.write(str(path))
    writer.close()
    for tree in (TreeKind.UDF, TreeKind.ROCK_RIDGE, TreeKind.JOLIET):
        with open_disc(path, tree=tree) as disc:
            assert sorted(files_of(disc)) == ["/", "/dir", "/file"]
            assert hashes(disc) == {"/file": hashlib.sha256(contents).hexdigest()}


@pytest.mark.parametrize("contents", [b"", bytes(40_000), b"x" * 40_000])
def test_what_is_no_disc_is_told(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "file").write_bytes(contents)
    with pytest.raises(InvalidInput, match="is no disc"):
        open_disc(tmp_path / "file")


def test_a_disc_that_is_cut_off_says_so_and_lists_what_is_there(bridge: Path, tmp_path: Path) -> None:
    with open_disc(bridge) as disc:
        file = disc.find("/sources/install.wim")
        assert file is not None
        (extent,) = disc.extents(file)
    assert extent.offset is not None
    path = tmp_path / "short.iso"
    path.write_bytes(bridge.read_bytes()[: extent.offset + 4096])
    with open_disc(path) as disc:
        assert any("it is cut off" in each for each in disc.notes)
        assert disc.find("/many") is not None
        with pytest.raises(InvalidVolume, match=r"'/sources/install\.wim' is to be at bytes"):
            list(disc.pieces(file))
