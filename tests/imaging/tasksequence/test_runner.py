"""Running a task sequence, with actions that only note that they ran.

What happens after failures is the example of "Task Sequence Groups" (Operating System Deployment in Configuration
Manager 2007), step by step; restarts, retries and built-in variables follow "Task Sequence Built-in Variables" there.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import ActionFailed, InvalidDocument, InvalidRequest, NotReady, StorageError
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.tasksequence.build import group, sequence, step
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.log import SequenceLog
from osdimage.imaging.tasksequence.machine import Machine, Place, Volume
from osdimage.imaging.tasksequence.plan import ActionTable, Decision, action_table, plan_sequence
from osdimage.imaging.tasksequence.report import RunEvent, RunReport, StepState
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    HResult,
    LogType,
    RestartTarget,
    RunIn,
)
from osdimage.imaging.tasksequence.runner import MAX_RETRIES, run_sequence
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.tasksequence.xml import read_sequence

S, F, T, K, N = (
    StepState.SUCCEEDED, StepState.FAILED, StepState.TOLERATED, StepState.SKIPPED, StepState.NOT_RUN,
)  # fmt: skip
Body = Callable[[Environment, Machine, Events], ActionResult]


class Formatted(Machine):
    """A machine with one formatted volume."""

    def volumes(self) -> Iterator[Volume]:
        yield Volume(Place(0, 1), 1, "ntfs", "C", is_efi=False, is_hidden=False, is_active=True, size=1 << 30)


class Bench:
    """Actions that note that they ran; steps of type Work fail when the variable Fail names them."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.bodies: dict[str, Body] = {}

    def work(self, env: Environment, machine: Machine, events: Events) -> ActionResult:
        name = env["_SMSTSCurrentActionName"]
        self.ran.append(name)
        if name in self.bodies:
            return self.bodies[name](env, machine, events)
        if name in (env.get("Fail") or "").split():
            raise ActionFailed(HResult.DISK_FULL, f"{name} has failed")
        return ActionResult(HResult.S_OK, f"{name} is done")

    @property
    def actions(self) -> ActionTable:
        work = ActionInfo("SMS_TaskSequence_WorkAction", "Work", self.work, other_types=("BDD_Work",))
        return action_table((work, *ELSEWHERE))

    def run(self, wanted: Sequence, env: Environment | None = None, **options: object) -> RunReport:
        machine = options.pop("machine", None) or Formatted()
        return run_sequence(wanted, env if env is not None else Environment(), machine, self.actions, **options)  # type: ignore[arg-type] # passed through


@pytest.fixture
def bench() -> Bench:
    return Bench()


def states(report: RunReport) -> list[StepState]:
    return [each.state for each in report.steps]


