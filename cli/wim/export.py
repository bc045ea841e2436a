"""``osdimage export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, standard, suffix, values
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim
from osdimage.cli.standard import Standard
from osdimage.cli.wim import delta
from osdimage.cli.wim.properties import properties_of, setting
from osdimage.cli.wim.split import show, warn_of_level

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("export")
@click.argument("source", type=values.WIM)
@click.argument("destination", type=values.NEW_FILE_OR_STREAM)
@params.several_images
@params.compression
@params.recompress
@params.pipable
@click.option("--new-name", type=values.IMAGE_NAME, help="New name of the image.")
@click.option("--description", help="New description of the image.")
@setting(of="an image")
@click.option(
    "--boot", is_flag=True, help="Mark the (last) image as the one that boots; with --all the one that boots in SOURCE."
)
@click.option("--overwrite", is_flag=True, help="Replace a WIM that is there, in place of adding to it.")
@click.option(
    "--split-size",
    "part_bytes",
    type=values.PART_SIZE,
    metavar="SIZE",
    help="Cut the new WIM into parts of at most this size: DESTINATION.swm, DESTINATION2.swm and so on.",
)
@params.allow_larger
@params.integrity("as it was")
@delta.bases
@params.references
@params.check
@params.threads
@params.output(sends="destination")
def export_command(
    source: Path,
    destination: Path | Standard,
    selectors: tuple[ImageSelector, ...] | None,
    wish: params.CompressionWish,
    recompress: bool,
    pipable: bool,
    new_name: str | None,
    description: str | None,
    changes: tuple[str, ...],
    boot: bool,
    overwrite: bool,
    part_bytes: int | None,
    allow_larger: bool,
    integrity: bool | None,
    bases: tuple[str, ...],
    refs: tuple[str, ...],
    check: bool,
    threads: int,
    reporter: Reporter,
) -> None:
    """Copy images to another WIM, new or present; a present one gets them added.

    Without --compress the compressed contents are copied as they are, and so are those that have that compression
    already, unless --recompress is given.  A new destination named .esd becomes a solid LZMS file, and exporting an ESD
    with --compress lzx makes a WIM of it.

    With --base the new WIM is a delta: it has the images, and of their contents what the base does not hold.  Commands
    take the base with --ref, and so does the export that makes one whole WIM of both.

    With - in the place of DESTINATION it goes to stdout as it is made, in the form that apply, deploy and
    wimlib-imagex take from a pipe, for which all is compressed again.  All that is printed is on stderr then.
    """
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.copied.export import ExportOptions, export_images  # noqa: PLC0415
    from osdimage.imaging.wim.copied.split import split_images  # noqa: PLC0415
    from osdimage.imaging.wim.delta.export import export_delta  # noqa: PLC0415
    from osdimage.imaging.wim.write import WriteMode  # noqa: PLC0415

    if part_bytes is not None and not isinstance(destination, Standard):
        destination = suffix.first_part(destination)
    target = Path("-") if isinstance(destination, Standard) else destination
    there = reporter.sent is None and target.exists()
    if allow_larger and part_bytes is None:
        raise click.UsageError("--allow-larger goes with --split-size")
    _refuse_wish(
        destination, is_split=part_bytes is not None, has_base=bool(bases), overwrite=overwrite, pipable=pipable
    )
    # Nothing is added to parts or to a delta: those that are there are refused.
    present = WriteMode.APPEND if part_bytes is None and not bases else WriteMode.NEW
    options = ExportOptions(
        mode=WriteMode.OVERWRITE if overwrite else present if there else WriteMode.NEW,
        compression=wish.for_file(target, is_new=overwrite or not there),
        boot=boot,
        integrity=integrity,
        threads=threads,
        recompress=recompress,
        pipable=pipable,
    )
    properties = properties_of(changes, reporter, name=new_name, description=description)
    with open_wim(source, reporter, check=check, refs=refs) as (opened, progress):
        images = None if selectors is None else [opened.select(selector) for selector in selectors]
        if part_bytes is not None:
            parts = split_images(
                opened,
                target,
                part_bytes,
                options,
                images=images,
                properties=properties,
                allow_larger=allow_larger,
                progress=progress,
            )
            show(target, parts, reporter, kind="export-split")
            warn_of_level(wish.compress, reporter, kept=not parts.recompressed)
            return
        if bases:
            result = export_delta(
                opened, target, bases, options, images=images, properties=properties, progress=progress
            )
        else:
            result = export_images(
                opened, reporter.sent or target, options, images=images, properties=properties, progress=progress
            )
    what = ", ".join(str(index) for index in result.indexes)
    noun = "image" if len(result.indexes) == 1 else "images"
    passed = None if reporter.sent is None else reporter.sent.passed
    where, medium = (target, "the file has") if reporter.sent is None else (reporter.sent.name, "the stream has")
    said = f"{where}: {noun} {what}; {medium} {format_size(result.file_size)}"
    more = (*delta.needs_lines(result.needs), *standard.line(passed, "sent:"))
    reporter.result(standard.with_stream(result, passed), said, *more)
    warn_of_level(wish.compress, reporter, kept=result.kept_compressed)


def _refuse_wish(
    destination: Path | Standard, *, is_split: bool, has_base: bool, overwrite: bool, pipable: bool
) -> None:
    """Refuse options that contradict each other, or what the destination is.

    Raises:
        click.UsageError: naming them.
    """
    if is_split and has_base:
        raise click.UsageError("--base makes a delta in one file, and --split-size cuts a WIM into parts; do one first")
    if has_base and (pipable or isinstance(destination, Standard)):
        raise click.UsageError("--base makes a delta, which is not pipable; it goes with neither --pipable nor -")
    if is_split and (pipable or isinstance(destination, Standard)):
        raise click.UsageError("--split-size makes files that are not pipable; it goes with neither --pipable nor -")
    if isinstance(destination, Standard):
        if overwrite:
            raise click.UsageError("--overwrite replaces a file; it does not go with -")
        return
    if destination.exists() and pipable and not overwrite:
        raise click.UsageError(f"{destination}: nothing is added to a pipable WIM; --overwrite replaces the file")
    if not is_split:
        suffix.refuse_split(destination, "with --split-size it is cut into parts")
