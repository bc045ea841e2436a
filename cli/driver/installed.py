"""``osdimage driver installed``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.driver.windows_place import WindowsPlace, open_windows, windows_facts, windows_place
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.drivers.offline.installed import InstalledDriver
    from osdimage.imaging.drivers.offline.windows import OfflineWindows


@click.command("installed")
@windows_place
@params.output(events=False)
def installed_command(place: WindowsPlace, reporter: Reporter) -> None:
    r"""List the drivers that a Windows has and did not bring along.

    TARGET is a WIM, a disk (with --partition), a file or device with one volume, or a folder that a Windows was applied
    to.  They are told by the driver databases in its registry (Windows 8 and later) and by \Windows\INF\oem*.inf.
    """
    from osdimage.imaging.drivers.offline.installed import installed_drivers  # noqa: PLC0415 - start-up stays cheap

    with open_windows(place, reporter) as (files, windows):
        found = installed_drivers(files, windows)
    for text in found.warnings:
        reporter.warn(text)
    if reporter.as_json:
        document = {
            **place.facts(),
            "windows": windows_facts(windows),
            "drivers": found.drivers,
            "warnings": (*windows.warnings, *found.warnings),
        }
        reporter.answer(render.to_plain(document))
        return
    render.line(f"{windows.name}: Windows {windows.os}, {_state(windows)}: {counted(len(found.drivers), 'driver')}")
    if found.drivers:
        _show(found.drivers)


def _state(windows: OfflineWindows) -> str:
    if windows.is_pe:
        return "Windows PE"
    return "generalized" if windows.is_generalized else "not generalized"


def _show(drivers: Sequence[InstalledDriver]) -> None:
    headings = ("INF", "ORIGINAL", "CLASS", "STATE", "PROVIDER", "DATE", "VERSION", "FILES")
    rows = [
        (
            each.inf,
            each.original_name or "-",
            each.class_name or "-",
            str(each.presence).replace("published", "installed"),
            each.provider or "-",
            "-" if each.date is None else each.date.isoformat(),
            each.driver_version or "-",
            (each.folder or "").rpartition("/")[2] or "-",
        )
        for each in drivers
    ]
    render.table(headings, rows, drop=(7, 4, 5))
