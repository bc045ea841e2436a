"""Programs of packages, applications and updates, as they wait for the first start; and several of them in Wine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cases.staging import judged, new_windows, read_step, refusal, staged
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.staging.several import Part, several

# As ConfigMgr exports them: forevanyeung/tasksequences, and for one program of a package and chosen applications what
# people have shown of theirs, shortened.
PROGRAM = """<step type="SMS_TaskSequence_InstallSoftwareAction" name="Office" successCodeList="0" runIn="FullOS">
 <action>smsswd.exe /pkg:ABC00001 /install /basevar: /continueOnError:</action><defaultVarList>
 <variable name="PackageID" property="PackageID" hidden="true">ABC00001</variable>
 <variable name="_SMSSWDProgramName" property="ProgramName">Install &amp; go</variable></defaultVarList></step>"""
LIST = """<step type="SMS_TaskSequence_InstallSoftwareAction" name="All" successCodeList="0" runIn="FullOS">
 <action>smsswd.exe /pkg: /install /basevar:App /continueOnError:{0}</action><defaultVarList>
 <variable name="BaseVariableName" property="BaseVariableName" hidden="true">App</variable>
 <variable name="ContinueOnInstallError" property="ContinueOnInstallError" hidden="true">{0}</variable>
 </defaultVarList></step>"""
APPLICATIONS = """<step type="SMS_TaskSequence_InstallApplicationAction" name="Apps" runIn="FullOS" retryCount="2">
 <action>smsappinstall.exe /app:ScopeId_1/Application_a,ScopeId_1/Application_b /basevar:</action><defaultVarList>
 <variable name="OSDApp0DisplayName" property="AppInfo0DisplayName">Viewer</variable>
 <variable name="OSDApp0Name" property="AppInfo0Name">ScopeId_1/Application_a</variable>
 <variable name="OSDApp1DisplayName" property="AppInfo1DisplayName">Editor</variable>
 <variable name="OSDApp1Name" property="AppInfo1Name">ScopeId_1/Application_b</variable>
 <variable name="ApplicationName" property="ApplicationName"
  hidden="true">ScopeId_1/Application_a,ScopeId_1/Application_b</variable>
 <variable name="OSDAppCount" property="NumApps">2</variable></defaultVarList></step>"""


def items(*values: str, digits: int = 3) -> Environment:
    return Environment(computer={f"App{number:0{digits}}": value for number, value in enumerate(values, 1)})


def files_of(step_given: Step, supplies: Supplies, packages: dict[str, Path], env: Environment) -> dict[str, str]:
    made = staged(step_given, new_windows(packages, supplies=supplies), env)
    return {each.name: each.text for each in made.files}


def test_a_program_becomes_the_command_line_that_was_given_for_it(tmp_path: Path) -> None:
    supplies = Supplies(programs={"ABC00001:Install & go": "setup.exe /q & %x%"})
    made = staged(read_step(PROGRAM), new_windows({"ABC00001": tmp_path}, supplies=supplies))
    assert made.lines[1:] == (
        r'pushd "%~dp0..\packages\ABC00001"',
        "if errorlevel 1 exit /b 3",
        "setup.exe /q ^& %%x%%",
    )
    assert (made.success_codes, made.retries, made.files) == ((0, 3010), None, ())
    assert made.does == "install ABC00001:Install & go"


def test_a_plan_names_what_was_given_and_no_step_asks_for(tmp_path: Path) -> None:
    supplies = Supplies(
        programs={"ABC00001:Install & go": "setup.exe", "ABC00001:Install and go": "setup.exe"},
        applications={
            "EDITOR": Application("editor.exe"),
            "viewer": Application("v.exe"),
            "Veiwer": Application("v.exe"),
        },
    )
    machine = new_windows({"ABC00001": tmp_path}, supplies=supplies)
    plan = plan_sequence(sequence("S", read_step(PROGRAM), read_step(APPLICATIONS)), Environment(), machine)
    assert plan.warnings[-2:] == (
        "no step asks for 'ABC00001:Install and go', which was given",
        "no step asks for 'Veiwer', which was given",
    )
    assert plan.unasked == ("ABC00001:Install and go", "Veiwer")


def test_a_list_runs_its_programs_in_order_until_its_first_gap(tmp_path: Path) -> None:
    env = items("ABC00001:Install", "ABC00002:A:b")
    env["App004"] = "ABC00003:Never"
    supplies = Supplies(programs={"ABC00001:Install": "one.exe", "ABC00002:A:b": "two.exe"})
    packages = {"ABC00001": tmp_path, "ABC00002": tmp_path}
    made = staged(read_step(LIST.format("false")), new_windows(packages, supplies=supplies), env)
    assert [each.text.splitlines()[-1] for each in made.files] == ["one.exe", "two.exe"]
    assert [each.name for each in made.packages] == ["ABC00001", "ABC00002"]
    assert judged(read_step(LIST.format("false")), new_windows()).decision is Decision.HOLDS


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param(("abc00001:Install",), "valid is PACKAGE:PROGRAM, the package in capitals", id="small letters"),
        pytest.param(("ABC00001",), "is no program", id="no program"),
        pytest.param(
            ("ABC00001:Install", "ABC00002:Other", "ABC00002:Other"),
            "is ABC00001:Install, ABC00002:Other, a site knows, and the sequence does not; give "
            "Supplies.programs[ABC00001:Install] and Supplies.programs[ABC00002:Other]",
            id="not given",
        ),
        pytest.param(("ABC00001:install",), "Supplies.programs[ABC00001:install]", id="case counts"),
    ],
)
def test_a_program_that_is_not_known_is_refused(values: tuple[str, ...], says: str) -> None:
    supplies = Supplies(programs={"ABC00009:Install": "x.exe"})
    assert says in refusal(read_step(LIST.format("true")), new_windows(supplies=supplies), items(*values))


def test_a_list_that_the_first_start_sets_is_refused() -> None:
    wanted = read_step(LIST.format("true"))
    assert "App001 is set at the first start" in refusal(wanted, new_windows(unsure={"app001"}))
    assert "it names no program" in refusal(step("x", "InstallSoftware"), new_windows())


@pytest.mark.parametrize("names", [("Viewer", "Editor"), ("scopeid_1/application_A", "EDITOR")])
def test_applications_are_those_that_were_given_by_name_or_id(tmp_path: Path, names: tuple[str, str]) -> None:
    given = {names[0]: Application("viewer.exe /q", "ABC00001"), names[1]: Application("editor.exe")}
    made = staged(read_step(APPLICATIONS), new_windows({"ABC00001": tmp_path}, supplies=Supplies(applications=given)))
    assert made.does == "install Viewer, Editor"
    assert [each.text.splitlines()[1:] for each in made.files] == [
        [r'pushd "%~dp0..\packages\ABC00001"', "if errorlevel 1 exit /b 3", "viewer.exe /q"],
        [r'pushd "%SystemRoot%\System32"', "if errorlevel 1 exit /b 3", "editor.exe"],
    ]
    assert made.changes == {"_tsappinstallstatus"}


def test_applications_that_are_not_known_are_refused_and_an_empty_list_is_none() -> None:
    says = refusal(read_step(APPLICATIONS), new_windows())
    assert "how 'Viewer', 'Editor' is installed, a site knows" in says
    assert says.endswith("give Supplies.applications[Viewer] and Supplies.applications[Editor]")
    wanted = step("a", "InstallApplication", None, {"BaseVariableName": "App"})
    assert judged(wanted, new_windows()).decision is Decision.HOLDS
    machine = new_windows(supplies=Supplies(applications={"one": Application("1.exe")}))
    assert staged(wanted, machine, items("One", digits=2)).does == "install One"
    assert "it names no application" in refusal(step("a", "InstallApplication"), new_windows())


def test_the_updates_of_a_folder_are_installed_in_the_order_of_their_names(tmp_path: Path) -> None:
    wanted = read_step(
        '<step type="SMS_TaskSequence_InstallUpdateAction" name="u" runIn="FullOS" retryCount="2"><action/></step>'
    )
    assert "give Supplies.updates" in refusal(wanted, new_windows())
    machine = new_windows(supplies=Supplies(updates=tmp_path))
    (tmp_path / "readme.txt").write_text("x")
    assert judged(wanted, machine).decision is Decision.HOLDS
    for name in ("kb2.MSU", "kb1 & 100%.cab"):
        (tmp_path / name).write_bytes(b"MSCF")
    made = staged(wanted, machine)
    assert made.does == f"install 2 updates of {tmp_path}"
    package = r'"/packagepath:%~dp0..\packages\updates-1\kb1 & 100%%.cab"'
    assert [each.text.splitlines()[-1] for each in made.files] == [
        rf'"%SystemRoot%\System32\dism.exe" /online /add-package {package} /quiet /norestart',
        r'"%SystemRoot%\System32\wusa.exe" "%~dp0..\packages\updates-2\kb2.MSU" /quiet /norestart',
    ]
    assert [(each.name, each.path.name) for each in made.packages] == [
        ("updates-1", "kb1 & 100%.cab"),
        ("updates-2", "kb2.MSU"),
    ]
    assert "is no folder" in refusal(wanted, new_windows(supplies=Supplies(updates=tmp_path / "none")))


def test_a_secret_in_one_of_several_commands_is_found() -> None:
    env = items("One", digits=2)
    env["OSDJoinPassword"] = "Pa55&word"
    given = {"one": Application("1.exe Pa55&word")}
    wanted = step("a", "InstallApplication", None, {"BaseVariableName": "App"})
    assert "on the disk in clear text" in refusal(wanted, new_windows(supplies=Supplies(applications=given)), env)


# ---- several commands, in Wine


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


def ends(wine: Wine, codes: Sequence[int], *, goes_on: bool = False, keep: bool = False) -> tuple[str, str, str]:
    """Return how a step ends whose commands end so, which of them ran, and the variable that it sets."""
    folder = wine.drive / "start" / "1"
    if not keep:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
    parts = [
        Part(("@echo off", rf">>C:\ran.txt echo {n}", f"exit /b {code}"), (7, -5)) for n, code in enumerate(codes, 1)
    ]
    lines, files = several(parts, goes_on=goes_on, status="Status")
    # The wait for a restart that has begun is not waited for.
    texts = {"step.cmd": [line.replace("-n 600", "-n 1") for line in lines]} | {
        each.name: each.text.split("\n") for each in files
    }
    for name, held in texts.items():
        (folder / name).write_bytes("".join(f"{line}\r\n" for line in held).encode("ascii"))
    assert faults((folder / "step.cmd").read_bytes()) == []
    (wine.drive / "ran.txt").unlink(missing_ok=True)
    runs = "@echo off\r\ncmd /d /c C:\\start\\1\\step.cmd > C:\\told.txt\r\n> C:\\code.txt echo %ERRORLEVEL%\r\n"
    (wine.drive / "runs.cmd").write_bytes(runs.encode("ascii"))
    wine.run("cmd", "/d", "/c", r"C:\runs.cmd")
    ran = wine.drive / "ran.txt"
    told = (folder.parent / "vars.txt").read_text().split()[-1]
    return (wine.drive / "code.txt").read_text().strip(), "".join(ran.read_text().split()) if ran.exists() else "", told


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("codes", "goes_on", "expected"),
    [
        pytest.param((0, 0), False, ("0", "12", "Status=Success"), id="well"),
        pytest.param((3010, 0), False, ("3010", "12", "Status=Success"), id="restart behind the last"),
        pytest.param((7, -5, 1641), False, ("0", "123", "Status=Success"), id="passed"),
        pytest.param((0, 5, 0), False, ("5", "12", "Status=Error"), id="the first that fails ends it"),
        pytest.param((5, 3010, -2147024891), True, ("3010", "123", "Status=Error"), id="goes on"),
    ],
)
def test_several_commands_end_as_one_step(
    wine: Wine,
    codes: tuple[int, ...],
    goes_on: bool,
    expected: tuple[str, str, str],
) -> None:
    assert ends(wine, codes, goes_on=goes_on) == expected


@pytest.mark.foreign
def test_what_has_ended_well_is_not_run_again_with_the_step(wine: Wine) -> None:
    assert ends(wine, (0, 3010, 5)) == ("5", "123", "Status=Error")
    assert ends(wine, (0, 3010, 0), keep=True) == ("0", "3", "Status=Success")
