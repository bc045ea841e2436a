"""The state of a run that is kept in a file, so that it can be resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.documents import reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.plan import Decision, Judgement, Position
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.state import read_state, write_state

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

        document = read_state(path)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise InvalidDocument(f"{path} is not the saved state of a task sequence of osdimage")
        if document.get("version") != _VERSION:
            raise InvalidDocument(f"{path} is of version {document.get('version')}; this osdimage reads {_VERSION}")
        try:
            state = cls(
                sequence=str(document["sequence"]),
                env=Environment.from_document(document["environment"], source=str(path)),
                machine=Machine.from_document(document["machine"], source=str(path)),
                next=_count(document["next"]),
                restarts=_count(document["restarts"]),
                judged={
                    tuple(map(_count, each["group"])): Judgement(Decision(each["decision"]), each["reason"])
                    for each in document["judged"]
                },
                reports=tuple(map(_report, document["reports"])),
                is_resumed=True,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A value is not repeated: nothing masks it here.
            reason = reason_of(error) if isinstance(error, KeyError) else "a value is not valid"
            raise InvalidDocument(f"{path} is damaged: {reason}") from None
        return state


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a count")
    return value


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


def _report(document: dict[str, object]) -> StepReport:
    fields = dict(document)
    groups, warnings = fields.pop("groups"), fields.pop("warnings")
    if not isinstance(groups, list) or not isinstance(warnings, list):
        raise TypeError("not a list")
    state = StepState(str(fields.pop("state")))
    return StepReport(groups=tuple(map(str, groups)), warnings=tuple(map(str, warnings)), state=state, **fields)  # type: ignore[arg-type] # a damaged file is found by what shows it
