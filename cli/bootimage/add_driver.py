"""``osdimage bootimage add-driver``."""

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
    from osdimage.imaging.wim.select import ImageSelector


@click.command("add-driver")
@click.argument("wim", type=values.WIM)
@params.selector
@boot_params.drivers
@params.references
@boot_params.rebuild
@params.threads
@params.dry_run
@params.output(more="each file and value")
def add_driver_command(
    wim: Path,
    selector: ImageSelector,
    given: boot_params.DriversGiven,
    refs: tuple[str, ...],
    rebuild: bool,
    threads: int,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    r"""Add drivers to a boot image of WIM: all that are for it, of storage and network, or nothing.

    Without a choice it is the image that WIM starts.  A Windows PE loads them when it starts (drvload, before wpeinit);
    a Windows Setup finds them in \$WinPEDriver$, and puts them into the Windows that it installs, too.

    PATH is a folder, an INF, a ZIP, CAB or 7z archive, or a disc such as virtio-win.iso; 'DISC.iso!FOLDER' is a folder
    of one.  An INF that is named by itself is taken whatever its class.
    """
    from osdimage.cli.registry.params import now  # noqa: PLC0415
    from osdimage.imaging.media.bootimage.change import change_boot_image  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.bootimage.wishes import plan_boot_image  # noqa: PLC0415
    from osdimage.imaging.service.update import UpdateOptions  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    if not given.paths:
        raise click.UsageError("say which drivers, with --driver PATH")
    leave_memory()
    with given.opened() as drivers:
        change = change_boot_image(
            wim,
            selector,
            partial(plan_boot_image, drivers=drivers),
            UpdateOptions(rebuild=rebuild, threads=threads, dry_run=dry_run),
            refs=refs,
            now=now(),
            progress=reporter.callback,
        )
    view.report(change, reporter, dry_run=dry_run)
