"""Owner, mode, device numbers and extended attributes, restored by wimlib-imagex and then changed one by one."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import wimcraft
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging.compare.fidelity import OF_UNIX
from osdimage.imaging.wim.stored.extended import extended_attributes
from runs.commands import Outcome, osdimage

foreign = pytest.mark.foreign

Found = list[tuple[str, str]]


def counts_of(outcome: Outcome) -> dict[str, tuple[int, int, int, int]]:
    return {
        each["kind"]: (each["stored"], each["restored"], each["dropped"], each["different"])
        for each in outcome.compared["classes"]
    }


def found_by(outcome: Outcome) -> Found:
    return [(each["kind"], each["path"]) for each in outcome.compared["differences"]]


def make_tree(folder: Path) -> Path:
    """Fill a folder with what every user may make."""
    folder.mkdir()
    (folder / "file").write_bytes(b"contents")
    (folder / "file").chmod(0o640)
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    (folder / "folder").chmod(0o1777)
    (folder / "link").symlink_to("file")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        # The path of a socket has at most 107 bytes.
        descriptor = os.open(folder, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{descriptor}/socket")
        os.close(descriptor)
    try:
        os.setxattr(folder / "file", "user.comment", b"a comment")
    except OSError as error:
        pytest.skip(f"the folder of the tests has no extended attributes of users: {error.strerror}")
    os.setxattr(folder / "file", "user.empty", b"")
    os.setxattr(folder / "folder", "user.long", bytes(range(256)) * 4)
    return folder


@pytest.fixture
def restored(tmp_path: Path) -> tuple[Path, Path]:
    """Return a WIM with the Unix data of a folder, and a folder that it was applied to."""
    source = make_tree(tmp_path / "source")
    judges.wimlib("capture", source, tmp_path / "unix.wim", "--unix-data", "--compress=none")
    judges.wimlib("apply", tmp_path / "unix.wim", tmp_path / "target", "--unix-data")
    return tmp_path / "unix.wim", tmp_path / "target"


@foreign
def test_a_folder_that_was_restored_with_its_unix_data_is_equal(restored: tuple[Path, Path]) -> None:
    counts = counts_of(osdimage("compare", *restored, "--strict", "--json"))
    assert counts["names"] == (7, 7, 0, 0)
    assert counts["owners"] == (7, 7, 0, 0)
    # Linux keeps no mode of a link.
    assert counts["modes"] == (6, 6, 0, 0)
    assert counts["extended-attributes"] == (3, 3, 0, 0)
    # Of a FIFO and a socket there are none.
    assert counts["contents"] == (2, 2, 0, 0)
    osdimage("compare", restored[0], restored[0].with_name("source"), "--strict")


def keeping_time(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def changed(target: Path) -> None:
        facts = target.stat()
        change(target)
        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    return changed


def file_for_a_fifo(target: Path) -> None:
    (target / "fifo").unlink()
    (target / "fifo").touch()


CHANGES: dict[str, tuple[Callable[[Path], object], Found]] = {
    "mode": (lambda target: (target / "file").chmod(0o600), [("modes", "/file")]),
    "mode of a folder": (lambda target: (target / "folder").chmod(0o755), [("modes", "/folder")]),
    "bit of the mode": (lambda target: (target / "empty").chmod(0o4644), [("modes", "/empty")]),
    "mode of a FIFO": (lambda target: (target / "fifo").chmod(0o600), [("modes", "/fifo")]),
    "attribute": (
        lambda target: os.setxattr(target / "file", "user.comment", b"A comment"),
        [("extended-attributes", "/file")],
    ),
    "attribute missing": (
        lambda target: os.removexattr(target / "file", "user.empty"),
        [("extended-attributes", "/file")],
    ),
    "extra attribute": (
        lambda target: os.setxattr(target / "empty", "user.new", b""),
        [("extended-attributes", "/empty")],
    ),
    "attribute of a folder": (
        lambda target: os.setxattr(target / "folder", "user.long", bytes(range(255, -1, -1)) * 4),
        [("extended-attributes", "/folder")],
    ),
    "file for a FIFO": (keeping_time(file_for_a_fifo), [("names", "/fifo")]),
    "FIFO missing": (keeping_time(lambda target: (target / "fifo").unlink()), [("names", "/fifo")]),
    "extra FIFO": (keeping_time(lambda target: os.mkfifo(target / "new")), [("extra", "/new")]),
}


@foreign
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_and_named(restored: tuple[Path, Path], name: str) -> None:
    change, expected = CHANGES[name]
    change(restored[1])
    assert found_by(osdimage("compare", *restored, "--json", code=1)) == expected


@foreign
def test_what_was_expected_and_what_is_there(restored: tuple[Path, Path]) -> None:
    (restored[1] / "file").chmod(0o4755)
    os.setxattr(restored[1] / "file", "user.comment", b"another")
    os.removexattr(restored[1] / "file", "user.empty")
    outcome = osdimage("compare", *restored, "--json", code=1)
    sides = {(each["kind"], each["expected"], each["found"]) for each in outcome.compared["differences"]}
    assert sides == {
        ("modes", "0640", "4755"),
        ("extended-attributes", "user.comment = 6120636f6d6d656e74", "user.comment = 616e6f74686572"),
        ("extended-attributes", "user.empty = empty", None),
    }


@foreign
@pytest.mark.root
def test_owners_and_device_numbers(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    os.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(source / "disk", stat.S_IFBLK | 0o600, os.makedev(259, 300))
    os.chown(source / "file", 1234, 5678)
    os.chown(source / "link", 12, 34, follow_symlinks=False)
    wim, target = tmp_path / "unix.wim", tmp_path / "target"
    judges.wimlib("capture", source, wim, "--unix-data", "--compress=none")
    judges.wimlib("apply", wim, target, "--unix-data")
    assert (target / "disk").stat().st_rdev == os.makedev(259, 300)
    counts = counts_of(osdimage("compare", wim, target, "--strict", "--json"))
    assert counts["owners"] == (9, 9, 0, 0)
    assert counts["device-numbers"] == (2, 2, 0, 0)
    os.chown(target / "file", 1234, 0)
    os.chown(target / "link", 0, 34, follow_symlinks=False)
    facts = target.stat(), (target / "null").stat()
    (target / "null").unlink()
    os.mknod(target / "null", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    (target / "null").chmod(0o644)
    for path, each in zip((target, target / "null"), facts, strict=True):
        os.utime(path, ns=(each.st_atime_ns, each.st_mtime_ns))
    outcome = osdimage("compare", wim, target, "--json", code=1)
    sides = {(each["kind"], each["path"], each["expected"], each["found"]) for each in outcome.compared["differences"]}
    assert sides == {
        ("owners", "/file", "1234:5678", "1234:0"),
        ("owners", "/link", "12:34", "0:34"),
        ("device-numbers", "/null", "1:3", "1:5"),
    }
    assert outcome.warnings == []
    for each in (target, *target.iterdir()):
        os.chown(each, 7, 7, follow_symlinks=False)
    (warning,) = osdimage("compare", wim, target, code=1).warnings
    assert "owner or mode of most files are others" in warning


@foreign
@pytest.mark.parametrize("kind", ["ntfs", "fat"])
def test_a_volume_has_no_place_for_them(restored: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    wim, volume = restored[0], tmp_path / "volume.img"
    if kind == "ntfs":
        judges.make_ntfs(volume)
    else:
        with volume.open("wb") as file:
            file.truncate(40 << 20)
        judges.run("mkfs.fat", "-F", "32", "-s", "1", volume)
    applied = osdimage("apply", wim, volume)
    assert "owner, group and mode of Unix not set: 7" in "\n".join(applied.warnings)
    assert "FIFOs, sockets and devices became empty files: 2" in "\n".join(applied.warnings)
    assert "files with extended attributes, which were not set: 2" in "\n".join(applied.warnings)
    counts = counts_of(osdimage("compare", wim, volume, "--json"))
    assert {str(each): counts[each] for each in OF_UNIX if each in counts} == {
        "owners": (7, 0, 7, 0),
        "modes": (6, 0, 6, 0),
        "extended-attributes": (3, 0, 3, 0),
    }
    osdimage("compare", wim, volume, "--strict", code=1)


@foreign
def test_what_is_not_set_without_being_asked_for_is_told_and_different(restored: tuple[Path, Path]) -> None:
    wim, target = restored[0], restored[0].with_name("plain")
    applied = osdimage("apply", wim, target)
    assert applied.warnings == [
        "owner, group and mode of Unix not set: 7",
        "FIFOs, sockets and devices became empty files: 2",
        "files with extended attributes, which were not set: 2",
    ]
    assert "--unix-data" in applied.out
    osdimage("apply", wim, target.with_name("strict"), "--strict", code=1)
    # There is no such option of extract.
    extracted = osdimage("extract", wim, "/file", "/fifo", "--to", target.with_name("extracted"))
    assert extracted.warnings == [
        "owner, group and mode of Unix not set: 2",
        "FIFOs, sockets and devices became empty files: 1",
        "files with extended attributes, which were not set: 1",
    ]
    assert osdimage("apply", wim, target.with_name("asked"), "--unix-data", "--strict").warnings == []
    kinds = {kind for kind, _ in found_by(osdimage("compare", wim, target, "--json", code=1))}
    assert kinds == {"names", "modes", "extended-attributes"}


@foreign
def test_an_image_without_unix_data_says_nothing_of_it(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    (source / "fifo").unlink()
    (source / "socket").unlink()
    judges.wimlib("capture", source, tmp_path / "plain.wim")
    judges.wimlib("apply", tmp_path / "plain.wim", tmp_path / "target")
    (tmp_path / "target/file").chmod(0o600)
    os.setxattr(tmp_path / "target/file", "user.new", b"1")
    counts = counts_of(osdimage("compare", tmp_path / "plain.wim", tmp_path / "target", "--strict", "--json"))
    assert not OF_UNIX & counts.keys()


# ---- the form of extended attributes


def item(tag: int, data: bytes) -> bytes:
    return struct.pack("<II", tag, len(data)) + data + bytes(-len(data) % 8)


def attribute(name: bytes, value: bytes) -> bytes:
    # WimGAPI of Windows 10 1607 (wimlib, xattr.h): le16 value_len, u8 name_len, u8 flags, name, zero, value.
    return struct.pack("<HBB", len(value), len(name), 0) + name + b"\0" + value


def old_attribute(name: bytes, value: bytes) -> bytes:
    # wimlib 1.11 and 1.12: le16 name_len, le16, le32 value_len, name, value, to a multiple of four.
    packed = struct.pack("<HHI", len(name), 0, len(value)) + name + value
    return packed + bytes(-len(packed) % 4)


EA = attribute(b"$KERNEL.PURGE.ESBCACHE", b"\1\2\3") + attribute(b"B", b"")
EXPECTED = {b"$KERNEL.PURGE.ESBCACHE": b"\1\2\3", b"B": b""}


@pytest.mark.parametrize(
    "items",
    [
        item(2, EA),
        item(1, bytes(16)) + item(2, EA),
        item(0x337DD874, old_attribute(b"$KERNEL.PURGE.ESBCACHE", b"\1\2\3") + old_attribute(b"B", b"")),
    ],
    ids=["alone", "behind another", "old"],
)
def test_extended_attributes_of_a_tree(items: bytes) -> None:
    tree = wimcraft.metadata(
        wimcraft.root(
            wimcraft.Node("a long name.text", b"1", short_name="ALONGN~1.TEX", items=items, streams={"more": b"2"}),
            wimcraft.Node("plain", b"1", items=item(1, bytes(16))),
            wimcraft.folder("folder", wimcraft.Node("odd", b"1", items=items)),
        )
    )
    assert extended_attributes(tree) == {"/a long name.text": EXPECTED, "/folder/odd": EXPECTED}


@pytest.mark.parametrize("size", range(0, 500, 7))
def test_a_tree_that_is_cut_off_is_read_as_far_as_it_goes(size: int) -> None:
    tree = wimcraft.metadata(wimcraft.root(wimcraft.Node("a", b"1", items=item(2, EA)), wimcraft.Node("b", b"1")))
    assert extended_attributes(tree[:size]) in ({}, {"/a": EXPECTED})


@given(st.dictionaries(st.integers(0, 600), st.integers(0, 255), max_size=8))
def test_a_tree_that_lies_is_read_to_an_end(changes: dict[int, int]) -> None:
    node = wimcraft.folder("folder", wimcraft.Node("a", b"1", items=item(2, EA), streams={"s": b"2"}))
    tree = bytearray(wimcraft.metadata(wimcraft.root(node, wimcraft.Node("b", b"1", items=item(0x337DD874, EA)))))
    for at, value in changes.items():
        tree[at % len(tree)] = value
    assert all(path.startswith("/") for path in extended_attributes(bytes(tree)))


@pytest.mark.parametrize(
    "items", [b"\2\0\0\0\xff\xff\xff\xff", item(2, b"\xff\xff\1\0A\0"), item(2, bytes(8)), b"\0" * 7]
)
def test_items_that_lie_are_no_attributes(items: bytes) -> None:
    tree = wimcraft.metadata(wimcraft.root(wimcraft.Node("a", b"1", items=items)))
    assert extended_attributes(tree) == {}


@foreign
def test_what_cannot_be_set_where_it_was_asked_for_is_counted(tmp_path: Path) -> None:
    wim = tmp_path / "ea.wim"
    # Linux has no attribute whose name begins so, whoever asks.
    items = item(2, EA + attribute(b"user.comment", b"1"))
    wim.write_bytes(wimcraft.build(wimcraft.root(wimcraft.Node("file", b"1", items=items))))
    applied = osdimage("apply", wim, tmp_path / "target", "--unix-data")
    assert applied.warnings == ["extended attributes that could not be set: 2"]
    counts = counts_of(osdimage("compare", wim, tmp_path / "target", "--json"))
    assert counts["extended-attributes"] == (3, 1, 2, 0)
    osdimage("apply", wim, tmp_path / "strict", "--unix-data", "--strict", code=1)


@foreign
def test_attributes_of_windows_have_no_place_on_linux_and_libwim_writes_none_on_ntfs(tmp_path: Path) -> None:
    wim = tmp_path / "ea.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(wimcraft.Node("file", b"1", items=item(2, EA)))))
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    for target in (volume, tmp_path / "target"):
        applied = osdimage("apply", wim, target)
        assert applied.warnings == ["files with extended attributes, which were not set: 1"]
        assert counts_of(osdimage("compare", wim, target, "--json"))["extended-attributes"] == (2, 0, 2, 0)
        osdimage("compare", wim, target, "--strict", code=1)
