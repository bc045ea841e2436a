"""Steps that are true where the caller has mapped what they fetch, and wait for the first start otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.staging import judged, new_windows, read_step, refusal, staged
from osdimage.imaging.errors import Means
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import plan_sequence

# As ConfigMgr exports them: forevanyeung/tasksequences.
CONNECT = read_step(
    r"""<step type="SMS_TaskSequence_ConnectNetworkFolderAction" name="Connect"><action>smsnetuse.exe</action>
 <defaultVarList><variable name="SMSConnectNetworkFolderDriveLetter" property="DriveLetter">D:</variable>
 <variable name="SMSConnectNetworkFolderPassword" property="Password">p%a&amp;b\</variable>
 <variable name="SMSConnectNetworkFolderPath" property="Path">\\as\s</variable>
 <variable name="SMSConnectNetworkFolderAccount" property="Username">s\ad</variable></defaultVarList></step>"""
)
DOWNLOAD = """<step type="SMS_TaskSequence_DownloadPackageContentAction" name="Get"><action/>
 <defaultVarList><variable name="OSDDownloadContinueDownloadOnError" property="ContinueDownloadOnError">true</variable>
 <variable name="OSDDownloadDestinationPath" property="DestinationCustomPath">{1}</variable>
 <variable name="OSDDownloadDestinationLocationType" property="DestinationLocationType">{0}</variable>
 <variable name="OSDDownloadDestinationVariable" property="DestinationVariable">Drv</variable>
 <variable name="OSDDownloadDownloadPackages" property="DownloadPackages">ABC00001, abc00002</variable>
 <variable name="OSDPackage" property="PackageInfo" hidden="true">1</variable></defaultVarList></step>"""


@pytest.mark.parametrize("share", [r"\\AS\s", r"\\as\s" + "\\", "//as/s"])
@pytest.mark.parametrize("phase", [Phase.PE, Phase.NEW])
def test_a_share_that_a_folder_stands_for_is_connected(tmp_path: Path, share: str, phase: Phase) -> None:
    machine = new_windows()
    machine.phase, machine.shares[share] = phase, tmp_path
    found = judged(CONNECT, machine)
    assert found.decision is Decision.HOLDS
    assert found.already is not None
    assert bool(found.already.warnings) is (phase is Phase.NEW)


def test_a_share_without_a_folder_is_connected_at_the_first_start_with_a_password_that_may_be_there() -> None:
    machine = new_windows()
    machine.shares[r"\\as\s2"] = Path("/x")
    assert "SMSConnectNetworkFolderPassword on the disk" in refusal(CONNECT, machine)
    made = staged(CONNECT, new_windows(supplies=Supplies(secrets_on_disk=True)))
    assert made.lines[-1] == (r'"%SystemRoot%\System32\net.exe" use D: "\\as\s" "p%%a&b\\" "/user:s\ad" /persistent:no')
    assert "p%a" not in made.does


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "SMSConnectNetworkFolderPath is missing"),
        ({"Path": r"C:\x", "Account": "a", "Password": "b"}, r"valid is \\server\share"),
        ({"Path": r"\\a\b"}, r"are needed to connect to \\a\b; let a folder stand for it: Machine.shares[\\a\b]"),
        ({"Path": r"\\a\b", "DriveLetter": "C:"}, "a drive from D: to Z:"),
        ({"Path": r"\\a\b", "Account": "a", "Password": 'b"'}, "quotation mark"),
    ],
)
def test_what_cannot_be_connected_is_refused(variables: dict[str, str], says: str) -> None:
    given = {f"SMSConnectNetworkFolder{name}": value for name, value in variables.items()}
    assert says in refusal(step("c", "ConnectNetworkFolder", given), new_windows())


def test_in_windows_pe_a_share_without_a_folder_is_refused_with_what_to_give() -> None:
    machine = new_windows()
    machine.phase = Phase.PE
    assert refusal(CONNECT, machine).endswith(r"no folder stands; give Machine.shares[\\as\s]")


def test_packages_that_have_a_path_are_there_before_the_new_windows(tmp_path: Path) -> None:
    machine = new_windows({"ABC00001": tmp_path, "ABC00002": tmp_path / "a.wim"})
    machine.phase = Phase.PE
    wanted = read_step(DOWNLOAD.format("Custom", r"D:\x"))
    assert refusal(wanted, machine).endswith("a.wim does not exist")
    (tmp_path / "a.wim").write_bytes(b"x")
    found = judged(wanted, machine)
    assert found.already is not None
    assert found.already.sets == {"Drv01": str(tmp_path), "Drv02": str(tmp_path / "a.wim")}
    assert found.already.warnings == (r"they are not put into D:\x: the variables name where they are here",)
    del machine.packages["ABC00002"]
    assert refusal(wanted, machine).endswith("give packages[abc00002]")


def test_the_new_windows_finds_packages_on_its_disk(tmp_path: Path) -> None:
    machine = new_windows({"ABC00001": tmp_path, "ABC00002": tmp_path})
    made = staged(read_step(DOWNLOAD.format("TSCache", "")), machine)
    assert [each.name for each in made.packages] == ["ABC00001", "ABC00002"]
    assert made.lines == (
        "@echo off",
        r'set "Drv01=%SystemDrive%\ProgramData\osdimage\FirstStart\packages\ABC00001"',
        r'>>"%~dp0..\vars.txt" set Drv01',
        r'set "Drv02=%SystemDrive%\ProgramData\osdimage\FirstStart\packages\ABC00002"',
        r'>>"%~dp0..\vars.txt" set Drv02',
        "exit /b 0",
    )
    assert made.changes == {"drv01", "drv02"}
    own = staged(read_step(DOWNLOAD.format("Custom", "%windir%\\Drv 100%/")), machine)
    folders = r'"%~dp0..\packages\ABC00001" "%windir%\Drv 100%%\ABC00001"'
    assert own.lines[1:5] == (
        rf'"%SystemRoot%\System32\xcopy.exe" {folders} /e /i /h /k /y /q',
        "if errorlevel 1 exit /b %ERRORLEVEL%",
        r'set "Drv01=%windir%\Drv 100%%\ABC00001"',
        r'>>"%~dp0..\vars.txt" set Drv01',
    )


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "OSDDownloadDownloadPackages is missing"),
        ({"DownloadPackages": ","}, "names 0 packages"),
        ({"DownloadPackages": "A", "DestinationLocationType": "Custom"}, "OSDDownloadDestinationPath is missing"),
        ({"DownloadPackages": "A", "DestinationVariable": "_x"}, "_x01 is read-only"),
        ({"DownloadPackages": "A"}, "give packages[A]"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(variables: dict[str, str], says: str) -> None:
    given = {f"OSDDownload{name}": value for name, value in variables.items()}
    for phase in (Phase.NEW, Phase.PE):
        machine = new_windows()
        machine.phase = phase
        assert says in refusal(step("d", "DownloadPackageContent", given), machine, Environment())


def test_a_package_that_several_steps_lack_is_asked_for_once() -> None:
    driver = step("d", "ApplyDataImage", {"OSDDataImageIndex": "1"}, properties={"ImagePackageID": "ABC00001"})
    wanted = sequence("S", driver, read_step(DOWNLOAD.format("TSCache", "").replace(", abc00002", "")))
    found = plan_sequence(wanted, Environment(), Machine()).remedies()
    assert [each.values for each in found if each.means == (Means.PACKAGES,)] == [("ABC00001",)]
