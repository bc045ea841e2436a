"""Capture Operating System Image, judged by wimlib-imagex and 7-Zip; an old WIM is never lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases.sequence import GPT, MBR, MIB, Log, blank_disk, computer, kernel, run, stamp
from judges import wim as judges
from osdimage.imaging import WimFile
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.steps.capture_os import (
    capture_operating_system_image,
    forecast_capture_operating_system_image,
)
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.volume.filesystems import open_files

pytestmark = pytest.mark.foreign

E_INVALIDARG, NOT_SUPPORTED, DISK_FULL, FILE_NOT_FOUND = 0x80070057, 0x80070032, 0x80070070, 0x80070002


def put(disk: Path, partition: int, files: dict[str, bytes]) -> None:
    with open_volume(disk, partition, write=True) as volume, open_files(volume, write=True) as opened:
        for path, data in files.items():
            opened.write(path, data)


def windows(version: tuple[int, int] = (10, 0)) -> dict[str, bytes]:
    return {
        "Windows/System32/ntoskrnl.exe": kernel(*version, "x64"),
        "Windows/System32/config/SYSTEM": b"hive",
        "Windows/System32/config/SOFTWARE": b"hive",
        "Windows/System32/random.bin": os.urandom(2 * MIB),
        "_SMSTaskSequence/TSEnv.dat": b"state",
        "pagefile.sys": b"page file",
    }


# It begins as a WIM does: another file is not replaced by one.
OLD = b"MSWIM\0\0\0an old image"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Machine]:
    """Make a reference computer: EFI, reserved, Windows (C:) and data on FAT32 (D:)."""
    folder = tmp_path_factory.mktemp("reference")
    machine = computer(blank_disk(folder / "disk.img"))
    run(partition_disk, Environment(), machine, GPT)
    put(machine.disk(0), 3, windows())
    put(machine.disk(0), 4, {"Data/file.txt": b"data"})
    return folder, machine


def variables(to: Path, **more: str) -> dict[str, str]:
    return {"OSDCaptureDestination": str(to), "OSDTargetSystemRoot": r"C:\Windows"} | more


def fails(machine: Machine, values: dict[str, str], env: Environment | None = None) -> ActionFailed:
    env = env or Environment()
    with env.step_defaults(values), pytest.raises(ActionFailed) as caught:
        capture_operating_system_image(env, machine, Log().events)
    return caught.value


def test_every_volume_becomes_an_image_with_what_is_said_of_it(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    log, before = Log(), stamp(machine.disk(0))
    machine.shares[r"\\server\images"] = tmp_path
    values = variables(
        Path(),
        OSDCaptureDestination=r"\\SERVER\Images\made.wim",
        OSDImageCreator="Me & Co",
        OSDImageDescription="A reference",
        OSDImageVersion="1.0",
        OSDCaptureAccount="corp\\me",
        OSDCaptureAccountPassword="not used",
    )
    result = run(capture_operating_system_image, Environment(), machine, values, log=log)
    made = tmp_path / "made.wim"
    assert result.message == f"captured Windows 10.0 for x64 with partitions 1, 3, 4 of disk 0 to {made}"
    assert stamp(machine.disk(0)) == before
    judges.wimlib("verify", made)
    judges.seven_zip_test(made)
    images = judges.wimlib_info(made).images
    assert [image["Description"] for image in images] == ["A reference"] * 3
    files = judges.seven_zip_files(made, images=3)
    assert "/Windows/System32/random.bin" in files[2]
    assert "/pagefile.sys" not in files[2]
    assert "/_SMSTaskSequence/TSEnv.dat" not in files[2]
    assert "/Data/file.txt" in files[3]
    with WimFile.open(made) as wim:
        assert {(each.info.creator, each.info.image_version) for each in wim} == {("Me & Co", "1.0")}
    assert log.percents[-1] == 100
    assert "not captured: partition 2 (Microsoft reserved)" in [text for _, text in log.lines]


def test_a_wim_that_is_there_is_replaced(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    old = tmp_path / "old.wim"
    (tmp_path / "tree").mkdir()
    judges.wimlib("capture", tmp_path / "tree", old, "Old")
    run(capture_operating_system_image, Environment(), machine, variables(old))
    assert len(judges.wimlib_info(old).images) == 3
    judges.wimlib("verify", old)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["old.wim", "tree"]


# "Specifies the location where a captured operating system image will be saved": never the disk that it is taken from.
@pytest.mark.parametrize("kind", ["disk", "link", "folder"])
def test_what_is_no_wim_is_not_replaced(reference: tuple[Path, Machine], tmp_path: Path, kind: str) -> None:
    _, machine = reference
    place = {"disk": machine.disk(0), "link": tmp_path / "link.wim", "folder": tmp_path / "folder.wim"}[kind]
    if kind == "link":
        place.symlink_to(machine.disk(0))
    elif kind == "folder":
        place.mkdir()
    before = stamp(machine.disk(0))
    failed = fails(machine, variables(place))
    assert failed.code == E_INVALIDARG
    assert str(failed) == (
        f"OSDCaptureDestination={place} is {'no regular file' if kind == 'folder' else 'disk 0'}; valid is the path of "
        "a WIM file"
    )
    assert stamp(machine.disk(0)) == before
    env = Environment()
    with env.step_defaults(variables(place)):
        assert forecast_capture_operating_system_image(env, machine.rehearsal()).problems == (str(failed),)


WRONG = {
    "no destination": ({"OSDCaptureDestination": ""}, E_INVALIDARG, "OSDCaptureDestination is missing"),
    "long destination": ({"OSDCaptureDestination": "/" + "x" * 255}, E_INVALIDARG, "OSDCaptureDestination has 256"),
    "share": ({"OSDCaptureDestination": r"\\other\share\x.wim"}, E_INVALIDARG, "cannot be reached"),
    "drive": ({"OSDCaptureDestination": r"C:\x.wim"}, E_INVALIDARG, "cannot be reached"),
    "long creator": ({"OSDImageCreator": "x" * 256}, E_INVALIDARG, "OSDImageCreator has 256"),
    "long description": ({"OSDImageDescription": "x" * 256}, E_INVALIDARG, "OSDImageDescription has 256"),
    "long version": (
        {"OSDImageVersion": "1" * 33},
        E_INVALIDARG,
        "OSDImageVersion has 33 characters; valid are 1 to 32",
    ),
    "line end": ({"OSDImageCreator": "a\nb"}, E_INVALIDARG, "control characters"),
    "no root": ({"OSDTargetSystemRoot": ""}, E_INVALIDARG, "OSDTargetSystemRoot is missing"),
    "no such drive": ({"OSDTargetSystemRoot": r"Q:\Windows"}, E_INVALIDARG, "there is no volume Q:"),
    "no path": ({"OSDTargetSystemRoot": "Windows"}, E_INVALIDARG, "is no path with a drive"),
    "no Windows there": ({"OSDTargetSystemRoot": r"D:\Windows"}, NOT_SUPPORTED, "no Windows with its kernel"),
    "another directory": ({"OSDTargetSystemRoot": r"C:\WinNT"}, NOT_SUPPORTED, "no Windows with its kernel"),
}


@pytest.mark.parametrize(("changed", "code", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_variable_is_named_and_the_old_wim_stays(
    reference: tuple[Path, Machine], tmp_path: Path, changed: dict[str, str], code: int, said: str
) -> None:
    _, machine = reference
    old = tmp_path / "old.wim"
    old.write_bytes(OLD)
    failed = fails(machine, variables(old, OSDCaptureAccountPassword="S3cret!") | changed)
    assert failed.code == code
    assert said in str(failed)
    assert "S3cret" not in str(failed)
    assert old.read_bytes() == OLD


# At the limits, as CM07 has them.
def test_texts_may_be_as_long_as_documented(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    longest = {"OSDImageCreator": "c" * 255, "OSDImageDescription": "d" * 255, "OSDImageVersion": "v" * 32}
    env = Environment()
    with env.step_defaults(variables(tmp_path / "x.wim", **longest)):
        assert forecast_capture_operating_system_image(env, machine.rehearsal()).problems == ()


@pytest.mark.parametrize("version", [(4, 0), (3, 51)])
def test_windows_before_2000_is_not_captured(tmp_path: Path, version: tuple[int, int]) -> None:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB))
    run(partition_disk, Environment(), machine, MBR)
    put(machine.disk(0), 1, windows(version))
    failed = fails(machine, variables(tmp_path / "x.wim"))
    assert failed.code == NOT_SUPPORTED
    assert f"Windows {version[0]}.{version[1]}" in str(failed)
    put(machine.disk(0), 1, windows((5, 0)))
    run(capture_operating_system_image, Environment(), machine, variables(tmp_path / "x.wim"))


@pytest.mark.parametrize("lost", ["System32/config/SYSTEM", "System32/config/SOFTWARE", "System32/ntoskrnl.exe"])
def test_a_windows_without_its_registry_or_kernel_is_none(tmp_path: Path, lost: str) -> None:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB))
    run(partition_disk, Environment(), machine, MBR)
    files = windows()
    del files[f"Windows/{lost}"]
    put(machine.disk(0), 1, files)
    assert fails(machine, variables(tmp_path / "x.wim")).code == NOT_SUPPORTED


def test_other_disks_are_named(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    other = computer(machine.disk(0), blank_disk(tmp_path / "other.img", 64 * MIB))
    run(partition_disk, Environment(), other, MBR | {"OSDDiskIndex": "1", "OSDPartitions0Bootable": "false"})
    result = run(capture_operating_system_image, Environment(), other, variables(tmp_path / "x.wim"))
    assert "disk 1 was not captured: the WIM holds the disk with Windows alone" in result.warnings
    put(other.disk(1), 1, windows())
    result = run(
        capture_operating_system_image,
        Environment(),
        other,
        variables(tmp_path / "y.wim", OSDTargetSystemRoot="E:/windows/"),
    )
    assert "disk 1 has no active and no EFI system partition: nothing on it starts Windows" in result.warnings


def test_a_forecast_names_the_file_that_is_replaced(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    old, env = tmp_path / "old.wim", Environment()
    old.touch()
    with env.step_defaults(variables(old)):
        found = forecast_capture_operating_system_image(env, machine.rehearsal())
    assert found.does == (f"capture disk 0 partition 1, disk 0 partition 3 (C:), disk 0 partition 4 (D:) to {old}")
    assert found.destroys == (f"the old {old} (once the new file is complete)",)


# ---- failures


def test_a_directory_that_is_not_there_fails(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    _, machine = reference
    failed = fails(machine, variables(tmp_path / "none" / "x.wim"))
    assert failed.code == FILE_NOT_FOUND
    with (env := Environment()).step_defaults(variables(tmp_path / "none" / "x.wim")):
        found = forecast_capture_operating_system_image(env, machine.rehearsal())
    assert found.problems == (f"OSDCaptureDestination: there is no directory {tmp_path / 'none'}",)


@pytest.mark.root
def test_a_full_disk_leaves_the_old_wim_and_nothing_else(reference: tuple[Path, Machine], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    _, machine = reference
    folder = tmp_path / "small"
    folder.mkdir()
    judges.run("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", folder)
    try:
        old = folder / "old.wim"
        old.write_bytes(OLD)
        failed = fails(machine, variables(old))
        assert failed.code == DISK_FULL
        assert os.strerror(errno.ENOSPC) in str(failed)
        assert old.read_bytes() == OLD
        assert [each.name for each in folder.iterdir()] == ["old.wim"]
    finally:
        judges.run("umount", folder)


CAPTURE = """
import sys
from pathlib import Path
from osdimage.imaging.tasksequence.steps.capture_os import capture_operating_system_image
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.result import Events
import time

def progress(event):
    print(event.phase, flush=True)
    if event.phase == "write-data" and event.percent > 10:
        time.sleep(30)

machine, env = Machine.start({0: Path(sys.argv[1])}), Environment()
env["OSDCaptureDestination"], env["OSDTargetSystemRoot"] = sys.argv[2], "C:/Windows"
capture_operating_system_image(env, machine, Events(progress))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_capture_that_is_killed_leaves_the_old_wim(
    reference: tuple[Path, Machine], tmp_path: Path, number: signal.Signals
) -> None:
    _, machine = reference
    old = tmp_path / "old.wim"
    old.write_bytes(OLD)
    with subprocess.Popen(
        [sys.executable, "-c", CAPTURE, machine.disk(0), old],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while "write-data" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(0.3)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert old.read_bytes() == OLD
    assert [each.name for each in tmp_path.iterdir()] == ["old.wim"]
