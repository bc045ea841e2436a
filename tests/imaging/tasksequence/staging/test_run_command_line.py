"""Run Command Line and Set Task Sequence Variable, as they wait for the first start."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.staging import judged, new_windows, read_step, refusal, staged, staged_step
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.sequence import Step

# As ConfigMgr exports it: forevanyeung/tasksequences, with another command line and a time-out.
EXPORTED = """<step type="SMS_TaskSequence_RunCommandLineAction" name="Run Command Line" description=""
 runIn="WinPEandFullOS" successCodeList="0 3010" retryCount="0" runFromNet="false" timeout="900">
 <action>smsswd.exe /run:ABC00001 setup.exe /dir "%Folder%" &amp; %Unknown%</action><defaultVarList>
 <variable name="CommandLine" property="CommandLine" hidden="true">setup.exe /dir "%Folder%" &amp; %Unknown%</variable>
 <variable name="PackageID" property="PackageID" hidden="true">ABC00001</variable>
 <variable name="SMSTSDisableWow64Redirection" property="DisableWow64Redirection">false</variable>
 <variable name="SMSTSRunCommandLineOutputVariableName" property="OutputVariableName">Out</variable>
 <variable name="_SMSTSRunCommandLineAsUser" property="RunAsUser">false</variable>
 <variable name="SuccessCodes" property="SuccessCodes" hidden="true">0 3010</variable></defaultVarList></step>"""


def command(text: str, variables: dict[str, str] | None = None, **properties: str) -> Step:
    return step("run", "RunCommandLine", variables, {"CommandLine": text, **properties})


def test_an_exported_step_becomes_its_command_line_in_the_folder_of_its_package(tmp_path: Path) -> None:
    machine = new_windows({"abc00001": tmp_path})
    found = staged_step(read_step(EXPORTED), machine, Environment(computer={"Folder": "C:\\a b"}))
    assert found.success_codes == (0, 3010)
    made = found.command
    assert made.lines == (
        "@echo off",
        r'pushd "%~dp0..\packages\ABC00001"',
        "if errorlevel 1 exit /b 3",
        r'setup.exe /dir "C:\a b" ^& %%Unknown%%',
    )
    assert [(each.name, each.path) for each in made.packages] == [("ABC00001", tmp_path)]
    assert (made.is_wow, made.timeout_seconds, made.output_variable) == (True, 900, "Out")
    assert made.does == r'run setup.exe /dir "C:\a b" & %Unknown%'


# What MDT writes where an administrator adds a command line; its own scripts are no such command lines.
@pytest.mark.parametrize("type_name", ['type="SMS_TaskSequence_RunCommandLineAction" ', ""])
def test_a_step_of_mdt_starts_where_its_own_shell_does(type_name: str) -> None:
    xml = rf"""<step {type_name}name="Ours" successCodeList="0 3010" description="" startIn="C:\Ours &amp; more">
     <action>powershell.exe -file C:\Ours.ps1</action><defaultVarList>
     <variable name="RunAsUser" property="RunAsUser">false</variable></defaultVarList></step>"""
    made = staged(read_step(xml), new_windows())
    assert made.lines[1:] == (
        r'pushd "C:\Ours & more"',
        "if errorlevel 1 exit /b 3",
        r"powershell.exe -file C:\Ours.ps1",
    )
    assert not made.is_wow
    unheard = read_step('<step name="x"><action>cscript.exe "%SCRIPTROOT%\\ZTIUnheard.wsf"</action></step>')
    assert "ZTIUnheard is not known" in refusal(unheard, new_windows())


@pytest.mark.parametrize(
    ("folder", "package", "entered"),
    [
        (None, None, r"%SystemRoot%\System32"),
        ("sub\\x", None, "sub\\x"),
        ("sub/x\\", "ABC00001", r"%~dp0..\packages\ABC00001\sub\x"),
        ("%ProgramFiles%\\a%b", "ABC00001", r"%ProgramFiles%\a%%b"),
        ('"D:\\a b"', "ABC00001", r"D:\a b"),
        (r"\\server\share", "ABC00001", r"\\server\share"),
    ],
)
def test_it_starts_in_its_working_directory(
    tmp_path: Path, folder: str | None, package: str | None, entered: str
) -> None:
    given = {"WorkingDirectory": folder or "", "PackageID": package or ""}
    made = staged(command("a.exe", **given), new_windows({"ABC00001": tmp_path}))
    assert made.lines[1] == f'pushd "{entered}"'


def test_the_package_and_the_command_are_read_from_the_line_of_the_action_where_nothing_else_says_them(
    tmp_path: Path,
) -> None:
    type_name = "SMS_TaskSequence_RunCommandLineAction"
    xml = f'<step type="{type_name}" name="x"><action>smsswd.exe /run:{{}} a.exe /q</action></step>'
    made = staged(read_step(xml.format("ABC00001")), new_windows({"ABC00001": tmp_path}))
    assert made.lines[1:] == (r'pushd "%~dp0..\packages\ABC00001"', "if errorlevel 1 exit /b 3", "a.exe /q")
    assert staged(read_step(xml.format("")), new_windows()).lines[-1] == "a.exe /q"


def test_a_variable_that_the_first_start_sets_is_read_there() -> None:
    env = Environment(computer={"Out": "before", "Other": "known"})
    made = staged(command("a.exe %Out% %Other%"), new_windows(unsure={"out"}), env)
    assert made.lines[-1] == "a.exe %Out% known"
    assert made.warnings == (
        "Out: what the first start puts there, its shell reads: & | < > ^ are no text outside of quotes",
    )


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (r'cmd.exe /c "\\srv-1\s$\a b.exe" \\srv-1\s$\c', r"\\srv-1\s$"),
        (r"x.exe \\.\PhysicalDrive0 \\?\C:\x C:\\a\b a\\b\c", None),
    ],
)
def test_what_is_in_the_network_is_told(text: str, share: str | None) -> None:
    warnings = staged(command(text), new_windows()).warnings
    assert [each.partition(": ")[0] for each in warnings] == ([] if share is None else [share])


def test_a_command_line_written_by_hand_may_ask_for_a_restart() -> None:
    assert command("a.exe").success_codes == (0, 3010)
    assert set_variable("A", "x").success_codes == (0,)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        pytest.param(command(""), "CommandLine is missing", id="no command"),
        pytest.param(command("copy a b"), "valid is cmd.exe /c copy", id="command of the shell"),
        pytest.param(command("a.exe", {"RunAsUser": "true"}), "Supplies.replaced[N]", id="another user"),
        pytest.param(command("a.exe", SuccessCodes="x"), "SuccessCodes=x: valid: exit codes", id="codes"),
        pytest.param(command("a.exe", PackageID="ABC00009"), "no path for package 'ABC00009'", id="not mapped"),
        pytest.param(command("a.exe", PackageID="GONE"), "/nowhere does not exist", id="not there"),
        pytest.param(command("a.exe", PackageID="..\\x"), "is no name of a folder", id="no folder"),
        pytest.param(command("a.exe", PackageID="CON"), "its ID is that of a device", id="device"),
        pytest.param(command("a.exe", PackageID="ABC."), "its ID ends in a dot or a blank", id="dot"),
        pytest.param(command("a.exe", PackageID="%a%"), "is no name of a folder", id="percent"),
        pytest.param(command("a.exe " + "b" * 10**6), "valid are 8000", id="a million characters"),
    ],
)
def test_what_cannot_be_started_is_refused(wanted: Step, says: str) -> None:
    assert says in refusal(wanted, new_windows({"GONE": Path("/nowhere")}))


def test_a_package_without_a_path_names_what_to_give() -> None:
    assert refusal(command("a.exe", PackageID="ABC00009"), new_windows()).endswith("give packages[ABC00009]")


def test_a_command_line_that_is_not_to_be_logged_is_not_shown() -> None:
    made = staged(command("a.exe /x", {"OSDDoNotLogCommand": "true"}), new_windows())
    assert "a.exe" not in made.does


def test_a_secret_in_the_command_line_is_refused_unless_it_may_be_on_the_disk() -> None:
    env = Environment(computer={"OSDJoinPassword": "Pa55&word"})
    wanted = command("net use x: /user:y %OSDJoinPassword%")
    assert "OSDJoinPassword on the disk in clear text" in refusal(wanted, new_windows(), env)
    allowed = staged(wanted, new_windows(supplies=Supplies(secrets_on_disk=True)), env)
    assert allowed.lines[-1].endswith("Pa55^&word")


# ---- Set Task Sequence Variable


def set_variable(name: str, value: str, **properties: str) -> Step:
    return step("set", "SetVariable", None, {"VariableName": name, "VariableValue": value, **properties})


def test_a_variable_is_set_now_unless_its_value_hangs_on_the_first_start() -> None:
    machine = new_windows()
    assert judged(set_variable("A", "x"), machine).decision is Decision.RUN
    machine.staged.append(staged_step(command("a.exe", {"SMSTSRunCommandLineOutputVariableName": "Out"}), machine))
    machine.unsure.add("out")
    assert judged(set_variable("A", "x"), machine).decision is Decision.RUN
    made = staged(set_variable("A", "100% <%Out%>"), machine)
    assert made.lines == ("@echo off", 'set "A=100%% <%Out%>"', r'>>"%~dp0..\vars.txt" set A')
    assert made.changes == {"a"}


@pytest.mark.parametrize("name", ["_SMSTSX", "1A"])
def test_a_name_that_cannot_be_set_is_refused(name: str) -> None:
    machine = new_windows(unsure={"out"})
    machine.staged.append(staged_step(command("a.exe"), machine))
    assert judged(set_variable(name, "%Out%"), machine).decision is Decision.REFUSE


def test_in_windows_pe_a_command_line_is_refused() -> None:
    machine = new_windows()
    machine.phase = Phase.PE
    assert refusal(command("a.exe"), machine)
