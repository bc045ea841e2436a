"""``osdimage media usb``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, suffix, values
from osdimage.cli.deploy.target import refuse_input
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import boot_params, view
from osdimage.cli.media.boot_params import BootGiven, OpenedBoot
from osdimage.cli.media.changes import changes as change_options
from osdimage.cli.render import Reporter, counted
from osdimage.imaging.units import format_size

if TYPE_CHECKING:
    from osdimage.imaging.boot.firmware import Firmware
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.media.parts.changes import MediumChanges
    from osdimage.imaging.media.parts.medium import Medium
    from osdimage.imaging.media.usb.layout import StickLayout
    from osdimage.imaging.media.usb.plan import StickOptions, StickPlan
    from osdimage.imaging.media.usb.splitting import Fitted
    from osdimage.imaging.media.usb.update import StickUpdate
    from osdimage.imaging.progress import ProgressCallback

_EXPORTED = 40
"""Per cent of the work that compressing a WIM again takes, where that must be."""


@dataclass(frozen=True, slots=True)
class StickWish:
    """What the options say of the stick itself.

    Attributes:
        layout: which table and volumes; None where it was not said.
        size: of an image, or how much of a disk is used, in bytes; None for what is needed, or all.
        split_size: the largest size of a part of a WIM, in bytes; None for the usual.
        label: None for that of what it is made of.
        disk_format: of an image that is made; None as its name says.
        fixed_disk: whether a device that stays in its computer is taken.
        update: change what is on the stick.
        no_compare: do not read it back.
        seed: what identifiers are drawn from; None for the system.
        expect_serial: the serial number that it must have, or None.
        expect_size: the size in bytes that it must have, or None.
    """

    layout: str | None
    size: int | None
    split_size: int | None
    label: str | None
    disk_format: str | None
    fixed_disk: bool
    update: bool
    no_compare: bool
    seed: str | None
    expect_serial: str | None
    expect_size: int | None


@click.command("usb")
@click.argument("stick", type=disk_params.NEW_DISK)
@boot_params.options
@change_options
@params.gathered(
    "wish",
    StickWish,
    click.option(
        "--layout",
        type=click.Choice(["fat32", "fat32+ntfs", "gpt"]),
        help="fat32 (default) starts everywhere; fat32+ntfs has a second volume for files of 4 GiB and more; gpt has "
        "an EFI system partition and NTFS, for UEFI alone.",
    ),
    click.option(
        "--size",
        type=values.DISK_SIZE,
        metavar="SIZE",
        help="Of an image that is made, or how much of a device is used.  Default: what is needed and 5 %, or all.",
    ),
    click.option(
        "--split-size",
        type=values.PART_SIZE,
        metavar="SIZE",
        help="Cut an install.wim on FAT32 that is larger into parts of this size.  Default: 3800MB, from 4 GiB on.",
    ),
    click.option("--label", help="The label of its volumes.  Default: that of the source, or that of the boot image."),
    click.option(
        "--format",
        "disk_format",
        type=click.Choice(["raw", "qcow2", "vhdx", "vhd"]),
        help="Of an image that is made; all but raw need QEMU's tools.  Default: as the name of STICK ends, else raw.",
    ),
    click.option("--fixed-disk", is_flag=True, help="Also write to a device that is neither removable nor on USB."),
    click.option(
        "--update",
        is_flag=True,
        help="Write what differs to a stick that is there, and keep all else; files of others stay.",
    ),
    click.option("--no-compare", is_flag=True, help="Do not read back and compare what was written."),
    disk_params.seed,
    *disk_params.expectations,
)
@disk_params.opening_to_write
@disk_params.saving
@disk_params.yes
@params.dry_run
@params.output(more="each file, and where it comes from")
def usb_command(
    stick: Path,
    given: BootGiven,
    changes: MediumChanges,
    wish: StickWish,
    opening: Opening,
    saving: TableSaving,
    yes: bool,
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
    _refuse_together(wish, given.firmware, saving, stick)
    refuse_input(stick, (*changes.sources, *given.sources), ())
    _refuse_inside(stick, (*changes.sources, *given.sources))
    # Before the boot image is made ready, which takes minutes.
    if stick.is_block_device():
        _refuse_device(stick, wish, opening)
    if stick.exists() and not (wish.update or yes or dry_run):
        reporter.refuse_unattended(f"{stick} would be overwritten")
    # What is made bears the time of the boot image, so that an update finds it as it was.
    with given.opened(reporter, is_disc=False) as boot:
        medium = _medium(boot, changes, wish)
        work = _update if wish.update else _write
        work(_Job(stick, medium, boot, given, wish, opening, saving, yes, dry_run, reporter))


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done."""

    stick: Path
    medium: Medium
    boot: OpenedBoot
    given: BootGiven
    wish: StickWish
    opening: Opening
    saving: TableSaving
    yes: bool
    dry_run: bool
    reporter: Reporter

    def checked(self, disk: Disk) -> Disk:
        """Return a disk if it is the one that was meant."""
        _refuse_other(disk, self.wish)
        return disk

    def opened(self) -> Disk:
        """Open the disk that is there, for writing unless nothing will be."""
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

        return open_disk(self.stick, write=not self.dry_run, opening=self.opening)

    def progress(self, begins: float, ends: float) -> ProgressCallback | None:
        """Return the callback for a share of what comes after the boot image is ready, in percent of it."""
        from osdimage.imaging.progress import portion  # noqa: PLC0415 - start-up stays cheap

        return portion(self.given.rest(self.reporter), begins, ends)

    def fitted(self, layout: StickLayout) -> AbstractContextManager[Fitted]:
        """Cut what FAT32 cannot hold."""
        from osdimage.imaging.media.usb.splitting import fitted  # noqa: PLC0415 - start-up stays cheap

        beside = self.stick.parent if not self.stick.exists() or self.stick.is_file() else None
        progress = self.progress(0, _EXPORTED)
        return fitted(self.medium, layout, part_bytes=self.wish.split_size, scratch=beside, progress=progress)

    def report(self, found: Fitted, starts: frozenset[Firmware], size_bytes: int, more: Mapping[str, object]) -> None:
        """Show what was written, or would be."""
        boot = self.medium.boot
        told = replace(found.medium, boot=None if boot is None else replace(boot, firmware=starts))
        view.report(
            [view.Made(self.stick, told, size_bytes, is_changed=self.wish.update)],
            self.reporter,
            images=(self.boot.image, *self.boot.others),
            dry_run=self.dry_run,
            more={"split": [{"path": path, "parts": parts} for path, parts in found.split], **more},
        )
        if not self.reporter.as_json and not self.reporter.quiet:
            for path, parts in found.split:
                render.line(f"  {path}: in {counted(parts, 'part')}")


