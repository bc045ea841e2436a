"""Running a task sequence, and going on where a run stopped.

Model: the steps in their order.  A step that fails ends its group, unless it may fail itself; the sequence goes on
after the innermost group around it that may fail, and fails when there is none.  ("Task Sequence Groups" of Operating
System Deployment in Configuration Manager 2007: step 2 of group 1 fails, group 1 continues on error, so step 3 does not
run and step 4 does.)

No Windows is started here.  A restart is an event that is recorded, for which a formatted partition must exist,
"otherwise, the task sequence will fail regardless of any error handling setting" (same source); what comes after the
start of the new Windows is collected, and put on its disk when the last step has had its turn.

The state is saved after every step, so that a run can go on after a failure, a signal or a loss of power; the step that
was at work is run again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import OsdImageError, StorageError, quoted
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.known import ask_of
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from osdimage.imaging.tasksequence.judging.effects import enter_after, pass_refused, stage_step, take_for_done, tell_end
from osdimage.imaging.tasksequence.judging.facts import unknown_facts
from osdimage.imaging.tasksequence.judging.judge import Judge
from osdimage.imaging.tasksequence.judging.judgement import (
    AFTERWARDS,
    At,
    Decision,
    Judgement,
    around,
    groups_of,
    may_fail,
    numbered,
)
from osdimage.imaging.tasksequence.judging.kinds import ActionTable
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.judging.restarts import after_restart, enter
from osdimage.imaging.tasksequence.log import SequenceLog
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import Observer, RunEnd, RunEvent, RunReport, StepReport, StepState
from osdimage.imaging.tasksequence.result import Action, ActionInfo, ActionResult, Already, Events, LogType
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Sequence, Step
from osdimage.imaging.tasksequence.staging.first_start import put_first_start
from osdimage.imaging.tasksequence.telling import Teller
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine

_REBOOT = "SMS_TaskSequence_RebootAction"
_NOTHING_TO_START = "a restart was asked for, and there is no formatted partition to restart from"

MAX_RETRIES = 20
"""How often a step may ask for a restart and to be run again."""


def _ignore(event: RunEvent) -> None:
    del event


def fingerprint(sequence: Sequence) -> str:
    """Return what tells a sequence from a changed one."""
    return hashlib.sha256(write_sequence(sequence)).hexdigest()


def run_sequence(
    sequence: Sequence,
    env: Environment,
    machine: Machine,
    actions: ActionTable | None = None,
    *,
    strict: bool = False,
    leave_out: LeaveOut = NOTHING,
    observer: Observer = _ignore,
    log: SequenceLog | None = None,
    state_file: str | os.PathLike[str] | None = None,
    resume: RunState | None = None,
) -> RunReport:
    """Check everything, and run a task sequence.

    THE DISKS OF THE MACHINE ARE CHANGED as the steps say.

    Args:
        sequence: what to run.
        env: the variables; they are changed.
        machine: the computer; its disks are held while the sequence runs.
        actions: the actions by the types of steps; None: all that osdimage knows.
        strict: refuse a sequence with steps that cannot be run here, also those that ``leave_out`` allows to leave out,
            and one whose steps bring no driver for a disk controller of the machine.
        leave_out: which steps may be left out; a run that is resumed may leave out what it could before, too.
        observer: is told what happens.
        log: is written to, or None.
        state_file: where the state is kept while the sequence runs; removed when it succeeds, and kept when it pauses.
        resume: the state of a run that stopped; ``env`` and ``machine`` are its own, or take their place.

    Raises:
        UnsupportedSteps: before the first step, when there are steps that cannot be run here; with all that is wrong.
        NotReady: before the first step, with everything that would make it fail.
        Incomplete: before the first step, with ``strict``, when a driver for a disk controller is missing alone.
        InvalidRequest: when the state is that of another sequence, or of a run that is paused; then,
            :func:`~osdimage.imaging.tasksequence.collected.collect_first_start` comes before.
        InvalidDocument: when it is about steps that the sequence does not have.
        TargetRefused: when another program uses a disk; nothing was written.
        StorageError: when the log or the state cannot be written.
    """
    state_file = None if state_file is None else Path(state_file)
    state = resume if resume is not None else RunState(fingerprint(sequence), env, machine)
    state.require_sequence(fingerprint(sequence))
    state.require_steps(len(sequence.steps))
    state.require_started()
    state.env, state.machine = env, machine
    state.leave_out |= leave_out
    if resume is None:
        builtin.begin(env, machine, sequence, log.path.parent if log is not None else None)
    table = known_actions() if actions is None else actions
    with _holding(machine):
        plan = plan_sequence(
            sequence, env, machine, table, leave_out=state.leave_out, judged=state.judged, first=state.next
        )
        plan.require(strict=strict)
        return _Runner(sequence, state, table, observer=observer, log=log, state_file=state_file).run()


@contextmanager
def _holding(machine: Machine) -> Iterator[None]:
    """Hold the disks for the whole run, unless the caller does: no other program comes between two steps."""
    if machine.is_held:
        yield
        return
    with machine:
        machine.hold()
        yield


class _Stop(Exception):
    """The sequence fails, whatever the error settings."""

    def __init__(self, message: str, code: int = HResult.E_ABORT) -> None:
        super().__init__(message)
        self.code = code


class _Pause(Exception):
    """The sequence goes on when the new Windows was started."""


class _Runner:
    def __init__(
        self,
        sequence: Sequence,
        state: RunState,
        actions: ActionTable,
        *,
        observer: Observer,
        log: SequenceLog | None,
        state_file: Path | None,
    ) -> None:
        self._sequence = sequence
        self._state = state
        self._env, self._machine = state.env, state.machine
        self._teller = Teller(sequence, state, observer, log)
        self._observer, self._state_file = observer, state_file
        # The step that a resumed run begins with may have been at work when the run stopped.
        self._first = state.next if state.is_resumed else None
        self._first_start = ""
        self._steps, self._labels = numbered(sequence), sequence.labels
        self._groups = groups_of(sequence)
        doubt, ask = unknown_facts(sequence, state.env), ask_of(state.machine)
        self._judge = Judge(self._groups, state.machine, actions, state.leave_out, doubt, ask, labels=self._labels)

    def run(self) -> RunReport:
        self._teller.say(f"Start of task sequence {quoted(self._sequence.name)}: {counted(len(self._steps), 'step')}")
        code, message, pauses = 0, "", False
        self._keep()
        while self._state.next < len(self._steps):
            index = self._state.next
            try:
                report = self._step(index)
            except _Pause:
                pauses = True
                break
            except _Stop as stop:
                code, message = stop.code, str(stop)
                self._teller.leave_out(range(index + 1, len(self._steps)), message)
                break
            following = index + 1
            if report.state is StepState.FAILED:
                following = self._after_failure(index)
                if following == index:
                    code, message = report.code or HResult.E_FAIL, f"step {report.called} {quoted(report.name)} failed"
                    break
            self._state.next = following
            self._keep()
        if not code:
            code, message = self._put_first_start()
        if pauses and not code:
            return self._paused()
        if pauses:
            self._teller.leave_out(range(self._state.next, len(self._steps)), message)
        return self._end(code, message)

    def _paused(self) -> RunReport:
        """Keep the state, for the run to go on from; what follows is not part of it yet."""
        self._state.is_paused = True
        self._keep()
        self._teller.say("Task sequence paused: it goes on when the new Windows was started and shut down")
        self._teller.expect(range(self._state.next, len(self._steps)), AFTERWARDS)
        return self._told(RunEnd.PAUSED)

    def _put_first_start(self) -> tuple[int, str]:
        """Put what waits for the first start on the disk; return why that failed, 0 when it did not."""
        from osdimage.imaging.tasksequence.failures import code_of  # noqa: PLC0415 - only a run needs it

        try:
            told = put_first_start(
                self._machine,
                self._env,
                is_repeated=self._first == self._state.next,
                progress=lambda event: self._observer(RunEvent(None, progress=event)),
            )
        except OsdImageError as error:
            return code_of(error), f"the first start cannot be put on the disk: {self._env.mask(error.said)}"
        self._first_start = told
        if told:
            self._teller.say(told)
        return 0, ""

    def _end(self, code: int, message: str) -> RunReport:
        left_out = sum(1 for report in self._teller.reports if report.state is StepState.LEFT_OUT)
        end = RunEnd.FAILED if code else RunEnd.DONE if left_out else RunEnd.SUCCEEDED
        if end is RunEnd.FAILED:
            self._teller.say(f"Task sequence failed: {message} (0x{code:08X})", LogType.ERROR)
        elif end is RunEnd.DONE:
            self._teller.say(f"Task sequence done, {counted(left_out, 'step')} left out", LogType.WARNING)
        else:
            self._teller.say("Task sequence succeeded")
        if not code and self._state_file is not None:
            self._state_file.unlink(missing_ok=True)
        return self._told(end, code, message)

    def _told(self, end: RunEnd, code: int = 0, message: str = "") -> RunReport:
        return RunReport(
            name=self._env.mask(self._sequence.name),
            end=end,
            code=int(code),
            message=message,
            restarts=self._state.restarts,
            steps=self._teller.reports,
            state_file=self._state_file if end in {RunEnd.FAILED, RunEnd.PAUSED} else None,
            first_start=self._first_start,
        )

    def _after_failure(self, index: int) -> int:
        """Return the step to go on with: the first one after the innermost group that may fail."""
        place = self._steps[index][0]
        for group in reversed(list(around(place))):
            if not self._groups[group].continue_on_error:
                continue
            name = self._env.mask(self._groups[group].name)
            following = index + 1
            while following < len(self._steps) and self._steps[following][0][: len(group)] == group:
                following += 1
            self._teller.leave_out(range(index + 1, following), f"an earlier step of group {quoted(name)} failed")
            self._teller.say(f"Group {quoted(name)} failed; its error is passed over", LogType.WARNING)
            return following
        self._teller.leave_out(range(index + 1, len(self._steps)), "an earlier step failed")
        return index

    # One step

    def _step(self, index: int) -> StepReport:
        position, step = self._steps[index]
        at = At(index + 1, position, step)
        judgement = self._judge.step(at, self._state.judged, self._env)
        if judgement.decision is Decision.LATER:
            raise _Pause
        if judgement.decision is Decision.STAGE:
            return self._wait(at, judgement)
        if judgement.already is not None:
            return self._pass(at, judgement.already, judgement.info)
        if judgement.decision is not Decision.RUN or judgement.info is None or judgement.info.run is None:
            return self._pass_over(index, step, judgement)
        began = time.monotonic()
        self._observer(RunEvent(index + 1, StepState.RUNNING))
        self._teller.say(f"Start executing step {self._labels[index]}: {self._env.mask(step.name)}")
        if judgement.info.type_name == _REBOOT:
            self._require_formatted(index)
        tries = 0
        while True:
            tries += 1
            repeated = tries > 1 or index == self._first
            result = self._try(index, step, judgement.info, judgement.info.run, is_repeated=repeated)
            succeeded = result.code & 0xFFFFFFFF in step.success_codes
            tell_end(self._env, self._machine, result.code, succeeded=succeeded)
            again = self._restart(index, result)
            if again and tries > MAX_RETRIES:
                result = ActionResult(HResult.E_ABORT, f"asked to be run again more than {MAX_RETRIES} times")
                succeeded, again = False, False
            if not again and (succeeded or tries > step.retry_count):
                break
            self._teller.say(f"Step {self._labels[index]} is run again", LogType.WARNING)
        seconds = round(time.monotonic() - began, 3)
        return self._ended(at, judgement, result, succeeded=succeeded, seconds=seconds, tries=tries)

    def _ended(
        self, at: At, judgement: Judgement, result: ActionResult, *, succeeded: bool, seconds: float, tries: int
    ) -> StepReport:
        """Record how a step ended that was done, and what that means for those behind it."""
        info = judgement.info
        if succeeded:
            enter_after(self._env, self._machine, info)
            self._judge.stage_rest(at, judgement, result.stages)
        state = (
            StepState.SUCCEEDED if succeeded else StepState.TOLERATED if may_fail(at.step, info) else StepState.FAILED
        )
        report = self._teller.record(
            replace(
                self._teller.report(at.number - 1, state, result.message),
                code=result.code & 0xFFFFFFFF,
                seconds=seconds,
                tries=tries,
                warnings=tuple(map(self._env.mask, result.warnings)),
            )
        )
        if not succeeded:
            self._require_success(report, info)
        return report

    def _require_success(self, report: StepReport, info: ActionInfo | None) -> None:
        """End the sequence when a step failed that must not, whatever the error settings."""
        if info is not None and info.must_succeed:
            raise _Stop(f"step {report.called} {quoted(report.name)} failed", report.code or HResult.E_FAIL)

    def _wait(self, at: At, judgement: Judgement) -> StepReport:
        """Let a step wait for the first start."""
        staged = self._judge.staged_step(at, judgement)
        stage_step(self._machine, staged)
        report = self._teller.report(
            at.number - 1, StepState.STAGED, f"waits for the first start: {staged.command.does}"
        )
        return self._teller.record(replace(report, warnings=tuple(map(self._env.mask, staged.command.warnings))))

    def _pass(self, at: At, already: Already, info: ActionInfo | None) -> StepReport:
        """Take what a step would do for done."""
        take_for_done(self._env, self._machine, already, info)
        report = self._teller.report(at.number - 1, StepState.HOLDS, already.why)
        return self._teller.record(replace(report, warnings=tuple(map(self._env.mask, already.warnings))))

    def _pass_over(self, index: int, step: Step, judgement: Judgement) -> StepReport:
        """Record a step that does not run; one that cannot, and may not be left out, has failed."""
        reason = judgement.reason or ""
        if judgement.decision is Decision.SKIP:
            # The codes of the last action that ran stay.
            return self._teller.record(self._teller.report(index, StepState.SKIPPED, reason))
        if judgement.decision is Decision.LEAVE_OUT:
            return self._teller.record(self._teller.report(index, StepState.LEFT_OUT, reason))
        # The plan did not see it coming: a variable had another value.
        pass_refused(self._env, self._machine)
        state = StepState.TOLERATED if may_fail(step, judgement.info) else StepState.FAILED
        failed = replace(
            self._teller.report(index, state, f"cannot be run here: {reason}"), code=int(HResult.NOT_SUPPORTED)
        )
        report = self._teller.record(failed)
        self._require_success(report, judgement.info)
        return report

    def _try(self, index: int, step: Step, info: ActionInfo, action: Action, *, is_repeated: bool) -> ActionResult:
        from osdimage.imaging.tasksequence.failures import code_of  # noqa: PLC0415 - only a run needs it

        number = index + 1

        def progress(event: ProgressEvent) -> None:
            if event.warning is not None:
                event = replace(event, warning=self._env.mask(event.warning))
            self._observer(RunEvent(number, progress=event))

        def note(kind: LogType, text: str) -> None:
            self._teller.say(text, kind, component=info.title, step=number)

        try:
            with self._env.step_defaults(step.defaults, step.told):
                return action(self._env, self._machine, Events(progress, note, is_repeated))
        except OsdImageError as error:
            return ActionResult(code_of(error), " -- ".join((error.said, *getattr(error, "__notes__", ()))))
        except OSError as error:
            failed = StorageError(f"{error.filename}: {error.strerror}", path=str(error.filename), errno=error.errno)
            return ActionResult(code_of(failed), str(failed))

    def _restart(self, index: int, result: ActionResult) -> bool:
        """Record the restart that was asked for; tell whether the step is to be run again after it."""
        wish = builtin.take_restart(self._env, result.restart)
        if wish.ignored is not None:
            self._teller.say(wish.ignored, LogType.WARNING, step=index + 1)
        if wish.target is None:
            return False
        self._require_formatted(index)
        self._state.restarts += 1
        enter(self._machine, self._env, after_restart(self._machine, self._env, wish.target))
        self._observer(RunEvent(index + 1, restart=wish.target))
        self._teller.say(
            f"Restart of the computer ({wish.target.value}) is recorded; the sequence goes on", step=index + 1
        )
        return wish.again

    def _require_formatted(self, index: int) -> None:
        if any(volume.is_ordinary for volume in self._machine.volumes()):
            return
        report = self._teller.report(index, StepState.FAILED, _NOTHING_TO_START)
        self._teller.record(replace(report, code=int(HResult.E_ABORT), tries=1))
        raise _Stop(f"step {report.called} {quoted(report.name)}: {_NOTHING_TO_START}")

    def _keep(self) -> None:
        if self._state_file is not None:
            self._state.save(self._state_file)
