"""Enable, Disable and Pre-provision BitLocker; what the scripts do with a manage-bde of the test's own, in Wine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_10, make_tree
from cases.old_windows import machine_with
from cases.staging import judged, new_windows, read_step, refusal, staged
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

# forevanyeung/tasksequences and erikpt/Modern-Deployment-Toolkit, shortened.
OF_CONFIGMGR = """<step type="SMS_TaskSequence_EnableBitLockerAction" name="Enable BitLocker" runIn="FullOS">
 <action>OSDBitLocker.exe /enable  /wait:False /mode:TPM /pwd:AD /full:False</action><defaultVarList>
 <variable name="OSDBitLockerCreateRecoveryPassword" property="CreateRecoveryPassword" hidden="true">{1}</variable>
 <variable name="OSDBitLockerEncryptFullDisk" property="EncryptFullDisk" hidden="true">{2}</variable>
 <variable name="OSDBitLockerMode" property="Mode" hidden="true">{0}</variable>
 <variable name="OSDBitLockerWaitForEncryption" property="WaitForEncryption" hidden="true">false</variable>
 </defaultVarList></step>"""
OF_MDT = """<step type="SMS_TaskSequence_EnableBitLockerAction" name="Enable BitLocker" continueOnError="true">
 <action>cscript.exe "%SCRIPTROOT%\\ZTIBde.wsf"</action><defaultVarList>
 <variable name="OSDBitLockerTargetDrive" property="BdeTargetDriveLetter"></variable>
 <variable name="OSDBitLockerMode" property="BdeInstall">TPM</variable>
 <variable name="OSDBitLockerCreateRecoveryPassword" property="BdeRecoveryPassword">AD</variable>
 <variable name="OSDBitLockerWaitForEncryption" property="WaitForEncryption">true</variable></defaultVarList></step>"""
DISABLE = (
    '<step type="SMS_TaskSequence_DisableBitLockerAction" name="d"><action/><defaultVarList>{}</defaultVarList></step>'
)
MANAGE = r"%SystemRoot%\System32\manage-bde.exe"


def of_windows(major: int, minor: int) -> Machine:
    machine = new_windows()
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(major, minor, "x64", "Windows"))
    return machine


@pytest.mark.parametrize("xml", [OF_CONFIGMGR.format("TPM", "AD", "false"), OF_MDT], ids=["ConfigMgr", "MDT"])
def test_it_encrypts_by_the_tpm_when_the_password_is_in_the_directory(xml: str) -> None:
    made = staged(read_step(xml), of_windows(10, 0))
    text = "\n".join(made.lines)
    assert text.index("-tpm") < text.index("-recoverypassword") < text.index("call :backup") < text.index("-on ")
    assert f'"{MANAGE}" -on %SystemDrive% -usedspaceonly -skiphardwaretest >nul 2>&1' in made.lines
    assert bool(made.warnings) is (xml is OF_MDT)
    assert faults("".join(f"{line}\r\n" for line in made.lines).encode("ascii")) == []


def test_nothing_is_kept_where_no_password_is_wished_and_all_is_encrypted_where_that_is() -> None:
    made = staged(read_step(OF_CONFIGMGR.format("TPM", "None", "true")), of_windows(10, 0))
    text = "\n".join(made.lines)
    assert "recoverypassword" not in text
    assert "usedspaceonly" not in text
    old = staged(read_step(OF_CONFIGMGR.format("TPM", "None", "false")), of_windows(6, 1))
    assert "usedspaceonly" not in "\n".join(old.lines)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (step("b", "EnableBitLocker", {"OSDBitLockerMode": "TPMPin"}), "its mode TPMPin needs a PIN"),
        (step("b", "EnableBitLocker", {"OSDBitLockerMode": "x"}), "OSDBitLockerMode=x"),
        (step("b", "EnableBitLocker", {"OSDBitLockerTargetDrive": "D:"}), "only the drive of Windows"),
        (step("b", "EnableBitLocker", {"OSDBitLockerRecoveryPassword": "1"}), "eight groups of six digits"),
        (
            step("b", "EnableBitLocker", {"OSDBitLockerRecoveryPassword": "-".join(["123456"] * 8)}),
            "OSDBitLockerRecoveryPassword on the disk in clear text",
        ),
        (step("b", "DisableBitLocker", {"OSDBitLockerRebootCount": "16"}), "1 to 15"),
        (step("b", "DisableBitLocker", {"OSDBitLockerTargetDrive": "x"}), "is no drive"),
    ],
)
def test_what_takes_people_or_secrets_is_refused(wanted: Step, says: str) -> None:
    assert says in refusal(wanted, of_windows(10, 0))
    assert "has no manage-bde.exe" in refusal(step("b", "EnableBitLocker"), of_windows(6, 0))


def test_the_protection_is_suspended_for_some_restarts() -> None:
    count = '<variable name="OSDBitLockerRebootCount" property="RebootCount">3</variable>'
    made = staged(read_step(DISABLE.format(count)), of_windows(10, 0))
    assert f'"{MANAGE}" -protectors -disable %SystemDrive% -rebootcount 3 >nul 2>&1' in made.lines
    seven = staged(read_step(DISABLE.format("")), of_windows(6, 1))
    assert f'"{MANAGE}" -protectors -disable %SystemDrive% >nul 2>&1' in seven.lines
    assert seven.warnings


@pytest.mark.parametrize(
    ("facts", "skips", "expected"),
    [
        ({"tpm": {"present": False}}, "true", "true"),
        ({"tpm": {"present": False}}, "false", "it encrypts with the TPM"),
        ({"tpm": {"present": True}}, "true", "Enable BitLocker does that at the first start"),
        (None, "true", "whether that has one is not known; Supplies.facts tells what"),
    ],
)
def test_what_is_before_windows_is_passed_over_without_a_tpm(
    tmp_path: Path, facts: dict[str, object] | None, skips: str, expected: str
) -> None:
    given: tuple[str, ...] = ()
    if facts is not None:
        path = tmp_path / "facts.json"
        path.write_text(json.dumps({"format": "osdimage-facts", "version": 1, "classes": {}} | facts))
        given = (str(path),)
    machine = new_windows(supplies=Supplies(facts=given))
    machine.phase = Phase.PE
    wanted = step("p", "OfflineEnableBitLocker", None, {"SkipWhenTPMInvalid": skips})
    found = judged(wanted, machine)
    if expected == "true":
        assert found.decision is Decision.HOLDS
    else:
        assert expected in refusal(wanted, machine)


# ---- with a manage-bde that writes what it is told, and ends as the test says

# What manage-bde writes in German, and how it ends, is of Windows; that it has the id in braces is of all languages.
FAKE = r"""@echo off
>>C:\told.txt echo %*
if "%2"=="-get" (
    echo BitLocker-Laufwerkverschluesselung
    echo     Numerisches Kennwort:
    echo       ID: {1234ABCD-0000-1111-2222-333344445555}
    echo       Kennwort:
    echo         123456-123456
)
if "%1 %2"=="%FAILS%" exit /b 9
exit /b 0
"""


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    (made.drive / "bde.cmd").write_bytes(FAKE.replace("\n", "\r\n").encode("ascii"))
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


def ran(wine: Wine, command: StagedCommand, fails: str = "none") -> tuple[str, list[str]]:
    told = wine.drive / "told.txt"
    told.unlink(missing_ok=True)
    lines = [each.replace(f'"{MANAGE}"', r"call C:\bde.cmd").replace(MANAGE, r"C:\bde.cmd") for each in command.lines]
    (wine.drive / "step.cmd").write_bytes("".join(f"{line}\r\n" for line in lines).encode("ascii"))
    runs = f'@echo off\r\nset "FAILS={fails}"\r\ncmd /d /c C:\\step.cmd\r\n> C:\\code.txt echo %ERRORLEVEL%\r\n'
    (wine.drive / "runs.cmd").write_bytes(runs.encode("ascii"))
    wine.run("cmd", "/d", "/c", r"C:\runs.cmd")
    return (wine.drive / "code.txt").read_text().strip(), [
        " ".join(each.split()) for each in told.read_text().splitlines()
    ]


TPM, PASSWORD = "-protectors -add C: -tpm", "-protectors -add C: -recoverypassword"
GET = "-protectors -get C: -type recoverypassword"
BACKUP = "-protectors -adbackup C: -id {1234ABCD-0000-1111-2222-333344445555}"
ON = "-on C: -usedspaceonly -skiphardwaretest"


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("fails", "last", "ends_well"),
    [
        pytest.param("none", ON, True, id="well"),
        pytest.param("-protectors -adbackup", BACKUP, False, id="no directory", marks=pytest.mark.matrix),
        pytest.param("-protectors -add", TPM, False, id="no TPM"),
    ],
)
def test_nothing_is_encrypted_that_nobody_could_open(wine: Wine, fails: str, last: str, ends_well: bool) -> None:
    made = staged(read_step(OF_CONFIGMGR.format("TPM", "AD", "false")), of_windows(10, 0))
    code, told = ran(wine, made, fails)
    # Wine ends a call above 1 with 1.
    assert (code == "0") is ends_well
    every = [TPM, PASSWORD, GET, BACKUP, ON]
    assert told == every[: every.index(last) + 1]


def test_a_windows_that_can_be_read_has_nothing_to_suspend(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", make_tree(WINDOWS_10))
    machine.phase = Phase.OLD
    assert judged(read_step(DISABLE.format("")), machine).decision is Decision.HOLDS
    nothing = new_windows()
    nothing.phase = Phase.OLD
    assert judged(read_step(DISABLE.format("")), nothing).decision is Decision.REFUSE
