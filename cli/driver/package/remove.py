"""``osdimage driver package remove``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter, counted


@click.command("remove")
@catalog_params.name
@catalog_params.drivers
@catalog_params.catalog
@params.output(events=False)
def remove_command(name: str, drivers: tuple[str, ...], catalog: Path | None, reporter: Reporter) -> None:
    """Take drivers out of a package; they stay in the catalog."""
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.named import remove_from_package  # noqa: PLC0415

    with open_catalog(catalog, writes=True) as opened:
        package = remove_from_package(opened, name, drivers)
    said = f"{package.name}: {counted(len(package.drivers), 'driver')}"
    reporter.result({"package": catalog_params.package_document(package)}, said)
