"""Run PowerShell Script, and MDT's, as they wait for the first start."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cases.staging import judged, new_windows, read_step, refusal, staged
from cases.windows_trees import write_tree
from judges.wim import wimlib
from osdimage.imaging.tasksequence.computer.machine import Place, TargetSystem
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.system import ImagePlace
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.staging.staged import StagedFile

START = (
    r'"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy {} '
    r'-File "{}"'
)
# printf 'Write-Output "h\303\251"\r\nexit 3\r\n' | iconv -f UTF-8 -t UTF-16LE | (printf '\377\376'; cat) | base64 -w0
CARRIED = "//5XAHIAaQB0AGUALQBPAHUAdABwAHUAdAAgACIAaADpACIADQAKAGUAeABpAHQAIAAzAA0ACgA="


def exported(source: str = CARRIED, more: str = "") -> Step:
    """Return a step as ConfigMgr exports it (forevanyeung/tasksequences), with another script."""
    return read_step(
        f"""<step type="SMS_TaskSequence_RunPowerShellScriptAction" name="Run PowerShell Script" description=""
 runIn="WinPEandFullOS" successCodeList="0 3010" retryCount="0" runFromNet="false">
 <action>OSDRunPowerShellScript.exe</action><defaultVarList>
 <variable name="OSDRunPowerShellScriptExecutionPolicy" property="ExecutionPolicy">AllSigned</variable>
 <variable name="OSDRunPowerShellScriptOutputVariableName" property="OutputVariableName"></variable>
 <variable name="OSDRunPowerShellScriptParameters" property="Parameters"></variable>
 <variable name="_SMSTSRunPowerShellAsUser" property="RunAsUser">false</variable>
 <variable name="OSDRunPowerShellScriptSourceScript" property="SourceScript">{source}</variable>
 <variable name="OSDRunPowerShellScriptSuccessCodes" property="SuccessCodes" hidden="true">0 3010</variable>
 <variable name="SMSTSRunPowerShellUserName" property="UserName"></variable>
 <variable name="SMSTSRunPowerShellWorkingDirectory" property="WorkingDirectory"></variable>{more}
 </defaultVarList></step>"""
    )


def of_package(**variables: str) -> Step:
    given = {f"OSDRunPowerShellScript{name}": value for name, value in variables.items()}
    return step("run", "RunPowerShellScript", given)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Set-It 100%.ps1").write_text("exit 0\n")
    return tmp_path


def test_a_script_that_the_step_carries_is_put_beside_its_command() -> None:
    made = staged(exported(), new_windows())
    assert made.files == (StagedFile("script.ps1", 'Write-Output "hé"\nexit 3\n', is_unicode=True),)
    assert made.lines == (
        "@echo off",
        r'pushd "%SystemRoot%\System32"',
        "if errorlevel 1 exit /b 3",
        START.format("AllSigned", r"%~dp0script.ps1"),
    )
    assert made.success_codes == (0, 3010)
    assert not made.is_wow
    assert made.warnings == (
        "its script is not signed, and its execution policy is AllSigned: PowerShell will not run it",
    )


def test_a_script_may_be_longer_than_a_variable() -> None:
    long = base64.b64encode("x".join(["#"] * 20_000).encode("utf-16")).decode()
    assert staged(exported(long), new_windows()).files[0].text == "#x" * 19_999 + "#"


def test_a_script_of_a_package_is_told_its_parameters(package: Path) -> None:
    wanted = of_package(
        PackageID="abc00001",
        ScriptName="SUB/set-it 100%.ps1",
        Parameters='-Name "a & b" -All & %Out%',
        ExecutionPolicy="bypass",
        OutputVariableName="Told",
    )
    made = staged(wanted, new_windows({"ABC00001": package}, unsure={"out"}))
    assert made.lines[1] == r'pushd "%~dp0..\packages\ABC00001"'
    script = r"%~dp0..\packages\ABC00001\SUB\set-it 100%%.ps1"
    assert made.lines[-1] == START.format("Bypass", script) + ' -Name "a & b" -All ^& %Out%'
    assert (made.output_variable, made.files) == ("Told", ())
    assert "a & b" not in made.does


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        pytest.param(of_package(), "it has no script", id="none"),
        pytest.param(of_package(PackageID="ABC00001"), "it has no script", id="no name"),
        pytest.param(of_package(PackageID="ABC00001", ScriptName="x.ps1"), "holds no file 'x.ps1'", id="not there"),
        pytest.param(of_package(PackageID="ABC00001", ScriptName="../x.ps1"), "holds no file", id="out of it"),
        pytest.param(of_package(PackageID="ABC00002", ScriptName="x.ps1"), "packages[ABC00002]", id="not mapped"),
        pytest.param(of_package(ExecutionPolicy="Restricted"), "valid: which scripts may run", id="policy"),
        pytest.param(exported("=="), "SourceScript===", id="no Base64"),
        pytest.param(exported("//4A"), "SourceScript", id="half a character"),
        pytest.param(exported("//4AAA=="), "SourceScript", id="NUL"),
        pytest.param(
            exported(more='<variable name="SMSTSRunPowerShellAsUser">true</variable>'), "another user", id="user"
        ),
    ],
)
def test_what_cannot_be_run_is_refused(package: Path, wanted: Step, says: str) -> None:
    assert says in refusal(wanted, new_windows({"ABC00001": package}))


def test_a_secret_in_a_script_is_found_behind_its_base64() -> None:
    # The script of CARRIED holds it.
    env = Environment(computer={"OSDJoinPassword": "Write-Output"})
    assert "OSDJoinPassword on the disk in clear text" in refusal(exported(), new_windows(), env)


@pytest.mark.foreign
def test_a_windows_without_powershell_is_refused(tmp_path: Path) -> None:
    # wimcapture TREE image.wim windows --compress=none, of a tree that has it, and of one that has not.
    for has, root in ((True, "with"), (False, "without")):
        files = {r"Windows/System32/WindowsPowerShell/v1.0/powershell.exe": b"MZ"} if has else {}
        tree = write_tree(tmp_path / root, {"Windows/System32/ntoskrnl.exe": b"MZ", **files})
        wim = tmp_path / f"{root}.wim"
        wimlib("capture", tree, wim, "windows", "--compress=none")
        machine = new_windows()
        facts = WindowsFacts(6, 0, "x86", "Windows")
        machine.system = TargetSystem(Place(0, 1), facts, ImagePlace(wim, 1))
        found = judged(exported(), machine)
        assert found.decision is (Decision.STAGE if has else Decision.REFUSE)
        assert has or "the Windows that was applied has none" in (found.reason or "")


def of_mdt(name: str, **properties: str) -> Step:
    return step("run", "BDD_RunPowerShellAction", {"ScriptName": name, "Parameters": "-a & b"}, properties)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("Ours.ps1", "Scripts-Ours.ps1"),
        (r"%SCRIPTROOT%\ours.PS1", "Scripts-Ours.ps1"),
        (r"%DeployRoot%\Custom\Ours.ps1", "Custom-Ours.ps1"),
        (r"Custom\Ours.ps1", "Custom-Ours.ps1"),
    ],
)
def test_a_script_of_a_deployment_share_is_looked_for_where_mdt_does(tmp_path: Path, name: str, held: str) -> None:
    (tmp_path / "Control").mkdir()
    for folder in ("Scripts", "Custom"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Ours.ps1").write_text("exit 0\n")
    root = r"\\server\share$"
    env = Environment(computer={"DeployRoot": root, "SCRIPTROOT": rf"{root}\Scripts"})
    made = staged(of_mdt(name), new_windows(supplies=Supplies(deployment_share=tmp_path)), env)
    assert made.lines[-1] == START.format("Bypass", rf"%~dp0..\packages\{held}\Ours.ps1") + " -a ^& b"
    assert [(each.name, each.path.name) for each in made.packages] == [(held, "Ours.ps1")]


def test_a_script_that_mdt_has_nowhere_is_refused(tmp_path: Path) -> None:
    assert "give Supplies.deployment_share" in refusal(of_mdt("Ours.ps1"), new_windows())
    machine = new_windows(supplies=Supplies(deployment_share=tmp_path))
    assert f"{tmp_path} is no deployment share: it has no folder Control" in refusal(of_mdt("Ours.ps1"), machine)
    (tmp_path / "Control").mkdir()
    assert "neither in the deployment share" in refusal(of_mdt("Ours.ps1"), machine)
    assert "neither in the deployment share" in refusal(of_mdt("..\\Ours.ps1"), machine)
    (tmp_path / "in.ps1").write_text("exit 0\n")
    packages = {"ABC00001": tmp_path}
    assert "holds no file" in refusal(of_mdt("Ours.ps1", PackageID="ABC00001"), new_windows(packages))
    made = staged(of_mdt("in.ps1", PackageID="ABC00001"), new_windows(packages))
    assert made.lines[-1].startswith(START.format("Bypass", r"%~dp0..\packages\ABC00001\in.ps1"))
