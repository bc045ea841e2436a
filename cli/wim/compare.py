"""``osdimage compare``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import numbered, params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys
from osdimage.cli.numbered import Pairs
from osdimage.cli.render import Reporter, counted
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.capture.config import CaptureConfig
    from osdimage.imaging.compare.fidelity import CompareReport, Difference
    from osdimage.imaging.compare.volumes import HowCompared
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector


@click.command("compare")
@click.argument("wim", type=values.WIM)
@click.argument("target", type=values.PRESENT, required=False)
@click.option(
    "--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk, as disk show lists it."
)
@click.option("--all-volumes", is_flag=True, help="Compare every image with its volume of the disk.")
@numbered.disks_option("With --all-volumes, in place of TARGET: disk N of the machine that was captured.  Repeatable.")
@params.selector
@params.references
@params.check
@disk_params.opening
@keys
@params.exclusions
@click.option(
    "--content",
    "by_content",
    is_flag=True,
    help="Take files for equal whose plain contents are, also where Windows has compressed one of them (CompactOS).",
)
@click.option("--strict", is_flag=True, help="Fail also when the target had no place for something.")
@click.option(
    "--differences",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Differences to name; all are counted.",
)
@params.names(("keep", "replace"), "keep", "As `apply --names replace` named the files, or as the image has them.")
@params.reading_threads
@params.output(more="what a capture leaves out")
def compare_command(
    wim: Path,
    target: Path | None,
    partition: int | None,
    all_volumes: bool,
    disks: Pairs,
    selector: ImageSelector,
    refs: tuple[str, ...],
    check: bool,
    opening: Opening,
    exclusions: Callable[[], CaptureConfig],
    by_content: bool,
    strict: bool,
    differences: int,
    names: str,
    threads: int | None,
    reporter: Reporter,
) -> int:
    """Compare one image of a WIM with what it was applied to.

    TARGET is a directory, a file or device that holds one NTFS or FAT volume, or a disk with --partition.  It is only
    read, by code that writes none.  Everything that the image knows of a file is compared; what the target has no place
    for counts as dropped, not as different.  Exit code 0: equal; 1: not.

    A file that Windows has compressed as a whole is compared as it is stored; with --content it is equal to a plain one
    of the same contents, and the attributes sparse and reparse point are not looked at.

    Owner, group, mode, device numbers and extended attributes are compared with a directory if the image was captured
    with --unix-data.  No volume of Windows gets them, nor extended attributes that Windows has stored ($EA).

    What a capture leaves out, such as page files, is not different when only TARGET has it; --config and --exclude say
    what that is, as in capture.

    With --all-volumes every image is compared with the volume that `apply --all-volumes` gives it; --disk names disks
    as there.

    The times of a FAT volume, which are local times without a zone, are taken for UTC.
    """
    if all_volumes and (partition is not None or selector != type(selector)()):
        raise click.UsageError("--all-volumes takes every image and volume; it goes with no choice")
    from osdimage.imaging.compare.image import compare_image  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.compare.naming import named_as_applied  # noqa: PLC0415
    from osdimage.imaging.wim.checks.names import Names  # noqa: PLC0415

    config = exclusions()
    rule = Names(names)
    targets = numbered.targets_of(target, disks, all_volumes=all_volumes)
    place = next(iter(targets.values()))
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        if all_volumes:
            from osdimage.imaging.compare.volumes import HowCompared  # noqa: PLC0415

            how = HowCompared(config, differences, threads, rule, by_content)
            reports = _compare_volumes(opened, targets, how, opening, progress, is_machine=bool(disks))
        else:
            image = opened.select(selector)
            named: AbstractContextManager[WimImage] = nullcontext(image)
            if rule is Names.REPLACE:
                named = named_as_applied(image, place, partition=partition, opening=opening)
            with named as image:
                report = compare_image(
                    image,
                    place,
                    partition=partition,
                    opening=opening,
                    config=config,
                    differences=differences,
                    threads=threads,
                    by_content=by_content,
                    progress=progress,
                )
            reports = (report,)
    if reporter.as_json:
        facts = {"is_equal": all(report.is_equal for report in reports), "volumes": reports}
        render.document({**facts, "has_losses": any(report.has_losses for report in reports)})
    else:
        for report in reports:
            _show(report, reporter, strict=strict)
    return 0 if all(report.is_equal and not (strict and report.has_losses) for report in reports) else 1


def _compare_volumes(
    wim: WimFile,
    targets: Mapping[int, Path],
    how: HowCompared,
    opening: Opening,
    progress: ProgressCallback | None,
    *,
    is_machine: bool,
) -> tuple[CompareReport, ...]:
    """Compare all images with the volumes of a disk, or of the disks of a machine."""
    from osdimage.imaging.compare.volumes import compare_disks, compare_volumes  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.several import open_disks  # noqa: PLC0415

    with open_disks(tuple(targets.values()), opening=opening, share=True) as found:
        if is_machine:
            return compare_disks(wim, dict(zip(targets, found, strict=True)), how, progress=progress)
        return compare_volumes(
            wim,
            found[0],
            config=how.config,
            differences=how.differences,
            threads=how.threads,
            names=how.names,
            by_content=how.by_content,
            progress=progress,
        )


def _show(report: CompareReport, reporter: Reporter, *, strict: bool) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    for text in report.notes:
        reporter.warn(text)
    if reporter.quiet and report.is_equal and not (strict and report.has_losses):
        return
    where = str(report.target) if report.partition is None else f"{report.target}, partition {report.partition}"
    rows = [
        [label(count.kind), *(f"{number:,}" if number else "-" for number in numbers)]
        for count in report.classes
        for numbers in [(count.stored, count.restored, count.dropped, count.different)]
    ]
    if not reporter.quiet:
        render.table(["", "stored", "restored", "dropped", "different"], rows, right=(1, 2, 3, 4))
        render.line()
    for difference in report.differences:
        render.line(f"{label(difference.kind)}: {difference.path}: {_sides(difference)}")
    if report.more_differences and report.differences:
        render.line(f"and {counted(report.more_differences, 'more difference')}")
    if report.excluded and not reporter.quiet:
        render.line(f"left out by the exclusions of a capture: {len(report.excluded):,}")
        for path in report.excluded if reporter.verbose else ():
            render.line(f"  {path}")
    result = "equal" if report.is_equal else "DIFFERENT"
    losses = ""
    if strict and report.has_losses:
        losses = "; --strict: what is dropped has no place there"
    elif any(count.dropped for count in report.classes):
        losses = "; what is dropped has no place there"
    names = counted(report.files, "file or directory", "files and directories")
    render.line(
        f"{where}: {report.target_kind}, {result}: {names}, "
        f"{format_size(report.size)} compared with image {report.image} of {report.wim}{losses}"
    )


def label(kind: str) -> str:
    """Return what people call a class of facts."""
    return kind.replace("-", " ")


def _sides(difference: Difference) -> str:
    if difference.expected is None:
        return f"only in the target: {difference.found}"
    if difference.found is None:
        return f"missing, expected {difference.expected}"
    return f"expected {difference.expected}, found {difference.found}"
