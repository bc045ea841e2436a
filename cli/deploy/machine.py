"""``osdimage deploy --disk N=DISK``: the disks of a machine that were captured together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click
from osdimage.cli import render, standard, suffix
from osdimage.cli.deploy import view
from osdimage.cli.deploy.target import DiskWish
from osdimage.cli.deploy.wish import DeployWish, captured_sectors, seed_of
from osdimage.cli.disk import params as disk_params
from osdimage.cli.numbered import Pairs, Sizes, numbered_disks, size_of
from osdimage.cli.render import Reporter
from osdimage.imaging.deploy.execute import execute_set
from osdimage.imaging.deploy.plan import ApplyToVolume
from osdimage.imaging.deploy.set_document import images_of_set, set_from_json
from osdimage.imaging.deploy.sets import SetPlan, TargetFacts, plan_set
from osdimage.imaging.disk.plan import check_target
from osdimage.imaging.disk.several import lock_order
from osdimage.imaging.documents import read_document
from osdimage.imaging.progress import Phase, ProgressCallback, finish
from osdimage.imaging.wim.captured_disks import require_numbers

if TYPE_CHECKING:
    from osdimage.imaging.deploy.job import DeployOptions, DeployResult
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.plan import DiskIdentity
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.units import Geometry
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.piped.streams import Passed


@dataclass(frozen=True, slots=True)
class MachineWish:
    """What the options say of the disks, and where a plan comes from.

    Attributes:
        disks: by their numbers.
        wish: what the options say of the plan.
    """

    disks: dict[int, DiskWish]
    wish: DeployWish

    @property
    def paths(self) -> dict[int, Path]:
        """The paths of the disks, by their numbers."""
        return {number: each.path for number, each in self.disks.items()}


def machine_wish(
    disks: Pairs,
    wish: DeployWish,
    disk_format: str | None,
    *,
    sizes: Sizes,
    opening: Opening,
    serials: Sequence[str],
    expected: Sizes,
    backup: Path | None,
) -> MachineWish:
    """Return what the options say of the disks of a machine.

    Raises:
        click.UsageError: when something is given that is of one disk, or belongs to no disk that is given.
    """
    wish.refuse_for_machine()
    if backup is not None:
        raise click.UsageError("--backup FILE is the table of one disk; it does not go with --disk")
    paths = numbered_disks(disks, sizes, may_be_missing=wish.plan_file is not None)
    wanted = _serials(serials, paths)
    for number, _ in expected:
        if number is not None and number not in paths:
            raise click.UsageError(f"--expect-size {number}=SIZE: there is no such --disk")
    made = {}
    for number, path in sorted(paths.items()):
        form, size = suffix.disk_format(path, disk_format), size_of(sizes, number)
        if form != "raw" and size is None and wish.plan_file is None and (disk_format or not path.exists()):
            raise click.UsageError(f"{path}: a {form} disk is made anew; give its --size")
        made[number] = DiskWish(path, form, size, opening, wanted.get(number), size_of(expected, number), number + 1)
    return MachineWish(made, wish)


def _serials(given: Sequence[str], paths: Mapping[int, Path]) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in given:
        number, equals, text = each.partition("=")
        if not (equals and text and number.isascii() and number.isdigit() and int(number) in paths):
            numbers = ", ".join(map(str, sorted(paths)))
            raise click.UsageError(f"--expect-serial {each}: valid with --disk is N=TEXT, where N is one of {numbers}")
        if int(number) in found:
            raise click.UsageError(f"--expect-serial {each}: that of disk {int(number)} is given twice")
        found[int(number)] = text
    return found


class _Planner:
    """Makes the plan for the disks of a machine, or has it."""

    def __init__(self, wim: WimFile, wanted: MachineWish) -> None:
        """Read a saved plan; find out whether the disks are those of the WIM.

        Raises:
            InvalidRequest: when they are not.
            OsdImageError: when the plan or the WIM cannot be used.
        """
        self.wim = wim
        self.wish = wanted.wish
        self._saved: SetPlan | None = None
        self.images: tuple[WimImage, ...] = tuple(wim.images)
        self._sectors: dict[int, int | None] = {}
        if self.wish.plan_file is None:
            by_disk = require_numbers(wim, list(wanted.disks))
            self._sectors = {number: captured_sectors(images[0]) for number, images in by_disk.items()}
            return
        self._saved = set_from_json(read_document(self.wish.plan_file), source=str(self.wish.plan_file))
        self.images = images_of_set(self._saved, wim)
        if set(self._saved.plans) != set(wanted.disks):
            numbers = ", ".join(map(str, self._saved.plans))
            raise click.UsageError(f"{self.wish.plan_file} is for the disks {numbers}; valid is --disk N=DISK for each")

    def completed(self, wanted: MachineWish) -> MachineWish:
        """Return the wish with what the plan, or the WIM, knows of images that are to be made."""
        disks = {number: self._completed(number, each) for number, each in wanted.disks.items()}
        return replace(wanted, disks=disks)

    def _completed(self, number: int, wish: DiskWish) -> DiskWish:
        size, sector_size = wish.size, wish.opening.sector_size
        if self._saved is not None:
            plan = self._saved.plans[number]
            if size is None and plan.disk.disk is None and not wish.path.exists():
                size = plan.table.geometry.size_bytes
            sector_size = sector_size or plan.table.geometry.sector_size
        elif sector_size is None and not wish.path.exists():
            sector_size = self._sectors[number]
        return replace(wish, size=size, opening=replace(wish.opening, sector_size=sector_size))

    def plan(self, facts: Mapping[int, tuple[Geometry, DiskIdentity | None]]) -> SetPlan:
        """Return the plan for disks, of which geometry and identity are given by their numbers."""
        if self._saved is not None:
            return self._saved
        targets = {
            number: TargetFacts(geometry, disk_params.random_bits(seed_of(self.wish.seed, number + 1)), identity)
            for number, (geometry, identity) in facts.items()
        }
        return plan_set(self.wim, targets, boot=self.wish.boot)

    def refuse_others(self, disks: Mapping[int, Disk]) -> None:
        """Refuse disks that are not those that a saved plan was made for.

        Raises:
            TargetRefused: naming one.
        """
        for number, plan in () if self._saved is None else self._saved.plans.items():
            check_target(plan.disk, disks[number].target, disks[number].read(), is_saved=True)


def rehearse(wanted: MachineWish, wim: WimFile, reporter: Reporter) -> None:
    """Show the plan; nothing is made or written."""
    planner = _Planner(wim, wanted)
    wanted = planner.completed(wanted)
    with ExitStack() as stack:
        looked = {number: stack.enter_context(wanted.disks[number].looked_at()) for number in _lock_order(wanted.paths)}
        plan = planner.plan({number: (each.geometry, each.identity) for number, each in looked.items()})
        for number, each in looked.items():
            each.check(plan.plans[number])
    view.show_set_plan(wanted.paths, plan, reporter)


def deploy(
    wanted: MachineWish,
    wim: WimFile,
    options: DeployOptions,
    saving: TableSaving,
    reporter: Reporter,
    progress: ProgressCallback | None,
    *,
    yes: bool,
    passed: Passed | None,
) -> None:
    """Deploy to all disks of a machine, or, when one of them is refused, to none."""
    began = time.monotonic()
    planner = _Planner(wim, wanted)
    wanted = planner.completed(wanted)
    with _opened(wanted, replace=yes) as disks:
        for number, disk in disks.items():
            wanted.disks[number].check(disk)
        plan = planner.plan({number: (disk.geometry, None) for number, disk in disks.items()})
        planner.refuse_others(disks)
        for text in plan.warnings:
            reporter.warn(text)
        if not yes:
            _ask(disks, plan, reporter)
        now = disk_params.made_at(planner.wish.seed)
        results = execute_set(
            plan,
            disks,
            planner.images,
            now=now,
            saving=saving,
            options=options,
            progress=progress,
        )
        finish(progress, Phase.WRITE_DATA)
        for disk in () if reporter.as_json or reporter.quiet else disks.values():
            view.picture(disk)
    seconds = time.monotonic() - began
    if reporter.as_json:
        members = [{"number": number, "result": each} for number, each in results.items()]
        render.document(standard.with_stream({"disks": members}, passed), kind="deploy-set")
    elif not reporter.quiet:
        for text in (*_lines(results, plan, planner, reporter, seconds), *standard.line(passed, "received:")):
            render.line(text)


def _lines(
    results: Mapping[int, DeployResult], plan: SetPlan, planner: _Planner, reporter: Reporter, seconds: float
) -> Iterator[str]:
    by_index = {each.index: each for each in planner.images}
    for number, each in results.items():
        first = next(step.image for step in plan.plans[number].steps if isinstance(step, ApplyToVolume))
        yield from view.lines(each, by_index[first], reporter, seconds)


def _ask(disks: Mapping[int, Disk], plan: SetPlan, reporter: Reporter) -> None:
    """Show the plan of each disk that is there and what would be lost, and ask once."""
    old = {number: disk for number, disk in disks.items() if not disk.is_new}
    if not old:
        return
    names = ", ".join(disk.name for disk in old.values())
    reporter.refuse_unattended(f"{names} would be overwritten")
    for number, disk in old.items():
        view.show_loss(disk, plan.plans[number], reporter)
    click.confirm(f"Carry it out on {len(disks)} disks?", abort=True, err=True)


def _lock_order(paths: Mapping[int, Path]) -> list[int]:
    numbers = list(paths)
    return [numbers[place] for place in lock_order([paths[number] for number in numbers])]


@contextmanager
def _opened(wanted: MachineWish, *, replace: bool) -> Iterator[dict[int, Disk]]:
    """Open all disks, or make them; what an exception tells of one stays told when others are closed."""
    with ExitStack() as stack:
        found = {}
        for number in _lock_order(wanted.paths):
            disk = wanted.disks[number].opened(replace=replace)
            found[number] = disk.__enter__()
            stack.push(_closing(disk))
        yield dict(sorted(found.items()))


def _closing(disk: AbstractContextManager[Disk]) -> Callable[..., bool]:
    """Return what closes a disk at the end of a block.

    One of another format than raw replaces what the exception tells by what becomes of it.
    """

    def close(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        notes = [*getattr(error, "__notes__", ())]
        try:
            return bool(disk.__exit__(kind, error, trace))
        finally:
            if error is not None:
                error.__notes__ = [*notes, *(each for each in getattr(error, "__notes__", ()) if each not in notes)]

    return close
