"""``osdimage driver package export``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, values
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter, counted


@click.command("export")
@catalog_params.name
@click.argument("destination", metavar="DIR|FILE.zip", type=values.NEW_PATH)
@catalog_params.catalog
@click.option("--overwrite", is_flag=True, help="Replace a ZIP that is there.")
@params.output(events=False)
def export_command(name: str, destination: Path, catalog: Path | None, overwrite: bool, reporter: Reporter) -> None:
    r"""Write the enabled drivers of a package into a new folder, or a ZIP.

    Each driver has a folder of its own with its files: what dism /Add-Driver /Recurse takes, and what Windows Setup
    finds as \$WinPEDriver$.
    """
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.exporting import export_package  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415

    with open_catalog(catalog) as opened:
        exported = export_package(opened, name, destination, overwrite=overwrite)
    for each in exported.left_out:
        reporter.warn(f"driver {each} is disabled, and left out")
    document = {
        "path": exported.path,
        "drivers": [{"folder": folder, "driver": driver} for folder, driver in exported.folders],
        "left_out": exported.left_out,
        "files": exported.files,
        "size": exported.size,
    }
    said = f"{exported.path}: {counted(len(exported.folders), 'driver')}, {format_size(exported.size)}"
    reporter.result(document, said)
