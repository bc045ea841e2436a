"""FAT32 volumes as the target of an apply and the source of a capture, judged by mtools, fsck.fat, wimlib and 7-Zip."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import wim as judges
from judges.disk import head
from osdimage.imaging import (
    CaptureConfig,
    CaptureOptions,
    CaptureSource,
    Compression,
    CompressionSpec,
    InvalidInput,
    TargetRefused,
    WimFile,
    capture_image,
)
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.testing import MadeDisk
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fat") / "tree"
    (folder / "EFI" / "Boot").mkdir(parents=True)
    (folder / "EFI" / "Boot" / "bootx64.efi").write_bytes(random.Random(1).randbytes(3 * MIB + 5))
    (folder / "EFI" / "copy of a long name.efi").write_bytes(random.Random(1).randbytes(3 * MIB + 5))
    (folder / "Größe 😀.txt").write_text("contents", encoding="utf-8")
    (folder / "empty").touch()
    (folder / "no files").mkdir()
    return folder


@pytest.fixture(scope="module")
def wim(tree: Path) -> Path:
    path = tree.parent / "tree.wim"
    judges.wimlib("capture", tree, path, "Tree")
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_fat(path: Path, size: int = 64 * MIB, *options: str) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    judges.run("mkfs.fat", "-F", "32", "-s", "1", *options, path)
    return path


def contents(volume: str | Path, name: str) -> bytes:
    command = [judges.require("mtype"), "-i", str(volume), f"::/{name}"]
    return subprocess.run(command, capture_output=True, check=True, env=judges.ENVIRONMENT).stdout


def test_a_volume_is_filled_and_stays_what_it_was(wim: Path, tree: Path, tmp_path: Path) -> None:
    volume = make_fat(tmp_path / "volume.img", 80 * MIB, "-n", "BOOTDISK", "-i", "1234ABCD", "-h", "4096")
    before = head(volume)
    osdimage("apply", wim, volume)
    judges.run("fsck.fat", "-n", volume)
    after = head(volume)
    # Sectors of a cluster, geometry and hidden sectors; serial and label.
    assert (after[13], after[24:32], after[67:82]) == (before[13], before[24:32], before[67:82])
    assert struct.unpack_from("<I", after, 28) == (4096,)
    assert "BOOTDISK" in judges.run("mlabel", "-s", "-i", volume, "::")
    assert contents(volume, "EFI/Boot/bootx64.efi") == (tree / "EFI/Boot/bootx64.efi").read_bytes()
    assert contents(volume, "EFI/copy of a long name.efi") == (tree / "EFI/Boot/bootx64.efi").read_bytes()


@pytest.mark.parametrize("sector_size", [1024, 2048, 4096])
def test_a_volume_alone_in_a_file_has_the_sectors_that_it_says(
    wim: Path, tree: Path, tmp_path: Path, sector_size: int
) -> None:
    volume = tmp_path / "volume.img"
    with volume.open("wb") as file:
        file.truncate(300 * MIB + 512)
    judges.run("mkfs.fat", "-F", "32", "-S", str(sector_size), "-s", "1", "-n", "SECTORS", volume)
    judges.run("mcopy", "-i", volume, tree / "Größe 😀.txt", "::old.txt")
    before = head(volume)
    osdimage("capture", volume, tmp_path / "old.wim")
    assert "/old.txt" in judges.wimlib("dir", tmp_path / "old.wim", "1").lower()
    osdimage("apply", wim, volume, "--wipe", "--yes")
    # Bytes of a sector and sectors of a cluster: those that mkfs.fat wrote.
    assert head(volume)[11:14] == before[11:14] == struct.pack("<HB", sector_size, 1)
    judges.run("fsck.fat", "-n", volume)
    assert contents(volume, "EFI/Boot/bootx64.efi") == (tree / "EFI/Boot/bootx64.efi").read_bytes()
    assert osdimage("compare", wim, volume, "--json").document["is_equal"]


def test_only_a_wipe_replaces_files(wim: Path, tmp_path: Path) -> None:
    volume = make_fat(tmp_path / "volume.img")
    osdimage("apply", wim, volume)
    full = digest(volume)
    refused = osdimage("apply", wim, volume, code=4)
    assert "is made anew and not added to; --wipe deletes what is there" in refused.err
    assert digest(volume) == full
    done = osdimage("apply", wim, volume, "--wipe", "--yes", "--json")
    assert done.applied["wiped"] == 7
    judges.run("fsck.fat", "-n", volume)


REFUSED = {
    "a folder of task sequences": (lambda volume: judges.run("mmd", "-i", volume, "::_smstasksequence"), "_SMSTask"),
    "a dirty volume": (lambda volume: mark_dirty(volume), "marked dirty"),  # noqa: PLW0108 - defined below
    "ext4": (lambda volume: judges.run("mkfs.ext4", "-q", "-F", volume), "an ext2, ext3 or ext4 volume"),
}


def mark_dirty(volume: Path) -> None:
    data = bytearray(head(volume))
    data[65] |= 1
    with volume.open("r+b") as file:
        file.write(data)


@pytest.mark.parametrize(("prepare", "said"), REFUSED.values(), ids=REFUSED)
def test_a_refused_volume_stays_bit_for_bit(
    wim: Path, tmp_path: Path, prepare: Callable[[Path], object], said: str
) -> None:
    volume = make_fat(tmp_path / "volume.img", 300 * MIB)
    prepare(volume)
    before = digest(volume)
    with WimFile.open(wim) as opened, pytest.raises(TargetRefused, match=said):
        apply_image(opened.image(1), volume, ApplyOptions(wipe=True))
    assert digest(volume) == before


def test_a_volume_that_is_too_small_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    with (tmp_path / "large" / "file").open("wb") as file:
        file.truncate(70 * MIB)
    judges.wimlib("capture", tmp_path / "large", tmp_path / "large.wim")
    volume = make_fat(tmp_path / "volume.img")
    before = digest(volume)
    assert "the volume holds" in osdimage("apply", tmp_path / "large.wim", volume, code=4).err
    assert digest(volume) == before


def test_contents_come_from_the_other_parts_of_a_split_wim(wim: Path, tree: Path, tmp_path: Path) -> None:
    judges.wimlib("split", wim, tmp_path / "part.swm", "1")
    volume = make_fat(tmp_path / "volume.img")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "part2.swm").rename(tmp_path / "elsewhere/part2.swm")
    assert "another" in osdimage("apply", tmp_path / "part.swm", volume, code=3).err
    osdimage("apply", tmp_path / "part.swm", volume, "--ref", tmp_path / "elsewhere/part*.swm")
    assert contents(volume, "EFI/Boot/bootx64.efi") == (tree / "EFI/Boot/bootx64.efi").read_bytes()


def test_a_partition_is_filled_and_captured_in_place(
    wim: Path, tree: Path, osdimage_disk: Callable[..., MadeDisk], tmp_path: Path
) -> None:
    disk = osdimage_disk(size="2GB", preset="uefi")
    esp = disk.table.partitions[0]
    begin, end = esp.extent.first * 512, esp.extent.end * 512
    with disk.path.open("rb") as file:
        head = file.read(begin)
    osdimage("apply", wim, disk.path, "--partition", "1")
    where = f"{disk.path}@@{begin}"
    assert contents(where, "EFI/Boot/bootx64.efi") == (tree / "EFI/Boot/bootx64.efi").read_bytes()
    with disk.path.open("rb") as file:
        assert file.read(begin) == head
        file.seek(end)
        assert file.read(16 * MIB) == bytes(16 * MIB)
    judges.run("mattrib", "+h", "+s", "+r", "-i", where, "::/empty")
    judges.run("mattrib", "+h", "-i", where, "::/no files")
    done = osdimage("capture", disk.path, tmp_path / "again.wim", "--partition", "1", "--json")
    (image,) = done.document["images"]
    assert (image["files"], image["size"]) == (4, 2 * (3 * MIB + 5) + 8)
    judges.seven_zip_test(tmp_path / "again.wim")
    judges.wimlib("verify", tmp_path / "again.wim")
    assert judges.seven_zip_files(tmp_path / "again.wim") == judges.seven_zip_files(wim)
    facts = judges.wimlib_info(tmp_path / "again.wim").images[0]
    theirs = judges.wimlib_info(wim).images[0]
    for label in ("Directory Count", "File Count", "Total Bytes"):
        assert facts[label] == theirs[label]
    assert facts["Name"] == f"{disk.path.name} partition 1"
    with WimFile.open(tmp_path / "again.wim") as opened:
        found = {entry.path: entry for entry in opened.image(1).entries()}
        assert opened.image(1).info.files == 4
    assert found["/empty"].attributes == 0x07
    assert found["/no files"].attributes == 0x12
    assert found["/EFI/copy of a long name.efi"].short_name == "COPYOF~1.EFI"
    assert found["/EFI/Boot"].short_name is None
    mine = (tree / "Größe 😀.txt").stat().st_mtime_ns
    assert abs(found["/Größe 😀.txt"].modified_ns - mine) < 2_000_000_000
    again = make_fat(tmp_path / "again.img")
    said = osdimage("apply", tmp_path / "again.wim", again, "--engine", "libwim").err
    assert "a FAT volume is made anew, by neither libwim nor libntfs" in said
    judges.run("fsck.fat", "-n", again)
    assert "SHR" in judges.run("mattrib", "-i", again, "::/empty")


def test_a_fat32_image_is_appended_and_applied_to_ntfs(wim: Path, tmp_path: Path) -> None:
    volume = make_fat(tmp_path / "volume.img")
    osdimage("apply", wim, volume)
    both = tmp_path / "both.wim"
    both.write_bytes(wim.read_bytes())
    osdimage("capture", volume, both, "--append", "--name", "Second", "--exclude", r"\efi\*.efi")
    assert [image["Name"] for image in judges.wimlib_info(both).images] == ["Tree", "Second"]
    assert not [path for path in judges.wimlib_paths(both, 2) if "copy of" in path]
    ntfs = judges.make_ntfs(tmp_path / "volume.ntfs")
    osdimage("apply", both, ntfs, "--index", "2")
    judges.assert_ntfs_clean(ntfs)
    assert judges.output("ntfscat", ntfs, "/Größe 😀.txt") == "contents"


def test_a_damaged_volume_is_no_source(wim: Path, tmp_path: Path) -> None:
    volume = make_fat(tmp_path / "volume.img")
    osdimage("apply", wim, volume)
    data = bytearray(volume.read_bytes())
    fat = struct.unpack_from("<H", data, 14)[0] * 512
    # Every chain leads to a free cluster.
    for at in range(fat + 12, fat + 32 * 512, 4):
        data[at : at + 4] = bytes(4)
    volume.write_bytes(data)
    with pytest.raises(InvalidInput, match="free cluster"):
        capture_image(volume, tmp_path / "out.wim")
    assert not (tmp_path / "out.wim").exists()


def test_a_temporary_folder_without_room_is_named(wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = make_fat(tmp_path / "volume.img")
    osdimage("apply", wim, volume)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": MIB})())
    failed = osdimage("capture", volume, tmp_path / "out.wim", code=1)
    assert "TMPDIR" in failed.err


PATTERNS = [r"\one", r"*.tmp", r"\two\*", r"\two\deep", r"\tw?\x*y", "one", r"\two\keep", r"\*\deep"]
PATHS = ["one", "one/in it", "two", "two/deep", "two/deep/er.tmp", "two/keep", "two/xzy", "a.tmp", "sub/one", "A.TMP.x"]


@pytest.mark.parametrize("exceptions", [(), (r"\two\keep",), ("*.tmp",), (r"\one\in it",)])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_exclusions_are_those_of_libwim(pattern: str, exceptions: tuple[str, ...], tmp_path: Path) -> None:
    folder, volume = tmp_path / "tree", make_fat(tmp_path / "volume.img", 40 * MIB)
    for path in PATHS:
        place = folder / path
        if any(other.startswith(f"{path}/") for other in PATHS):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(path)
    judges.run("mcopy", "-s", "-i", volume, *(str(each) for each in folder.iterdir()), "::")
    config = CaptureConfig((pattern,), exceptions)
    (tmp_path / "config.ini").write_text(config.to_text())
    judges.wimlib("capture", folder, tmp_path / "theirs.wim", f"--config={tmp_path / 'config.ini'}", "--compress=none")
    plain = CompressionSpec(Compression.NONE)
    capture_image(CaptureSource(folder, config), tmp_path / "folder.wim", CaptureOptions(compression=plain))
    capture_image(CaptureSource(volume, config), tmp_path / "volume.wim", CaptureOptions(compression=plain))
    theirs, of_folder, of_volume = (
        sorted(judges.wimlib_paths(tmp_path / name)) for name in ("theirs.wim", "folder.wim", "volume.wim")
    )
    assert (of_folder, of_volume) == (theirs, theirs)


def test_a_file_that_claims_more_than_its_clusters_hold_refuses_the_volume(tmp_path: Path) -> None:
    volume = make_fat(tmp_path / "volume.img", 40 * MIB)
    (tmp_path / "file").write_bytes(b"contents")
    judges.run("mcopy", "-i", volume, tmp_path / "file", "::LIAR.BIN")
    data = bytearray(volume.read_bytes())
    # DIR_FileSize of fatgen103, at byte 28 of the entry.
    struct.pack_into("<I", data, data.index(b"LIAR    BIN") + 28, 20 * MIB)
    volume.write_bytes(data)
    refused = osdimage("capture", volume, tmp_path / "out.wim", code=3)
    assert (
        refused.err
        == f"osdimage: {volume}: 'LIAR.BIN' claims {20 * MIB} bytes and has 1 clusters of {20 * MIB // 512}\n"
    )
