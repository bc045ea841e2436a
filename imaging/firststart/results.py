"""What became of a first start, read from the folder that it keeps it in.

All of it was written by a computer that may have stopped at any moment, and may have been changed by anybody since:
it is read within limits, what is torn is left out, and nothing of it is believed but as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.documents import Fields, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER, FORMAT, PLAN, VERSION
from osdimage.imaging.firststart.steps import MOST_STEPS, NAME, takes_value
from osdimage.imaging.firststart.unstarted import traces_of_setup
from osdimage.imaging.units import MIB

_LARGEST = 4 * MIB
_LARGEST_OUTPUT = MIB
_VARIABLES = "vars.txt"
_RESULT = re.compile(rb"(\d{1,4}) (done|failed|skipped|interrupted) (-?\d{1,10})", re.ASCII)
_NUMBER = re.compile(rb"\d{1,9}", re.ASCII)


class NoFirstStart(InvalidRequest):
    """There is no first start on a volume, or on any of a disk."""


class StepEnd(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended.

    Attributes:
        number: from 1.
        name: as the plan has it.
        label: what people call its number, such as that in the task sequence that it is from; empty when it is of none.
        end: how.
        code: its exit code, or None when it did not end.
        began_ns, ended_ns: nanoseconds since 1970, or None.
        may_fail: whether what follows runs although it failed.
    """

    number: int
    name: str
    end: StepEnd
    code: int | None = None
    began_ns: int | None = None
    ended_ns: int | None = None
    may_fail: bool = False
    label: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, by the times of its files; None when that is not known."""
        if self.began_ns is None or self.ended_ns is None:
            return None
        return max(0, self.ended_ns - self.began_ns) / 10**9


@dataclass(frozen=True, slots=True)
class FirstStartResults:
    """What became of a first start.

    Attributes:
        steps: all of its plan, in their order.
        starts: how often it was started; 0 when it never was.
        is_done: whether it came to its end.
        has_failed: whether a step ended it.
        traces: of one that was never started, what the Windows tells of that: sentences, and lines of Setup's log.
    """

    steps: tuple[StepResult, ...]
    starts: int
    is_done: bool
    has_failed: bool
    traces: tuple[str, ...] = ()


def read_results(files: FileSource) -> FirstStartResults:
    """Read what became of the first start of a Windows; nothing is written.

    Args:
        files: of its volume.

    Raises:
        NoFirstStart: when there is none on the volume.
        InvalidDocument: when its plan is damaged, or of another version.
        InvalidVolume, StorageError: when the volume cannot be read.
    """
    planned = _planned(files)
    ends = dict(_ends(files))
    steps = tuple(_step(files, number, fields, ends) for number, fields in enumerate(planned, 1))
    starts = _starts(files)
    traces = () if starts else traces_of_setup(files, root_of(files))
    return FirstStartResults(steps, starts, _is_file(files, "done"), _is_file(files, "failed"), traces)


def read_variables(files: FileSource) -> dict[str, str]:
    """Read the variables of a first start as its steps have left them: ``""`` is one that was deleted.

    Of one name the last line counts, as there.

    Args:
        files: of the volume of its Windows.

    Raises:
        OsdImageError: as :func:`read_results`.
    """
    if not _is_file(files, _VARIABLES):
        return {}
    found: dict[str, tuple[str, str]] = {}
    for line in _decoded(files, files.read(rf"{FOLDER}\{_VARIABLES}", limit=_LARGEST)).splitlines():
        name, _, value = line.partition("=")
        if NAME.fullmatch(name) is not None and (not value or takes_value(value)):
            found[name.lower()] = (name, value)
    return dict(found.values())


def root_of(files: FileSource) -> str:
    """Return the directory of the Windows that a first start is for.

    Raises:
        OsdImageError: as :func:`read_results`.
    """
    return _text_of(files, "windows")


def read_output(files: FileSource, number: int) -> str | None:
    """Return what a step has written; None when there is nothing, or more than is worth to be read.

    Args:
        files: of the volume.
        number: of the step, from 1.

    Raises:
        OsdImageError: as :func:`read_results`.
    """
    path = rf"{FOLDER}\{number}\output.txt"
    facts = files.find(path)
    if facts is None or facts.is_directory or facts.is_link or not 0 < facts.size <= _LARGEST_OUTPUT:
        return None
    return _decoded(files, files.read(path, limit=_LARGEST_OUTPUT))


def _decoded(files: FileSource, data: bytes) -> str:
    """Return a text of the shell; one in a code page that nobody knows, as far as it is ASCII."""
    try:
        return data.decode(_text_of(files, "code_page"), "replace")
    except (LookupError, UnicodeError):
        return data.decode("ascii", "replace")


def has_first_start(files: FileSource) -> bool:
    """Tell whether there is a first start on a volume."""
    return _is_file(files, PLAN)


def _document(files: FileSource) -> Fields:
    source = f"{files.name}: {FOLDER}\\{PLAN}"
    if not has_first_start(files):
        raise NoFirstStart(f"{files.name}: there is no first start on it: no {FOLDER}\\{PLAN}")
    try:
        document = Fields.of(parse_json(files.read(rf"{FOLDER}\{PLAN}", limit=_LARGEST).decode("utf-8")))
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} is not the plan of a first start of osdimage")
        require_version(document, VERSION, source=source)
    except ValueError as error:
        raise _damaged(files, error) from error
    return document


def _damaged(files: FileSource, error: ValueError) -> InvalidDocument:
    return InvalidDocument(f"{files.name}: {FOLDER}\\{PLAN} is damaged: {reason_of(error)}")


def _text_of(files: FileSource, name: str) -> str:
    document = _document(files)
    try:
        return document.text(name)
    except ValueError as error:
        raise _damaged(files, error) from error


def _planned(files: FileSource) -> list[Fields]:
    document = _document(files)
    try:
        return list(document.each("steps"))
    except ValueError as error:
        raise _damaged(files, error) from error


def _step(files: FileSource, number: int, fields: Fields, ends: dict[int, tuple[StepEnd, int]]) -> StepResult:
    try:
        name, label, may_fail = fields.text("name"), fields.text("label"), fields.truth("may_fail")
    except ValueError as error:
        raise _damaged(files, error) from error
    end, code = ends.get(number, (StepEnd.NOT_REACHED, None))
    began, ended = (_time_of(files, rf"{number}\{each}") for each in ("begin", "end"))
    shown = code if end in {StepEnd.DONE, StepEnd.FAILED} else None
    return StepResult(number, name, end, shown, began, ended if began is not None else None, may_fail, label)


def _ends(files: FileSource) -> Iterator[tuple[int, tuple[StepEnd, int]]]:
    """Yield how steps ended; of a step that was begun again the last end counts."""
    if not _is_file(files, "results.txt"):
        return
    for line in files.read(rf"{FOLDER}\results.txt", limit=_LARGEST).splitlines():
        found = _RESULT.fullmatch(line.strip())
        if found is not None and 0 < int(found[1]) <= MOST_STEPS:
            yield int(found[1]), (StepEnd(found[2].decode("ascii")), int(found[3]))


def _starts(files: FileSource) -> int:
    if not _is_file(files, "starts.txt"):
        return 0
    found = _NUMBER.match(files.read(rf"{FOLDER}\starts.txt", limit=_LARGEST).strip())
    return 0 if found is None else int(found[0])


def _time_of(files: FileSource, path: str) -> int | None:
    facts = files.find(rf"{FOLDER}\{path}")
    return None if facts is None else facts.modified_ns


def _is_file(files: FileSource, path: str) -> bool:
    facts = files.find(rf"{FOLDER}\{path}")
    return facts is not None and not facts.is_directory and not facts.is_link
