"""``osdimage extract``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import extracting, params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys, refuse_for_images
from osdimage.cli.extracting import PathsWish, TargetWish, extract_tree, listed, not_a_file, told_result
from osdimage.cli.guidance.habits import image_as_path
from osdimage.cli.render import Reporter
from osdimage.cli.source import holds_volume, open_tree_of, open_wim, refuse_of_images
from osdimage.cli.streams import out
from osdimage.cli.wim import recovery

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import VolumeTree
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector

_PIECE = 1 << 20


@click.command("extract")
@click.argument("wim", type=values.WIM)
@extracting.paths
@extracting.target
@click.option(
    "--unix-data",
    is_flag=True,
    help="Also set what the image has of Unix: owner, group, mode, extended attributes, FIFOs, sockets and devices.",
)
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk.")
@disk_params.opening
@keys
@recovery.option
@params.selector
@params.references
@params.check
@params.limit
@params.names(("refuse", "keep", "replace"), "refuse", "What becomes of names that DIR refuses, such as a:b or a\\b.")
@params.output()
def extract_command(
    wim: Path,
    which: PathsWish,
    target: TargetWish,
    unix_data: bool,
    partition: int | None,
    opening: Opening,
    recover_data: bool,
    selector: ImageSelector,
    refs: tuple[str, ...],
    check: bool,
    limit_bytes: int | None,
    names: str,
    reporter: Reporter,
) -> int | None:
    r"""Extract files and directory trees of an image or of a volume.

    WIM is a WIM, a file or device that holds one NTFS or FAT volume, or a disk with --partition.  Of a volume, what a
    directory has no place for is told; files that Windows has compressed are plain.  Of a damaged one --recover-data
    passes over what cannot be read.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.  A list
    has one a line, in UTF-8 or UTF-16; a line that begins with # or ; is a comment.  Files that are there are replaced.
    Where a directory would have to give way to a file, or a file to a directory, nothing is written.
    """
    from osdimage.imaging.wim.checks.names import Names, names_advised  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.extracted.options import ExtractOptions  # noqa: PLC0415

    rule = Names(names)
    which.require("image")
    to = target.directory(
        reporter,
        keep_directories=bool(which.keep_directories),
        unix_data=unix_data,
        names=rule is not Names.REFUSE,
    )
    wanted = listed(which, reporter)
    if holds_volume(wim, partition):
        refuse_of_images(
            selector,
            unix_data=unix_data,
            ref=bool(refs),
            check=check,
            names=rule is not Names.REFUSE,
        )
        with open_tree_of(wim, partition, opening, reporter) as tree:
            return _extract_volume(tree, wanted, which, to, limit_bytes, reporter, recover_data=recover_data)
    refuse_for_images()
    with (
        open_wim(wim, reporter, check=check, refs=refs) as (opened, progress),
        names_advised(rule, keeps=True),
        image_as_path(opened, which.paths, is_chosen=selector != type(selector)()),
    ):
        chosen = opened.select(selector)
        looked_at = chosen.expand(wanted, globs=not which.no_globs, may_be_absent=True)[0] if recover_data else ()
        with recovery.opened(chosen, looked_at, progress, recover_data=recover_data) as (image, damaged, rest):
            if to is None:
                _to_stdout(image, wanted, which, limit_bytes, reporter, rest)
                return recovery.told(str(wim), damaged)
            result = image.extract(
                wanted,
                to,
                ExtractOptions(
                    keep_directories=which.keeps_directories,
                    globs=not which.no_globs,
                    may_be_absent=which.nullglob or not wanted,
                    unix_data=unix_data,
                    limit_bytes=limit_bytes,
                    names=rule,
                ),
                progress=rest,
            )
    told_result(result, to, recovery.facts(damaged), reporter)
    return recovery.told(str(wim), damaged)


def _extract_volume(
    tree: VolumeTree,
    wanted: tuple[str, ...],
    which: PathsWish,
    to: Path | None,
    limit_bytes: int | None,
    reporter: Reporter,
    *,
    recover_data: bool,
) -> int | None:
    """Extract from a volume; return the exit code where something of it could not be read."""
    from osdimage.imaging.browse.recovering import RecoveringTree  # noqa: PLC0415 - start-up stays cheap

    if not recover_data:
        with recovery.advised():
            extract_tree(tree, wanted, which, to, limit_bytes, reporter)
        return None
    readable = RecoveringTree(tree)
    extract_tree(readable, wanted, which, to, limit_bytes, reporter, damaged=lambda: recovery.facts(readable.damaged))
    return recovery.told(tree.name, readable.damaged)


def _to_stdout(
    image: WimImage,
    wanted: tuple[str, ...],
    which: PathsWish,
    limit_bytes: int | None,
    reporter: Reporter,
    progress: ProgressCallback | None,
) -> None:
    """Write the contents of files, by way of a temporary folder: they are checked before the first byte is out."""
    paths, absent = image.expand(wanted, globs=not which.no_globs, may_be_absent=which.nullglob)
    for text in absent:
        reporter.warn(text)
    places = [_place_of_file(image, path) for path in paths]
    if not places:
        return
    from osdimage.imaging.wim.extracted.options import ExtractOptions  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="osdimage-") as folder:
        options = ExtractOptions(keep_directories=True, globs=False, limit_bytes=limit_bytes)
        image.extract(places, folder, options, progress=progress)
        for place in places:
            descriptor = os.open(folder + place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                while piece := file.read(_PIECE):
                    out(piece, end="")


def _place_of_file(image: WimImage, path: str) -> str:
    """Return the path of a file with the names that the image has; refuse anything else."""
    from osdimage.imaging import wof  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.attributes import attribute_names  # noqa: PLC0415

    (entry,) = image.entries(path, recursive=False)
    if "directory" in attribute_names(entry.attributes) or entry.reparse_tag not in {None, wof.TAG}:
        raise not_a_file(path)
    return entry.path
