"""What ``osdimage run --collect`` answers: what became of the first start of the Windows on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.failures import FAILED
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.firststart.results import FirstStartResults, StepResult


@dataclass(frozen=True, slots=True)
class Collecting:
    """What is asked in place of a run, which is passed as ``collecting``."""

    disk: Path | None
    partition: int | None
    remove: bool

    def answer(self, opening: Opening, log: Path | None, reporter: Reporter, *, yes: bool) -> int | None:
        """Print what became of the first start; return the exit code, or None when nothing is asked.

        Args:
            opening: how the disk is opened.
            log: the file that gets the log; it is gone on with when it is there.
            reporter: is told.
            yes: whether a first start that is not at its end is removed without asking.

        Raises:
            click.UsageError: when a partition is chosen, or something is to be removed, and no disk.
            click.Abort: when the answer is no.
            InvalidRequest: when no first start is on the disk, or on several partitions.
            OsdImageError: when it cannot be read, or not be removed.
        """
        if self.disk is None:
            if self.partition is not None:
                raise click.UsageError("--partition goes with --collect: it chooses the partition with Windows")
            if self.remove:
                raise click.UsageError("--remove goes with --collect: it removes what that shows")
            return None
        from osdimage.imaging.firststart.results import FirstStartResults, NoFirstStart  # noqa: PLC0415 - see above

        try:
            found, removed = self._collected(self.disk, opening, log, reporter, yes=yes)
        except NoFirstStart:
            if not self.remove:
                raise
            # Removed already, as by a command that was stopped: what is asked for is so.
            found, removed = FirstStartResults((), 0, is_done=False, has_failed=False), 0
            reporter.warn(f"{self.disk}: there is no first start on it")
        self._tell(found, removed, reporter)
        return FAILED if found.has_failed else 0

    def _collected(
        self, path: Path, opening: Opening, log: Path | None, reporter: Reporter, *, yes: bool
    ) -> tuple[FirstStartResults, int | None]:
        """Read what became of it, and remove it where that is asked for; return also how many files that were."""
        from osdimage.imaging.firststart.finding import open_first_start  # noqa: PLC0415 - start-up stays cheap

        with open_first_start(path, self.partition, write=self.remove, opening=opening) as volume:
            found = _read(volume, log)
            if not self.remove:
                return found, None
            if not (found.is_done or found.has_failed or yes):
                reporter.refuse_unattended(f"the first start on {path}, which is not at its end, would be lost")
                self._show(found, reporter)
                click.confirm("Remove it?", abort=True, err=True)
            return found, _remove(volume)

    def _tell(self, found: FirstStartResults, removed: int | None, reporter: Reporter) -> None:
        if reporter.as_json:
            facts = {"starts": found.starts, "is_done": found.is_done, "has_failed": found.has_failed}
            more = {"removed_files": removed, "traces": list(found.traces)}
            render.document({**facts, **more, "steps": list(map(_facts, found.steps))}, kind="run-results")
        elif not reporter.quiet:
            self._show(found, reporter)
            if removed is not None:
                render.line(f"{self.disk}: removed {counted(removed, 'file')} of it")

    def _show(self, found: FirstStartResults, reporter: Reporter) -> None:
        if reporter.quiet or reporter.as_json or not found.steps:
            return
        render.table(["", "step", "result", "code", "began", "time"], _rows(found), right=(0, 3, 5), cut=True)
        render.line()
        render.line(f"{self.disk}: {_end(found)}")
        for text in found.traces:
            render.line(f"  {text}")


collecting = params.gathered(
    "collecting",
    Collecting,
    click.option(
        "--collect",
        "disk",
        type=values.EXISTING,
        metavar="DISK",
        help="Show what became of what --first-boot put on a disk, read only, with --log as a log too; then end.",
    ),
    click.option(
        "--partition", type=click.IntRange(min=1), metavar="N", help="With --collect: the partition with Windows."
    ),
    click.option(
        "--remove", is_flag=True, help="With --collect: remove it from the disk then, with what would start it."
    ),
)


def _read(volume: OpenVolume, log: Path | None) -> FirstStartResults:
    from osdimage.imaging.firststart.results import read_results  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.log import append_lines  # noqa: PLC0415
    from osdimage.imaging.tasksequence.staging.first_start_log import log_lines  # noqa: PLC0415
    from osdimage.imaging.volume.filesystems import open_files  # noqa: PLC0415

    with open_files(volume) as files:
        found = read_results(files)
        if log is not None:
            append_lines(log, log_lines(files, found, now=datetime.now(UTC)))
        return found


def _remove(volume: OpenVolume) -> int:
    from osdimage.imaging.firststart.removing import remove_first_start  # noqa: PLC0415 - start-up stays cheap

    # A virtual machine that was not shut down leaves its volume marked dirty; a Windows that has it in use stops this.
    return remove_first_start(volume, now=datetime.now(UTC), force=True)


def _rows(found: FirstStartResults) -> Iterator[tuple[str, ...]]:
    for each in found.steps:
        code = "" if each.code is None else str(each.code)
        took = "" if each.seconds is None else f"{each.seconds:.1f} s"
        yield each.label, each.name, each.end.value, code, _moment(each.began_ns) or "", took


def _facts(step: StepResult) -> dict[str, object]:
    return {
        "number": step.number,
        "step": step.label or None,
        "name": step.name,
        "result": step.end,
        "code": step.code,
        "may_fail": step.may_fail,
        "began": _moment(step.began_ns),
        "ended": _moment(step.ended_ns),
    }


def _moment(moment_ns: int | None) -> str | None:
    return None if moment_ns is None else datetime.fromtimestamp(moment_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _end(found: FirstStartResults) -> str:
    starts = counted(found.starts, "start")
    if not found.starts:
        return "Windows has not started its first start yet"
    if found.has_failed:
        return f"the first start FAILED ({starts})"
    return f"the first start is {'done' if found.is_done else 'not at its end'} ({starts})"
