"""``osdimage delete``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("delete")
@click.argument("wim", type=values.WIM)
@click.option(
    "--index",
    "indexes",
    type=values.IMAGE_INDEX,
    metavar="N",
    multiple=True,
    help="An index, from 1; -1: the last.  Repeatable.",
)
@click.option("--name", "names", multiple=True, help="An image's name.  Repeatable.")
@params.query
@click.option("--all", "every", is_flag=True, help="All images: the WIM stays, for others to be added.")
@params.references
@params.output()
def delete_command(
    wim: Path,
    indexes: tuple[int, ...],
    names: tuple[str, ...],
    edition: str | None,
    arch: str | None,
    language: str | None,
    every: bool,
    refs: tuple[str, ...],
    reporter: Reporter,
) -> None:
    """Delete images, and the contents that no other image needs.

    The WIM is written anew without them and replaced in one step.  Nothing is asked: the images are named, and the WIM
    is as it was until the new one is complete.
    """
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.edited.edit import delete_images  # noqa: PLC0415
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415
    from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

    selectors: list[ImageSelector] = [ImageSelector(index=index) for index in indexes]
    selectors += [ImageSelector(name=name) for name in names]
    query = ImageSelector(None, None, edition, arch, language)
    if query != ImageSelector():
        selectors.append(query)
    if not selectors and not every:
        raise click.UsageError("choose the images to delete with --index, --name, what they are (--edition), or --all")
    if selectors and every:
        raise click.UsageError("--all goes with no choice")
    with WimFile.open(wim) as opened:
        images = opened.images if every else [opened.select(selector) for selector in selectors]
        chosen = [image.index for image in images]
    result = delete_images(wim, chosen, refs=refs, may_be_empty=every, progress=reporter.callback)
    reporter.result(
        result,
        f"{wim}: {counted(result.images_left, 'image')} left; the file has {format_size(result.new_size)}, "
        f"{format_size(max(0, result.old_size - result.new_size))} less",
    )
