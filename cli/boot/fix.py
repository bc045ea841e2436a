"""``osdimage boot fix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.boot import params as boot_params
from osdimage.cli.boot.params import SystemWish
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.failures import FAILED
from osdimage.cli.guidance import advice
from osdimage.cli.render import Reporter
from osdimage.imaging.errors import Means, Remedy

if TYPE_CHECKING:
    from osdimage.imaging.boot.fix import FixResult
    from osdimage.imaging.disk.opening import Opening


@click.command("fix")
@click.argument("disk", type=disk_params.DISK)
@click.option(
    "--partition",
    type=click.IntRange(min=1),
    metavar="N",
    help="The partition with Windows.  Default: the one that holds the loader of Windows.",
)
@boot_params.system
@click.option(
    "--prune",
    is_flag=True,
    help="Also take out the entries of the menu that are about other disks, which may be in the machine.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be changed and change nothing.")
@disk_params.opening_to_write
@disk_params.writing
@overlay("disk")
@disk_params.seed
@params.add(*disk_params.expectations)
@boot_params.force
@params.output(events=False)
def fix_command(
    disk: Path,
    partition: int | None,
    system_partition: int | None,
    system: SystemWish | None,
    prune: bool,
    dry_run: bool,
    opening: Opening,
    seed: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    force: bool,
    reporter: Reporter,
) -> int:
    """Make a DISK start again that was cloned, restored, signed anew, or whose partitions were moved.

    The BCD store is bound to the partitions that are there now.  Its entries stay, but for those that name a partition
    of this very disk which is gone; an MBR disk also gets its active flag, its signature and the places in its boot
    sectors put right, and boot code where it has none.  Nobody is asked: nothing is overwritten but what names places.
    Leaves with 1 when the disk still would not start or an entry could not be bound, and with 6 when it is not known
    whether it starts.
    """
    from osdimage.imaging.boot.fix import FixWish, fix_boot  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415

    wish = FixWish(partition, system_partition, prune=prune, force=force, rehearse=dry_run)
    with boot_params.opened(disk, system, opening, write=not dry_run) as (opened_disk, system_disk):
        check_expected(opened_disk.target, serial=expect_serial, size_bytes=expect_size)
        result = fix_boot(
            system_disk or opened_disk,
            wish,
            windows_disk=None if system_disk is None else opened_disk,
            now=disk_params.now(),
            rng=disk_params.random_bits(seed),
        )
    _report(disk, result, reporter, is_rehearsal=dry_run)
    if dry_run:
        return 0
    return FAILED if result.unbound else boot_params.exit_code(result.report)


def _report(disk: Path, result: FixResult, reporter: Reporter, *, is_rehearsal: bool) -> None:
    errors = [each for each in result.report.findings if each.severity == "error"]
    bind = advice.worded(Remedy("{} binds the Windows of one to the store", (Means.INSTALL_BOOT,)))
    prune = advice.worded(Remedy("if that disk is gone, {} takes the entry out", (Means.PRUNE_BOOT,)))
    left = (
        *(f"{text}; {bind}" for text in result.unbound),
        *(f"{text}; {prune}" for text in result.foreign),
        *result.left,
    )
    for text in left:
        reporter.warn(text)
    if reporter.as_json:
        render.document(
            {
                "disk": disk,
                "dry_run": is_rehearsal,
                "changes": result.changes,
                "left": left,
                "verdict": result.report.verdict,
                "starts": result.report.starts,
                "findings": result.report.findings,
            }
        )
    elif is_rehearsal or not reporter.quiet:
        for text in result.changes:
            render.line(f"would be changed: {text}" if is_rehearsal else text)
        if not result.changes:
            render.line(f"{disk}: nothing was to be changed")
        for finding in () if is_rehearsal else errors:
            render.line(f"still wrong: {finding.text} [{finding.code}]")
            render.line(f"  {advice.worded(finding.remedy)}")
