"""Links and the streams of folders are stored in the form that DISM takes: that of libwim 1.14.5.

The rules are those of the comment on ``write_dentry_streams`` in wimlib's ``src/dentry.c`` (1.14.2 and later).
"""

from __future__ import annotations

import hashlib
import lzma
import struct
from pathlib import Path

import pytest
from cases.dentries import dentries_of, trees_of
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging.wim.stored.dentries import walk, walk_special
from osdimage.imaging.wim.stored.folder_streams import in_newer_form, survey
from runs.commands import osdimage

DIRECTORY, FILE, REPARSE_POINT, ENCRYPTED = 0x10, 0x20, 0x400, 0x4000
JUNCTION = 0xA0000003
ZERO = bytes(20)


def sha1(text: str) -> bytes:
    return hashlib.sha1(text.encode(), usedforsecurity=False).digest()


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def stream(name: str, digest: bytes) -> bytes:
    encoded = name.encode("utf-16-le")
    body = struct.pack("<Q20sH", 0, digest, len(encoded)) + (encoded + b"\0\0" if encoded else b"")
    return padded(struct.pack("<Q", len(body) + 8 + -(len(body) + 8) % 8) + body)


def entry(
    name: str, attributes: int, *streams: bytes, main: bytes = ZERO, below: int = 0, tag: int = 0, flags: int = 1
) -> bytes:
    encoded = name.encode("utf-16-le")
    names = encoded + b"\0\0" if encoded else b""
    length = (102 + len(names) + 7) // 8 * 8
    packed = struct.pack(
        "<QIiQ16x24x20s4xIHHHHH", length, attributes, -1, below, main, tag, 0, flags, len(streams), 0, 0
    )
    return padded(packed[:100] + struct.pack("<H", len(encoded)) + names) + b"".join(streams)


def tree_of(*entries: bytes) -> bytes:
    """Return a tree of a root and what is in it."""
    root = entry("", DIRECTORY, below=8 + len(entry("", DIRECTORY)) + 8)
    return struct.pack("<II", 8, 0) + root + bytes(8) + b"".join(entries) + bytes(8)


NOTE, DATA, REPARSE = stream("note", sha1("note")), stream("", ZERO), stream("", sha1("reparse"))
FOLDER_LINK = DIRECTORY | REPARSE_POINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(entry("a", DIRECTORY, DATA, NOTE), entry("a", DIRECTORY, NOTE), id="folder with a stream"),
        pytest.param(
            entry("a", FOLDER_LINK, REPARSE, DATA, tag=JUNCTION),
            entry("a", FOLDER_LINK, main=sha1("reparse"), tag=JUNCTION),
            id="junction",
        ),
        pytest.param(
            entry("a", FOLDER_LINK, REPARSE, DATA, NOTE, tag=JUNCTION),
            entry("a", FOLDER_LINK, REPARSE, NOTE, tag=JUNCTION),
            id="junction with a stream",
        ),
    ],
)
def test_a_folder_gets_the_newer_form(old: bytes, new: bytes) -> None:
    # What is behind it moves, and the list of the folder behind it with it.
    def whole(changed: bytes) -> bytes:
        below = len(tree_of(changed, entry("b", DIRECTORY)))
        return tree_of(changed, entry("b", DIRECTORY, below=below)) + entry("c", FILE, main=sha1("c")) + bytes(8)

    assert in_newer_form(whole(old)) == whole(new)
    assert in_newer_form(whole(new)) is None


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(entry("a", FILE, DATA, NOTE), id="file with a stream"),
        pytest.param(entry("a", FILE | REPARSE_POINT, REPARSE, DATA, tag=JUNCTION), id="link of a file"),
        pytest.param(entry("a", DIRECTORY | ENCRYPTED, DATA, NOTE), id="encrypted folder"),
        pytest.param(entry("a", DIRECTORY, REPARSE, NOTE), id="folder with contents"),
        pytest.param(entry("a", DIRECTORY, DATA, NOTE, main=sha1("x")), id="folder with a main hash"),
        pytest.param(entry("a", FOLDER_LINK, REPARSE, NOTE, tag=JUNCTION), id="link in the newer form"),
    ],
)
def test_everything_else_stays_as_it_is(kept: bytes) -> None:
    assert in_newer_form(tree_of(kept)) is None


