"""Check Readiness: what passes, what does not, and what nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.old_windows import machine_with
from cases.sequence import Log, blank_disk, computer, run
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import ActionFailed, Means, UnsupportedSteps
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.check_readiness import CHECKS, check_readiness
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.result import LogType

MIB = 1 << 20
FACTS = {
    "Win32_ComputerSystem": [{"TotalPhysicalMemory": 8000 * MIB}],
    "Win32_Processor": [{"MaxClockSpeed": 2400}],
    "Win32_LogicalDisk": [{"FreeSpace": 300 * MIB}, {"FreeSpace": 30000 * MIB}],
    "Win32_OperatingSystem": [
        {"ProductType": 1, "OSArchitecture": "64-bit", "Version": "10.0.19045", "OSLanguage": 1033}
    ],
    "Win32_Battery": [{"BatteryStatus": 2}],
    "Win32_NetworkAdapter": [
        {"NetConnectionStatus": 7, "Name": "Gigabit"},
        {"NetConnectionStatus": 2, "Name": "Wi-Fi 6", "AdapterTypeId": 0},
    ],
}
NONE = {f"OSDCheck{each.name}": "false" for each in CHECKS}


def machine_of(folder: Path, facts: dict[str, object], firmware: Firmware = Firmware.UEFI) -> Machine:
    path = folder / "facts.json"
    document = {
        "format": "osdimage-facts",
        "version": 1,
        "classes": {r"root\cimv2": facts, r"root\ccm": {"SMS_Client": [{"ClientVersion": "5.00.9000.1000"}]}},
        "tpm": {"present": True, "enabled": True, "activated": False},
    }
    path.write_text(json.dumps(document))
    machine = computer(blank_disk(folder / "disk.img"), firmware=firmware)
    machine.supplies = Supplies(facts=(str(path),))
    return machine


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"OSDCheckMemory": "true", "OSDMemory": "8000"}, "_TS_CRMEMORY=1"),
        ({"OSDCheckMemory": "true", "OSDMemory": "8001"}, "_TS_CRMEMORY=0"),
        ({"OSDCheckMemory": "true"}, "_TS_CRMEMORY=1"),
        ({"OSDCheckProcessorSpeed": "true", "OSDProcessorSpeed": "2401"}, "_TS_CRSPEED=0"),
        ({"OSDCheckFreeDiskSpace": "true", "OSDFreeDiskSpace": "30000"}, "_TS_CRDISK=1"),
        ({"OSDCheckFreeDiskSpace": "true", "OSDFreeDiskSpace": "30001"}, "_TS_CRDISK=0"),
        ({"OSDCheckOSType": "true"}, "_TS_CROSTYPE=1"),
        ({"OSDCheckOSType": "true", "OSDOSType": "server"}, "_TS_CROSTYPE=0"),
        ({"OSDCheckOSArchitecture": "true"}, "_TS_CRARCH=1"),
        ({"OSDCheckOSArchitecture": "true", "OSDOSArchitecture": "32"}, "_TS_CRARCH=0"),
        ({"OSDCheckMinOSVersion": "true", "OSDMinOSVersion": "10.0.19045"}, "_TS_CRMINOSVER=1"),
        ({"OSDCheckMinOSVersion": "true", "OSDMinOSVersion": "10.0.22000"}, "_TS_CRMINOSVER=0"),
        ({"OSDCheckMaxOSVersion": "true", "OSDMaxOSVersion": "10.0.9"}, "_TS_CRMAXOSVER=0"),
        ({"OSDCheckCMClientMinVersion": "true", "OSDCMClientMinVersion": "5.00.8913.1005"}, "_TS_CRCLIENTMINVER=1"),
        ({"OSDCheckOSLanguageID": "true", "OSDOSLanguageID": "1033"}, "_TS_CROSLANGUAGE=1"),
        ({"OSDCheckPowerState": "true"}, "_TS_CRACPOWER=1"),
        ({"OSDCheckNetworkConnected": "true"}, "_TS_CRNETWORK=1"),
        ({"OSDCheckNetworkWired": "true"}, "_TS_CRWIRED=0"),
        ({"OSDCheckDeviceUEFI": "true"}, "_TS_CRUEFI=1"),
        ({"OSDCheckTPMEnabled": "true"}, "_TS_CRTPMENABLED=1"),
        ({"OSDCheckTPMActivated": "true"}, "_TS_CRTPMACTIVATED=0"),
    ],
)
def test_a_check_passes_or_not(tmp_path: Path, variables: dict[str, str], outcome: str) -> None:
    name, _, value = outcome.partition("=")
    env, machine = Environment(), machine_of(tmp_path, FACTS)
    if value == "1":
        run(check_readiness, env, machine, NONE | variables)
    else:
        with pytest.raises(
            ActionFailed, match=f"does not pass {next(iter(variables)).removeprefix('OSDCheck')}"
        ) as caught:
            run(check_readiness, env, machine, NONE | variables)
        assert caught.value.code == 4316
    assert {each: env[each] for each in env if each.startswith("_TS_CR")} == {name: value}


def test_all_checks_are_made_before_the_step_fails(tmp_path: Path) -> None:
    env, log = Environment(), Log()
    variables = NONE | {"OSDCheckMemory": "true", "OSDMemory": "9000", "OSDCheckDeviceUEFI": "true"}
    with pytest.raises(ActionFailed, match="does not pass Memory, DeviceUEFI"):
        run(check_readiness, env, machine_of(tmp_path, FACTS, Firmware.BIOS), variables, log=log)
    assert log.lines == [(LogType.ERROR, "Memory: not passed"), (LogType.ERROR, "DeviceUEFI: not passed")]
    assert (env["_TS_CRMEMORY"], env["_TS_CRUEFI"]) == ("0", "0")


def test_memory_is_counted_by_its_modules_where_nothing_else_tells_it(tmp_path: Path) -> None:
    modules = {"Win32_PhysicalMemory": [{"Capacity": 4096 * MIB}, {"Capacity": 4096 * MIB}]}
    run(
        check_readiness,
        Environment(),
        machine_of(tmp_path, modules),
        NONE | {"OSDCheckMemory": "true", "OSDMemory": "8192"},
    )


def test_a_disk_without_partitions_is_free_and_a_small_one_never_has_room(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, {})
    asks = NONE | {"OSDCheckFreeDiskSpace": "true"}
    run(check_readiness, Environment(), machine, asks | {"OSDFreeDiskSpace": "300"})
    with pytest.raises(ActionFailed, match="does not pass FreeDiskSpace"):
        run(check_readiness, Environment(), machine, asks | {"OSDFreeDiskSpace": "301"})


def test_what_is_free_in_volumes_of_the_disks_counts_where_nothing_else_tells_it(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", {"Windows/a": b""})
    asks = NONE | {"OSDCheckFreeDiskSpace": "true"}
    run(check_readiness, Environment(), machine, asks | {"OSDFreeDiskSpace": "50"})
    # The volume has less than its disk of 128 MiB.
    with pytest.raises(ActionFailed, match="does not pass FreeDiskSpace"):
        run(check_readiness, Environment(), machine, asks | {"OSDFreeDiskSpace": "127"})


def test_what_nobody_knows_refuses_the_step_and_names_the_facts(tmp_path: Path) -> None:
    wanted = sequence("S", step("Ready", "PrestartCheck", {"OSDCheckPowerState": "true", "OSDFreeDiskSpace": "1"}))
    machine = computer(blank_disk(tmp_path / "disk.img"))
    plan = plan_sequence(wanted, Environment(), machine)
    with pytest.raises(UnsupportedSteps) as caught:
        plan.require()
    (problem,) = caught.value.problems
    assert problem == (
        "step 1 'Ready': it asks for Win32_ComputerSystem.TotalPhysicalMemory, Win32_Processor.MaxClockSpeed, "
        "Win32_OperatingSystem.ProductType, Win32_Battery.BatteryStatus of the computer, which nobody has told "
        "(PrestartCheck, class windows)"
    )
    remedy = plan.remedy_for()
    assert remedy is not None
    assert Means.FACTS in remedy.means


def test_a_plan_tells_what_would_not_pass(tmp_path: Path) -> None:
    facts = FACTS | {"Win32_Battery": [{"BatteryStatus": 1}]}
    wanted = sequence("S", step("Ready", "PrestartCheck", {"OSDCheckPowerState": "true"}))
    plan = plan_sequence(wanted, Environment(), machine_of(tmp_path, facts))
    assert plan.problems() == ("step 1 'Ready': the computer does not pass PowerState",)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OSDCheckMemory": "yes"}, "OSDCheckMemory=yes: valid: true or false"),
        ({"OSDCheckMemory": "true", "OSDMemory": "x"}, "OSDMemory=x: valid: the least memory in MB"),
        ({"OSDCheckMinOSVersion": "true"}, "OSDMinOSVersion is missing"),
        ({"OSDCheckMinOSVersion": "true", "OSDMinOSVersion": "ten"}, "OSDCheckMinOSVersion: ten is no version"),
        ({"OSDCheckOSArchitecture": "true", "OSDOSArchitecture": "128"}, "OSDOSArchitecture=128: valid: 32 or 64"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    with pytest.raises(ActionFailed, match=said):
        run(check_readiness, Environment(), machine_of(tmp_path, FACTS), NONE | variables)
