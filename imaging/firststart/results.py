"""What became of a first start, read from the folder that it keeps it in.

All of it was written by a computer that may have stopped at any moment, and may have been changed by anybody since:
it is read within limits, what is torn is left out, and nothing of it is believed but as text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.documents import Fields, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, InvalidTable, Means, Remedy
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER, FORMAT, PLAN, VERSION
from osdimage.imaging.firststart.steps import MOST_STEPS
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.volume.filesystems import open_files

_LARGEST = 4 * MIB
_RESULT = re.compile(rb"(\d{1,4}) (done|failed|skipped|interrupted) (-?\d{1,10})", re.ASCII)
_NUMBER = re.compile(rb"\d{1,9}", re.ASCII)


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
    """

    steps: tuple[StepResult, ...]
    starts: int
    is_done: bool
    has_failed: bool


def read_results(files: FileSource) -> FirstStartResults:
    """Read what became of the first start of a Windows; nothing is written.

    Args:
        files: of its volume.

    Raises:
        InvalidRequest: when there is none on the volume.
        InvalidDocument: when its plan is damaged, or of another version.
        InvalidVolume, StorageError: when the volume cannot be read.
    """
    if not _is_file(files, PLAN):
        raise InvalidRequest(f"{files.name}: there is no first start on it: no {FOLDER}\\{PLAN}")
    ends = dict(_ends(files))
    steps = tuple(_step(files, number, fields, ends) for number, fields in enumerate(_planned(files), 1))
    return FirstStartResults(steps, _starts(files), _is_file(files, "done"), _is_file(files, "failed"))


def find_results(path: str | os.PathLike[str], opening: Opening = AS_FOUND) -> FirstStartResults:
    """Read what became of the first start of the one Windows on a disk that has one; nothing is written.

    Args:
        path: the disk, or a file or device that is one volume.
        opening: how it is opened.

    Raises:
        InvalidRequest: when none of its volumes has one, or several do.
        InvalidDocument: as :func:`read_results`.
        InvalidVolume, StorageError, TargetRefused: when it cannot be read.
    """
    try:
        found = _on_disk(path, opening)
    except InvalidTable:
        with open_volume(path, opening=opening, share=True) as volume, open_files(volume) as files:
            return read_results(files)
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise InvalidRequest(f"{path}: there is no first start on it: no volume has {FOLDER}\\{PLAN}")
    numbers = ", ".join(map(str, found))
    remedy = Remedy("{} chooses one", (Means.PARTITION,))
    raise InvalidRequest(f"{path}: there are first starts on partitions {numbers}", remedy=remedy)


def _on_disk(path: str | os.PathLike[str], opening: Opening) -> dict[int, FirstStartResults]:
    """Return what became of the first starts of a disk, by the numbers of their partitions."""
    found: dict[int, FirstStartResults] = {}
    with open_disk(path, opening=opening, share=True) as disk:
        for each in look_over(disk).eligible(with_efi=False):
            with open_files(disk.volume(each.number)) as files:
                if _is_file(files, PLAN):
                    found[each.number] = read_results(files)
    return found


def _planned(files: FileSource) -> list[Fields]:
    source = f"{files.name}: {FOLDER}\\{PLAN}"
    data = files.read(rf"{FOLDER}\{PLAN}", limit=_LARGEST)
    try:
        document = Fields.of(parse_json(data.decode("utf-8")))
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} is not the plan of a first start of osdimage")
        require_version(document, VERSION, source=source)
        return list(document.each("steps"))
    except ValueError as error:
        raise InvalidDocument(f"{source} is damaged: {reason_of(error)}") from error


def _step(files: FileSource, number: int, fields: Fields, ends: dict[int, tuple[StepEnd, int]]) -> StepResult:
    try:
        name, label, may_fail = fields.text("name"), fields.text("label"), fields.truth("may_fail")
    except ValueError as error:
        raise InvalidDocument(f"{files.name}: {FOLDER}\\{PLAN} is damaged: {reason_of(error)}") from error
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
