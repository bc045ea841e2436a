"""``osdimage disk init``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, suffix, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.disk.params import LayoutSource
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.plan import DiskPlan
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.disk.target import DiskTarget
    from osdimage.imaging.units import Geometry


@click.command("init")
@click.argument("disk", type=disk_params.NEW_DISK)
@disk_params.layout
@click.option("--plan", "plan_file", type=values.EXISTING, metavar="FILE", help="Carry out exactly a saved plan.")
@click.option("--size", type=values.DISK_SIZE, metavar="SIZE", help="Create DISK as a sparse image of this size.")
@disk_params.opening_to_write
@overlay("disk")
@disk_params.seed
@params.add(*disk_params.expectations)
@disk_params.saving
@disk_params.yes
@params.output(events=False, more="the old marks that were cleared")
def init_command(
    disk: Path,
    source: LayoutSource,
    plan_file: Path | None,
    size: int | None,
    opening: Opening,
    seed: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    saving: TableSaving,
    yes: bool,
    reporter: Reporter,
) -> None:
    """Write a new partition table to DISK, a disk image or a device.

    ALL PARTITIONS THAT ARE ON IT ARE LOST.  The plan and what will be lost are shown first, and you are asked, unless
    --yes is given or DISK is a new image.  The old table is saved in a file; `osdimage disk restore` puts it back.
    """
    from osdimage.imaging.disk import plan as plans  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
    from osdimage.imaging.disk.init import initialize  # noqa: PLC0415
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415

    if source.is_given and plan_file is not None:
        raise click.UsageError("--plan is complete; it does not go with --preset, --vars and --var")
    saved = None if plan_file is None else _load(plan_file)
    is_new = not disk.exists()
    with _target(disk, saved, size=size, opening=opening) as target:
        check_expected(target, serial=expect_serial, size_bytes=expect_size)
        reading = read_table(target)
        plan = _make(source, target.geometry, seed) if saved is None else saved
        plans.check_target(plan, target, reading, is_saved=saved is not None)
        if not is_new and not yes:
            _ask(target, plan, reporter)
        report = initialize(target, plan.table, now=disk_params.now(), save_to=saving.path, save=saving.is_wanted)
    for text in (*plan.advice, *report.warnings):
        reporter.warn(text)
    if reporter.as_json:
        render.document(
            {
                "disk": disk,
                "plan": plans.to_document(plan),
                "saved": report.saved,
                "wiped": report.wiped,
                "warnings": report.warnings,
            }
        )
    elif not reporter.quiet:
        _tell(disk, plan, is_new or yes)
        for text in report.wiped if reporter.verbose else ():
            render.line(f"cleared: {text}")
        if report.saved is not None:
            render.line(f"the old table is saved; to put it back: osdimage disk restore {disk} {report.saved}")


def _load(path: Path) -> DiskPlan:
    from osdimage.imaging.disk import plan as plans  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.documents import read_document  # noqa: PLC0415

    return plans.from_json(read_document(path), source=str(path))


def _make(source: LayoutSource, geometry: Geometry, seed: str | None) -> DiskPlan:
    from osdimage.imaging.disk.layouts.place import advice, place  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.plan import DiskPlan  # noqa: PLC0415

    layout = source.load("--plan")
    table = place(layout, geometry, disk_params.random_bits(seed))
    return DiskPlan(table, None, advice(layout, geometry))


@contextmanager
def _target(disk: Path, saved: DiskPlan | None, *, size: int | None, opening: Opening) -> Iterator[DiskTarget]:
    """Open the disk, or create the image; what was created is removed when the work fails."""
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.image import create_image  # noqa: PLC0415
    from osdimage.imaging.errors import TargetRefused  # noqa: PLC0415

    if disk.exists():
        with open_target(str(disk), write=True, opening=opening) as target:
            if size is not None and target.geometry.size_bytes != size:
                valid = "valid is the size that it has, or none"
                raise TargetRefused(f"{disk} exists and has {target.geometry.size_bytes} bytes, not {size}; {valid}")
            yield target
        return
    sector_size = opening.sector_size
    if saved is not None and saved.disk is None:
        geometry = saved.table.geometry
        size = geometry.size_bytes if size is None else size
        sector_size = geometry.sector_size if sector_size is None else sector_size
    suffix.refuse_other_than_raw(disk)
    if size is None:
        raise click.UsageError(f"{disk} does not exist; give --size to create an image")
    created = create_image(str(disk), size, sector_size=sector_size or 512)
    try:
        with created as target:
            yield target
    except BaseException:
        disk.unlink()
        raise


def _ask(target: DiskTarget, plan: DiskPlan, reporter: Reporter) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    reporter.refuse_unattended(f"{target.name} would be overwritten")
    disk_render.show_disk(f"plan for {target.name}", plan.table, {})
    disk_render.show_losses(target)
    click.confirm("Write this table?", abort=True, err=True)


def _tell(disk: Path, plan: DiskPlan, show: bool) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    if show:
        disk_render.show_disk(str(disk), plan.table, {})
    count = len(plan.table.partitions)
    render.line(f"{disk}: {counted(count, 'partition')} written and verified; none is formatted")
