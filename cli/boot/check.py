"""``osdimage boot check``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import advice, params, render
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import FAILED
from osdimage.cli.render import Reporter


@click.command("check")
@click.argument("disk", type=disk_params.DISK)
@disk_params.sector_size
@params.output(events=False)
def check_command(disk: Path, sector_size: int | None, reporter: Reporter) -> int:
    """Look at all that DISK needs to start, and say what to do about each fault; nothing is changed or started.

    Leaves with 1 when there is an error, so that the disk would not start; with 0 for mere warnings and notes.
    """
    from osdimage.imaging.boot.check import check_boot  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415

    with open_disk(disk, sector_size=sector_size) as opened_disk:
        report = check_boot(opened_disk)
    if reporter.as_json:
        facts = render.to_plain(report)
        render.document({**facts, "starts": report.starts} if isinstance(facts, dict) else facts)
    elif not reporter.quiet:
        for finding in report.findings:
            render.line(f"{finding.severity}: {finding.text} [{finding.code}]")
            render.line(f"  {advice.worded(finding.remedy)}")
        if report.starts and report.firmware is not None:
            kind = report.firmware.upper() + (f" ({report.architecture})" if report.architecture is not None else "")
            found = "nothing was found that keeps it from starting"
            where = f"system partition {report.system_partition}, Windows in partition {report.os_partition}"
            render.line(f"{disk}: {kind}, {where}: {found}")
    return 0 if report.starts else FAILED
