"""What a step leaves for those behind it, in a plan and in a run."""

from __future__ import annotations

from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.phases import EVERYWHERE, Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import RunEnd, StepState
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.staging.staged import StagedCommand


def _spoil(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set what no forecast tells."""
    del machine, events
    env["Spoiled"] = "yes"
    return ActionResult(HResult.S_OK, "spoiled")


def _work(env: Environment, machine: Machine, events: Events) -> ActionResult:
    del env, machine, events
    return ActionResult(HResult.S_OK, "worked")


def _refuses(env: Environment, machine: Machine) -> str | None:
    del machine
    return "it is spoiled" if "Spoiled" in env else None


SET_UP = ActionInfo("BDD_SetUp", "Set Up", _work, refuses=_refuses, enters=Phase.NEW)
ACTIONS = action_table(
    [
        SET_UP,
        ActionInfo("BDD_Spoil", "Spoil", _spoil, forecast=lambda _env, _machine: Forecast("spoil")),
        ActionInfo("BDD_Anywhere", "Anywhere", _work, phases=EVERYWHERE),
        ActionInfo("BDD_Say", "Say", None, stage=lambda _env, _machine: StagedCommand("say", ("echo",))),
        ActionInfo("BDD_Elsewhere", "Elsewhere", None, why_not="nobody can"),
    ]
)


# "Setup Windows and ConfigMgr" (Operating System Deployment in Configuration Manager 2007): an error of it ends the
# sequence, whatever its error settings are.
def test_the_step_that_leads_to_the_new_windows_may_not_be_refused() -> None:
    wanted = sequence("S", step("a", "BDD_SetUp", continue_on_error=True))
    plan = plan_sequence(wanted, Environment(computer={"Spoiled": "yes"}), Machine(), ACTIONS)
    assert plan.problems() == ("step 1 'a': it is spoiled (BDD_SetUp, class windows)",)


def test_a_run_ends_where_the_step_that_leads_to_the_new_windows_is_refused() -> None:
    tolerant = group("G", step("b", "BDD_SetUp", continue_on_error=True), continue_on_error=True)
    wanted = sequence("S", step("a", "BDD_Spoil"), tolerant, step("c", "BDD_Anywhere"))
    report = run_sequence(wanted, Environment(), Machine(), ACTIONS)
    assert (report.end, report.code) == (RunEnd.FAILED, HResult.NOT_SUPPORTED)
    assert [each.state for each in report.steps] == [StepState.SUCCEEDED, StepState.FAILED, StepState.NOT_RUN]


def test_behind_a_refused_step_that_may_fail_the_end_of_the_last_action_is_known() -> None:
    failed = Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, "false")
    wanted = sequence(
        "S",
        step("a", "BDD_Say"),
        step("b", "BDD_Anywhere", condition=failed),
        step("c", "BDD_Elsewhere", continue_on_error=True),
        step("d", "BDD_Anywhere", condition=failed),
    )
    plan = plan_sequence(wanted, Environment(), Machine(phase=Phase.NEW), ACTIONS)
    refused, run, wait = Decision.REFUSE, Decision.RUN, Decision.STAGE
    assert [each.decision for each in plan.steps] == [wait, refused, refused, run]
