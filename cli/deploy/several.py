"""``osdimage deploy --also``: the same image on several disks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click
from osdimage.cli import several, standard
from osdimage.cli.deploy import view
from osdimage.cli.deploy.target import DiskWish
from osdimage.cli.deploy.wish import Planner
from osdimage.cli.render import Reporter
from osdimage.imaging.apply.together import TargetResult
from osdimage.imaging.deploy.document import plan_to_document
from osdimage.imaging.deploy.several import Deployment, execute_on_all
from osdimage.imaging.errors import (
    CorruptWim,
    InvalidRequest,
    MissingParts,
    OsdImageError,
    StorageError,
    UnsafeName,
    explain,
)
from osdimage.imaging.progress import Phase, ProgressCallback, ProgressEvent

if TYPE_CHECKING:
    from osdimage.imaging.deploy.job import DeployOptions, DeployResult
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.wim.piped.streams import Passed

# What is wrong with the image, for whatever disk.
_OF_THE_IMAGE = (CorruptWim, MissingParts, UnsafeName)


class _Target:
    """One of the disks, from its opening to its end."""

    def __init__(self, wish: DiskWish) -> None:
        self.wish = wish
        self.deployment: Deployment | None = None
        self.result: DeployResult | None = None
        self.error: OsdImageError | None = None
        self._stack = ExitStack()
        self._is_open = True

    def open(self, planner: Planner, *, replace: bool) -> None:
        """Open the disk and plan for it."""
        try:
            disk = self._stack.enter_context(self.wish.opened(replace=replace))
            self.deployment = Deployment(self.wish.planned(disk, planner), disk)
        except _OF_THE_IMAGE:
            raise
        except (OsdImageError, OSError, click.UsageError) as error:
            self.fail(error)

    def take(self, outcome: TargetResult[DeployResult]) -> None:
        """Take over what was done on the disk."""
        self.result = outcome.result
        if outcome.error is not None:
            self.fail(outcome.error)

    def fail(self, error: Exception) -> None:
        """Close the disk, of which nothing is to be expected any more."""
        self.deployment, self.result, self.error = None, None, _told(error, self.wish)
        with suppress(OSError):
            self.close(self.error)

    def close(self, error: BaseException | None = None) -> None:
        """Close the disk; one of another format than raw gets its name, unless there was an error."""
        self._stack.__exit__(None if error is None else type(error), error, None)
        self._is_open = False

    def stop(self, error: BaseException | None) -> None:
        """Close the disk at the end of the command; what ends that has been told of the other disks, too."""
        notes = [*getattr(error, "__notes__", ())]
        self.close(error)
        if error is not None:
            # A disk of another format than raw forgets how far it came, as nothing of it stays.
            error.__notes__ = [*notes, *(each for each in getattr(error, "__notes__", ()) if each not in notes)]

    @property
    def is_complete(self) -> bool:
        """Whether the disk is as it was meant, whatever comes."""
        return self.result is not None and not (self._is_open and self.wish.is_named_last)

    @property
    def outcome(self) -> TargetResult[DeployResult]:
        """What has become of it."""
        return TargetResult(self.wish.path, self.result, self.error)


def deploy(
    wishes: Sequence[DiskWish],
    planner: Planner,
    options: DeployOptions,
    saving: TableSaving,
    reporter: Reporter,
    progress: ProgressCallback | None,
    *,
    yes: bool,
    passed: Passed | None,
) -> int:
    """Deploy to all disks that can be opened and planned for, and return the exit code."""
    began = time.monotonic()
    with ExitStack() as stack:
        targets = [_Target(wish) for wish in wishes]
        for each in targets:
            # What ends the command ends each of them.
            stack.push(lambda _kind, error, _trace, each=each: each.stop(error))
            each.open(planner, replace=yes)
            _warn(each, reporter, progress)
        ready = [each for each in targets if each.deployment is not None]
        deployments = [each.deployment for each in ready if each.deployment is not None]
        if not yes:
            _ask(deployments, reporter)
        outcomes = execute_on_all(
            deployments,
            planner.images[0],
            others=planner.images[1:],
            now=planner.now,
            saving=saving,
            options=options,
            progress=progress,
        )
        for each, outcome in zip(ready, outcomes, strict=True):
            each.take(outcome)
        _end_all(ready, reporter)
    seconds = time.monotonic() - began
    return several.report(
        [each.outcome for each in targets],
        reporter,
        lambda result: view.lines(result, planner.images[0], reporter, seconds),
        standard.with_stream({}, passed),
        kind="deploy-also",
    )


def rehearse(wishes: Sequence[DiskWish], planner: Planner, reporter: Reporter) -> int:
    """Show the plan for each disk; return the exit code."""
    results: list[TargetResult[DeployPlan]] = []
    for wish in wishes:
        try:
            results.append(TargetResult(wish.path, wish.rehearsed(planner), None))
        except _OF_THE_IMAGE:
            raise
        except (OsdImageError, OSError, click.UsageError) as error:
            results.append(TargetResult(wish.path, None, _told(error, wish)))
    if not reporter.as_json:
        for each in results:
            if each.result is not None:
                view.show_plan(each.target, each.result, reporter)
    return several.report(results, reporter, lambda _: (), {}, kind="deploy-plans", plain=plan_to_document)


def _ask(deployments: Sequence[Deployment], reporter: Reporter) -> None:
    """Show the plan of each disk that is there and what would be lost, and ask once."""
    old = [each for each in deployments if not each.disk.is_new]
    if not old:
        return
    names = ", ".join(each.disk.name for each in old)
    reporter.refuse_unattended(f"{names} would be overwritten")
    for each in old:
        view.show_loss(each.disk, each.plan, reporter)
    click.confirm(f"Carry it out on {len(deployments)} disks?", abort=True, err=True)


def _warn(target: _Target, reporter: Reporter, progress: ProgressCallback | None) -> None:
    """Tell at once what will be missing, and why a disk is left out."""
    if target.deployment is not None:
        for text in target.deployment.plan.warnings:
            reporter.warn(text)
    elif progress is not None:
        name = str(target.wish.path)
        progress(ProgressEvent(Phase.SCAN, 0, None, "bytes", 0.0, None, warning=target.outcome.told, target=name))


def _end_all(targets: Sequence[_Target], reporter: Reporter) -> None:
    """Show the disks that are done, and close them; an exception is told how many are complete."""
    try:
        for each in targets:
            _end(each, reporter)
    except BaseException as error:
        done = sum(each.is_complete for each in targets)
        explain(error, f"{done} of {len(targets)} targets are complete")
        raise


def _end(target: _Target, reporter: Reporter) -> None:
    """Show a disk that is done, and close it."""
    if target.deployment is None:
        return
    try:
        if not (reporter.as_json or reporter.quiet):
            view.picture(target.deployment.disk)
        target.close()
    except (OsdImageError, OSError) as error:
        target.fail(error)


def _told(error: Exception, wish: DiskWish) -> OsdImageError:
    """Return an error as one of the library, as which it is told."""
    if isinstance(error, OsdImageError):
        return error
    if isinstance(error, click.ClickException):
        return InvalidRequest(error.message)
    number = error.errno if isinstance(error, OSError) else None
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StorageError(f"{wish.path}: {text}", path=wish.path, errno=number)
