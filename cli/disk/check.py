"""``osdimage disk check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.read import DiskReading
    from osdimage.imaging.disk.target import DiskTarget
    from osdimage.imaging.disk.volume import OpenVolume


@click.command("check")
@click.argument("disk", type=disk_params.DISK)
@click.option(
    "--partition", type=click.IntRange(min=1), metavar="N", help="Check the volume in this partition, every file of it."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=10_000),
    metavar="N",
    default=10,
    show_default=True,
    help="Of a volume: show so many faults of each kind; all are counted.",
)
@disk_params.opening
@overlay("disk", needs="repair")
@keys
@click.option("--repair", is_flag=True, help="Write both copies of a GPT again from the one that is good.")
@click.option(
    "--backup", "backup_to", type=values.ANY_PATH, metavar="FILE", help="With --repair: save the old table here."
)
@disk_params.yes
@params.output()
def check_command(
    disk: Path,
    partition: int | None,
    limit: int,
    opening: Opening,
    repair: bool,
    backup_to: Path | None,
    yes: bool,
    reporter: Reporter,
) -> int:
    """Look for faults of the partition table of DISK, or of a volume, and say what to do about each.

    Of a disk, the table is checked, and volumes that are marked dirty, in use or not finished are told.  With
    --partition, the NTFS or FAT volume in it is checked in depth, as is a DISK that is a volume itself; nothing is
    changed.  Leaves with 3 when there is an error, or no partition table at all; with 0 for mere warnings and notes.

    --repair is for the table alone and keeps every partition where it is; it asks first, unless --yes is given, and
    changes nothing where nothing is wrong.
    """
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

    if not repair and (backup_to is not None or yes):
        raise click.UsageError("--backup and --yes go with --repair")
    if repair and partition is not None:
        raise click.UsageError("--repair is for the partition table; a volume is mended by chkdsk of Windows")
    # What is written meanwhile would seem damaged.
    with open_disk(disk, write=repair, opening=opening, share=partition is not None) as opened:
        volume = None
        if partition is not None:
            volume = opened.volume(partition)
        elif not repair:
            volume = _whole_volume(opened)
        if volume is not None:
            return _check_volume(disk, volume, limit, reporter)
        return _check_table(disk, opened.target, repair, backup_to, yes, reporter)


def _whole_volume(disk: Disk) -> OpenVolume | None:
    """Return the volume that a file or device is without a partition table, if it can be checked.

    Raises:
        InvalidInput: when it is encrypted, and was not unlocked.
    """
    from osdimage.imaging.volume.filesystems import FILE_SYSTEMS  # noqa: PLC0415 - start-up stays cheap

    volume = disk.whole_volume()
    volume.refuse_encrypted()
    return volume if volume.content in FILE_SYSTEMS else None


def _check_volume(disk: Path, volume: OpenVolume, limit: int, reporter: Reporter) -> int:
    from osdimage.cli.disk import volume_check  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.volume.filesystems import check_volume  # noqa: PLC0415

    checked = check_volume(volume, most=limit, progress=reporter.callback)
    if reporter.as_json:
        volume_check.document(disk, volume.partition, checked)
    else:
        volume_check.show(volume.name, checked, quiet=reporter.quiet)
    return 0 if checked.is_sound else INVALID_INPUT


def _check_table(
    disk: Path, target: DiskTarget, repair: bool, backup_to: Path | None, yes: bool, reporter: Reporter
) -> int:
    from osdimage.imaging.disk.init import repaired, rewrite  # noqa: PLC0415
    from osdimage.imaging.disk.tables.check import check_disk  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.volume.hazards import volume_findings  # noqa: PLC0415

    saved = None
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
        facts = {"disk": disk, "scheme": scheme, "partition": None, "findings": reading.findings}
        render.document({**facts, "saved": saved, "volume": None})
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
