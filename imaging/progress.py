"""Progress of long work: one event type, one overall percentage.

A task is a fixed sequence of phases, each with a share of the whole that was measured on real images.  :class:`Meter`
turns "so much of this phase" into an overall percentage that never falls, and a time that is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from osdimage.imaging.logs import warned

__all__ = ["Phase", "ProgressCallback", "ProgressEvent"]


class Phase(StrEnum):
    """What is being done."""

    SCAN = "scan"
    READ = "read"
    WRITE_DATA = "write-data"
    WRITE_METADATA = "write-metadata"
    CALCULATE_INTEGRITY = "calculate-integrity"
    CHECK_INTEGRITY = "check-integrity"
    WIPE = "wipe"
    CREATE_FILES = "create-files"
    EXTRACT_DATA = "extract-data"
    SET_METADATA = "set-metadata"
    JOIN = "join"
    VERIFY_DATA = "verify-data"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A step of long work.

    Attributes:
        phase: what is being done.
        done: how much of this phase, in ``unit``.
        total: how much there is in this phase, or None when that is not known yet.
        unit: ``"bytes"`` or ``"files"``.
        percent: how much of the whole, 0 to 100, never falling.
        eta_s: estimated seconds that are left of the whole, or None.
        warning: a sentence about something that was left out or lost, or None; ``done`` and ``total`` repeat the last
            step then.
        excluded: the path of a file or directory that a capture leaves out on purpose, or None; as above.
        target: of work on several targets, what messages call the one that this is about; None for all that are left,
            and where there is one.
    """

    phase: Phase
    done: int
    total: int | None
    unit: str
    percent: float
    eta_s: float | None
    warning: str | None = None
    excluded: str | None = None
    target: str | None = None


ProgressCallback = Callable[[ProgressEvent], None]
"""Receives the events, in the thread that does the work.  It cancels the work by raising an exception of its own."""


def portion(callback: ProgressCallback | None, start: float, end: float) -> ProgressCallback | None:
    """Return a callback for one part of a longer task: its 0 to 100 % become ``start`` to ``end`` % of the whole."""
    if callback is None:
        return None
    listener = callback

    def scaled(event: ProgressEvent) -> None:
        percent = start + (end - start) * event.percent / 100
        eta_s = event.eta_s
        if eta_s is not None and event.percent < 100:
            # The rest of the whole at the pace of this part.
            eta_s = round(eta_s / (100 - event.percent) * 100 / (end - start) * (100 - percent), 1)
        elif end < 100:
            eta_s = None
        listener(replace(event, percent=round(percent, 2), eta_s=eta_s))

    return scaled


def finish(callback: ProgressCallback | None, phase: Phase) -> None:
    """Report that all is done, where the last part of the work has no progress of its own."""
    if callback is not None:
        callback(ProgressEvent(phase, 0, None, "bytes", 100.0, 0.0))


