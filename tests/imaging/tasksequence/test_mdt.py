"""MDT's sequences: facts, phases, and where the operating system comes from and goes to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases.sequence import windows_tree
from osdimage.imaging.capture import capture_image
from osdimage.imaging.disk import create_image
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.computer.firmware import fitting_firmware
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.facts import PHASES
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.kinds import kind_of
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut
from osdimage.imaging.tasksequence.mdt.operating_systems import find_system
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.tasksequence.result import StepClass
from osdimage.imaging.tasksequence.sequence import Sequence, Step

GIB = 1 << 30
GUID = "{f080bd22-c068-4ae4-8759-cc1f3f7b956b}"


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mdt")
    path = folder / "install.wim"
    capture_image(windows_tree(folder / "tree"), path)
    return path


def equals(name: str, value: str) -> Compare:
    return Compare(name, Operator.EQUALS, value)


def script(name: str, command: str) -> Step:
    text = f'<sequence version="3.00"><step name="{name}"><action>{command}</action></step></sequence>'
    return read_sequence(text.encode(), source="x").steps[0]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ('cscript.exe "%SCRIPTROOT%\\ZTINextPhase.wsf"', "ZTINextPhase"),
        ('cscript.exe "%SCRIPTROOT%\\LTIApply.wsf" /PE', "LTIApply /PE"),
        ('cscript.exe "%SCRIPTROOT%\\LTIApply.wsf"', "LTIApply"),
        ('cscript.exe "%SCRIPTROOT%\\ZTIUserState.wsf" /capture', "ZTIUserState"),
        ('PowerShell.exe -file "%SCRIPTROOT%\\PSDGather.ps1"', "PSDGather"),
        ("cmd.exe /c dir", None),
    ],
)
def test_a_step_without_a_type_is_of_the_kind_of_its_script(command: str, kind: str | None) -> None:
    assert kind_of(script("a", command)) == kind


def phases(machine: Machine, *members: object, env: Environment | None = None) -> RunPlan:
    wanted = sequence("S", *members)  # type: ignore[arg-type] # steps and groups
    return plan_sequence(wanted, env or Environment(), machine)


# "ZTINextPhase.wsf" of MDT's reference: the phases and their order; the groups of its templates ask for them.
def test_each_phase_of_a_template_is_entered_in_its_turn() -> None:
    groups = [group(phase, step("n", "ZTINextPhase"), condition=equals("PHASE", phase)) for phase in PHASES[:-1]]
    last = group(
        PHASES[-1], step("v", "SetVariable", properties={"VariableName": "X"}), condition=equals("PHASE", PHASES[-1])
    )
    plan = phases(Machine(), *groups, last)
    assert [each.decision for each in plan.steps] == [Decision.RUN] * len(PHASES)
    beyond = phases(Machine(), step("n", "ZTINextPhase"), env=Environment(computer={"PHASE": "STATERESTORE"}))
    assert beyond.problems()[0].startswith("step 1 'n': PHASE=STATERESTORE: no phase follows")


@pytest.mark.parametrize(("firmware", "uefi"), [(Firmware.UEFI, "True"), (Firmware.BIOS, "False")])
def test_the_facts_that_are_known_answer_conditions(firmware: Firmware, uefi: str) -> None:
    work = {"VariableName": "X"}
    members = [
        step("uefi", "SetVariable", properties=work, condition=equals("IsUEFI", uefi)),
        step("new", "SetVariable", properties=work, condition=equals("DEPLOYMENTTYPE", "NEWCOMPUTER")),
        step("refresh", "SetVariable", properties=work, condition=equals("DeploymentType", "REFRESH")),
        step("server", "SetVariable", properties=work, condition=equals("IsServerOS", "True")),
        step("gather", "BDD_Gather"),
    ]
    told = [each.decision for each in phases(Machine(firmware=firmware), *members).steps]
    assert told == [Decision.RUN, Decision.RUN, Decision.SKIP, Decision.SKIP, Decision.RUN]
    given = Environment(computer={"DEPLOYMENTTYPE": "REFRESH"})
    assert [each.decision for each in phases(Machine(), *members, env=given).steps][1:3] == [
        Decision.SKIP, Decision.RUN,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Model", "isvm", "MacAddress001", "Memory"])
def test_a_fact_that_nobody_knows_is_not_false_but_unknown_until_it_is_set(name: str) -> None:
    members = [
        step("gather", "BDD_Gather"),
        step("a", "SetVariable", properties={"VariableName": "X"}, condition=equals(name, "1")),
    ]
    (_, planned) = phases(Machine(), *members).steps
    assert (planned.decision, planned.step_class) == (Decision.REFUSE, StepClass.WINDOWS)
    assert "of the computer; give facts or set the variable to tell it" in (planned.reason or "")
    for value, decision in (("1", Decision.RUN), ("2", Decision.SKIP)):
        told = phases(Machine(), *members, env=Environment(computer={name: value}))
        assert told.steps[1].decision is decision
    # ConfigMgr gathers nothing: there it is a variable as any other.
    assert phases(Machine(), members[1]).steps[0].decision is Decision.SKIP


# ---- the operating system ----


def gpt(*sizes: str) -> dict[str, str]:
    """Return the variables of a GPT disk: EFI, MSR, and basic partitions of these sizes in MB."""
    found = {"OSDDiskIndex": "0", "OSDPartitionStyle": "GPT"}
    rows = [("EFI", "FAT32", "499"), ("MSR", "", "128"), *(("Primary", "NTFS", size) for size in sizes)]
    for number, (kind, system, size) in enumerate(rows):
        facts = {"Type": kind, "FileSystem": system, "Size": size, "QuickFormat": "true"}
        found |= {f"OSDPartitions{number}{name}": value for name, value in facts.items()}
    return found


def planned_target(tmp_path: Path, wim: Path, layout: dict[str, str], install: dict[str, str]) -> str:
    """Return where the plan lets the image go, or its problem."""
    disk = tmp_path / "disk.img"
    create_image(str(disk), 64 * GIB).close()
    machine = Machine.start({0: disk}, packages={GUID: wim}, rng=random.Random(1))
    members = [step("p", "PartitionDisk", layout), step("i", "BDD_InstallOS", {"OSGUID": GUID, **install})]
    planned = phases(machine, *members).steps[1]
    return planned.problems[0] if planned.problems else (planned.does or "").partition(" to ")[2].partition(" (")[0]


# Right values: GetOSTargetDriveLetterEx of ZTIUtility.vbs (MDT 6.3.8456), which asks WMI for the partition with the
# Index DestinationPartition - 1 (Win32_DiskPartition has no reserved partition), and takes the second one where the
# first has less than 15 GB.
@pytest.mark.parametrize(
    ("sizes", "install", "target"),
    [
        pytest.param(("20000", "20000"), {"DestinationPartition": "2"}, "disk 0 partition 3", id="the template's"),
        pytest.param(("20000", "20000"), {"DestinationPartition": "1"}, "disk 0 partition 3", id="1 is too small"),
        pytest.param(("20000", "20000"), {"DestinationPartition": "3"}, "disk 0 partition 4", id="another"),
        pytest.param(("5000", "20000"), {"DestinationPartition": "2"}, "disk 0 partition 4", id="first that is large"),
        pytest.param(
            ("20000", "20000"),
            {"DestinationOSInstallType": "ByVariable", "DestinationOSVariable": "Drive", "Drive": "D:"},
            "disk 0 partition 4",
            id="by variable",
        ),
        pytest.param(
            ("20000", "20000"),
            {"DestinationOSInstallType": "BYDRIVELETTER", "DestinationOSDriveLetter": "D"},
            "disk 0 partition 4",
            id="by letter",
        ),
        pytest.param(("5000", "20000"), {"DestinationOSInstallType": "NEXTPARTITION"}, "disk 0 partition 4", id="next"),
        pytest.param(("5000", "6000"), {"OSDisk": "D:"}, "disk 0 partition 4", id="a small disk: the variable"),
        pytest.param(("5000", "6000"), {"DestinationPartition": "3"}, "disk 0 partition 4", id="a small disk"),
    ],
)
def test_the_operating_system_goes_where_lite_touch_would_put_it(
    tmp_path: Path, wim: Path, sizes: tuple[str, ...], install: dict[str, str], target: str
) -> None:
    assert planned_target(tmp_path, wim, gpt(*sizes), install) == target


# The list of a deployment share, as MDT writes it (ArthurJDurand/MDT-TS-and-Scripts, Control/OperatingSystems.xml).
LIST = """<oss><os guid="{0}" enable="True"><Name>Windows 11 Pro</Name><IncludesSetup>False</IncludesSetup>
    <ImageFile>.\\Operating Systems\\Win11\\install.wim</ImageFile><ImageIndex>{1}</ImageIndex></os></oss>"""


def test_the_list_of_a_deployment_share_tells_the_image(tmp_path: Path, wim: Path) -> None:
    share = tmp_path / "share"
    (share / "control").mkdir(parents=True)
    (share / "Operating Systems" / "WIN11").mkdir(parents=True)
    there = share / "Operating Systems" / "WIN11" / "Install.wim"
    there.write_bytes(wim.read_bytes())
    (share / "control" / "OperatingSystems.xml").write_text(LIST.format(GUID.upper(), 3))
    for machine in (Machine(shares={r"\\server\deploy": share}), Machine(packages={GUID: share})):
        found = find_system(machine, GUID)
        assert found is not None
        assert (found.wim, found.index) == (there, 3)
    assert find_system(Machine(shares={r"\\server\deploy": share}), "{0}") is None
    (share / "control" / "OperatingSystems.xml").write_text(LIST.format(GUID, "-1"))
    with pytest.raises(InvalidInput, match="ImageIndex is not the number of an image"):
        find_system(Machine(packages={GUID: share}), GUID)


def test_an_operating_system_without_a_path_is_told_with_what_helps() -> None:
    plan = phases(Machine(), step("i", "BDD_InstallOS", {"OSGUID": GUID}))
    assert plan.problems() == (f"step 1 'i': OSGUID={GUID}: there is no path for it; packages with one: none",)
    remedy = plan.remedy_for()
    assert remedy is not None
    assert remedy.values == (GUID,)


def test_an_operating_system_that_a_share_has_not_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "Control").mkdir()
    (tmp_path / "Control" / "OperatingSystems.xml").write_text(LIST.format(GUID, 1))
    machine = Machine(supplies=Supplies(deployment_share=tmp_path))
    (told,) = phases(machine, step("i", "BDD_InstallOS", {"OSGUID": "{0}"})).problems()
    assert told.endswith(f"packages with one: none; operating systems of {tmp_path}: 'Windows 11 Pro' ({GUID})")


# ---- firmware ----

BIOS = {
    "OSDDiskIndex": "0", "OSDPartitionStyle": "MBR", "OSDPartitions0Type": "Primary",
    "OSDPartitions0FileSystem": "NTFS", "OSDPartitions0Bootable": "true", "OSDPartitions0QuickFormat": "true",
}  # fmt: skip


def both() -> Sequence:
    return sequence(
        "S",
        step("bios", "PartitionDisk", BIOS, condition=Compare("_SMSTSBootUEFI", Operator.NOT_EQUALS, "true")),
        step("uefi", "PartitionDisk", gpt("20000"), condition=equals("_SMSTSBootUEFI", "true")),
    )


@pytest.mark.parametrize(
    ("wanted", "firmware"),
    [
        pytest.param(sequence("S", step("bios", "PartitionDisk", BIOS)), Firmware.BIOS, id="MBR"),
        pytest.param(sequence("S", step("uefi", "PartitionDisk", gpt("20000"))), Firmware.UEFI, id="GPT"),
        pytest.param(both(), Firmware.UEFI, id="what the firmware is"),
        pytest.param(sequence("S"), Firmware.UEFI, id="nothing"),
    ],
)
def test_the_firmware_follows_the_layout(tmp_path: Path, wanted: Sequence, firmware: Firmware) -> None:
    disk = tmp_path / "disk.img"
    create_image(str(disk), 64 * GIB).close()
    assert fitting_firmware(wanted, Environment(), Machine.start({0: disk})) is firmware


# ---- what follows from what ----

SETTINGS = {
    "OSDComputerName": "PC1", "OSDRegisteredUserName": "U", "OSDRegisteredOrgName": "O",
    "OSDTimeZone": "W. Europe Standard Time",
}  # fmt: skip


def test_a_missing_package_makes_no_problem_of_the_steps_after_it(tmp_path: Path, wim: Path) -> None:
    disk = tmp_path / "disk.img"
    create_image(str(disk), 64 * GIB).close()
    members = [
        step("p", "PartitionDisk", gpt("20000")),
        step("os", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "ABC00001"}),
        step("settings", "ApplyWindowsSettings", SETTINGS),
        step("network", "ApplyNetworkSettings", {"OSDNetworkJoinType": "1", "OSDWorkgroupName": "W"}),
    ]
    machine = Machine.start({0: disk})
    found = phases(machine, *members).problems()
    assert len(found) == 1, found
    assert found[0].startswith("step 2 'os': ImagePackageID=ABC00001: there is no path")
    # Without the step, what misses it is a problem; the step after that one has no more to say.
    missed = phases(machine, members[0], *members[2:]).problems()
    assert [text.partition(": Apply")[0] for text in missed] == ["step 2 'settings': there is no answer file"]
    whole = phases(Machine.start({0: disk}, packages={"ABC00001": wim}), *members)
    assert whole.problems() == ()
    # The image has no boot files, which the plan tells as the run does.
    assert whole.warnings == ("step 2 'os': Windows 10.0 for x64 is not made to start: it has no \\Windows\\Boot",)


def test_a_disk_that_the_computer_does_not_start_is_told_in_the_plan(tmp_path: Path) -> None:
    from cases.windows_trees import windows_files, write_tree  # noqa: PLC0415

    disk, wim = tmp_path / "disk.img", tmp_path / "bootable.wim"
    create_image(str(disk), 64 * GIB).close()
    capture_image(write_tree(tmp_path / "tree", windows_files()), wim)
    members = [
        step("p", "PartitionDisk", BIOS),
        step("os", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "ABC00001"}),
    ]
    plan = phases(Machine.start({0: disk}, packages={"ABC00001": wim}), *members)
    assert plan.warnings == ("step 2 'os': disk 0 starts under BIOS, but the computer has UEFI",)
    bios = Machine.start({0: disk}, packages={"ABC00001": wim}, firmware=Firmware.BIOS)
    assert phases(bios, *members).warnings == ()


def test_leave_out_names_a_script() -> None:
    wanted = read_sequence(
        b'<sequence version="3.00"><step name="a"><action>cscript.exe "%SCRIPTROOT%\\ZTITatoo.wsf"</action></step>'
        b"</sequence>",
        source="x",
    )
    plan = plan_sequence(wanted, Environment(), Machine(), leave_out=LeaveOut.of(["ztitatoo"], wanted))
    assert plan.steps[0].decision is Decision.LEAVE_OUT
