"""Going on after the first start of the new Windows: what became of the steps that waited for it.

A run that builds a Windows and captures it pauses before the step that captures what Windows has become: the computer
is started, its first start carries out what waits, it is prepared by Sysprep and shut down.  Then the run goes on, with
what its disk tells: how the steps ended, and what they have set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osdimage.imaging.errors import InvalidDocument, InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.results import FirstStartResults, StepEnd, StepResult, read_results, read_variables
from osdimage.imaging.tasksequence import builtin
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.conditions import LAST_ACTION
from osdimage.imaging.tasksequence.environment import set_all
from osdimage.imaging.tasksequence.judging.judgement import RUN, Decision, Judgement
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.staging.first_start import group_answer
from osdimage.imaging.tasksequence.staging.staged import Position, StagedStep

_STATES = {
    StepEnd.DONE: StepState.SUCCEEDED,
    StepEnd.SKIPPED: StepState.SKIPPED,
    StepEnd.FAILED: StepState.TOLERATED,
    StepEnd.INTERRUPTED: StepState.TOLERATED,
    # The first start jumps over what is in a group of which a step has failed.
    StepEnd.NOT_REACHED: StepState.NOT_RUN,
}


def collect_first_start(state: RunState) -> None:
    """Take what became of the first start into the state of a run that was paused for it.

    The disk is only read.

    Raises:
        InvalidRequest: when the run is not paused, the first start has not ended, or a step of it failed that may not.
        InvalidInput: when the Windows, or what it wrote of its first start, is damaged or that of another run.
        StorageError: when the disk cannot be read.
    """
    machine = state.machine
    if not state.is_paused:
        raise InvalidRequest("the run is not paused for the first start of Windows; it goes on without what that did")
    if machine.system is None:
        raise InvalidDocument("the saved state is damaged: it is paused, and names no Windows")
    if machine.staged or machine.installs_drivers:
        with files_of(machine, machine.system) as files:
            _take(state, files)
    # What the first start was not asked of a group is asked now, when it is known.
    known = {Decision.RUN, Decision.SKIP}
    state.judged = {place: each for place, each in state.judged.items() if each.decision in known}
    machine.staged.clear()
    machine.installs_drivers = False
    machine.unsure.clear()
    machine.has_started = True
    state.is_paused = False


def _take(state: RunState, files: FileSource) -> None:
    results = read_results(files)
    steps = _of_sequence(results, state)
    _require_end(results, files)
    reports = {report.number: report for report in state.reports}
    for staged, result in steps:
        old = reports.get(staged.number)
        if old is not None:
            reports[staged.number] = _ended(old, result)
    state.reports = tuple(reports[number] for number in sorted(reports))
    state.judged = {place: _told(files, place, each) for place, each in state.judged.items()}
    for name, value in read_variables(files).items():
        if name.lower() in state.machine.unsure:
            set_all(state.env, {name: value})
    ran = [result for _, result in steps if result.end not in {StepEnd.SKIPPED, StepEnd.NOT_REACHED}]
    if ran and LAST_ACTION & state.machine.unsure:
        builtin.after_action(state.env, ran[-1].code or 0, succeeded=ran[-1].end is StepEnd.DONE)


def _told(files: FileSource, group: Position, judged: Judgement) -> Judgement:
    """Return what the first start has found out of a group: its steps that follow are judged as those before."""
    answer = group_answer(files, group) if judged.decision is Decision.STAGE else None
    if answer is None:
        return judged
    name = (judged.reason or "").partition("': ")[0]
    return RUN if answer else Judgement(Decision.SKIP, f"{name}': its condition did not hold at the first start")


def _of_sequence(results: FirstStartResults, state: RunState) -> list[tuple[StagedStep, StepResult]]:
    """Return the steps of the sequence with their results; before them may be the installation of drivers."""
    before = int(state.machine.installs_drivers)
    found = list(zip(state.machine.staged, results.steps[before:], strict=False))
    is_same = len(results.steps) == before + len(state.machine.staged)
    if not is_same or any(staged.called != result.label for staged, result in found):
        raise InvalidDocument("the first start on the disk is that of another run: its steps are others")
    return found


def _require_end(results: FirstStartResults, files: FileSource) -> None:
    if not results.starts:
        raise InvalidRequest(f"{files.name}: this Windows was not started yet; start it, and shut it down at its end")
    failed = next(_failures(results), None)
    if failed is not None:
        code = "" if failed.code is None else f" ({failed.code})"
        raise InvalidRequest(f"{files.name}: the first start failed: {quoted(failed.name)} {failed.end.value}{code}")
    if results.has_failed or not results.is_done:
        told = "has failed" if results.has_failed else "is not at its end; start Windows again, so that it ends"
        raise InvalidRequest(f"{files.name}: the first start {told}")


def _failures(results: FirstStartResults) -> Iterator[StepResult]:
    ends = {StepEnd.FAILED, StepEnd.INTERRUPTED}
    return (each for each in results.steps if results.has_failed and each.end in ends and not each.may_fail)


def _ended(report: StepReport, result: StepResult) -> StepReport:
    code = None if result.code is None else result.code & 0xFFFFFFFF
    told = f"{result.end.value} at the first start"
    return replace(
        report, state=_STATES[result.end], code=code, message=told, seconds=round(result.seconds or 0, 3), tries=1
    )
