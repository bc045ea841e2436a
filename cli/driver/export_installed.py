"""``osdimage driver export-installed``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, render, values
from osdimage.cli.driver.windows_place import WindowsPlace, open_windows, windows_facts, windows_place
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted, format_size


@click.command("export-installed")
@windows_place
@click.argument("directory", type=values.ANY_PATH, metavar="DIR")
@click.option(
    "--driver",
    "names",
    multiple=True,
    metavar="INF",
    help="Only this driver, such as oem3.inf or what its INF was called before.  Repeatable.",
)
@params.limit
@params.output()
def export_installed_command(
    place: WindowsPlace, directory: Path, names: tuple[str, ...], limit_bytes: int | None, reporter: Reporter
) -> None:
    """Take the drivers of a Windows, those that it did not bring along, out to DIR.

    TARGET is a WIM, a disk (with --partition), a file or device with one volume, or a folder that a Windows was applied
    to.  Each driver gets a folder in DIR, which is made if it is missing; DISM and the other verbs take them as they
    are.  Nothing is overwritten, and no link is followed.  A Windows before Vista has no such folders.  The same again
    writes what is missing.
    """
    from osdimage.imaging.drivers.offline.export import export_installed  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.offline.installed import chosen_drivers, installed_drivers  # noqa: PLC0415

    with open_windows(place, reporter) as (files, windows):
        found = installed_drivers(files, windows)
        chosen = chosen_drivers(found.drivers, names)
        result = export_installed(files, chosen, directory, limit_bytes=limit_bytes, progress=reporter.callback)
    for text in (*found.warnings, *result.warnings):
        reporter.warn(text)
    size = sum(each.size for each in result.exported)
    document = {
        **place.facts(),
        "windows": windows_facts(windows),
        "to": directory,
        "drivers": [
            {
                "inf": each.driver.inf,
                "folder": each.folder,
                "files": each.files,
                "size": each.size,
                "is_new": each.is_new,
            }
            for each in result.exported
        ],
        "size": size,
        "warnings": (*windows.warnings, *found.warnings, *result.warnings),
    }
    reporter.result(
        render.to_plain(document),
        f"{directory}: {counted(len(result.exported), 'driver')}, {format_size(size)}",
        *([f"{count} were there already"] if (count := sum(not each.is_new for each in result.exported)) else []),
    )
