"""What a run of a task sequence would do, found out before the first step: what runs, what not and why, what is lost.

The sequence is walked with a copy of the variables and a rehearsal of the machine: each step that would run is asked
for its forecast, which sets the variables that the step would set, so that later conditions are judged with them; a
step without problems is taken to succeed.  What a step would destroy that only runs if another one ends otherwise is
told too: nobody shall lose a disk by a step that the plan has called skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, Means, NotReady, OsdImageError, Remedy, quoted
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.conditions import evaluate, names_last_action
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import ActionInfo, RunIn
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.machine import Machine

ActionTable = Mapping[str, ActionInfo]
"""Actions by the type of step in lower case."""

_ENDS_WELL, _FAILS = HResult.S_OK, HResult.E_FAIL

Position = tuple[int, ...]


class Decision(StrEnum):
    """What becomes of a step."""

    RUN = "run"
    SKIP = "skip"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a step, and why.

    Attributes:
        decision: ``CANNOT`` where Windows would run it and osdimage cannot.
        reason: why it does not run, or None.
        info: what is known of its type, or None.
    """

    decision: Decision
    reason: str | None = None
    info: ActionInfo | None = None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan.

    Attributes:
        number: from 1, over all steps of the sequence.
        groups: the names of the groups around it, the outermost first.
        name: of the step.
        type: of the step, or None.
        decision: whether it runs.
        reason: why not, or None.
        does: what it does, or None.
        destroys: what is lost by it.
        note: what cannot be known before, or None.
        problems: what would make it fail.
        may_fail: whether the sequence goes on after it failed.
        unmapped: the packages that it needs and that have no path.
    """

    number: int
    groups: tuple[str, ...]
    name: str
    type: str | None
    decision: Decision
    reason: str | None = None
    does: str | None = None
    destroys: tuple[str, ...] = ()
    note: str | None = None
    problems: tuple[str, ...] = ()
    may_fail: bool = False
    unmapped: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"step {self.number} {quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        name: of the sequence.
        steps: all of its steps, in their order.
        unchecked: packages that the sequence refers to and that no step needs which runs: nothing was asked about them.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def destroys(self) -> tuple[str, ...]:
        """All that is lost."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.destroys))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What would make a step fail whose failure the sequence allows."""
        return tuple(f"{step.label}: {text}" for step in self.steps if step.may_fail for text in step.problems)

    def problems(self, *, strict: bool) -> tuple[str, ...]:
        """Return why the sequence must not begin; with ``strict`` a step that osdimage cannot run is a reason."""
        found: list[str] = []
        for step in self.steps:
            if step.decision is Decision.CANNOT and strict:
                found.append(f"{step.label}: {step.reason}")
            elif not step.may_fail:
                found += (f"{step.label}: {text}" for text in step.problems)
        return tuple(dict.fromkeys(found))

    @property
    def remedy(self) -> Remedy | None:
        """What would help against packages without a path."""
        unmapped = dict.fromkeys(package for step in self.steps if not step.may_fail for package in step.unmapped)
        if not unmapped:
            return None
        text = "; ".join("give {}" for _ in unmapped)
        return Remedy(text, (Means.PACKAGES,) * len(unmapped), tuple(unmapped))

    def require(self, *, strict: bool) -> None:
        """Refuse a sequence that has problems.

        Raises:
            NotReady: with all of them.
        """
        if found := self.problems(strict=strict):
            raise NotReady(found, remedy=self.remedy)


def action_table(infos: Iterable[ActionInfo]) -> ActionTable:
    """Return the actions by each type that they serve."""
    return {name.lower(): info for info in infos for name in (info.type_name, *info.other_types)}


def known_actions() -> ActionTable:
    """Return all that osdimage knows: the actions that it runs, and those that it leaves out with a reason."""
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415 - a table of others needs none of it
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415

    return action_table((*ACTIONS, *ELSEWHERE))


def judge_group(group: Group, env: Environment) -> Judgement:
    """Decide whether the steps of a group run, seen from the group alone."""
    if group.is_disabled:
        return Judgement(Decision.SKIP, f"group {quoted(group.name)} is disabled")
    verdict = evaluate(group.condition, env)
    if verdict.holds:
        return Judgement(Decision.RUN)
    decision = Decision.SKIP if verdict.is_known else Decision.CANNOT
    return Judgement(decision, f"group {quoted(group.name)}: {verdict.reason}")


def judge_step(step: Step, env: Environment, actions: ActionTable) -> Judgement:
    """Decide whether a step runs, seen from the step alone."""
    info = actions.get((step.type or "").lower())
    if step.is_disabled:
        return Judgement(Decision.SKIP, "disabled", info)
    verdict = evaluate(step.condition, env)
    if not verdict.holds:
        return Judgement(Decision.SKIP if verdict.is_known else Decision.CANNOT, verdict.reason, info)
    if info is None:
        kind = step.type or "none"
        return Judgement(Decision.CANNOT, f"step type {kind} is not known to osdimage")
    if info.run is None:
        return Judgement(Decision.CANNOT, info.why_not or "only a running Windows can do it", info)
    if step.run_in is RunIn.FULL_OS:
        return Judgement(Decision.CANNOT, "runs in the installed Windows, which is not started here", info)
    return Judgement(Decision.RUN, None, info)


def numbered(sequence: Sequence) -> list[tuple[Position, Step]]:
    """Return all steps with their places; the number of a step is its index here plus 1."""
    return [(place, member) for place, member in sequence.walk() if isinstance(member, Step)]


def groups_of(sequence: Sequence) -> dict[Position, Group]:
    """Return all groups by their places."""
    return {place: member for place, member in sequence.walk() if isinstance(member, Group)}


