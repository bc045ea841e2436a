"""All images of a WIM and all volumes of a disk, judged by ntfs-3g's tools, mtools, fsck.fat, wimlib and 7-Zip."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import judges
import pytest
from commands import osdimage
from osdimage.imaging import DiskLayout, FileSystem, FixedSize, PartitionSpec, Role, Scheme, apply_volumes
from osdimage.imaging.testing import Disk
from osdimage.imaging.wim.file import WimFile

pytestmark = pytest.mark.foreign
MIB = 1 << 20


def spec(role: Role, size: int, filesystem: FileSystem | None = None, label: str | None = None) -> PartitionSpec:
    return PartitionSpec(role, FixedSize(size * MIB), filesystem=filesystem, label=label)  # type: ignore[arg-type]


LAYOUTS = {
    "gpt": DiskLayout(
        Scheme.GPT,
        (
            spec(Role.EFI, 100, FileSystem.FAT32, "SYSTEM"),
            spec(Role.MSR, 16),
            spec(Role.PRIMARY, 64, FileSystem.NTFS, "Windows"),
            spec(Role.PRIMARY, 80, FileSystem.FAT32, "DATA"),
        ),
    ),
    "mbr": DiskLayout(
        Scheme.MBR,
        (
            spec(Role.PRIMARY, 64, FileSystem.NTFS, "Windows"),
            spec(Role.EXTENDED, 120),
            spec(Role.LOGICAL, 80, FileSystem.FAT32, "DATA"),
        ),
    ),
}
NUMBERS = {"gpt": (3, 4), "mbr": (1, 5)}


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    for number in (1, 2):
        tree = folder / f"tree{number}"
        (tree / "folder").mkdir(parents=True)
        (tree / "folder" / f"file {number}").write_bytes(os.urandom(100_000))
        (tree / "which").write_text(f"image {number}")
        judges.wimlib("capture" if number == 1 else "append", tree, folder / "both.wim", f"Image {number}")
    return folder / "both.wim"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cut_out(disk: Disk, number: int, to: Path) -> Path:
    extent = next(each.extent for each in disk.table.partitions if each.number == number)
    with disk.path.open("rb") as source, to.open("wb") as target:
        os.copy_file_range(source.fileno(), target.fileno(), extent.count * 512, extent.first * 512)
        target.truncate(extent.count * 512)
    return to


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_each_image_goes_to_its_volume(
    wim: Path, osdimage_disk: Callable[..., Disk], tmp_path: Path, scheme: str
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS[scheme])
    ntfs_number, fat_number = NUMBERS[scheme]
    done = osdimage("apply", wim, disk.path, "--all-volumes", "--json").document["volumes"]
    assert [(each["image"], each["result"]["partition"]) for each in done] == [(1, ntfs_number), (2, fat_number)]
    ntfs = cut_out(disk, ntfs_number, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(ntfs)
    assert judges.output("ntfscat", ntfs, "/which") == "image 1"
    fat = cut_out(disk, fat_number, tmp_path / "volume.fat")
    judges.run("fsck.fat", "-n", fat)
    assert judges.run("mtype", "-i", fat, "::/which") == "image 2"
    again = osdimage("apply", wim, disk.path, "--all-volumes", "--wipe", "--yes")
    assert f"{disk.path}: 2 volumes filled" in again.out
    judges.assert_ntfs_clean(cut_out(disk, ntfs_number, ntfs))


def test_a_refusal_of_the_last_volume_leaves_the_first_as_it_was(
    wim: Path, osdimage_disk: Callable[..., Disk], tmp_path: Path
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"])
    osdimage("apply", wim, disk.path, "--index", "1", "--partition", "4")
    before = digest(disk.path)
    refused = osdimage("apply", wim, disk.path, "--all-volumes", code=4)
    assert "partition 4: not written: the volume holds" in refused.err
    assert digest(disk.path) == before
    third = tmp_path / "three.wim"
    third.write_bytes(wim.read_bytes())
    judges.wimlib("append", wim.parent / "tree1", third, "Image 3")
    refused = osdimage("apply", third, disk.path, "--all-volumes", "--wipe", "--yes", code=4)
    assert "has 3 images, the disk has 2 NTFS and FAT32 volumes" in refused.err
    assert digest(disk.path) == before


def test_a_kept_folder_is_not_met_after_the_wipe(osdimage_disk: Callable[..., Disk], wim: Path) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"], trees={3: wim.parent / "tree1"})
    before = digest(disk.path)
    refused = osdimage("apply", wim, disk.path, "--all-volumes", "--wipe", "--keep", r"FOLDER\x", "--yes", code=4)
    assert "'folder'" in refused.err
    assert digest(disk.path) == before


def test_choices_do_not_go_with_all_volumes(wim: Path, tmp_path: Path) -> None:
    for words in (("--partition", "1"), ("--index", "1"), ("--unix-data",)):
        assert "--all-volumes takes every" in osdimage("apply", wim, tmp_path, "--all-volumes", *words, code=2).err


def test_the_library_reports_progress_over_all_volumes(wim: Path, osdimage_disk: Callable[..., Disk]) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["mbr"])
    percents: list[float] = []
    with WimFile.open(wim) as opened:
        done = apply_volumes(opened, disk.path, sync=False, progress=lambda event: percents.append(event.percent))
    assert [each.name for each in done] == ["Image 1", "Image 2"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
