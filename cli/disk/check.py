"""``osdimage disk check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.read import DiskReading


@click.command("check")
@click.argument("disk", type=disk_params.DISK)
@disk_params.sector_size
@click.option("--repair", is_flag=True, help="Write both copies of a GPT again from the one that is good.")
@click.option(
    "--backup", "backup_to", type=params.ANY_PATH, metavar="FILE", help="With --repair: save the old table here."
)
@disk_params.yes
@params.output(events=False)
def check_command(
    disk: Path, sector_size: int | None, repair: bool, backup_to: Path | None, yes: bool, reporter: Reporter
) -> int:
    """Look for faults of the partition table of DISK, and say what to do about each.

    Volumes that are marked dirty, in use or not finished are told too.  Leaves with 3 when there is an error, or no
    partition table at all; with 0 for mere warnings and notes.  --repair keeps every partition where it is; it asks
    first, unless --yes is given, and changes nothing where nothing is wrong.
    """
    from osdimage.imaging.disk.check import check_disk  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.init import repaired, rewrite  # noqa: PLC0415
    from osdimage.imaging.volume.hazards import volume_findings  # noqa: PLC0415

    if not repair and (backup_to is not None or yes):
        raise click.UsageError("--backup and --yes go with --repair")
    saved = None
    with open_target(str(disk), write=repair, sector_size=sector_size) as target:
        reading = check_disk(target)
        if repair:
            table = repaired(reading)
        if repair and (table != reading.table or any(each.severity != "note" for each in reading.findings)):
            _ask(disk, reading, yes, reporter)
            report = rewrite(target, table, now=disk_params.now(), save_to=backup_to)
            saved = report.saved
            for text in report.warnings:
                reporter.warn(text)
            reading = check_disk(target)
        if reading.table is not None:
            found = (*reading.findings, *volume_findings(target, reading.table))
            reading = replace(reading, findings=found)
    worst = [finding for finding in reading.findings if finding.severity == "error"]
    if reporter.as_json:
        scheme = None if reading.table is None else reading.table.scheme
        render.document({"disk": disk, "scheme": scheme, "findings": reading.findings, "saved": saved})
    else:
        if saved is not None and not reporter.quiet:
            render.line(f"{disk}: the GPT was written again; the old table is saved in {saved}")
        elif repair and not reporter.quiet:
            render.line(f"{disk}: both copies of the GPT are whole: nothing was changed")
        _show(disk, reading, reporter)
    return INVALID_INPUT if worst or reading.table is None else 0


def _ask(disk: Path, reading: DiskReading, yes: bool, reporter: Reporter) -> None:
    if yes:
        return
    reporter.refuse_unattended(f"{disk} would be changed")
    _show(disk, reading, reporter)
    click.confirm("Write both copies of the GPT again?", abort=True, err=True)


def _show(disk: Path, reading: DiskReading, reporter: Reporter) -> None:
    render.findings(reading.findings, quiet=reporter.quiet)
    if not reading.findings and not reporter.quiet:
        render.line(f"{disk}: no faults found")
