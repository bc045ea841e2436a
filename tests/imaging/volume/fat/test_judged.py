"""What programs of others say of volumes that osdimage wrote: fsck.fat, mtools, dissect.fat, file and blkid."""

from __future__ import annotations

import filecmp
import hashlib
import lzma
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from cases.fat import BEYOND_MTOOLS, LARGE, NAMES, NOON, SERIAL, SMALL, TREES, collide, contents, file, fill
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import wim as judges
from osdimage.imaging.disk.image import create_image, open_image
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat.layout import MIN_CLUSTERS
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    SourceEntry,
    check_fat,
    fill_fat,
    format_fat,
    from_directory,
    open_fat,
    plan_layout,
)
from osdimage.imaging.volume.fat.plan import smallest_sectors

pytestmark = pytest.mark.foreign

ALL = [*(pytest.param(tree, id=name) for name, tree in TREES.items()), pytest.param(LARGE, id="5,600 files")]


def make_tree(root: Path, entries: Sequence[SourceEntry]) -> None:
    """Write the entries to a folder of this machine."""
    root.mkdir()
    for entry in entries:
        path = root / entry.path
        if entry.is_directory:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents(entry.path, entry.size))


def assert_same_tree(left: Path, right: Path) -> None:
    """Compare two trees as ``diff -r`` does, every byte."""
    compared = [filecmp.dircmp(left, right, ignore=[])]
    while compared:
        both = compared.pop()
        assert (both.left_only, both.right_only, both.funny_files) == ([], [], []), both.left
        _, different, errors = filecmp.cmpfiles(both.left, both.right, both.common_files, shallow=False)
        assert (different, errors) == ([], []), both.left
        compared += both.subdirs.values()


@pytest.mark.parametrize("entries", ALL)
def test_fsck_has_nothing_to_say_and_mtools_copies_the_same_tree_out(
    tmp_path: Path, entries: list[SourceEntry]
) -> None:
    image = tmp_path / "volume.img"
    result = fill(image, entries)
    seen = fat_judges.fsck(image)
    # fsck.fat counts the volume label as a file.
    assert seen.entries == result.files + result.directories + 1
    assert seen.clusters == result.layout.clusters
    assert (seen.clusters - seen.used_clusters) * result.layout.cluster_size == result.free_bytes
    make_tree(tmp_path / "wanted", entries)
    fat_judges.copy_out(image, tmp_path / "copied")
    assert_same_tree(tmp_path / "wanted", tmp_path / "copied")


def sha256(entry: SourceEntry) -> str | None:
    return None if entry.is_directory else hashlib.sha256(contents(entry.path, entry.size)).hexdigest()


@pytest.mark.parametrize("names", [*NAMES.values(), BEYOND_MTOOLS], ids=[*NAMES, "beyond mtools"])
@pytest.mark.parametrize("code_page", [437, 850])
def test_dissect_reads_the_same_names_and_contents(tmp_path: Path, names: list[str], code_page: int) -> None:
    image = tmp_path / "volume.img"
    entries = [file(name, 600 + index) for index, name in enumerate(names)]
    fill(image, entries, options=FatOptions(SERIAL, code_page=code_page))
    fat_judges.fsck(image)
    _, seen = fat_judges.dissect(image)
    # dissect ignores the bits for lower case, and gives a name without a long one in upper case.
    wanted = {entry.path.upper(): sha256(entry) for entry in entries}
    assert {path.upper(): each.sha256 for path, each in seen.items()} == wanted
    with_long = {path for path in seen if path != path.upper() or path in names}
    assert with_long <= set(names)
    assert len({each.short_name for each in seen.values()}) == len(names)


