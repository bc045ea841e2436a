"""Gather and Validate: facts that are given, as variables of MDT, and the rules for the computer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from osdimage.imaging.errors import ActionFailed, InvalidRequest, Means
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.mdt.gather import forecast_gather, gather_facts
from osdimage.imaging.tasksequence.mdt.local import hardware, running
from osdimage.imaging.tasksequence.mdt.validate import forecast_validate, refuse_without_facts, validate_computer
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.result import SILENT

CLASSES: Mapping[str, object] = {
    "Win32_ComputerSystem": [
        {"Manufacturer": "LENOVO ", "Model": "20AMS0AB00", "TotalPhysicalMemory": 17179869184 - 300_000_000}
    ],
    "Win32_BaseBoard": [{"Manufacturer": "Board", "Product": "20AMS0AB00B"}],
    "Win32_BIOS": [{"SerialNumber": " PF0ABCDE "}],
    "Win32_SystemEnclosure": [{"ChassisTypes": [10], "SMBIOSAssetTag": "A-17"}],
    "Win32_ComputerSystemProduct": [{"UUID": "4C4C4544-0042-4710-8052-B6C04F395931"}],
    "Win32_Processor": [{"MaxClockSpeed": 2900, "Architecture": 9}],
    "Win32_NetworkAdapterConfiguration": [
        {"IPEnabled": False, "MACAddress": "00:00:00:00:00:01"},
        {
            "IPEnabled": True,
            "MACAddress": "50:7B:9D:00:00:01",
            "IPAddress": ["10.1.1.5", "fe80::1"],
            "DefaultIPGateway": ["10.1.1.1"],
        },
        {"IPEnabled": True, "MACAddress": "50:7B:9D:00:00:02", "IPAddress": ["10.2.1.5"], "DefaultIPGateway": None},
    ],
    "Win32_Battery": [{"BatteryStatus": 2}],
}
BLANK = {"Win32_ComputerSystem": [{"Manufacturer": " ", "Model": ""}]}


def facts_file(tmp_path: Path, **classes: object) -> str:
    path = tmp_path / "facts.json"
    made = {"format": "osdimage-facts", "version": 1, "classes": {"root\\cimv2": {**CLASSES, **classes}}}
    path.write_text(json.dumps(made))
    return str(path)


def machine(tmp_path: Path, **classes: object) -> Machine:
    return Machine(supplies=Supplies(facts=(facts_file(tmp_path, **classes),)))


# Names and classes: Get-PSDLocalInfo of PSDGather.psm1 (FriendsOfMDT/PSD e2bde47).
def test_facts_are_the_variables_that_mdt_gathers(tmp_path: Path) -> None:
    assert hardware(machine(tmp_path)) == {
        "Make": "LENOVO",
        "Model": "20AMS0AB00",
        "IsVM": "False",
        "Product": "20AMS0AB00B",
        "SerialNumber": "PF0ABCDE",
        "AssetTag": "A-17",
        "UUID": "4C4C4544-0042-4710-8052-B6C04F395931",
        "ProcessorSpeed": "2900",
        "Memory": "16097",
        "Architecture": "X64",
        "IsLaptop": "True",
        "IsDesktop": "False",
        "IsServer": "False",
        "IPAddress001": "10.1.1.5",
        "IPAddress002": "fe80::1",
        "IPAddress003": "10.2.1.5",
        "MACAddress001": "50:7B:9D:00:00:01",
        "MACAddress002": "50:7B:9D:00:00:02",
        "DefaultGateway001": "10.1.1.1",
        "IsOnBattery": "False",
    }


@pytest.mark.parametrize(
    ("classes", "name", "expected"),
    [
        pytest.param(
            {"Win32_ComputerSystem": [{"Manufacturer": " ", "Model": ""}]}, "Make", "Board", id="maker-of-board"
        ),
        pytest.param(BLANK, "Model", "20AMS0AB00B", id="product-of-the-board"),
        pytest.param({"Win32_ComputerSystem": [{}]}, "Make", None, id="unknown-maker"),
        pytest.param({"Win32_SystemEnclosure": [{"ChassisTypes": [23]}]}, "IsServer", "True", id="server"),
        pytest.param({"Win32_SystemEnclosure": [{"ChassisTypes": [3, 10]}]}, "IsLaptop", "False", id="first-type"),
        pytest.param({"Win32_SystemEnclosure": [{}]}, "IsLaptop", None, id="unknown-case"),
        pytest.param({"Win32_Battery": [{"BatteryStatus": 1}]}, "IsOnBattery", "True", id="on-battery"),
        pytest.param({"Win32_Battery": [{}]}, "IsOnBattery", None, id="unknown-battery"),
        pytest.param({"Win32_Battery": []}, "IsOnBattery", "False", id="no-battery"),
        pytest.param({"Win32_Processor": [{"Architecture": 0}]}, "Architecture", "X86", id="x86"),
        pytest.param({"Win32_Processor": [{"Architecture": 6}]}, "Architecture", None, id="itanium"),
        pytest.param(
            {"Win32_ComputerSystem": [{"Manufacturer": "Microsoft Corporation", "Model": "Surface"}]},
            "IsVM",
            "False",
            id="surface",
        ),
    ],
)
def test_what_is_not_known_is_not_set(tmp_path: Path, classes: dict[str, object], name: str, expected: str) -> None:
    assert hardware(machine(tmp_path, **classes)).get(name) == expected


@pytest.mark.parametrize("preset", ["hyper-v", "qemu", "virtualbox", "vmware"])
def test_presets_are_virtual_machines(preset: str) -> None:
    assert hardware(Machine(firmware=Firmware.BIOS, supplies=Supplies(facts=(preset,))))["IsVM"] == "True"


def test_what_hangs_on_the_windows_that_runs_is_gathered_anew() -> None:
    env, there = Environment(computer={"IsServerCoreOS": "True"}), Machine()
    gather_facts(env, there, SILENT)
    assert (env["OSVersion"], env["IsServerOS"], env["IsServerCoreOS"]) == ("WinPE", "False", "True")
    there.phase = Phase.NEW
    gather_facts(env, there, SILENT)
    assert "OSVersion" not in env
    assert "IsServerOS" not in env
    assert env["IsServerCoreOS"] == "True"
    assert running(there) == {"IsUEFI": "True"}


def test_a_list_that_is_known_has_an_end(tmp_path: Path) -> None:
    def third(there: Machine) -> Decision:
        work = {"VariableName": "X", "VariableValue": "1"}
        wanted = step("a", "SetVariable", properties=work, condition=Compare("MACAddress003", Operator.EXISTS))
        plan = plan_sequence(sequence("S", step("g", "BDD_Gather"), wanted), Environment(), there)
        return plan.steps[1].decision

    assert third(Machine()) is Decision.REFUSE
    assert third(machine(tmp_path)) is Decision.SKIP


# ---- rules ----

RULES = "[Settings]\nPriority=Model, Default\n[20AMS0AB00]\nOSDComputerName=T440-%AssetTag%\n[Default]\nOrgName=Org\n"


def share(tmp_path: Path, **files: str) -> Path:
    control = tmp_path / "share" / "Control"
    control.mkdir(parents=True)
    for name, text in files.items():
        (control / f"{name}.ini").write_text(text)
    return control.parent


def test_rules_count_for_the_computer_whose_facts_are_given(tmp_path: Path) -> None:
    there = machine(tmp_path)
    there.supplies = Supplies(facts=there.supplies.facts, deployment_share=share(tmp_path, CustomSettings=RULES))
    env = Environment()
    with env.step_defaults({"GatherLocalOnly": "false"}):
        told = forecast_gather(env.copy(), there)
        done = gather_facts(env, there, SILENT)
    assert (env["OSDComputerName"], env["OrgName"]) == ("T440-A-17", "Org")
    assert {"OSDComputerName", "OrgName", "Make"} <= set(done.outputs)
    assert "set: [20AMS0AB00], [Default]" in done.message
    assert not told.problems


def test_another_file_of_rules_is_in_the_share_and_that_of_the_caller_takes_the_place_of_the_first(
    tmp_path: Path,
) -> None:
    given = tmp_path / "mine.ini"
    given.write_text("[Settings]\nPriority=Default\n[Default]\nOrgName=Mine\n")
    folder = share(tmp_path, CustomSettings=RULES, Other="[Settings]\nPriority=Default\n[Default]\nOrgName=Other\n")
    there = Machine(supplies=Supplies(rules=given, deployment_share=folder))
    for name, expected in (("", "Mine"), ("customsettings.ini", "Mine"), ("%SCRIPTROOT%\\Other.ini", "Other")):
        env = Environment()
        with env.step_defaults({"GatherLocalOnly": "false", "RulesFile": name}):
            gather_facts(env, there, SILENT)
        assert env["OrgName"] == expected


@pytest.mark.parametrize(
    ("rules", "reason", "means"),
    [
        pytest.param(None, "is in a deployment share, and not in ", (Means.DEPLOYMENT_SHARE, Means.RULES), id="none"),
        pytest.param(RULES, "nobody has told Model of the computer", (Means.FACTS, Means.VARIABLE), id="fact"),
        pytest.param(
            "[Settings]\nPriority=Default\n[Default]\nUserExit=x.vbs\n",
            "asks a script of VBScript",
            (Means.RULES, Means.VARIABLE),
            id="script",
        ),
    ],
)
def test_rules_that_cannot_be_worked_out_are_refused_with_what_helps(
    tmp_path: Path, rules: str | None, reason: str, means: tuple[Means, ...]
) -> None:
    folder = share(tmp_path, **({} if rules is None else {"CustomSettings": rules}))
    wanted = sequence("S", step("g", "BDD_Gather", {"GatherLocalOnly": "false"}))
    plan = plan_sequence(wanted, Environment(), Machine(supplies=Supplies(deployment_share=folder)))
    assert plan.steps[0].decision is Decision.REFUSE
    assert reason in (plan.steps[0].reason or "")
    remedy = plan.remedy_for()
    assert remedy is not None
    assert set(means) <= set(remedy.means)


LITE_TOUCH = b"""<sequence version="3.00"><step type="BDD_Gather" name="g"><defaultVarList>
<variable name="GatherLocalOnly" property="GatherLocalOnly">true</variable></defaultVarList></step>
<step type="SMS_TaskSequence_SetVariableAction" name="s"><condition>
<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">equals</variable>
<variable name="Value">Org</variable><variable name="Variable">OrgName</variable></expression></condition>
<defaultVarList><variable name="VariableName">X</variable></defaultVarList></step></sequence>"""


def test_in_lite_touch_the_rules_count_before_the_first_step(tmp_path: Path) -> None:
    supplies = Supplies(facts=(facts_file(tmp_path),), deployment_share=share(tmp_path, CustomSettings=RULES))
    wanted = read_sequence(LITE_TOUCH, source="x")
    assert plan_sequence(wanted, Environment(), Machine(supplies=supplies)).steps[1].decision is Decision.RUN
    assert plan_sequence(wanted, Environment(), Machine()).steps[1].decision is Decision.SKIP
    without = Supplies(deployment_share=supplies.deployment_share)
    with pytest.raises(InvalidRequest, match="nobody has told Model"):
        plan_sequence(wanted, Environment(), Machine(supplies=without))


# ---- Validate ----

NEEDS = {"ImageMemory": "768", "ImageProcessorSpeed": "800", "ImageSize": "0", "VerifyOS": "CLIENT"}


@pytest.mark.parametrize(
    ("variables", "failed"),
    [
        pytest.param({"Memory": "768", "ProcessorSpeed": "800"}, None, id="just-enough"),
        pytest.param({"Memory": "767", "ProcessorSpeed": "800"}, "Memory is 767 MB; ImageMemory is 768", id="memory"),
        pytest.param(
            {"Memory": "768", "ProcessorSpeed": "799"},
            "ProcessorSpeed is 799 MHz; ImageProcessorSpeed is 800",
            id="speed",
        ),
        pytest.param({"Memory": "768", "ProcessorSpeed": "800", "OSInstall": "N"}, "OSInstall=N", id="not-allowed"),
        pytest.param({"Memory": "768", "ProcessorSpeed": "800", "OSInstall": "YES"}, None, id="allowed"),
        pytest.param(
            {"Memory": "768", "ProcessorSpeed": "800", "DeploymentType": "REFRESH", "IsServerOS": "True"},
            "a Windows Server is refreshed",
            id="server-refreshed",
        ),
        pytest.param(
            {"Memory": "768", "ProcessorSpeed": "800", "DeploymentType": "NEWCOMPUTER", "IsServerOS": "True"},
            None,
            id="only-a-refresh-asks-for-windows",
        ),
    ],
)
def test_a_computer_has_what_the_sequence_asks_for(variables: dict[str, str], failed: str | None) -> None:
    env = Environment(computer=variables)
    with env.step_defaults(NEEDS):
        problems = forecast_validate(env, Machine()).problems
        if failed is None:
            assert not problems
            assert validate_computer(env, Machine(), SILENT).ok
            return
        assert failed in problems[0]
        with pytest.raises(ActionFailed, match=failed):
            validate_computer(env, Machine(), SILENT)


def test_what_is_compared_must_be_known(tmp_path: Path) -> None:
    env = Environment()
    with env.step_defaults(NEEDS):
        refused = refuse_without_facts(env, Machine())
    assert refused is not None
    assert refused.reason == (
        "ImageMemory asks for Memory and ImageProcessorSpeed asks for ProcessorSpeed of the computer, which nobody has "
        "told"
    )
    with env.step_defaults(NEEDS | {"ImageMemory": "0", "ImageProcessorSpeed": "0"}):
        assert refuse_without_facts(env, Machine()) is None
    gather_facts(env, machine(tmp_path), SILENT)
    with env.step_defaults(NEEDS):
        assert refuse_without_facts(env, Machine()) is None


def test_an_image_must_fit_the_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    env = Environment()
    for size, problems in (("64", ()), ("65", ("disk 0 has 64 MB; ImageSize is 65",))):
        with env.step_defaults({"ImageSize": size}):
            assert forecast_validate(env, Machine({0: disk})).problems == problems
