"""``run --first-boot`` and ``run --collect``: what is put on a disk for the first start, and what became of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from cases.boot_drivers import storage_package
from cases.offline_windows import WINDOWS_7, WINDOWS_11, make_tree, software_hive
from cases.windows_trees import write_tree
from judges import hive as hives
from judges import wim as judges
from judges.disk import copy_of, partition_of
from judges.ntfs import plain_contents
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

SEQUENCE = """\
name: Drivers
steps:
  - {step: Partition, type: PartitionDisk, variables: {OSDDiskIndex: 0, OSDPartitionStyle: MBR,
     OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS, OSDPartitions0QuickFormat: true}}
  - {step: Apply, type: ApplyOperatingSystem, variables: {OSDImageIndex: 1}, properties: {ImagePackageID: WIM}}
  - {step: Drivers, type: ApplyDriverPackage, variables: {OSDApplyDriverPackageID: DRV}}
"""
SETUP_COMPLETE = "/Windows/Setup/Scripts/SetupComplete.cmd"


def deployed(tmp_path: Path, made: object, *options: str) -> tuple[Path, str]:
    """Run the sequence on a new disk, and return it with what was told."""
    osdimage("capture", write_tree(tmp_path / "windows", make_tree(made)), tmp_path / "w.wim")  # type: ignore[arg-type]
    write_tree(tmp_path / "drivers", storage_package("viostor", folder="viostor"))
    (tmp_path / "sequence.yaml").write_text(SEQUENCE)
    disk = tmp_path / "disk.img"
    words = ["--disk", f"0={disk}", "--size", "64MB", "--package", f"WIM={tmp_path / 'w.wim'}"]
    words += ["--package", f"DRV={tmp_path / 'drivers'}", "--state", str(tmp_path / "state"), "--yes", *options]
    return disk, osdimage("run", tmp_path / "sequence.yaml", *words).out


def read(disk: Path, path: str) -> bytes:
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    judges.assert_ntfs_clean(volume)
    return plain_contents(volume, path)


@pytest.mark.foreign
def test_a_generalized_image_installs_drivers_by_the_script_of_setup(tmp_path: Path) -> None:
    disk, told = deployed(tmp_path, WINDOWS_11, "--first-boot", "setup")
    assert "put on the disk for the first start, which SetupComplete.cmd begins" in told
    assert rb"%SystemDrive%\ProgramData\osdimage\FirstStart\run.cmd" in read(disk, SETUP_COMPLETE)
    # The answer file that every deployment gets runs nothing.
    assert b"osdimage-drivers" not in read(disk, "/Windows/Panther/unattend.xml")
    assert rb"\Drivers\osdimage-drivers.cmd" in read(disk, "/ProgramData/osdimage/FirstStart/1/step.cmd")


@pytest.mark.foreign
def test_an_image_that_is_not_generalized_installs_them_by_the_values_of_setup(tmp_path: Path) -> None:
    made = replace(WINDOWS_11, image_state="IMAGE_STATE_COMPLETE", setup_type=0)
    disk, told = deployed(tmp_path, made, "--first-boot", "setup")
    assert "for the first start, which SYSTEM\\Setup begins" in told
    setup = hives.dissect(read(disk, "/Windows/System32/config/SYSTEM"))["Setup"]
    assert setup["SetupType"] == (4, b"\2\0\0\0")
    assert setup["CmdLine"][1].decode("utf-16-le") == rf"cmd.exe /d /c %SystemDrive%\{FOLDER}\run.cmd" + "\0"


def leave(disk: Path, **files: bytes) -> None:
    """Leave on a disk what ``run.cmd`` would."""
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as opened:
        for name, data in files.items():
            opened.write(rf"{FOLDER}\{name.replace('__', '.')}", data)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deployed(tmp_path_factory.mktemp("first"), WINDOWS_7, "--first-boot", "setup")[0]


def test_what_became_of_it_is_collected(first: Path) -> None:
    before = osdimage("run", "--collect", first)
    assert "Windows has not started its first start yet" in before.out
    assert "not reached" in before.out
    leave(first, starts__txt=b"1\r\n", results__txt=b"1 done 3010\r\n", done=b"1\r\n")
    done = osdimage("run", "--collect", first, "--partition", "1", "--json").document
    assert (done["starts"], done["is_done"], done["has_failed"]) == (1, True, False)
    (step,) = done["steps"]
    assert (step["name"], step["result"], step["code"]) == ("Install the drivers", "done", 3010)
    leave(first, results__txt=b"1 failed 5\r\n", failed=b"1 5\r\n")
    assert "the first start FAILED (1 start)" in osdimage("run", "--collect", first, code=1).out


# A product id of Windows 7 as ProductId has it, and lines of setupact.log as Setup writes them.
@pytest.mark.foreign
def test_what_setup_tells_of_one_that_never_began_is_shown(tmp_path: Path) -> None:
    disk, _ = deployed(tmp_path, WINDOWS_11, "--first-boot", "setup")
    lines = (
        b"2026-01-02 03:04:05, Info       [oobe.exe] Applying unattend.\r\n"
        b"2026-01-02 03:04:06, Info       [windeploy.exe] Client OS edition and OEM license detected, "
        b"will not run SetupComplete.cmd\r\n"
    )
    software = software_hive(WINDOWS_11)
    software.root.ensure(r"Microsoft\Windows NT\CurrentVersion").set(
        Value.string("ProductId", "00359-OEM-8992687-00006")
    )
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as files:
        files.write(r"Windows\Panther\UnattendGC\setupact.log", lines)
        files.write(r"Windows\System32\config\SOFTWARE", write_hive(software))
    told = osdimage("run", "--collect", disk)
    assert "its product key is that of an OEM" in told.out
    assert "will not run SetupComplete.cmd" in told.out
    assert "Applying unattend" not in told.out
    assert len(osdimage("run", "--collect", disk, "--json").document["traces"]) == 2


@pytest.mark.foreign
def test_the_key_of_an_oem_is_told_before_anything_is_written_with_what_would_help(tmp_path: Path) -> None:
    software = software_hive(WINDOWS_11)
    current = software.root.ensure(r"Microsoft\Windows NT\CurrentVersion")
    current.set(Value.string("ProductId", "00359-OEM-8992687-00006"))
    tree = make_tree(WINDOWS_11) | {"Windows/System32/config/SOFTWARE": write_hive(software)}
    osdimage("capture", write_tree(tmp_path / "windows", tree), tmp_path / "w.wim")
    (tmp_path / "sequence.yaml").write_text(SEQUENCE)
    write_tree(tmp_path / "drivers", storage_package("viostor", folder="viostor"))
    words = ["--disk", f"0={tmp_path / 'disk.img'}", "--size", "64MB", "--package", f"WIM={tmp_path / 'w.wim'}"]
    words += ["--package", f"DRV={tmp_path / 'drivers'}", "--first-boot", "setup", "--dry-run"]
    told = osdimage("run", tmp_path / "sequence.yaml", *words, code=None)
    assert told.code != 0
    assert "with the product key of an OEM" in told.out
    assert "let the first logon of an administrator do it: --first-boot logon" in told.out
    found = osdimage("run", tmp_path / "sequence.yaml", *words, "--json", code=None).document
    assert any("--first-boot logon" in each for each in found["remedies"])


# A log viewer shows one message a line; what a step wrote cannot end the message that it is in.
def test_it_is_told_as_a_log_with_what_the_steps_wrote(first: Path, tmp_path: Path) -> None:
    leave(
        first,
        starts__txt=b"1\r\n",
        results__txt=b"1 failed -2147024891\r\n",
        failed=b"1 5\r\n",
        **{"1/begin": b"1\r\n", "1/end": b"failed 5\r\n", "1/output.txt": b"first \x94\r\n\r\n]LOG]!><time\r\n"},
    )
    log = tmp_path / "smsts.log"
    for _ in range(2):
        osdimage("run", "--collect", first, "--log", log, code=1)
    lines = log.read_bytes().decode("utf-8").split("\r\n")
    assert lines.pop() == ""
    pattern = re.compile(
        r'<!\[LOG\[(.*?)\]LOG\]!><time="\d\d:\d\d:\d\d\.\d{3}\+000" date="\d\d-\d\d-\d{4}" component="FirstStart"'
        r' context="" type="([123])" thread="0" file="">'
    )
    told = [found.groups() for found in map(pattern.fullmatch, lines) if found is not None]
    expected = [
        ("Start executing step 1 of the first start: Install the drivers", "1"),
        ("first ö", "1"),
        ("]LOG]! ><time", "1"),
        ("Step 1 of the first start 'Install the drivers' failed (0x80070005)", "2"),
        ("Task sequence failed at the first start of Windows", "3"),
    ]
    assert told == expected * 2


@pytest.mark.foreign
def test_it_is_removed_with_what_would_start_it(first: Path, tmp_path: Path) -> None:
    disk = copy_of(first, tmp_path / "disk.img")
    removed = osdimage("run", "--collect", disk, "--remove", "--yes", "--json", code=None).document
    assert removed["removed_files"] > 3
    setup = hives.dissect(read(disk, "/Windows/System32/config/SYSTEM"))["Setup"]
    assert setup["SetupType"] == (4, b"\0\0\0\0")
    assert "there is no first start on it" in osdimage("run", "--collect", disk, code=2).err


@pytest.mark.foreign
def test_a_script_of_setup_is_as_it_was_when_the_first_start_is_removed(tmp_path: Path) -> None:
    disk, _ = deployed(tmp_path, WINDOWS_11, "--first-boot", "setup")
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as files:
        files.write(SETUP_COMPLETE, files.read(SETUP_COMPLETE) + b"echo mine\r\n")
    assert re.search("removed [0-9]+ files", osdimage("run", "--collect", disk, "--remove", "--yes").out)
    again = osdimage("run", "--collect", disk, "--remove")
    assert "there is no first start on it" in again.err
    assert "removed 0 files" in again.out
    assert read(disk, SETUP_COMPLETE) == b"echo mine\r\n"


def test_what_is_not_at_its_end_is_not_removed_unasked(first: Path, tmp_path: Path) -> None:
    disk = copy_of(first, tmp_path / "disk.img")
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as files:
        for name in ("done", "failed"):
            if files.exists(rf"{FOLDER}\{name}"):
                files.delete(rf"{FOLDER}\{name}")
    before = disk.read_bytes()
    refused = osdimage("run", "--collect", disk, "--remove", code=2)
    assert "which is not at its end, would be lost" in refused.err
    assert disk.read_bytes() == before


def test_a_disk_without_one_and_a_partition_without_a_disk_are_told(tmp_path: Path) -> None:
    osdimage("disk", "init", tmp_path / "disk.img", "--preset", "data-gpt", "--size", "60MB")
    refused = osdimage("run", "--collect", tmp_path / "disk.img", code=2)
    assert "there is no first start on it" in refused.err
    assert "--partition goes with --collect" in osdimage("run", "--partition", "1", code=2).err
    assert "--remove goes with --collect" in osdimage("run", "--remove", code=2).err
    disk = tmp_path / "disk.img"
    assert "the run needs this file itself" in osdimage("run", "--collect", disk, "--log", disk, code=2).err
