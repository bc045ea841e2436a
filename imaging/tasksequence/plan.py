"""What a run of a task sequence would do, found out before the first step: what runs, what not and why, what is lost.

The sequence is walked with a copy of the variables and a rehearsal of the machine: each step that would run is asked
for its forecast, which sets the variables that the step would set, so that later conditions are judged with them; a
step without problems is taken to succeed.  What a step would destroy that only runs if another one ends otherwise is
told too: nobody shall lose a disk by a step that the plan has called skipped.  A step that cannot be run here, and
whose condition hangs on such an end, is an obstacle as well: it could come up in the middle of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osdimage.imaging.errors import (
    Incomplete,
    InvalidRequest,
    Means,
    NotReady,
    OsdImageError,
    Remedy,
    UnsupportedSteps,
    quoted,
)
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.conditions import Doubt, Verdict, evaluate, names_last_action
from osdimage.imaging.tasksequence.environment import Environment, set_all
from osdimage.imaging.tasksequence.facts.known import ask_of
from osdimage.imaging.tasksequence.judging.facts import unknown_facts
from osdimage.imaging.tasksequence.judging.judge import (
    AFTERWARDS,
    At,
    Decision,
    Judge,
    Judgement,
    around,
    groups_of,
    numbered,
    stage_step,
    sure_again,
)
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, find_action, kind_of
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.judging.restarts import after_restart, enter
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, StepClass, short_type
from osdimage.imaging.tasksequence.sequence import Sequence, Step
from osdimage.imaging.tasksequence.staging.first_start import StartForecast, foresee_first_start
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCommand
from osdimage.imaging.wim.placed.place import is_there

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine

_ENDS_WELL, _FAILS = HResult.S_OK, HResult.E_FAIL
_LAST_ACTION = frozenset({"_smstslastactionsucceeded", "_smstslastactionretcode"})
_BECOMES = {
    Decision.RUN: "run",
    Decision.HOLDS: "true",
    Decision.STAGE: "first-start",
    Decision.LATER: "later",
    Decision.SKIP: "skipped",
    Decision.LEAVE_OUT: "left-out",
    Decision.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan.

    Attributes:
        number: from 1, over all steps of the sequence.
        groups: the names of the groups around it, the outermost first.
        name: of the step.
        type: of the step, or the script of MDT that it runs, or None.
        decision: whether it runs.
        reason: why not, or None.
        does: what it does, or None.
        destroys: what is lost by it.
        note: what cannot be known before, or None.
        problems: what would make it fail.
        may_fail: whether the sequence goes on after it failed.
        unmapped: the packages that it needs and that have no path.
        step_class: what it would take to run it, where it cannot be run.
        warnings: what it will leave out or lose.
        details: sentences about the parts of what it does.
        serves: names of devices for which it brings a driver.
        lacks: names of disk controllers for which it brings none, and that need one.
        remedy: what would let it run, where it is refused, or None.
        shown: what people call its number: ``12.3`` in a child task sequence that stands in place of step 12.
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
    step_class: StepClass | None = None
    warnings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    remedy: Remedy | None = None
    shown: str = ""

    @property
    def called(self) -> str:
        """What people call its number."""
        return self.shown or str(self.number)

    @property
    def becomes(self) -> str:
        """What becomes of it: ``run``, ``true``, ``first-start``, ``later``, ``skipped`` and so on."""
        return _BECOMES[self.decision]

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"step {self.called} {quoted(self.name)}"

    @property
    def obstacle(self) -> str:
        """The sentence about a step that cannot be run."""
        kind = "no type" if self.type is None else short_type(self.type)
        of_class = "" if self.step_class is None else f", class {self.step_class}"
        return f"{self.label}: {self.reason} ({kind}{of_class})"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        name: of the sequence.
        steps: all of its steps, in their order.
        unchecked: packages that the sequence refers to and that no step needs which runs: nothing was asked about them.
        firmware: how the computer starts, ``uefi`` or ``bios``.
        first_start: what is put on the disk for the first start of the new Windows, or None.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    unchecked: tuple[str, ...] = ()
    firmware: str = "uefi"
    first_start: StartForecast | None = None

    def count(self, decision: Decision) -> int:
        """Count the steps of which this becomes."""
        return sum(1 for step in self.steps if step.decision is decision)

    @property
    def counts(self) -> dict[str, int]:
        """How many steps become what, by :attr:`PlannedStep.becomes`; together they are all steps."""
        return {word: self.count(decision) for decision, word in _BECOMES.items()}

    @property
    def destroys(self) -> tuple[str, ...]:
        """All that is lost."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.destroys))

    @property
    def tolerated(self) -> tuple[str, ...]:
        """What would make a step fail whose failure the sequence allows."""
        return tuple(f"{step.label}: {text}" for step in self.steps if step.may_fail for text in step.problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What steps will leave out, which they tell again when they run, and what is tolerated."""
        left_out = tuple(f"{step.label}: {text}" for step in self.steps for text in step.warnings)
        of_start = () if self.first_start is None else self.first_start.warnings
        refused = tuple(step.obstacle for step in self.steps if step.decision is Decision.REFUSE and step.may_fail)
        return (*left_out, *of_start, *self.tolerated, *refused)

    def obstacles(self, *, strict: bool = False) -> tuple[PlannedStep, ...]:
        """Return the steps that are refused and may not fail; with ``strict`` all, and those that are left out."""
        held = {Decision.REFUSE, Decision.LEAVE_OUT} if strict else {Decision.REFUSE}
        return tuple(step for step in self.steps if step.decision in held and (strict or not step.may_fail))

    @property
    def without_storage(self) -> tuple[str, ...]:
        """Sentences about disk controllers for which no step brings a driver, though one was to."""
        runs = [step for step in self.steps if step.decision is Decision.RUN]
        served = {name for step in runs for name in step.serves}
        found = (f"{step.label}: {name}" for step in runs for name in step.lacks if name not in served)
        return tuple(f"{each}: a disk controller for which no step brings a driver" for each in dict.fromkeys(found))

    def problems(self, *, strict: bool = False) -> tuple[str, ...]:
        """Return why the sequence must not begin.

        With ``strict`` a step that is left out is a reason, and a disk controller without a driver.
        """
        held = {step.number for step in self.obstacles(strict=strict)}
        found: list[str] = []
        for step in self.steps:
            if step.number in held:
                found.append(step.obstacle)
            elif not step.may_fail:
                found += (f"{step.label}: {text}" for text in step.problems)
        if self.first_start is not None:
            found += self.first_start.problems
        if strict:
            found += self.without_storage
        return tuple(dict.fromkeys(found))

    def remedies(self, *, strict: bool = False) -> tuple[Remedy, ...]:
        """Return what would help, each alone: paths for packages, to leave steps out, and what refused steps lack."""
        unmapped = dict.fromkeys(package for step in self.steps if not step.may_fail for package in step.unmapped)
        held = () if strict else self.obstacles()
        classes = tuple(sorted({step.step_class or StepClass.UNKNOWN for step in held}, reverse=True))
        start = () if self.first_start is None else (self.first_start,)
        without = f"to run it without these steps: {' '.join(['{}'] * len(classes))}"
        return (
            *(Remedy("give {}", (Means.PACKAGES,), (package,)) for package in unmapped),
            *((Remedy(without, (Means.LEAVE_OUT,) * len(classes), classes),) if classes else ()),
            *dict.fromkeys(each.remedy for each in (*held, *start) if each.remedy is not None),
        )

    def remedy_for(self, *, strict: bool = False) -> Remedy | None:
        """Return :meth:`remedies` as one sentence, or None when there are none."""
        found = self.remedies(strict=strict)
        if not found:
            return None
        means = tuple(means for each in found for means in each.means)
        values = tuple(value for each in found for value in each.values)
        of_steps = {step.remedy for step in self.obstacles()}
        text = "; ".join(f"or {each.text}" if each in of_steps else each.text for each in found)
        return Remedy(text, means, values)

    def refusal(self, *, strict: bool = False) -> OsdImageError | None:
        """Return the error that says why the sequence must not begin, or None when it can; see :meth:`require`."""
        found = self.problems(strict=strict)
        if not found:
            return None
        lacking = self.without_storage
        if strict and set(found) == set(lacking):
            return Incomplete("; ".join(lacking))
        kind = UnsupportedSteps if self.obstacles(strict=strict) else NotReady
        return kind(found, remedy=self.remedy_for(strict=strict))

    def require(self, *, strict: bool = False) -> None:
        """Refuse a sequence that has problems.

        Raises:
            UnsupportedSteps: when steps are among them that cannot be run here; with all problems.
            NotReady: with all of them.
            Incomplete: with ``strict``, when no step brings a driver for a disk controller, and else all is ready.
        """
        refusal = self.refusal(strict=strict)
        if refusal is not None:
            raise refusal


def plan_sequence(
    sequence: Sequence,
    env: Environment,
    machine: Machine,
    actions: ActionTable | None = None,
    *,
    leave_out: LeaveOut = NOTHING,
    judged: Mapping[Position, Judgement] | None = None,
    first: int = 0,
) -> RunPlan:
    """Find out what a run would do.  Nothing is changed.

    Args:
        sequence: the task sequence.
        env: its variables; a copy is used.
        machine: the computer; a rehearsal of it is used.
        actions: what is known of types of steps; None: all that osdimage knows.
        leave_out: which steps may be left out.
        judged: groups that were entered before, in a run that is resumed.
        first: the index of the first step that is still to be run; those before are not part of the plan.
    """
    return rehearse(sequence, env, machine, actions, leave_out=leave_out, judged=judged, first=first)[0]


def rehearse(
    sequence: Sequence,
    env: Environment,
    machine: Machine,
    actions: ActionTable | None = None,
    *,
    leave_out: LeaveOut = NOTHING,
    judged: Mapping[Position, Judgement] | None = None,
    first: int = 0,
) -> tuple[RunPlan, Machine]:
    """Find out what a run would do, as :func:`plan_sequence`, and what the computer would be afterwards."""
    table = known_actions() if actions is None else actions
    copy, rehearsal = env.copy(), machine.rehearsal()
    builtin.begin(copy, machine, sequence, None)
    doubt = unknown_facts(sequence, copy)
    judge = Judge(groups_of(sequence), rehearsal, table, leave_out, doubt, ask_of(rehearsal), labels=sequence.labels)
    walker = _Walker(sequence, copy, rehearsal, judge, dict(judged or {}))
    steps = tuple(walker.steps(first))
    unchecked = tuple(each for each in sequence.packages if each.lower() not in walker.needed)
    start = walker.first_start or foresee_first_start(rehearsal, copy)
    return RunPlan(env.mask(sequence.name), steps, unchecked, machine.firmware.value, start), rehearsal


class _Walker:
    def __init__(
        self,
        sequence: Sequence,
        env: Environment,
        machine: Machine,
        judge: Judge,
        judged: dict[Position, Judgement],
    ) -> None:
        self._sequence, self._env, self._machine = sequence, env, machine
        self._labels = sequence.labels
        self._judge, self._judged, self._groups = judge, judged, judge.groups
        # Variables that a step sets which may fail, or not run; and the groups that may be entered on account of them.
        self._open: set[str] = set()
        self._entered: dict[Position, Verdict] = {}
        self._has_problems = False
        self._is_later = False
        self.first_start: StartForecast | None = None
        self.needed: set[str] = set()

    def steps(self, first: int) -> Iterator[PlannedStep]:
        for index, (place, step) in enumerate(numbered(self._sequence)):
            if index >= first:
                planned = self._step(index + 1, place, step)
                is_done_then = self._is_later and planned.decision in {Decision.RUN, Decision.HOLDS}
                yield replace(planned, decision=Decision.LATER, reason=AFTERWARDS) if is_done_then else planned

    def _step(self, number: int, place: Position, step: Step) -> PlannedStep:
        self._foresee_groups(place)
        judgement = self._judge.step(At(number, place, step), self._judged, self._env)
        if judgement.decision is Decision.SKIP:
            judgement = self._unless_it_may_come_up(At(number, place, step), judgement)
        names = tuple(self._env.mask(self._groups[each].name) for each in around(place))
        base = PlannedStep(
            number,
            names,
            self._env.mask(step.name),
            kind_of(step),
            judgement.decision,
            judgement.reason,
            step_class=judgement.step_class,
            remedy=judgement.remedy,
            shown=self._labels[number - 1],
        )
        if judgement.decision is Decision.LATER:
            self._pause()
            return base
        if judgement.decision is Decision.STAGE:
            return self._wait(base, place, step, judgement)
        if judgement.already is not None:
            return self._pass(base, judgement.already, judgement.info)
        if judgement.decision is Decision.REFUSE and step.continue_on_error:
            builtin.after_action(self._env, HResult.NOT_SUPPORTED, succeeded=False)
            self._leave_open({}, is_open=False)
            return replace(base, may_fail=True)
        if judgement.decision is Decision.REFUSE:
            # What keeps this step from running is told once, and not again of each step behind it.
            self._enter(judgement.info)
        if judgement.decision is not Decision.RUN:
            return self._if_it_runs_yet(base, place, step)
        if judgement.info is None:
            return base
        passed_over = step.continue_on_error or any(self._groups[each].continue_on_error for each in around(place))
        passed_over = passed_over and not judgement.info.must_succeed
        before = dict(self._env) if passed_over else {}
        planned, rest = self._forecast(replace(base, may_fail=passed_over), step, judgement.info)
        self._has_problems = self._has_problems or bool(planned.problems)
        # Later conditions ask how it ended; which code a step that fails will have, nobody knows yet.
        builtin.after_action(self._env, _FAILS if planned.problems else _ENDS_WELL, succeeded=not planned.problems)
        sure_again(self._machine)
        self._enter(judgement.info)
        self._judge.stage_rest(At(number, place, step), judgement, rest)
        self._leave_open(before, is_open=passed_over)
        return planned

    def _enter(self, info: ActionInfo | None) -> None:
        if info is not None and info.enters is not None:
            enter(self._machine, self._env, info.enters)

    def _wait(self, base: PlannedStep, place: Position, step: Step, judgement: Judgement) -> PlannedStep:
        """Let a step wait for the first start, as the run does."""
        staged = self._judge.staged_step(At(base.number, place, step), judgement)
        stage_step(self._machine, staged)
        self.needed.update(each.name.lower() for each in staged.command.packages)
        return replace(
            base,
            does=self._env.mask(staged.command.does),
            note="the first start finds out whether its condition holds" if staged.conditions else None,
            may_fail=staged.may_fail,
            warnings=tuple(map(self._env.mask, staged.command.warnings)),
        )

    def _pause(self) -> None:
        """Go on in Windows PE as if the new Windows had been started; what that has set, nobody knows yet."""
        self.first_start = foresee_first_start(self._machine, self._env)
        self._is_later = self._machine.has_started = True
        self._machine.staged.clear()
        self._machine.installs_drivers = False
        self._open |= self._machine.unsure | _LAST_ACTION
        self._machine.unsure.clear()
        enter(self._machine, self._env, Phase.PE)

    def _pass(self, base: PlannedStep, already: Already, info: ActionInfo | None) -> PlannedStep:
        """Take what a step would do for done."""
        set_all(self._env, already.sets)
        builtin.after_action(self._env, _ENDS_WELL, succeeded=True)
        sure_again(self._machine)
        self._enter(info)
        self._leave_open({}, is_open=False)
        return replace(base, warnings=tuple(map(self._env.mask, already.warnings)))

    # What hangs on how steps end

    def _leave_open(self, before: Mapping[str, str], *, is_open: bool) -> None:
        """Remember what later conditions cannot be sure of; after a step that must succeed, its end is sure again."""
        self._open -= _LAST_ACTION
        if is_open:
            after = dict(self._env)
            changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            self._open |= {name.lower() for name in changed} | _LAST_ACTION

    def _foresee_groups(self, place: Position) -> None:
        for each in around(place):
            if each not in self._judged and each not in self._entered:
                self._entered[each] = evaluate(self._groups[each].condition, self._env, self._doubt, self._judge.ask)

    @property
    def _doubt(self) -> Doubt:
        def doubt(name: str) -> str | None:
            return "how the steps before it end" if name in self._open else self._judge.doubt(name)

        return doubt

    def _unless_it_may_come_up(self, at: At, skipped: Judgement) -> Judgement:
        """Return the judgement on a step that is passed over now, and cannot be run if it comes up all the same."""
        number, place, step = at.number, at.place, at.step
        members = (*(self._groups[each] for each in around(place)), step)
        if not self._open or any(each.is_disabled for each in members):
            return skipped
        stopped = self._judge.becomes(at, self._env)
        known = [self._judged[each] for each in around(place) if each in self._judged and each not in self._entered]
        if any(each.decision is Decision.SKIP for each in known):
            # Judged in the run that is resumed.
            return skipped
        verdicts = [self._entered[each] for each in around(place) if each in self._entered]
        verdicts.append(evaluate(step.condition, self._env, self._doubt, self._judge.ask))
        is_out = any(not verdict.holds and verdict.is_known for verdict in verdicts)
        info, leave_out = find_action(step, self._judge.actions), self._judge.leave_out
        is_left_out = leave_out.names(number, step, info) or stopped.step_class in leave_out.classes
        if stopped.decision is not Decision.REFUSE or is_out or is_left_out:
            return skipped
        reason = f"{stopped.reason} -- it comes up if the steps before it end so: {skipped.reason}"
        return replace(stopped, reason=reason)

    def _if_it_runs_yet(self, base: PlannedStep, place: Position, step: Step) -> PlannedStep:
        """Tell what is lost by a step that is left out only if the steps before it end as they should."""
        members = (*(self._groups[each] for each in around(place)), step)
        info = find_action(step, self._judge.actions)
        hangs = base.decision is Decision.SKIP and any(names_last_action(each.condition) for each in members)
        if not hangs or info is None or info.run is None or any(each.is_disabled for each in members):
            return base
        aside = _Walker(self._sequence, self._env.copy(), self._machine.rehearsal(), self._judge, {})
        found, _ = aside._forecast(base, step, info)
        return replace(base, destroys=tuple(f"if step {base.called} runs after all: {text}" for text in found.destroys))

    # Forecasts

    def _forecast(self, base: PlannedStep, step: Step, info: ActionInfo) -> tuple[PlannedStep, StagedCommand | None]:
        """Return the step with what its action foretells, and what of it would wait for the first start."""
        base = replace(base, does=info.title)
        mask = self._env.mask
        try:
            with self._env.step_defaults(step.defaults, step.told):
                needed = _packages(info, self._env)
                more = () if info.more_packages is None else info.more_packages(self._env)
                self.needed.update(package.lower() for package in (*needed.values(), *more))
                base = replace(base, unmapped=tuple(_unmapped(needed, self._machine)))
                problems = list(_missing_packages(needed, self._machine))
                if problems or info.forecast is None:
                    return replace(base, problems=tuple(map(mask, problems))), None
                forecast = info.forecast(self._env, self._machine)
        except OsdImageError as error:
            return replace(base, problems=(mask(error.said),)), None
        except OSError as error:
            return replace(base, problems=(mask(f"{error.filename}: {error.strerror}"),)), None
        problems, note = list(forecast.problems), forecast.unknown
        if forecast.restart is not None and not problems:
            enter(self._machine, self._env, after_restart(self._machine, self._env, forecast.restart))
        if forecast.hangs is not None and self._has_problems:
            # What it needs, a step before it would have made.
            note = f"cannot be told while a step before it has a problem: {forecast.hangs}"
        elif forecast.hangs is not None:
            problems.append(forecast.hangs)
        planned = replace(
            base,
            does=info.title if forecast.hangs is not None and not problems else mask(forecast.does),
            destroys=tuple(map(mask, forecast.destroys)),
            problems=tuple(map(mask, problems)),
            note=None if note is None else mask(note),
            warnings=tuple(map(mask, forecast.warnings)),
            unmapped=(*base.unmapped, *forecast.unmapped),
            details=tuple(map(mask, forecast.details)),
            serves=tuple(map(mask, forecast.serves)),
            lacks=tuple(map(mask, forecast.lacks)),
        )
        return planned, None if problems else forecast.stages


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
        if not is_there(path):
            yield f"{name}={package}: {path} does not exist"
