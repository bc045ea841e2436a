"""``osdimage disk backup``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening


@click.command("backup")
@click.argument("disk", type=disk_params.DISK)
@click.argument("file", type=values.ANY_PATH)
@disk_params.opening
@click.option("--overwrite", is_flag=True, help="Replace FILE when it exists.")
@params.output(events=False)
def backup_command(disk: Path, file: Path, opening: Opening, overwrite: bool, reporter: Reporter) -> None:
    """Save the partition table of DISK in FILE: MBR, EBRs and both copies of a GPT.

    FILE is a JSON document; `osdimage disk restore` puts it back.
    """
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.tables.backup import save_backup, take_backup  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415
    from osdimage.imaging.output import refuse_source  # noqa: PLC0415

    refuse_source(file, disk, "the disk")
    with open_target(str(disk), opening=opening) as target:
        reading = read_table(target)
        backup = take_backup(target, reading, now=disk_params.now())
    for finding in reading.findings:
        reporter.warn(finding.text)
    save_backup(backup, file, overwrite=overwrite)
    size = sum(len(piece.data) for piece in backup.pieces)
    reporter.result(
        {"disk": disk, "file": file, "scheme": backup.scheme, "pieces": len(backup.pieces), "size_bytes": size},
        f"{file}: {backup.scheme.upper() if backup.scheme else 'no'} table of {disk}, "
        f"{counted(len(backup.pieces), 'piece')}, {size} bytes",
    )
