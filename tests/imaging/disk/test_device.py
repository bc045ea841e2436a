"""Block devices: refusals and the kernel's view, on loop devices of this test's own files."""

from __future__ import annotations

import fcntl
import os
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.disk import CASES, Case, layout
from judges import disk as disk_judges
from judges import wim as judges
from osdimage.imaging.disk import device, roles
from osdimage.imaging.disk.device import DeviceFacts, DeviceTarget, check_expected, open_target, refuse_fixed
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import GIB, MIB, Geometry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

needs_root = pytest.mark.root

LoopMaker = Callable[..., Path]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep saved tables out of the system's folders."""
    folder = tmp_path / "state"
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def loop(tmp_path: Path, state: Path) -> Iterator[LoopMaker]:
    """Make loop devices, and detach them at the end."""
    assert not state.exists()
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if not Path("/dev/loop-control").exists():
        disk_judges.missing("this machine has no loop devices")
    made: list[str] = []

    def make(size_bytes: int = 256 * MIB, sector_size: int = 512, *options: str) -> Path:
        path = tmp_path / f"disk{len(made)}.img"
        with path.open("wb") as file:
            file.truncate(size_bytes)
        arguments = ["losetup", "--find", "--show", "--sector-size", str(sector_size), *options, path]
        made.append(disk_judges.run(arguments).strip())
        return Path(made[-1])

    yield make
    for name in made:
        subprocess.run([judges.require("losetup"), "--detach", name], check=False)


def written(path: Path, *elements: str, style: str = "GPT") -> PartitionTable:
    with open_target(str(path), write=True) as target:
        table = place(layout(style, *elements), target.geometry, random.Random(str(path)))
        report = initialize(target, table, now=NOW)
        assert report.warnings == ()
    return table


def kernel_view(path: Path) -> dict[int, tuple[int, int]]:
    """Read start and size, in units of 512 bytes, from sysfs."""
    view = {}
    for folder in Path("/sys/class/block", path.name).resolve().iterdir():
        if (folder / "partition").exists():
            number = int((folder / "partition").read_text())
            view[number] = (int((folder / "start").read_text()), int((folder / "size").read_text()))
    return view


@needs_root
@pytest.mark.foreign
@pytest.mark.parametrize("options", [["--partscan"], []], ids=["rereads", "announces-each"])
@pytest.mark.parametrize(
    ("style", "elements"),
    [
        ("GPT", ["MSR 16 MB", "Primary 100 MB", "Primary"]),
        ("MBR", ["Primary 50 MB", "Extended", "Logical 20 MB", "Logical"]),
    ],
)
def test_the_kernel_sees_what_was_written(loop: LoopMaker, style: str, elements: list[str], options: list[str]) -> None:
    path = loop(256 * MIB, 512, *options)
    for _ in range(2):  # the second time the kernel has partitions to forget
        table = written(path, *elements, style=style)
        view = kernel_view(path)
        assert {number: first for number, (first, _) in view.items()} == {
            each.number: each.extent.first for each in table.partitions
        }
        for each in table.partitions:
            assert view[each.number][1] == (2 if each.is_extended else each.extent.count)
            assert Path(f"{path}p{each.number}").is_block_device()


