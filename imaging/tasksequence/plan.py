"""What a run of a task sequence would do, found out before the first step: what runs, what not and why, what is lost.

The sequence is walked with a copy of the variables and a rehearsal of the machine: each step that would run is asked
for its forecast, which sets the variables that the step would set, so that later conditions are judged with them; a
step without problems is taken to succeed.  What a step would destroy that only runs if another one ends otherwise is
told too: nobody shall lose a disk by a step that the plan has called skipped.  A step that cannot be run here, and
whose condition hangs on such an end, is an obstacle as well: it could come up in the middle of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, OsdImageError
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.conditions import LAST_ACTION, Doubt, Verdict, evaluate, names_last_action
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.known import ask_of
from osdimage.imaging.tasksequence.judging.effects import enter_after, pass_refused, stage_step, take_for_done, tell_end
from osdimage.imaging.tasksequence.judging.facts import unknown_facts
from osdimage.imaging.tasksequence.judging.judge import Judge
from osdimage.imaging.tasksequence.judging.judgement import (
    AFTERWARDS,
    RUN,
    At,
    Decision,
    Judgement,
    around,
    groups_of,
    may_fail,
    numbered,
)
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, find_action, kind_of
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.judging.restarts import after_restart, enter
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.planned import PlannedStep, RunPlan
from osdimage.imaging.tasksequence.result import ActionInfo, Already
from osdimage.imaging.tasksequence.sequence import Sequence, Step
from osdimage.imaging.tasksequence.staging.first_start import StartForecast, foresee_first_start
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCommand
from osdimage.imaging.wim.placed.place import is_there

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine


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
    unasked: tuple[str, ...] = ()
    if first == 0 and not any(step.decision is Decision.LATER for step in steps):
        # Steps that ran, and those that are judged once a run goes on, may have asked.
        unasked = machine.supplies.unasked(rehearsal.asked)
    return RunPlan(env.mask(sequence.name), steps, unchecked, machine.firmware.value, start, unasked), rehearsal


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
                planned = self._step(At(index + 1, place, step))
                is_done_then = self._is_later and planned.decision in {Decision.RUN, Decision.HOLDS}
                yield replace(planned, decision=Decision.LATER, reason=AFTERWARDS) if is_done_then else planned

    def _step(self, at: At) -> PlannedStep:
        self._foresee_groups(at.place)
        judgement = self._judge.step(at, self._judged, self._env)
        if judgement.decision is Decision.SKIP:
            judgement = self._unless_it_may_come_up(at, judgement)
        base = self._judged_step(at, judgement)
        if judgement.decision is Decision.LATER:
            self._pause()
            return base
        if judgement.decision is Decision.STAGE:
            return self._wait(base, at, judgement)
        if judgement.already is not None:
            return self._pass(base, judgement.already, judgement.info)
        if judgement.decision is Decision.REFUSE and may_fail(at.step, judgement.info):
            pass_refused(self._env, self._machine)
            self._leave_open({}, is_open=False)
            return replace(base, may_fail=True)
        if judgement.decision is Decision.REFUSE:
            # What keeps this step from running is told once, and not again of each step behind it.
            enter_after(self._env, self._machine, judgement.info)
        if judgement.decision is not Decision.RUN or judgement.info is None:
            return self._if_it_runs_yet(base, at)
        return self._run(base, at, judgement, judgement.info)

    def _judged_step(self, at: At, judgement: Judgement) -> PlannedStep:
        return PlannedStep(
            at.number,
            tuple(self._env.mask(self._groups[each].name) for each in around(at.place)),
            self._env.mask(at.step.name),
            kind_of(at.step),
            judgement.decision,
            judgement.reason,
            step_class=judgement.step_class,
            remedy=None if judgement.remedy is None else judgement.remedy.masked(self._env.mask),
            shown=self._labels[at.number - 1],
        )

    def _run(self, base: PlannedStep, at: At, judgement: Judgement, info: ActionInfo) -> PlannedStep:
        """Forecast a step that runs, and go on as if it had ended as its forecast tells."""
        is_in_tolerant = any(self._groups[each].continue_on_error for each in around(at.place))
        passed_over = may_fail(at.step, info) or (is_in_tolerant and not info.must_succeed)
        before = dict(self._env) if passed_over else {}
        planned, rest = self._forecast(replace(base, may_fail=passed_over), at.step, info)
        self._has_problems = self._has_problems or bool(planned.problems)
        # Later conditions ask how it ended; which code a step that fails will have, nobody knows yet.
        code = HResult.E_FAIL if planned.problems else HResult.S_OK
        tell_end(self._env, self._machine, code, succeeded=not planned.problems)
        enter_after(self._env, self._machine, info)
        self._judge.stage_rest(at, judgement, rest)
        self._leave_open(before, is_open=passed_over)
        return planned

    def _wait(self, base: PlannedStep, at: At, judgement: Judgement) -> PlannedStep:
        """Let a step wait for the first start, as the run does."""
        staged = self._judge.staged_step(at, judgement)
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
        self._open |= self._machine.unsure | LAST_ACTION
        self._machine.unsure.clear()
        # Whether a group goes on that the first start has asked, is known then: what its steps would need is told now.
        self._judged |= {place: RUN for place, each in self._judged.items() if each.decision is Decision.STAGE}
        enter(self._machine, self._env, Phase.PE)

    def _pass(self, base: PlannedStep, already: Already, info: ActionInfo | None) -> PlannedStep:
        """Take what a step would do for done."""
        take_for_done(self._env, self._machine, already, info)
        self._leave_open({}, is_open=False)
        return replace(base, warnings=tuple(map(self._env.mask, already.warnings)))

    # What hangs on how steps end

    def _leave_open(self, before: Mapping[str, str], *, is_open: bool) -> None:
        """Remember what later conditions cannot be sure of; after a step that must succeed, its end is sure again."""
        self._open -= LAST_ACTION
        if is_open:
            after = dict(self._env)
            changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            self._open |= {name.lower() for name in changed} | LAST_ACTION

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

    def _if_it_runs_yet(self, base: PlannedStep, at: At) -> PlannedStep:
        """Tell what is lost by a step that is left out only if the steps before it end as they should."""
        members = (*(self._groups[each] for each in around(at.place)), at.step)
        info = find_action(at.step, self._judge.actions)
        hangs = base.decision is Decision.SKIP and any(names_last_action(each.condition) for each in members)
        if not hangs or info is None or info.run is None or any(each.is_disabled for each in members):
            return base
        aside = _Walker(self._sequence, self._env.copy(), self._machine.rehearsal(), self._judge, {})
        found, _ = aside._forecast(base, at.step, info)
        return replace(base, destroys=tuple(f"if step {base.called} runs after all: {text}" for text in found.destroys))

    # Forecasts

    def _forecast(self, base: PlannedStep, step: Step, info: ActionInfo) -> tuple[PlannedStep, StagedCommand | None]:
        """Return the step with what its action foretells, and what of it would wait for the first start."""
        base = replace(base, does=info.title)
        mask = self._env.mask
        try:
            with self._env.step_defaults(step.defaults, step.told):
                needed = info.packages_named(self._env)
                more = () if info.more_packages is None else info.more_packages(self._env)
                self.needed.update(package.lower() for package in (*needed.values(), *more))
                base = replace(base, unmapped=tuple(map(mask, _unmapped(needed, self._machine))))
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
            does=None if forecast.hangs is not None and not problems else mask(forecast.does),
            destroys=tuple(map(mask, forecast.destroys)),
            problems=tuple(map(mask, problems)),
            note=None if note is None else mask(note),
            warnings=tuple(map(mask, forecast.warnings)),
            unmapped=(*base.unmapped, *map(mask, forecast.unmapped)),
            details=tuple(map(mask, forecast.details)),
            serves=tuple(map(mask, forecast.serves)),
            lacks=tuple(map(mask, forecast.lacks)),
        )
        return planned, None if problems else forecast.stages


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
