"""``osdimage list``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import listing, params, streams, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys, refuse_for_images
from osdimage.cli.documents import ListDocument
from osdimage.cli.guidance.habits import image_as_path
from osdimage.cli.listing import ListForm, entry_facts, told_by
from osdimage.cli.render import Reporter
from osdimage.cli.source import holds_volume, open_tree_of, refuse_of_images

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.wim.entries import Entry
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector


@click.command("list")
@click.argument("wim", type=values.WIM)
@click.argument("path", default="/")
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk.")
@disk_params.opening
@keys
@params.selector
@params.references
@listing.form
@params.output(events=False)
def list_command(
    wim: Path,
    path: str,
    partition: int | None,
    opening: Opening,
    selector: ImageSelector,
    refs: tuple[str, ...],
    form: ListForm,
    reporter: Reporter,
) -> None:
    r"""List the files of an image or a volume, all or those at and below PATH; --json tells all that it knows.

    WIM is a WIM, a file or device that holds one NTFS or FAT volume, or a disk with --partition.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.
    """
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415 - start-up stays cheap

    form.refuse_both()
    if holds_volume(wim, partition):
        refuse_of_images(selector, ref=bool(refs))
        with open_tree_of(wim, partition, opening, reporter) as tree:
            members = {"path": wim, "partition": partition, "image": None, "name": None}
            listing.list_tree(tree, path, form, members, reporter)
        return
    refuse_for_images()
    with WimFile.open(wim, refs=refs) as opened:
        for text in opened.warnings:
            reporter.warn(text)
        with image_as_path(opened, (path,), is_chosen=selector != type(selector)()):
            image = opened.select(selector)
            dropped = _document(opened.path, image, path, form) if reporter.as_json else _list(image, path, form)
        for text in dropped:
            reporter.warn(text)


def _document(wim: Path, image: WimImage, path: str, form: ListForm) -> tuple[str, ...]:
    """Write entries as they come: an image has some hundred thousand."""
    members = {"path": wim, "partition": None, "image": image.index, "name": image.name}
    with ListDocument(members, "entries") as document:
        extended = image.extended_attributes()
        dropped = _walk(image, lambda entry: document.add(entry_facts(entry, extended)), path, form)
        document.end({"warnings": dropped})
    return dropped


def _list(image: WimImage, path: str, form: ListForm) -> tuple[str, ...]:
    if form.is_long:
        from osdimage.cli.wim.details import detailed  # noqa: PLC0415 - few listings are so long

        extended = image.extended_attributes()
        with streams.in_blocks(streams.raw_lines) as show:
            visit = lambda entry: show(detailed(entry, extended.get(entry.path, {})))  # noqa: E731
            return _walk(image, visit, path, form, in_detail=True)
    if form.in_columns or _stands_for_others(image, path):
        with streams.in_blocks() as show:
            tell = told_by(form)
            return _walk(image, lambda entry: show(tell(entry)), path, form)
    return image.walk_paths(streams.lines, path=path, recursive=form.is_recursive)


def _walk(
    image: WimImage, visit: Callable[[Entry], None], path: str, form: ListForm, *, in_detail: bool = False
) -> tuple[str, ...]:
    if _stands_for_others(image, path):
        return image.walk_fitting(visit, path, recursive=form.is_recursive, in_detail=in_detail)
    return image.walk(visit, path=path, recursive=form.is_recursive, in_detail=in_detail)


def _stands_for_others(image: WimImage, path: str) -> bool:
    from osdimage.imaging.wim.patterns import is_pattern  # noqa: PLC0415 - start-up stays cheap

    return is_pattern(path) and not image.holds(path)
