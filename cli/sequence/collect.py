"""What ``osdimage run --collect`` answers: what became of the first start of the Windows on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
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
    from osdimage.imaging.firststart.results import FirstStartResults, StepResult


@dataclass(frozen=True, slots=True)
class Collecting:
    """What is asked in place of a run, which is passed as ``collecting``."""

    disk: Path | None
    partition: int | None

    def answer(self, opening: Opening, reporter: Reporter) -> int | None:
        """Print what became of the first start; return the exit code, or None when nothing is asked.

        Raises:
            click.UsageError: when a partition is chosen, and no disk.
            InvalidRequest: when no first start is on the disk, or on several partitions.
            OsdImageError: when it cannot be read.
        """
        if self.disk is None:
            if self.partition is not None:
                raise click.UsageError("--partition goes with --collect: it chooses the partition with Windows")
            return None
        found = _read(self.disk, self.partition, opening)
        if reporter.as_json:
            facts = {"starts": found.starts, "is_done": found.is_done, "has_failed": found.has_failed}
            render.document({**facts, "steps": list(map(_facts, found.steps))}, kind="run-results")
        elif not reporter.quiet:
            render.table(["", "step", "result", "code", "began", "time"], _rows(found), right=(0, 3, 5), cut=True)
            render.line()
            render.line(f"{self.disk}: {_end(found)}")
        return FAILED if found.has_failed else 0


collecting = params.gathered(
    "collecting",
    Collecting,
    click.option(
        "--collect",
        "disk",
        type=values.EXISTING,
        metavar="DISK",
        help="Show what became of what --first-boot put on a disk, read only; then end.",
    ),
    click.option(
        "--partition", type=click.IntRange(min=1), metavar="N", help="With --collect: the partition with Windows."
    ),
)


def _read(path: Path, partition: int | None, opening: Opening) -> FirstStartResults:
    from osdimage.imaging.disk.places import open_volume  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.firststart.results import find_results, read_results  # noqa: PLC0415
    from osdimage.imaging.volume.filesystems import open_files  # noqa: PLC0415

    with ExitStack() as stack:
        if partition is None:
            return find_results(path, opening)
        volume = stack.enter_context(open_volume(path, partition, opening=opening))
        return read_results(stack.enter_context(open_files(volume)))


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
