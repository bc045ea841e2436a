"""Random steps that wait for a first start, and what is to come of them, by what groups and conditions mean.

The model walks the steps as the documents say ("Task Sequence Groups" of Operating System Deployment in Configuration
Manager 2007), and knows nothing of numbers to go on with, nor of files.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from osdimage.imaging.tasksequence.staging.staged import Position, StagedCommand, StagedCondition, StagedStep

from cases.first_start import RESTART_CODES, Told

HIDDEN = "S3cretValue"
_CODES = (0, 0, 0, 0, 1, 5, -2147024891, *RESTART_CODES)


@dataclass(frozen=True)
class Asked:
    """A condition: that a variable which a step may set is set, or is not."""

    name: str
    is_set: bool

    @property
    def lines(self) -> tuple[str, ...]:
        yes, no = (0, 1) if self.is_set else (1, 0)
        return (f'if "%{self.name}%"=="yes" exit /b {yes}', f"exit /b {no}")

    def holds(self, known: set[str]) -> bool:
        return (self.name in known) is self.is_set


@dataclass(frozen=True)
class OneGroup:
    """A group: whether it may fail, and its condition."""

    may_fail: bool = False
    asked: Asked | None = None


@dataclass(frozen=True)
class OneStep:
    """A step where it stands, with how it ends."""

    place: Position
    code: int = 0
    success: tuple[int, ...] = (0, 3010)
    may_fail: bool = False
    restarts: bool = False
    sets: str | None = None
    asked: Asked | None = None
    has_secret: bool = False


@dataclass(frozen=True)
class StagedPlan:
    """Steps, and the groups around them by their places."""

    steps: tuple[OneStep, ...]
    groups: dict[Position, OneGroup] = field(default_factory=dict)

    def around(self, place: Position) -> list[Position]:
        return [place[:depth] for depth in range(1, len(place)) if place[:depth] in self.groups]

    def staged(self) -> list[StagedStep]:
        """Return the steps as they wait."""
        return [self._staged(number, step) for number, step in enumerate(self.steps, 1)]

    def _staged(self, number: int, step: OneStep) -> StagedStep:
        lines = ["@echo off", '>>"%~dp0ran" echo x' if not step.has_secret else f">>ran-{number} echo x"]
        lines += [f"rem {HIDDEN}", f"echo {HIDDEN}"] if step.has_secret else []
        lines += [f">>vars.txt echo {step.sets}=yes"] if step.sets else []
        above = self.around(step.place)
        asked = [(each, self.groups[each].asked) for each in above] + [(None, step.asked)]
        return StagedStep(
            number=number,
            place=step.place,
            name=f"step {number}",
            command=StagedCommand("", (*lines, f"exit /b {step.code}"), restarts=step.restarts),
            success_codes=tuple(code & 0xFFFFFFFF for code in step.success),
            may_fail=step.may_fail,
            tolerant=tuple(each for each in above if self.groups[each].may_fail),
            conditions=tuple(StagedCondition(group, each.lines) for group, each in asked if each is not None),
        )


def random_staged_plan(rng: random.Random) -> StagedPlan:
    """Return 1 to 12 steps in up to two levels of groups."""
    groups: dict[Position, OneGroup] = {}
    steps: list[OneStep] = []
    names: list[str] = []

    def asked() -> Asked | None:
        return Asked(rng.choice(names), rng.random() < 0.6) if names and rng.random() < 0.35 else None

    def fill(above: Position, depth: int) -> None:
        for index in range(rng.randint(1, 4)):
            if len(steps) >= 12:
                return
            place = (*above, index)
            if depth < 2 and rng.random() < 0.4:
                groups[place] = OneGroup(rng.random() < 0.5, asked())
                fill(place, depth + 1)
                continue
            sets = f"V{len(steps)}" if rng.random() < 0.4 else None
            steps.append(
                OneStep(
                    place,
                    code=rng.choice(_CODES),
                    success=tuple(rng.sample([0, 3010, 5, -2147024891], rng.randint(1, 3))),
                    may_fail=rng.random() < 0.4,
                    restarts=rng.random() < 0.1,
                    sets=sets,
                    asked=asked(),
                    has_secret=rng.random() < 0.25,
                )
            )
            names.extend([sets] if sets else [])

    fill((), 0)
    return StagedPlan(tuple(steps), groups)


def expected_of(plan: StagedPlan) -> Told:
    """Return what is to come of a plan on a computer that never loses its power."""
    told, known, answers = Told(starts=1), set[str](), dict[Position, bool]()
    left = list(enumerate(plan.steps, 1))
    while left:
        number, step = left.pop(0)
        if not _is_entered(plan, step, known, answers):
            told.results.append(f"{number} skipped 0")
            continue
        known |= {step.sets} if step.sets else set()
        is_done = step.code in step.success or step.code == 1641
        told.results.append(f"{number} {'done' if is_done else 'failed'} {step.code}")
        if not is_done and not step.may_fail:
            tolerant = [each for each in plan.around(step.place) if plan.groups[each].may_fail]
            if not tolerant:
                told.end = "failed"
                return told
            left = [(later, each) for later, each in left if each.place[: len(tolerant[-1])] != tolerant[-1]]
        if is_done and (step.restarts or step.code in RESTART_CODES):
            told.starts += 1
    told.end = "done"
    return told


def _is_entered(plan: StagedPlan, step: OneStep, known: set[str], answers: dict[Position, bool]) -> bool:
    """Ask the groups, each once, from the outermost on, and then the step."""
    for each in plan.around(step.place):
        asked = plan.groups[each].asked
        if asked is not None and not answers.setdefault(each, asked.holds(known)):
            return False
    return step.asked is None or step.asked.holds(known)
