"""FAT12 and FAT16 volumes on disks: looked at, started from, captured, applied and made again, judged by others."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from cases.installs import disk_with, fat_contents, spec
from cases.windows_trees import windows_files
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import wim as judges
from judges.disk import head, run, sfdisk
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.units import MIB
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
LAYOUT = DiskLayout(
    Scheme.GPT,
    (spec(Role.EFI, 64 * MIB, FileSystem.FAT32), spec(Role.PRIMARY, 128 * MIB, FileSystem.NTFS)),
    add_reserved=False,
)
# The ESP is FAT12 with clusters of 32 KiB, and FAT16 with clusters of 2 KiB.
SECTORS_PER_CLUSTER = {12: 64, 16: 4}
WIDTHS = pytest.mark.parametrize("bits", [12, 16])


def small(folder: Path, bits: int) -> Path:
    """Return a disk with a Windows that was applied, and an empty EFI system partition that mkfs.fat made."""
    disk = disk_with(folder, LAYOUT, {2: windows_files(bios=False)}, size=256 * MIB)
    first, count = place(disk)
    options = ("-s", str(SECTORS_PER_CLUSTER[bits]), "-n", "ESPLABEL", "-i", "0badcafe", "-h", str(first))
    run(["mkfs.fat", "-F", str(bits), *options, "--offset", str(first), disk, str(count // 2)])
    return disk


def place(disk: Path, number: int = 1) -> tuple[int, int]:
    row = next(each for each in sfdisk(disk)[1] if each.number == number)
    assert row.sectors is not None
    return row.first, row.sectors


def esp(disk: Path) -> Path:
    first, count = place(disk)
    return disk_judges.cut_out(disk, first * 512, count * 512, disk.with_suffix(".esp"))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Make disks start from such partitions."""
    disks = {}
    for bits in SECTORS_PER_CLUSTER:
        folder = tmp_path_factory.mktemp(f"fat{bits}") / "disk"
        folder.mkdir()
        disks[bits] = small(folder, bits)
        told = osdimage("boot", "install", disks[bits], "--partition", "2")
        assert f"partition 1: holds a FAT{bits} volume: Windows itself makes FAT32" in told.err
    return disks


@WIDTHS
def test_an_empty_one_does_not_start(tmp_path: Path, bits: int) -> None:
    disk = small(tmp_path, bits)
    checked = osdimage("boot", "check", disk, "--json", code=1).document
    assert checked["starts"] is False
    found = {each["code"] for each in checked["findings"]}
    assert found >= {"esp-fat16", "loader-missing"}
    assert osdimage("disk", "show", disk, "--json").document["partitions"][0]["filesystem"] == f"FAT{bits}"


@WIDTHS
def test_what_is_installed_into_one_is_what_others_read(started: dict[int, Path], bits: int) -> None:
    disk = started[bits]
    held = fat_contents(esp(disk))
    assert held["EFI/Boot/bootx64.efi"] == windows_files(bios=False)["Windows/Boot/EFI/bootmgfw.efi"]
    assert held["EFI/Microsoft/Boot/BCD"][:4] == b"regf"
    assert fat_judges.seven_zip(esp(disk)) == f"FAT{bits}"
    checked = osdimage("boot", "check", disk, "--json").document
    assert (checked["starts"], [each["code"] for each in checked["findings"]]) == (True, ["esp-fat16"])
    assert osdimage("boot", "show", disk, "--json").document["os_partition"] == 2


@WIDTHS
def test_a_store_in_one_is_bound_to_new_partitions(started: dict[int, Path], tmp_path: Path, bits: int) -> None:
    disk = disk_judges.copy_of(started[bits], tmp_path / "disk.img")
    run(["sgdisk", "-G", disk])
    assert osdimage("boot", "check", disk, code=1).code == 1
    osdimage("boot", "fix", disk, "--partition", "2")
    fat_judges.fsck(esp(disk))
    assert osdimage("boot", "check", disk, "--json").document["starts"]


