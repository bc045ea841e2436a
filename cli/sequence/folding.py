"""Steps of a task sequence under the headings of their groups; those that one group keeps from running are one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from osdimage.imaging.tasksequence.planned import PlannedStep
from osdimage.imaging.tasksequence.report import StepReport

Told = TypeVar("Told", PlannedStep, StepReport)


def folded(steps: Iterable[Told], end: Callable[[Told], tuple[object, str]]) -> Iterator[tuple[Told, ...]]:
    """Yield the steps, those together that one group keeps from running.

    Args:
        steps: in their order.
        end: tells what became of a step, and why.
    """
    run: list[Told] = []
    for step in steps:
        if run and not (end(step)[1].startswith("group ") and end(step) == end(run[0])):
            yield tuple(run)
            run = []
        run.append(step)
    if run:
        yield tuple(run)


def common(steps: tuple[Told, ...]) -> tuple[str, ...]:
    """Return the groups that all of the steps are in."""
    return functools.reduce(lambda one, other: one[: _shared(one, other)], (step.groups for step in steps))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


def span(steps: tuple[Told, ...]) -> str:
    """Return the numbers of the first and the last of steps."""
    return f"{steps[0].called}-{steps[-1].called}"


def of_group(reason: str) -> str:
    """Leave out the name of the group, which stands above."""
    return "the group is disabled" if reason.endswith(" is disabled") else reason.partition("': ")[2]


def headings(shown: tuple[str, ...], groups: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of the groups that are entered, below those that are shown already."""
    for depth in range(_shared(shown, groups), len(groups)):
        yield f"{'  ' * depth}{groups[depth]}"
