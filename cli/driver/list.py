"""``osdimage driver list``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import params as driver_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.drivers.store.records import CatalogDriver
    from osdimage.imaging.drivers.target_os import Architecture, TargetOs

_PATTERN = "; * and ? stand for any characters."


@click.command("list")
@catalog_params.catalog
@click.option("--class", "class_name", metavar="NAME", help=f"Of this class, such as Net{_PATTERN}")
@click.option("--category", metavar="NAME", help=f"In this category{_PATTERN}")
@click.option("--provider", metavar="NAME", help=f"From this provider{_PATTERN}")
@driver_params.windows
@click.option("--id", "hardware_id", metavar="ID", help=r"For ids that begin so, such as PCI\VEN_8086.")
@click.option("--enabled/--disabled", "enabled", default=None, help="Only those that are, or are not, enabled.")
@params.output(events=False)
def list_command(
    catalog: Path | None,
    class_name: str | None,
    category: str | None,
    provider: str | None,
    os: TargetOs | None,
    architecture: Architecture | None,
    hardware_id: str | None,
    enabled: bool | None,
    reporter: Reporter,
) -> None:
    """List the drivers of a catalog, all or those that are wanted.

    What a driver is for is what its INF says of each Windows, or what driver set --platform has put in its place.
    """
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.search import DriverFilter, find_drivers  # noqa: PLC0415

    wanted = DriverFilter(
        class_name=class_name,
        category=category,
        provider=provider,
        os=os,
        architecture=architecture if os is None else None,
        id=hardware_id,
        enabled=enabled,
    )
    with open_catalog(catalog) as opened:
        found = find_drivers(opened, wanted)
        path, count = opened.path, len(found) or len(find_drivers(opened, DriverFilter()))
    if reporter.as_json:
        reporter.answer({"catalog": path, "drivers": [catalog_params.driver_document(each) for each in found]})
        return
    if found:
        _show(found)
    elif not reporter.quiet:
        of = "it is empty" if not count else f"none of its {render.counted(count, 'driver')} is so"
        render.line(f"{path}: {of}")


def _show(found: Sequence[CatalogDriver]) -> None:
    rows = [
        (
            each.name,
            each.class_name or "",
            each.provider or "",
            each.version or "",
            "" if each.date is None else each.date.isoformat(),
            "" if each.is_enabled else "disabled",
            ", ".join(each.categories),
            catalog_params.applies_to(each),
        )
        for each in found
    ]
    headings = ["name", "class", "provider", "version", "date", "state", "categories", "for"]
    # What is told of none is no column; name, class and what a driver is for stay on a narrow terminal, cut at its end.
    told = [at for at in range(len(headings)) if at == 0 or any(row[at] for row in rows)]
    drop = [told.index(at) for at in (2, 4, 6, 3, 5) if at in told]
    render.table([headings[at] for at in told], [tuple(row[at] for at in told) for row in rows], drop=drop, cut=True)
