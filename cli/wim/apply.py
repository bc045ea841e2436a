"""``osdimage apply``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import numbered, params, render, several, standard, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.numbered import Pairs
from osdimage.cli.render import Reporter, compacted_lines, contents, counted, engine_lines, replaced_lines
from osdimage.cli.source import open_wim
from osdimage.cli.standard import Standard
from osdimage.cli.wim import recovery

if TYPE_CHECKING:
    from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
    from osdimage.imaging.apply.volumes import AppliedVolume
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.piped.streams import Passed
    from osdimage.imaging.wim.select import ImageSelector
    from osdimage.imaging.wim.settings import Descriptors
    from osdimage.imaging.wof import Algorithm


@click.command("apply")
@click.argument("wim", type=values.WIM_OR_STREAM)
@click.argument("target", type=values.NEW_PATH, required=False)
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of the disk TARGET.")
@disk_params.opening_to_write
@disk_params.writing
@overlay("target")
@several.also("TARGET")
@click.option("--all-volumes", is_flag=True, help="Apply each image to the corresponding volume of the disk TARGET.")
@numbered.disks_option("With --all-volumes, in place of TARGET: disk N of the machine that was captured.  Repeatable.")
@click.option("--all", "every", is_flag=True, help="Apply each image to a folder of TARGET that has its name.")
@click.option("--wipe/--no-wipe", help="First delete everything from the volume but the folders of task sequences.")
@click.option("--keep", multiple=True, metavar="PATH", help="A path on the volume that --wipe leaves.  Repeatable.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before --wipe.")
@params.selector
@params.references
@params.check
@params.limit
@click.option(
    "--unix-data",
    is_flag=True,
    help="Also set what the image has of Unix: owner, group, mode, extended attributes, FIFOs, sockets and devices.",
)
@params.descriptors(at="Set")
@click.option("--no-attributes", is_flag=True, help="Set no attributes of Windows: hidden, read-only, compressed...")
@params.rpfix
@params.compact
@params.engine
@recovery.option
@params.names(
    ("refuse", "keep", "replace"),
    "refuse",
    "What becomes of names that TARGET refuses, such as a:b or a\\b: keep (in directories of Linux only), or replace.",
)
@click.option("--force", is_flag=True, help="Apply to a volume that is marked dirty, and stays so.")
@click.option("--no-sync", is_flag=True, help="Do not wait until a volume is on the medium.")
@click.option("--strict", is_flag=True, help="Fail when something of the image could not be kept.")
@params.output(more="each file of which something was lost")
def apply_command(
    wim: Path | Standard,
    target: Path | None,
    partition: int | None,
    opening: Opening,
    also: tuple[Path, ...],
    all_volumes: bool,
    disks: Pairs,
    every: bool,
    wipe: bool,
    keep: tuple[str, ...],
    yes: bool,
    selector: ImageSelector,
    refs: tuple[str, ...],
    check: bool,
    limit_bytes: int | None,
    unix_data: bool,
    descriptors: Descriptors,
    no_attributes: bool,
    fixes_links: bool | None,
    compact_with: Algorithm | None,
    engine: str,
    recover_data: bool,
    names: str,
    force: bool,
    no_sync: bool,
    strict: bool,
    reporter: Reporter,
) -> int | None:
    """Apply one image of a WIM to a directory, to an NTFS or FAT volume, or with --partition to one on a disk.

    A volume or a disk is a file or a device.  What is there stays, except files that the image has too, unless --wipe
    says otherwise; a folder in the place of a file, or a file in the place of a folder, is refused.  A FAT volume is
    made anew, so it must be empty or be wiped.  A WIM with one image needs no choice; otherwise choose by --index,
    --name, or what it is (--edition, --arch, --language).  The times of a FAT volume, which are local times without a
    zone, are written as UTC.

    With --all-volumes the images go to the NTFS and FAT volumes of a disk in the order of its partitions (an EFI
    system partition counts when one was captured with --all-volumes).  All are checked before the first is written.
    Those of several disks go to the disks that --disk names, as --disk 0=a.img --disk 1=b.img.

    With --all each image goes to a folder of the directory TARGET that has its name, or its index where a folder cannot
    have the name.

    With - in the place of WIM it is read from stdin.  A pipable WIM is applied as it comes, to a directory or an NTFS
    volume; another one, and one for a FAT volume, several targets, --all, --ref, --check, --limit-bytes,
    --recover-data or --engine bulk, is first kept in a file where TMPDIR says.

    With --also the image goes to several targets.  One that is refused, or fails, stops none of the others.  Exit code
    0: all are done; 5: some are not; 1: none is.
    """
    from osdimage.imaging.apply.engine import Engine  # noqa: PLC0415
    from osdimage.imaging.apply.folders import apply_to_folders  # noqa: PLC0415
    from osdimage.imaging.apply.image import apply_image  # noqa: PLC0415
    from osdimage.imaging.apply.job import ApplyOptions  # noqa: PLC0415
    from osdimage.imaging.apply.several import apply_to_all  # noqa: PLC0415
    from osdimage.imaging.apply.volumes import AppliedVolume  # noqa: PLC0415
    from osdimage.imaging.disk.distinct import refuse_repeated  # noqa: PLC0415
    from osdimage.imaging.wim.checks.names import Names, names_advised  # noqa: PLC0415

    if keep and not wipe:
        raise click.UsageError("--keep goes with --wipe")
    chooses = partition is not None or selector != type(selector)()
    if all_volumes and (chooses or unix_data or fixes_links):
        raise click.UsageError(
            "--all-volumes takes every image and volume; it goes with no choice, and no --unix-data and --rpfix"
        )
    _refuse_mixed(
        all_volumes=all_volumes,
        every=every,
        also=bool(also),
        recover_data=recover_data,
        compacts=compact_with is not None,
        chooses=chooses or wipe,
    )
    by_number = numbered.targets_of(target, disks, all_volumes=all_volumes)
    targets = (*by_number.values(), *also)
    place = targets[0]
    if (all_volumes or partition is not None) and not (also or place.exists()):
        raise click.UsageError(f"{place}: there is no such disk; osdimage deploy makes one")
    refuse_repeated(targets)
    options = ApplyOptions(
        wipe=wipe,
        keep=keep,
        # Of several volumes one may have it.
        needs_kept=bool(keep) and not all_volumes,
        unix_data=unix_data,
        limit_bytes=limit_bytes,
        force=force,
        sync=not no_sync,
        strict=strict,
        engine=Engine(engine),
        fixes_links=fixes_links,
        descriptors=descriptors,
        attributes=not no_attributes,
        names=Names(names),
        compact=compact_with,
    )
    _ask(targets, partition, options, reporter, yes=yes, opening=opening)
    # A directory, which may have to be made, and no volume.
    keeps = all(each.is_dir() or not each.exists() for each in targets)
    began = time.monotonic()
    if isinstance(wim, Standard) and not (also or all_volumes or every or refs or check or recover_data):
        with names_advised(options.names, keeps=keeps):
            _apply_stdin(place, selector, options, reporter, partition=partition, opening=opening)
        return None
    with (
        standard.source(wim, reporter) as source,
        open_wim(source.path, reporter, check=check, refs=refs) as (opened, progress),
        names_advised(options.names, keeps=keeps),
    ):
        if all_volumes:
            done = _fill_volumes(opened, by_number, options, opening, progress, is_machine=bool(disks))
            _warn_of_bytes(opened, reporter, "it goes to no volume")
            _report_volumes(done, targets, reporter, time.monotonic() - began, source.passed)
            return None
        if every:
            done = apply_to_folders(opened, place, options, progress=progress)
            _warn_of_bytes(opened, reporter, "it goes to no folder")
            _report_folders(done, options, reporter, time.monotonic() - began, source.passed)
            return None
        image = opened.select(selector)
        if also:
            results = apply_to_all(image, targets, options, partition=partition, opening=opening, progress=progress)
        else:
            with recovery.opened(image, None, progress, recover_data=recover_data) as (taken, damaged, rest):
                result = apply_image(taken, place, options, partition=partition, opening=opening, progress=rest)
    seconds = time.monotonic() - began
    if also:
        members = standard.with_stream({"image": image.index, "name": image.name}, source.passed)
        return several.report(
            results,
            reporter,
            lambda each: _lines(image.index, image.name, each, options, reporter, seconds, is_one_of_several=True),
            members,
            kind="apply-also",
        )
    facts = {"volumes": [AppliedVolume(image.index, image.name, result)]} | recovery.facts(damaged)
    reporter.result(
        standard.with_stream(facts, source.passed),
        *_lines(image.index, image.name, result, options, reporter, seconds),
        *standard.line(source.passed, "received:"),
    )
    return recovery.told(source.title, damaged)


def _refuse_mixed(
    *, all_volumes: bool, every: bool, also: bool, recover_data: bool, compacts: bool, chooses: bool
) -> None:
    """Refuse two options of which each says how many images and targets there are."""
    if sum((all_volumes, every, also)) > 1:
        raise click.UsageError("choose --all (folders of a directory), --all-volumes (those of a disk) or --also")
    if recover_data and (all_volumes or every or also):
        raise click.UsageError("--recover-data is for one image and one target")
    if all_volumes and compacts:
        raise click.UsageError("--compact goes with no --all-volumes; apply the volume of Windows alone, or deploy")
    if every and chooses:
        raise click.UsageError(
            "--all takes every image, to folders of a directory; it goes with no choice and no --wipe"
        )


def _fill_volumes(
    wim: WimFile,
    disks: Mapping[int, Path],
    options: ApplyOptions,
    opening: Opening,
    progress: ProgressCallback | None,
    *,
    is_machine: bool,
) -> tuple[AppliedVolume, ...]:
    """Apply all images to the volumes of a disk, or of the disks of a machine."""
    from osdimage.imaging.apply.volumes import apply_to_disks, apply_volumes  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.several import open_disks  # noqa: PLC0415

    with open_disks(tuple(disks.values()), write=True, opening=opening) as found:
        if is_machine:
            return apply_to_disks(wim, dict(zip(disks, found, strict=True)), options, progress=progress)
        return apply_volumes(wim, found[0], options, progress=progress)


def _apply_stdin(
    target: Path,
    selector: ImageSelector,
    options: ApplyOptions,
    reporter: Reporter,
    *,
    partition: int | None,
    opening: Opening,
) -> None:
    """Apply an image of the WIM on stdin, as it comes where that can be."""
    from osdimage.imaging.apply.stream import apply_stream  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.apply.volumes import AppliedVolume  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    leave_memory()
    began = time.monotonic()
    done = apply_stream(
        standard.stdin(),
        selector,
        target,
        options,
        partition=partition,
        opening=opening,
        keeping=lambda: standard.tell_kept(reporter),
        progress=reporter.callback,
    )
    if done.is_cut:
        reporter.warn("standard input does not end as a WIM does; the image that was applied is whole")
    seconds = time.monotonic() - began
    facts = {"volumes": [AppliedVolume(done.index, done.name, done.result)]} | recovery.facts()
    reporter.result(
        standard.with_stream(facts, done.passed),
        *_lines(done.index, done.name, done.result, options, reporter, seconds),
        *standard.line(done.passed, "received:"),
    )


def _lines(
    index: int,
    name: str,
    result: ApplyResult,
    options: ApplyOptions,
    reporter: Reporter,
    seconds: float,
    *,
    is_one_of_several: bool = False,
) -> list[str]:
    """Say what was written to one target."""
    from osdimage.imaging.apply.engine import Engine  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.volume import title_of  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415
    from osdimage.imaging.wim.unix import UNIX_DATA  # noqa: PLC0415

    new = " (a new directory)" if result.is_new else ""
    said = (
        f"{title_of(result.target, result.partition)}{new}: {contents(result.files, result.directories)}, "
        f"{format_size(result.size)}, from image {index} {name!r} ({seconds:.1f} s)"
    )
    lines = [said]
    if result.wiped is not None:
        lines.append(f"  deleted before: {counted(result.wiped, 'file or directory', 'files and directories')}")
    lines += [f"  {text}" for text in compacted_lines(result)]
    has_lost_unix = any(loss.kind == UNIX_DATA for loss in result.losses)
    if result.target.is_dir() and not options.unix_data and has_lost_unix:
        lines.append("  owner, group, mode and what else is of Unix: apply with --unix-data sets them")
    if reporter.verbose:
        lines += [f"  {text}" for text in (*engine_lines(result), *replaced_lines(result), *result.warnings)]
        if is_one_of_several and (result.engine is not Engine.BULK or result.target.is_dir()):
            lines.append("  the image was read and decompressed once more for it alone")
    return lines


def _warn_of_bytes(wim: WimFile, reporter: Reporter, why: str) -> None:
    for each in wim:
        if each.info.is_of_bytes:
            reporter.warn(f"image {each.index} {each.name!r} is the bytes of a partition: {why}")


def _report_folders(
    done: tuple[AppliedVolume, ...],
    options: ApplyOptions,
    reporter: Reporter,
    seconds: float,
    passed: Passed | None,
) -> None:
    lines = [line for each in done for line in _lines(each.image, each.name, each.result, options, reporter, seconds)]
    lines += standard.line(passed, "received:")
    reporter.result(standard.with_stream({"volumes": done} | recovery.facts(), passed), *lines)


def _report_volumes(
    done: tuple[AppliedVolume, ...], disks: Sequence[Path], reporter: Reporter, seconds: float, passed: Passed | None
) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    lines = []
    for disk in disks:
        own = [each for each in done if each.result.target == disk]
        lines.append(f"{disk}: {counted(len(own), 'volume')} filled ({seconds:.1f} s)")
        lines += [
            f"  partition {each.result.partition}: {contents(each.result.files, each.result.directories)}, "
            f"{format_size(each.result.size)}, from image {each.image} {each.name!r}"
            for each in own
        ]
        if reporter.verbose:
            lines += [
                f"  partition {each.result.partition}: {text}"
                for each in own
                for text in (*engine_lines(each.result), *replaced_lines(each.result))
            ]
    lines += standard.line(passed, "received:")
    reporter.result(standard.with_stream({"volumes": done} | recovery.facts(), passed), *lines)


def _ask(
    targets: Sequence[Path],
    partition: int | None,
    options: ApplyOptions,
    reporter: Reporter,
    *,
    yes: bool,
    opening: Opening,
) -> None:
    """Ask before volumes are wiped; say what is meant for volumes alone."""
    from osdimage.imaging.disk.volume import title_of  # noqa: PLC0415 - start-up stays cheap

    for target in targets:
        # What is not there becomes a directory.
        if target.is_dir() or not target.exists():
            if options.wipe:
                raise click.UsageError(f"{target} is no volume, which --wipe is for")
            given = {
                "--force": options.force,
                "--discard-journal": opening.discards_journal,
                "--no-sync": not options.sync,
            }
            for name, is_given in given.items():
                if is_given:
                    reporter.warn(f"{name} is for volumes, and does nothing for the directory {target}")
    if options.wipe and not yes:
        names = [title_of(target, partition) for target in targets]
        where = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        lost = "".join(_encrypted(target, partition, opening) for target in targets)
        reporter.refuse_unattended(f"{where} would be wiped{lost}")
        if lost:
            render.line(f"This will be lost: {lost.removeprefix('; ')}")
        click.confirm(f"Delete everything on {where} but the folders of task sequences?", abort=True, err=True)


def _encrypted(target: Path, partition: int | None, opening: Opening) -> str:
    """Say that all of an encrypted volume is lost, and what opens it; nothing of another, or one that is not there."""
    from osdimage.imaging.disk.held import VolumeInfo, protected  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.places import opened_place  # noqa: PLC0415
    from osdimage.imaging.errors import OsdImageError  # noqa: PLC0415

    try:
        with opened_place(target, partition, opening=opening) as place:
            facts = None if isinstance(place, Path) else place.encryption
            return "" if facts is None else f"; {place.name}{protected(VolumeInfo(encryption=facts))}"
    except OsdImageError:
        # Whoever writes says it.
        return ""
