"""``osdimage driver package create``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter, counted


@click.command("create")
@catalog_params.name
@click.argument("drivers", metavar="[DRIVER]...", nargs=-1)
@catalog_params.catalog
@click.option("--description", default="", help="What it is for.")
@params.output(events=False)
def create_command(
    name: str, drivers: tuple[str, ...], catalog: Path | None, description: str, reporter: Reporter
) -> None:
    """Make a package NAME of drivers, or one to put drivers into later."""
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.named import create_package  # noqa: PLC0415

    with open_catalog(catalog, writes=True) as opened:
        package = create_package(opened, name, description=description, drivers=drivers)
    said = f"{package.name}: made, with {counted(len(package.drivers), 'driver')}"
    reporter.result({"package": catalog_params.package_document(package)}, said)