@needs_root
@pytest.mark.foreign
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.name.startswith("4k") and "8tib" not in case.name],
    ids=lambda case: case.name,
)
def test_judges_agree_on_a_device_with_4096_byte_sectors(loop: LoopMaker, case: Case) -> None:
    path = loop(case.geometry.size_bytes, 4096)
    with open_target(str(path), write=True) as target:
        table = case.table()
        assert initialize(target, table, now=NOW).warnings == ()
    _, seen = disk_judges.sfdisk(path)
    assert [(s.number, s.first, s.sectors, s.type_id, s.guid) for s in seen] == [
        (p.number, p.extent.first, p.extent.count, roles.format_type(p.type_id), str(p.guid) if p.guid else None)
        for p in table.partitions
    ]
    _, listed = disk_judges.parted(path)
    assert sorted((s.number, s.first, s.sectors) for s, _ in listed) == [
        (p.number, p.extent.first, p.extent.count) for p in table.partitions
    ]
    if table.scheme == "gpt":
        assert "No problems found" in disk_judges.sgdisk_verify(path)
        assert [each.attributes for each in disk_judges.sgdisk(path, [p.number for p in table.partitions])] == [
            p.attributes for p in table.partitions
        ]
    scale = 8
    assert {number: first for number, (first, _) in kernel_view(path).items()} == {
        each.number: each.extent.first * scale for each in table.partitions
    }


@needs_root
@pytest.mark.foreign
def test_a_mounted_device_is_refused_and_left_alone(loop: LoopMaker, tmp_path: Path) -> None:
    path = loop(256 * MIB, 512, "--partscan")
    table = written(path, "MSR 16 MB", "Primary")
    disk_judges.run(["mkfs.ext4", "-q", f"{path}p2"])
    folder = tmp_path / "mounted here"
    folder.mkdir()
    disk_judges.run(["mount", f"{path}p2", folder])
    try:
        with pytest.raises(TargetRefused, match=rf"{path} is in use: {path.name}p2 is mounted on {folder}"):
            open_target(str(path), write=True)
        with open_target(str(path)) as target:
            assert read_table(target).table == table
    finally:
        disk_judges.run(["umount", folder])
    written(path, "Primary")


@needs_root
@pytest.mark.foreign
def test_swap_space_is_refused(loop: LoopMaker) -> None:
    path = loop(256 * MIB, 512, "--partscan")
    written(path, "MSR 16 MB", "Primary")
    disk_judges.run(["mkswap", f"{path}p2"])
    disk_judges.run(["swapon", f"{path}p2"])
    try:
        with pytest.raises(TargetRefused, match=rf"{path.name}p2 is swap space"):
            open_target(str(path), write=True)
    finally:
        disk_judges.run(["swapoff", f"{path}p2"])


@needs_root
@pytest.mark.foreign
def test_a_device_that_another_program_holds_is_refused(loop: LoopMaker) -> None:
    path = loop()
    descriptor = os.open(path, os.O_RDWR | os.O_EXCL)
    try:
        with pytest.raises(TargetRefused, match="cannot be opened for writing: Device or resource busy"):
            open_target(str(path), write=True)
    finally:
        os.close(descriptor)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match="is locked by another program"):
            open_target(str(path), write=True)
    finally:
        os.close(descriptor)


@needs_root
@pytest.mark.foreign
def test_a_partition_and_a_read_only_device_are_refused(loop: LoopMaker) -> None:
    path = loop(256 * MIB, 512, "--partscan")
    written(path, "MSR 16 MB", "Primary")
    with pytest.raises(TargetRefused, match=rf"{path}p2 is a partition; give the whole disk, {path}"):
        open_target(f"{path}p2")
    locked = loop(256 * MIB, 512, "--read-only")
    with pytest.raises(TargetRefused, match=r"read-only|Read-only"):
        open_target(str(locked), write=True)


@needs_root
@pytest.mark.foreign
def test_an_image_behind_a_loop_device_is_refused(loop: LoopMaker, tmp_path: Path) -> None:
    path = loop()
    with pytest.raises(TargetRefused, match=rf"disk0.img is in use by {path}: detach it"):
        open_target(str(tmp_path / "disk0.img"), write=True)
    with open_target(str(tmp_path / "disk0.img")) as target:
        assert target.geometry.size_bytes == 256 * MIB


