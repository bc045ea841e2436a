"""Whether a step runs, is left out, or stands in the way of the whole sequence.

A step that is disabled, or whose condition does not hold, is none of the run's business, whatever it is.  Any other
must be run: what cannot be, because of what it is or because its condition cannot be found out here, is an obstacle
unless the caller allows to leave it out.  Nothing else leaves a step out, so that a run that succeeded did all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from osdimage.imaging.errors import OsdImageError, quoted
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.conditions import CERTAIN, Doubt, Verdict, evaluate
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, find_action, kind_of, meant, words_of
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.result import ActionInfo, RunIn, StepClass, short_type
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.machine import Machine

Position = tuple[int, ...]

_MOST_OFFERS = 100
"""Looking for what may have been meant takes milliseconds; a hostile sequence has a thousand types."""


class Decision(StrEnum):
    """What becomes of a step.

    SKIP: it is disabled, or a condition does not hold.  LEAVE_OUT: it would run, and the caller allowed to leave it
    out.  CANNOT: it would run, or may, and cannot be run here; the sequence does not begin.
    """

    RUN = "run"
    SKIP = "skip"
    LEAVE_OUT = "leave out"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a step, and why.

    Attributes:
        decision: what.
        reason: why it does not run, or None.
        info: what is known of its type, or None.
        step_class: what it would take to run it, where it cannot be run.
    """

    decision: Decision
    reason: str | None = None
    info: ActionInfo | None = None
    step_class: StepClass | None = None


RUN = Judgement(Decision.RUN)


def numbered(sequence: Sequence) -> list[tuple[Position, Step]]:
    """Return all steps with their places; the number of a step is its index here plus 1."""
    return [(place, member) for place, member in sequence.walk() if isinstance(member, Step)]


def groups_of(sequence: Sequence) -> dict[Position, Group]:
    """Return all groups by their places."""
    return {place: member for place, member in sequence.walk() if isinstance(member, Group)}


def around(place: Position) -> Iterator[Position]:
    """Yield the places of the groups around a step or group, the outermost first."""
    return (place[:depth] for depth in range(1, len(place)))


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the steps of one sequence.

    Attributes:
        groups: of the sequence, by their places.
        machine: the computer that it runs on.
        actions: what is known of types of steps.
        leave_out: what may be left out.
        doubt: which variables nobody here can know, and why.
        offered: what was offered for types that nobody knows, by the type.
    """

    groups: Mapping[Position, Group]
    machine: Machine
    actions: ActionTable
    leave_out: LeaveOut = NOTHING
    doubt: Doubt = CERTAIN
    offered: dict[str, str] = field(default_factory=dict)

    def step(self, place: Position, step: Step, judged: dict[Position, Judgement], env: Environment) -> Judgement:
        """Decide what becomes of a step; groups that are entered with it are added to ``judged``."""
        above = self.enter(place, judged, env)
        if above.decision is Decision.SKIP:
            return above
        if above.decision is Decision.RUN:
            # "This variable will be set before the task sequence manager runs each individual step."
            builtin.before_step(env, step.name)
        info = find_action(step, self.actions)
        if step.is_disabled:
            return Judgement(Decision.SKIP, "disabled", info)
        verdict = evaluate(step.condition, env, self.doubt)
        if not verdict.holds and verdict.is_known:
            return Judgement(Decision.SKIP, verdict.reason, info)
        if self.leave_out.names(step, info):
            return Judgement(Decision.LEAVE_OUT, "left out by its type", info)
        return self._unless_in_the_way(step, above, verdict, env)

    def _unless_in_the_way(self, step: Step, above: Judgement, verdict: Verdict, env: Environment) -> Judgement:
        info = find_action(step, self.actions)
        stopped = self.obstacle(step, env)
        if stopped is None and not verdict.is_known:
            stopped = verdict.step_class, verdict.reason
        if stopped is None and above.decision is not Decision.RUN:
            stopped = above.step_class or StepClass.WINDOWS, above.reason or ""
        if stopped is None:
            return Judgement(Decision.RUN, None, info)
        step_class, reason = stopped
        decision = Decision.LEAVE_OUT if step_class in self.leave_out.classes else Decision.CANNOT
        return Judgement(decision, reason, info, step_class)

    def enter(self, place: Position, judged: dict[Position, Judgement], env: Environment) -> Judgement:
        """Decide whether the groups around a step let it run; each group is judged once, when it is entered."""
        unknown: Judgement | None = None
        for each in around(place):
            if each not in judged:
                judged[each] = self.group(self.groups[each], env)
            if judged[each].decision is Decision.SKIP:
                return judged[each]
            if judged[each].decision is not Decision.RUN and unknown is None:
                unknown = judged[each]
        return RUN if unknown is None else unknown

    def group(self, group: Group, env: Environment) -> Judgement:
        """Decide whether the steps of a group run, seen from the group alone."""
        if group.is_disabled:
            return Judgement(Decision.SKIP, f"group {quoted(group.name)} is disabled")
        verdict = evaluate(group.condition, env, self.doubt)
        if verdict.holds:
            return RUN
        reason = f"group {quoted(group.name)}: {verdict.reason}"
        if verdict.is_known:
            return Judgement(Decision.SKIP, reason)
        return Judgement(Decision.CANNOT, reason, step_class=verdict.step_class)

    def obstacle(self, step: Step, env: Environment) -> tuple[StepClass, str] | None:
        """Return why a step cannot be run here, whatever its condition; None when it can."""
        info = find_action(step, self.actions)
        if info is None:
            return StepClass.UNKNOWN, self._unknown(step)
        if info.run is None:
            return info.step_class or StepClass.WINDOWS, info.why_not or "only a running Windows can do it"
        if step.run_in is RunIn.FULL_OS:
            return StepClass.WINDOWS, "runs in the installed Windows, which is not started here"
        if info.refuses is None:
            return None
        try:
            with env.step_defaults(step.defaults, step.told):
                reason = info.refuses(env, self.machine)
        except OsdImageError:
            # What is wrong with a setting, its forecast tells.
            return None
        return None if reason is None else (info.step_class or StepClass.WINDOWS, env.mask(reason))

    def _unknown(self, step: Step) -> str:
        kind = kind_of(step)
        if kind is None:
            return "it has no type, and runs no script that is known to osdimage"
        if kind not in self.offered and len(self.offered) < _MOST_OFFERS:
            self.offered[kind] = meant(short_type(kind), words_of(self.actions))
        return f"step type {kind} is not known to osdimage{self.offered.get(kind, '')}"
