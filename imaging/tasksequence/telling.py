"""Telling of a run: into its log, to whoever observes it, and by the reports of its steps.  Secrets are masked here."""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.judging.judgement import around, groups_of, numbered
from osdimage.imaging.tasksequence.judging.kinds import kind_of
from osdimage.imaging.tasksequence.log import SequenceLog
from osdimage.imaging.tasksequence.report import Observer, RunEvent, StepReport, StepState
from osdimage.imaging.tasksequence.result import LogType
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Sequence

_KINDS = {StepState.FAILED: LogType.ERROR, StepState.TOLERATED: LogType.WARNING}


class Teller:
    """Tells of one run, and keeps the reports of its steps, which are a part of its state."""

    def __init__(self, sequence: Sequence, state: RunState, observer: Observer, log: SequenceLog | None) -> None:
        """Go on with the reports that a state has; ``log`` is written to, or None."""
        self._state, self._env = state, state.env
        self._observer, self._log = observer, log
        self._steps, self._groups, self._labels = numbered(sequence), groups_of(sequence), sequence.labels
        self._reports: dict[int, StepReport] = {report.number: report for report in state.reports}

    @property
    def reports(self) -> tuple[StepReport, ...]:
        """Those of all steps that were told of, in their order."""
        return tuple(self._reports[number] for number in sorted(self._reports))

    def report(self, index: int, state: StepState, message: str = "") -> StepReport:
        """Make the report of a step, by its index from 0."""
        position, step = self._steps[index]
        groups = tuple(self._env.mask(self._groups[each].name) for each in around(position))
        return StepReport(
            index + 1,
            groups,
            self._env.mask(step.name),
            kind_of(step),
            state,
            message=self._env.mask(message),
            shown=self._labels[index],
        )

    def record(self, report: StepReport) -> StepReport:
        """Keep the report of a step that has ended, tell it, and return it.

        Raises:
            StorageError: when the log cannot be written.
        """
        self._reports[report.number] = report
        self._state.reports = self.reports
        kind = _KINDS.get(report.state, LogType.INFO)
        code = "" if report.code is None else f" (0x{report.code:08X})"
        self.say(f"Step {report.called} {quoted(report.name)} {report.state.value}{code}: {report.message}", kind)
        for text in report.warnings:
            self.say(f"Step {report.called}: {text}", LogType.WARNING)
        self._observer(RunEvent(report.number, report.state, report))
        return report

    def leave_out(self, indexes: Iterable[int], why: str) -> None:
        """Record steps that do not run any more.

        Raises:
            StorageError: when the log cannot be written.
        """
        for index in indexes:
            self.record(self.report(index, StepState.NOT_RUN, why))

    def expect(self, indexes: Iterable[int], why: str) -> None:
        """Report steps that have their turn when the run goes on; they are no part of its state."""
        for index in indexes:
            self._reports[index + 1] = self.report(index, StepState.LATER, why)

    def say(
        self, text: str, kind: LogType = LogType.INFO, *, component: str = "TSManager", step: int | None = None
    ) -> None:
        """Write a line of the log.

        Raises:
            StorageError: when it cannot be written.
        """
        if self._log is not None:
            self._log.write(text, component=component, kind=kind)
        self._observer(RunEvent(step, log=self._env.mask(text), kind=kind))
