"""``osdimage boot install``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.boot import params as boot_params
from osdimage.cli.boot.params import SystemWish
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.render import Reporter, counted
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.boot.install import BootOptions, BootResult
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector


@click.command("install")
@click.argument("disk", type=disk_params.DISK)
@click.option("--partition", type=click.IntRange(min=1), required=True, metavar="N", help="The partition with Windows.")
@boot_params.system
@click.option(
    "--from-wim",
    type=values.WIM,
    metavar="WIM",
    help="Take the boot files from an image of WIM, not from the partition.",
)
@params.selector
@params.references
@boot_params.options
@click.option("--new-store", is_flag=True, help="Make the BCD store anew, without the entries that it has.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be done and change nothing.")
@disk_params.opening_to_write
@disk_params.writing
@overlay("disk")
@disk_params.seed
@params.add(*disk_params.expectations)
@boot_params.force
@disk_params.yes
@params.output()
def install_command(
    disk: Path,
    partition: int,
    system_partition: int | None,
    system: SystemWish | None,
    from_wim: Path | None,
    selector: ImageSelector,
    refs: tuple[str, ...],
    boot_options: Callable[..., BootOptions],
    new_store: bool,
    dry_run: bool,
    opening: Opening,
    seed: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    force: bool,
    yes: bool,
    reporter: Reporter,
) -> None:
    r"""Make DISK start the Windows in one of its partitions.

    The boot files come from that Windows: of several on one disk, let the newest be the last.  It becomes the first
    entry of the menu and starts by itself; the entries of other systems stay in the BCD store, as do all other files on
    the system partition but those of the same names.  An MBR disk also gets boot code, one active partition, and a
    signature if it has none.

    Windows 2000, XP and Server 2003 get NTLDR and a boot.ini instead, on MBR disks only.

    With --system the boot manager is put on another disk, with a store that names this one; boot code of a BIOS goes to
    that disk only, and both must be in the machine.

    You are asked before boot code is overwritten that is neither Windows' nor osdimage's, unless --yes is given.

    With --from-wim the boot files, the language of the menu and what else belongs to them come from an image: for a
    Windows that lost them, or to take newer ones.  --index, --name and the like choose the image.
    """
    from osdimage.imaging.boot.firmware import Firmware  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.boot.install import install_boot  # noqa: PLC0415
    from osdimage.imaging.boot.places import firmware_of  # noqa: PLC0415
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415

    with (
        _image(from_wim, selector, refs, reporter) as source,
        boot_params.opened(disk, system, opening, write=not dry_run) as (opened_disk, system_disk),
    ):
        check_expected(opened_disk.target, serial=expect_serial, size_bytes=expect_size)

        def install(*, rehearse: bool) -> BootResult:
            return install_boot(
                opened_disk,
                partition,
                system_partition,
                source=source,
                system_disk=system_disk,
                options=boot_options(force=force, new_store=new_store, rehearse=rehearse),
                rng=disk_params.random_bits(seed),
                now=disk_params.now(),
                progress=None if rehearse and not dry_run else reporter.callback,
            )

        if not (yes or dry_run) and firmware_of((system_disk or opened_disk).table) is Firmware.BIOS:
            _ask(install(rehearse=True).lost_code, reporter)
        result = install(rehearse=dry_run)
    if reporter.as_json:
        render.document({**plain, "dry_run": dry_run} if isinstance(plain := render.to_plain(result), dict) else plain)
    elif dry_run or not reporter.quiet:
        for text in lines(result, where=str(disk)):
            render.line(f"would be: {text}" if dry_run else text)


def _ask(lost: tuple[str, ...], reporter: Reporter) -> None:
    """Ask before boot code of others is lost."""
    if not lost:
        return
    reporter.refuse_unattended(f"{lost[0]}, which would be overwritten")
    for text in lost:
        render.note(text)
    click.confirm("Overwrite it?", abort=True, err=True)


@contextmanager
def _image(
    wim: Path | None, selector: ImageSelector, refs: tuple[str, ...], reporter: Reporter
) -> Iterator[WimImage | None]:
    """Open the image with the boot files, if there is to be one."""
    if wim is None:
        if refs or selector != type(selector)():
            raise click.UsageError("--index, --name, --edition, --arch, --language and --ref go with --from-wim")
        yield None
        return
    with open_wim(wim, reporter, check=False, refs=refs) as (opened, _):
        yield opened.select(selector)


def lines(result: BootResult, *, where: str) -> list[str]:
    """Tell people what was done; ``where`` is what they call the disk."""
    kind = "a BIOS" if result.architecture is None else f"UEFI ({result.architecture})"
    guess = ", of several by guess: --locale names another" if result.locale_source == "guess" else ""
    there = "" if result.system_disk is None else f" of {result.system_disk}"
    language = "" if result.locale is None else f" ({result.locale}{guess})"
    places = f"{_shown(result.loader)}, {_shown(result.store)}{language}"
    found = [
        f"{where}: set up for {kind} to start the Windows in partition {result.os_partition}",
        f"  partition {result.system_partition}{there}: {counted(result.files, 'boot file')}, {places}",
    ]
    if result.image is not None:
        found.append(f"  boot files from {result.image}")
    if result.kept_entries:
        found.append(f"  the menu also has: {', '.join(result.kept_entries)}")
    if result.default_entry is not None:
        found.append(f"  by itself it starts, as before: {result.default_entry}")
    if result.removed_entries:
        found.append(f"  no longer in the menu, as they start nothing here: {', '.join(result.removed_entries)}")
    if result.recovery_partition is not None:
        found.append(f"  partition {result.recovery_partition}: the recovery environment is part of the store")
    code = result.boot_code
    if code is not None and code.mbr:
        found.append(f"  boot code in the MBR{there}; boot sector: {code.boot_sector or 'starts nothing'}")
    if result.system_disk is not None:
        found.append(f"  the firmware must start {result.system_disk}")
    return found


def _shown(path: str) -> str:
    return "\\" + path.replace("/", "\\")
