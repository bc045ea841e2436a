"""Which steps stop a sequence, and which may be left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence_bench import EVERYTHING, Bench, F, K, L, S, T, states
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, NotReady, UnsupportedSteps
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.forms.yaml import read_yaml
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import RunEnd
from osdimage.imaging.tasksequence.result import ActionResult, Events, StepClass
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Sequence

MIXED = sequence(
    "Mixed",
    step("work", "Work"),
    step("command", "RunCommandLine", continue_on_error=True),
    step("store", "RequestStateStore"),
    step("own", "Own"),
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def decisions(wanted: Sequence, *words: str, bench: Bench, env: Environment | None = None) -> list[Decision]:
    leave_out = LeaveOut.of(words, wanted, bench.actions)
    plan = plan_sequence(wanted, env or Environment(), Machine(), bench.actions, leave_out=leave_out)
    return [each.decision for each in plan.steps]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        pytest.param((), "34", id="nothing: of those, a step that may fail is none"),
        pytest.param(("windows",), "34", id="a class"),
        pytest.param(("site",), "4", id="a class of sites"),
        pytest.param(("RunCommandLine", "request state store", "Own"), "", id="types, a title, and a type of its own"),
        pytest.param(("SMS_TaskSequence_RequestStateStoreAction",), "4", id="a class of WMI"),
        pytest.param(("3", "OWN"), "", id="a number, and a name in any case"),
    ],
)
def test_every_step_must_run_unless_it_may_be_left_out(bench: Bench, words: tuple[str, ...], left: str) -> None:
    leave_out = LeaveOut.of(words, MIXED, bench.actions)
    if not left:
        report = bench.run(MIXED, leave_out=leave_out)
        may_fail = L if "RunCommandLine" in words else T
        assert states(report) == [S, may_fail, L, L]
        assert (report.end, report.succeeded) == (RunEnd.DONE, False)
        return
    with pytest.raises(UnsupportedSteps) as caught:
        bench.run(MIXED, leave_out=leave_out)
    assert "".join(problem[len("step ")] for problem in caught.value.problems) == left
    assert bench.ran == []


def test_the_error_is_one_of_input_and_names_the_classes_that_would_help(bench: Bench) -> None:
    with pytest.raises(NotReady) as caught:
        bench.run(MIXED)
    assert isinstance(caught.value, InvalidInput)
    assert caught.value.remedy is not None
    assert caught.value.remedy.means == (Means.LEAVE_OUT, Means.LEAVE_OUT, Means.REPLACE_STEP)
    assert caught.value.remedy.values == ("unknown", "site", "N")


def test_a_type_that_is_named_stays_out_also_when_it_could_run(bench: Bench) -> None:
    assert decisions(MIXED, "Work", "windows", "site", "unknown", bench=bench) == [Decision.LEAVE_OUT] * 4
    # A class leaves out what cannot be run of it: a step that a later version runs, runs.
    assert decisions(MIXED, "windows", "site", "unknown", bench=bench)[0] is Decision.RUN


def test_what_does_not_come_up_is_no_obstacle(bench: Bench) -> None:
    never = Compare("Never", Operator.EXISTS)
    wanted = sequence(
        "S",
        step("off", "Own", disable=True),
        step("never", "Own", condition=never),
        group("group", step("in it", "Own"), group("inner", step("in that", "Own")), condition=never),
        group("disabled", step("in that", "Own"), disable=True),
        step("work", "Work"),
    )
    report = bench.run(wanted)
    assert states(report) == [K, K, K, K, K, S]
    assert report.end is RunEnd.SUCCEEDED


QUERY = '<expression type="SMS_TaskSequence_WMIConditionExpression"/>'
WMI = f"<condition>{QUERY}</condition>"
OWN = '<condition><expression type="Own_Expression"/></condition>'
FALSE = """<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Variable">X</variable>
    <variable name="Operator">exists</variable></expression>"""


@pytest.mark.parametrize(
    ("inner", "expected", "step_class"),
    [
        (f'<step name="a" type="BDD_Work">{WMI}</step>', Decision.REFUSE, StepClass.WINDOWS),
        (f'<step name="a" type="BDD_Work">{OWN}</step>', Decision.REFUSE, StepClass.UNKNOWN),
        (f'<step name="a" type="BDD_Work" disable="true">{WMI}</step>', Decision.SKIP, None),
        (f'<group name="g">{WMI}<step name="a" type="BDD_Work"/></group>', Decision.REFUSE, StepClass.WINDOWS),
        (f'<group name="g">{WMI}<step name="a" type="Own"/></group>', Decision.REFUSE, StepClass.UNKNOWN),
        (
            f'<group name="g">{WMI}<group name="h" disable="true"><step name="a" type="Own"/></group></group>',
            Decision.SKIP,
            None,
        ),
        (
            f'<step name="a" type="Own"><condition><operator type="and">{FALSE}{QUERY}</operator></condition></step>',
            Decision.SKIP,
            None,
        ),
    ],
    ids=["query", "unheard of", "disabled", "group", "unknown in it", "disabled in it", "false whatever it tells"],
)
def test_a_condition_that_cannot_be_found_out_is_an_obstacle(
    bench: Bench, inner: str, expected: Decision, step_class: StepClass | None
) -> None:
    wanted = read_sequence(f'<sequence version="3.10">{inner}</sequence>'.encode(), source="x")
    (planned,) = plan_sequence(wanted, Environment(), Machine(), bench.actions).steps
    assert (planned.decision, planned.step_class) == (expected, step_class)
    if step_class is not None:
        leave_out = LeaveOut(frozenset({step_class}))
        assert states(bench.run(wanted, leave_out=leave_out)) == [L]


FAILED = Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, "false")


def test_a_step_that_comes_up_only_after_a_failure_is_an_obstacle_when_that_can_be(bench: Bench) -> None:
    rescue = step("rescue", "Own", condition=FAILED)
    may_fail, must_not = step("work", "Work", continue_on_error=True), step("sure", "Work")
    assert decisions(sequence("S", may_fail, rescue), bench=bench) == [Decision.RUN, Decision.REFUSE]
    # After a failure of this one nothing runs, and it makes the end of the last action sure again.
    assert decisions(sequence("S", must_not, rescue), bench=bench) == [Decision.RUN, Decision.SKIP]
    assert decisions(sequence("S", may_fail, must_not, rescue), bench=bench)[-1] is Decision.SKIP
    inside = sequence("S", group("g", step("work", "Work"), continue_on_error=True), group("r", rescue))
    assert decisions(inside, bench=bench) == [Decision.RUN, Decision.REFUSE]
    assert decisions(inside, "unknown", bench=bench) == [Decision.RUN, Decision.SKIP]


def test_a_step_that_comes_up_against_the_plan_fails(bench: Bench) -> None:
    def surprise(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine, events
        env["X"] = "1"
        return ActionResult(0, "")

    bench.bodies = {"work": surprise}
    late = Compare("X", Operator.EXISTS)
    report = bench.run(sequence("S", step("work", "Work"), step("own", "Own", condition=late)))
    assert (states(report), report.end) == ([S, F], RunEnd.FAILED)
    assert "cannot be run here: step type SMS_TaskSequence_OwnAction is not known" in report.steps[1].message
    tolerant = sequence("S", step("work", "Work"), step("own", "Own", condition=late, continue_on_error=True))
    assert states(bench.run(tolerant)) == [S, T]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("window", r"'window' is no class .*; did you mean windows"),
        ("RunComandLine", "did you mean RunCommandLine"),
        ("Bake a Cake", r"is no class \(windows, site, unknown\), no step and no type of step$"),
    ],
)
def test_a_word_that_is_nothing_is_refused_with_what_is_near(word: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        LeaveOut.of([word])


def test_a_word_that_is_near_the_name_of_a_step_is_told_so() -> None:
    with pytest.raises(InvalidRequest, match="did you mean Install the tools"):
        LeaveOut.of(["Instal the tools"], sequence("S", step("Install the tools", "Work")))


@pytest.mark.parametrize("kind", ["ApplyOperatingSytem", "Apply Operating Sytem Image"])
def test_a_misspelt_type_of_yaml_stops_the_run_with_what_is_near(kind: str) -> None:
    text = f"name: S\nsteps:\n  - {{step: a, type: {kind}}}\n"
    (planned,) = plan_sequence(read_yaml(text.encode(), source="x"), Environment(), Machine()).steps
    assert planned.step_class is StepClass.UNKNOWN
    assert "did you mean Apply" in (planned.reason or "")


@pytest.mark.parametrize("kind", ["Format and Partition Disk", "partitiondisk", "SMS_TaskSequence_PartitionDiskAction"])
def test_a_title_is_a_type_in_yaml(kind: str) -> None:
    made = read_yaml(f"name: S\nsteps:\n  - {{step: a, type: {kind}}}\n".encode(), source="x")
    assert made.steps[0].type == "SMS_TaskSequence_PartitionDiskAction"


def test_a_run_that_is_resumed_leaves_out_what_it_could_before(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    wanted = sequence("S", step("bad", "Work"), step("own", "Own"))
    failed = bench.run(wanted, Environment(computer={"Fail": "bad"}), leave_out=EVERYTHING, state_file=path)
    assert failed.end is RunEnd.FAILED
    state = RunState.load(path)
    assert state.leave_out == EVERYTHING
    state.env["Fail"] = ""
    again = bench.run(wanted, state.env, machine=state.machine, resume=state)
    assert states(again) == [S, L]