@WIDTHS
def test_its_files_are_listed_taken_out_and_captured(started: dict[int, Path], tmp_path: Path, bits: int) -> None:
    disk = started[bits]
    held = fat_contents(esp(disk))
    listed = osdimage("list", disk, "--partition", "1", "/EFI/Boot").out
    assert "bootx64.efi" in listed
    osdimage("extract", disk, "--partition", "1", "/EFI/Microsoft/Boot/BCD", "--to", tmp_path / "out")
    (taken,) = [each for each in (tmp_path / "out").rglob("*") if each.is_file()]
    assert taken.read_bytes() == held["EFI/Microsoft/Boot/BCD"]
    wim = tmp_path / "esp.wim"
    osdimage("capture", disk, wim, "--partition", "1")
    judges.wimlib("verify", wim)
    judges.wimlib("extract", wim, "1", f"--dest-dir={tmp_path / 'wimlib'}", "--no-acls")
    seen = {
        str(each.relative_to(tmp_path / "wimlib")): each.read_bytes()
        for each in (tmp_path / "wimlib").rglob("*")
        if each.is_file()
    }
    assert seen == held
    assert osdimage("compare", wim, disk, "--partition", "1", "--json").document["is_equal"]


@WIDTHS
def test_an_apply_with_a_wipe_keeps_the_width_and_all_places(
    started: dict[int, Path], tmp_path: Path, bits: int
) -> None:
    disk = disk_judges.copy_of(started[bits], tmp_path / "disk.img")
    tree = tmp_path / "tree"
    (tree / "EFI" / "A folder").mkdir(parents=True)
    (tree / "EFI" / "A folder" / "A long name.bin").write_bytes(bytes(range(256)) * 4000)
    (tree / "top.txt").write_text("top")
    judges.wimlib("capture", tree, tmp_path / "tree.wim")
    before = head(esp(disk), 62)
    refused = osdimage("apply", tmp_path / "tree.wim", disk, "--partition", "1", code=4)
    assert "a FAT volume is made anew and not added to" in refused.err
    assert head(esp(disk), 62) == before
    osdimage("apply", tmp_path / "tree.wim", disk, "--partition", "1", "--wipe", "--yes")
    volume = esp(disk)
    # From the size of a sector to the type: where the parts are, the serial number and the label.
    assert head(volume, 62)[11:] == before[11:]
    assert fat_judges.blkid(volume)["UUID"] == "0BAD-CAFE"
    assert fat_contents(volume) == {
        "EFI/A folder/A long name.bin": bytes(range(256)) * 4000,
        "top.txt": b"top",
    }
    assert osdimage("compare", tmp_path / "tree.wim", disk, "--partition", "1", "--json").document["is_equal"]


@WIDTHS
def test_a_disk_with_one_is_captured_and_made_again(started: dict[int, Path], tmp_path: Path, bits: int) -> None:
    wim, again = tmp_path / "all.wim", tmp_path / "again.img"
    captured = osdimage("capture", started[bits], wim, "--all-volumes", "--compress", "none")
    assert "made again" not in captured.err
    judges.wimlib("info", wim, f"--extract-xml={tmp_path / 'xml'}")
    xml = (tmp_path / "xml").read_bytes().decode("utf-16")
    assert f'FILESYSTEM="FAT{bits}"' in xml
    assert f'CLUSTER="{SECTORS_PER_CLUSTER[bits] * 512}"' in xml
    words = ("--layout-from-wim", "--all-volumes", "--size", "256MB")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(osdimage("deploy", wim, again, *words, "--dry-run", "--json").document))
    osdimage("deploy", wim, again, "--plan", plan)
    volume = esp(again)
    assert fat_judges.seven_zip(volume) == f"FAT{bits}"
    assert struct.unpack_from("<HB", head(volume), 11) == (512, SECTORS_PER_CLUSTER[bits])
    assert fat_judges.blkid(volume)["LABEL"] == "ESPLABEL"
    assert fat_contents(volume).keys() == fat_contents(esp(started[bits])).keys()
    assert osdimage("boot", "check", again, "--json").document["starts"]