@needs_root
@pytest.mark.foreign
def test_the_sector_size_is_the_devices_own(loop: LoopMaker) -> None:
    path = loop(256 * MIB, 4096)
    with open_target(str(path)) as target:
        assert isinstance(target, DeviceTarget)
        assert target.geometry.sector_size == 4096
        assert target.facts.backing_file is not None
    with pytest.raises(InvalidRequest, match="has sectors of 4096 bytes, and cannot have sectors of 512"):
        open_target(str(path), opening=Opening(sector_size=512))
    with (
        pytest.raises(InvalidRequest, match="has sectors of 4096 bytes, and cannot have sectors of 512"),
        open_volume(path, opening=Opening(sector_size=512)),
    ):
        pass


@needs_root
@pytest.mark.foreign
def test_the_old_table_of_a_device_goes_to_the_state_folder(loop: LoopMaker, state: Path) -> None:
    path = loop()
    written(path, "Primary")
    written(path, "Primary", style="MBR")
    assert [each.name for each in state.iterdir()] == [f"{path.name}.table-20260102T030405Z.json"]


@needs_root
@pytest.mark.foreign
def test_expectations_are_compared(loop: LoopMaker) -> None:
    path = loop()
    with open_target(str(path)) as target:
        check_expected(target, serial=None, size_bytes=256 * MIB)
        with pytest.raises(TargetRefused, match="has 268435456 bytes"):
            check_expected(target, serial=None, size_bytes=GIB)
        with pytest.raises(TargetRefused, match="has no serial number, expected was ABC"):
            check_expected(target, serial="ABC", size_bytes=None)
        assert isinstance(target, DeviceTarget)
        facts = target.facts
        target.facts = device.DeviceFacts(facts.path, facts.kernel_name, facts.geometry, serial="abc", wwn="naa.5")
        check_expected(target, serial="ABC", size_bytes=None)
        check_expected(target, serial="naa.5", size_bytes=None)
        with pytest.raises(TargetRefused, match=r"has serial number abc or naa\.5, expected was x"):
            check_expected(target, serial="x", size_bytes=None)