@pytest.mark.parametrize("sector_size", [512, 4096])
@pytest.mark.parametrize("extra", [0, 1, 1000], ids=["smallest", "one sector more", "larger"])
def test_volumes_just_large_enough_are_fat32_to_all(tmp_path: Path, sector_size: int, extra: int) -> None:
    image = tmp_path / "volume.img"
    size = (smallest_sectors(sector_size, sector_size) + extra) * sector_size
    result = fill(image, TREES["sizes"], size=size, sector_size=sector_size)
    assert result.layout.clusters >= MIN_CLUSTERS
    seen = fat_judges.fsck(image)
    assert seen.clusters == result.layout.clusters
    facts = fat_judges.blkid(image)
    assert (facts["VERSION"], facts["BLOCK_SIZE"]) == ("FAT32", str(sector_size))
    system, found = fat_judges.dissect(image)
    assert system.type.name == "FAT32"
    assert {path.lower(): each.sha256 for path, each in found.items()} == {
        entry.path: sha256(entry) for entry in TREES["sizes"]
    }


# for s in 34 64 260 261 512 8192 8193 16384 16385 32768 32769 102400; do
#     truncate -s ${s}M x; mkfs.fat -F 32 x; echo $s $(od -An -tu1 -j13 -N1 x); rm x; done
MKFS_SECTORS_PER_CLUSTER = {
    34: 1, 64: 1, 260: 1, 261: 8, 512: 8, 8192: 8, 8193: 16, 16384: 16, 16385: 32, 32768: 32, 32769: 64, 102400: 64,
}  # fmt: skip


@pytest.mark.parametrize(("megabytes", "sectors"), MKFS_SECTORS_PER_CLUSTER.items())
def test_clusters_are_as_large_as_those_of_mkfs(tmp_path: Path, megabytes: int, sectors: int) -> None:
    with create_image(str(tmp_path / "volume.img"), megabytes * MIB) as target:
        assert plan_layout(target.geometry).sectors_per_cluster == sectors
        if megabytes < 1000:
            format_fat(target, FatOptions(SERIAL))
            fat_judges.fsck(tmp_path / "volume.img")


