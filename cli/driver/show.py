"""``osdimage driver show``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import params as driver_params
from osdimage.cli.driver.rows import heading, row
from osdimage.cli.render import Reporter
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.drivers.shown import ShownDriver, ShownFile, ShownModel
    from osdimage.imaging.drivers.store.records import CatalogDriver, Happening
    from osdimage.imaging.drivers.supplied.opened import Supply
    from osdimage.imaging.drivers.target_os import Architecture, TargetOs


@click.command("show")
@click.argument("path", type=driver_params.SUPPLY)
@driver_params.windows
@catalog_params.catalog
@driver_params.codepage
@params.output(events=False)
def show_command(
    path: str,
    os: TargetOs | None,
    architecture: Architecture | None,
    catalog: Path | None,
    codepage: str,
    reporter: Reporter,
) -> None:
    """Show the drivers at PATH: what they are for, their services, files and catalogs, and what is unusual.

    PATH is a folder, an INF, an archive (.zip, .cab, .7z, .exe, .msi), a disc, or what is in one: DISC.iso!FOLDER.
    With --os or --arch only what is for that Windows is shown.  Nothing is run, and no signature is looked at.

    catalog:NAME is a driver, a package or a category of a catalog; what the catalog says of a driver, and what was done
    to it, is shown, too.
    """
    from osdimage.imaging.drivers.packages import packages_in  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.shown import show_driver  # noqa: PLC0415

    faults: list[dict[str, str]] = []
    shown: list[ShownDriver] = []
    with _opened(path, catalog) as (supply, entry):
        packages = packages_in(
            supply.files,
            supply.folder,
            codepage=codepage,
            on_fault=lambda where, error: faults.append({"path": where, "message": str(error)}),
        )
        for each in packages:
            try:
                shown.append(show_driver(each, os, architecture))
            except InvalidInput as error:
                faults.append({"path": each.path, "message": str(error)})
    for fault in faults:
        reporter.warn(fault["message"])
    if not shown:
        unread = f", and {counted(len(faults), 'file')} that cannot be read" if faults else ""
        raise InvalidInput(f"{path}: holds no INF of a driver{unread}")
    for driver in shown:
        for text in driver.warnings:
            reporter.warn(f"{driver.path}: {text}")
    lines = [line for index, driver in enumerate(shown) for line in (*([""] if index else []), *_lines(driver))]
    document = {"path": path, "drivers": render.to_plain(shown), "faults": faults, "catalog": _document(entry)}
    reporter.answer(document, *lines, *_entry_lines(entry))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a catalog says of a driver, and what was done to it."""

    driver: CatalogDriver
    warnings: tuple[str, ...]
    history: tuple[Happening, ...]


@contextmanager
def _opened(path: str, catalog: Path | None) -> Iterator[tuple[Supply, _Entry | None]]:
    """Open what is to be shown, also what is disabled in a catalog."""
    from osdimage.imaging.drivers.store.addresses import is_address, resolved_driver, supply_of  # noqa: PLC0415
    from osdimage.imaging.drivers.store.catalog import history_of, open_catalog, warnings_of  # noqa: PLC0415
    from osdimage.imaging.drivers.supplied.opened import open_supply  # noqa: PLC0415 - start-up stays cheap

    if not is_address(path):
        with open_supply(path) as supply:
            yield supply, None
        return
    with open_catalog(catalog) as held:
        supply, driver = supply_of(path, held, with_disabled=True), resolved_driver(path, held)
        entry = None
        if driver is not None:
            entry = _Entry(driver, warnings_of(held, driver.name), history_of(held, "driver", driver.name))
        yield supply, entry


def _document(entry: _Entry | None) -> dict[str, object] | None:
    if entry is None:
        return None
    return {
        "driver": catalog_params.driver_document(entry.driver),
        "warnings": list(entry.warnings),
        "history": render.to_plain(entry.history),
    }


def _entry_lines(entry: _Entry | None) -> Iterator[str]:
    if entry is not None:
        yield ""
        yield from catalog_params.driver_lines(entry.driver)
        yield from (f"at the import: {each}" for each in entry.warnings)
        yield from (f"{each.moment:%Y-%m-%d %H:%M:%S} UTC: {each.what}" for each in entry.history)


def _lines(driver: ShownDriver) -> Iterator[str]:
    yield heading(driver)
    if driver.kind != "device":
        yield row("kind", _KINDS[driver.kind])
    if driver.placeholder is not None:
        yield row("unfinished", f"a build has to replace {driver.placeholder}")
    yield row("platforms", ", ".join(driver.platforms) or "none")
    for catalog in driver.catalogs:
        yield row("catalog", _file(catalog))
    several = len(driver.platforms) > 1
    for model in driver.models:
        yield from _model(model, shows_platforms=several and len(model.platforms) < len(driver.platforms))
    for service in driver.services:
        told = [service.name, f"{service.start} start" if service.start else "start not known", service.binary]
        told += [f"group {service.group}" if service.group else None, None if service.is_function_driver else "filter"]
        yield row("service", ", ".join(filter(None, told)))
    for each in driver.files:
        yield row("file", _file(each))
    for component in driver.components:
        yield row("component", f"{component.name}, for {', '.join(component.ids) or 'no id'}")
    if driver.includes:
        yield row("needs", f"{', '.join(driver.includes)} of Windows")


_KINDS = {
    "extension": "an extension: it adds to the driver of its devices",
    "component": "for a software component that another INF makes",
    "primitive": "for no device: no computer's devices bring it into a Windows",
}


def _model(model: ShownModel, *, shows_platforms: bool) -> Iterator[str]:
    yield row("model", model.description + (f" ({', '.join(model.platforms)})" if shows_platforms else ""))
    for id_ in model.ids or ("chosen by hand, for it has no id",):
        yield row("", f"  {id_}")


def _file(file: ShownFile) -> str:
    told: Sequence[str] = (
        () if file.is_there else ("is missing" if file.is_needed else "not here, and perhaps of Windows",)
    )
    return ", ".join((file.path, *told))
