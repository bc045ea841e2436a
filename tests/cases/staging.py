"""Steps that are staged alone, as a sequence in the new Windows stages them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.judge import Judge
from osdimage.imaging.tasksequence.judging.judgement import At, Judgement, groups_of, numbered
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedStep


def new_windows(
    packages: dict[str, Path] | None = None, *, unsure: Iterable[str] = (), supplies: Supplies | None = None
) -> Machine:
    """Return a machine whose sequence is in the new Windows; which one that is, nobody says."""
    return Machine(packages=packages or {}, phase=Phase.NEW, unsure=set(unsure), supplies=supplies or Supplies())


def read_step(xml: str) -> Step:
    """Return the one step of an export."""
    return read_sequence(f'<sequence version="3.10">{xml}</sequence>'.encode(), source="x").steps[0]


def judged(step: Step, machine: Machine, env: Environment | None = None) -> Judgement:
    """Return what becomes of a step."""
    wanted = sequence("S", step)
    judge = Judge(groups_of(wanted), machine, known_actions())
    ((place, only),) = numbered(wanted)
    return judge.step(At(1, place, only), {}, env if env is not None else Environment())


def staged(step: Step, machine: Machine, env: Environment | None = None) -> StagedCommand:
    """Return what a step becomes at the first start."""
    found = judged(step, machine, env)
    assert found.command is not None, found.reason
    return found.command


def staged_step(step: Step, machine: Machine, env: Environment | None = None) -> StagedStep:
    """Return what waits for the first start, of a step."""
    wanted = sequence("S", step)
    judge = Judge(groups_of(wanted), machine, known_actions())
    ((place, only),) = numbered(wanted)
    at = At(1, place, only)
    return judge.staged_step(at, judge.step(at, {}, env if env is not None else Environment()))


def refusal(step: Step, machine: Machine, env: Environment | None = None) -> str:
    """Return why a step is refused, and what would change that."""
    found = judged(step, machine, env)
    assert found.command is None
    return f"{found.reason}" if found.remedy is None else f"{found.reason}; {found.remedy}"
