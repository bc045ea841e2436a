"""``osdimage media usb``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import boot_params, view
from osdimage.cli.media import stick as stick_options
from osdimage.cli.media.boot_params import BootGiven, OpenedBoot
from osdimage.cli.media.changes import changes as change_options
from osdimage.cli.media.stick import StickGiven, StickJob
from osdimage.cli.render import Reporter, counted
from osdimage.imaging.units import format_size

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.media.parts.changes import MediumChanges
    from osdimage.imaging.media.parts.medium import Medium
    from osdimage.imaging.media.usb.layout import StickLayout
    from osdimage.imaging.media.usb.splitting import Fitted
    from osdimage.imaging.media.usb.update import StickUpdate
    from osdimage.imaging.progress import ProgressCallback

_EXPORTED = 40
"""Per cent of the work that compressing a WIM again takes, where that must be."""


@dataclass(frozen=True, slots=True)
class UsbWish:
    """What the options say that are of this command alone.

    Attributes:
        split_size: the largest size of a part of a WIM, in bytes; None for the usual.
        label: None for that of what it is made of.
        update: change what is on the stick.
        seed: what identifiers are drawn from; None for the system.
    """

    split_size: int | None
    label: str | None
    update: bool
    seed: str | None


@click.command("usb")
@click.argument("stick", type=disk_params.NEW_DISK)
@boot_params.options
@change_options
@stick_options.options
@params.gathered(
    "wish",
    UsbWish,
    click.option(
        "--split-size",
        type=values.PART_SIZE,
        metavar="SIZE",
        help="Cut an install.wim on FAT32 that is larger into parts of this size.  Default: 3800MB, from 4 GiB on.",
    ),
    click.option("--label", help="The label of its volumes.  Default: that of the source, or that of the boot image."),
    click.option(
        "--update",
        is_flag=True,
        help="Write what differs to a stick that is there, and keep all else; files of others stay.",
    ),
    disk_params.seed,
)
@disk_params.opening_to_write
@disk_params.saving
@params.dry_run
@params.output(more="each file, and where it comes from")
def usb_command(
    stick: Path,
    given: BootGiven,
    changes: MediumChanges,
    target: StickGiven,
    wish: UsbWish,
    opening: Opening,
    saving: TableSaving,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make STICK, a device or the image of a disk, start a boot image by BIOS and UEFI.

    EVERYTHING THAT IS ON IT IS LOST, but with --update.  What will be lost is shown first, and you are asked, unless
    --yes is given or STICK is a new image.  Boot files are looked for in the source, then in the boot image, then in
    --boot-files-from: nothing comes with osdimage.

    A file on FAT32 is smaller than 4 GiB: a larger install.wim is cut into install.swm, install2.swm and so on, which
    Windows Setup takes, and an ESD is compressed again for it.  What was written is read back and compared.
    """
    if wish.update:
        _refuse_with_update(wish, target, saving, stick)
    target.refuse_together(stick, given.firmware)
    stick_options.refuse_read(stick, (*changes.sources, *given.sources))
    making = StickJob(stick, target, saving, opening, wish.seed, dry_run, reporter)
    making.refuse_early(asks=not wish.update)
    # What is made bears the time of the boot image, so that an update finds it as it was.
    with given.opened(reporter, is_disc=False) as boot:
        medium = _medium(boot, changes, wish)
        work = _update if wish.update else _write
        work(_Job(making, medium, boot, given, wish))


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done."""

    stick: StickJob
    medium: Medium
    boot: OpenedBoot
    given: BootGiven
    wish: UsbWish

    def progress(self, begins: float, ends: float) -> ProgressCallback | None:
        """Return the callback for a share of what comes after the boot image is ready, in percent of it."""
        from osdimage.imaging.progress import portion  # noqa: PLC0415 - start-up stays cheap

        return portion(self.given.rest(self.stick.reporter), begins, ends)

    def fitted(self, layout: StickLayout) -> AbstractContextManager[Fitted]:
        """Cut what FAT32 cannot hold."""
        from osdimage.imaging.media.usb.splitting import fitted  # noqa: PLC0415 - start-up stays cheap

        path = self.stick.path
        beside = path.parent if not path.exists() or path.is_file() else None
        progress = self.progress(0, _EXPORTED)
        return fitted(self.medium, layout, part_bytes=self.wish.split_size, scratch=beside, progress=progress)

    def report(self, made: view.Made, found: Fitted, more: Mapping[str, object]) -> None:
        """Show what was written, or would be."""
        reporter = self.stick.reporter
        view.report(
            [made],
            reporter,
            images=(self.boot.image, *self.boot.others),
            dry_run=self.stick.dry_run,
            more={"split": [{"path": path, "parts": parts} for path, parts in found.split], **more},
        )
        if not reporter.as_json and not reporter.quiet:
            for path, parts in found.split:
                render.line(f"  {path}: in {counted(parts, 'part')}")


def _refuse_with_update(wish: UsbWish, target: StickGiven, saving: TableSaving, stick: Path) -> None:
    from osdimage.imaging.disk.tables.backup import USUAL_SAVING  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415 - start-up stays cheap

    made = {"--layout": target.layout, "--size": target.size, "--label": wish.label, "--format": target.disk_format}
    for option, value in (made | {"--seed": wish.seed}).items():
        if value is not None:
            raise click.UsageError(f"{option} does not go with --update, which keeps table and volumes")
    if saving != USUAL_SAVING:
        raise click.UsageError("--update keeps the table, so that --backup and --no-backup do not go with it")
    if not stick.exists():
        raise InvalidRequest(f"{stick}: there is no such stick to update")


def _medium(boot: OpenedBoot, changes: MediumChanges, wish: UsbWish) -> Medium:
    from osdimage.imaging.media.parts.changes import changed_medium  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.parts.medium import Medium  # noqa: PLC0415

    label = boot.source_label or f"WINPE_{boot.image.architecture.upper()}"
    made = Medium(label if wish.label is None else wish.label, boot.files, boot.parts, boot.warnings)
    return changed_medium(made, changes)


def _write(job: _Job) -> None:
    """Write a stick anew, or say what would be written."""
    stick = job.stick
    with job.fitted(stick.options.layout) as found:
        if stick.dry_run:
            plan, saved = stick.planned(found.medium), None
        else:
            begins = _EXPORTED if found.exported else 0
            plan, saved = stick.written(found.medium, job.progress(begins, 100))
        job.report(stick.made(plan), found, stick_options.facts(plan, saved) | {"update": None})


def _update(job: _Job) -> None:
    """Change a stick, or say what would be changed."""
    from osdimage.imaging.disk.held import volumes  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.usb.update import layout_of, plan_update, update_stick  # noqa: PLC0415

    with job.stick.opened() as disk:
        job.stick.checked(disk)
        layout = layout_of(disk)
        with job.fitted(layout) as found:
            begins = _EXPORTED if found.exported else 0
            middle = (100 + begins) / 2
            update = plan_update(found.medium, disk, progress=job.progress(begins, middle))
            if not job.stick.dry_run:
                update_stick(update, disk, compare=not job.stick.given.no_compare, progress=job.progress(middle, 100))
            table = disk.table
            labels = {each.number: held.label for each, held in volumes(disk.target, table)}
            facts = {
                "layout": layout,
                "volumes": [
                    {
                        "number": each.partition.number,
                        "filesystem": _called(disk.volume_in(each.partition)),
                        "label": labels.get(each.partition.number),
                        "size_bytes": table.size_bytes(each.partition),
                        "files": len(each.written) + each.kept,
                    }
                    for each in update.volumes
                ],
                "saved": None,
                "update": _changes(update),
            }
            boot = found.medium.boot
            told = replace(
                found.medium,
                boot=None if boot is None else replace(boot, firmware=update.starts),
                warnings=update.warnings,
            )
            job.report(view.Made(job.stick.path, told, disk.geometry.size_bytes, is_changed=True), found, facts)
            _tell_update(update, job)


def _called(volume: OpenVolume) -> str | None:
    return None if volume.content is None else volume.content.called


def _changes(update: StickUpdate) -> dict[str, object]:
    return {
        "written": [each.path for volume in update.volumes for each in volume.written],
        "deleted": [path for volume in update.volumes for path in volume.deleted],
        "left": [path for volume in update.volumes for path in volume.left],
        "kept": sum(volume.kept for volume in update.volumes),
    }


def _tell_update(update: StickUpdate, job: _Job) -> None:
    if job.stick.reporter.as_json or job.stick.reporter.quiet:
        return
    would = "would be " if job.stick.dry_run else ""
    for volume in update.volumes:
        for file in volume.written:
            render.line(f"  {file.path}: {would}written, {format_size(file.size)}")
        for path in volume.deleted:
            render.line(f"  {path}: {would}deleted")
        for path in volume.left:
            render.line(f"  {path}: is none of the medium's, and stays")
    kept = sum(volume.kept for volume in update.volumes)
    render.line(f"  {counted(kept, 'file')} {'is' if kept == 1 else 'are'} the same")