# The example of the documentation: "Continue on error" is selected for group 1 and for step 1.
EXAMPLE = sequence(
    "Example",
    group(
        "Task Sequence Group 1",
        step("1", "Work", continue_on_error=True),
        step("2", "Work"),
        step("3", "Work"),
        continue_on_error=True,
    ),
    group("Task Sequence Group 2", step("4", "Work"), step("5", "Work"), step("6", "Work")),
)


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
        step("f", "RunCommandLine"),
        step("g", "Own"),
        step("h", "BDD_Work"),
    )
    report = bench.run(wanted)
    assert bench.ran == ["h"]
    assert [(each.state, each.message) for each in report.steps] == [
        (K, "group 'off' is disabled"),
        (K, "group 'never': condition does not hold: X equals '1'"),
        (K, "disabled"),
        (K, "condition does not hold: X exists"),
        (K, "runs in the installed Windows, which is not started here"),
        (K, "it runs a program of Windows"),
        (K, "step type SMS_TaskSequence_OwnAction is not known to osdimage"),
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


def test_strict_refuses_steps_that_cannot_run_before_any_has(bench: Bench) -> None:
    text = b"""<sequence version="3.0"><step name="a" type="BDD_Work"/><step name="b" type="Own"/>
        <step name="c"/><step name="d" type="SMS_TaskSequence_AutoApplyAction"/><step name="e" type="BDD_Work">
        <condition><expression type="SMS_TaskSequence_WMIConditionExpression"/></condition></step>
        <step name="f" type="Own" disable="true"/></sequence>"""
    with pytest.raises(NotReady) as caught:
        bench.run(read_sequence(text, source="x"), strict=True)
    assert caught.value.problems == (
        "step 2 'b': step type Own is not known to osdimage",
        "step 3 'c': step type none is not known to osdimage",
        "step 4 'd': drivers are not injected; add them to the image",
        "step 5 'e': cannot be found out on Linux: expression of type SMS_TaskSequence_WMIConditionExpression",
    )
    assert bench.ran == []
    assert states(bench.run(read_sequence(text, source="x"))) == [S, K, K, K, K, K]


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


def asks(target: str = "true", *, again: int = 0) -> Body:
    """Return an action that asks for a restart, and to be run again the first times."""
    left = again

    def body(env: Environment, machine: Machine, events: Events) -> ActionResult:
        nonlocal left
        del machine, events
        env["SMSTSRebootRequested"] = target
        if left:
            left -= 1
            env["SMSTSRetryRequested"] = "true"
        return ActionResult(HResult.S_OK, "")

    return body


@pytest.mark.parametrize(
    ("value", "target"),
    [("true", RestartTarget.WINPE), ("WinPE", RestartTarget.WINPE), ("hd", RestartTarget.HARD_DISK)],
)
def test_a_restart_is_recorded_and_the_next_step_runs(bench: Bench, value: str, target: RestartTarget) -> None:
    bench.bodies = {"a": asks(value)}
    events: list[RunEvent] = []
    env = Environment()
    report = bench.run(sequence("S", step("a", "Work"), step("b", "Work")), env, observer=events.append)
    assert bench.ran == ["a", "b"]
    assert report.restarts == 1
    assert [event.restart for event in events if event.restart] == [target]
    assert "SMSTSRebootRequested" not in env


def test_a_retry_runs_the_same_step_again_after_the_restart(bench: Bench) -> None:
    bench.bodies = {"a": asks(again=2)}
    report = bench.run(sequence("S", step("a", "Work"), step("b", "Work")))
    assert bench.ran == ["a", "a", "a", "b"]
    assert (report.restarts, report.steps[0].tries, report.succeeded) == (3, 3, True)


def test_a_retry_without_end_is_ended(bench: Bench) -> None:
    bench.bodies = {"a": asks(again=10_000)}
    report = bench.run(sequence("S", step("a", "Work")))
    assert (states(report), report.code) == ([F], HResult.E_ABORT)
    assert len(bench.ran) == MAX_RETRIES + 1


def test_a_retry_needs_a_restart(bench: Bench) -> None:
    def retry_only(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        env["SMSTSRetryRequested"] = "true"
        return ActionResult(HResult.S_OK, "")

    bench.bodies = {"a": retry_only}
    events: list[RunEvent] = []
    env = Environment()
    report = bench.run(sequence("S", step("a", "Work")), env, observer=events.append)
    assert (bench.ran, report.restarts) == (["a"], 0)
    assert any(event.log and "without SMSTSRebootRequested" in event.log for event in events)
    assert "SMSTSRetryRequested" not in env


def test_without_a_formatted_partition_a_restart_fails_whatever_the_error_settings(bench: Bench) -> None:
    bench.bodies = {"a": asks()}
    wanted = sequence(
        "S",
        group("g", step("a", "Work", continue_on_error=True), step("b", "Work"), continue_on_error=True),
        step("c", "Work"),
    )
    report = bench.run(wanted, machine=Machine())
    assert bench.ran == ["a"]
    assert states(report) == [F, N, N]
    assert (report.succeeded, report.code) == (False, HResult.E_ABORT)
    assert "no formatted partition" in report.message


def test_the_restart_step_itself_fails_so_before_its_action_runs() -> None:
    ran = []

    def restart(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine, events
        ran.append("restart")
        return ActionResult(HResult.S_OK, "", restart=RestartTarget.WINPE)

    actions = action_table([ActionInfo("SMS_TaskSequence_RebootAction", "Restart Computer", restart)])
    wanted = sequence("S", step("r", "Reboot", continue_on_error=True), step("r", "Reboot"))
    report = run_sequence(wanted, Environment(), Machine(), actions)
    assert (states(report), ran) == ([F, N], [])
    report = run_sequence(wanted, Environment(), Formatted(), actions)
    assert (states(report), ran, report.restarts) == ([S, S], ["restart", "restart"], 2)


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


# Going on


def test_a_failed_run_goes_on_from_its_state(bench: Bench, tmp_path: Path) -> None:
    def set_output(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del events
        env["Output"] = "kept"
        env["OSDJoinPassword"] = "swordfish"
        machine.letters["D"] = Place(0, 2)
        return ActionResult(HResult.S_OK, "")

    bench.bodies = {"a": set_output}
    kept = tmp_path / "state.json"
    wanted = sequence(
        "S",
        group("g", step("a", "Work"), step("b", "Work"), condition=Compare("Gone", Operator.NOT_EXISTS)),
        step("c", "Work"),
    )
    report = bench.run(wanted, Environment(computer={"Fail": "b"}), state_file=kept)
    assert (states(report), report.state_file) == ([S, F, N], kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    state = RunState.load(kept)
    assert state.env["Output"] == "kept"
    assert state.machine.letters == {"D": Place(0, 2)}
    state.env["Fail"] = ""
    # The group was entered already; its condition is not asked again.
    state.env["Gone"] = "1"
    state.machine = Formatted(letters=state.machine.letters)
    bench.ran.clear()
    report = run_sequence(wanted, state.env, state.machine, bench.actions, state_file=kept, resume=state)
    assert bench.ran == ["b", "c"]
    assert (states(report), report.succeeded) == ([S, S, S], True)
    assert not kept.exists()


def test_a_run_that_is_interrupted_goes_on_with_the_step_that_was_at_work(bench: Bench, tmp_path: Path) -> None:
    def stop(*_: object) -> ActionResult:
        raise KeyboardInterrupt

    bench.bodies = {"b": stop}
    kept = tmp_path / "state.json"
    wanted = sequence("S", *(step(name, "Work") for name in "abc"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(wanted, state_file=kept)
    bench.bodies.clear()
    bench.ran.clear()
    state = RunState.load(kept)
    assert state.next == 1
    report = run_sequence(wanted, state.env, Formatted(), bench.actions, resume=state)
    assert (bench.ran, report.succeeded) == (["b", "c"], True)


def test_a_step_is_told_that_it_may_have_been_begun_before(bench: Bench, tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []

    def look(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine
        told.append((env["_SMSTSCurrentActionName"], events.is_repeated))
        return ActionResult(HResult.E_FAIL if env.get("Fail") == env["_SMSTSCurrentActionName"] else 0, "")

    bench.bodies = dict.fromkeys("abc", look)
    kept = tmp_path / "state.json"
    wanted = sequence("S", step("a", "Work"), step("b", "Work", retry_count=1), step("c", "Work"))
    bench.run(wanted, Environment(computer={"Fail": "b"}), state_file=kept)
    state = RunState.load(kept)
    state.env["Fail"] = ""
    run_sequence(wanted, state.env, Formatted(), bench.actions, resume=state)
    assert told == [("a", False), ("b", False), ("b", True), ("b", True), ("c", False)]


def test_a_state_goes_only_with_its_own_sequence(bench: Bench, tmp_path: Path) -> None:
    kept = tmp_path / "state.json"
    bench.run(EXAMPLE, Environment(computer={"Fail": "4"}), state_file=kept)
    state = RunState.load(kept)
    with pytest.raises(InvalidRequest, match="another task sequence, or this one was changed"):
        bench.run(sequence("Other", step("a", "Work")), resume=state)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"}, {"version": 9}, {"next": -1}, {"next": True}, {"next": "1"}, {"judged": [{}]}, {"machine": {}},
        {"judged": [{"group": [0], "decision": "maybe", "reason": None}]}, {"environment": []},
        {"reports": [{"number": 1}]}, {"reports": [5]}, {"reports": None},
        {"reports": [{"number": 1, "groups": [], "warnings": [], "state": "running mad", "name": "a", "type": None}]},
        {"reports": [{"number": 1, "groups": [], "warnings": [], "state": "failed", "unknown": 1}]},
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(bench: Bench, tmp_path: Path, change: dict[str, object]) -> None:
    kept = tmp_path / "state.json"
    bench.run(EXAMPLE, Environment(computer={"Fail": "4"}), state_file=kept)
    kept.write_text(json.dumps({**json.loads(kept.read_text()), **change}))
    with pytest.raises(InvalidDocument):
        RunState.load(kept)


# Telling


def test_no_secret_is_told_to_anyone(bench: Bench, tmp_path: Path) -> None:
    def tell(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine
        events.log(LogType.WARNING, "the password is swordfish")
        assert events.progress is not None
        events.progress(ProgressEvent(Phase.SCAN, 1, 2, "bytes", 50.0, None, warning="swordfish lost"))
        return ActionResult(HResult.E_FAIL, "swordfish is wrong", warnings=("swordfish too",))

    bench.bodies = {"swordfish": tell}
    events: list[RunEvent] = []
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    wanted = sequence(
        "swordfish",
        group("swordfish", step("swordfish", "Work", {"A": "%OSDJoinPassword%"})),
        step("b", "Work", condition=Compare("A", Operator.EQUALS, "swordfish")),
    )
    with SequenceLog(tmp_path / "smsts.log", mask=env.mask, clock=lambda: datetime(2007, 1, 1, tzinfo=UTC)) as log:
        report = bench.run(wanted, env, observer=events.append, log=log)
    text = (tmp_path / "smsts.log").read_text() + repr(events) + repr(report) + repr(env)
    assert "swordfish" not in text
    assert "the password is ***" in text
    assert 'component="Work"' in text


def test_the_observer_is_told_each_step_in_order(bench: Bench) -> None:
    events: list[RunEvent] = []
    bench.run(EXAMPLE, Environment(computer={"Fail": "2 4"}), observer=events.append)
    told = [(event.step, event.state) for event in events if event.state is not None]
    running = StepState.RUNNING
    assert told == [
        (1, running), (1, S), (2, running), (2, F), (3, N), (4, running), (4, F), (5, N), (6, N),
    ]  # fmt: skip


def test_the_log_tells_the_story(bench: Bench, tmp_path: Path) -> None:
    with SequenceLog(tmp_path / "smsts.log") as log:
        bench.run(EXAMPLE, Environment(computer={"Fail": "2 4"}), log=log)
    text = (tmp_path / "smsts.log").read_text()
    for expected in (
        "Start of task sequence 'Example': 6 steps",
        "Step 2 '2' failed (0x80070070): 2 has failed",
        "Group 'Task Sequence Group 1' failed; its error is passed over",
        "Step 3 '3' not run: an earlier step of group 'Task Sequence Group 1' failed",
        "Task sequence failed: step 4 '4' failed (0x80070070)",
    ):
        assert f"<![LOG[{expected}" in text


# Planning


def foreseeing(forecast: Callable[[Environment, Machine], Forecast]) -> ActionTable:
    def never(*_: object) -> ActionResult:
        raise AssertionError("planning runs nothing")

    info = ActionInfo(
        "SMS_TaskSequence_WorkAction", "Work", never, forecast=forecast, package_properties=("ImagePackageID",)
    )
    return action_table([info])


def test_a_plan_tells_what_is_destroyed_and_changes_nothing() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        assert machine.is_rehearsal
        env["Output"] = "C:"
        machine.letters["C"] = Place(0, 1)
        return Forecast("do it", destroys=("all of disk 0",), unknown="the size")

    env, machine = Environment(), Machine()
    wanted = sequence(
        "S",
        step("a", "Work"),
        step("b", "Work", condition=Compare("Output", Operator.EQUALS, "C:")),
        step("c", "Work", condition=Compare("Output", Operator.NOT_EXISTS)),
    )
    plan = plan_sequence(wanted, env, machine, foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.RUN, Decision.RUN, Decision.SKIP]
    assert plan.destroys == ("all of disk 0",)
    assert (plan.steps[0].does, plan.steps[0].note) == ("do it", "the size")
    assert (dict(env), machine.letters) == ({}, {})


def test_problems_of_all_steps_are_told_together_and_nothing_runs(tmp_path: Path) -> None:
    there = tmp_path / "install.wim"
    there.touch()

    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        if env.properties["ImagePackageID"] == "RAISES":
            raise InvalidRequest("raised with swordfish")
        return Forecast("x", problems=("image 7 is not in it",))

    wanted = sequence(
        "S",
        step("a", "Work", properties={"ImagePackageID": "ABC00001"}),
        step("b", "Work", properties={"ImagePackageID": "ABC00002"}),
        step("c", "Work", properties={"ImagePackageID": "ABC00003"}),
        step("d", "Work", properties={"ImagePackageID": "RAISES"}),
        step("e", "Work", properties={"ImagePackageID": "ABC00001"}, continue_on_error=True),
    )
    machine = Machine(packages={"abc00001": there, "ABC00002": tmp_path / "gone.wim", "RAISES": there})
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    with pytest.raises(NotReady) as caught:
        run_sequence(wanted, env, machine, foreseeing(forecast))
    assert caught.value.problems[0] == "step 1 'a': image 7 is not in it"
    assert caught.value.problems[1] == f"step 2 'b': ImagePackageID=ABC00002: {tmp_path}/gone.wim does not exist"
    assert "step 3 'c': ImagePackageID=ABC00003" in caught.value.problems[2]
    assert "give --package ABC00003=PATH" in caught.value.problems[2]
    assert caught.value.problems[3] == "step 4 'd': raised with ***"
    # Its failure is allowed, so it is a warning.
    plan = plan_sequence(wanted, env, machine, foreseeing(forecast))
    assert plan.warnings == ("step 5 'e': image 7 is not in it",)


# "Task Sequence Built-in Variables": the variable "is set to "true" if the last action is succeeded and to "false" if
# the last action failed", so a step that asks for "true" runs after one that nothing speaks against.
def test_a_plan_knows_the_last_action_that_a_condition_asks_for() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        name = env["_SMSTSCurrentActionName"]
        return Forecast(name, destroys=(f"all of {name}",), problems=("no image",) if name == "c" else ())

    def after(value: str) -> Compare:
        return Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, value)

    wanted = sequence(
        "S",
        step("a", "Work"),
        step("b", "Work", condition=after("true")),
        step("c", "Work", continue_on_error=True),
        step("d", "Work", condition=after("false")),
        step("e", "Work", condition=Compare("_SMSTSLastActionRetCode", Operator.EQUALS, "0")),
    )
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.RUN] * 5


def test_a_plan_tells_what_is_lost_by_a_step_that_runs_only_after_a_failure() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del env, machine
        return Forecast("it", destroys=("all of disk 0",))

    failed = Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, "false")
    wanted = sequence(
        "S",
        step("a", "Work", continue_on_error=True, condition=Compare("No", Operator.EXISTS)),
        group("Rescue", step("b", "Work"), step("c", "Work", disable=True), condition=failed),
    )
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.SKIP] * 3
    assert plan.destroys == ("if step 2 runs after all: all of disk 0",)


# "Task Sequence Groups": if step 2 of a group that continues on error fails, the sequence "will continue to run task
# sequence steps 4 and 5 which are in a different task sequence group", so a problem there must not stop them.
def test_a_problem_in_a_group_that_may_fail_is_a_warning(bench: Bench) -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        return Forecast("it", problems=("no image",) if env["_SMSTSCurrentActionName"] == "a" else ())

    inner = group("Inner", step("a", "Work"))
    wanted = sequence("S", group("Outer", inner, continue_on_error=True), step("b", "Work"))
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert plan.problems(strict=True) == ()
    assert plan.warnings == ("step 1 'a': no image",)
    assert bench.run(wanted, Environment(computer={"Fail": "a"})).succeeded


def test_every_known_type_of_step_says_why_it_does_not_run() -> None:
    table = action_table(ELSEWHERE)
    assert len(table) == len(ELSEWHERE)
    assert all(info.run is None and info.why_not for info in ELSEWHERE)
    assert "sms_tasksequence_subtasksequence" in table


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


def test_a_plan_tells_which_packages_nothing_was_asked_about(tmp_path: Path) -> None:
    wanted = sequence(
        "S",
        step("a", "Work", properties={"ImagePackageID": "%Which%"}),
        step("b", "Work", properties={"ImagePackageID": "ABC00002"}, disable=True),
        packages=["abc00001", "ABC00002", "ABC00003"],
    )
    env = Environment(computer={"Which": "ABC00001"})
    machine = Machine(packages={"ABC00001": tmp_path})
    plan = plan_sequence(wanted, env, machine, foreseeing(lambda _env, _machine: Forecast("do it")))
    assert plan.problems(strict=False) == ()
    assert plan.unchecked == ("ABC00002", "ABC00003")
