"""``osdimage driver remove``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter


@click.command("remove")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@catalog_params.catalog
@params.output(events=False)
def remove_command(names: tuple[str, ...], catalog: Path | None, reporter: Reporter) -> None:
    """Take drivers out of a catalog and out of its packages.

    Nothing is asked: the drivers are named.  Their files go, but for those that another driver has, too.
    """
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.settings import remove_drivers  # noqa: PLC0415

    with open_catalog(catalog, writes=True) as opened:
        removed = remove_drivers(opened, names)
    documents = [catalog_params.driver_document(each) for each in removed]
    reporter.result({"drivers": documents}, *(f"{each.name}: removed" for each in removed))