def test_what_an_older_libwim_wrote_is_told() -> None:
    tree = tree_of(
        entry("a", DIRECTORY, DATA, NOTE),
        entry("b", FOLDER_LINK, REPARSE, DATA, tag=JUNCTION),
        entry("c", FILE | REPARSE_POINT, REPARSE, DATA, tag=JUNCTION, flags=0),
        entry("d", DIRECTORY, NOTE),
        entry("e", FILE, DATA, NOTE),
    )
    found = survey(tree)
    assert (found.old_folders, found.old_links) == (["/a"], ["/b"])
    assert [(mark.path, mark.sha1) for mark in found.marks] == [("/c", sha1("reparse"))]


def test_a_tree_in_another_order_stays_as_it_is() -> None:
    # The list of the folder begins at an entry in the middle of another list.
    first = entry("a", DIRECTORY, DATA, NOTE)
    at = len(tree_of(first)) - 8
    assert in_newer_form(tree_of(first, entry("b", DIRECTORY, below=at))) is None


@given(data=st.binary(max_size=600), cut=st.integers(0, 600))
def test_damage_is_left_alone(data: bytes, cut: int) -> None:
    tree = tree_of(entry("a", FOLDER_LINK, REPARSE, DATA, NOTE), entry("b", DIRECTORY, DATA, NOTE))
    for damaged in (data, tree[:cut] + data, tree[: min(cut, len(tree))]):
        made = in_newer_form(damaged)
        assert made is None or len(made) < len(damaged)
        survey(damaged)


@given(data=st.binary(max_size=20), at=st.integers(0, 2000), length=st.sampled_from([0, 4, 8, 101, 102, 110, 1 << 40]))
def test_what_is_special_is_found_as_in_a_walk_over_all(data: bytes, at: int, length: int) -> None:
    plain = [entry(f"plain {number}", FILE) for number in range(3)]
    outer = [*plain, entry("b", FOLDER_LINK, REPARSE, tag=JUNCTION), entry("z", FILE, DATA, NOTE)]
    behind = len(tree_of(*outer, entry("c", DIRECTORY)))
    tree = bytearray(tree_of(*outer, entry("c", DIRECTORY, below=behind)))
    tree += b"".join([*plain, entry("a", DIRECTORY, DATA, NOTE), plain[0], bytes(8)])
    place = at % len(tree)
    tree[place : place + len(data)] = data
    if place % 8 == 0:
        tree[place : place + 8] = length.to_bytes(8, "little")
    damaged = bytes(tree)
    wanted = DIRECTORY | REPARSE_POINT
    found = [(each.path, each.begin) for each in walk(damaged, strict=False) if each.attributes & wanted]
    assert [(each.path, each.begin) for each in walk_special(damaged)] == found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "folder" / "below").mkdir(parents=True)
    (folder / "folder" / "file").write_text("contents")
    (folder / "link").symlink_to("folder")
    (folder / "zz").mkdir()
    (folder / "zz" / "last").write_text("last")
    return folder