@pytest.mark.parametrize("cluster_size", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
def test_every_cluster_size_is_sound(tmp_path: Path, cluster_size: int) -> None:
    image = tmp_path / "volume.img"
    size = (smallest_sectors(512, cluster_size) + 64) * 512
    result = fill(image, TREES["sizes"], size=size, options=FatOptions(SERIAL, cluster_size=cluster_size))
    assert result.layout.cluster_size == cluster_size
    assert fat_judges.fsck(image).entries == result.files
    make_tree(tmp_path / "wanted", TREES["sizes"])
    fat_judges.copy_out(image, tmp_path / "copied")
    assert_same_tree(tmp_path / "wanted", tmp_path / "copied")


@pytest.mark.matrix
@pytest.mark.slow
def test_a_fat_of_more_than_a_mebibyte_is_sound(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    # The FAT is written by the MiB; the root takes clusters 2 to 14; the first chain ends where the first MiB does.
    border = MIB // 4
    entries = [file("first", (border - 15) * 512), *(file(f"F{number}", number * 777) for number in range(200))]
    result = fill(image, entries, size=160 * MIB)
    assert result.layout.clusters - result.free_bytes // 512 > border + 10_000
    with open_image(str(image), sector_size=512) as target:
        volume = open_fat(target)
        assert volume.file_runs(volume.entry("first")) == [(15, border - 15)]
        assert volume.table[border - 1] == 0x0FFFFFFF
    assert fat_judges.fsck(image).entries == 202
    fat_judges.copy_out(image, tmp_path / "copied")
    make_tree(tmp_path / "wanted", entries)
    assert_same_tree(tmp_path / "wanted", tmp_path / "copied")


@pytest.mark.parametrize(
    ("label", "seen"),
    [("System", "System"), ("A B", "A B"), ("ELEVENCHARS", "ELEVENCHARS"), ("12345678.", None), (None, None)],
)
def test_blkid_file_and_mtools_see_label_and_serial(tmp_path: Path, label: str | None, seen: str | None) -> None:
    image = tmp_path / "volume.img"
    if label is not None and seen is None:
        with pytest.raises(ValueError, match=r"cannot hold '\.'"):
            FatOptions(SERIAL, label=label)
        return
    fill(image, [], options=FatOptions(SERIAL, label=label))
    facts = fat_judges.blkid(image)
    assert (facts["TYPE"], facts["UUID"], facts.get("LABEL")) == ("vfat", "1234-ABCD", seen)
    assert facts.get("LABEL_FATBOOT", "NO NAME") == (seen or "NO NAME")
    told = disk_judges.run(["file", "--brief", image])
    assert "serial number 0x1234abcd" in told
    assert f'label: "{seen:<11}"' in told if seen else "unlabeled" in told
    listed = fat_judges.mtools("mdir", "-i", image, "::")
    assert "Volume Serial Number is 1234-ABCD" in listed
    assert (f"is {seen}" if seen else "has no label") in listed


def test_minfo_sees_the_geometry_of_the_disk(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    options = FatOptions(SERIAL, hidden_sectors=2048, heads=16, sectors_per_track=32, media=0xF0)
    result = fill(image, [file("a", 1000)], options=options)
    told = fat_judges.mtools("minfo", "-i", image, "::")
    for line in (
        "hidden sectors: 2048",
        "heads: 16",
        "sectors per track: 32",
        "media descriptor byte: 0xf0",
        "reserved (boot) sectors: 32",
        "infoSector location=1",
        "backup boot sector=6",
        f"free clusters={result.layout.clusters - 3}",
    ):
        assert line in told, told


def test_mtools_sees_attributes_times_and_short_names(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    fill(image, [file("a long name.txt", 7, attributes=0x07, created_ns=NOON, accessed_ns=NOON), file("later.txt")])
    told = fat_judges.mtools("mattrib", "-i", image, "::/a long name.txt")
    assert told.split("::")[0].split() == ["S", "H", "R"] or told.split("::")[0].split() == ["SHR"]
    listed = fat_judges.mtools("mdir", "-a", "-i", image, "::")
    (line,) = [line for line in listed.splitlines() if "a long name" in line]
    assert line.split() == ["ALONGN~1", "TXT", "7", "2024-02-29", "23:59", "a", "long", "name.txt"]
    fat_judges.copy_out(image, tmp_path / "copied")
    # FAT counts in steps of two seconds; TZ is UTC in the tests.
    assert (tmp_path / "copied" / "later.txt").stat().st_mtime == 1_709_251_198


def test_mtools_makes_the_same_short_names(tmp_path: Path) -> None:
    # mkfs.fat -F 32; mcopy -i IMAGE FILE... ::/    with the files in the order of their names, in capitals
    image, ours, wanted = tmp_path / "theirs.img", tmp_path / "ours.img", tmp_path / "wanted"
    names = [
        *(name for key in ("eight-three", "spaces", "dots", "reserved in short names") for name in NAMES[key]),
        *("ReadMe2.txt", "The quick brown.fox", "other name1", "other name2", "lower.txt"),
        # Above 9 mtools leaves numbers out.
        *(entry.path for entry in collide(9)),
    ]
    # All of these characters are valid (fatgen103), but mtools gives this name a tail.
    names.remove("~!#$%&'(.)-@")
    entries = sorted((file(name, 1) for name in names), key=lambda entry: entry.path.upper())
    make_tree(wanted, entries)
    with image.open("wb") as stream:
        stream.truncate(SMALL)
    disk_judges.run(["mkfs.fat", "-F", "32", image])
    fat_judges.mtools("mcopy", "-i", image, *(wanted / entry.path for entry in entries), "::/")
    fill(ours, entries)
    _, seen = fat_judges.dissect(ours)
    _, expected = fat_judges.dissect(image)
    assert {name: each.short_name for name, each in seen.items()} == {
        name: each.short_name for name, each in expected.items()
    }


def test_dissect_sees_creation_to_the_hundredth(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    fill(image, [file("A", created_ns=NOON, accessed_ns=NOON)])
    system, _ = fat_judges.dissect(image)
    with image.open("rb") as stream:
        system = type(system)(stream)
        entry = system.get("A")
        assert entry.ctime.isoformat() == "2024-02-29T23:59:59.990000"
        assert entry.mtime.isoformat() == "2024-02-29T23:59:58"
        assert entry.atime.isoformat() == "2024-02-29T00:00:00"


def test_a_real_directory_comes_back_whole(tmp_path: Path) -> None:
    source = tmp_path / "source"
    make_tree(source, [*TREES["sizes"], *TREES["deep"], *TREES["dots"]])
    (source / "read-only").write_bytes(b"x")
    (source / "read-only").chmod(0o444)
    os.utime(source / "read-only", ns=(NOON, NOON))
    image = tmp_path / "volume.img"
    with create_image(str(image), SMALL) as target:
        result = fill_fat(target, from_directory(source), FatOptions(SERIAL))
    assert result.losses == ()
    fat_judges.fsck(image)
    fat_judges.copy_out(image, tmp_path / "copied")
    assert_same_tree(source, tmp_path / "copied")
    assert "R" in fat_judges.mtools("mattrib", "-i", image, "::/read-only").split("::")[0]


@pytest.mark.parametrize("full", [False, True], ids=["quick", "full"])
def test_formatting_over_old_contents_gives_an_empty_volume(tmp_path: Path, full: bool) -> None:
    image = tmp_path / "volume.img"
    image.write_bytes(b"\xa5" * (34 * MIB))
    with open_image(str(image), write=True, sector_size=512) as target:
        layout = format_fat(target, FatOptions(SERIAL, label="new"), full=full)
    assert fat_judges.fsck(image).used_clusters == 1
    rest = image.read_bytes()[layout.offset_of(3) :]
    assert set(rest) == ({0} if full else {0xA5})


def test_the_volume_of_another_program_is_read_as_mtools_reads_it(tmp_path: Path) -> None:
    # mkfs.fat -F 32 -n FOREIGN -i 0badcafe; mcopy -s
    image, wanted = tmp_path / "foreign.img", tmp_path / "wanted"
    wanted.mkdir()
    for name in ("sizes", "spaces", "dots", "lower-case", "mixed-case", "other scripts", "deep"):
        make_tree(wanted / name, TREES[name])
    with image.open("wb") as stream:
        stream.truncate(SMALL)
    disk_judges.run(["mkfs.fat", "-F", "32", "-n", "FOREIGN", "-i", "0badcafe", image])
    fat_judges.mtools("mcopy", "-s", "-i", image, *sorted(wanted.iterdir()), "::/")
    with open_image(str(image), sector_size=512) as target:
        volume = open_fat(target)
        assert (volume.label, volume.serial) == ("FOREIGN", 0x0BADCAFE)
        seen = {entry.path: b"".join(volume.read(entry)) for entry in volume.walk() if not entry.is_directory}
        # mdir's last line is the free space, with spaces between the thousands.
        free = fat_judges.mtools("mdir", "-i", image, "::").splitlines()[-2].replace("bytes free", "").replace(" ", "")
        assert volume.free_bytes() == int(free)
    paths = [path for path in wanted.rglob("*") if path.is_file()]
    assert len(paths) > 30
    assert seen == {str(path.relative_to(wanted)): path.read_bytes() for path in paths}


def test_a_volume_of_windows_xp_is_read_as_mtools_reads_it(tmp_path: Path) -> None:
    image = tmp_path / "xp.img"
    image.write_bytes(lzma.decompress((judges.corpus() / "fs" / "ul_fs_fat32_xp_label1.img.xz").read_bytes()))
    facts = fat_judges.blkid(image)
    counted = fat_judges.mtools("minfo", "-i", image, "::")
    with open_image(str(image), sector_size=512) as target:
        volume = open_fat(target)
        assert f"{volume.serial >> 16:04X}-{volume.serial & 0xFFFF:04X}" == facts["UUID"]
        # Windows XP wrote the label into the root directory only, and nothing else onto the volume.
        assert (volume.label, volume.boot.label) == (facts["LABEL"], b"NO NAME    ")
        assert list(volume.walk()) == []
        assert f"free clusters={volume.free_bytes() // volume.layout.cluster_size}\n" in counted
        assert check_fat(target) == ()
