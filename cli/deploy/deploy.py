"""``osdimage deploy``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import numbered, params, standard, suffix, values
from osdimage.cli import several as several_targets
from osdimage.cli.boot import params as boot_params
from osdimage.cli.boot.params import SystemWish
from osdimage.cli.deploy import wish as deploy_wish
from osdimage.cli.deploy.target import DiskWish, refuse_input
from osdimage.cli.deploy.wish import DeployWish, Planner
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.numbered import Pairs, Sizes
from osdimage.cli.render import Reporter, counted
from osdimage.cli.source import open_wim
from osdimage.cli.standard import Standard
from osdimage.imaging.progress import Phase, ProgressCallback, finish

if TYPE_CHECKING:
    from osdimage.imaging.deploy.job import DeployOptions
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.wim.piped.streams import Passed
    from osdimage.imaging.wof import Algorithm


@click.command("deploy")
@click.argument("wim", type=values.WIM_OR_STREAM)
@click.argument("disk", type=values.NEW_DISK, required=False)
@several_targets.also("DISK")
@numbered.disks_option(
    "In place of DISK, with --layout-from-wim: the disk that becomes disk N of the machine that was captured, with all "
    "its images.  Once for each."
)
@deploy_wish.options
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="[N=]SIZE",
    callback=numbered.sizes,
    help="Create DISK as a sparse image of this size; with --disk, those that do not exist, or disk N alone.",
)
@disk_params.opening_to_write
@disk_params.writing
@overlay("disk")
@params.references
@params.check
@click.option(
    "--format",
    "disk_format",
    type=click.Choice(["raw", "qcow2", "vhdx", "vhd"]),
    help="Of a disk image; all but raw need QEMU's tools, and --size.  Default: as the name of DISK ends, else raw.",
)
@click.option(
    "--expect-serial",
    metavar="TEXT",
    multiple=True,
    help="Refuse a device with another serial number and WWN.  With --also, once for each disk; with --disk, N=TEXT.",
)
@click.option(
    "--expect-size",
    "expect_sizes",
    multiple=True,
    metavar="[N=]SIZE",
    callback=numbered.exact_sizes,
    help="Refuse a disk of another size.",
)
@disk_params.saving
@params.compact
@params.volume_engine
@click.option("--dry-run", "-n", is_flag=True, help="Show the plan and change nothing.")
@click.option("--no-sync", is_flag=True, help="Do not wait until everything is on the medium.")
@click.option(
    "--strict",
    is_flag=True,
    help="Fail when something of the image could not be kept, and refuse when there is no driver for a disk controller "
    "of --drivers-for.",
)
@disk_params.yes
@params.output(more="what filled each volume")
def deploy_command(
    wim: Path | Standard,
    disk: Path | None,
    also: tuple[Path, ...],
    disks: Pairs,
    wish: DeployWish,
    sizes: Sizes,
    opening: Opening,
    refs: tuple[str, ...],
    check: bool,
    disk_format: str | None,
    expect_serial: tuple[str, ...],
    expect_sizes: Sizes,
    saving: TableSaving,
    compact_with: Algorithm | None,
    engine: str,
    dry_run: bool,
    no_sync: bool,
    strict: bool,
    yes: bool,
    reporter: Reporter,
) -> int | None:
    """Turn a WIM into a disk: write the partition table, format the volumes, apply an image, make it start.

    DISK is a disk image, which --size creates, or a device.  EVERYTHING THAT IS ON IT IS LOST.  An image needs no root,
    no loop device and no mount.  The plan is shown first, and you are asked, unless --yes is given or DISK is new.

    With --dry-run --json the plan is a document, which --plan carries out to the letter: GUIDs included, and refused
    when DISK is no longer as it was.

    With - in the place of WIM it is read from stdin, and kept in a file where TMPDIR says until all is done; --yes is
    needed then, as nobody can be asked.

    With --also the image goes to several disks, each with GUIDs, signature and serial numbers of its own: the n-th disk
    of --seed TEXT is the one that --seed 'TEXT#n' makes alone.  A disk that is refused, or fails, stops none of the
    others.  Exit code 0: all are done; 5: some are not; 1: none is.

    With --disk the disks of a machine are made again that were captured together, as --disk 0=a.img --disk 1=b.img: all
    are checked before the first is written, and boot menus and drive letters name the new ones.  The same command again
    ends what was interrupted.
    """
    from osdimage.imaging.apply.engine import Engine  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.deploy.job import DeployOptions  # noqa: PLC0415

    if isinstance(wim, Standard) and not (yes or dry_run):
        raise click.UsageError("the WIM comes from standard input, so that nobody can be asked; give --yes")
    if wish.system is None and opening.discards_journal:
        raise click.UsageError("--discard-journal is for the disk of --system: of DISK all is made anew")
    how = _How(
        DeployOptions(sync=not no_sync, strict=strict, engine=Engine(engine), compact=compact_with),
        saving,
        refs,
        check=check,
        dry_run=dry_run,
        yes=yes,
    )
    if disks:
        if disk is not None or also:
            raise click.UsageError("--disk N=DISK names all disks; it goes with no other DISK, and no --also")
        _deploy_machine(
            wim,
            disks,
            wish,
            disk_format,
            how,
            reporter,
            sizes=sizes,
            opening=opening,
            serials=expect_serial,
            expected=expect_sizes,
        )
        return None
    if disk is None:
        raise click.MissingParameter(param_hint="'DISK'", param_type="argument")
    if wish.system is not None and also:
        raise click.UsageError("--system is about one disk with Windows; it does not go with --also")
    wishes = _wishes(
        (disk, *also),
        wish,
        disk_format,
        size=numbered.one_size(sizes, "--size"),
        opening=opening,
        serials=expect_serial,
        expected=numbered.one_size(expect_sizes, "--expect-size"),
        backup=saving.path,
    )
    return _deploy_image(wim, wishes, wish, how, reporter)


@dataclass(frozen=True, slots=True)
class _How:
    """What the options say of how it is carried out."""

    options: DeployOptions
    saving: TableSaving
    refs: tuple[str, ...]
    check: bool
    dry_run: bool
    yes: bool


def _deploy_machine(
    wim: Path | Standard,
    disks: Pairs,
    wish: DeployWish,
    disk_format: str | None,
    how: _How,
    reporter: Reporter,
    *,
    sizes: Sizes,
    opening: Opening,
    serials: Sequence[str],
    expected: Sizes,
) -> None:
    """Deploy to the disks of a machine."""
    from osdimage.cli.deploy import machine  # noqa: PLC0415 - start-up stays cheap

    wanted = machine.machine_wish(
        disks,
        wish,
        disk_format,
        sizes=sizes,
        opening=opening,
        serials=serials,
        expected=expected,
        backup=how.saving.path,
    )
    _refuse_inputs(wanted.paths.values(), wim, wish, how)
    with (
        standard.source(wim, reporter) as source,
        open_wim(source.path, reporter, check=how.check, refs=how.refs) as (opened, progress),
    ):
        if how.dry_run:
            machine.rehearse(wanted, opened, reporter)
            return
        passed = source.passed
        machine.deploy(wanted, opened, how.options, how.saving, reporter, progress, yes=how.yes, passed=passed)


def _deploy_image(
    wim: Path | Standard, wishes: Sequence[DiskWish], wish: DeployWish, how: _How, reporter: Reporter
) -> int | None:
    """Deploy to one disk, or the same to several."""
    from osdimage.cli.deploy import several  # noqa: PLC0415 - start-up stays cheap

    _refuse_inputs([each.path for each in wishes], wim, wish, how)
    with (
        standard.source(wim, reporter) as source,
        open_wim(source.path, reporter, check=how.check, refs=how.refs) as (opened, progress),
    ):
        planner = wish.planner(opened, strict=how.options.strict)
        for each in wishes:
            if planner.saved is not None and planner.saved.unattend is not None:
                refuse_input(each.path, (Path(planner.saved.unattend),), ())
        wishes = [planner.completed(each) for each in wishes]
        passed = source.passed
        if len(wishes) > 1 and how.dry_run:
            return several.rehearse(wishes, planner, reporter)
        if len(wishes) > 1:
            return several.deploy(
                wishes, planner, how.options, how.saving, reporter, progress, yes=how.yes, passed=passed
            )
        _deploy(wishes[0], planner, how, reporter, progress, passed=passed)
    return None


def _refuse_inputs(disks: Iterable[Path], wim: Path | Standard, wish: DeployWish, how: _How) -> None:
    """Refuse disks of which one is another, or a file that is read."""
    from osdimage.imaging.disk.distinct import refuse_repeated  # noqa: PLC0415 - start-up stays cheap

    paths = list(disks)
    refuse_repeated((*paths, *(() if wish.system is None else (wish.system.disk,))))
    for each in paths:
        refuse_input(each, (None if isinstance(wim, Standard) else wim, *wish.files), how.refs)


def _deploy(
    wish: DiskWish,
    planner: Planner,
    how: _How,
    reporter: Reporter,
    progress: ProgressCallback | None,
    *,
    passed: Passed | None,
) -> None:
    """Deploy to one disk."""
    from osdimage.cli.deploy import view  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.deploy.execute import execute  # noqa: PLC0415

    system = None if planner.wish is None else planner.wish.system
    if how.dry_run:
        with boot_params.opened_system(system, opening=wish.opening) as system_disk:
            view.show_plan(wish.path, wish.rehearsed(replace(planner, system_disk=system_disk)), reporter)
        return
    began = time.monotonic()
    with ExitStack() as stack:
        target, system_disk = _opened(stack, wish, system, is_replaced=how.yes)
        planner = replace(planner, system_disk=system_disk)
        plan = wish.planned(target, planner)
        for text in plan.warnings:
            reporter.warn(text)
        if not target.is_new and not how.yes:
            view.ask(target, plan, reporter)
        result = execute(
            plan,
            target,
            planner.images[0],
            others=planner.images[1:],
            system_disk=system_disk,
            now=planner.now,
            saving=how.saving,
            options=how.options,
            progress=progress,
        )
        finish(progress, Phase.WRITE_DATA)
        if not (reporter.as_json or reporter.quiet):
            view.picture(target)
    lines = view.lines(result, planner.images[0], reporter, time.monotonic() - began)
    reporter.result(standard.with_stream(result, passed), *lines, *standard.line(passed, "received:"))


def _opened(
    stack: ExitStack, wish: DiskWish, system: SystemWish | None, *, is_replaced: bool
) -> tuple[Disk, Disk | None]:
    """Open the disk, and that with the boot manager if it is another one, in the order in which all lock disks."""
    from osdimage.imaging.disk.several import rank_of  # noqa: PLC0415 - start-up stays cheap

    def other() -> Disk | None:
        return stack.enter_context(boot_params.opened_system(system, opening=wish.opening, write=True))

    first = other() if system is not None and rank_of(system.disk) < rank_of(wish.path) else None
    target = stack.enter_context(wish.opened(replace=is_replaced))
    return target, first if first is not None else other()


def _wishes(
    disks: Sequence[Path],
    wish: DeployWish,
    disk_format: str | None,
    *,
    size: int | None,
    opening: Opening,
    serials: Sequence[str],
    expected: int | None,
    backup: Path | None,
) -> list[DiskWish]:
    """Return what the options say of each disk.

    Raises:
        click.UsageError: when a format cannot be, there are not as many serial numbers as disks, or something is given
            that is of one disk.
    """
    if len(disks) > 1 and (wish.plan_file is not None or backup is not None):
        name, what = ("--plan", "the plan") if wish.plan_file is not None else ("--backup", "the table")
        raise click.UsageError(f"{name} FILE is {what} of one disk; it does not go with --also")
    if serials and len(serials) != len(disks):
        raise click.UsageError(
            f"--expect-serial is given {counted(len(serials), 'time')} for {counted(len(disks), 'disk')}; valid is "
            "once for each disk, in their order, or not at all"
        )
    made = []
    for place, disk in enumerate(disks, 1):
        form = suffix.disk_format(disk, disk_format)
        if form != "raw" and size is None and wish.plan_file is None and (disk_format or not disk.exists()):
            raise click.UsageError(f"{disk}: a {form} disk is made anew; give its --size")
        serial = serials[place - 1] if serials else None
        made.append(DiskWish(disk, form, size, opening, serial, expected, place))
    return made
