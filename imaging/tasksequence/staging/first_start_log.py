"""What became of a first start as lines of the log of a task sequence, with the times that its files have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from osdimage.imaging.errors import quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.results import FirstStartResults, StepEnd, StepResult, read_output
from osdimage.imaging.tasksequence.log import cmtrace_line
from osdimage.imaging.tasksequence.result import LogType

COMPONENT = "FirstStart"
_MOST_LINES = 2000


def log_lines(files: FileSource, results: FirstStartResults, *, now: datetime) -> Iterator[str]:
    """Yield the lines of the log, without their ends: steps as they began and ended, and what they wrote.

    Args:
        files: of the volume with the first start.
        results: that were read from it.
        now: the time of what has none, with its zone.

    Raises:
        OsdImageError: when the files cannot be read.
    """
    moment = _moment(next((each.began_ns for each in results.steps if each.began_ns is not None), None)) or now
    if not results.starts:
        yield _line("Windows has not started its first start yet", moment, LogType.WARNING)
    yield from (_line(text, moment, LogType.WARNING) for text in results.traces)
    for step in results.steps:
        moment = _moment(step.began_ns) or moment
        if step.began_ns is not None:
            yield _line(f"Start executing step {_number(step)}: {step.name}", moment)
        moment = _moment(step.ended_ns) or moment
        yield from (_line(text, moment) for text in _output(files, step))
        yield _line(*_end(step, moment))
    if results.has_failed:
        yield _line("Task sequence failed at the first start of Windows", moment, LogType.ERROR)
    elif results.is_done:
        yield _line("The first start of Windows is done", moment)


def _end(step: StepResult, moment: datetime) -> tuple[str, datetime, LogType]:
    code = "" if step.code is None else f" (0x{step.code & 0xFFFFFFFF:08X})"
    kind = LogType.INFO
    if step.end in {StepEnd.FAILED, StepEnd.INTERRUPTED}:
        kind = LogType.WARNING if step.may_fail else LogType.ERROR
    return f"Step {_number(step)} {quoted(step.name)} {step.end.value}{code}", moment, kind


def _number(step: StepResult) -> str:
    return step.label or f"{step.number} of the first start"


def _output(files: FileSource, step: StepResult) -> Iterator[str]:
    text = read_output(files, step.number) if step.began_ns is not None else None
    lines = [line for line in (text or "").splitlines() if line.strip()]
    left = len(lines) - _MOST_LINES
    if left > 0:
        yield f"... {left} lines before these are left out"
    yield from lines[-_MOST_LINES:]


def _moment(moment_ns: int | None) -> datetime | None:
    if moment_ns is None:
        return None
    return datetime.fromtimestamp(moment_ns // 10**9, UTC).replace(microsecond=moment_ns // 1000 % 10**6)


def _line(text: str, when: datetime, kind: LogType = LogType.INFO) -> str:
    return cmtrace_line(text, when=when, component=COMPONENT, kind=kind, thread=0)
