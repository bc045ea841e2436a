"""The state of a run that is kept in a file, so that it can be resumed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.documents import Fields, checked_number, reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.kept import machine_document, machine_of
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.judgement import Decision, Judgement
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.result import StepClass
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCondition
from osdimage.imaging.tasksequence.state import read_state, require_format, write_state

_FORMAT = "osdimage-task-sequence-run"
_VERSION = 1


@dataclass(slots=True)
class RunState:
    """How far a run has come.

    Attributes:
        sequence: what :func:`~osdimage.imaging.tasksequence.runner.fingerprint` says of the sequence.
        env: the variables.
        machine: the computer.
        next: the index of the step that is run next.
        restarts: how many restarts were recorded.
        judged: the groups that were entered, and whether their steps run.
        reports: of the steps that have ended.
        leave_out: which steps may be left out.
        is_paused: whether the run waits until the new Windows was started.
        is_resumed: whether it was loaded from a file.
    """

    sequence: str
    env: Environment
    machine: Machine
    next: int = 0
    restarts: int = 0
    judged: dict[Position, Judgement] = field(default_factory=dict)
    reports: tuple[StepReport, ...] = ()
    leave_out: LeaveOut = NOTHING
    is_paused: bool = False
    is_resumed: bool = False

    def require_sequence(self, fingerprint: str) -> None:
        """Refuse a sequence that is not the one that was begun.

        Raises:
            InvalidRequest: when it is another, or was changed.
        """
        if fingerprint != self.sequence:
            raise InvalidRequest("the saved state is that of another task sequence, or this one was changed since")

    def require_steps(self, count: int) -> None:
        """Refuse a state that is about more steps than its sequence has.

        Raises:
            InvalidDocument: when it is damaged so.
        """
        if self.next > count or any(report.number > count for report in self.reports):
            raise InvalidDocument(f"the saved state is damaged: it is about steps after the last one, {count}")

    def require_started(self) -> None:
        """Refuse to go on with a run that is paused until the new Windows was started.

        Raises:
            InvalidRequest: when it is; what the first start has done would be put there again.
        """
        if self.is_paused:
            remedy = Remedy("when it has ended and Windows is shut down, go on with {}", (Means.COLLECTED,))
            raise InvalidRequest("the run is paused for the first start of the new Windows", remedy=remedy)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state; the file is for its owner alone, since secrets are in it.

        Raises:
            StorageError: when it cannot be written.
        """
        path = Path(path)
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "sequence": self.sequence,
            "next": self.next,
            "restarts": self.restarts,
            "judged": [
                {
                    "group": list(position),
                    "decision": each.decision.value,
                    "reason": each.reason,
                    "class": each.step_class,
                    "conditions": [condition.to_document() for condition in each.conditions],
                }
                for position, each in self.judged.items()
            ],
            "reports": [_report_document(each) for each in self.reports],
            "leave_out": self.leave_out.to_document(),
            "is_paused": self.is_paused,
            "environment": self.env.to_document(),
            "machine": machine_document(self.machine),
        }
        write_state(path, document)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RunState:
        """Read a state.

        Raises:
            StorageError: when it cannot be read.
            InvalidDocument: when it is not such a file, is damaged, or is of another version.
        """
        path = Path(path)
        document, source = read_state(path), str(path)
        require_format(document, _FORMAT, _VERSION, source=source, what="the saved state of a task sequence")
        try:
            return cls(
                sequence=document.text("sequence"),
                env=Environment.from_document(document.given("environment"), source=source),
                machine=machine_of(document.given("machine"), source=source),
                next=document.number("next"),
                restarts=document.number("restarts"),
                judged=dict(map(_judgement, document.each("judged"))),
                reports=tuple(map(_report, document.each("reports"))),
                # States of before there was such a choice have none.
                leave_out=LeaveOut.from_words(document.texts("leave_out") if "leave_out" in document.values else ()),
                is_paused="is_paused" in document.values and document.truth("is_paused"),
                is_resumed=True,
            )
        except ValueError as error:
            raise InvalidDocument(f"{path} is damaged: {reason_of(error)}") from None


def _judgement(entry: Fields) -> tuple[Position, Judgement]:
    place = tuple(checked_number(value, where) for where, value in entry.items("group"))
    decision = entry.parsed("decision", Decision, f"one of {', '.join(Decision)}")
    step_class = None
    if "class" in entry.values:
        step_class = entry.parsed_or_none("class", StepClass, f"one of {', '.join(StepClass)}")
    conditions = entry.each("conditions") if "conditions" in entry.values else ()
    return place, Judgement(
        decision,
        entry.text_or_none("reason"),
        step_class=step_class,
        conditions=tuple(map(StagedCondition.from_fields, conditions)),
    )


def _report_document(report: StepReport) -> dict[str, object]:
    return {
        "number": report.number,
        "groups": list(report.groups),
        "name": report.name,
        "type": report.type,
        "state": report.state.value,
        "code": report.code,
        "message": report.message,
        "seconds": report.seconds,
        "tries": report.tries,
        "warnings": list(report.warnings),
        "shown": report.shown,
    }


def _report(entry: Fields) -> StepReport:
    return StepReport(
        number=entry.number("number", 1),
        groups=entry.texts("groups"),
        name=entry.text("name"),
        type=entry.text_or_none("type"),
        state=entry.parsed("state", StepState, f"one of {', '.join(StepState)}"),
        code=entry.number_or_none("code", 0, 0xFFFFFFFF),
        message=entry.text("message"),
        seconds=entry.duration("seconds"),
        tries=entry.number("tries"),
        warnings=entry.texts("warnings"),
        # Reports of before there were children have none.
        shown=entry.text("shown") if "shown" in entry.values else "",
    )
