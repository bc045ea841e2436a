"""``osdimage driver set``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter


@click.command("set")
@catalog_params.name
@catalog_params.catalog
@click.option("--enable/--disable", "enabled", default=None, help="Offer it for devices and packages, or do not.")
@click.option(
    "--category",
    "categories",
    metavar="+NAME,-NAME",
    multiple=True,
    help="Put it into categories (+) and take it out of others (-).",
)
@click.option(
    "--platform",
    metavar="any|inf|LIST",
    help="Which Windows it is for: any, those that its INF names, or a list such as 10.0-amd64,10.0.22000-arm64, "
    "each of one version from a build on.",
)
@params.output(events=False)
def set_command(
    name: str,
    catalog: Path | None,
    enabled: bool | None,
    categories: tuple[str, ...],
    platform: str | None,
    reporter: Reporter,
) -> None:
    """Change what a catalog says of a driver.

    One that is disabled is not offered for devices, cannot be put into packages, and is left out of those that have it.
    """
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.platforms import parse_platforms  # noqa: PLC0415
    from osdimage.imaging.drivers.store.settings import DriverChange, change_driver  # noqa: PLC0415

    if enabled is None and not categories and platform is None:
        raise click.UsageError("there is nothing to change; give --enable, --disable, --category or --platform")
    joins, leaves = _categories(categories)
    applicability, platforms = (None, ()) if platform is None else parse_platforms(platform)
    with open_catalog(catalog, writes=True) as opened:
        driver = change_driver(opened, name, DriverChange(enabled, joins, leaves, applicability, platforms))
    reporter.result(
        {"driver": catalog_params.driver_document(driver)},
        f"{driver.name}: {'enabled' if driver.is_enabled else 'disabled'}; "
        f"categories: {', '.join(driver.categories) or 'none'}; for: {catalog_params.applies_to(driver)}",
    )


def _categories(texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the categories to join and to leave, or end in a usage error."""
    joins: list[str] = []
    leaves: list[str] = []
    for each in (part.strip() for text in texts for part in text.split(",")):
        if not each.startswith(("+", "-")) or not each[1:].strip():
            raise click.UsageError(f"--category {each!r}: valid is +NAME to join a category, and -NAME to leave it")
        (joins if each[0] == "+" else leaves).append(each[1:].strip())
    return tuple(joins), tuple(leaves)