def _refuse_together(wish: StickWish, firmware: str, saving: TableSaving, stick: Path) -> None:
    from osdimage.imaging.disk.tables.backup import USUAL_SAVING  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415 - start-up stays cheap

    if wish.update:
        for name in ("layout", "size", "label", "disk_format", "seed"):
            if getattr(wish, name) is not None:
                option = "--format" if name == "disk_format" else f"--{name}"
                raise click.UsageError(f"{option} does not go with --update, which keeps table and volumes")
        if saving != USUAL_SAVING:
            raise click.UsageError("--update keeps the table, so that --backup and --no-backup do not go with it")
        if not stick.exists():
            raise InvalidRequest(f"{stick}: there is no such stick to update")
    elif wish.disk_format is not None and stick.exists():
        raise click.UsageError(f"--format is for an image that is made, and {stick} is there")
    if wish.layout == "gpt" and firmware in {"bios", "both"}:
        raise click.UsageError(f"--firmware {firmware} does not go with --layout gpt, which UEFI alone starts")


def _refuse_device(stick: Path, wish: StickWish, opening: Opening) -> None:
    """Refuse a device that is not the one that was meant; it is looked at again when it is opened for writing."""
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

    with open_disk(stick, opening=opening, share=True) as disk:
        _refuse_other(disk, wish)


def _refuse_other(disk: Disk, wish: StickWish) -> None:
    """Refuse a disk of another serial number or size than is expected, and one that stays in its computer."""
    from osdimage.imaging.disk.device import check_expected, refuse_fixed  # noqa: PLC0415 - start-up stays cheap

    check_expected(disk.target, serial=wish.expect_serial, size_bytes=wish.expect_size)
    if not wish.fixed_disk:
        refuse_fixed(disk.target)


def _refuse_inside(stick: Path, read: Iterable[Path]) -> None:
    """Refuse an image inside a folder that it is made of."""
    for each in read:
        if each.is_dir() and stick.resolve().is_relative_to(each.resolve()):
            raise click.UsageError(f"{stick} is inside {each}, which is read; valid is another path for the stick")


