"""``osdimage driver list``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.render import Reporter

_PATTERN = "; * and ? stand for any characters."


@click.command("list")
@catalog_params.catalog
@click.option("--class", "class_name", metavar="NAME", help=f"Of this class, such as Net{_PATTERN}")
@click.option("--category", metavar="NAME", help=f"In this category{_PATTERN}")
@click.option("--provider", metavar="NAME", help=f"From this provider{_PATTERN}")
@click.option("--os", "version", metavar="VERSION", help="For this Windows, such as 10.0.22631; needs --arch.")
@click.option("--arch", metavar="ARCH", help="For this architecture: amd64, x86, arm64.")
@click.option("--product", type=click.Choice(["workstation", "server"]), help="With --os: which one it is.")
@click.option("--id", "hardware_id", metavar="ID", help=r"For ids that begin so, such as PCI\VEN_8086.")
@click.option("--enabled/--disabled", "enabled", default=None, help="Only those that are, or are not, enabled.")
@params.output(events=False)
def list_command(
    catalog: Path | None,
    class_name: str | None,
    category: str | None,
    provider: str | None,
    version: str | None,
    arch: str | None,
    product: str | None,
    hardware_id: str | None,
    enabled: bool | None,
    reporter: Reporter,
) -> None:
    """List the drivers of a catalog, all or those that are wanted.

    What a driver is for is what its INF says of each Windows, or what driver set --platform has put in its place.
    """
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.search import DriverFilter, find_drivers  # noqa: PLC0415
    from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs  # noqa: PLC0415

    if version is not None and arch is None:
        raise click.UsageError("--os needs --arch, such as --arch amd64")
    if product is not None and version is None:
        raise click.UsageError("--product needs --os")
    architecture = None if arch is None else Architecture.parse(arch)
    target = None
    if version is not None and architecture is not None:
        target = TargetOs.parse(version, architecture, product=ProductType[(product or "workstation").upper()])
    wanted = DriverFilter(
        class_name=class_name,
        category=category,
        provider=provider,
        os=target,
        architecture=architecture if target is None else None,
        id=hardware_id,
        enabled=enabled,
    )
    with open_catalog(catalog) as opened:
        found = find_drivers(opened, wanted)
        path = opened.path
    if reporter.as_json:
        reporter.answer({"catalog": path, "drivers": [catalog_params.driver_document(each) for each in found]})
        return
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
    if rows:
        render.table(headings, rows, drop=(7, 2, 4, 6, 3), cut=True)
