"""Setup Windows and ConfigMgr: what is done on the disk, what waits for the first start, and what keeps it from both.

What is on the disk afterwards, ntfscat, dissect.regf and xml.etree read.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from cases.offline_windows import WINDOWS_7, WINDOWS_11, Made, make_tree
from cases.sequence import MBR, MIB, blank_disk, computer
from cases.telling_program import telling_program
from cases.windows_trees import write_tree
from judges import batch
from judges import hive as hives
from judges import wim as judges
from judges.disk import partition_of
from judges.ntfs import plain_contents
from judges.wine import Wine
from osdimage.imaging.answers.sysprep_inf import SysprepInf
from osdimage.imaging.answers.unattend import Unattend
from osdimage.imaging.capture import capture_image
from osdimage.imaging.drivers.injection.script import install_command
from osdimage.imaging.errors import InvalidRequest, Means
from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.values import Value
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot, Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.phases import EVERYWHERE, Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.tasksequence.report import RunEnd, StepState
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Sequence
from osdimage.imaging.tasksequence.setup.client import stage_client
from osdimage.imaging.tasksequence.setup.substitution import substitute

ANSWERS = """\
<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
<settings pass="specialize"><component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
 publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
<ComputerName>%Prefix%-1</ComputerName><ProductKey>%Unknown%</ProductKey>
<RegisteredOwner>%Owner%</RegisteredOwner></component></settings></unattend>
"""
SHELL = ".//{urn:schemas-microsoft-com:unattend}"


def _with_client(_root: Key, control: Key) -> None:
    control.ensure(r"Services\CcmExec").set(Value.dword("Start", 2))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("images")
    made = {"plain": WINDOWS_11, "client": Made(more=_with_client), "used": WINDOWS_7}
    for name, each in made.items():
        capture_image(write_tree(folder / name, make_tree(each)), folder / f"{name}.wim")
    return {name: folder / f"{name}.wim" for name in made}


@pytest.fixture
def client(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "client", {"ccmsetup.exe": b"MZ", "x64/client.msi": b"msi"})


def members(**setup: str) -> list[object]:
    return [
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS", {"_SMSClientPackageID": "CLIENT", **setup}),
        step("later", "Later"),
    ]


def wanted(**setup: str) -> Sequence:
    return sequence("S", *members(**setup))  # type: ignore[arg-type] # steps


def machine_of(tmp_path: Path, supplies: Supplies | None = None, **packages: Path) -> Machine:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB), **packages)
    machine.supplies = supplies or Supplies(replaced={4: "ver"})
    return machine


def plan(machine: Machine, env: Environment | None = None, **setup: str) -> RunPlan:
    return plan_sequence(wanted(**setup), env or Environment(), machine)


def contents(disk: Path, path: str) -> bytes:
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    judges.assert_ntfs_clean(volume)
    return plain_contents(volume, path)


# What it does, and leaves to the first start


@pytest.mark.foreign
def test_the_answer_file_is_filled_in_the_client_waits_and_the_sequence_goes_on_in_the_new_windows(
    tmp_path: Path, images: dict[str, Path], client: Path
) -> None:
    machine = machine_of(tmp_path, WIM=images["client"], CLIENT=client, CONF=tmp_path)
    (tmp_path / "a.xml").write_text(ANSWERS)
    env = Environment(computer={"Prefix": "PC", "Owner": "<A & B>"})
    steps = members(SMSClientInstallProperties='FSP=FSP1 CCMLOGLEVEL=0 DESC="a & b"')
    steps[1] = step(
        "apply",
        "ApplyOperatingSystem",
        {"OSDImageIndex": "1", "OSDConfigFileName": "a.xml"},
        {"ImagePackageID": "WIM", "ConfigFilePackage": "CONF"},
    )
    found = sequence("S", *steps)  # type: ignore[arg-type] # steps
    foreseen = plan_sequence(found, env, machine)
    assert not foreseen.problems()
    assert [each.becomes for each in foreseen.steps] == ["run", "run", "run", "first-start"]
    assert foreseen.steps[2].does == (
        "prepare Windows for its first start, with the client of the image disabled until then"
    )
    assert foreseen.first_start is not None
    assert foreseen.first_start.steps == 2
    report = run_sequence(found, env, machine)
    assert (report.end, report.waiting) == (RunEnd.SUCCEEDED, 1)
    assert (machine.phase, machine.is_set_up) == (Phase.NEW, True)
    assert env["_SMSTSInWinPE"] == "false"
    assert [(each.number, each.name) for each in machine.staged] == [(3, "setup"), (4, "later")]
    disk = tmp_path / "disk.img"
    root = ET.fromstring(contents(disk, "/Windows/Panther/unattend.xml"))  # noqa: S314 - our own
    texts = {name: root.findtext(f"{SHELL}{name}") for name in ("ComputerName", "ProductKey", "RegisteredOwner")}
    assert texts == {"ComputerName": "PC-1", "ProductKey": "%Unknown%", "RegisteredOwner": "<A & B>"}
    services = hives.dissect(contents(disk, "/Windows/System32/config/SYSTEM"))
    # Start 4: disabled (Microsoft, "HKLM\SYSTEM\CurrentControlSet\Services Registry Tree").
    assert services[r"ControlSet001\Services\CcmExec"]["Start"] == (4, b"\x04\0\0\0")
    script = contents(disk, "/ProgramData/osdimage/FirstStart/1/step.cmd")
    assert b'/noservice SMSSITECODE=AUTO FSP=FSP1 CCMLOGLEVEL=0 DESC="a & b"\r\n' in script
    assert not batch.faults(script, ["OSDImageFirstStart"])


@pytest.mark.foreign
def test_without_the_client_that_of_the_image_stays_as_it_is(tmp_path: Path, images: dict[str, Path]) -> None:
    machine = machine_of(tmp_path, Supplies(without_client=True), WIM=images["client"])
    found = sequence("S", *members()[:3])  # type: ignore[arg-type] # steps
    report = run_sequence(found, Environment(), machine)
    assert report.steps[2].message == "prepared Windows for its first start, without the ConfigMgr client"
    assert machine.staged == []
    services = hives.dissect(contents(tmp_path / "disk.img", "/Windows/System32/config/SYSTEM"))
    assert services[r"ControlSet001\Services\CcmExec"]["Start"] == (4, b"\x02\0\0\0")


def test_a_windows_without_setup_is_told_that_nothing_reads_its_answer_file(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    machine = machine_of(tmp_path, Supplies(without_client=True, replaced={4: "ver"}), WIM=images["used"])
    found = plan(machine)
    assert found.steps[2].warnings == (
        "this Windows is not generalized: no setup runs in it, which would read the answer file",
    )


# Refusals


def test_a_client_without_a_path_is_refused_once_and_not_again_by_each_step_behind_it(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    machine = machine_of(tmp_path, Supplies(), WIM=images["plain"])
    steps = [*members()[:3], step("restart", "Reboot")]
    found = plan_sequence(sequence("S", *steps), Environment(), machine)  # type: ignore[arg-type] # steps
    assert [each.becomes for each in found.steps] == ["run", "run", "refused", "first-start"]
    assert "there is no path for package 'CLIENT'" in (found.steps[2].reason or "")
    remedy = found.remedy_for()
    assert remedy is not None
    assert remedy.means[1:] == (Means.PACKAGES, Means.WITHOUT_CLIENT)


def test_a_client_does_not_wait_where_nothing_may(tmp_path: Path, images: dict[str, Path], client: Path) -> None:
    machine = machine_of(tmp_path, Supplies(first_boot=FirstBoot.NONE), WIM=images["plain"], CLIENT=client)
    found = plan(machine)
    assert found.steps[2].reason == "the ConfigMgr client would wait for the first start"
    remedy = found.steps[2].remedy
    assert remedy is not None
    assert remedy.means == (Means.FIRST_BOOT, Means.WITHOUT_CLIENT)


def test_a_step_that_names_no_client_says_so(tmp_path: Path, images: dict[str, Path]) -> None:
    found = plan_sequence(
        sequence("S", step("setup", "SetupWindowsAndSMS")), Environment(), machine_of(tmp_path, WIM=images["plain"])
    )
    assert found.steps[0].reason == "it names no package with the ConfigMgr client"


def test_a_secret_property_goes_on_the_disk_only_where_it_may(
    tmp_path: Path, images: dict[str, Path], client: Path
) -> None:
    given = {"SMSClientInstallProperties": "CCMPASS=%MyPassword%"}
    env = Environment(computer={"MyPassword": "Pa55word"})
    machine = machine_of(tmp_path, Supplies(replaced={4: "ver"}), WIM=images["plain"], CLIENT=client)
    refused = plan(machine, env, **given)
    assert refused.steps[2].reason == "it would put MyPassword on the disk in clear text"
    assert "Pa55word" not in repr(refused)
    machine.supplies = Supplies(replaced={4: "ver"}, secrets_on_disk=True)
    allowed = plan(machine, env, **given)
    assert not allowed.problems()
    assert allowed.first_start is not None
    assert allowed.first_start.secrets == (3,)


def test_what_the_answer_file_says_of_windows_pe_is_found_before_the_run(
    tmp_path: Path, images: dict[str, Path], client: Path
) -> None:
    (tmp_path / "a.xml").write_text(ANSWERS.replace("%Owner%", r"%WINDIR%\x"))
    steps = members()
    steps[1] = step(
        "apply",
        "ApplyOperatingSystem",
        {"OSDImageIndex": "1", "OSDConfigFileName": "a.xml"},
        {"ImagePackageID": "WIM", "ConfigFilePackage": "CONF"},
    )
    machine = machine_of(tmp_path, WIM=images["plain"], CLIENT=client, CONF=tmp_path)
    found = plan_sequence(sequence("S", *steps), Environment(), machine)  # type: ignore[arg-type] # steps
    assert len(found.problems()) == 1
    assert "the answer file has %WINDIR%, which Windows PE would replace" in found.problems()[0]


@pytest.mark.parametrize("enters", [Phase.NEW, None])
def test_the_failure_of_a_step_that_enters_another_system_ends_the_sequence(enters: Phase | None) -> None:
    def fail(*_: object) -> ActionResult:
        return ActionResult(5, "no")

    def work(*_: object) -> ActionResult:
        return ActionResult(0, "yes")

    actions = action_table(
        [ActionInfo("BDD_Fail", "Fail", fail, enters=enters), ActionInfo("BDD_Work", "Work", work, phases=EVERYWHERE)]
    )
    tolerant = group("g", step("f", "BDD_Fail", continue_on_error=True), continue_on_error=True)
    report = run_sequence(sequence("S", tolerant, step("w", "BDD_Work")), Environment(), Machine(), actions)
    if enters is None:
        assert [each.state for each in report.steps] == [StepState.TOLERATED, StepState.SUCCEEDED]
        return
    assert [each.state for each in report.steps] == [StepState.FAILED, StepState.NOT_RUN]
    assert (report.end, report.code, report.message) == (RunEnd.FAILED, 5, "step 1 'f' failed")


# %NAME% in answer files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%Name%", "PC"),
        ("a%name%b%Name%", "aPCbPC"),
        ("%Nobody%", "%Nobody%"),
        ("100 %", "100 %"),
        ("%Temp%", "given"),
        ("%SystemRoot%", None),
        ("x %windir% y", None),
    ],
)
@pytest.mark.parametrize("form", ["xml", "inf"])
def test_names_in_answer_files(form: str, text: str, expected: str | None) -> None:
    env = Environment(computer={"Name": "PC", "Temp": "given"})
    if form == "xml":
        written = ANSWERS.replace("%Prefix%-1", text).replace("%Owner%", "").encode()
        answers: Unattend | SysprepInf = Unattend.from_bytes(written, "x64", source="a.xml")
    else:
        written = f'[UserData]\r\nComputerName="{text}" ; %SystemRoot%\r\n'.encode()
        answers = SysprepInf.from_bytes(written, source="a.inf")
    if expected is None:
        with pytest.raises(InvalidRequest, match="the answer file has %"):
            substitute(answers, env)
        return
    substitute(answers, env)
    data = answers.to_bytes()
    if form == "xml":
        assert ET.fromstring(data).findtext(f"{SHELL}ComputerName") == expected  # noqa: S314 - our own
    else:
        assert isinstance(answers, SysprepInf)
        assert answers.get("UserData", "ComputerName") == expected


def test_the_command_that_brings_in_drivers_is_read_by_windows_itself() -> None:
    command_of_drivers = install_command(r"\Drivers")
    written = ANSWERS.replace("%Prefix%-1", escape(command_of_drivers)).replace("%Owner%", "").encode()
    answers = Unattend.from_bytes(written, "x64", source="a.xml")
    substitute(answers, Environment())
    found = ET.fromstring(answers.to_bytes()).findtext(f"{SHELL}ComputerName")  # noqa: S314 - our own
    assert found == command_of_drivers


# The command line of the client


def command(tmp_path: Path, variables: Mapping[str, str], **engine: str) -> str:
    write_tree(tmp_path / "client", {"ccmsetup.exe": b"MZ"})
    env = Environment()
    for name, value in engine.items():
        env.set_read_only(name, value)
    with env.step_defaults({"_SMSClientPackageID": "CLIENT", **variables}):
        staged = stage_client(env, Machine(packages={"CLIENT": tmp_path / "client"}))
    assert staged is not None
    assert [each.name for each in staged.packages] == ["CLIENT"]
    return staged.lines[2].partition('/source:"%_client%" ')[2]


@pytest.mark.parametrize(
    ("properties", "engine", "expected"),
    [
        ("", {}, "/noservice SMSSITECODE=AUTO"),
        ("", {"_SMSTSSiteCode": "P01", "_SMSTSMP": "http://mp"}, "/noservice SMSSITECODE=P01 SMSMP=http://mp"),
        ("SMSSITECODE=X02 smsmp=mp2", {"_SMSTSMP": "mp"}, "/noservice SMSSITECODE=X02 smsmp=mp2"),
        ("/service /mp:a", {}, "SMSSITECODE=AUTO /service /mp:a"),
        ('A="b c"  D=e', {}, '/noservice SMSSITECODE=AUTO A="b c" D=e'),
        ('A="50% & more" B=1&2', {}, '/noservice SMSSITECODE=AUTO A="50%% & more" B=1^&2'),
    ],
)
def test_the_properties_of_the_client(tmp_path: Path, properties: str, engine: dict[str, str], expected: str) -> None:
    assert command(tmp_path, {"SMSClientInstallProperties": properties}, **engine) == expected


@pytest.mark.parametrize("properties", ["A", "setup.exe", 'A="b', "A=1 & del", "A=1\nB=2", "-x"])
def test_what_is_no_property_is_refused(tmp_path: Path, properties: str) -> None:
    with pytest.raises(InvalidRequest, match="SMSClientInstallProperties"):
        command(tmp_path, {"SMSClientInstallProperties": properties})


@pytest.mark.foreign
@pytest.mark.slow
def test_the_client_gets_its_properties_in_the_shell_of_windows_and_must_be_there_afterwards(tmp_path: Path) -> None:
    properties = 'FSP=f1 DESC="a & b (100%)" X=1&2^3 /mp:https://mp'
    wine = Wine.make(tmp_path / "wine")
    folder = wine.drive / "First start"
    write_tree(folder, {"packages/CLIENT/ccmsetup.exe": telling_program()})
    write_tree(tmp_path / "client", {"ccmsetup.exe": b"MZ"})
    env = Environment(computer={"SMSClientInstallProperties": properties})
    with env.step_defaults({"_SMSClientPackageID": "CLIENT"}):
        staged = stage_client(env, Machine(packages={"CLIENT": tmp_path / "client"}))
    assert staged is not None
    (folder / "step.cmd").write_bytes("".join(f"{line}\r\n" for line in staged.lines).encode("ascii"))
    runs = (
        "@echo off",
        r'set "OSDImageFirstStart=C:\First start"',
        r'pushd "C:\First start"',
        "cmd /d /c step.cmd >told.txt",
        "echo %ERRORLEVEL% >code.txt",
    )
    (wine.drive / "runs.cmd").write_bytes("".join(f"{line}\r\n" for line in runs).encode("ascii"))
    wine.run("cmd", "/d", "/c", r"C:\runs.cmd")
    wine.stop()
    told = (folder / "told.txt").read_bytes().decode("utf-16-le").partition("\0")[0]
    package = r"C:\First start\packages\CLIENT"
    assert told == rf'"{package}\ccmsetup.exe" /source:"{package}" /noservice SMSSITECODE=AUTO {properties}'
    # No service of the client is in this Windows: ERROR_SERVICE_DOES_NOT_EXIST.
    assert (folder / "code.txt").read_text().split() == ["1060"]


def test_a_package_without_the_client_is_refused(tmp_path: Path) -> None:
    env = Environment()
    with env.step_defaults({"_SMSClientPackageID": "CLIENT"}), pytest.raises(InvalidRequest, match="holds no file"):
        stage_client(env, Machine(packages={"CLIENT": tmp_path}))
