"""``osdimage registry import``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.registry import params as registry_params
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.registry.hive import Hive
    from osdimage.imaging.registry.places import HiveAddress


@click.command("import")
@registry_params.written_address
@registry_params.writing
@click.argument("file", type=values.EXISTING)
@registry_params.force
@params.output(events=False)
def import_command(address: HiveAddress, file: Path, force: bool, reporter: Reporter) -> None:
    """Do what FILE says, a .reg file of regedit (version 5.00 or REGEDIT4).

    All or nothing: a file with an error, or with keys of another hive, changes nothing.  What is to be deleted and is
    not there is no error.
    """
    from osdimage.imaging.registry import edits, places, reg_file  # noqa: PLC0415 - start-up stays cheap

    wanted = reg_file.read_reg(file)
    prefix = address.registry_prefix

    def change(hive: Hive) -> edits.ImportReport:
        with registry_params.told(hive, address, reporter):
            report = edits.import_edits(hive, wanted, prefix, name=str(file))
            return replace(report, replayed=hive.replayed)

    report = places.change_hive(address, change, now=registry_params.now(), force=force)
    reporter.result(
        report,
        f"{address}: {counted(report.keys_added, 'key')} added, {report.keys_deleted} deleted; "
        f"{counted(report.values_set, 'value')} set, {report.values_deleted} deleted",
    )
