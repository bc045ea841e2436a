"""What a step leaves for those behind it: the same in a plan as in a run, so that both judge these alike."""

from __future__ import annotations

from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import LAST_ACTION
from osdimage.imaging.tasksequence.environment import Environment, set_all
from osdimage.imaging.tasksequence.judging.restarts import enter
from osdimage.imaging.tasksequence.result import ActionInfo, Already
from osdimage.imaging.tasksequence.staging.staged import StagedStep


def stage_step(machine: Machine, staged: StagedStep) -> None:
    """Let a step wait for the first start; what it sets, and how it ends, nobody knows from here on."""
    machine.staged.append(staged)
    machine.unsure |= staged.command.changes | LAST_ACTION


def tell_end(env: Environment, machine: Machine, code: int, *, succeeded: bool) -> None:
    """Tell how a step ended that had its turn now: the last action is one of which the end is known again."""
    builtin.after_action(env, code, succeeded=succeeded)
    machine.unsure -= LAST_ACTION


def take_for_done(env: Environment, machine: Machine, already: Already, info: ActionInfo | None) -> None:
    """Go on behind a step that is true already, with the variables and drives that it would have set."""
    set_all(env, already.sets)
    machine.shares.update(already.drives)
    tell_end(env, machine, HResult.S_OK, succeeded=True)
    enter_after(env, machine, info)


def pass_refused(env: Environment, machine: Machine) -> None:
    """Go on behind a step that is refused and may fail."""
    tell_end(env, machine, HResult.NOT_SUPPORTED, succeeded=False)


def enter_after(env: Environment, machine: Machine, info: ActionInfo | None) -> None:
    """Go on in the system that a step leads to; for most steps that is the same."""
    if info is not None and info.enters is not None:
        enter(machine, env, info.enters)
