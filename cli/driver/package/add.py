"""``osdimage driver package add``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter, counted


@click.command("add")
@catalog_params.name
@catalog_params.drivers
@catalog_params.catalog
@params.output(events=False)
def add_command(name: str, drivers: tuple[str, ...], catalog: Path | None, reporter: Reporter) -> None:
    """Put drivers into a package; those that are in it stay."""
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.named import add_to_package  # noqa: PLC0415

    with open_catalog(catalog, writes=True) as opened:
        package = add_to_package(opened, name, drivers)
    said = f"{package.name}: {counted(len(package.drivers), 'driver')}"
    reporter.result({"package": catalog_params.package_document(package)}, said)
