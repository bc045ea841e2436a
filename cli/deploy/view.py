"""What ``osdimage deploy`` shows: the plan, the disk, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import render
from osdimage.cli.boot import install as boot_install
from osdimage.cli.disk import render as disk_render
from osdimage.cli.render import Reporter, compacted_lines, contents, engine_lines
from osdimage.imaging.deploy.document import plan_to_document
from osdimage.imaging.disk.held import volumes
from osdimage.imaging.units import format_size

if TYPE_CHECKING:
    from osdimage.imaging.deploy.job import DeployResult
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.deploy.sets import SetPlan
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.wim.image import WimImage


def show_plan(disk: Path, plan: DeployPlan, reporter: Reporter) -> None:
    """Show a plan: the table, and what is done step by step; for programs, the document that --plan takes."""
    if reporter.as_json:
        for text in plan.warnings:
            reporter.warn(text)
        render.document(plan_to_document(plan), kind="deploy-plan")
        return
    _show_steps(f"plan for {disk}", plan)
    for text in plan.warnings:
        reporter.warn(text)


def show_set_plan(disks: Mapping[int, Path], plan: SetPlan, reporter: Reporter) -> None:
    """Show the plan of the disks of a machine, one after the other; for programs, the document that --plan takes."""
    from osdimage.imaging.deploy.set_document import to_set_document  # noqa: PLC0415 - start-up stays cheap

    if reporter.as_json:
        render.document(to_set_document(plan), kind="deploy-set-plan")
    else:
        for number, each in plan.plans.items():
            _show_steps(f"plan for disk {number}, {disks[number]}", each)
    for text in plan.warnings:
        reporter.warn(text)


def _show_steps(title: str, plan: DeployPlan) -> None:
    disk_render.show_disk(title, plan.table, {})
    for number, text in enumerate(plan.describe(), 1):
        render.line(f"{number}. {text}")


def ask(disk: Disk, plan: DeployPlan, reporter: Reporter) -> None:
    """Show a plan and what would be lost, and ask.

    Raises:
        click.UsageError: when nobody is there to be asked.
        click.Abort: when the answer is no.
    """
    reporter.refuse_unattended(f"{disk.name} would be overwritten")
    show_loss(disk, plan, reporter)
    click.confirm("Carry it out?", abort=True, err=True)


def show_loss(disk: Disk, plan: DeployPlan, reporter: Reporter) -> None:
    """Show a plan and what would be lost."""
    show_plan(disk.path, plan, reporter)
    disk_render.show_losses(disk.target)


def picture(disk: Disk) -> None:
    """Show the disk as it is now."""
    table = disk.table
    held = {partition.number: volume for partition, volume in volumes(disk.target, table)}
    disk_render.show_disk(disk.name, table, held)


def lines(result: DeployResult, image: WimImage, reporter: Reporter, seconds: float) -> list[str]:
    """Say what was done."""
    applied = result.applied
    more = [
        f"  partition {each.partition}: {contents(each.files, each.directories)}, {format_size(each.size)}"
        for each in result.more
    ]
    more += [
        f"  partition {each.partition}: {format_size(each.size)} byte for byte, from image {each.image} {each.name!r}"
        for each in result.copied
    ]
    more += [
        f"  partition {each.partition}: {text}" for each in (applied, *result.more) for text in compacted_lines(each)
    ]
    if reporter.verbose:
        more += [
            f"  partition {each.partition}: {text}" for each in (applied, *result.more) for text in engine_lines(each)
        ]
    drivers = [] if result.drivers is None else [f"  {result.drivers.describe()}"]
    starts = [] if result.boot is None else boot_install.lines(result.boot, where=str(result.disk))
    saved = [] if result.saved is None else [f"the old partition table is saved in {result.saved}"]
    said = (
        f"{result.disk}: partition {applied.partition} holds {contents(applied.files, applied.directories)}, "
        f"{format_size(applied.size)}, from image {image.index} {image.name!r} ({seconds:.1f} s)"
    )
    return [said, *more, *drivers, *result.replayed, *starts, *saved]
