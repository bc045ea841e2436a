"""The state of a run that is kept in a file, so that it can be resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.documents import Fields, checked_number, reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.plan import Decision, Judgement, Position
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.state import read_state, require_format, write_state

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.machine import Machine

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
        is_resumed: whether it was loaded from a file.
    """

    sequence: str
    env: Environment
    machine: Machine
    next: int = 0
    restarts: int = 0
    judged: dict[Position, Judgement] = field(default_factory=dict)
    reports: tuple[StepReport, ...] = ()
    is_resumed: bool = False

    def require_sequence(self, fingerprint: str) -> None:
        """Refuse a sequence that is not the one that was begun.

        Raises:
            InvalidRequest: when it is another, or was changed.
        """
        if fingerprint != self.sequence:
            raise InvalidRequest("the saved state is that of another task sequence, or this one was changed since")

    def save(self, path: Path) -> None:
        """Write the state; the file is for its owner alone, since secrets are in it.

        Raises:
            StorageError: when it cannot be written.
        """
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "sequence": self.sequence,
            "next": self.next,
            "restarts": self.restarts,
            "judged": [
                {"group": list(position), "decision": each.decision.value, "reason": each.reason}
                for position, each in self.judged.items()
            ],
            "reports": [_report_document(each) for each in self.reports],
            "environment": self.env.to_document(),
            "machine": self.machine.to_document(),
        }
        write_state(path, document)

    @classmethod
    def load(cls, path: Path) -> RunState:
        """Read a state.

        Raises:
            StorageError: when it cannot be read.
            InvalidDocument: when it is not such a file, is damaged, or is of another version.
        """
        from osdimage.imaging.tasksequence.machine import Machine  # noqa: PLC0415 - only a resumed run needs it

        document, source = read_state(path), str(path)
        require_format(document, _FORMAT, _VERSION, source=source, what="the saved state of a task sequence")
        try:
            return cls(
                sequence=document.text("sequence"),
                env=Environment.from_document(document.given("environment"), source=source),
                machine=Machine.from_document(document.given("machine"), source=source),
                next=document.number("next"),
                restarts=document.number("restarts"),
                judged=dict(map(_judgement, document.each("judged"))),
                reports=tuple(map(_report, document.each("reports"))),
                is_resumed=True,
            )
        except ValueError as error:
            raise InvalidDocument(f"{path} is damaged: {reason_of(error)}") from None


def _judgement(entry: Fields) -> tuple[Position, Judgement]:
    place = tuple(checked_number(value, where) for where, value in entry.items("group"))
    decision = entry.parsed("decision", Decision, f"one of {', '.join(Decision)}")
    return place, Judgement(decision, entry.text_or_none("reason"))


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
    )
