"""``osdimage bootimage files``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.bootimage import params as boot_params
from osdimage.cli.bootimage import view
from osdimage.cli.pairs import source_and_path
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("files")
@click.argument("wim", type=values.WIM)
@click.option("--to", "folder", type=values.ANY_PATH, metavar="DIR", required=True, help="Where the files are written.")
@params.selector
@boot_params.drivers
@click.option("--startnet", type=values.EXISTING, metavar="FILE", help="The script that is run at the start.")
@click.option(
    "--winpeshl", type=values.EXISTING, metavar="FILE", help="The winpeshl.ini, which says what is started instead."
)
@click.option(
    "--add-file",
    "added",
    multiple=True,
    metavar="SRC=NAME",
    help=r"Give a file, which appears in \Windows\System32.  Repeatable.",
)
@params.references
@params.dry_run
@params.output(events=False)
def files_command(
    wim: Path,
    folder: Path,
    selector: ImageSelector,
    given: boot_params.DriversGiven,
    startnet: Path | None,
    winpeshl: Path | None,
    added: tuple[str, ...],
    refs: tuple[str, ...],
    dry_run: bool,
    reporter: Reporter,
) -> None:
    r"""Write the files with which wimboot starts a boot image of WIM with drivers and scripts; WIM stays as it is.

    iPXE loads them beside the WIM, and wimboot lets them appear in \Windows\System32: winpeshl.ini, which loads the
    drivers and starts what is to be started, osdimage-drivers.cmd, the drivers, and boot.ipxe with the lines for iPXE.
    Files of these names in DIR are replaced.
    """
    from osdimage.imaging.media.bootimage.netboot import (  # noqa: PLC0415
        IPXE,
        NetWish,
        plan_net_files,
        refuse_places,
        write_net_files,
    )
    from osdimage.imaging.media.bootimage.settings import AddedFile  # noqa: PLC0415 - start-up stays cheap

    if not (given.paths or startnet or winpeshl or added):
        raise click.UsageError("say what is given, with --driver, --startnet, --winpeshl or --add-file")
    files = tuple(AddedFile(*source_and_path("--add-file", each, instead="rename one of them")) for each in added)
    with given.opened() as drivers, open_wim(wim, reporter, check=False, refs=refs) as (opened, _):
        plan = plan_net_files(opened, selector, NetWish(startnet, winpeshl, files), drivers)
        if dry_run:
            refuse_places(plan, folder)
        else:
            write_net_files(plan, folder)
    for text in plan.warnings:
        reporter.warn(text)
    facts = {
        "path": wim,
        "image": {"index": plan.index, "name": plan.name, "kind": plan.kind},
        "directory": folder,
        "files": [{"name": each.name, "size": each.size} for each in plan.files],
        "ipxe": plan.ipxe,
        "drivers": plan.drivers,
        "left_out": [{"source": source, "why": why} for source, why in plan.left_out],
        "dry_run": dry_run,
        "warnings": plan.warnings,
    }
    size = format_size(sum(each.size for each in plan.files))
    would = "would write" if dry_run else "wrote"
    head = f"{folder}: {would} {counted(len(plan.files), 'file')} ({size}) and {IPXE}"
    lines = [f"  driver: {view.driver_text(each)}" for each in plan.drivers]
    lines += [f"  {each.name}: {format_size(each.size)}" for each in plan.files] if reporter.verbose or dry_run else []
    (reporter.answer if dry_run else reporter.result)(render.to_plain(facts), head, *lines)
