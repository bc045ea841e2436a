"""Checking a file that may not even be a WIM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.verify import Problem, ProblemKind, VerifyReport

# The integrity table covers the compressed bytes, on one thread: about a fifth of the work.
_CHECK_PERCENT = 20.0


def verify_file(
    path: Path,
    *,
    refs: Iterable[str] = (),
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> VerifyReport:
    """Check a file that may not even be a WIM: damage that keeps it from being opened is in the report too.

    Its integrity table, if it has one, is compared first.

    Raises:
        StorageError: when the file cannot be read.
    """
    problems: list[Problem] = []
    begin = _CHECK_PERCENT
    try:
        with WimFile.open(path, check=True, progress=portion(progress, 0, begin)) as checked:
            if not checked.header.has_integrity_table:
                begin = 0.0
    except InvalidInput as error:
        problems.append(Problem(ProblemKind.INTEGRITY, str(error)))
    try:
        with WimFile.open(path, refs=refs) as wim:
            report = wim.verify(threads=threads, progress=portion(progress, begin, 100))
            notes = (text for text in wim.warnings if text.partition(": ")[2] not in wim.handle.repairs)
            return replace(report, problems=(*problems, *report.problems), notes=(*notes, *report.notes))
    except InvalidInput as error:
        problems = [Problem(ProblemKind.TREE, str(error))]
        return VerifyReport(path, 0, 0, 0, tuple(problems), ())
