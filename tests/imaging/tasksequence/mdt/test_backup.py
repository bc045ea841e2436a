"""Backup and network settings of MDT: the image of a reference computer, and adapters in the answer file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence import MBR, MIB, blank_disk, capture, computer, run, windows_tree
from cases.staging import judged
from judges import wim as judges
from judges.disk import partition_of
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.mdt.backup import back_up_computer, forecast_back_up_computer
from osdimage.imaging.tasksequence.mdt.nic_config import configure_adapters, forecast_configure_adapters
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk

CAPTURE = {"DoCapture": "YES", "BackupShare": r"\\server\share", "BackupDir": "\\Captures", "BackupFile": "ref.wim"}


@pytest.mark.foreign
def test_a_reference_computer_is_captured_where_the_variables_of_mdt_say(tmp_path: Path) -> None:
    machine, env = computer(blank_disk(tmp_path / "disk.img"), ABC00001=tmp_path / "in.wim"), Environment()
    capture(windows_tree(tmp_path / "tree"), tmp_path / "in.wim")
    (tmp_path / "share" / "Captures").mkdir(parents=True)
    machine.shares[r"\\server\share"] = tmp_path / "share"
    run(partition_disk, env, machine, MBR)
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, {"ImagePackageID": "ABC00001"})
    there = tmp_path / "share" / "Captures" / "ref.wim"
    for name, value in CAPTURE.items():
        env[name] = value
    assert str(there) in forecast_back_up_computer(env, machine).does
    run(back_up_computer, env, machine)
    assert "/Windows/System32/ntoskrnl.exe" in judges.output("wimlib-imagex", "dir", there, "1")


@pytest.mark.parametrize(
    ("kind", "variables", "expected"),
    [
        ("ZTIBackup", {"DeploymentType": "NEWCOMPUTER"}, Decision.HOLDS),
        ("ZTIBackup", {"DeploymentType": "REFRESH"}, Decision.REFUSE),
        ("ZTIBackup", {"DeploymentType": "REFRESH", "ComputerBackupLocation": "none"}, Decision.HOLDS),
        ("ZTIBackup", {"DeploymentType": "NEWCOMPUTER", "DoCapture": "YES"}, Decision.RUN),
        ("ZTINicConfig", {}, Decision.HOLDS),
        ("ZTINicConfig", {"PHASE": "STATECAPTURE", "DeploymentType": "NEWCOMPUTER"}, Decision.HOLDS),
        ("ZTINicConfig", {"PHASE": "STATECAPTURE", "DeploymentType": "REFRESH"}, Decision.REFUSE),
        ("ZTINicConfig", {"PHASE": "STATERESTORE", "OSDAdapterCount": "1"}, Decision.RUN),
    ],
)
def test_what_is_done_hangs_on_variables(kind: str, variables: dict[str, str], expected: Decision) -> None:
    assert judged(step("s", kind), Machine(), Environment(computer=variables)).decision is expected


@pytest.mark.foreign
def test_adapters_are_set_up_by_the_answer_file_when_the_new_windows_has_started_too(tmp_path: Path) -> None:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB))
    run(partition_disk, Environment(), machine, MBR)
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(10, 0, "x64", "Windows"))
    machine.phase = Phase.NEW
    adapter = {
        "Name": "Ethernet", "EnableDHCP": "false", "IPAddressList": "10.0.0.5", "SubnetMask": "255.255.255.0",
    }  # fmt: skip
    env = Environment(
        computer={"OSDAdapterCount": "1"} | {f"OSDAdapter0{name}": text for name, text in adapter.items()}
    )
    assert forecast_configure_adapters(env, machine).does == "write 1 adapter to the answer file"
    run(configure_adapters, env, machine)
    volume = partition_of(tmp_path / "disk.img", 1, tmp_path / "volume.ntfs")
    assert ">10.0.0.5/24</" in judges.output("ntfscat", volume, "/Windows/Panther/unattend.xml")
