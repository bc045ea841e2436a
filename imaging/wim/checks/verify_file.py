"""Checking files that may not even be WIMs, and all parts of a split WIM together."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, NotAWim
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.checks.parts import Part, Parts, find_parts, part_of
from osdimage.imaging.wim.checks.verify import OpenPart, Problem, ProblemKind, VerifyReport, verify
from osdimage.imaging.wim.file import WimFile

# The integrity table covers the compressed bytes, on one thread: about a fifth of the work.
_CHECK_PERCENT = 20.0


def verify_files(
    paths: Sequence[Path],
    *,
    refs: Iterable[str] = (),
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> list[VerifyReport]:
    """Check files, each as :func:`verify_file` does; a split WIM gives one report, whatever parts of it are named.

    Raises:
        StorageError: when a file cannot be read.
    """
    groups = list(_groups(paths, tuple(refs)))
    share = 100 / max(1, len(groups))
    return [
        _verify(path, parts, refs, threads, portion(progress, share * number, share * (number + 1)))
        for number, (path, parts) in enumerate(groups)
    ]


@logged("verify {path}")
def verify_file(
    path: Path,
    *,
    refs: Iterable[str] = (),
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> VerifyReport:
    """Check a file that may not even be a WIM: damage that keeps it from being opened is in the report too.

    Its integrity table, if it has one, is compared first.  Of a split WIM all parts are checked: those among ``refs``,
    and those that are found by their names; one that is missing is a problem.

    Raises:
        StorageError: when a file cannot be read.
    """
    return verify_files([path], refs=refs, threads=threads, progress=progress)[0]


def _groups(paths: Sequence[Path], refs: tuple[str, ...]) -> Iterator[tuple[Path, Parts | None]]:
    """Yield each WIM once, with its parts if it is split, in the order of the paths."""
    named = {path: part_of(path) for path in paths}
    more = [Path(name) for pattern in refs for name in sorted(glob.glob(pattern))]  # noqa: PTH207 - may be absolute
    known = [each for each in (*named.values(), *map(part_of, more)) if each is not None]
    seen: list[Part] = []
    for path, part in named.items():
        if part is None:
            yield path, None
        elif not any(part.belongs_to(other) for other in seen):
            seen.append(part)
            yield path, find_parts(part, known)


def _verify(
    path: Path, parts: Parts | None, refs: Iterable[str], threads: int | None, progress: ProgressCallback | None
) -> VerifyReport:
    if parts is None:
        return _check([path], refs, threads, progress)
    missing = [Problem(ProblemKind.MISSING, parts.describe_missing(number)) for number in parts.missing]
    files = [each.path for each in parts.found.values()]
    report = _check(files, [glob.escape(str(each)) for each in files[1:]], threads, progress)
    return replace(report, problems=(*missing, *report.problems))


def _check(
    files: Sequence[Path], refs: Iterable[str], threads: int | None, progress: ProgressCallback | None
) -> VerifyReport:
    """Check a WIM, given as all of its files that are there."""
    problems: list[Problem] = []
    begin = 0.0
    for number, path in enumerate(files):
        share = _CHECK_PERCENT / len(files)
        try:
            with WimFile.open(
                path, check=True, with_parts=False, progress=portion(progress, number * share, (number + 1) * share)
            ) as checked:
                begin = _CHECK_PERCENT if checked.header.has_integrity_table else begin
        except InvalidInput as error:
            problems.append(Problem(ProblemKind.INTEGRITY, str(error)))
            begin = _CHECK_PERCENT
    first, *others = files
    try:
        with ExitStack() as stack:
            wim = stack.enter_context(WimFile.open(first, refs=refs, with_parts=False))
            opened = [stack.enter_context(WimFile.open(each, with_parts=False)) for each in others]
            report = verify(
                first,
                wim.handle,
                wim.header,
                wim.images,
                threads=threads,
                progress=portion(progress, begin, 100),
                others=[OpenPart(each.path, each.handle, each.header) for each in opened],
            )
            notes = (text for text in wim.warnings if text.partition(": ")[2] not in wim.handle.repairs)
            return replace(report, problems=(*problems, *report.problems), notes=(*notes, *report.notes))
    except InvalidInput as error:
        kind = ProblemKind.HEADER if isinstance(error, NotAWim) else ProblemKind.TREE
        problems = [Problem(kind, str(error).removeprefix(f"{first}: "))]
        return VerifyReport(first, 0, 0, 0, tuple(problems), (), tuple(others))
