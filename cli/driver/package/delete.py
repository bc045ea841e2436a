"""``osdimage driver package delete``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter


@click.command("delete")
@catalog_params.name
@catalog_params.catalog
@params.output(events=False)
def delete_command(name: str, catalog: Path | None, reporter: Reporter) -> None:
    """Delete a package; its drivers stay in the catalog."""
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.named import delete_package  # noqa: PLC0415

    with open_catalog(catalog, writes=True) as opened:
        package = delete_package(opened, name)
    reporter.result({"package": catalog_params.package_document(package)}, f"{package.name}: deleted")
