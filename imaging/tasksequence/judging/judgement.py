"""What becomes of a step, in words and values; and where steps and groups stand in a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import Remedy
from osdimage.imaging.tasksequence.result import ActionInfo, Already, StepClass
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCommand, StagedCondition

AFTERWARDS = "the run goes on with it when the new Windows was started and shut down"
"""Why a step takes its turn later."""


class Decision(StrEnum):
    """What becomes of a step.

    RUN: it is done now, on the disks.  HOLDS: what it would do is true here already.  STAGE: it waits for the first
    start of the new Windows.  LATER: the run goes on with it when that Windows was started.  SKIP: it is disabled, or a
    condition does not hold.  LEAVE_OUT: the caller allowed to leave it out.  REFUSE: it can be none of these; the
    sequence does not begin unless the step may fail.
    """

    RUN = "run"
    HOLDS = "true"
    STAGE = "first start"
    LATER = "later"
    SKIP = "skip"
    LEAVE_OUT = "leave out"
    REFUSE = "cannot"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a step or a group, and why.

    Attributes:
        decision: what.
        reason: why it does not run now, or None.
        info: what is known of its type, or None.
        step_class: what it would take to run it, where it is refused.
        remedy: what would change that, or None.
        command: what it becomes at the first start, where it is staged.
        conditions: that the first start asks: of a group its own, of a step also those of its groups.
        already: what makes it needless, where it is true.
    """

    decision: Decision
    reason: str | None = None
    info: ActionInfo | None = None
    step_class: StepClass | None = None
    remedy: Remedy | None = None
    command: StagedCommand | None = None
    conditions: tuple[StagedCondition, ...] = ()
    already: Already | None = None


RUN = Judgement(Decision.RUN)


@dataclass(frozen=True, slots=True)
class At:
    """A step where it stands.

    Attributes:
        number: from 1, over all steps of the sequence.
        place: in the tree of groups.
        step: it.
    """

    number: int
    place: Position
    step: Step


def numbered(sequence: Sequence) -> list[tuple[Position, Step]]:
    """Return all steps with their places; the number of a step is its index here plus 1."""
    return [(place, member) for place, member in sequence.walk() if isinstance(member, Step)]


def groups_of(sequence: Sequence) -> dict[Position, Group]:
    """Return all groups by their places."""
    return {place: member for place, member in sequence.walk() if isinstance(member, Group)}


def around(place: Position) -> Iterator[Position]:
    """Yield the places of the groups around a step or group, the outermost first."""
    return (place[:depth] for depth in range(1, len(place)))


def may_fail(step: Step, info: ActionInfo | None) -> bool:
    """Tell whether the sequence goes on behind a step that fails; groups around it may still take its failure."""
    return step.continue_on_error and not (info is not None and info.must_succeed)
