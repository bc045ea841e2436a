"""``osdimage disk restore``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.backup import TableBackup, TableSaving
    from osdimage.imaging.disk.target import DiskTarget


@click.command("restore")
@click.argument("disk", type=disk_params.DISK)
@click.argument("file", type=values.EXISTING)
@disk_params.opening_as_saved
@overlay("disk")
@params.add(*disk_params.expectations)
@disk_params.saving
@disk_params.yes
@params.output(events=False)
def restore_command(
    disk: Path,
    file: Path,
    opening: Opening,
    expect_serial: str | None,
    expect_size: int | None,
    saving: TableSaving,
    yes: bool,
    reporter: Reporter,
) -> None:
    """Put the partition table that was saved in FILE back on DISK.

    THE TABLE THAT IS ON THE DISK IS LOST, but saved first like any other.  You are asked, unless --yes is given.
    """
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import check_expected, open_target  # noqa: PLC0415
    from osdimage.imaging.disk.held import volumes  # noqa: PLC0415
    from osdimage.imaging.disk.init import restore  # noqa: PLC0415
    from osdimage.imaging.disk.tables.backup import load_backup  # noqa: PLC0415
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415

    backup = load_backup(file)
    with open_target(
        str(disk), write=True, opening=replace(opening, sector_size=backup.geometry.sector_size)
    ) as target:
        check_expected(target, serial=expect_serial, size_bytes=expect_size)
        if not yes:
            _ask(target, backup, reporter)
        report = restore(target, backup, now=disk_params.now(), save_to=saving.path, save=saving.is_wanted)
        table = read_table(target).table
        held = {} if table is None else {each.number: volume for each, volume in volumes(target, table)}
    for text in report.warnings:
        reporter.warn(text)
    if reporter.as_json:
        render.document(
            {"disk": disk, "file": file, "scheme": backup.scheme, "pieces": len(backup.pieces), "saved": report.saved}
        )
    elif not reporter.quiet:
        if table is not None:
            disk_render.show_disk(str(disk), table, held)
        are = "is" if len(backup.pieces) == 1 else "are"
        render.line(f"{disk}: {counted(len(backup.pieces), 'piece')} of {file} {are} back on the disk and verified")
        if report.saved is not None:
            render.line(f"what they replaced is saved in {report.saved}")


def _ask(target: DiskTarget, backup: TableBackup, reporter: Reporter) -> None:
    from osdimage.imaging.disk.init import losses  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415

    reporter.refuse_unattended(f"{target.name} would be changed")
    render.line(f"saved on {backup.created:%Y-%m-%d %H:%M:%S} UTC from {backup.disk}: {backup.scheme or 'no table'}")
    for text in losses(target, read_table(target)):
        render.line(f"will be lost: {text}")
    click.confirm(f"Put it back on {target.name}?", abort=True, err=True)
