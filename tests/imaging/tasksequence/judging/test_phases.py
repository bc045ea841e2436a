"""Where restarts take a sequence, and what becomes of the steps behind them."""

from __future__ import annotations

import pytest
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.judging.restarts import after_restart
from osdimage.imaging.tasksequence.phases import EVERYWHERE, Phase, RestartTarget
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast
from osdimage.imaging.tasksequence.staging.staged import StagedCommand
from osdimage.imaging.tasksequence.steps import restart

WINPE, HD = RestartTarget.WINPE, RestartTarget.HARD_DISK
SYSTEM = TargetSystem(Place(0, 1), WindowsFacts(10, 0, "x64", "Windows"))


# "Restart Computer" and "Setup Windows and ConfigMgr" (Operating System Deployment in Configuration Manager 2007): a
# restart goes to the boot image of the sequence, or to the operating system that is installed, where the client goes on
# that the latter step has set up.  MDT's templates write WinPE at every restart, and have PHASE STATERESTORE before the
# one into the new Windows.
@pytest.mark.parametrize(
    ("phase", "target", "has_windows", "is_set_up", "mdt_phase", "expected"),
    [
        (Phase.PE, WINPE, False, False, "", Phase.PE),
        (Phase.PE, WINPE, True, True, "", Phase.PE),
        (Phase.PE, HD, False, False, "", Phase.PE),
        (Phase.PE, HD, True, True, "", Phase.NEW),
        (Phase.PE, HD, True, False, "", Phase.LOST),
        (Phase.PE, WINPE, True, False, "STATERESTORE", Phase.NEW),
        (Phase.PE, WINPE, True, False, "POSTINSTALL", Phase.PE),
        (Phase.PE, WINPE, False, False, "STATERESTORE", Phase.PE),
        (Phase.OLD, WINPE, False, False, "", Phase.PE),
        (Phase.OLD, HD, False, False, "", Phase.OLD),
        (Phase.NEW, HD, True, True, "", Phase.NEW),
        (Phase.LOST, HD, True, False, "", Phase.LOST),
    ],
)
def test_a_restart_goes_where_something_goes_on(  # noqa: PLR0917 - a table
    phase: Phase, target: RestartTarget, has_windows: bool, is_set_up: bool, mdt_phase: str, expected: Phase
) -> None:
    machine = Machine(phase=phase, system=SYSTEM if has_windows else None, is_set_up=is_set_up)
    env = Environment(computer={"PHASE": mdt_phase} if mdt_phase else {})
    assert after_restart(machine, env, target) is expected


def _apply(env: Environment, machine: Machine) -> Forecast:
    machine.system = SYSTEM
    machine.is_set_up = env.text("SetUp") == "yes"
    return Forecast("apply")


def _work(env: Environment, machine: Machine, events: Events) -> ActionResult:
    del env, machine, events
    return ActionResult(0, "done")


ACTIONS = action_table(
    [
        ActionInfo("BDD_Apply", "Apply", _work, forecast=_apply),
        ActionInfo("BDD_Anywhere", "Anywhere", _work, phases=EVERYWHERE),
        ActionInfo("BDD_Say", "Say", None, stage=lambda _env, _machine: StagedCommand("say", ("echo",))),
        restart.INFO,
    ]
)


def planned(*kinds: str, phase: Phase = Phase.PE, set_up: str = "yes", target: str = "", line: str = "") -> RunPlan:
    properties = {name: text for name, text in (("Target", target), ("CommandLine", line)) if text}
    steps = [step(kind, kind, properties=properties if kind == "Reboot" else {}) for kind in kinds]
    return plan_sequence(sequence("S", *steps), Environment(computer={"SetUp": set_up}), Machine(phase=phase), ACTIONS)


def decisions(plan: RunPlan) -> list[Decision]:
    return [each.decision for each in plan.steps]


def test_behind_the_restart_into_the_new_windows_steps_wait_for_it() -> None:
    plan = planned("BDD_Apply", "BDD_Say", "Reboot", "BDD_Say", "BDD_Anywhere", "Reboot", "BDD_Apply")
    run, wait, no = Decision.RUN, Decision.STAGE, Decision.REFUSE
    assert decisions(plan) == [run, no, run, wait, run, wait, no]
    assert "the new Windows runs from it then" in (plan.steps[-1].reason or "")


def test_behind_the_start_of_a_windows_that_was_not_set_up_nothing_goes_on() -> None:
    plan = planned("BDD_Apply", "Reboot", "BDD_Say", "BDD_Anywhere", set_up="no")
    assert decisions(plan) == [Decision.RUN, Decision.RUN, Decision.REFUSE, Decision.REFUSE]
    assert {each.reason for each in plan.steps[2:]} == {
        "it comes after the start of a Windows that does not go on with the sequence"
    }


# The exports of MDT: <variable name="Target" property="Target"></variable> and smsboot.exe /target:WinPE, everywhere.
def test_a_restart_of_mdt_means_windows_pe_in_the_old_windows_alone() -> None:
    line = "smsboot.exe /target:WinPE"
    assert decisions(planned("BDD_Apply", "Reboot", "BDD_Say", line=line))[2] is Decision.STAGE
    assert decisions(planned("Reboot", "BDD_Apply", phase=Phase.OLD, line=line)) == [Decision.RUN, Decision.RUN]
    assert decisions(planned("Reboot", "BDD_Apply", phase=Phase.OLD))[1] is Decision.REFUSE
    assert decisions(planned("BDD_Apply", "Reboot", "BDD_Say", "Reboot", "BDD_Say", line=line))[3:] == [
        Decision.STAGE,
        Decision.STAGE,
    ]