class Gathered:
    """Makes one progress of that of several targets, each of which counts the same.

    Attributes:
        failure: what the listener raised, or None: it is no failure of the target that was at work.
    """

    def __init__(
        self, callback: ProgressCallback, names: Sequence[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin, with what messages call the targets."""
        self.failure: BaseException | None = None
        self._callback = callback
        self._names = tuple(names)
        self._clock = clock
        self._began = clock()
        self._percents = [0.0] * len(names)
        self._last = ProgressEvent(Phase.EXTRACT_DATA, 0, None, "bytes", 0.0, None)
        self._told = True
        self._is_shared = False

    def of(self, number: int) -> ProgressCallback:
        """Return what receives the events of a target, by its position."""
        return partial(self._take, number)

    @contextmanager
    def shared(self, *, is_told: bool) -> Iterator[None]:
        """Take steps inside the ``with`` for those of several targets at once, which are told of one of them only."""
        self._is_shared, self._told = True, is_told
        try:
            yield
        finally:
            self._is_shared, self._told = False, True

    def end(self, number: int, failure: str | None) -> None:
        """Take a target for done; with ``failure``, what it failed for is told as a warning."""
        self._percents[number] = 100.0
        if failure is not None:
            warned(__name__, failure)
            self._tell(replace(self._last, warning=failure, target=self._names[number]))
        elif min(self._percents) >= 100 > self._last.percent:
            self._tell(replace(self._last, target=None))

    def _take(self, number: int, event: ProgressEvent) -> None:
        self._percents[number] = max(self._percents[number], event.percent)
        if self._told or event.warning is not None:
            # What all get at once takes as long as it takes for one.
            name = None if self._is_shared and event.warning is None else self._names[number]
            self._tell(replace(event, target=name))

    def _tell(self, event: ProgressEvent) -> None:
        percent = sum(self._percents) / len(self._percents)
        eta_s = 0.0 if percent >= 100 else None
        if 1 <= percent < 100:
            eta_s = round((self._clock() - self._began) * (100 - percent) / percent, 1)
        event = replace(event, percent=round(percent, 2), eta_s=eta_s)
        if event.warning is None:
            self._last = event
        try:
            self._callback(event)
        except BaseException as error:
            self.failure = error
            raise


class Meter:
    """Weighs the phases of one task into an overall percentage."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        shares: dict[Phase, float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a task of phases with relative shares, in the order of ``shares``."""
        self._callback = callback
        self._clock = clock
        self._began = clock()
        self._spans: dict[Phase, tuple[float, float]] = {}
        self.weigh(shares)
        self._percent = 0.0
        self._last: ProgressEvent | None = None
        # When the phase that is at work was first heard of, and how far the whole was then; None in the first one.
        self._at_work: Phase | None = None
        self._entered: tuple[float, float] | None = None

    def weigh(self, shares: dict[Phase, float]) -> None:
        """Take other phases: how the work is done was decided.  What was told of the whole so far does not fall."""
        whole = sum(shares.values())
        self._spans.clear()
        position = 0.0
        for phase, share in shares.items():
            self._spans[phase] = (position, 100 * share / whole)
            position += 100 * share / whole

    def step(self, phase: Phase, done: int, total: int | None, *, unit: str = "bytes") -> None:
        """Report that ``done`` of ``total`` units of a phase are done; nothing is told behind 100 %."""
        if self._callback is None or self._percent >= 100:
            return
        start, width = self._spans.get(phase, (self._percent, 0.0))
        fraction = min(1.0, done / total) if total else 0.0
        self._percent = max(self._percent, min(100.0, start + width * fraction))
        if phase is not self._at_work:
            self._entered = None if self._at_work is None else (self._clock(), self._percent)
            self._at_work = phase
        self._emit(ProgressEvent(phase, done, total, unit, round(self._percent, 2), self._eta()))

    def warn(self, text: str) -> None:
        """Report something that was left out or lost."""
        warned(__name__, text)
        if self._callback is not None:
            self._callback(replace(self._repeated(), warning=text))

    def leave_out(self, path: str) -> None:
        """Report a file or directory that is left out on purpose."""
        if self._callback is not None:
            self._callback(replace(self._repeated(), excluded=path))

    def _repeated(self) -> ProgressEvent:
        return self._last or ProgressEvent(next(iter(self._spans)), 0, None, "bytes", 0.0, None)

    def finish(self) -> None:
        """Report 100 %, in the phase that was last at work."""
        if self._callback is None or self._percent >= 100:
            return
        self._percent = 100.0
        last = self._last
        phase = last.phase if last is not None else next(iter(self._spans))
        done = last.done if last is not None else 0
        self._emit(ProgressEvent(phase, done, done, last.unit if last else "bytes", 100.0, 0.0))

    def _emit(self, event: ProgressEvent) -> None:
        self._last = event
        if self._callback is not None:
            self._callback(event)

    def _eta(self) -> float | None:
        began, start = (self._began, 0.0) if self._entered is None else self._entered
        # The pace of what is at work: a phase before it that had little to do tells nothing of it.  Below one percent
        # the estimate would be noise.
        gained = self._percent - start
        if self._percent >= 100 or gained < 1:
            return 0.0 if self._percent >= 100 else None
        return round((self._clock() - began) * (100 - self._percent) / gained, 1)
