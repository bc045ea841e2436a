"""What becomes of a step: it is done now, true already, staged for the first start, skipped, left out, or refused.

A step that is disabled, or whose condition does not hold, is none of the run's business, whatever it is.  Any other is
done on the disks, found to be true, or put on the disk for the first start of the new Windows; what can be none of it,
because of what it is or because its condition cannot be found out here, is refused unless the caller allows to leave it
out.  Nothing else leaves a step out, so that a run that succeeded did all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, Means, OsdImageError, Remedy, quoted
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.conditions import CERTAIN, NOBODY, Ask, Doubt, Verdict, evaluate
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.effects import stage_step
from osdimage.imaging.tasksequence.judging.judgement import AFTERWARDS, RUN, At, Decision, Judgement, around, may_fail
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, find_action, kind_of, meant, words_of
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Refusal, RunIn, StepClass, short_type
from osdimage.imaging.tasksequence.sequence import Group, Step
from osdimage.imaging.tasksequence.staging.commands import INSTEAD, replacing_command
from osdimage.imaging.tasksequence.staging.secrets import holds_secret, secrets_in
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCommand, StagedCondition, StagedStep
from osdimage.imaging.tasksequence.staging.when import compiled

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine

_MOST_OFFERS = 100
"""Looking for what may have been meant takes milliseconds; a hostile sequence has a thousand types."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the steps of one sequence.

    Attributes:
        groups: of the sequence, by their places.
        machine: the computer that it runs on.
        actions: what is known of types of steps.
        leave_out: what may be left out.
        facts: which variables nobody here can know, and why.
        ask: answers questions to the computer.
        offered: what was offered for types that nobody knows, by the type.
        labels: what people call the numbers of steps, by these less 1; empty where that is the number itself.
    """

    groups: Mapping[Position, Group]
    machine: Machine
    actions: ActionTable
    leave_out: LeaveOut = NOTHING
    facts: Doubt = CERTAIN
    ask: Ask = NOBODY
    offered: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def doubt(self, name: str) -> str | None:
        """Tell why nobody here can know a variable, by its name in lower case; None for any other."""
        if name in self.machine.unsure:
            return f"{name}, which the first start of Windows sets"
        return self.facts(name)

    def step(self, at: At, judged: dict[Position, Judgement], env: Environment) -> Judgement:
        """Decide what becomes of a step; groups that are entered with it are added to ``judged``."""
        step = at.step
        above = self.enter(at.place, judged, env)
        if above.decision is Decision.SKIP:
            return above
        if above.decision in {Decision.RUN, Decision.STAGE}:
            # "This variable will be set before the task sequence manager runs each individual step."
            builtin.before_step(env, step.name)
        info = find_action(step, self.actions)
        if step.is_disabled:
            return Judgement(Decision.SKIP, "disabled", info)
        verdict = evaluate(step.condition, env, self.doubt, self.ask)
        if not verdict.holds and verdict.is_known:
            return Judgement(Decision.SKIP, verdict.reason, info)
        if self.leave_out.names(at.number, step, info):
            return Judgement(Decision.LEAVE_OUT, "left out by its name", info)
        return self._judged(at, above, verdict, env)

    def _judged(self, at: At, above: Judgement, verdict: Verdict, env: Environment) -> Judgement:
        found = self._or_another(self.becomes(at, env, waits=self._waits(at, above, verdict)))
        if found.already is not None and not found.already.sets:
            # Nothing would be done in either case, so that nobody needs to know its condition.
            return found
        if found.decision is Decision.LATER:
            # What cannot be known before the first start, is then.
            return found
        if found.decision is not Decision.REFUSE and above.decision is Decision.REFUSE:
            found = replace(above, info=found.info, step_class=above.step_class or StepClass.WINDOWS)
        elif found.decision is not Decision.REFUSE and not (verdict.is_known and above.decision is Decision.RUN):
            found = self._with_conditions(found, at, above, verdict, env)
        if found.decision is Decision.REFUSE and found.step_class in self.leave_out.classes:
            return replace(found, decision=Decision.LEAVE_OUT)
        return found

    def _with_conditions(
        self, found: Judgement, at: At, above: Judgement, verdict: Verdict, env: Environment
    ) -> Judgement:
        """Put what cannot be known now before a step that is staged; what is not staged cannot hang on it."""
        if found.decision is not Decision.STAGE:
            reason = above.reason if verdict.is_known else verdict.reason
            step_class = StepClass.WINDOWS if verdict.is_known else verdict.step_class
            return Judgement(Decision.REFUSE, reason, found.info, step_class, verdict.remedy)
        try:
            own = () if verdict.is_known else (self._compiled(at.step, None, at.place, env),)
        except InvalidRequest as error:
            return Judgement(
                Decision.REFUSE, f"{verdict.reason}; {error.said}", found.info, verdict.step_class, verdict.remedy
            )
        waiting = replace(found, conditions=(*above.conditions, *own))
        return waiting if self.machine.supplies.secrets_on_disk else self._without_secrets(waiting, env)

    def _compiled(
        self, member: Step | Group, group: Position | None, place: Position, env: Environment
    ) -> StagedCondition:
        label = "_".join(("g" if group is not None else "s", *map(str, place)))
        return StagedCondition(
            group, compiled(member.condition, env, self.doubt, self.ask, label=label, unsure=self.machine.unsure)
        )

    def _waits(self, at: At, above: Judgement, verdict: Verdict) -> bool:
        """Tell whether a step that changes variables alone has to wait: it hangs on how staged steps end."""
        if not self.machine.staged:
            return False
        if not verdict.is_known or above.decision is Decision.STAGE:
            return True
        jumped = [each for each in around(at.place) if self.groups[each].continue_on_error]
        if any(staged.place[: len(group)] == group for staged in self.machine.staged for group in jumped):
            return True
        texts = " ".join((*at.step.defaults.values(), *at.step.told.values())).lower()
        return any(f"%{name}%" in texts for name in self.machine.unsure)

    def enter(self, place: Position, judged: dict[Position, Judgement], env: Environment) -> Judgement:
        """Decide whether the groups around a step let it run; each group is judged once, when it is entered."""
        refused: Judgement | None = None
        conditions: list[StagedCondition] = []
        waits: Judgement | None = None
        for each in around(place):
            if each not in judged:
                judged[each] = self.group(each, env)
            if judged[each].decision is Decision.SKIP:
                return judged[each]
            if judged[each].decision is Decision.STAGE:
                waits = waits or judged[each]
                conditions += judged[each].conditions
            elif judged[each].decision is not Decision.RUN and refused is None:
                refused = judged[each]
        if refused is not None:
            return refused
        return RUN if waits is None else replace(waits, conditions=tuple(conditions))

    def group(self, place: Position, env: Environment) -> Judgement:
        """Decide whether the steps of a group run, seen from the group alone."""
        group = self.groups[place]
        if group.is_disabled:
            return Judgement(Decision.SKIP, f"group {quoted(group.name)} is disabled")
        verdict = evaluate(group.condition, env, self.doubt, self.ask)
        if verdict.holds:
            return RUN
        reason = f"group {quoted(group.name)}: {verdict.reason}"
        if verdict.is_known:
            return Judgement(Decision.SKIP, reason)
        refused = Judgement(Decision.REFUSE, reason, step_class=verdict.step_class, remedy=verdict.remedy)
        if self.machine.phase is not Phase.NEW:
            return refused
        try:
            return Judgement(Decision.STAGE, reason, conditions=(self._compiled(group, place, place, env),))
        except InvalidRequest as error:
            return replace(refused, reason=f"{reason}; {error.said}")

    # What it is, whatever its condition

    def becomes(self, at: At, env: Environment, *, waits: bool = False) -> Judgement:
        """Decide what a step becomes whose condition holds.

        Args:
            at: the step.
            env: the variables.
            waits: whether it hangs on how steps end that wait for the first start.
        """
        step = at.step
        info = find_action(step, self.actions)
        replacing = self.machine.supplies.replaced.get(at.number)
        if replacing is not None:
            return self._staged(info, env, lambda: replacing_command(replacing))
        if info is None:
            return Judgement(Decision.REFUSE, self._unknown(step), None, StepClass.UNKNOWN)
        try:
            # What the first start sets stands in a staged command by its name, and is read there.
            with env.leaving(self._read_later()), env.step_defaults(step.defaults, step.told):
                return self._of_action(info, step, env, waits=waits)
        except OsdImageError as error:
            # What is wrong with a setting, its forecast tells, where it has one.
            if info.run is not None and self.machine.phase in info.phases:
                return Judgement(Decision.RUN, None, info)
            return Judgement(Decision.REFUSE, env.mask(error.said), info, StepClass.WINDOWS, error.remedy)

    def _read_later(self) -> frozenset[str]:
        return frozenset(self.machine.unsure) if self.machine.phase is Phase.NEW else frozenset()

    def _or_another(self, found: Judgement) -> Judgement:
        """Tell what may take the place of a step that nothing here carries out."""
        info = found.info
        is_hopeless = info is None or (info.run is None and info.stage is None and info.pauses is None)
        if found.decision is not Decision.REFUSE or found.remedy is not None or not is_hopeless:
            return found
        return replace(found, remedy=self._instead())

    def _instead(self) -> Remedy | None:
        """Tell what may take the place of a step that is not carried out where it comes; None where nothing may."""
        can_wait = self.machine.supplies.first_boot is not FirstBoot.NONE and not self.machine.has_started
        return INSTEAD if can_wait and self.machine.phase is not Phase.LOST else None

    def _of_action(self, info: ActionInfo, step: Step, env: Environment, *, waits: bool) -> Judgement:
        phase = self.machine.phase
        already = None if info.holds is None else info.holds(env, self.machine)
        if already is not None:
            return Judgement(Decision.HOLDS, env.mask(already.why), info, already=already)
        if phase is Phase.LOST:
            return self._refused(info, "it comes after the start of a Windows that does not go on with the sequence")
        if phase is Phase.NEW and info.pauses is not None and info.pauses(env):
            return self._of_pausing(info, env)
        stage = info.stage
        waits = waits or (info.keeps_order and bool(self.machine.staged))
        if phase in info.stages_in and stage is not None and (waits or phase not in info.phases or info.run is None):
            if step.run_in is RunIn.WINPE and phase is Phase.NEW:
                return self._refused(info, "it runs in Windows PE alone, and the new Windows has started by then")
            return self._staged(info, env, lambda: stage(env, self.machine))
        if info.run is None or phase not in info.phases:
            refused = None if info.run is not None else self._by_settings(info, env)
            return refused or self._refused(info, self._why_not(info), self._instead())
        if waits and phase is Phase.NEW:
            return self._refused(info, "it hangs on how steps end that wait for the first start of Windows")
        if step.run_in is RunIn.FULL_OS and phase is Phase.PE and info.runs_in is not RunIn.FULL_OS:
            begins = Remedy("to begin in that Windows, give {}", (Means.FROM_WINDOWS,))
            remedy = begins if Phase.OLD in info.phases else self._instead()
            return self._refused(info, "it runs in the installed Windows, and Windows PE runs then", remedy)
        return self._by_settings(info, env) or Judgement(Decision.RUN, None, info)

    def _by_settings(self, info: ActionInfo, env: Environment) -> Judgement | None:
        """Refuse a step for the settings that it has on this machine, or return None."""
        refusal = None if info.refuses is None else info.refuses(env, self.machine)
        if isinstance(refusal, Refusal):
            return self._refused(info, env.mask(refusal.reason), refusal.remedy)
        return None if refusal is None else self._refused(info, env.mask(refusal), _remedy(info))

    def _staged(self, info: ActionInfo | None, env: Environment, make: Callable[[], StagedCommand]) -> Judgement:
        supplies = self.machine.supplies
        if self.machine.has_started:
            reason = "it would wait for a first start, and the new Windows was started already"
            return Judgement(Decision.REFUSE, reason, info, StepClass.WINDOWS)
        if supplies.first_boot is FirstBoot.NONE:
            remedy = Remedy("let the first start carry it out: {}", (Means.FIRST_BOOT,), ("setup",))
            return Judgement(Decision.REFUSE, "it would wait for the first start", info, StepClass.WINDOWS, remedy)
        try:
            command = make()
        except InvalidRequest as error:
            return Judgement(Decision.REFUSE, env.mask(error.said), info, StepClass.WINDOWS, error.remedy)
        found = Judgement(Decision.STAGE, None, info, command=command)
        return found if supplies.secrets_on_disk else self._without_secrets(found, env)

    def _without_secrets(self, found: Judgement, env: Environment) -> Judgement:
        """Refuse to put a secret on the disk in clear text."""
        command = found.command
        if command is None or not holds_secret(env, command, found.conditions):
            return found
        reason = f"it would put {secrets_in(env, command, found.conditions)} on the disk in clear text"
        remedy = Remedy("{} allows it", (Means.SECRETS_ON_DISK,))
        return Judgement(Decision.REFUSE, reason, found.info, StepClass.WINDOWS, remedy)

    def _refused(self, info: ActionInfo, reason: str, remedy: Remedy | None = None) -> Judgement:
        return Judgement(Decision.REFUSE, reason, info, info.step_class or StepClass.WINDOWS, remedy)

    def _of_pausing(self, info: ActionInfo, env: Environment) -> Judgement:
        """Judge a step that leaves the new Windows: it takes its turn when that was started."""
        if not self.machine.has_started:
            return Judgement(Decision.LATER, AFTERWARDS, info)
        if info.run is None:
            return self._by_settings(info, env) or self._refused(info, self._why_not(info))
        return Judgement(Decision.RUN, None, info)

    def _why_not(self, info: ActionInfo) -> str:
        if info.run is None and info.stage is None:
            return info.why_not or "only a running Windows can do it"
        if self.machine.phase is Phase.NEW:
            return f"it works on the disk, and {self.machine.phase.called} runs from it then"
        return info.why_not or f"it runs in {self.machine.phase.called}, where nothing of osdimage runs"

    def _unknown(self, step: Step) -> str:
        kind = kind_of(step)
        if kind is None:
            return "it has no type, and runs no script that is known to osdimage"
        if kind not in self.offered and len(self.offered) < _MOST_OFFERS:
            self.offered[kind] = meant(short_type(kind), words_of(self.actions))
        return f"step type {kind} is not known to osdimage{self.offered.get(kind, '')}"

    def staged_step(self, at: At, judgement: Judgement) -> StagedStep:
        """Return what waits for the first start, of a step that was judged so."""
        command, step = judgement.command, at.step
        if command is None:
            raise ValueError(f"step {at.number} is not staged")
        if command.timeout_seconds is None:
            command = replace(command, timeout_seconds=step.timeout_seconds)
        must_succeed = judgement.info is not None and judgement.info.must_succeed
        groups = () if must_succeed else around(at.place)
        return StagedStep(
            number=at.number,
            place=at.place,
            name=step.name,
            command=command,
            success_codes=command.success_codes or step.success_codes,
            retries=step.retry_count if command.retries is None else command.retries,
            may_fail=may_fail(step, judgement.info),
            tolerant=tuple(each for each in groups if self.groups[each].continue_on_error),
            conditions=judgement.conditions,
            shown=self.labels[at.number - 1] if self.labels else "",
        )

    def stage_rest(self, at: At, judgement: Judgement, rest: StagedCommand | None) -> None:
        """Let what a step that was done now leaves to the first start wait for it; nothing for None."""
        if rest is not None:
            stage_step(self.machine, self.staged_step(at, replace(judgement, command=rest)))


def _remedy(info: ActionInfo) -> Remedy | None:
    if not info.needs:
        return None
    return Remedy(f"for drivers, give {' and '.join(['{}'] * len(info.needs))}", info.needs)
