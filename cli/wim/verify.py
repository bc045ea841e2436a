"""``osdimage verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.guidance.advice import worded
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.wim.checks.verify import VerifyReport


@click.command("verify")
@click.argument("wims", nargs=-1, required=True, type=values.WIM, metavar="WIM...")
@params.references
@params.reading_threads
@params.reading_memory
@params.output(more="all names of what is bad")
def verify_command(
    wims: tuple[Path, ...], refs: tuple[str, ...], threads: int | None, memory: int | None, reporter: Reporter
) -> int:
    """Check WIMs: the integrity table, the trees, the names, and every blob's SHA-1.

    Everything that is bad is listed, with the files that it concerns.  Exit code 0: sound; 3: not.  A split WIM is
    checked as a whole: its other parts are found by their names, and one that is missing is a problem.
    """
    from osdimage.imaging.wim.checks.verify_file import verify_files  # noqa: PLC0415 - start-up stays cheap

    reports = verify_files(wims, refs=refs, threads=threads, memory=memory, progress=reporter.callback)
    if reporter.as_json:
        render.document({"is_sound": all(report.is_sound for report in reports), "wims": reports})
    else:
        for report in reports:
            _show(report, reporter)
    return 0 if all(report.is_sound for report in reports) else 3


def _show(report: VerifyReport, reporter: Reporter) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    if reporter.quiet and report.is_sound:
        return
    for text in report.notes:
        reporter.warn(text)
    if report.is_sound:
        held = f"{counted(report.images, 'image')}, {counted(report.blobs, 'blob')}"
        if report.parts:
            held = f"{counted(len(report.parts) + 1, 'part')}, {held}"
        bases = f", with those of {', '.join(map(str, report.bases))}" if report.bases else ""
        render.line(f"{report.path}: sound: {held}, {format_size(report.size)}{bases}")
        return
    render.line(f"{report.path}: NOT sound, {counted(len(report.problems), 'problem')}:")
    for problem in report.problems:
        remedy = "" if problem.remedy is None else f"; {worded(problem.remedy)}"
        render.line(f"  {problem.kind}: {problem.message}{remedy}")
        if reporter.verbose:
            for name in problem.files[1:]:
                render.line(f"    also {name}")
