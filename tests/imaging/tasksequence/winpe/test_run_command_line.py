"""Run Command Line in Windows PE, as a step: planned, run, refused, and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence_bench import states
from osdimage.imaging.errors import Means, UnsupportedSteps
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import StepState
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Sequence, Step
from osdimage.imaging.tasksequence.winpe.places import written

pytestmark = pytest.mark.foreign


def command(line: str, name: str = "c", **options: object) -> Step:
    return step(name, "RunCommandLine", properties={"CommandLine": line}, **options)  # type: ignore[arg-type] # passed


def there(machine: Machine, *paths: str) -> list[str]:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        return [path for path in paths if files.exists(path)]


def test_a_line_is_done_with_the_variables_of_the_sequence(machine: Machine) -> None:
    wanted = sequence(
        "S",
        command(r"cmd /c mkdir X:\_SMSTaskSequence"),
        command(r"cmd /c mkdir %OSDISK%\_SMSTaskSequence"),
        command(r"cmd /c REG UNLOAD HKLM\$DEST$SOFTWARE"),
    )
    env = Environment(computer={"OSDisk": "C:"})
    plan = plan_sequence(wanted, env, machine)
    assert [each.decision for each in plan.steps] == [Decision.HOLDS, Decision.RUN, Decision.HOLDS]
    assert plan.steps[1].does == r"make the folder C:\_SMSTaskSequence"
    report = run_sequence(wanted, env, machine)
    assert states(report) == [StepState.HOLDS, StepState.SUCCEEDED, StepState.HOLDS]
    assert there(machine, "_SMSTaskSequence") == ["_SMSTaskSequence"]


# As the export of ConfigMgr and as MDT write one: the command line behind smsswd.exe and in a property, or as it is.
@pytest.mark.parametrize(
    "element",
    [
        r"<action>smsswd.exe /run: cmd /c mkdir C:\a</action>",
        (
            r"<action>smsswd.exe /run: cmd /c mkdir C:\no</action><defaultVarList>"
            r'<variable name="CommandLine" property="CommandLine" hidden="true">cmd /c mkdir C:\a</variable>'
            r"</defaultVarList>"
        ),
        (
            r"<action>cmd /c mkdir C:\a</action><defaultVarList>"
            r'<variable name="PackageID" property="PackageID"/></defaultVarList>'
        ),
    ],
    ids=["action", "property", "mdt"],
)
def test_the_command_line_is_where_exports_have_it(machine: Machine, element: str) -> None:
    kind = "SMS_TaskSequence_RunCommandLineAction"
    text = f'<sequence version="3.10"><step type="{kind}" name="c" successCodeList="0 3010">{element}</step></sequence>'
    assert run_sequence(read_sequence(text.encode(), source="s.xml"), Environment(), machine).succeeded
    assert there(machine, "a", "no") == ["a"]


def test_exit_codes_are_those_of_the_programs(machine: Machine, tmp_path: Path) -> None:
    del tmp_path
    (machine.shares["\\\\srv\\share"] / "a.txt").write_text("A")
    copy = r"robocopy \\srv\share C:\r"
    wanted = sequence(
        "S",
        command(r"cmd /c exit 9999", "a", continue_on_error=True),
        command(copy, "b", success_codes=(0, 1)),
        command(copy, "c"),
        command(r"cmd /c mkdir C:\r", "d"),
        command(r"cmd /c mkdir C:\s", "e"),
    )
    report = run_sequence(wanted, Environment(), machine)
    assert states(report) == [
        StepState.TOLERATED,
        StepState.SUCCEEDED,
        StepState.SUCCEEDED,
        StepState.FAILED,
        StepState.NOT_RUN,
    ]
    assert [each.code for each in report.steps[:4]] == [9999, 1, 0, 1]


def test_a_step_that_takes_a_copy_of_robocopy_for_a_failure_is_told(machine: Machine) -> None:
    line = {"CommandLine": r"robocopy \\srv\share C:\r"}
    wanted = [step("c", "RunCommandLine", properties=line | {"SuccessCodes": codes}) for codes in ("0 3010", "0 1")]
    plan = plan_sequence(sequence("S", *wanted), Environment(), machine)
    assert [len(each.warnings) for each in plan.steps] == [1, 0]
    assert "ends with 1 when it has copied files" in plan.steps[0].warnings[0]


def _refused(wanted: Sequence, machine: Machine, env: Environment | None = None) -> UnsupportedSteps:
    with pytest.raises(UnsupportedSteps) as caught:
        run_sequence(wanted, env or Environment(), machine)
    return caught.value


def test_what_is_not_recognized_stops_the_run_and_tells_what_would_help(machine: Machine) -> None:
    wanted = sequence("S", command(r"cmd /c mkdir C:\a"), command("wpeutil reboot"), command("x.exe"))
    refused = _refused(wanted, machine)
    assert [text.partition(":")[0] for text in refused.problems] == ["step 2 'c'", "step 3 'c'"]
    assert "the program 'wpeutil' is not recognized" in refused.problems[0]
    assert refused.remedy is not None
    assert refused.remedy.means == (Means.LEAVE_OUT, Means.REPLACE_STEP)
    assert there(machine, "a") == []
    without = run_sequence(wanted, Environment(), machine, leave_out=LeaveOut(steps=frozenset({2, 3})))
    assert states(without) == [StepState.SUCCEEDED, StepState.LEFT_OUT, StepState.LEFT_OUT]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"_SMSTSRunCommandLineAsUser": "true"}, "runs as another user"),
        ({"SMSTSRunCommandLineOutputVariableName": "Out"}, "its output is to become 'Out'"),
    ],
)
def test_what_windows_pe_or_osdimage_cannot_is_refused(machine: Machine, variables: dict[str, str], said: str) -> None:
    line = {"CommandLine": r"cmd /c mkdir C:\a"}
    wanted = sequence("S", step("c", "RunCommandLine", variables, line))
    assert said in _refused(wanted, machine).problems[0]


def test_a_command_of_the_caller_takes_the_place_of_a_step_at_the_first_start(machine: Machine) -> None:
    machine.supplies = Supplies(replaced={1: "tool.exe /quiet"})
    plan = plan_sequence(sequence("S", command("x.exe")), Environment(), machine)
    assert [each.decision for each in plan.steps] == [Decision.STAGE]
    assert plan.steps[0].does == "run tool.exe /quiet"


def test_a_package_without_a_path_is_a_problem(machine: Machine, tmp_path: Path) -> None:
    properties = {"CommandLine": r"xcopy tools C:\t /e /i", "PackageID": "ABC00001"}
    wanted = sequence("S", step("c", "RunCommandLine", properties=properties))
    assert plan_sequence(wanted, Environment(), machine).steps[0].unmapped == ("ABC00001",)
    (tmp_path / "package" / "Tools").mkdir(parents=True)
    (tmp_path / "package" / "Tools" / "a.txt").touch()
    machine.packages["ABC00001"] = tmp_path / "package"
    assert run_sequence(wanted, Environment(), machine).succeeded
    assert there(machine, "t/a.txt") == ["t/a.txt"]


def test_a_condition_is_asked_before_a_line_is_read(machine: Machine) -> None:
    wanted = sequence("S", command("x.exe", condition=Compare("Nothing", Operator.EXISTS)))
    assert plan_sequence(wanted, Environment(), machine).steps[0].decision is Decision.SKIP
