"""``osdimage boot fix``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import advice, params, render
from osdimage.cli.boot import params as boot_params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import FAILED
from osdimage.cli.render import Reporter


@click.command("fix")
@click.argument("disk", type=disk_params.DISK)
@click.option(
    "--partition",
    type=click.IntRange(min=1),
    metavar="N",
    help="The partition with Windows.  Default: the one that holds the loader of Windows.",
)
@boot_params.system_partition
@disk_params.sector_size
@disk_params.seed
@params.add(*disk_params.expectations)
@boot_params.force
@params.output(events=False)
def fix_command(
    disk: Path,
    partition: int | None,
    system_partition: int | None,
    sector_size: int | None,
    seed: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    force: bool,
    reporter: Reporter,
) -> int:
    """Make a DISK start again that was cloned, signed anew, or whose partitions were moved.

    The BCD store is bound to the partitions that are there now and keeps its entries; an MBR disk also gets its active
    flag, its signature and the places in its boot sectors put right.  Leaves with 1 when it still would not start.
    """
    from osdimage.imaging.boot.fix import fix_boot  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415
    from osdimage.imaging.errors import Means, Remedy  # noqa: PLC0415

    with open_disk(disk, write=True, sector_size=sector_size) as opened_disk:
        check_expected(opened_disk.target, serial=expect_serial, size_bytes=expect_size)
        result = fix_boot(
            opened_disk,
            os_partition=partition,
            system_partition=system_partition,
            now=disk_params.now(),
            rng=disk_params.random_bits(seed),
            force=force,
        )
    errors = [each for each in result.report.findings if each.severity == "error"]
    bind = advice.worded(Remedy("{} binds the Windows of one to the store", (Means.INSTALL_BOOT,)))
    left = (*(f"{text}; {bind}" for text in result.unbound), *result.left)
    for text in left:
        reporter.warn(text)
    if reporter.as_json:
        render.document(
            {
                "disk": disk,
                "changes": result.changes,
                "left": left,
                "starts": result.report.starts,
                "findings": result.report.findings,
            }
        )
    elif not reporter.quiet:
        for text in result.changes:
            render.line(text)
        if not result.changes:
            render.line(f"{disk}: nothing was to be changed")
        for finding in errors:
            render.line(f"still wrong: {finding.text} [{finding.code}]")
            render.line(f"  {advice.worded(finding.remedy)}")
    return 0 if result.report.starts else FAILED
