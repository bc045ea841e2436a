"""``osdimage boot show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.boot import params as boot_params
from osdimage.cli.boot.params import SystemWish
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening


@click.command("show")
@click.argument("disk", type=disk_params.DISK)
@boot_params.system
@disk_params.opening
@keys
@params.output(events=False)
def show_command(
    disk: Path, system_partition: int | None, system: SystemWish | None, opening: Opening, reporter: Reporter
) -> None:
    """Explain the BCD store of DISK, or its boot.ini: its entries, and which partitions they mean."""
    from osdimage.imaging.boot.show import view_boot  # noqa: PLC0415 - start-up stays cheap

    with boot_params.opened(disk, system, opening) as (windows, other):
        beside = None if other is None else windows
        view = view_boot(other or windows, system_partition=system_partition, windows_disk=beside)
    if reporter.as_json:
        render.document(
            {
                "disk": view.disk,
                "firmware": view.firmware,
                "system_partition": view.system_partition,
                "store": view.store,
                "os_partition": view.os_partition,
                "partitions": view.partitions,
                "objects": () if view.report is None else view.report.objects,
                "entries": view.entries,
                "warnings": () if view.report is None else view.report.warnings,
                "replayed": view.replayed,
            }
        )
        return
    for text in () if view.report is None else view.report.warnings:
        reporter.warn(text)
    path = "\\" + view.store.replace("/", "\\")
    replayed = "" if view.replayed is None else f", {view.replayed}"
    render.line(f"{view.disk}: {view.firmware.upper()}, store {path} on partition {view.system_partition}{replayed}")
    for text in view.lines:
        render.line(text)
    render.line()
    for each in view.partitions:
        where = "" if each.disk is None else f" of {each.disk}"
        render.line(f"{each.name}: {'not on this disk' if each.number is None else f'partition {each.number}{where}'}")
