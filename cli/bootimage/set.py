"""``osdimage bootimage set``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.bootimage import params as boot_params
from osdimage.cli.bootimage import view
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.media.bootimage.settings import BootSettings
    from osdimage.imaging.wim.select import ImageSelector


@click.command("set")
@click.argument("wim", type=values.WIM)
@params.selector
@boot_params.settings
@params.references
@boot_params.rebuild
@params.threads
@params.dry_run
@params.output(more="each file and value")
def set_command(
    wim: Path,
    selector: ImageSelector,
    wished: BootSettings,
    refs: tuple[str, ...],
    rebuild: bool,
    threads: int,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    r"""Set what a boot image of WIM shows and starts, and add files to it: all of it, or nothing.

    Without a choice it is the image that WIM starts.  The other images stay as they are.  What is as it is wished for
    already is not written again.  DST is a path in the image, separated by / or \ and compared without case.
    """
    from osdimage.cli.registry.params import now  # noqa: PLC0415
    from osdimage.imaging.media.bootimage.change import change_boot_image  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.bootimage.wishes import plan_boot_image  # noqa: PLC0415
    from osdimage.imaging.service.update import UpdateOptions  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    boot_params.require_wish(wished)
    leave_memory()
    change = change_boot_image(
        wim,
        selector,
        partial(plan_boot_image, settings=wished),
        UpdateOptions(rebuild=rebuild, threads=threads, dry_run=dry_run),
        refs=refs,
        now=now(),
        progress=reporter.callback,
    )
    view.report(change, reporter, dry_run=dry_run)
