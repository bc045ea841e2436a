"""Running a task sequence, with actions that only note that they ran.

What happens after failures is the example of "Task Sequence Groups" (Operating System Deployment in Configuration
Manager 2007), step by step; built-in variables follow "Task Sequence Built-in Variables" there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.sequence_bench import EVERYTHING, EXAMPLE, Bench, Body, F, K, L, N, S, T, states
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest, StorageError, UnsupportedSteps
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.log import SequenceLog
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import RunEnd, StepState
from osdimage.imaging.tasksequence.result import ActionResult, Events, RunIn
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Group, Step


@pytest.mark.parametrize(
    ("failing", "ran", "expected", "succeeded"),
    [
        pytest.param("", "123456", [S, S, S, S, S, S], True, id="none fails"),
        pytest.param("1", "123456", [T, S, S, S, S, S], True, id="step 1: goes on with step 2"),
        pytest.param("2", "12456", [S, F, N, S, S, S], True, id="step 2: step 3 is left out, steps 4 and 5 run"),
        pytest.param("3", "123456", [S, S, F, S, S, S], True, id="step 3: group 2 runs"),
        pytest.param("4", "1234", [S, S, S, F, N, N], False, id="step 4: no more steps, the sequence fails"),
        pytest.param("1 2 4", "124", [T, F, N, F, N, N], False, id="all together"),
    ],
)
def test_the_documented_example_of_continue_on_error(
    bench: Bench, failing: str, ran: str, expected: list[StepState], *, succeeded: bool
) -> None:
    report = bench.run(EXAMPLE, Environment(computer={"Fail": failing}))
    assert "".join(bench.ran) == ran
    assert states(report) == expected
    assert report.succeeded is succeeded
    if not succeeded:
        assert (report.code, report.message) == (HResult.DISK_FULL, "step 4 '4' failed")


def test_a_failure_ends_every_group_up_to_the_one_that_may_fail(bench: Bench) -> None:
    wanted = sequence(
        "Nested",
        group(
            "outer",
            group("inner", group("innermost", step("a", "Work"), step("b", "Work")), step("c", "Work")),
            step("d", "Work"),
            continue_on_error=True,
        ),
        step("e", "Work"),
    )
    report = bench.run(wanted, Environment(computer={"Fail": "a"}))
    assert bench.ran == ["a", "e"]
    assert states(report) == [F, N, N, N, S]
    assert report.succeeded
    assert report.steps[1].message == "an earlier step of group 'outer' failed"


def test_a_failure_outside_of_groups_ends_the_sequence(bench: Bench) -> None:
    report = bench.run(sequence("Flat", step("a", "Work"), step("b", "Work")), Environment(computer={"Fail": "a"}))
    assert states(report) == [F, N]
    assert report.steps[1].message == "an earlier step failed"


def test_the_built_in_variables_are_those_of_the_step_that_runs_and_the_last_that_ran(bench: Bench) -> None:
    seen: list[tuple[str | None, ...]] = []

    def look(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        seen.append(
            tuple(
                env.get(name)
                for name in ("_SMSTSCurrentActionName", "_SMSTSLastActionRetCode", "_SMSTSLastActionSucceeded")
            )
        )
        return ActionResult(HResult.S_OK, "")

    bench.bodies = dict.fromkeys(("first", "after failure", "after skipped"), look)
    wanted = sequence(
        "S",
        step("first", "Work"),
        step("bad", "Work", continue_on_error=True),
        step("after failure", "Work"),
        step("bad", "Work", continue_on_error=True),
        step("off", "Work", disable=True),
        step("no", "Work", condition=Compare("Nothing", Operator.EXISTS)),
        step("after skipped", "Work"),
    )
    bench.run(wanted, Environment(computer={"Fail": "bad"}))
    # A failure is told as the signed number; a skipped step does not change what is told of the last action.
    code = str(0x80070070 - (1 << 32))
    assert seen == [
        ("first", None, None),
        ("after failure", code, "false"),
        ("after skipped", code, "false"),
    ]


def test_what_the_engine_knows_is_set_before_the_first_step(bench: Bench, tmp_path: Path) -> None:
    document = b"""<SmsTaskSequencePackage><Name>Deploy</Name><PackageID>ABC00009</PackageID><SequenceData>
        <sequence version="3.0"><step name="a" type="BDD_Work"/></sequence></SequenceData></SmsTaskSequencePackage>"""
    env = Environment(media={})
    env.set_read_only("_SMSTSMediaType", "OwnMedia")
    with SequenceLog(tmp_path / "smsts.log") as log:
        bench.run(read_sequence(document, source="x"), env, log=log)
    assert {name: env[name] for name in env if name.startswith("_") and "Action" not in name} == {
        "_SMSTSInWinPE": "true",
        "_SMSTSType": "2",
        "_SMSTSMediaType": "OwnMedia",
        "_SMSTSBootUEFI": "true",
        "_SMSTSPackageName": "Deploy",
        "_SMSTSPackageID": "ABC00009",
        "_SMSTSLogPath": str(tmp_path),
        "_SMSTSLaunchMode": "CD",
    }


@pytest.mark.parametrize(("layers", "media"), [({"media": {}}, "FullMedia"), ({"computer": {}}, "BootMedia")])
def test_the_media_type_tells_stand_alone_media(bench: Bench, layers: dict[str, dict[str, str]], media: str) -> None:
    env = Environment(**layers)  # type: ignore[arg-type] # one keyword
    bench.run(sequence("S", step("a", "Work")), env)
    assert env["_SMSTSMediaType"] == media
    assert "_SMSTSLogPath" not in env


def test_defaults_live_for_one_step_and_what_is_set_otherwise_wins(bench: Bench) -> None:
    seen: list[tuple[str | None, str | None, str | None]] = []

    def look(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        seen.append((env.get("A"), env.get("B"), env.properties.get("ImagePackageID")))
        env["A"] = env["A"] + "!"
        return ActionResult(HResult.S_OK, "", outputs=("A",))

    bench.bodies = {"a": look, "b": look}
    wanted = sequence(
        "S",
        step("a", "Work", {"A": "default", "B": "default"}, {"ImagePackageID": "P%B%"}),
        step("b", "Work", {"A": "other"}),
    )
    bench.run(wanted, Environment(computer={"B": "computer"}))
    assert seen == [("default", "computer", "Pcomputer"), ("default!", "computer", None)]


def test_groups_and_steps_that_do_not_run_say_why(bench: Bench) -> None:
    wanted = sequence(
        "S",
        group("off", step("a", "Work"), disable=True),
        group("never", group("inside", step("b", "Work")), condition=Compare("X", Operator.EQUALS, "1")),
        step("c", "Work", disable=True),
        step("d", "Work", condition=Compare("X", Operator.EXISTS)),
        step("e", "Work", run_in=RunIn.FULL_OS),
        step("f", "RequestStateStore"),
        step("g", "Own"),
        step("h", "BDD_Work"),
    )
    report = bench.run(wanted, leave_out=EVERYTHING)
    assert bench.ran == ["h"]
    assert [(each.state, each.message) for each in report.steps] == [
        (K, "group 'off' is disabled"),
        (K, "group 'never': condition does not hold: X equals '1'"),
        (K, "disabled"),
        (K, "condition does not hold: X exists"),
        (L, "it runs in the installed Windows, and Windows PE runs then"),
        (L, "it needs a ConfigMgr site"),
        (L, "step type SMS_TaskSequence_OwnAction is not known to osdimage"),
        (S, "h is done"),
    ]


def test_a_group_is_judged_once_when_it_is_entered(bench: Bench) -> None:
    def change(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        env["X"] = ""
        return ActionResult(HResult.S_OK, "")

    bench.bodies = {"a": change}
    wanted = sequence("S", group("g", step("a", "Work"), step("b", "Work"), condition=Compare("X", Operator.EXISTS)))
    assert states(bench.run(wanted, Environment(computer={"X": "1"}))) == [S, S]


def test_steps_that_cannot_run_stop_the_sequence_before_any_has(bench: Bench) -> None:
    text = b"""<sequence version="3.0"><step name="a" type="BDD_Work"/><step name="b" type="Own"/>
        <step name="c"/><step name="d" type="SMS_TaskSequence_RequestStateStoreAction"/><step name="e" type="BDD_Work">
        <condition><expression type="SMS_TaskSequence_WMIConditionExpression"><variable
        name="Query">SELECT * FROM Win32_X</variable></expression></condition></step>
        <step name="f" type="Own" disable="true"/></sequence>"""
    wanted = read_sequence(text, source="x")
    # ``strict`` refuses what may be left out, too.
    for options in ({}, {"strict": True, "leave_out": EVERYTHING}):
        with pytest.raises(UnsupportedSteps) as caught:
            bench.run(wanted, **options)
        assert caught.value.problems == (
            "step 2 'b': step type Own is not known to osdimage (Own, class unknown)",
            "step 3 'c': it has no type, and runs no script that is known to osdimage (no type, class unknown)",
            "step 4 'd': it needs a ConfigMgr site (RequestStateStore, class site)",
            "step 5 'e': cannot be found out on Linux: Win32_X of the computer (BDD_Work, class windows)",
        )
        assert bench.ran == []
    report = bench.run(wanted, leave_out=EVERYTHING)
    assert states(report) == [S, L, L, L, L, K]
    assert (report.end, report.succeeded, report.left_out) == (RunEnd.DONE, False, 4)


def test_success_is_what_the_step_says(bench: Bench) -> None:
    bench.bodies = {
        "a": lambda *_: ActionResult(3010, "restart needed"),
        "b": lambda *_: ActionResult(-2147024784, "signed"),
        "c": lambda *_: ActionResult(0, "zero is no success here"),
    }
    wanted = sequence(
        "S",
        step("a", "Work", success_codes=(0, 3010)),
        step("b", "Work", success_codes=(0x80070070,)),
        step("c", "Work", success_codes=(1,)),
    )
    report = bench.run(wanted)
    assert states(report) == [S, S, F]
    assert [each.code for each in report.steps] == [3010, 0x80070070, 0]
    assert report.code == HResult.E_FAIL


def test_a_step_is_tried_again_as_often_as_it_says(bench: Bench) -> None:
    def third_time(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine, events
        return ActionResult(0 if bench.ran.count("a") == 3 else HResult.E_FAIL, "")

    bench.bodies = {"a": third_time}
    assert states(bench.run(sequence("S", step("a", "Work", retry_count=1)))) == [F]
    assert bench.ran == ["a", "a"]
    bench.ran.clear()
    report = bench.run(sequence("S", step("a", "Work", retry_count=5)))
    assert (states(report), report.steps[0].tries) == ([S], 3)


def test_errors_of_osdimage_and_of_the_system_get_their_codes(bench: Bench) -> None:
    def raising(error: Exception) -> Body:
        def body(*_: object) -> ActionResult:
            raise error

        return body

    noted = InvalidRequest("wrong")
    noted.add_note("and more")
    bench.bodies = {
        "a": raising(noted),
        "b": raising(StorageError("full", path="x", errno=28)),
        "c": raising(PermissionError(13, "Permission denied", "disk.img")),
    }
    wanted = sequence("S", *(step(name, "Work", continue_on_error=True) for name in "abc"))
    report = bench.run(wanted)
    assert [(each.code, each.message) for each in report.steps] == [
        (HResult.E_INVALIDARG, "wrong -- and more"),
        (HResult.DISK_FULL, "full"),
        (HResult.E_ACCESSDENIED, "disk.img: Permission denied"),
    ]


def test_an_error_of_the_program_itself_is_not_hidden(bench: Bench) -> None:
    def broken(*_: object) -> ActionResult:
        raise ZeroDivisionError

    bench.bodies = {"a": broken}
    with pytest.raises(ZeroDivisionError):
        bench.run(sequence("S", step("a", "Work", continue_on_error=True)))


def test_every_known_type_of_step_says_why_it_does_not_run() -> None:
    table = action_table(ELSEWHERE)
    assert len(table) == sum(1 + len(info.other_types) for info in ELSEWHERE)
    assert all(info.run is None and info.why_not and info.step_class for info in ELSEWHERE)
    assert "sms_tasksequence_subtasksequence" in table


def test_without_a_table_the_actions_are_known_and_the_others_say_why_they_do_not_run() -> None:
    env = Environment()
    variable = {"VariableName": "Site", "VariableValue": "Berlin"}
    wanted = sequence("S", step("a", "SetVariable", variable), step("b", "RunCommandLine"))
    plan = plan_sequence(wanted, env, Machine(), leave_out=EVERYTHING)
    report = run_sequence(wanted, env, Machine(), leave_out=EVERYTHING)
    assert states(report) == [S, L]
    assert (env["Site"], report.steps[1].message) == ("Berlin", plan.steps[1].reason)


# Against the rule itself, written as recursion: what the runner does with a list and places.


@dataclass(frozen=True)
class Wish:
    """A step (no members) or a group, and what becomes of it."""

    number: int
    fails: bool
    tolerant: bool
    off: bool
    members: tuple[Wish, ...] | None


def wishes(depth: int) -> st.SearchStrategy[tuple[Wish, ...]]:
    leaf = st.builds(Wish, st.integers(0, 999), st.booleans(), st.booleans(), st.booleans(), st.none())
    if depth:
        inner = st.builds(Wish, st.just(0), st.just(value=False), st.booleans(), st.booleans(), wishes(depth - 1))
        leaf = st.one_of(leaf, inner)
    return st.lists(leaf, max_size=4).map(tuple)


def reference(members: tuple[Wish, ...], ran: list[str]) -> bool:
    """Run as the documentation says; return whether the group or sequence succeeded."""
    for each in members:
        if each.off:
            continue
        if each.members is None:
            ran.append(f"s{each.number}")
            succeeded = not each.fails
        else:
            succeeded = reference(each.members, ran)
        if not succeeded and not each.tolerant:
            return False
    return True


def built(members: tuple[Wish, ...]) -> list[Group | Step]:
    made: list[Group | Step] = []
    for each in members:
        flags = {"continue_on_error": each.tolerant, "disable": each.off}
        if each.members is None:
            made.append(step(f"s{each.number}", "Work", {"Fails": "yes" if each.fails else "no"}, **flags))  # type: ignore[arg-type] # booleans
        else:
            made.append(group("g", *built(each.members), **flags))
    return made


@given(wishes(3))
def test_any_tree_of_groups_runs_as_the_rule_says(members: tuple[Wish, ...]) -> None:
    bench = Bench()

    def fail_as_told(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        return ActionResult(HResult.E_FAIL if env["Fails"] == "yes" else HResult.S_OK, "")

    bench.bodies = {f"s{number}": fail_as_told for number in range(1000)}
    expected: list[str] = []
    succeeded = reference(members, expected)
    report = bench.run(sequence("Any", *built(members)))
    assert bench.ran == expected
    assert report.succeeded is succeeded
    assert len(report.steps) == sum(1 for _ in sequence("Any", *built(members)).steps)
