"""Filling a volume from an image of a WIM that wimlib-imagex made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cases.fat import SERIAL, SMALL, TREES, contents, file, folder
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import wim as judges
from osdimage.imaging.apply import fat_source
from osdimage.imaging.apply.fat_source import from_image
from osdimage.imaging.disk.image import create_image, open_image
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import CorruptWim, InvalidRequest, InvalidVolume, MissingParts, UnsafeName
from osdimage.imaging.units import MIB, Geometry
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    FillResult,
    SourceEntry,
    check_fat,
    fill_fat,
    from_entries,
    open_fat,
)
from osdimage.imaging.wim.entries import Entry, Stream
from osdimage.imaging.wim.file import WimFile

pytestmark = pytest.mark.foreign

OPTIONS = FatOptions(SERIAL, label="LABEL")
BIG = 3 * MIB + 5


def make_tree(root: Path) -> None:
    """Write a tree with duplicates small and large, empty files and names of all kinds."""
    for entry in (*TREES["sizes"], *TREES["accents"], *TREES["spaces"], *TREES["deep"]):
        (root / entry.path).parent.mkdir(parents=True, exist_ok=True)
        (root / entry.path).write_bytes(contents(entry.path, entry.size))
    (root / "empty folder").mkdir()
    for number in range(3):
        (root / f"same large {number}").write_bytes(contents("same", BIG))
        (root / f"same small {number}").write_bytes(contents("same", 700))
    # Bytes that no compression makes smaller.
    (root / "random").write_bytes(os.urandom(200_000))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    make_tree(root)
    return root


def make_wim(tree: Path, *options: str) -> Path:
    wim = tree.parent / "image.wim"
    disk_judges.run(["wimlib-imagex", "capture", tree, wim, *options])
    return wim


def fill(wim: Path, image: Path, *, parts: tuple[Path, ...] = ()) -> FillResult:
    with WimFile.open(wim, refs=map(str, parts)) as opened, create_image(str(image), SMALL) as target:
        return fill_fat(target, from_image(opened.images[0]), OPTIONS)


def assert_holds(image: Path, tree: Path, tmp_path: Path) -> None:
    fat_judges.fsck(image)
    fat_judges.copy_out(image, tmp_path / "copied")
    disk_judges.run(["diff", "-r", tree, tmp_path / "copied"])


@pytest.mark.parametrize(
    "options",
    [
        ("--compress=none",),
        ("--compress=xpress",),
        pytest.param(("--compress=lzx",), marks=pytest.mark.matrix),
        ("--compress=lzx", "--chunk-size=65536"),
        pytest.param(("--compress=lzms",), marks=pytest.mark.matrix),
        ("--compress=lzms", "--solid"),
        pytest.param(("--compress=lzx", "--solid", "--solid-chunk-size=1M"), marks=pytest.mark.matrix),
    ],
    ids=" ".join,
)
def test_the_files_of_an_image_are_on_the_volume(tmp_path: Path, tree: Path, options: tuple[str, ...]) -> None:
    wim = make_wim(tree, *options)
    result = fill(wim, tmp_path / "volume.img")
    assert result.losses == ()
    assert_holds(tmp_path / "volume.img", tree, tmp_path)


def test_only_the_files_of_the_chosen_image_are_read_from_a_solid_resource(tmp_path: Path, tree: Path) -> None:
    wim = make_wim(tree, "--compress=lzms", "--solid")
    shutil.rmtree(tree / "level 0")
    other = tmp_path / "other"
    other.mkdir()
    (other / "same small 1").write_bytes(contents("same", 700))
    (other / "new").write_bytes(b"new")
    disk_judges.run(["wimlib-imagex", "append", other, wim, "second"])
    with WimFile.open(wim) as opened, create_image(str(tmp_path / "volume.img"), SMALL) as target:
        fill_fat(target, from_image(opened.image(2)), OPTIONS)
    assert_holds(tmp_path / "volume.img", other, tmp_path)


def test_times_and_attributes_come_along(tmp_path: Path, tree: Path) -> None:
    # 2001-02-03 04:05:06 UTC
    os.utime(tree / "random", ns=(981_173_106 * 10**9, 981_173_106 * 10**9))
    wim = make_wim(tree)
    fill(wim, tmp_path / "volume.img")
    listed = fat_judges.mtools("mdir", "-i", tmp_path / "volume.img", "::/random")
    assert "200000 2001-02-03   4:05" in listed
    fat_judges.copy_out(tmp_path / "volume.img", tmp_path / "copied")
    assert (tmp_path / "copied" / "random").stat().st_mtime == 981_173_106


def test_links_are_left_out_and_counted(tmp_path: Path, tree: Path) -> None:
    os.link(tree / "random", tree / "second name")
    (tree / "link").symlink_to("random")
    (tree / "folder link").symlink_to("empty folder")
    wim = make_wim(tree)
    result = fill(wim, tmp_path / "volume.img")
    assert [str(loss) for loss in result.losses] == [
        "hard links stored as copies: 1",
        "links and other reparse points not kept: 2",
    ]
    (tree / "link").unlink()
    (tree / "folder link").unlink()
    assert_holds(tmp_path / "volume.img", tree, tmp_path)


def test_split_wims_are_read_from_all_their_parts(tmp_path: Path, tree: Path) -> None:
    wim = make_wim(tree, "--compress=none")
    disk_judges.run(["wimlib-imagex", "split", wim, tmp_path / "part.swm", "2"])
    first, *rest = sorted(tmp_path.glob("part*.swm"))
    assert len(rest) > 1
    (tmp_path / "elsewhere").mkdir()
    moved = tuple(each.rename(tmp_path / "elsewhere" / each.name) for each in rest)
    with pytest.raises(MissingParts, match=r"files, '.*' for one, are in another file"):
        fill(first, tmp_path / "missing.img")
    fill(first, tmp_path / "volume.img", parts=moved)
    assert_holds(tmp_path / "volume.img", tree, tmp_path)


def test_a_pipable_wim_is_refused(tmp_path: Path, tree: Path) -> None:
    wim = make_wim(tree, "--pipable")
    with pytest.raises(InvalidRequest, match="pipable WIM cannot be read here; export it"):
        fill(wim, tmp_path / "volume.img")


@pytest.mark.parametrize("options", [("--compress=none",), ("--compress=lzms", "--solid")], ids=" ".join)
def test_a_damaged_blob_leaves_no_volume(tmp_path: Path, tree: Path, options: tuple[str, ...]) -> None:
    wim = make_wim(tree, *options)
    data = bytearray(wim.read_bytes())
    # In the middle of the blobs: the header has 208 bytes, the tables at the end some thousands.
    data[len(data) // 2] ^= 1
    wim.write_bytes(data)
    with pytest.raises(CorruptWim, match=r"contents of '.*' (do not match|cannot be).*holds no volume"):
        fill(wim, tmp_path / "volume.img")
    # blkid -p exits with 2 when it recognises nothing.
    assert disk_judges.run(["blkid", "-p", tmp_path / "volume.img"], check=False) == ""
    with open_image(str(tmp_path / "volume.img")) as target, pytest.raises(InvalidVolume):
        open_fat(target)


@pytest.mark.parametrize("processors", [1, 3])
def test_blobs_that_are_read_ahead_are_written_in_order_and_each_is_checked(
    processors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(300):
        # Eight batches of small ones, and large ones between them.
        size = 2 * MIB if number % 100 == 50 else 30_000
        (root / f"file {number}").write_bytes(number.to_bytes(2, "little") * (size // 2))
    wim = make_wim(root, "--compress=none")
    fill(wim, tmp_path / "volume.img")
    assert_holds(tmp_path / "volume.img", root, tmp_path)
    stored = wim.read_bytes()
    wim.write_bytes(stored.replace((200).to_bytes(2, "little") * 15_000, (200).to_bytes(2, "little") * 14_999 + b"xx"))
    with pytest.raises(CorruptWim, match=r"contents of 'file 200' do not match their SHA-1.*holds no volume"):
        fill(wim, tmp_path / "damaged.img")
    assert disk_judges.run(["blkid", "-p", tmp_path / "damaged.img"], check=False) == ""


def test_a_wim_that_ends_early_leaves_no_volume(tmp_path: Path, tree: Path) -> None:
    wim = make_wim(tree, "--compress=none")
    with WimFile.open(wim) as opened, create_image(str(tmp_path / "volume.img"), SMALL) as target:
        source = from_image(opened.images[0])
        os.truncate(wim, wim.stat().st_size // 2)
        with pytest.raises(CorruptWim, match="end too early"):
            fill_fat(target, source, OPTIONS)


def test_a_name_that_leads_out_is_refused() -> None:
    path = judges.corpus() / "wim-hostile" / "wimlib_dotdot.wim"
    with WimFile.open(path) as wim, pytest.raises(UnsafeName):
        from_image(wim.images[0])


def test_progress_and_the_second_opinion_agree_with_the_result(tmp_path: Path, tree: Path) -> None:
    wim = make_wim(tree, "--compress=lzms", "--solid")
    seen: list[float] = []
    with WimFile.open(wim) as opened, create_image(str(tmp_path / "volume.img"), SMALL) as target:
        source = from_image(opened.images[0])
        result = fill_fat(target, source, OPTIONS, progress=lambda event: seen.append(event.percent))
        assert check_fat(target, second_opinion=True) == ()
    assert seen[-1] == 100
    assert result.size == sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


# ---- what Linux has no files for: entries as libwim gives them for a volume of Windows ----


def entry(path: str, attributes: int, *streams: Stream, **facts: object) -> Entry:
    known: dict[str, object] = {
        "short_name": None,
        "reparse_tag": None,
        "links": 1,
        "link_group": None,
        "created_ns": -11_644_473_600 * 10**9,
        "modified_ns": 981_173_106 * 10**9,
        "accessed_ns": 981_173_106 * 10**9,
        "security_descriptor": None,
        "object_id": None,
        "unix_mode": None,
        "unix_uid": None,
        "unix_gid": None,
        "unix_device": None,
    }
    return Entry(path, path.rpartition("/")[2], attributes=attributes, streams=streams, **{**known, **facts})  # type: ignore[arg-type]


def test_what_fat_cannot_hold_is_counted_by_class() -> None:
    empty, named = Stream(None, 0, None, None, False), Stream("zone", 5, None, b"\1" * 20, False)
    collector = fat_source._Collector(Path("install.wim"), {})
    for each in (
        entry("/", 0x10, empty, security_descriptor=b"x"),
        entry("/dir", 0x2010, empty, security_descriptor=b"x", object_id=b"o" * 16),
        entry("/dir/a long name.txt", 0x821, empty, named, security_descriptor=b"x", short_name="ALN.TXT"),
        entry("/junction", 0x410, empty),
        entry("/junction/inside", 0x20, empty),
        entry("/secret", 0x4020, empty),
    ):
        collector.take(each)
    assert {str(loss) for loss in collector.losses()} == {
        "security descriptors not kept: 3",
        "named data streams not kept: 1",
        "object ids not kept: 1",
        "files with attributes that FAT lacks: 2",
        "links and other reparse points not kept: 1",
        "encrypted files (EFS) not kept: 1",
    }
    target = MemoryTarget(Geometry.of_size(SMALL, 512))
    result = fill_fat(target, from_entries(collector.entries), OPTIONS)
    assert result.losses == ()
    (folder_entry, kept) = open_fat(target).walk()
    assert (folder_entry.path, kept.path, kept.short_name) == ("dir", "dir/a long name.txt", "ALN.TXT")
    assert (kept.attributes, kept.created_ns) == (0x21, None)


def test_short_names_that_cannot_be_kept_are_counted() -> None:
    target = MemoryTarget(Geometry.of_size(SMALL, 512))
    entries = [
        SourceEntry("a long name", short_name="ALN"),
        SourceEntry("another long name", short_name="ALN"),
        SourceEntry("third long name", short_name="NOT VALID"),
        folder("d"),
        file("plain.txt"),
    ]
    result = fill_fat(target, from_entries(entries), OPTIONS)
    assert [str(loss) for loss in result.losses] == ["short names replaced: 2"]
