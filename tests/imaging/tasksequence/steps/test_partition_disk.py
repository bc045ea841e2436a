"""Format and Partition Disk, judged by sfdisk, sgdisk, ntfs-3g's tools, fsck.fat and mtools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.sequence import GPT, MBR, MIB, Log, blank_disk, computer, run, stamp
from judges import wim as judges
from judges.disk import partition_of
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import LogType
from osdimage.imaging.tasksequence.steps.partition_disk import forecast_partition_disk, partition_disk

E_UNEXPECTED, E_INVALIDARG, E_ACCESSDENIED = 0x8000FFFF, 0x80070057, 0x80070005


def fails(env: Environment, machine: Machine, variables: dict[str, str], **properties: str) -> ActionFailed:
    with env.step_defaults(variables, properties), pytest.raises(ActionFailed) as caught:
        partition_disk(env, machine, Log().events)
    return caught.value


@pytest.mark.foreign
def test_a_gpt_disk_is_made_and_its_volumes_get_letters(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img")
    machine, env, log = computer(disk), Environment(), Log()
    result = run(partition_disk, env, machine, GPT, log=log)
    assert result.message == "disk 0 has a new GPT table with 4 partitions"
    assert set(result.outputs) == {"OSDisk", "DataDrive"}
    assert (env["OSDisk"], env["DataDrive"]) == ("C:", "D:")
    assert machine.letters == {"C": Place(0, 3), "D": Place(0, 4)}
    assert "No problems found" in judges.run("sgdisk", "-v", disk)
    table = json.loads(judges.output("sfdisk", "-J", disk))["partitiontable"]
    assert [each["type"].lower()[:8] for each in table["partitions"]] == [
        "c12a7328",
        "e3c9e316",
        "ebd0a0a2",
        "ebd0a0a2",
    ]
    volume = partition_of(disk, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert "Windows" in judges.output("ntfslabel", volume)
    assert "DATA" in judges.run("mlabel", "-s", "-i", partition_of(disk, 4, tmp_path / "data.fat"), "::")
    judges.run("fsck.fat", "-n", partition_of(disk, 1, tmp_path / "esp.fat"))
    assert [text for _, text in log.lines][-1] == "format partition 4 'DATA' as FAT32"


@pytest.mark.foreign
def test_an_mbr_disk_has_its_active_partition(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img", 200 * MIB)
    machine, env = computer(disk), Environment()
    # Values in any case, as exports write them; the disk is named by a variable, as current branch does.
    variables = {name: value for name, value in MBR.items() if name != "OSDDiskIndex"}
    env["TargetDisk"] = "0"
    run(partition_disk, env, machine, variables, {"DiskIndexVariable": "TargetDisk"})
    table = json.loads(judges.output("sfdisk", "-J", disk))["partitiontable"]
    assert table["label"] == "dos"
    assert table["partitions"][0]["bootable"] is True
    assert machine.letters == {"C": Place(0, 1)}


@pytest.mark.foreign
def test_letters_follow_those_that_are_taken_and_pass_x_over(tmp_path: Path) -> None:
    disks = [blank_disk(tmp_path / f"{number}.img", 120 * MIB) for number in range(2)]
    machine, env = computer(*disks), Environment()
    run(partition_disk, env, machine, MBR)
    machine.letters |= {letter: Place(9, number) for number, letter in enumerate("DEFGHIJKLMNOPQRSTUVW")}
    second = MBR | {"OSDDiskIndex": "1", "OSDPartitions0VolumeLetterVariable": "Last"}
    run(partition_disk, env, machine, second)
    assert env["Last"] == "Y:"
    # The letters of a disk are free again when it is partitioned anew.
    run(partition_disk, env, machine, second)
    assert env["Last"] == "Y:"
    hidden = MBR | {"OSDPartitions0AssignVolumeLetter": "false"}
    run(partition_disk, env, machine, hidden)
    assert "C" not in machine.letters
    machine.letters |= {letter: Place(9, 50) for letter in "CZ"}
    machine.letters |= {"Y": Place(9, 51)}
    failed = fails(env, machine, second)
    assert failed.code == E_INVALIDARG
    assert "all drive letters are taken" in str(failed)


@pytest.mark.foreign
def test_a_disk_that_had_windows_is_forgotten(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img", 200 * MIB)
    machine, env = computer(disk), Environment()
    run(partition_disk, env, machine, MBR)
    machine.mark_used(Place(0, 1))
    assert [each.letter for each in computer(disk).volumes()] == ["C"]
    run(partition_disk, env, machine, MBR)
    assert machine.used == []
    assert machine.next_volume().place == Place(0, 1)


# The words and the code: Configuration Manager team blog, 12 April 2010, "How to set up a task sequence to deploy
# Windows 7 images captured via an SCCM 2007 capture CD".
def test_a_partition_that_is_too_large_fails_with_the_documented_words(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img", 200 * MIB)
    before = stamp(disk)
    large = MBR | {"OSDPartitions0Size": "300"}
    failed = fails(Environment(), computer(disk), large)
    assert failed.code == E_UNEXPECTED
    assert str(failed).startswith(
        "Partition 1 larger than remaining disk space. Requested partition size: 314572800, remaining size: "
    )
    assert "Invalid configuration specified. Please ensure that the task sequence is properly" in str(failed)
    assert stamp(disk) == before
    assert forecast_problem(large, computer(disk)).startswith("Partition 1 larger")
    nothing_left = MBR | {
        "OSDPartitions1Type": "Primary",
        "OSDPartitions1Bootable": "false",
        "OSDPartitions1QuickFormat": "true",
    }
    assert "Partition 2 larger" in str(fails(Environment(), computer(disk), nothing_left))


def forecast_problem(variables: dict[str, str], machine: Machine) -> str:
    env = Environment()
    with env.step_defaults(variables):
        found = forecast_partition_disk(env, machine.rehearsal())
    assert len(found.problems) == 1
    return found.problems[0]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("_SMSTSClientCache", r"C:\_SMSTaskSequence\Packages"),
        ("_SMSTSUserStatePath", r"c:\_SMSTaskSequence\UserState"),
        ("_SMSTSClientCache", r"Q:\somewhere"),
    ],
)
def test_a_disk_that_the_sequence_needs_is_refused(tmp_path: Path, name: str, path: str) -> None:
    disk = blank_disk(tmp_path / "disk.img", 200 * MIB)
    env, machine = Environment(), computer(disk)
    run(partition_disk, env, machine, MBR)
    before = stamp(disk)
    env.set_read_only(name, path)
    failed = fails(env, machine, MBR)
    assert failed.code == E_ACCESSDENIED
    assert name in str(failed)
    assert stamp(disk) == before
    assert machine.letters == {"C": Place(0, 1)}
    # On another disk, on Windows PE's own or on the network it is in nobody's way.
    other = blank_disk(tmp_path / "other.img", 120 * MIB)
    machine.disks[1] = other
    env.set_read_only(name, r"C:\x")
    run(partition_disk, env, machine, MBR | {"OSDDiskIndex": "1"})
    for elsewhere in (r"X:\cache", r"\\server\share"):
        env.set_read_only(name, elsewhere)
        run(partition_disk, env, machine, MBR)


WRONG = {
    "no disk number": ({"OSDDiskIndex": ""}, "OSDDiskIndex is missing"),
    "no number": ({"OSDDiskIndex": "first"}, "OSDDiskIndex=first"),
    "negative": ({"OSDDiskIndex": "-1"}, "OSDDiskIndex=-1"),
    "number too large": ({"OSDDiskIndex": "10001"}, "0 to 10000"),
    "no such disk": ({"OSDDiskIndex": "3"}, "there is no disk 3; disks of this machine: 0"),
    "no style": ({"OSDPartitionStyle": ""}, "OSDPartitionStyle is missing"),
    "another style": ({"OSDPartitionStyle": "BSD"}, "valid are MBR or GPT"),
    "no boolean": ({"OSDGPTBootDisk": "yes"}, "OSDGPTBootDisk=yes"),
    "no boolean either": ({"OSDDiskpartBiosCompatibilityMode": "1"}, "OSDDiskpartBiosCompatibilityMode=1"),
    "no type": ({"OSDPartitions0Type": ""}, "OSDPartitions0Type is missing"),
    "another type": ({"OSDPartitions0Type": "Home"}, "OSDPartitions0Type=Home"),
    "another file system": ({"OSDPartitions0FileSystem": "ext4"}, "OSDPartitions0FileSystem=ext4"),
    "no count": ({"OSDPartitions": "many"}, "OSDPartitions=many"),
    "count of none": ({"OSDPartitions": "0"}, "OSDPartitions=0"),
    "element missing": ({"OSDPartitions": "2"}, "OSDPartitions1"),
    "size 0": ({"OSDPartitions0Size": "0"}, "OSDPartitions0Size=0"),
    "size with unit": ({"OSDPartitions0Size": "5GB"}, "OSDPartitions0Size=5GB"),
    "101 percent": ({"OSDPartitions0Size": "101", "OSDPartitions0SizeUnits": "PERCENT"}, "1 to 100"),
    "unit": ({"OSDPartitions0Size": "1", "OSDPartitions0SizeUnits": "TB"}, "OSDPartitions0SizeUnits=TB"),
    "label": ({"OSDPartitions0VolumeName": "x" * 33}, "32"),
    "letter variable": ({"OSDPartitions0VolumeLetterVariable": "_Mine"}, "not a variable that can be set"),
    "misspelt": ({"OSDPartition0QuickFormat": "true"}, "begin with OSDPartitions"),
    "bootable": ({"OSDPartitions0Bootable": "maybe"}, "OSDPartitions0Bootable=maybe"),
    "quick": ({"OSDPartitions0QuickFormat": "fast"}, "OSDPartitions0QuickFormat=fast"),
    "assign": ({"OSDPartitions0AssignVolumeLetter": "C:"}, "OSDPartitions0AssignVolumeLetter=C:"),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_variable_is_named_and_nothing_is_written(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    disk = blank_disk(tmp_path / "disk.img", 64 * MIB)
    before = stamp(disk)
    failed = fails(Environment(), computer(disk), MBR | changed)
    assert failed.code == E_INVALIDARG
    assert said in str(failed)
    assert stamp(disk) == before


def test_a_variable_that_names_no_disk_is_refused(tmp_path: Path) -> None:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB))
    assert "there is no such variable" in str(fails(Environment(), machine, MBR, DiskIndexVariable="Nowhere"))


@pytest.mark.foreign
def test_a_forecast_tells_what_is_lost_and_changes_nothing(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img")
    machine, env = computer(disk), Environment()
    run(partition_disk, env, machine, GPT)
    before, rehearsal = stamp(disk), machine.rehearsal()
    with env.step_defaults(MBR):
        found = forecast_partition_disk(env, rehearsal)
    assert found.does == f"partition disk 0 ({disk}) as MBR: Primary NTFS"
    assert found.problems == ()
    assert [text.split(",")[0] for text in found.destroys] == [
        f"everything on disk 0 ({disk})",
        "disk 0 partition 1: FAT32 'SYSTEM'",
        "disk 0 partition 2: Microsoft reserved",
        "disk 0 partition 3: NTFS 'Windows'",
        "disk 0 partition 4: FAT32 'DATA'",
    ]
    assert stamp(disk) == before
    assert len(machine.letters) == 2
    # A second forecast builds on the first.
    with env.step_defaults(GPT):
        again = forecast_partition_disk(env, rehearsal)
    assert again.destroys == (f"everything on disk 0 ({disk})",)
    assert [each.content for each in rehearsal.volumes()] == ["fat32", None, "ntfs", "fat32"]


def test_what_is_ignored_is_said(tmp_path: Path) -> None:
    log = Log()
    result = run(
        partition_disk,
        Environment(),
        computer(blank_disk(tmp_path / "disk.img", 200 * MIB)),
        MBR | {"OSDGPTBootDisk": "true"},
        log=log,
    )
    assert result.warnings == ("OSDGPTBootDisk is ignored: the disk is MBR",)
    assert (LogType.WARNING, result.warnings[0]) in log.lines
