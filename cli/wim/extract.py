"""``osdimage extract``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("extract")
@click.argument("wim", type=params.EXISTING)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--to", "to", type=params.ANY_PATH, required=True, metavar="DIR", help="The directory to extract to.")
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

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.
    """
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        result = opened.select(selector).extract(
            paths, to, keep_directories=keep_directories, limit_bytes=limit_bytes, progress=progress
        )
    for text in result.warnings:
        reporter.warn(text)
    reporter.result(result, *(f"{to}: {path}" for path in result.paths))
