"""Restarts and retries that steps ask for ("Task Sequence Built-in Variables" of Configuration Manager 2007)."""

from __future__ import annotations

import pytest
from cases.sequence_bench import Bench, Body, F, Formatted, N, S, states
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.phases import RestartTarget
from osdimage.imaging.tasksequence.report import RunEvent
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events
from osdimage.imaging.tasksequence.runner import MAX_RETRIES, run_sequence


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
