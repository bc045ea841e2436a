"""``osdimage extract``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim
from osdimage.cli.streams import out

if TYPE_CHECKING:
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector

_PIECE = 1 << 20


@click.command("extract")
@click.argument("wim", type=params.EXISTING)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--to",
    "to",
    type=params.PathType(path_type=Path, allow_dash=True),
    required=True,
    metavar="DIR|-",
    help="The directory to extract to; - writes one file to stdout.",
)
@click.option("--keep-directories", is_flag=True, help="Recreate the directories above each path.")
@params.selector
@params.references
@params.check
@params.limit
@params.output()
def extract_command(
    wim: Path,
    paths: tuple[str, ...],
    to: Path,
    keep_directories: bool,
    selector: ImageSelector,
    refs: tuple[str, ...],
    check: bool,
    limit_bytes: int | None,
    reporter: Reporter,
) -> None:
    r"""Extract files and directory trees of an image.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.  Files
    that are there are replaced.  Where a directory would have to give way to a file, or a file to a directory, nothing
    is written.
    """
    if str(to) == "-":
        _refuse_beside_stdout(paths, reporter, keep_directories=keep_directories)
        with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
            _to_stdout(opened.select(selector), paths[0], limit_bytes, progress)
        return
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        result = opened.select(selector).extract(
            paths, to, keep_directories=keep_directories, limit_bytes=limit_bytes, progress=progress
        )
    for text in result.warnings:
        reporter.warn(text)
    reporter.result(result, *(f"{to}: {path}" for path in result.paths))


def _refuse_beside_stdout(paths: tuple[str, ...], reporter: Reporter, *, keep_directories: bool) -> None:
    """Refuse what cannot be when the contents of a file are on stdout."""
    if reporter.as_json or reporter.writes_events_to_stdout or keep_directories:
        raise click.UsageError(
            "--to - writes a file to stdout; it goes with no --json, --events - and --keep-directories"
        )
    if len(paths) != 1 or set(paths[0]) & set("*?["):
        raise click.UsageError("--to - takes one PATH, the file's own, without *, ? and [")


def _to_stdout(image: WimImage, path: str, limit_bytes: int | None, progress: ProgressCallback | None) -> None:
    """Write the contents of one file, by way of a temporary folder: they are checked before the first byte is out."""
    from osdimage.imaging.attributes import attribute_names  # noqa: PLC0415 - start-up stays cheap

    (entry,) = image.entries(path, recursive=False)
    if "directory" in attribute_names(entry.attributes) or entry.reparse_tag is not None:
        raise click.UsageError(f"--to -: {path} is a directory or a link; valid is a file, or a directory for --to")
    with tempfile.TemporaryDirectory(prefix="osdimage-") as folder:
        image.extract((path,), folder, limit_bytes=limit_bytes, progress=progress)
        (name,) = os.listdir(folder)  # noqa: PTH208 - the names are enough
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)  # noqa: PTH118
        with os.fdopen(descriptor, "rb") as file:
            while piece := file.read(_PIECE):
                out(piece, end="")
