"""``osdimage driver package show``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter


@click.command("show")
@catalog_params.name
@catalog_params.catalog
@params.output(events=False)
def show_command(name: str, catalog: Path | None, reporter: Reporter) -> None:
    """Show what is in a package, and what was done to it."""
    from osdimage.imaging.drivers.store.catalog import history_of, open_catalog  # noqa: PLC0415
    from osdimage.imaging.drivers.store.named import find_package  # noqa: PLC0415 - start-up stays cheap

    with open_catalog(catalog) as opened:
        package = find_package(opened, name)
        history = history_of(opened, "package", package.name)
    document = {"package": catalog_params.package_document(package), "history": render.to_plain(history)}
    reporter.answer(
        document,
        *catalog_params.package_lines(package),
        *(f"{each.moment:%Y-%m-%d %H:%M:%S} UTC: {each.what}" for each in history),
    )
