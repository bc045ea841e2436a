"""Checking files that may not even be WIMs, and all parts of a split WIM together."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, NotAWim
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.checks.parts import Part, Parts, find_parts, part_of
from osdimage.imaging.wim.checks.verify import Problem, ProblemKind, VerifyReport, verify
from osdimage.imaging.wim.checks.verify_blobs import OpenPart
from osdimage.imaging.wim.contents import references
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.placed.on_disc import paths_fitting

# The integrity table covers the compressed bytes, on one thread: about a fifth of the work.
_CHECK_PERCENT = 20.0


@dataclass(frozen=True, slots=True)
class _Means:
    """What the check may use; see :func:`verify_file`."""

    threads: int | None
    memory: int | None


def verify_files(
    paths: Sequence[Path],
    *,
    refs: Iterable[str] = (),
    threads: int | None = None,
    memory: int | None = None,
    progress: ProgressCallback | None = None,
) -> list[VerifyReport]:
    """Check files, each as :func:`verify_file` does; a split WIM gives one report, whatever parts of it are named.

    Raises:
        StorageError: when a file cannot be read.
    """
    groups = list(_groups(paths, tuple(refs)))
    share = 100 / max(1, len(groups))
    return [
        _verify(path, parts, refs, _Means(threads, memory), portion(progress, share * number, share * (number + 1)))
        for number, (path, parts) in enumerate(groups)
    ]


@logged("verify {path}")
def verify_file(
    path: str | os.PathLike[str],
    *,
    refs: Iterable[str] = (),
    threads: int | None = None,
    memory: int | None = None,
    progress: ProgressCallback | None = None,
) -> VerifyReport:
    """Check a file that may not even be a WIM: damage that keeps it from being opened is in the report too.

    Its integrity table, if it has one, is compared first.  Of a split WIM all parts are checked: those among ``refs``,
    and those that are found by their names; one that is missing is a problem.

    Args:
        path: of the file.
        refs: files or glob patterns of files that hold blobs too, which are checked with it.
        threads: that decompress and hash; None for one a processor.
        memory: bytes that chunks may take together beside what the trees take; None for little.  A chunk that is larger
            is expanded alone, so that of those of an ESD, 64 MiB, two are expanded at once from some 200 MiB on.
        progress: receives the progress.

    Raises:
        StorageError: when a file cannot be read.
    """
    path = Path(path)
    return verify_files([path], refs=refs, threads=threads, memory=memory, progress=progress)[0]


def _groups(paths: Sequence[Path], refs: tuple[str, ...]) -> Iterator[tuple[Path, Parts | None]]:
    """Yield each WIM once, with its parts if it is split, in the order of the paths."""
    named = {path: part_of(path) for path in paths}
    more = [Path(name) for pattern in refs for name in paths_fitting(pattern)]
    known = [each for each in (*named.values(), *map(part_of, more)) if each is not None]
    seen: list[Part] = []
    for path, part in named.items():
        if part is None:
            yield path, None
        elif not any(part.belongs_to(other) for other in seen):
            seen.append(part)
            yield path, find_parts(part, known)


def _verify(
    path: Path, parts: Parts | None, refs: Iterable[str], means: _Means, progress: ProgressCallback | None
) -> VerifyReport:
    if parts is None:
        return _check([path], refs, means, progress)
    missing = [Problem(ProblemKind.MISSING, parts.describe_missing(number)) for number in parts.missing]
    files = [each.path for each in parts.found.values()]
    report = _check(files, [glob.escape(str(each)) for each in files[1:]], means, progress)
    return replace(report, problems=(*missing, *report.problems))


def _check(
    files: Sequence[Path], refs: Iterable[str], means: _Means, progress: ProgressCallback | None
) -> VerifyReport:
    """Check a WIM, given as all of its files that are there."""
    first, *others = files
    try:
        with ExitStack() as stack:
            wim = stack.enter_context(WimFile.open(first, refs=refs, with_parts=False))
            opened = [wim, *(stack.enter_context(WimFile.open(each, with_parts=False)) for each in others)]
            parts = {each.path.resolve() for each in opened}
            elsewhere = [each for each in references(first, wim.handle) if each.resolve() not in parts]
            bases = [stack.enter_context(WimFile.open(each, with_parts=False)) for each in elsewhere]
            begin, problems = _check_integrity(opened, progress)
            report = verify(
                [OpenPart(each.path, each.handle, each.header) for each in opened],
                wim.images,
                bases=[OpenPart(each.path, each.handle, each.header) for each in bases],
                threads=means.threads,
                memory=means.memory,
                progress=portion(progress, begin, 100),
            )
            notes = (text for text in wim.warnings if text.partition(": ")[2] not in wim.handle.repairs)
            return replace(report, problems=(*problems, *report.problems), notes=(*notes, *report.notes))
    except InvalidInput as error:
        kind = ProblemKind.HEADER if isinstance(error, NotAWim) else ProblemKind.TREE
        problem = Problem(kind, str(error).removeprefix(f"{first}: "))
        return VerifyReport(first, 0, 0, 0, (problem,), (), tuple(others))


def _check_integrity(opened: Sequence[WimFile], progress: ProgressCallback | None) -> tuple[float, tuple[Problem, ...]]:
    """Compare files with their integrity tables; return which percentage of the whole that was, and what is wrong."""
    problems: list[Problem] = []
    begin = 0.0
    share = _CHECK_PERCENT / len(opened)
    for number, each in enumerate(opened):
        if not each.header.has_integrity_table:
            continue
        begin = _CHECK_PERCENT
        try:
            part = portion(progress, number * share, (number + 1) * share)
            # libwim checks a file as it opens it.
            WimFile.open(each.path, check=True, with_parts=False, progress=part).close()
        except InvalidInput as error:
            problems.append(Problem(ProblemKind.INTEGRITY, str(error)))
    return begin, tuple(problems)
