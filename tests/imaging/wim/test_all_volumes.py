"""All images of a WIM and all volumes of a disk, judged by ntfs-3g's tools, mtools, fsck.fat, wimlib and 7-Zip."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judges import fat as fat_judges
from judges import wim as judges
from judges.disk import fdisk, partition_of
from osdimage.imaging import DiskLayout, FileSystem, PartitionSpec
from osdimage.imaging.apply import apply_volumes
from osdimage.imaging.apply import volumes as osdimage_apply_volumes
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.compare import compare_volumes
from osdimage.imaging.disk import FixedSize, Role, Scheme
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.testing import MadeDisk
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from runs.commands import osdimage
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

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


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_each_image_goes_to_its_volume(
    wim: Path, osdimage_disk: Callable[..., MadeDisk], tmp_path: Path, scheme: str
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS[scheme])
    ntfs_number, fat_number = NUMBERS[scheme]
    done = osdimage("apply", wim, disk.path, "--all-volumes", "--json").document["volumes"]
    assert [(each["image"], each["result"]["partition"]) for each in done] == [(1, ntfs_number), (2, fat_number)]
    ntfs = partition_of(disk.path, ntfs_number, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(ntfs)
    assert judges.output("ntfscat", ntfs, "/which") == "image 1"
    fat = partition_of(disk.path, fat_number, tmp_path / "volume.fat")
    judges.run("fsck.fat", "-n", fat)
    assert judges.run("mtype", "-i", fat, "::/which") == "image 2"
    again = osdimage("apply", wim, disk.path, "--all-volumes", "--wipe", "--yes")
    assert f"{disk.path}: 2 volumes filled" in again.out
    judges.assert_ntfs_clean(partition_of(disk.path, ntfs_number, ntfs))


def test_a_refusal_of_the_last_volume_leaves_the_first_as_it_was(
    wim: Path, osdimage_disk: Callable[..., MadeDisk], tmp_path: Path
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
    assert "has 3 images, the disk has 2 NTFS and FAT volumes" in refused.err
    assert digest(disk.path) == before


def test_a_volume_that_is_refused_after_another_was_written_is_a_failure(
    wim: Path, osdimage_disk: Callable[..., MadeDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"])
    real = osdimage_apply_volumes.apply_image

    def apply_image(image: WimImage, *arguments: Any, **options: Any) -> Any:
        # The disk is locked all the time, and every volume was looked at before: nothing of others gets in between.
        if image.index == 2:
            raise TargetRefused("the second one is refused")
        return real(image, *arguments, **options)

    monkeypatch.setattr(osdimage_apply_volumes, "apply_image", apply_image)
    failed = osdimage("apply", wim, disk.path, "--all-volumes", code=1)
    assert failed.err == "osdimage: the second one is refused -- 1 of 2 volumes are complete\n"


def test_a_kept_folder_is_joined_with_that_of_the_image(
    osdimage_disk: Callable[..., MadeDisk], wim: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    (tree / "folder" / "x").mkdir(parents=True)
    (tree / "folder" / "x" / "kept").write_text("was here before")
    (tree / "gone").touch()
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"], trees={3: tree})
    osdimage("apply", wim, disk.path, "--all-volumes", "--wipe", "--keep", r"FOLDER\x", "--yes")
    volume = partition_of(disk.path, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/which") == "image 1"
    assert judges.output("ntfscat", volume, "/folder/x/kept") == "was here before"
    assert "gone" not in judges.output("ntfsls", volume)


def test_choices_do_not_go_with_all_volumes(wim: Path, tmp_path: Path) -> None:
    for words in (("--partition", "1"), ("--index", "1"), ("--unix-data",)):
        assert "--all-volumes takes every" in osdimage("apply", wim, tmp_path, "--all-volumes", *words, code=2).err


def test_the_library_reports_progress_over_all_volumes(wim: Path, osdimage_disk: Callable[..., MadeDisk]) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["mbr"])
    percents: list[float] = []
    with WimFile.open(wim) as opened:
        done = apply_volumes(
            opened, disk.path, ApplyOptions(sync=False), progress=lambda event: percents.append(event.percent)
        )
    assert [each.name for each in done] == ["Image 1", "Image 2"]
    assert percents == sorted(percents)
    assert percents[-1] == 100


# ---- compare


def test_the_volume_that_differs_is_found(wim: Path, osdimage_disk: Callable[..., MadeDisk], tmp_path: Path) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["mbr"])
    osdimage("apply", wim, disk.path, "--all-volumes")
    percents: list[float] = []
    with WimFile.open(wim) as opened:
        reports = compare_volumes(opened, disk.path, progress=lambda event: percents.append(event.percent))
    assert [(each.image, each.partition, each.is_equal) for each in reports] == [(1, 1, True), (2, 5, True)]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    begin = next(each.extent.first for each in disk.table.partitions if each.number == 5) * 512
    judges.run("mdel", "-i", f"{disk.path}@@{begin}", "::/which")
    first, second = osdimage("compare", wim, disk.path, "--all-volumes", "--json", code=1).document["volumes"]
    assert (first["is_equal"], second["is_equal"]) == (True, False)
    assert [(each["kind"], each["path"]) for each in second["differences"]] == [("names", "/which")]
    shown = osdimage("compare", wim, disk.path, "--all-volumes", code=1).out
    assert f"{disk.path}, partition 1: an NTFS volume, equal" in shown
    assert f"{disk.path}, partition 5: a FAT32 volume, DIFFERENT" in shown
    third = tmp_path / "three.wim"
    third.write_bytes(wim.read_bytes())
    judges.wimlib("append", wim.parent / "tree1", third, "Image 3")
    assert "not compared: " in osdimage("compare", third, disk.path, "--all-volumes", code=4).err
    for words in (("--partition", "1"), ("--index", "1")):
        assert "takes every" in osdimage("compare", wim, disk.path, "--all-volumes", *words, code=2).err


# ---- capture


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_a_disk_becomes_a_wim_and_a_disk_again(
    wim: Path, osdimage_disk: Callable[..., MadeDisk], tmp_path: Path, scheme: str
) -> None:
    trees = {number: wim.parent / f"tree{place}" for place, number in enumerate(NUMBERS[scheme], 1)}
    if scheme == "gpt":
        trees[1] = wim.parent / "tree2"
    disk = osdimage_disk(size="300MB", layout=LAYOUTS[scheme], trees=trees)
    before = digest(disk.path)
    made = tmp_path / "disk.wim"
    done = osdimage("capture", disk.path, made, "--all-volumes", "--check", "--name", "PC", "--creator", "me", "--json")
    numbers = sorted(trees)
    assert done.document["partitions"] == numbers
    assert done.document["skipped"] == (["partition 2 (Microsoft reserved)"] if scheme == "gpt" else [])
    assert digest(disk.path) == before
    judges.wimlib("verify", made)
    judges.seven_zip_test(made)
    images = judges.wimlib_info(made).images
    assert [image["Name"] for image in images] == [f"PC (partition {number})" for number in numbers]
    kept = osdimage("info", made, "--json").document["images"]
    for image, number in zip(kept, numbers, strict=True):
        found = image["disk"]
        assert (image["creator"], found["scheme"], found["size"]) == ("me", scheme, 300 * MIB)
        assert [each["index"] for each in found["partitions"] if each["captured"]] == [number]
        places = {each["index"]: (each["offset"], each["size"]) for each in found["partitions"]}
        assert places == {
            each.number: (each.extent.first * 512, each.extent.count * 512) for each in disk.table.partitions
        }
    assert "NTFS, 'Windows', 64.0 MB" in osdimage("info", made).out
    # The layout outlives what wimlib does with the WIM.
    judges.wimlib("export", made, str(len(numbers)), tmp_path / "one.wim")
    judges.wimlib("append", wim.parent / "tree1", made, "More")
    exported = osdimage("info", tmp_path / "one.wim", "--json").document["images"][0]["disk"]
    assert exported == osdimage("info", made, "--json").document["images"][-2]["disk"] == kept[-1]["disk"]
    judges.wimlib("delete", made, str(len(numbers) + 1))
    other = osdimage_disk(size="320MB", layout=LAYOUTS[scheme], seed="other")
    applied = osdimage("apply", made, other.path, "--all-volumes", "--json").document["volumes"]
    assert [each["result"]["partition"] for each in applied] == numbers
    for number, tree in trees.items():
        volume = partition_of(other.path, number, tmp_path / "volume")
        is_ntfs = number == NUMBERS[scheme][0]
        (judges.assert_ntfs_clean(volume) if is_ntfs else judges.run("fsck.fat", "-n", volume))
        text = judges.output("ntfscat", volume, "/which") if is_ntfs else judges.run("mtype", "-i", volume, "::/which")
        assert text == (tree / "which").read_text()


def test_a_capture_that_fails_leaves_nothing(osdimage_disk: Callable[..., MadeDisk], wim: Path, tmp_path: Path) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"], trees={3: wim.parent / "tree1"})
    esp = disk.table.partitions[0].extent.first * 512
    with disk.path.open("r+b") as file:
        file.seek(esp + 11)
        file.write(bytes(20))
        file.seek(esp + 6 * 512)
        file.write(bytes(512))
    osdimage("capture", disk.path, tmp_path / "disk.wim", "--all-volumes", code=3)
    assert not (tmp_path / "disk.wim").exists()
    blank = osdimage_disk(size="300MB", layout=DiskLayout(Scheme.MBR, (spec(Role.PRIMARY, 50),)))
    assert "no NTFS or FAT" in osdimage("capture", blank.path, tmp_path / "b.wim", "--all-volumes", code=3).err
    assert "does not go with" in osdimage("capture", blank.path, wim, "--all-volumes", "--append", code=2).err


# Clusters are not smaller than sectors, so that FAT32 takes 65,525 times 4096 bytes.
VARIABLES = """\
OSDDiskIndex=0
OSDPartitionStyle=GPT
OSDPartitions=4
OSDPartitions0Type=EFI
OSDPartitions0FileSystem=FAT32
OSDPartitions0Size=300
OSDPartitions0SizeUnits=MB
OSDPartitions1Type=MSR
OSDPartitions1Size=16
OSDPartitions1SizeUnits=MB
OSDPartitions2Type=Primary
OSDPartitions2FileSystem=NTFS
OSDPartitions2Size=200
OSDPartitions2SizeUnits=MB
OSDPartitions3Type=Primary
OSDPartitions3FileSystem=FAT32
OSDPartitions3Size=300
OSDPartitions3SizeUnits=MB
"""


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("sector_size", ["512", "4096"])
def test_an_ordinary_user_copies_a_disk_through_a_wim(wim: Path, sector_size: str) -> None:
    sectors = ("--sector-size", sector_size)
    with folder_for_all() as folder:

        def run(*words: str) -> None:
            osdimage_as_nobody(folder, *words)

        shutil.copy(wim, folder / "both.wim")
        (folder / "layout").write_text(VARIABLES)
        run("deploy", "both.wim", "a.img", "--index", "2", "--vars", "layout", "--size", "1GB", *sectors)
        run("apply", "both.wim", "a.img", "--all-volumes", "--wipe", "--yes")
        run("capture", "a.img", "disk.wim", "--all-volumes", "--check")
        assert judges.wimlib_info(folder / "disk.wim").wim["Image Count"] == "3"
        again = ("--layout-from-wim", "--all-volumes", "--size", "1200MB")
        run("deploy", "disk.wim", "b.img", *again, *sectors)
        for disk in ("a.img", "b.img"):
            assert_volumes(folder / disk, int(sector_size), folder / "volume")
            run("compare", "disk.wim", disk, "--all-volumes")


def assert_volumes(disk: Path, sector_size: int, to: Path) -> None:
    assert [each.number for each in fdisk(disk, sector_size)] == [1, 2, 3, 4]
    judges.assert_ntfs_clean(partition_of(disk, 3, to, sector_size=sector_size))
    assert judges.output("ntfscat", to, "/which") == "image 1"
    for number in (1, 4):
        partition_of(disk, number, to, sector_size=sector_size)
        with to.open("rb") as file:
            # Bytes of a sector, at offset 11 of the boot sector.
            assert int.from_bytes(file.read(13)[11:], "little") == sector_size
        fat_judges.fsck(to)
    assert judges.run("mtype", "-i", to, "::/which") == "image 2"


def test_a_disk_whose_end_is_missing_is_not_taken_for_one_with_fewer_volumes(
    osdimage_disk: Callable[..., MadeDisk], tmp_path: Path
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"])
    os.truncate(disk.path, 100 * MIB)
    for words in (["--all-volumes"], ["--partition", "3"]):
        refused = osdimage("capture", disk.path, tmp_path / "new.wim", *words, code=3)
        assert "behind the end of the disk" in refused.err
    assert not (tmp_path / "new.wim").exists()


@pytest.mark.parametrize("words", [["--all-volumes"], ["--partition", "3"]], ids=["all", "one"])
def test_a_disk_does_not_become_the_wim_of_itself(
    osdimage_disk: Callable[..., MadeDisk], tmp_path: Path, words: list[str]
) -> None:
    disk = osdimage_disk(size="300MB", layout=LAYOUTS["gpt"])
    link = tmp_path / "link"
    link.hardlink_to(disk.path)
    before = digest(disk.path)
    refused = osdimage("capture", disk.path, link, *words, "--overwrite", code=2)
    assert "captured itself; valid is another file" in refused.err
    assert digest(disk.path) == before
