"""What the commands share that write sticks: the options, what is refused, asked and shown, and the writing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, suffix, values
from osdimage.cli.deploy.target import refuse_input
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import view

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.backup import TableSaving
    from osdimage.imaging.media.parts.medium import BootParts, Medium
    from osdimage.imaging.media.sequence.sets.described import SetPlan
    from osdimage.imaging.media.usb.plan import StickOptions, StickPlan
    from osdimage.imaging.progress import ProgressCallback

_HASHED = 40.0
"""Per cent of the work that reading everything for the manifest is; the rest is writing the stick."""


@dataclass(frozen=True, slots=True)
class StickGiven:
    """What the options of ``options`` say, which are passed as ``target``: how a stick is made, and which disk it is.

    Attributes:
        layout: which table and volumes; None where it was not said.
        size: of an image, or how much of a disk is used, in bytes; None for what is needed, or all.
        disk_format: of an image that is made; None as its name says.
        fixed_disk: whether a device that stays in its computer is taken.
        no_compare: do not read it back.
        yes: do not ask.
        expect_serial: the serial number that it must have, or None.
        expect_size: the size in bytes that it must have, or None.
    """

    layout: str | None
    size: int | None
    disk_format: str | None
    fixed_disk: bool
    no_compare: bool
    yes: bool
    expect_serial: str | None
    expect_size: int | None

    @property
    def said(self) -> tuple[str, ...]:
        """The options that were given."""
        names = {
            "--layout": self.layout,
            "--size": self.size,
            "--format": self.disk_format,
            "--fixed-disk": self.fixed_disk or None,
            "--no-compare": self.no_compare or None,
            "--yes": self.yes or None,
            "--expect-serial": self.expect_serial,
            "--expect-size": self.expect_size,
        }
        return tuple(name for name, value in names.items() if value is not None)

    def refuse_together(self, stick: Path, firmware: str) -> None:
        """Refuse options that contradict each other.

        Raises:
            click.UsageError: naming them.
        """
        if self.disk_format is not None and stick.exists():
            raise click.UsageError(f"--format is for an image that is made, and {stick} is there")
        if self.layout == "gpt" and firmware in {"bios", "both"}:
            raise click.UsageError(f"--firmware {firmware} does not go with --layout gpt, which UEFI alone starts")


options = params.gathered(
    "target",
    StickGiven,
    click.option(
        "--layout",
        type=click.Choice(["fat32", "fat32+ntfs", "gpt"]),
        help="Of a stick: fat32 (default) starts everywhere; fat32+ntfs has a second volume for files of 4 GiB and "
        "more; gpt has an EFI system partition and NTFS, for UEFI alone.",
    ),
    click.option(
        "--size",
        type=values.DISK_SIZE,
        metavar="SIZE",
        help="Of the image of a stick that is made, or how much of a device is used.  Default: what is needed and 5 %, "
        "or all.",
    ),
    click.option(
        "--format",
        "disk_format",
        type=click.Choice(["raw", "qcow2", "vhdx", "vhd"]),
        help="Of the image of a stick that is made; all but raw need QEMU's tools.  Default: as its name ends, or raw.",
    ),
    click.option("--fixed-disk", is_flag=True, help="Also write to a device that is neither removable nor on USB."),
    click.option("--no-compare", is_flag=True, help="Do not read a stick back and compare what was written."),
    disk_params.yes,
    *disk_params.expectations,
)


def refuse_read(stick: Path, read: Iterable[Path]) -> None:
    """Refuse a stick that is what it is made of, or an image inside a folder that is.

    Raises:
        click.UsageError: naming both.
    """
    sources = tuple(read)
    refuse_input(stick, sources, ())
    for each in sources:
        if each.is_dir() and stick.resolve().is_relative_to(each.resolve()):
            raise click.UsageError(f"{stick} is inside {each}, which is read; valid is another path for the stick")


@dataclass(frozen=True, slots=True)
class StickJob:
    """A stick that is to be made.

    Attributes:
        path: of the device or image.
        given: how.
        saving: whether and where the table is saved that was there.
        opening: how a disk that is there is opened.
        seed: what identifiers are drawn from; None for the system.
        dry_run: whether nothing is written.
        reporter: asks.
    """

    path: Path
    given: StickGiven
    saving: TableSaving
    opening: Opening
    seed: str | None
    dry_run: bool
    reporter: Reporter

    @property
    def options(self) -> StickOptions:
        """How it is planned."""
        from osdimage.imaging.media.usb.layout import StickLayout  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.usb.plan import StickOptions  # noqa: PLC0415

        layout = StickLayout(self.given.layout or "fat32")
        return StickOptions(layout, self.given.size, disk_params.random_bits(self.seed))

    def checked(self, disk: Disk) -> Disk:
        """Return a disk if it is the one that was meant."""
        from osdimage.imaging.disk.device import check_expected, refuse_fixed  # noqa: PLC0415 - start-up stays cheap

        check_expected(disk.target, serial=self.given.expect_serial, size_bytes=self.given.expect_size)
        if not self.given.fixed_disk:
            refuse_fixed(disk.target)
        return disk

    def refuse_early(self, *, asks: bool = True) -> None:
        """Refuse a device that is not the one that was meant before the boot image is made ready, which takes minutes.

        It is looked at again when it is opened for writing.

        Args:
            asks: whether somebody has to say yes later, who must be there then.
        """
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

        if self.path.is_block_device():
            with open_disk(self.path, opening=self.opening, share=True) as disk:
                self.checked(disk)
        if asks and self.path.exists() and not (self.given.yes or self.dry_run):
            self.reporter.refuse_unattended(f"{self.path} would be overwritten")

    def opened(self) -> Disk:
        """Open the disk that is there, for writing unless nothing will be."""
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

        return open_disk(self.path, write=not self.dry_run, opening=self.opening)

    def planned(self, medium: Medium) -> StickPlan:
        """Return what would be written."""
        from osdimage.imaging.media.usb.plan import plan_stick  # noqa: PLC0415 - start-up stays cheap

        if not self.path.exists():
            return plan_stick(medium, self.options, name=str(self.path))
        with self.opened() as disk:
            return plan_stick(medium, self.options, geometry=self.checked(disk).geometry, name=disk.name)

    def written(
        self, medium: Medium, progress: ProgressCallback | None, complete: Callable[[], Medium] | None = None
    ) -> tuple[StickPlan, Path | None]:
        """Write it, and return what was written and the file with the table that was there.

        Args:
            medium: what it is to hold.
            progress: of the writing alone.
            complete: makes of the medium what is written, when the disk was checked and nobody refused; None writes
                the medium as it is.
        """
        from osdimage.imaging.deploy.formats import DiskFormat  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.usb.target import planned_stick  # noqa: PLC0415
        from osdimage.imaging.media.usb.write import write_stick  # noqa: PLC0415

        def settled(plan: StickPlan, disk: Disk | None) -> Medium:
            if disk is not None:
                self.checked(disk)
                if not self.given.yes:
                    _ask(disk, plan, self.reporter)
            return medium if complete is None else complete()

        form = DiskFormat(suffix.disk_format(self.path, self.given.disk_format))
        with planned_stick(
            self.path, medium, self.options, disk_format=form, opening=self.opening, complete=settled
        ) as (plan, disk):
            done = write_stick(
                plan,
                self.checked(disk),
                now=disk_params.now(),
                saving=self.saving,
                compare=not self.given.no_compare,
                progress=progress,
            )
        return replace(plan, warnings=(*plan.warnings, *done.warnings)), done.saved

    def made(self, plan: StickPlan) -> view.Made:
        """Return what is shown of it."""
        medium = plan.medium
        boot = None if medium.boot is None else replace(medium.boot, firmware=plan.starts)
        return view.Made(self.path, replace(medium, boot=boot, warnings=plan.warnings), plan.size_bytes)

    def starting(self, boot: BootParts) -> BootParts:
        """Return what starts of a medium from a stick of this layout; a BIOS starts none with a GPT."""
        from osdimage.imaging.boot.firmware import Firmware  # noqa: PLC0415 - start-up stays cheap

        if self.given.layout != "gpt" or Firmware.UEFI not in boot.firmware:
            return boot
        return replace(boot, firmware=frozenset({Firmware.UEFI}))


def facts(plan: StickPlan, saved: Path | None) -> dict[str, object]:
    """Return what documents tell of a stick."""
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
        "saved": saved,
    }


def made_of_set(
    job: StickJob, plan: SetPlan, key: Path | None, progress: ProgressCallback | None
) -> tuple[view.Made, dict[str, object]]:
    """Make a stick of a set that is on one medium, or plan it; return what is shown of it, and what documents tell.

    Everything is read once for the manifest when the disk was checked, and nothing was written yet.
    """
    from osdimage.imaging.media.parts.medium import Medium  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.sets.plan import pack  # noqa: PLC0415
    from osdimage.imaging.progress import portion  # noqa: PLC0415

    def packed() -> Medium:
        (whole,) = pack(plan, key=key, progress=portion(progress, 0, _HASHED))
        return whole

    (alone,) = plan.discs
    medium = Medium(alone.label, alone.files, plan.medium.boot, plan.medium.warnings)
    if job.dry_run:
        done, saved = job.planned(medium), None
    else:
        done, saved = job.written(medium, portion(progress, _HASHED, 100), packed)
    return job.made(done), facts(done, saved)


def _ask(disk: Disk, plan: StickPlan, reporter: Reporter) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    reporter.refuse_unattended(f"{disk.name} would be overwritten")
    disk_render.show_disk(f"plan for {disk.name}", plan.table, {})
    disk_render.show_losses(disk.target)
    click.confirm("Write this stick?", abort=True, err=True)


@dataclass(frozen=True, slots=True)
class StickWish:
    """A stick that is wished for in the place of discs, with ``--usb``."""

    given: StickGiven
    saving: TableSaving

    def job(self, path: Path, seed: str | None, reporter: Reporter, *, firmware: str, dry_run: bool) -> StickJob:
        """Return what is to be made.

        Raises:
            click.UsageError: when options contradict each other, or nobody is there who can say yes.
            TargetRefused: when it is another device than was meant.
        """
        from osdimage.imaging.disk.opening import AS_FOUND  # noqa: PLC0415 - start-up stays cheap

        self.given.refuse_together(path, firmware)
        made = StickJob(path, self.given, self.saving, AS_FOUND, seed, dry_run, reporter)
        made.refuse_early()
        return made


def optional(command: params.Command) -> params.Command:
    """Add ``--usb`` and the options about a stick, and pass a :class:`StickWish` as ``stick``, or None for a disc."""

    @functools.wraps(command)
    def run(*args: Any, usb: bool, target: StickGiven, saving: TableSaving, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        if not usb:
            _refuse_without(target, saving)
            return command(*args, stick=None, **kwargs)
        return command(*args, stick=StickWish(target, saving), **kwargs)

    flag = click.option(
        "--usb", is_flag=True, help="Make a stick: a device, WHICH LOSES ALL THAT IS ON IT, or the image of one."
    )
    return params.add(flag, options, disk_params.saving)(run)


def _refuse_without(target: StickGiven, saving: TableSaving) -> None:
    """Refuse options about a stick where none is made."""
    from osdimage.imaging.disk.tables.backup import USUAL_SAVING  # noqa: PLC0415 - start-up stays cheap

    said = list(target.said)
    if saving != USUAL_SAVING:
        said.append("--no-backup" if saving.path is None else "--backup")
    if said:
        raise click.UsageError(f"{', '.join(said)}: of a stick, which --usb makes")


def refuse_disc_options(*, overwrite: bool, media_size: bool = False) -> None:
    """Refuse what is said of discs where a stick is made.

    Raises:
        click.UsageError: naming the option.
    """
    if media_size:
        raise click.UsageError("--media-size is of discs; a stick is one, as large as --size says")
    if overwrite:
        raise click.UsageError("--overwrite is of discs; a stick that is there is overwritten with --yes")