def _medium(boot: OpenedBoot, changes: MediumChanges, wish: StickWish) -> Medium:
    from osdimage.imaging.media.parts.changes import changed_medium  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.parts.medium import Medium  # noqa: PLC0415

    label = boot.source_label or f"WINPE_{boot.image.architecture.upper()}"
    made = Medium(label if wish.label is None else wish.label, boot.files, boot.parts, boot.warnings)
    return changed_medium(made, changes)


def _write(job: _Job) -> None:
    """Write a stick anew, or say what would be written."""
    from osdimage.imaging.media.usb.layout import StickLayout  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.usb.plan import StickOptions  # noqa: PLC0415

    wish = job.wish
    layout = StickLayout(wish.layout or "fat32")
    options = StickOptions(layout, wish.size, disk_params.random_bits(wish.seed))
    with job.fitted(layout) as found:
        if job.dry_run:
            plan, saved = _planned(job, found, options), None
        else:
            plan, saved = _written(job, found, options)
        shown = replace(found, medium=replace(found.medium, warnings=plan.warnings))
        job.report(shown, plan.starts, plan.size_bytes, _facts(plan) | {"saved": saved, "update": None})


def _planned(job: _Job, found: Fitted, options: StickOptions) -> StickPlan:
    from osdimage.imaging.media.usb.plan import plan_stick  # noqa: PLC0415 - start-up stays cheap

    if not job.stick.exists():
        return plan_stick(found.medium, options, name=str(job.stick))
    with job.opened() as disk:
        return plan_stick(found.medium, options, geometry=job.checked(disk).geometry, name=disk.name)


def _written(job: _Job, found: Fitted, options: StickOptions) -> tuple[StickPlan, Path | None]:
    from osdimage.imaging.deploy.formats import DiskFormat  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.usb.target import planned_stick  # noqa: PLC0415
    from osdimage.imaging.media.usb.write import write_stick  # noqa: PLC0415

    is_new = not job.stick.exists()
    form = DiskFormat(suffix.disk_format(job.stick, job.wish.disk_format))
    begins = _EXPORTED if found.exported else 0
    with planned_stick(job.stick, found.medium, options, disk_format=form, opening=job.opening) as (plan, disk):
        job.checked(disk)
        if not is_new and not job.yes:
            _ask(disk, plan, job.reporter)
        done = write_stick(
            plan,
            disk,
            now=disk_params.now(),
            saving=job.saving,
            compare=not job.wish.no_compare,
            progress=job.progress(begins, 100),
        )
    return replace(plan, warnings=(*plan.warnings, *done.warnings)), done.saved


def _ask(disk: Disk, plan: StickPlan, reporter: Reporter) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    reporter.refuse_unattended(f"{disk.name} would be overwritten")
    disk_render.show_disk(f"plan for {disk.name}", plan.table, {})
    disk_render.show_losses(disk.target)
    click.confirm("Write this stick?", abort=True, err=True)


def _facts(plan: StickPlan) -> dict[str, object]:
    return {
        "layout": plan.layout,
        "volumes": [
            {
                "number": each.partition.number,
                "filesystem": each.filesystem.called,
                "label": each.label,
                "size_bytes": plan.table.size_bytes(each.partition),
                "files": len(each.files),
            }
            for each in plan.volumes
        ],
    }


def _update(job: _Job) -> None:
    """Change a stick, or say what would be changed."""
    from osdimage.imaging.disk.held import volumes  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.usb.update import layout_of, plan_update, update_stick  # noqa: PLC0415

    with job.opened() as disk:
        job.checked(disk)
        layout = layout_of(disk)
        with job.fitted(layout) as found:
            begins = _EXPORTED if found.exported else 0
            middle = (100 + begins) / 2
            update = plan_update(found.medium, disk, progress=job.progress(begins, middle))
            if not job.dry_run:
                update_stick(update, disk, compare=not job.wish.no_compare, progress=job.progress(middle, 100))
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
            shown = replace(found, medium=replace(found.medium, warnings=update.warnings))
            job.report(shown, update.starts, disk.geometry.size_bytes, facts)
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
    if job.reporter.as_json or job.reporter.quiet:
        return
    would = "would be " if job.dry_run else ""
    for volume in update.volumes:
        for file in volume.written:
            render.line(f"  {file.path}: {would}written, {format_size(file.size)}")
        for path in volume.deleted:
            render.line(f"  {path}: {would}deleted")
        for path in volume.left:
            render.line(f"  {path}: is none of the medium's, and stays")
    kept = sum(volume.kept for volume in update.volumes)
    render.line(f"  {counted(kept, 'file')} {'is' if kept == 1 else 'are'} the same")
