"""``osdimage driver package list``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter


@click.command("list")
@catalog_params.catalog
@params.output(events=False)
def list_command(catalog: Path | None, reporter: Reporter) -> None:
    """List the packages of a catalog."""
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.named import all_packages  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415

    with open_catalog(catalog) as opened:
        packages = all_packages(opened)
        path = opened.path
    if reporter.as_json:
        reporter.answer({"catalog": path, "packages": [catalog_params.package_document(each) for each in packages]})
        return
    rows = [(each.name, str(len(each.drivers)), format_size(each.size), each.description) for each in packages]
    if rows:
        render.table(["name", "drivers", "size", "description"], rows, right=(1, 2), cut=True)
