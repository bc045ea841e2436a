"""``osdimage bootimage export``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, suffix, values
from osdimage.cli.bootimage import params as boot_params
from osdimage.cli.bootimage import view
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.media.bootimage.settings import BootSettings
    from osdimage.imaging.wim.select import ImageSelector


@click.command("export")
@click.argument("wim", type=values.WIM)
@click.argument("destination", type=values.NEW_FILE)
@params.selector
@boot_params.settings
@boot_params.drivers
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@params.references
@params.threads
@params.dry_run
@params.output(more="each file and value")
def export_command(
    wim: Path,
    destination: Path,
    selector: ImageSelector,
    wished: BootSettings,
    given: boot_params.DriversGiven,
    overwrite: bool,
    refs: tuple[str, ...],
    threads: int,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Copy a boot image of WIM alone to a new WIM, which starts it, and set in the copy what the options say.

    Without a choice it is the image that WIM starts.  WIM is only read.  The options are those of `bootimage set`
    and `bootimage add-driver`.
    """
    from osdimage.cli.registry.params import now  # noqa: PLC0415
    from osdimage.imaging.media.bootimage.export import export_boot_image  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.bootimage.wishes import plan_boot_image  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    suffix.refuse_split(destination, "a boot image is one file")
    leave_memory()
    with given.opened() as drivers:
        change = export_boot_image(
            wim,
            selector,
            destination,
            partial(plan_boot_image, settings=wished, drivers=drivers),
            overwrite=overwrite,
            threads=threads,
            dry_run=dry_run,
            refs=refs,
            now=now(),
            progress=reporter.callback,
        )
    view.report(change, reporter, dry_run=dry_run)
