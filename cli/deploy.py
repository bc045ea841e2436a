"""``osdimage deploy``."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, render
from osdimage.cli.boot import install
from osdimage.cli.boot import params as boot_params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.params import LayoutSource
from osdimage.cli.render import Reporter, contents, counted
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.boot.install import BootOptions
    from osdimage.imaging.deploy.execute import DeployResult
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.disk.layout import DiskLayout
    from osdimage.imaging.disk.target import FileTarget
    from osdimage.imaging.progress import ProgressCallback, ProgressEvent
    from osdimage.imaging.units import Geometry
    from osdimage.imaging.wim.select import ImageSelector as Selector


@click.command("deploy")
@click.argument("wim", type=params.EXISTING)
@click.argument("disk", type=disk_params.DISK)
@disk_params.layout
@click.option("--layout-from-wim", is_flag=True, help="Lay the disk out as the captured one that the WIM tells of.")
@click.option("--all-volumes", is_flag=True, help="With --layout-from-wim: apply every image to its volume.")
@click.option("--size", type=params.SIZE, metavar="SIZE", help="Create DISK as a sparse image of this size.")
@disk_params.sector_size
@disk_params.seed
@params.selector
@params.references
@params.check
@click.option(
    "--partition",
    type=click.IntRange(min=1),
    metavar="N",
    help="The partition for the image.  Default: that of Windows.",
)
@click.option(
    "--format",
    "disk_format",
    type=click.Choice(["raw", "qcow2", "vhdx", "vhd"]),
    default="raw",
    show_default=True,
    help="Of a disk image; all but raw need qemu-img, and --size.",
)
@click.option("--unattend", type=params.EXISTING, metavar="FILE", help=r"Place it as \Windows\Panther\unattend.xml.")
@click.option("--no-boot", is_flag=True, help="Do not make the disk start: no boot files, BCD store and boot code.")
@boot_params.options
@params.add(*disk_params.expectations)
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--no-sync", is_flag=True, help="Do not wait until everything is on the medium.")
@click.option("--strict", is_flag=True, help="Fail when something of the image could not be kept.")
@disk_params.yes
@params.output()
def deploy_command(
    wim: Path,
    disk: Path,
    source: LayoutSource,
    layout_from_wim: bool,
    all_volumes: bool,
    size: int | None,
    sector_size: int | None,
    seed: str | None,
    selector: Selector,
    refs: tuple[str, ...],
    check: bool,
    partition: int | None,
    disk_format: str,
    unattend: Path | None,
    no_boot: bool,
    boot_options: Callable[..., BootOptions],
    expect_serial: str | None,
    expect_size: int | None,
    dry_run: bool,
    no_sync: bool,
    strict: bool,
    yes: bool,
    reporter: Reporter,
) -> None:
    """Turn a WIM into a disk: write the partition table, format the volumes, apply an image, make it start.

    DISK is a disk image, which --size creates, or a device.  EVERYTHING THAT IS ON IT IS LOST.  An image needs no root,
    no loop device and no mount.  The plan is shown first, and you are asked, unless --yes is given or DISK is new.
    """
    from osdimage.imaging.deploy.execute import execute, refuse_untold_sectors  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.deploy.plan import make_plan  # noqa: PLC0415
    from osdimage.imaging.deploy.relayout import plan_from_wim  # noqa: PLC0415
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415
    from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

    if disk_format != "raw" and size is None:
        raise click.UsageError(f"--format {disk_format} makes a new disk image; give its --size")
    if all_volumes and (partition is not None or unattend is not None or selector != type(selector)()):
        raise click.UsageError("--all-volumes takes every image; it goes with no choice, and no --unattend")
    layout = _layout(source, from_wim=layout_from_wim, all_volumes=all_volumes)
    _refuse_input(disk, (wim, unattend, source.vars_file), refs)
    began = time.monotonic()
    rng = disk_params.random_bits(seed)
    answer_file = None if unattend is None else _answer_file(unattend)
    boot = _boot(boot_options(), no_boot=no_boot)
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        image = opened.select(ImageSelector(index=1) if all_volumes else selector)

        def expected(target: FileTarget) -> None:
            check_expected(target, serial=expect_serial, size_bytes=expect_size)

        def planned(geometry: Geometry) -> DeployPlan:
            if layout is None:
                chosen = None if all_volumes else image
                return plan_from_wim(
                    opened, chosen, geometry, rng, partition=partition, unattend=answer_file, boot=boot
                )
            return make_plan(image, layout, geometry, rng, partition=partition, unattend=answer_file, boot=boot)

        if dry_run:
            plan = planned(_geometry(disk, disk_format, size, sector_size, expected))
            refuse_untold_sectors(plan, str(disk), is_image=not disk.is_block_device())
            _show(disk, plan, reporter)
            return
        with _target(disk, disk_format, size=size, sector_size=sector_size, replace=yes) as (target, is_new):
            expected(target)
            plan = planned(target.geometry)
            for text in plan.warnings:
                reporter.warn(text)
            if not is_new and not yes:
                _ask(target, plan, reporter)
            result = execute(
                plan,
                target,
                image,
                others=opened.images if all_volumes else (),
                now=disk_params.now(),
                is_zero=is_new,
                sync=not no_sync,
                strict=strict,
                progress=_naming(progress, target.name, disk),
            )
            result = _named(result, target.name, disk)
            if not (reporter.as_json or reporter.quiet):
                _picture(target.name, disk)
    applied = result.applied
    more = [
        f"  partition {each.partition}: {counted(each.files, 'file')}, {format_size(each.size)}" for each in result.more
    ]
    starts = [] if result.boot is None else install.lines(result.boot, where=str(disk))
    saved = [] if result.saved is None else [f"the old partition table is saved in {result.saved}"]
    reporter.result(
        result,
        f"{disk}: partition {applied.partition} holds {contents(applied.files, applied.directories)}, "
        f"{format_size(applied.size)}, from image "
        f"{image.index} {image.name!r} ({time.monotonic() - began:.1f} s)",
        *more,
        *starts,
        *saved,
    )


def _refuse_input(disk: Path, inputs: Iterable[Path | None], patterns: Iterable[str]) -> None:
    """Refuse a disk that is a file which is read: it would be lost before, or with, the first byte."""
    matching = (Path(name) for pattern in patterns for name in glob.glob(pattern))  # noqa: PTH207 - absolute ones too
    for each in (*inputs, *matching):
        if each is not None and each.resolve() == disk.resolve():
            raise click.UsageError(f"{disk} is read by this command; valid is another path for the disk")


def _answer_file(path: Path) -> str:
    """Return the path as text; refuse a file of another kind, which only a start of the disk would tell."""
    from osdimage.imaging.element import MAX_BYTES, read_element  # noqa: PLC0415
    from osdimage.imaging.errors import InvalidInput  # noqa: PLC0415 - start-up stays cheap

    with path.open("rb") as file:
        root = read_element(file.read(MAX_BYTES + 1), source=str(path))
    if root.tag.rpartition(":")[2] != "unattend":
        raise InvalidInput(f"{path}: its root is <{root.tag}>; valid is an answer file, whose root is <unattend>")
    return str(path)


def _boot(options: BootOptions, *, no_boot: bool) -> BootOptions | None:
    if no_boot and options != type(options)():
        raise click.UsageError("--no-boot makes nothing start; it goes with no option of how the disk starts")
    return None if no_boot else options


def _layout(source: LayoutSource, *, from_wim: bool, all_volumes: bool) -> DiskLayout | None:
    """Return the layout that the options describe, or None for that of the WIM."""
    if from_wim and (source.is_given or source.recovery is not None):
        raise click.UsageError("--layout-from-wim is a whole layout; it does not go with --preset, --vars and --var")
    if all_volumes and not from_wim:
        raise click.UsageError("--all-volumes goes with --layout-from-wim")
    return None if from_wim else source.load()


def _geometry(
    disk: Path,
    disk_format: str,
    size: int | None,
    sector_size: int | None,
    expected: Callable[[FileTarget], None],
) -> Geometry:
    """Return that of the disk, or of the image that would be made; refuse what would be refused without --dry-run."""
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.units import Geometry  # noqa: PLC0415

    if disk.exists() and disk_format == "raw":
        with open_target(str(disk), sector_size=sector_size) as target:
            _require_size(disk, target, size)
            expected(target)
            return target.geometry
    if size is None:
        raise click.UsageError(f"{disk} does not exist; give --size to plan for an image")
    return Geometry.of_size(size, sector_size or 512)


def _require_size(disk: Path, target: FileTarget, size: int | None) -> None:
    from osdimage.imaging.errors import TargetRefused  # noqa: PLC0415 - start-up stays cheap

    have = target.geometry.size_bytes
    if size is not None and have != size:
        raise TargetRefused(f"{disk} exists and has {have} bytes, not {size}; give its size, or no --size")


@contextmanager
def _target(
    disk: Path, disk_format: str, *, size: int | None, sector_size: int | None, replace: bool
) -> Iterator[tuple[FileTarget, bool]]:
    """Open the disk, or create the image; tell whether it is new.

    One that is to have another format than raw becomes the disk in the end.
    """
    from osdimage.imaging.deploy.convert import DiskFormat, raw_beside  # noqa: PLC0415 - start-up stays cheap

    if disk_format == DiskFormat.RAW or size is None:
        with _raw_target(disk, size=size, sector_size=sector_size) as opened:
            yield opened
        return
    form = DiskFormat(disk_format)
    with raw_beside(disk, form, size, sector_size=sector_size or 512, replace=replace) as target:
        yield target, True


@contextmanager
def _raw_target(disk: Path, *, size: int | None, sector_size: int | None) -> Iterator[tuple[FileTarget, bool]]:
    """Open the disk, or create the image; tell whether it is new.  A new one that is still blank is removed."""
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.read import read_table  # noqa: PLC0415
    from osdimage.imaging.disk.target import create_image  # noqa: PLC0415

    if disk.exists():
        with open_target(str(disk), write=True, sector_size=sector_size) as target:
            _require_size(disk, target, size)
            yield target, False
        return
    if size is None:
        raise click.UsageError(f"{disk} does not exist; give --size to create an image")
    with create_image(str(disk), size, sector_size=sector_size or 512) as target:
        try:
            yield target, True
        except BaseException:
            with open_target(str(disk)) as again:
                is_blank = read_table(again).table is None
            if is_blank:
                disk.unlink()
            raise


def _show(disk: Path, plan: DeployPlan, reporter: Reporter) -> None:
    if reporter.as_json:
        render.document(_document(disk, plan))
        return
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    disk_render.show_disk(f"plan for {disk}", plan.table, {})
    for number, text in enumerate(plan.describe(), 1):
        render.line(f"{number}. {text}")
    for text in plan.warnings:
        reporter.warn(text)


def _document(disk: Path, plan: DeployPlan) -> dict[str, Any]:
    from osdimage.imaging.disk import plan as plans  # noqa: PLC0415 - start-up stays cheap

    return {
        "disk": str(disk),
        "table": plans.table_document(plan.table),
        "actions": [{"does": action.describe(), "destroys": action.destroys} for action in plan.actions],
        "unattend": plan.unattend,
        "warnings": list(plan.warnings),
    }


def _ask(target: FileTarget, plan: DeployPlan, reporter: Reporter) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap

    reporter.refuse_unattended(f"{target.name} would be overwritten")
    _show(Path(target.name), plan, reporter)
    disk_render.show_losses(target)
    click.confirm("Carry it out?", abort=True, err=True)


def _naming(progress: ProgressCallback | None, name: str, disk: Path) -> ProgressCallback | None:
    if progress is None:
        return None

    def call_it_disk(event: ProgressEvent) -> None:
        text = event.warning
        progress(event if text is None else replace(event, warning=text.replace(name, str(disk))))

    return call_it_disk


def _named(result: DeployResult, name: str, disk: Path) -> DeployResult:
    """Call the disk by the name that it gets, also where it was worked on without one."""
    applied, *more = (replace(each, target=disk) for each in (result.applied, *result.more))
    boot = None if result.boot is None else replace(result.boot, disk=disk)
    warnings = tuple(text.replace(name, str(disk)) for text in result.warnings)
    return replace(result, disk=disk, applied=applied, warnings=warnings, more=tuple(more), boot=boot)


def _picture(raw: str, disk: Path) -> None:
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.held import volumes  # noqa: PLC0415
    from osdimage.imaging.disk.read import read_table  # noqa: PLC0415

    with open_target(raw) as target:
        table = read_table(target).require()
        held = {partition.number: volume for partition, volume in volumes(target, table)}
    disk_render.show_disk(str(disk), table, held)
