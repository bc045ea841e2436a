"""``osdimage export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, suffix
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("export")
@click.argument("source", type=params.EXISTING)
@click.argument("destination", type=params.ANY_PATH)
@params.several_images
@params.compression
@click.option("--new-name", type=params.IMAGE_NAME, help="New name of the image.")
@click.option("--description", help="New description of the image.")
@click.option("--boot", is_flag=True, help="Mark the (last) image as the one that boots.")
@click.option("--overwrite", is_flag=True, help="Replace a WIM that is there, in place of adding to it.")
@params.integrity("as it was")
@params.references
@params.check
@params.threads
@params.output()
def export_command(
    source: Path,
    destination: Path,
    selectors: tuple[ImageSelector, ...] | None,
    wish: params.CompressionWish,
    new_name: str | None,
    description: str | None,
    boot: bool,
    overwrite: bool,
    integrity: bool | None,
    refs: tuple[str, ...],
    check: bool,
    threads: int,
    reporter: Reporter,
) -> None:
    """Copy images to another WIM, new or present; a present one gets them added.

    Without --compress the compressed contents are copied as they are.  A new destination named .esd becomes a solid
    LZMS file, and exporting an ESD with --compress lzx makes a WIM of it.
    """
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.described.properties import ImageProperties  # noqa: PLC0415
    from osdimage.imaging.wim.export import ExportOptions, export_images  # noqa: PLC0415
    from osdimage.imaging.wim.write import WriteMode  # noqa: PLC0415

    suffix.refuse_split(destination)
    present = WriteMode.OVERWRITE if overwrite else WriteMode.APPEND
    with open_wim(source, reporter, check=check, refs=refs) as (opened, progress):
        result = export_images(
            opened,
            destination,
            ExportOptions(
                mode=present if destination.exists() else WriteMode.NEW,
                compression=wish.for_file(destination, is_new=overwrite or not destination.exists()),
                boot=boot,
                integrity=integrity,
                threads=threads,
            ),
            images=None if selectors is None else [opened.select(selector) for selector in selectors],
            properties=ImageProperties(new_name, description),
            progress=progress,
        )
    what = ", ".join(str(index) for index in result.indexes)
    noun = "image" if len(result.indexes) == 1 else "images"
    reporter.result(result, f"{destination}: {noun} {what}; the file has {format_size(result.file_size)}")
