"""From a WIM to a disk: the plan, what is on the disk afterwards, and what is said when it goes wrong."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from judges import wim as judges
from judges.disk import partition_of
from osdimage.imaging import (
    InvalidRequest,
    Preset,
    TargetRefused,
    WimFile,
    open_disk,
    preset_layout,
)
from osdimage.imaging.deploy.execute import execute
from osdimage.imaging.deploy.formats import DiskFormat, new_disk
from osdimage.imaging.deploy.plan import ApplyToVolume, FormatVolume, WriteTable, make_plan
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import MadeDisk
from osdimage.imaging.units import MIB, Bytes, Geometry
from runs.commands import osdimage
from runs.locking import locked_by_another
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

pytestmark = pytest.mark.foreign
GIB = 1 << 30


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy") / "tree"
    (folder / "Windows" / "System32").mkdir(parents=True)
    (folder / "Windows" / "System32" / "Größe 😀.txt").write_text("contents", encoding="utf-8")
    (folder / "Windows" / "big.bin").write_bytes(random.Random(5).randbytes(3 * MIB))
    (folder / "empty").touch()
    return folder


@pytest.fixture(scope="module")
def wim(tree: Path) -> Path:
    path = tree.parent / "install.wim"
    judges.wimlib("capture", tree, path, "Reference")
    return path


# ---- plans


def test_the_plan_tells_of_a_format_in_full(wim: Path) -> None:
    spec = PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS, quick_format=False)
    with WimFile.open(wim) as opened:
        plan = make_plan(opened.image(1), DiskLayout(Scheme.MBR, (spec,)), Geometry.of_size(GIB, 512), random.Random(1))
    (line,) = [text for text in plan.describe() if text.startswith("format")]
    assert line == "format partition 1 as NTFS, in full: zeros are written over all that it held"


def test_the_plan_tells_every_step_in_its_order(wim: Path) -> None:
    with WimFile.open(wim) as opened:
        plan = make_plan(opened.image(1), preset_layout(Preset.UEFI), Geometry.of_size(8 * GIB, 512), random.Random(1))
    kinds = [type(action) for action in plan.steps]
    assert kinds == [WriteTable, FormatVolume, FormatVolume, FormatVolume, ApplyToVolume]
    assert next(iter(plan.describe())) == "write a GPT table with 4 partitions"
    assert list(plan.describe())[1] == "format partition 1 'SYSTEM' as FAT32"
    assert "to partition 3" in list(plan.describe())[-1]
    assert plan.steps[0].destroys == "everything on the disk"


def ntfs(**more: object) -> PartitionSpec:
    return PartitionSpec(Role.PRIMARY, FixedSize(Bytes(200 * MIB)), filesystem=FileSystem.NTFS, **more)  # type: ignore[arg-type]


CHOICES = {
    "uefi preset": (preset_layout(Preset.UEFI), 3),
    "bios preset": (preset_layout(Preset.BIOS), 2),
    "the only one": (DiskLayout(Scheme.MBR, (ntfs(active=True),)), 1),
    "OSDisk in any case": (DiskLayout(Scheme.MBR, (ntfs(), ntfs(letter_variable="osdisk"))), 2),
    "first of several": (DiskLayout(Scheme.MBR, (ntfs(), ntfs())), 1),
    "not the active of several": (DiskLayout(Scheme.MBR, (ntfs(active=True), ntfs())), 2),
}


@pytest.mark.parametrize(("layout", "number"), CHOICES.values(), ids=CHOICES)
def test_the_partition_of_windows_is_found(wim: Path, layout: DiskLayout, number: int) -> None:
    with WimFile.open(wim) as opened:
        plan = make_plan(opened.image(1), layout, Geometry.of_size(8 * GIB, 512), random.Random(1))
    assert isinstance(plan.steps[-1], ApplyToVolume)
    assert plan.steps[-1].partition.number == number


def test_a_partition_that_cannot_hold_the_image_is_refused(wim: Path) -> None:
    geometry = Geometry.of_size(8 * GIB, 512)
    small = DiskLayout(Scheme.MBR, (PartitionSpec(Role.PRIMARY, FixedSize(Bytes(MIB)), filesystem=FileSystem.NTFS),))
    data = DiskLayout(Scheme.MBR, (PartitionSpec(Role.PRIMARY, filesystem=FileSystem.FAT32),))
    with WimFile.open(wim) as opened:
        image = opened.image(1)
        with pytest.raises(TargetRefused, match="choose a larger disk"):
            make_plan(image, small, geometry, random.Random(1))
        with pytest.raises(InvalidRequest, match="no NTFS partition"):
            make_plan(image, data, geometry, random.Random(1))
        with pytest.raises(InvalidRequest, match="those are: 3, 4"):
            make_plan(image, preset_layout(Preset.UEFI), geometry, random.Random(1), partition=1)


# ---- disks


@pytest.mark.parametrize(("preset", "number"), [("uefi", 3), ("bios", 2)])
def test_a_disk_is_made_that_others_can_read(wim: Path, tmp_path: Path, preset: str, number: int) -> None:
    disk, answers = tmp_path / "disk.img", tmp_path / "answers.xml"
    # Placed as it is, with what nothing of it is used for: that is told.
    written = "<unattend xmlns='urn:schemas-microsoft-com:unattend'><!-- \u00e4 --></unattend>\n"
    answers.write_text(written, encoding="utf-8")
    events = tmp_path / "events"
    words = ["--preset", preset, "--size", "6GB", "--unattend", answers, "--events", events]
    done = osdimage("deploy", wim, disk, *words)
    assert done.err.count(f"warning: {answers}: nothing of it is used") == 1
    assert f'"warning": "{answers}: nothing of it is used' in events.read_text()
    if preset == "uefi":
        assert "No problems found" in judges.run("sgdisk", "-v", disk)
        judges.run("fsck.fat", "-n", partition_of(disk, 1, tmp_path / "esp.img"))
    volume = partition_of(disk, number, tmp_path / "windows.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/Windows/Panther/unattend.xml") == written
    assert judges.output("ntfscat", volume, "/Windows/System32/Größe 😀.txt") == "contents"
    for other in {1, 2, 3, 4} - {number}:
        if (preset == "bios" and other < 4) or (preset == "uefi" and other == 4):
            judges.assert_ntfs_clean(partition_of(disk, other, tmp_path / "other.ntfs"))
    again = tmp_path / "again.wim"
    judges.wimlib("capture", volume, again)
    theirs = judges.seven_zip_files(again)[1]
    mine = judges.seven_zip_files(wim)[1]
    assert {path: file.sha1 for path, file in mine.items()}.items() <= {
        path: file.sha1 for path, file in theirs.items()
    }.items()


@pytest.mark.parametrize("disk_format", ["qcow2", "vhdx", "vhd"])
def test_images_for_virtual_machines_hold_the_same_disk(wim: Path, tmp_path: Path, disk_format: str) -> None:
    judges.require("qemu-img")
    disk = tmp_path / f"disk.{disk_format}"
    done = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "2GB", "--format", disk_format, "--json")
    raw = tmp_path / "raw.img"
    judges.run("qemu-img", "convert", "-O", "raw", disk, raw)
    assert raw.stat().st_size == 2 * GIB
    assert "No problems found" in judges.run("sgdisk", "-v", raw)
    judges.assert_ntfs_clean(partition_of(raw, 3, tmp_path / "windows.ntfs"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([disk.name, "raw.img", "windows.ntfs"])
    assert (done.document["disk"], done.document["applied"]["target"]) == (str(disk), str(disk))
    refused = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "2GB", "--format", disk_format, code=4)
    assert "exists already; let it be replaced (--yes)" in refused.err


def test_where_files_must_have_names_an_image_for_a_virtual_machine_is_made_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judges.require("qemu-img")
    real = os.open

    def refuse_nameless(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refuse_nameless)
    destination = tmp_path / "disk.qcow2"
    with new_disk(destination, DiskFormat.QCOW2, MIB, sector_size=512, replace=False) as disk:
        disk.target.write_at(4096, b"contents")
        disk.target.flush()
        assert len(list(tmp_path.iterdir())) == 1
        assert not destination.exists()
    assert list(tmp_path.iterdir()) == [destination]
    judges.run("qemu-img", "convert", "-O", "raw", destination, tmp_path / "raw.img")
    assert (tmp_path / "raw.img").read_bytes() == b"contents".rjust(4104, b"\0").ljust(MIB, b"\0")


@pytest.mark.parametrize("size", [0, MIB + 1])
def test_an_image_for_a_virtual_machine_of_a_size_that_no_disk_has_is_refused(size: int, tmp_path: Path) -> None:
    judges.require("qemu-img")
    made = new_disk(tmp_path / "disk.qcow2", DiskFormat.QCOW2, size, sector_size=512, replace=False)
    with pytest.raises(InvalidRequest, match="not a whole number of sectors"), made:
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_for_a_virtual_machine_that_is_too_large_to_be_read_again_is_refused(wim: Path, tmp_path: Path) -> None:
    judges.require("qemu-img")
    refused = osdimage("deploy", wim, tmp_path / "disk.qcow2", "--preset", "uefi", "--size", "70TB", code=2)
    assert "a qcow2 disk of 70.0 TB is too large; valid is up to 64.0 TB" in refused.err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_changes_nothing(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    shown = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "8GB", "--dry-run")
    assert "5. apply image 1 'Reference' to partition 3" in shown.out
    assert not disk.exists()
    with disk.open("wb") as file:
        file.truncate(8 * GIB)
    osdimage("deploy", wim, disk, "--preset", "bios", "--dry-run", "--json")
    with disk.open("rb") as file:
        assert file.read(MIB) == bytes(MIB)


@pytest.mark.parametrize("option", [("--winre",), ("--signed-2023",), ("--timeout", "5"), ("--bios-loader", "grub")])
def test_options_of_the_start_do_not_go_with_no_boot(wim: Path, tmp_path: Path, option: tuple[str, ...]) -> None:
    words = ["deploy", wim, tmp_path / "disk.img", "--size", "2GB", "--preset", "uefi", "--no-boot"]
    assert "--no-boot makes nothing start" in osdimage(*words, *option, code=2).err
    osdimage(*words, "--dry-run")


# Microsoft, "Windows Setup Automation Overview": an answer file is XML, whose root is unattend.
@pytest.mark.parametrize("data", [b"MSWIM\0\0\0", b"<unattend>", b"<sequence/>", b"<unattend/>", b""])
def test_what_is_no_answer_file_is_refused_before_the_disk_is_made(wim: Path, tmp_path: Path, data: bytes) -> None:
    answers, disk = tmp_path / "answers.xml", tmp_path / "disk.img"
    answers.write_bytes(data)
    refused = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "2GB", "--unattend", answers, code=3)
    assert str(answers) in refused.err
    assert not disk.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_answer_file_may_be_in_each_encoding_that_windows_reads(wim: Path, tmp_path: Path, encoding: str) -> None:
    answers = tmp_path / "answers.xml"
    answers.write_text('<unattend xmlns="urn:schemas-microsoft-com:unattend">ä</unattend>', encoding=encoding)
    words = ["--preset", "uefi", "--size", "2GB", "--unattend", answers, "--dry-run"]
    osdimage("deploy", wim, tmp_path / "disk.img", *words)


def test_a_dry_run_refuses_what_the_run_refuses(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.touch()
    os.truncate(disk, 2 * GIB)
    for options in (["--size", "4GB"], ["--expect-size", "4GB"], ["--expect-serial", "S1"]):
        words = ["deploy", wim, disk, "--preset", "uefi", *options]
        assert osdimage(*words, "--dry-run", code=4).err == osdimage(*words, "--yes", code=4).err


def test_a_dry_run_plans_for_the_new_file_and_not_for_the_one_that_it_replaces(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    judges.run("qemu-img", "create", "-f", "qcow2", disk, "8G")
    options = ["--preset", "uefi", "--size", "4GB", "--format", "qcow2", "--yes", "--dry-run", "--json"]
    facts = osdimage("deploy", wim, disk, *options).document
    assert facts["disk"]["size_bytes"] == 4 * GIB


def test_a_disk_that_exists_is_not_overwritten_unasked(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "4GB")
    before = judges.output("sfdisk", "-d", disk)
    refused = osdimage("deploy", wim, disk, "--preset", "bios", code=2)
    assert "give --yes" in refused.err
    assert judges.output("sfdisk", "-d", disk) == before
    osdimage("deploy", wim, disk, "--preset", "bios", "--yes")
    assert "label: dos" in judges.output("sfdisk", "-d", disk)


@pytest.mark.parametrize("more", [(), ("--size", "64MB"), ("--size", "64MB", "--format", "qcow2")])
def test_a_file_that_is_read_is_not_the_disk(wim: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    own, link = tmp_path / "own.wim", tmp_path / "link.img"
    shutil.copy(wim, own)
    link.symlink_to(own)
    for disk, options in ((own, ()), (link, ()), (own, ("--unattend", own)), (own, ("--ref", own))):
        source = wim if options else own
        refused = osdimage("deploy", source, disk, "--preset", "uefi", "--yes", *more, *options, code=2)
        assert f"{disk} is read by this command" in refused.err
    assert own.read_bytes() == wim.read_bytes()


def test_a_damaged_image_leaves_a_volume_that_says_so(wim: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.wim"
    data = bytearray(wim.read_bytes())
    # The blobs of this WIM begin behind its header of 208 bytes.
    data[MIB : MIB + 64] = bytes(64)
    damaged.write_bytes(data)
    disk = tmp_path / "disk.img"
    failed = osdimage("deploy", damaged, disk, "--preset", "uefi", "--size", "4GB", code=3)
    assert "partition 3 holds an incomplete image" in failed.err
    assert "running it again starts from the beginning" in failed.err
    assert judges.is_dirty(partition_of(disk, 3, tmp_path / "windows.ntfs"))
    osdimage("deploy", wim, disk, "--preset", "uefi", "--yes")
    judges.assert_ntfs_clean(partition_of(disk, 3, tmp_path / "windows.ntfs"))


def test_a_disk_that_another_program_has_locked_before_is_refused(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(b"")
    os.truncate(disk, 4 * GIB)
    with locked_by_another(disk):
        refused = osdimage("deploy", wim, disk, "--preset", "uefi", "--yes", code=4)
    assert refused.err == f"osdimage: {disk} is locked by another program\n"
    assert judges.output("sfdisk", "-d", disk, code=None) == ""


def test_a_table_that_is_half_written_is_not_called_unchanged(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk.img"

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", fail)
    failed = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "4GB", code=1)
    assert f"the partition table of {disk} is not written to its end" in failed.err


@pytest.mark.root
def test_the_raw_image_beside_another_format_has_no_name_in_what_is_said(tmp_path: Path) -> None:
    judges.require("qemu-img")
    # The hive is none, which a warning tells, and neither can a damaged image be applied.
    (tmp_path / "tree" / "Windows" / "System32" / "config").mkdir(parents=True)
    (tmp_path / "tree" / "Windows" / "System32" / "config" / "SYSTEM").write_bytes(random.Random(1).randbytes(MIB))
    wim, disk = tmp_path / "install.wim", tmp_path / "disk.qcow2"
    judges.wimlib("capture", tmp_path / "tree", wim, "Odd", "--compress=none")
    words = ["deploy", wim, disk, "--preset", "uefi", "--size", "2GB", "--format", "qcow2"]
    done = osdimage(*words, "--json")
    assert any(text.startswith(f"{disk} partition 3: ") for text in done.document["warnings"])
    assert "/proc/" not in done.out + done.err
    disk.unlink()
    damaged = bytearray(wim.read_bytes())
    damaged[MIB // 2] ^= 0xFF
    wim.write_bytes(damaged)
    failed = osdimage(*words, code=3)
    assert f"{disk} partition 3 holds an incomplete image" in failed.err
    assert "/proc/" not in failed.err
    assert not disk.exists()


def test_an_ordinary_user_needs_no_root(wim: Path) -> None:
    with folder_for_all() as folder:
        shutil.copy(wim, folder / "install.wim")
        osdimage_as_nobody(folder, "deploy", "install.wim", "disk.img", "--preset", "uefi", "--size", "4GB")
        assert (folder / "disk.img").stat().st_uid != 0
        assert "No problems found" in judges.run("sgdisk", "-v", folder / "disk.img")
        judges.assert_ntfs_clean(partition_of(folder / "disk.img", 3, folder / "windows.ntfs"))


# ---- the fixture for other projects


def test_the_fixture_makes_a_disk_with_its_trees(
    osdimage_disk: Callable[..., MadeDisk], tree: Path, tmp_path: Path
) -> None:
    disk = osdimage_disk(size="2GB", preset="uefi", trees={1: tree, 3: tree}, seed="x")
    volume = partition_of(disk.path, 3, tmp_path / "windows.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/Windows/System32/Größe 😀.txt") == "contents"
    esp = partition_of(disk.path, 1, tmp_path / "esp.img")
    judges.run("fsck.fat", "-n", esp)
    assert "big.bin" in judges.run("mdir", "-i", esp, "-b", "::/Windows").lower()
    assert [each.number for each in disk.table.partitions] == [1, 2, 3, 4]


def test_the_fixture_refuses_a_tree_for_no_volume(osdimage_disk: Callable[..., MadeDisk], tree: Path) -> None:
    with pytest.raises(InvalidRequest, match="partition 2 is not formatted"):
        osdimage_disk(preset="uefi", trees={2: tree})


SYSTEM = ("OSDPartitions0Type=EFI", "OSDPartitions0FileSystem=FAT32", "OSDPartitions0SizeUnits=MB")
WINDOWS = ("OSDPartitions1Type=Primary", "OSDPartitions1FileSystem=NTFS", "OSDPartitions1Size=100",
           "OSDPartitions1SizeUnits=Percent")  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param(
            ("OSDPartitions0Size=260", "OSDPartitions0VolumeName=日本"),
            "partition 1: the label '日本' has characters that code page 437 lacks",
            id="label",
        ),
        pytest.param(("OSDPartitions0Size=20",), "partition 1: 20.0 MB is too small for FAT32", id="size"),
    ],
)
def test_a_volume_that_cannot_be_made_costs_no_partition_table(
    wim: Path, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    disk = tmp_path / "disk.img"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "4GB")
    before = judges.output("sfdisk", "-J", disk)
    words = [
        word
        for each in ("OSDDiskIndex=0", "OSDPartitionStyle=GPT", *SYSTEM, *WINDOWS, *more)
        for word in ("--var", each)
    ]
    for options in (["--dry-run"], ["--yes"]):
        assert told in osdimage("deploy", wim, disk, *words, *options, code=2).err
    assert judges.output("sfdisk", "-J", disk) == before


def test_where_what_formats_is_missing_no_partition_table_is_lost(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(300 * MIB))
    judges.run("sfdisk", "-q", disk, stdin="label: dos\n,,7\n")
    before = disk.read_bytes()
    monkeypatch.setattr("osdimage.imaging.volume.ntfs.format.find_program", lambda _: None)
    words = ("deploy", wim, disk, "--preset", "data-mbr", "--yes", "--no-backup")
    said = osdimage(*words, code=1).err
    assert "mkntfs is not installed" in said
    assert said.endswith(f" -- nothing on {disk} was changed\n")
    assert disk.read_bytes() == before


def test_a_disk_that_is_the_wim_by_another_name_is_refused(wim: Path, tmp_path: Path) -> None:
    copy, disk = tmp_path / "install.wim", tmp_path / "disk.img"
    copy.write_bytes(wim.read_bytes())
    disk.hardlink_to(copy)
    refused = osdimage("deploy", copy, disk, "--preset", "uefi", "--yes", code=2)
    assert "is read by this command" in refused.err
    assert copy.read_bytes() == wim.read_bytes()


def test_a_disk_that_was_opened_for_reading_is_not_deployed_to(wim: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    osdimage("disk", "init", path, "--preset", "data-gpt", "--size", "4GB")
    before = judges.output("sfdisk", "-J", path)
    with WimFile.open(wim) as opened, open_disk(path) as disk:
        plan = make_plan(opened.image(1), preset_layout(Preset.UEFI), disk.geometry, random.Random(1))
        with pytest.raises(InvalidRequest, match="is open for reading only"):
            execute(plan, disk, opened.image(1), now=datetime.now(UTC))
    assert judges.output("sfdisk", "-J", path) == before


def test_the_old_table_is_saved_where_it_is_wanted(wim: Path, tmp_path: Path) -> None:
    disk, file = tmp_path / "disk.img", tmp_path / "old.json"
    words = ("deploy", wim, disk, "--preset", "data-mbr", "--no-boot", "--quiet")
    osdimage(*words, "--size", "200MB")
    osdimage(*words, "--yes", "--no-backup")
    assert not list(tmp_path.glob("*.json"))
    osdimage(*words, "--yes", "--backup", file)
    assert [each.name for each in tmp_path.glob("*.json")] == ["old.json"]
    osdimage("disk", "restore", disk, file, "--yes", "--no-backup")
    assert "contradict" in osdimage(*words, "--yes", "--backup", file, "--no-backup", code=2).err