def around(place: Position) -> Iterator[Position]:
    """Yield the places of the groups around a step or group, the outermost first."""
    return (place[:depth] for depth in range(1, len(place)))


def plan_sequence(
    sequence: Sequence,
    env: Environment,
    machine: Machine,
    actions: ActionTable | None = None,
    *,
    judged: Mapping[Position, Judgement] | None = None,
    first: int = 0,
) -> RunPlan:
    """Find out what a run would do.  Nothing is changed.

    Args:
        sequence: the task sequence.
        env: its variables; a copy is used.
        machine: the computer; a rehearsal of it is used.
        actions: what is known of types of steps; None: all that osdimage knows.
        judged: groups that were entered before, in a run that is resumed.
        first: the index of the first step that is still to be run; those before are not part of the plan.
    """
    table = known_actions() if actions is None else actions
    walker = _Walker(sequence, env.copy(), machine.rehearsal(), table, dict(judged or {}))
    steps = tuple(walker.steps(first))
    unchecked = tuple(each for each in sequence.packages if each.lower() not in walker.needed)
    return RunPlan(env.mask(sequence.name), steps, unchecked)


class _Walker:
    def __init__(
        self,
        sequence: Sequence,
        env: Environment,
        machine: Machine,
        actions: ActionTable,
        judged: dict[Position, Judgement],
    ) -> None:
        self._sequence, self._env, self._machine = sequence, env, machine
        self._actions, self._judged = actions, judged
        self._groups = groups_of(sequence)
        self.needed: set[str] = set()

    def steps(self, first: int) -> Iterator[PlannedStep]:
        for index, (place, step) in enumerate(numbered(self._sequence)):
            if index >= first:
                yield self._step(index + 1, place, step)

    def _step(self, number: int, place: Position, step: Step) -> PlannedStep:
        judgement = enter_groups(place, self._groups, self._judged, self._env)
        if judgement.decision is Decision.RUN:
            builtin.before_step(self._env, step.name)
            judgement = judge_step(step, self._env, self._actions)
        names = tuple(self._env.mask(self._groups[each].name) for each in around(place))
        base = PlannedStep(number, names, self._env.mask(step.name), step.type, judgement.decision, judgement.reason)
        if judgement.decision is not Decision.RUN:
            return self._if_it_runs_yet(base, place, step)
        if judgement.info is None:
            return base
        passed_over = step.continue_on_error or any(self._groups[each].continue_on_error for each in around(place))
        planned = self._forecast(replace(base, may_fail=passed_over), step, judgement.info)
        # Later conditions ask how it ended; which code a step that fails will have, nobody knows yet.
        builtin.after_action(self._env, _FAILS if planned.problems else _ENDS_WELL, succeeded=not planned.problems)
        return planned

    def _if_it_runs_yet(self, base: PlannedStep, place: Position, step: Step) -> PlannedStep:
        """Tell what is lost by a step that is left out only if the steps before it end as they should."""
        members = (*(self._groups[each] for each in around(place)), step)
        info = self._actions.get((step.type or "").lower())
        hangs = base.decision is Decision.SKIP and any(names_last_action(each.condition) for each in members)
        if not hangs or info is None or info.run is None or any(each.is_disabled for each in members):
            return base
        aside = _Walker(self._sequence, self._env.copy(), self._machine.rehearsal(), self._actions, {})
        found = aside._forecast(base, step, info)
        return replace(base, destroys=tuple(f"if step {base.number} runs after all: {text}" for text in found.destroys))

    def _forecast(self, base: PlannedStep, step: Step, info: ActionInfo) -> PlannedStep:
        base = replace(base, does=info.title)
        mask = self._env.mask
        try:
            with self._env.step_defaults(step.defaults, step.properties):
                needed = _packages(info, self._env)
                self.needed.update(package.lower() for package in needed.values())
                base = replace(base, unmapped=tuple(_unmapped(needed, self._machine)))
                problems = list(_missing_packages(needed, self._machine))
                if problems or info.forecast is None:
                    return replace(base, problems=tuple(map(mask, problems)))
                forecast = info.forecast(self._env, self._machine)
        except OsdImageError as error:
            return replace(base, problems=(mask(error.said),))
        except OSError as error:
            return replace(base, problems=(mask(f"{error.filename}: {error.strerror}"),))
        return replace(
            base,
            does=mask(forecast.does),
            destroys=tuple(map(mask, forecast.destroys)),
            problems=tuple(map(mask, forecast.problems)),
            note=None if forecast.unknown is None else mask(forecast.unknown),
        )


def enter_groups(
    place: Position, groups: Mapping[Position, Group], judged: dict[Position, Judgement], env: Environment
) -> Judgement:
    """Decide whether the groups around a step let it run; each group is judged once, when it is entered."""
    for each in around(place):
        if each not in judged:
            judged[each] = judge_group(groups[each], env)
        if judged[each].decision is not Decision.RUN:
            return judged[each]
    return Judgement(Decision.RUN)


def _packages(info: ActionInfo, env: Environment) -> dict[str, str]:
    """Return the packages that the step at work needs, by the properties that name them."""
    named = {name: env.properties.get(name) or "" for name in info.package_properties}
    return {name: package for name, package in named.items() if package}


def _unmapped(needed: Mapping[str, str], machine: Machine) -> Iterator[str]:
    for package in needed.values():
        try:
            machine.package(package)
        except InvalidRequest:
            yield package


def _missing_packages(needed: Mapping[str, str], machine: Machine) -> Iterator[str]:
    for name, package in needed.items():
        try:
            path = machine.package(package)
        except InvalidRequest as error:
            yield f"{name}={package}: {error}"
            continue
        if not path.exists():
            yield f"{name}={package}: {path} does not exist"
