"""``osdimage disk format``, judged by the tools of the file systems."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging.testing import MadeDisk
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


@pytest.fixture
def disk(osdimage_disk: Callable[..., MadeDisk]) -> MadeDisk:
    return osdimage_disk(size="2GB", preset="uefi")


def window(disk: MadeDisk, number: int, to: Path) -> Path:
    extent = next(each.extent for each in disk.table.partitions if each.number == number)
    place = (f"skip={extent.first * 512}", f"count={extent.count * 512}", "iflag=skip_bytes,count_bytes")
    judges.run("dd", f"if={disk.path}", f"of={to}", "bs=1M", "conv=sparse", *place)
    return to


def test_ntfs_gets_its_label_and_clusters(disk: MadeDisk, tmp_path: Path) -> None:
    osdimage("disk", "format", disk.path, "--partition", "4", "--label", "Tools", "--cluster-size", "8192", "--yes")
    volume = window(disk, 4, tmp_path / "volume.img")
    judges.assert_ntfs_clean(volume)
    facts = judges.run("ntfsinfo", "-m", volume)
    assert "Volume Name: Tools" in facts
    assert "Cluster Size: 8192" in facts


@pytest.mark.parametrize("options", [(), ("--full",)], ids=["quick", "full"])
def test_fat32_gets_its_label(disk: MadeDisk, tmp_path: Path, options: tuple[str, ...]) -> None:
    osdimage("disk", "format", disk.path, "--partition", "1", "--fs", "fat32", "--label", "BOOT", "--yes", *options)
    volume = window(disk, 1, tmp_path / "volume.img")
    judges.run("fsck.fat", "-n", volume)
    assert "BOOT" in judges.run("mdir", "-i", volume, "::")


def test_the_same_seed_gives_the_same_bytes(disk: MadeDisk, tmp_path: Path) -> None:
    for name in ("first", "second"):
        osdimage("disk", "format", disk.path, "--partition", "4", "--seed", "x", "--yes")
        window(disk, 4, tmp_path / name)
    assert judges.sha1_of(tmp_path / "first") == judges.sha1_of(tmp_path / "second")


def test_nothing_else_on_the_disk_changes(disk: MadeDisk, tmp_path: Path) -> None:
    before = [judges.sha1_of(window(disk, number, tmp_path / "part")) for number in (1, 2, 3)]
    osdimage("disk", "format", disk.path, "--partition", "4", "--yes")
    assert [judges.sha1_of(window(disk, number, tmp_path / "part")) for number in (1, 2, 3)] == before
    assert "No problems found" in judges.run("sgdisk", "-v", disk.path)


def test_a_file_system_that_the_type_is_not_for_is_warned_of(disk: MadeDisk) -> None:
    # UEFI 2.10, 13.3: an EFI system partition holds FAT.
    said = osdimage("disk", "format", disk.path, "--partition", "1", "--fs", "ntfs", "--yes").err
    assert said.startswith("warning: partition 1 holds NTFS, but its type is ")
    assert not osdimage("disk", "format", disk.path, "--partition", "1", "--fs", "fat32", "--yes").err
    # Windows' documentation of GPT disks: the reserved partition holds no file system.
    said = osdimage("disk", "format", disk.path, "--partition", "2", "--yes").err
    assert said.startswith("warning: partition 2 holds NTFS, but its type is ")
    assert "(Microsoft reserved), which Windows keeps for itself" in said


@pytest.mark.parametrize(("number", "system"), [(1, "fat32"), (4, "ntfs")])
def test_a_full_format_tells_how_far_it_is(disk: MadeDisk, tmp_path: Path, number: int, system: str) -> None:
    events = tmp_path / "events"
    # What is a hole of an image needs no zeros, so something has to be there.
    begin = next(each.extent.first for each in disk.table.partitions if each.number == number) * 512
    with disk.path.open("r+b") as file:
        for place in range(4):
            file.seek(begin + place * (60 << 20))
            file.write(b"old")
    words = ("--partition", str(number), "--fs", system, "--full", "--yes", "--events", events)
    osdimage("disk", "format", disk.path, *words)
    seen = [json.loads(line) for line in events.read_text().splitlines()]
    wiped = [each["done"] for each in seen if each["phase"] == "wipe"]
    assert len(wiped) > 3
    assert wiped == sorted(wiped)
    percents = [each["percent"] for each in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_what_cannot_be_formatted_is_refused(disk: MadeDisk) -> None:
    assert "give --yes" in osdimage("disk", "format", disk.path, "--partition", "4", code=2).err
    assert "there are: 1, 2, 3, 4" in osdimage("disk", "format", disk.path, "--partition", "9", "--yes", code=2).err
    too_small = osdimage("disk", "format", disk.path, "--partition", "2", "--fs", "fat32", "--yes", code=2).err
    assert "FAT32" in too_small


@pytest.mark.parametrize("filesystem", ["ntfs", "fat32"])
def test_a_full_format_does_not_fill_the_holes_of_an_image(disk: MadeDisk, filesystem: str) -> None:
    words = ("disk", "format", disk.path, "--partition", "4", "--fs", filesystem, "--yes")
    place = next(each.extent.first for each in disk.table.partitions if each.number == 4) * 512 + (400 << 20)
    with disk.path.open("r+b") as file:
        # What is no hole is overwritten.
        file.seek(place)
        file.write(b"secret")
    osdimage(*words, "--full")
    # 1 GB would be filled.
    assert disk.path.stat().st_blocks * 512 < 64 << 20
    with disk.path.open("rb") as file:
        file.seek(place)
        assert file.read(6) == bytes(6)