@pytest.mark.foreign
@pytest.mark.parametrize("compression", ["none", "xpress", "lzx", "lzms", "solid"])
def test_what_is_written_is_sound_for_foreign_readers(source: Path, tmp_path: Path, compression: str) -> None:
    wim = tmp_path / ("x.esd" if compression in {"lzms", "solid"} else "x.wim")
    form = [] if compression == "solid" else ["--compress", compression]
    osdimage("capture", source, wim, "--check", *form)
    osdimage("capture", source, wim, "--append", "--name", "second", "--boot")
    judges.wimlib("verify", wim)
    judges.seven_zip_test(wim)
    for image in (1, 2):
        assert judges.wimlib_paths(wim, image) == [
            "/", "/folder", "/folder/below", "/folder/file", "/link", "/zz", "/zz/last"
        ]  # fmt: skip
        judges.wimlib("apply", wim, str(image), tmp_path / f"applied {image}")
        assert (tmp_path / f"applied {image}" / "link").readlink() == Path("folder")
        assert (tmp_path / f"applied {image}" / "zz" / "last").read_text() == "last"


@pytest.mark.foreign
def test_a_link_of_a_folder_has_its_data_as_main_hash(source: Path, tmp_path: Path) -> None:
    theirs, ours, exported = (tmp_path / name for name in ("theirs.wim", "ours.wim", "exported.wim"))
    judges.wimlib("capture", source, theirs, "--compress=none")
    osdimage("capture", source, ours, "--compress", "none")
    osdimage("capture", source, ours, "--append", "--name", "second")
    osdimage("export", theirs, exported)
    old = dentries_of(trees_of(theirs)[0])
    for wim, number in ((ours, 0), (ours, 1), (exported, 0)):
        new = dentries_of(trees_of(wim)[number])
        assert new.keys() == old.keys()
        assert new["/link"].streams == ()
        # Where the installed libwim is older than 1.14.2, it has them behind the entry.
        assert new["/link"].main == (old["/link"].streams[0][1] if old["/link"].streams else old["/link"].main)
        assert new["/folder/file"] == old["/folder/file"]


@pytest.mark.foreign
def test_verify_tells_of_what_an_older_libwim_wrote(tmp_path: Path) -> None:
    volume, old, new = tmp_path / "v.ntfs", tmp_path / "old.wim", tmp_path / "new.wim"
    packed = judges.corpus() / "reports" / "links" / "links.ntfs.xz"
    if not packed.exists():
        pytest.skip("no volume with links in the corpus")
    volume.write_bytes(lzma.decompress(packed.read_bytes()))
    # 1.13.6 writes both; what 1.14.2 and 1.14.5 write has neither.
    judges.wimlib("capture", volume, old)
    told = osdimage("verify", old).err
    if "1.13" not in judges.wimlib("--version"):
        return
    assert "DISM may refuse: 1 ('/streamed')" in told
    assert "Setup of Windows 8 may refuse: 4 (" in told
    assert "targets cannot have been: 5 (" in told
    osdimage("export", old, new)
    told = osdimage("verify", new).err
    assert "may refuse:" not in told
    assert "targets cannot have been: 5 (" in told


@pytest.mark.foreign
def test_no_link_of_a_volume_is_marked_as_rewritten(tmp_path: Path) -> None:
    volume, wim = tmp_path / "v.ntfs", tmp_path / "v.wim"
    packed = judges.corpus() / "reports" / "links" / "links.ntfs.xz"
    if not packed.exists():
        pytest.skip("no volume with links in the corpus")
    # Made by ntfs-3g: mount -o streams_interface=windows, then the names below with system.ntfs_reparse_data.
    volume.write_bytes(lzma.decompress(packed.read_bytes()))
    osdimage("capture", volume, wim, "--compress", "none")
    osdimage("capture", volume, wim, "--append", "--name", "second")
    for tree in trees_of(wim):
        found = dentries_of(tree)
        links = {path: each for path, each in found.items() if each.attributes & REPARSE_POINT}
        assert len(links) == 9
        # wimlib-imagex 1.14.5 capture of the volume: rp_flags 1 for each.
        assert {each.flags for each in links.values()} == {1}
        assert [len(found[path].streams) for path in ("/junction", "/mount-point", "/to-box", "/box/absolute")] == [
            0, 0, 0, 2
        ]  # fmt: skip
        assert [name for name, _ in found["/streamed"].streams] == ["note"]
