"""What ``run.cmd`` is to do, once more, in Python: by the description of its files, not by its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.firststart import FirstStep, StartedWindows, carry_out, plan_first_start
from osdimage.imaging.volume.filesystems import open_files

RESTART_CODES = {3010, 1641}
MOST_STARTS = 20


@dataclass(frozen=True)
class Planned:
    """A step of the tests: how it ends, and what is to follow.

    Attributes:
        code: with which it ends.
        success: which codes are success.
        on_failure: the step to go on with, or 0.
        when: the exit code of its condition, or None.
        asks: whether it makes the file that asks for a restart.
        restarts: whether it is a Restart Computer.
    """

    code: int = 0
    success: tuple[int, ...] = (0, 3010)
    on_failure: int = 0
    when: int | None = None
    asks: bool = False
    restarts: bool = False


@dataclass
class Told:
    """What the computer did.

    Attributes:
        results: lines ``STEP STATE CODE``.
        starts: how often it was started.
        end: ``done``, ``failed``, or "" when it still went on.
    """

    results: list[str] = field(default_factory=list)
    starts: int = 0
    end: str = ""


def expected(steps: Sequence[Planned]) -> Told:
    """Return what is to come of a plan on a computer that never loses its power."""
    told, at = Told(), 1
    while not told.end:
        told.starts += 1
        if told.starts > MOST_STARTS:
            told.end = "failed"
            break
        at = _one_start(steps, at, told)
    return told


def _one_start(steps: Sequence[Planned], at: int, told: Told) -> int:
    """Run until a restart or the end; return the step that follows."""
    while at <= len(steps):
        step = steps[at - 1]
        if step.when == 1:
            told.results.append(f"{at} skipped 0")
            at += 1
            continue
        has_run = step.when in {None, 0}
        code = step.code if has_run else step.when or 0
        is_done = has_run and (code in step.success or code == 1641)
        told.results.append(f"{at} {'done' if is_done else 'failed'} {code}")
        if not is_done and not step.on_failure:
            told.end = "failed"
            return at
        at = at + 1 if is_done else step.on_failure
        if (has_run and step.asks) or (is_done and (step.restarts or code in RESTART_CODES)):
            return at
    told.end = "done"
    return at


def wait_for_first_start(path: Path) -> None:
    """Put a first start into a volume with a generalized Windows, which its setup starts."""
    with open_volume(path, write=True) as volume:
        with open_files(volume) as files:
            windows = StartedWindows("Windows", is_generalized=True, code_page="cp437", edition="Enterprise")
            plan = plan_first_start(files, windows, [FirstStep("one", ("@exit /b 0",))])
        carry_out(plan, volume, root="Windows", now=datetime(2026, 1, 2, tzinfo=UTC))
