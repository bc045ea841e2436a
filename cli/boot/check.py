"""``osdimage boot check``."""

from __future__ import annotations

from dataclasses import replace
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
    from osdimage.imaging.boot.verdict import BootReport
    from osdimage.imaging.disk.opening import Opening


@click.command("check")
@click.argument("disk", type=disk_params.DISK)
@boot_params.system_disk
@disk_params.opening
@keys
@params.output(events=False)
def check_command(disk: Path, system: SystemWish | None, opening: Opening, reporter: Reporter) -> int:
    """Look at all that DISK needs to start, and say what to do about each fault; nothing is changed or started.

    Leaves with 0 when all of it was read and is in order, mere warnings aside; with 1 when an error keeps the disk from
    starting; and with 6 when that is not known, since something that decides cannot be read here, as a Windows on an
    encrypted volume.

    With --system another disk is looked at, too: the way begins there and leads to a Windows on either of both.
    """
    from osdimage.imaging.boot.check import check_boot  # noqa: PLC0415 - start-up stays cheap

    notes: list[str] = []
    opening = replace(opening, told=notes.append)
    with boot_params.opened(disk, system, opening) as (windows, other):
        report = check_boot(windows) if other is None else check_boot(other, windows_disk=windows)
        if other is not None and system is not None and system.partition is not None and other.read().table is not None:
            # One that is not there is refused, as where boot files are installed.
            other.partition(system.partition)
    if system is not None and system.partition not in {None, report.system_partition}:
        found = "none" if report.system_partition is None else f"partition {report.system_partition}"
        reporter.warn(f"{system.disk}: the firmware starts from {found}, and not from partition {system.partition}")
    for text in dict.fromkeys(notes):
        # What is a finding, too, is told as such.
        if not any(text in each.text for each in report.findings):
            reporter.tell(text)
    if reporter.as_json:
        facts = render.to_plain(report)
        more = {"verdict": report.verdict.value, "starts": report.starts}
        render.document({**facts, **more} if isinstance(facts, dict) else facts)
    else:
        render.findings(report.findings, quiet=reporter.quiet)
        if report.starts is not False and not reporter.quiet:
            render.line(": ".join(filter(None, (report.disk, _places(report), _SAID[report.verdict.value]))))
    return boot_params.exit_code(report)


_SAID = {
    "starts": "nothing was found that keeps it from starting",
    "not-known": "whether it starts is not known",
}


def _places(report: BootReport) -> str:
    """Return what starts it, and where that is."""
    if report.firmware is None:
        return ""
    kind = report.firmware.upper()
    told = [kind + (f" ({report.architecture})" if report.architecture is not None else "")]
    if report.system_partition is not None:
        told.append(f"system partition {report.system_partition}")
    if report.os_partition is not None:
        where = "" if report.windows_disk is None else f" of {report.windows_disk}"
        told.append(f"Windows in partition {report.os_partition}{where}")
    return ", ".join(told)