# ---- without root: sysfs and procfs that say what we want ----


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a disk sdz with two partitions in folders of our own."""
    disk = tmp_path / "sys" / "block" / "sdz"
    for number, folder in enumerate([disk, disk / "sdz1", disk / "sdz2"]):
        (folder / "holders").mkdir(parents=True)
        (folder / "dev").write_text(f"8:{400 + number}\n")
        if number:
            (folder / "partition").write_text(f"{number}\n")
            (folder / "start").write_text("2048\n")
            (folder / "size").write_text("100\n")
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "mountinfo").write_text("36 35 98:0 / /mnt1 rw - ext3 /dev/root rw\n")
    (proc / "swaps").write_text("Filename Type Size Used Priority\n")
    monkeypatch.setattr(device, "_PROC", proc)
    monkeypatch.setattr(device, "_SYS", tmp_path / "sys")
    return disk


def test_an_idle_disk_has_no_users(fake: Path) -> None:
    assert list(device.usage(fake)) == []


def test_mounts_and_holders_are_named(fake: Path, tmp_path: Path) -> None:
    (fake / "sdz2" / "holders" / "dm-0").mkdir()
    mountinfo = tmp_path / "proc" / "self" / "mountinfo"
    mountinfo.write_text("36 35 8:401 / /a\\040b rw shared:1 - ntfs3 /dev/none rw\n36 35 0:5 / /c rw - tmpfs none rw\n")
    assert sorted(device.usage(fake)) == ["sdz1 is mounted on /a b", "sdz2 is held by dm-0"]


def test_serial_numbers_come_from_sysfs(fake: Path) -> None:
    (fake / "device").mkdir()
    (fake / "device" / "serial").write_bytes(b"  S3Z\0\n")
    (fake / "wwid").write_text("eui.0025\n")
    (fake / "device" / "model").write_text("Disk 9000\n")
    facts = device._facts("/dev/sdz", fake, read_geometry())
    assert (facts.serial, facts.wwn, facts.model, facts.kernel_name) == ("S3Z", "eui.0025", "Disk 9000", "sdz")


def read_geometry() -> device.Geometry:
    return device.Geometry(512, 1000)


def test_nodes_that_do_not_appear_are_reported(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_NODE_WAIT_S", 0.0)
    table = place(layout("MBR", "Primary 1 MB", "Primary"), device.Geometry.of_size(GIB, 512), random.Random(0))
    (warning,) = device._wait_for_nodes(fake, table)
    assert warning == "sdz: the kernel sees other partitions than were written; run partprobe, or restart"
    for each in table.partitions:
        folder = fake / f"sdz{each.number}"
        (folder / "start").write_text(f"{each.extent.first}\n")
        (folder / "size").write_text(f"{each.extent.count}\n")
    (warning,) = device._wait_for_nodes(fake, table)
    assert warning == "the device nodes /dev/sdz1, /dev/sdz2 did not appear"


def test_the_structure_for_the_kernel_has_the_size_of_linux_blkpg_h() -> None:
    # printf '#include <linux/blkpg.h>\n#include <stdio.h>\nint main(){printf("%zu %zu\\n",
    #   sizeof(struct blkpg_partition), sizeof(struct blkpg_ioctl_arg));}' | cc -x c - && ./a.out    -> 152 24
    assert struct.calcsize("qqi64s64s4x") == 152
    assert struct.calcsize("iiiP") == 24


def test_what_is_no_disk_is_refused_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match=f"{tmp_path} is a directory: valid is a disk image or a block device"):
        open_target(str(tmp_path), write=True)
    for path in ("/dev/null", str(tmp_path / "pipe")):
        with pytest.raises(TargetRefused, match=f"{path} is not a disk: valid is a disk image or a block device"):
            open_target(path, write=True)
    with pytest.raises(StorageError, match="No such file"):
        open_target(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("place", "files", "is_taken"),
    [
        pytest.param("pci0000:00/usb1/1-2/block/sdx", {"removable": "0"}, True, id="a disk on USB"),
        pytest.param("pci0000:00/ata1/block/sdx", {"removable": "1"}, True, id="a drive with a medium"),
        pytest.param("pci0000:00/mmc0/block/sdx", {"removable": "0", "device/type": "SD"}, True, id="a memory card"),
        pytest.param(
            "pci0000:00/mmc0/block/sdx", {"removable": "0", "device/type": "MMC"}, False, id="soldered memory"
        ),
        pytest.param("pci0000:00/ata1/block/sdx", {"removable": "0"}, False, id="a disk of the computer"),
        pytest.param("pci0000:00/nvme/block/sdx", {}, False, id="nothing told"),
    ],
)
def test_a_device_that_stays_in_its_computer_is_no_stick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, files: dict[str, str], is_taken: bool
) -> None:
    # The files are those of Documentation/ABI/stable/sysfs-block and of the kernel's drivers/mmc/core/bus.c.
    folder = tmp_path / "devices" / place
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{text}\n")
    (tmp_path / "class" / "block").mkdir(parents=True)
    (tmp_path / "class" / "block" / "sdx").symlink_to(folder)
    monkeypatch.setattr(device, "_SYS", tmp_path)
    (tmp_path / "medium").touch()
    facts = DeviceFacts("/dev/sdx", "sdx", Geometry(512, 2048), model="DISK 1")
    with DeviceTarget(os.open(tmp_path / "medium", os.O_RDWR), facts) as target:
        if is_taken:
            refuse_fixed(target)
            return
        with pytest.raises(TargetRefused, match=r"/dev/sdx \(DISK 1\) is no stick: it is neither removable nor on USB"):
            refuse_fixed(target)


def test_a_file_is_taken_for_a_stick(tmp_path: Path) -> None:
    with (tmp_path / "d").open("wb") as stream:
        stream.truncate(MIB)
    with open_target(str(tmp_path / "d"), write=True) as target:
        refuse_fixed(target)
