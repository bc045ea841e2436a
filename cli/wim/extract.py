"""``osdimage extract``."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys, refuse_for_images
from osdimage.cli.habits import image_as_path
from osdimage.cli.render import Reporter, replaced_lines
from osdimage.cli.source import holds_volume, open_tree_of, open_wim, refuse_of_images
from osdimage.cli.standard import Standard
from osdimage.cli.streams import out
from osdimage.cli.wim import recovery

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import VolumeTree
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.extracted.extract import ExtractResult
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class PathsWish:
    """Which paths are meant, as PATH and the options say."""

    paths: tuple[str, ...]
    lists: tuple[Path | Standard, ...]
    keep_directories: bool | None
    no_globs: bool
    nullglob: bool

    @property
    def keeps_directories(self) -> bool:
        """Whether the directories above each path are made: by default those of lists, as wimlib-imagex does."""
        return bool(self.lists) if self.keep_directories is None else self.keep_directories

    def read(self) -> tuple[str, ...]:
        """Return the paths, those of lists last."""
        from osdimage.imaging.wim.extracted import path_list  # noqa: PLC0415 - start-up stays cheap

        if sum(isinstance(each, Standard) for each in self.lists) > 1:
            raise click.UsageError("--list - reads standard input, which can be read once")
        found = list(self.paths)
        for each in self.lists:
            if isinstance(each, Standard):
                data = sys.stdin.buffer.read(path_list.MAX_BYTES + 1)
                found += path_list.decode_paths(data, "standard input")
            else:
                found += path_list.read_paths(each)
        return tuple(found)


_paths = params.gathered(
    "which",
    PathsWish,
    click.argument("paths", nargs=-1, metavar="[PATH]..."),
    click.option(
        "--list",
        "lists",
        type=values.EXISTING_OR_STREAM,
        multiple=True,
        metavar="FILE|-",
        help="Also extract the paths in a file, one a line; their directories are kept.  Repeatable.",
    ),
    click.option(
        "--keep-directories/--no-keep-directories",
        default=None,
        help="Recreate the directories above each path.  Default: only with --list.",
    ),
    click.option("--no-globs", is_flag=True, help="Take *, ? and [...] for characters of a name."),
    click.option("--nullglob", is_flag=True, help="Warn of a PATH that fits nothing, and extract the others."),
)


@click.command("extract")
@click.argument("wim", type=values.EXISTING)
@_paths
@click.option(
    "--to",
    "to",
    type=values.ANY_OR_STREAM,
    metavar="DIR|-",
    help="The directory to extract to; - writes the contents of files to stdout, one after the other.",
)
@click.option("--to-stdout", is_flag=True, help="The same as --to -.")
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
    to: Path | Standard | None,
    to_stdout: bool,
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

    WIM is a WIM, a file or device that holds one NTFS or FAT32 volume, or a disk with --partition.  Of a volume, what a
    directory has no place for is told; files that Windows has compressed are plain.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.  A list
    has one a line, in UTF-8 or UTF-16; a line that begins with # or ; is a comment.  Files that are there are replaced.
    Where a directory would have to give way to a file, or a file to a directory, nothing is written.
    """
    from osdimage.imaging.wim.checks.names import Names, names_advised  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.extracted.options import ExtractOptions  # noqa: PLC0415

    rule = Names(names)
    if not (which.paths or which.lists):
        raise click.UsageError("name a PATH, or paths with --list; / is all of the image")
    if to_stdout and to is not None:
        raise click.UsageError("choose --to or --to-stdout")
    if to is None and not to_stdout:
        raise click.UsageError("say where to, with --to")
    if to is None or isinstance(to, Standard):
        odd = which.keep_directories or unix_data or rule is not Names.REFUSE
        if reporter.as_json or reporter.writes_events_to_stdout or odd:
            raise click.UsageError(
                "stdout gets the contents of files alone; that goes with no --json, --events -, --keep-directories, "
                "--unix-data and --names"
            )
        to = None
    wanted = which.read()
    if not wanted:
        # As a script may have made it; wimlib-imagex says nothing at all.
        reporter.warn("no path is listed, so nothing is extracted")
    if holds_volume(wim, partition):
        refuse_of_images(
            selector,
            unix_data=unix_data,
            recover_data=recover_data,
            ref=bool(refs),
            check=check,
            names=rule is not Names.REFUSE,
        )
        with open_tree_of(wim, partition, opening, reporter) as tree:
            _from_volume(tree, wanted, which, to, limit_bytes, reporter)
        return None
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
    _told_result(result, to, recovery.facts(damaged), reporter)
    return recovery.told(str(wim), damaged)


def _from_volume(
    tree: VolumeTree,
    wanted: tuple[str, ...],
    which: PathsWish,
    to: Path | None,
    limit_bytes: int | None,
    reporter: Reporter,
) -> None:
    """Extract from a volume; without a directory, the contents of files to stdout."""
    from osdimage.imaging.browse.extract import choose, contents_of, extract_from_volume  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.extracted.options import ExtractOptions  # noqa: PLC0415

    options = ExtractOptions(
        keep_directories=which.keeps_directories,
        globs=not which.no_globs,
        may_be_absent=which.nullglob or not wanted,
        limit_bytes=limit_bytes,
    )
    if to is None:
        tops, absent = choose(tree, wanted, options)
        for text in absent:
            reporter.warn(text)
        for each in tops:
            if not each.has_contents:
                raise _not_a_file(each.entry.path)
        for piece in contents_of(tree, tops, limit_bytes):
            out(piece, end="")
        return
    result = extract_from_volume(tree, wanted, to, options, progress=reporter.callback)
    _told_result(result, to, {"damaged": (), "damaged_files": 0}, reporter)


def _told_result(result: ExtractResult, to: Path, damaged: dict[str, object], reporter: Reporter) -> None:
    for text in result.warnings:
        reporter.warn(text)
    lines = [f"{to}: {path}" for path in result.paths]
    if reporter.verbose:
        lines += [f"  {text}" for text in replaced_lines(result)]
    names_told = {"replaced": result.replaced, "replaced_names": result.replaced_names}
    reporter.result({"paths": result.paths, "warnings": result.warnings} | damaged | names_told, *lines)


def _not_a_file(path: str) -> click.UsageError:
    return click.UsageError(f"{path} is a directory or a link; to stdout go files, and with --to DIR directories, too")


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
        raise _not_a_file(path)
    return entry.path
