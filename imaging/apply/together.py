"""One image to several targets: it is read and decompressed once, and a target that fails stops none of the others.

All targets are brought to where they need the contents of the image; those that wait for the same are given them in
one pass, and then each goes on to its end.  What reads contents by itself (libntfs-3g, FAT, a directory) does so in
its turn.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from osdimage.imaging.apply.work import Pour, Work
from osdimage.imaging.errors import OsdImageError, StorageError, explain
from osdimage.imaging.progress import Gathered

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class TargetResult(Generic[_Result]):
    """What has become of one of several targets.

    Attributes:
        target: the directory, file or device.
        result: what was done, or None when it failed.
        error: why it failed, or None.
    """

    target: Path
    result: _Result | None
    error: OsdImageError | None

    @property
    def told(self) -> str:
        """Why it failed, in a sentence that names it; empty when it did not."""
        said = "" if self.error is None else self.error.said
        return said if not said or said.startswith(str(self.target)) else f"{self.target}: {said}"


class _Target(Generic[_Result]):
    """A target on its way."""

    def __init__(self, path: Path, work: Work[_Result]) -> None:
        self.path = path
        self.work = work
        self.pour: Pour | None = None
        self.outcome: TargetResult[_Result] | None = None

    def resume(self, failure: Exception | None = None) -> None:
        """Let it go on until it waits for contents or ends; ``failure`` is what was wrong with those it waited for.

        Raises:
            Exception: what is no failure of the target alone.
        """
        self.pour = None
        try:
            self.pour = self.work.send(None) if failure is None else self.work.throw(failure)
        except StopIteration as end:
            self.outcome = TargetResult(self.path, end.value, None)
        except OsdImageError as error:
            self.outcome = TargetResult(self.path, None, error)
        except OSError as error:
            told = StorageError(f"{self.path}: {error.strerror or error}", path=self.path, errno=error.errno)
            told.__cause__ = error
            self.outcome = TargetResult(self.path, None, told)

    def stop(self, reason: BaseException) -> None:
        """End it before its end; it adds to the exception how far it came."""
        if self.pour is not None:
            with suppress(BaseException):
                self.work.throw(reason)
        self.work.close()


def together(
    targets: Sequence[tuple[Path, Work[_Result]]], progress: Gathered | None = None
) -> tuple[TargetResult[_Result], ...]:
    """Do the work for several targets.

    Args:
        targets: each with its work, which has not begun.
        progress: that of the targets, to which their work reports by its position.

    Returns:
        A result for each, in their order.

    Raises:
        BaseException: what is no failure of a target: a signal, or what the progress callback raises.  It carries a
            note for each target that says how far it came.
    """
    waiting = [_Target(path, work) for path, work in targets]
    run = _Run(waiting, progress)
    try:
        return run.results()
    except BaseException as error:
        for each in waiting:
            each.stop(error)
        done = sum(each.outcome is not None and each.outcome.error is None for each in waiting)
        explain(error, f"{done} of {len(waiting)} targets are complete")
        raise


class _Run(Generic[_Result]):
    """The work for several targets."""

    def __init__(self, targets: Sequence[_Target[_Result]], progress: Gathered | None) -> None:
        self._targets = targets
        self._progress = progress

    def results(self) -> tuple[TargetResult[_Result], ...]:
        """Do it all."""
        for each in self._targets:
            self._resume(each)
        while waiting := [each.pour for each in self._targets if each.pour is not None]:
            # One that did not wait for an earlier image must not have the later ones alone.
            feed = min((pour.feed for pour in waiting), key=lambda feed: feed.index)
            self._serve([each for each in self._targets if each.pour is not None and each.pour.feed is feed])
        return tuple(each.outcome for each in self._targets if each.outcome is not None)

    def _serve(self, group: Sequence[_Target[_Result]]) -> None:
        """Give targets the contents of the image that all of them wait for."""
        pours = [each.pour for each in group if each.pour is not None]

        def step(done: int) -> None:
            for number, pour in enumerate(pours, 1):
                with self._shared(is_shared=len(pours) > 1, is_told=number == len(pours)):
                    pour.step(done)

        failures: Sequence[Exception | None]
        try:
            failures = _synced(pours, pours[0].feed.run([pour.sink for pour in pours], step))
        except OsdImageError as error:
            if self._is_stopped:
                raise
            # Each adds to its own what has become of it.
            failures = [copy.copy(error) for _ in group]
        for each, failure in zip(group, failures, strict=True):
            self._resume(each, failure)

    def _shared(self, *, is_shared: bool, is_told: bool) -> AbstractContextManager[None]:
        if self._progress is None or not is_shared:
            return nullcontext()
        return self._progress.shared(is_told=is_told)

    def _resume(self, target: _Target[_Result], failure: Exception | None = None) -> None:
        target.resume(failure)
        outcome = target.outcome
        if outcome is None:
            return
        if outcome.error is not None and self._is_stopped:
            raise outcome.error
        if self._progress is not None:
            self._progress.end(self._targets.index(target), None if outcome.error is None else outcome.told)

    @property
    def _is_stopped(self) -> bool:
        """Whether what is raised is the listener's, and no failure of the target at work."""
        return self._progress is not None and self._progress.failure is not None


def _synced(pours: Sequence[Pour], failures: Sequence[Exception | None]) -> Sequence[Exception | None]:
    """Wait for the media of all that have their contents; return of each target what has failed, or None.

    Each waits for its own anyhow, in its turn: the slowest would decide no more, but all together.
    """
    sources = {
        number: pour.source
        for number, (pour, failure) in enumerate(zip(pours, failures, strict=True))
        if pour.source is not None and failure is None
    }
    if len(sources) < 2:
        return failures
    from osdimage.native.slices.sources import sync_all  # noqa: PLC0415 - who fills one target needs none of it

    found = dict(zip(sources, sync_all(list(sources.values())), strict=True))
    return [found.get(number, failure) for number, failure in enumerate(failures)]
