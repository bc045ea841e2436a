"""``osdimage deploy``."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, suffix
from osdimage.cli.deploy import wish as deploy_wish
from osdimage.cli.deploy.wish import DeployWish, Planner
from osdimage.cli.disk import params as disk_params
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim
from osdimage.imaging.progress import Phase, finish

if TYPE_CHECKING:
    from osdimage.imaging.disk.backup import TableSaving
    from osdimage.imaging.disk.opened import Disk


@click.command("deploy")
@click.argument("wim", type=params.EXISTING)
@click.argument("disk", type=disk_params.NEW_DISK)
@deploy_wish.options
@click.option("--size", type=params.DISK_SIZE, metavar="SIZE", help="Create DISK as a sparse image of this size.")
@disk_params.sector_size
@params.references
@params.check
@click.option(
    "--format",
    "disk_format",
    type=click.Choice(["raw", "qcow2", "vhdx", "vhd"]),
    help="Of a disk image; all but raw need qemu-img, and --size.  Default: as the name of DISK ends, else raw.",
)
@params.add(*disk_params.expectations)
@disk_params.saving
@params.engine
@click.option("--dry-run", "-n", is_flag=True, help="Show the plan and change nothing.")
@click.option("--no-sync", is_flag=True, help="Do not wait until everything is on the medium.")
@click.option("--strict", is_flag=True, help="Fail when something of the image could not be kept.")
@disk_params.yes
@params.output(more="what filled each volume")
def deploy_command(
    wim: Path,
    disk: Path,
    wish: DeployWish,
    size: int | None,
    sector_size: int | None,
    refs: tuple[str, ...],
    check: bool,
    disk_format: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    saving: TableSaving,
    engine: str,
    dry_run: bool,
    no_sync: bool,
    strict: bool,
    yes: bool,
    reporter: Reporter,
) -> None:
    """Turn a WIM into a disk: write the partition table, format the volumes, apply an image, make it start.

    DISK is a disk image, which --size creates, or a device.  EVERYTHING THAT IS ON IT IS LOST.  An image needs no root,
    no loop device and no mount.  The plan is shown first, and you are asked, unless --yes is given or DISK is new.

    With --dry-run --json the plan is a document, which --plan carries out to the letter: GUIDs included, and refused
    when DISK is no longer as it was.
    """
    from osdimage.cli.deploy import view  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.apply.engine import Engine  # noqa: PLC0415
    from osdimage.imaging.deploy.execute import DeployOptions, execute  # noqa: PLC0415
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415

    disk_format = suffix.disk_format(disk, disk_format)
    if disk_format != "raw" and size is None and wish.plan_file is None:
        raise click.UsageError(f"{disk}: a {disk_format} disk is made anew; give its --size")
    _refuse_input(disk, (wim, *wish.files), refs)
    began = time.monotonic()
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        planner = wish.planner(opened)
        if planner.saved is not None and planner.saved.unattend is not None:
            _refuse_input(disk, (Path(planner.saved.unattend),), ())
        size, sector_size = planner.size(disk, size), planner.sector_size(disk, sector_size)
        if dry_run:
            _rehearse(disk, disk_format, size, sector_size, planner, (expect_serial, expect_size), reporter)
            return
        with _opened(disk, disk_format, size=size, sector_size=sector_size, replace=yes) as target:
            check_expected(target.target, serial=expect_serial, size_bytes=expect_size)
            plan = planner.plan(target.geometry)
            for text in plan.warnings:
                reporter.warn(text)
            if not target.is_new and not yes:
                view.ask(target, plan, reporter)
            result = execute(
                plan,
                target,
                planner.images[0],
                others=planner.images[1:],
                now=disk_params.now(),
                saving=saving,
                options=DeployOptions(sync=not no_sync, strict=strict, engine=Engine(engine)),
                progress=progress,
            )
            finish(progress, Phase.WRITE_DATA)
            if not (reporter.as_json or reporter.quiet):
                view.picture(target)
    view.report(result, planner.images[0], reporter, time.monotonic() - began)


def _refuse_input(disk: Path, inputs: Iterable[Path | None], patterns: Iterable[str]) -> None:
    """Refuse a disk that is a file which is read, by whatever name: it would be lost with the first byte."""
    from osdimage.imaging.disk.device import backing_file  # noqa: PLC0415 - start-up stays cheap

    written = backing_file(disk) or disk
    if not written.exists():
        return
    matching = (Path(name) for pattern in patterns for name in glob.glob(pattern))  # noqa: PTH207 - absolute ones too
    for each in (*inputs, *matching):
        if each is not None and each.exists() and each.samefile(written):
            raise click.UsageError(f"{disk} is read by this command; valid is another path for the disk")


def _opened(
    disk: Path, disk_format: str, *, size: int | None, sector_size: int | None, replace: bool
) -> AbstractContextManager[Disk]:
    """Open the disk, or create the image; one that is to have another format than raw becomes the disk in the end."""
    from osdimage.imaging.deploy.convert import DiskFormat, raw_beside  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415

    form = DiskFormat(disk_format)
    if form is not DiskFormat.RAW and size is not None:
        return raw_beside(disk, form, size, sector_size=sector_size or 512, replace=replace)
    if size is None and not disk.exists():
        raise click.UsageError(f"{disk} does not exist; give --size to create an image")
    return open_disk(disk, write=True, create=size, sector_size=sector_size)


def _rehearse(
    disk: Path,
    disk_format: str,
    size: int | None,
    sector_size: int | None,
    planner: Planner,
    expected: tuple[str | None, int | None],
    reporter: Reporter,
) -> None:
    """Show the plan; refuse what would be refused without --dry-run."""
    from osdimage.cli.deploy import view  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.deploy.execute import refuse_untold_sectors  # noqa: PLC0415
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415
    from osdimage.imaging.disk.plan import check_target, identify_disk  # noqa: PLC0415
    from osdimage.imaging.units import Geometry  # noqa: PLC0415

    if disk.exists() and disk_format == "raw":
        with open_disk(disk, sector_size=sector_size, require=size) as opened:
            check_expected(opened.target, serial=expected[0], size_bytes=expected[1])
            plan = planner.plan(opened.geometry, identify_disk(opened.target, opened.read()))
            check_target(plan.disk, opened.target, opened.read())
            is_image = not opened.target.is_device
    elif size is None:
        raise click.UsageError(f"{disk} does not exist; give --size to plan for an image")
    else:
        plan, is_image = planner.plan(Geometry.of_size(size, sector_size or 512)), True
    refuse_untold_sectors(plan, str(disk), is_image=is_image)
    view.show_plan(disk, plan, reporter)
