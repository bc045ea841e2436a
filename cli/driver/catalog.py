"""The option that names a catalog of drivers, and how drivers are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import render, values

if TYPE_CHECKING:
    from osdimage.imaging.drivers.store.adding import ImportedInf
    from osdimage.imaging.drivers.store.records import CatalogDriver, CatalogPackage

catalog = click.option(
    "--catalog",
    type=values.ANY_PATH,
    metavar="FILE",
    help="The catalog.  Default: $OSDIMAGE_CATALOG, or osdimage/drivers.db in $XDG_DATA_HOME (~/.local/share).",
)
name = click.argument("name")
drivers = click.argument("drivers", metavar="DRIVER...", nargs=-1, required=True)


def driver_document(driver: CatalogDriver) -> dict[str, Any]:
    """Return what programs are told of a driver."""
    plain = render.to_plain(driver)
    assert isinstance(plain, dict)  # noqa: S101 - of a dataclass
    return plain | {
        "driver_version": driver.version,
        "date": None if driver.date is None else driver.date.isoformat(),
        "platforms": [str(each) for each in driver.platforms],
    }


def package_document(package: CatalogPackage) -> dict[str, Any]:
    """Return what programs are told of a package."""
    plain = render.to_plain(package)
    assert isinstance(plain, dict)  # noqa: S101 - of a dataclass
    return plain


def applies_to(driver: CatalogDriver) -> str:
    """Say which Windows a driver is for."""
    from osdimage.imaging.drivers.store.platforms import Applicability  # noqa: PLC0415 - start-up stays cheap

    if driver.applicability is Applicability.ANY:
        return "any"
    if driver.applicability is Applicability.LISTED:
        return ", ".join(map(str, driver.platforms))
    return ", ".join(each or "x86" for each in driver.decorations) or "none"


def driver_lines(driver: CatalogDriver) -> list[str]:
    """Tell all of a driver that the catalog knows, a line for each thing."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    facts = {
        "name": driver.name,
        "inf": driver.inf,
        "class": driver.class_name,
        "provider": driver.provider,
        "version": driver.version,
        "date": None if driver.date is None else driver.date.isoformat(),
        "enabled": "yes" if driver.is_enabled else "no",
        "platforms": applies_to(driver),
        "folders": ", ".join(driver.folders_that_count) or None,
        "categories": ", ".join(driver.categories) or None,
        "packages": ", ".join(driver.packages) or None,
        "files": f"{driver.files}, {format_size(driver.size)}",
        "imported": driver.imported.strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    width = max(map(len, facts)) + 1
    return [f"{key + ':':<{width}} {value}" for key, value in facts.items() if value is not None]


def package_lines(package: CatalogPackage) -> list[str]:
    """Tell what is in a package."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    head = f"{package.name}: {render.counted(len(package.drivers), 'driver')}, {format_size(package.size)}"
    disabled = {*package.disabled}
    return [
        head,
        *([f"  {package.description}"] if package.description else []),
        *(f"  {each}{' (disabled)' if each in disabled else ''}" for each in package.drivers),
    ]


def imported_line(each: ImportedInf) -> str:
    """Tell what became of an INF."""
    from osdimage.imaging.drivers.store.adding import Outcome  # noqa: PLC0415 - start-up stays cheap

    said = {Outcome.NEW: "new", Outcome.PRESENT: "there already", Outcome.LEFT_OUT: "left out"}[each.outcome]
    return f"{each.source}: {said}{f': {each.name}' if each.name else f': {each.reason}' if each.reason else ''}"
