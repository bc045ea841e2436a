"""``osdimage disk plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.params import LayoutSource
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening


@click.command("plan")
@click.argument("disk", type=disk_params.DISK, required=False)
@disk_params.layout
@click.option("--size", type=values.DISK_SIZE, metavar="SIZE", help="Plan for a disk of this size instead of DISK.")
@disk_params.opening
@disk_params.seed
@params.output(events=False)
def plan_command(
    disk: Path | None,
    source: LayoutSource,
    size: int | None,
    opening: Opening,
    seed: str | None,
    reporter: Reporter,
) -> None:
    """Show the exact table that a layout gives on DISK or on a disk of --size.

    Nothing is written.  With --json it is a plan that `osdimage disk init --plan` carries out to the letter: GUIDs
    included, and refused when DISK is no longer as it was.
    """
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk import plan as plans  # noqa: PLC0415
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.layouts.place import advice, place  # noqa: PLC0415
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415
    from osdimage.imaging.units import Geometry  # noqa: PLC0415

    if (disk is None) == (size is None):
        raise click.UsageError("plan for a DISK, or for a disk of --size; one of the two is needed")
    layout, rng = source.load(), disk_params.random_bits(seed)
    identity = None
    if disk is not None:
        with open_target(str(disk), opening=opening) as target:
            geometry = target.geometry
            identity = plans.identify_disk(target, read_table(target))
    else:
        geometry = Geometry.of_size(size or 0, opening.sector_size or 512)
    table = place(layout, geometry, rng)
    plan = plans.DiskPlan(table, identity, advice(layout, geometry))
    for text in plan.advice:
        reporter.warn(text)
    if reporter.as_json:
        render.document(plans.to_document(plan))
        return
    disk_render.show_disk(str(disk or "plan"), table, {})
