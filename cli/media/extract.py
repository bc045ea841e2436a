"""``osdimage media extract``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import extracting, params
from osdimage.cli.extracting import PathsWish, TargetWish
from osdimage.cli.media import params as media_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disc.facts import TreeKind


@click.command("extract")
@click.argument("disc", type=media_params.DISC)
@extracting.paths
@extracting.target
@media_params.tree
@params.limit
@params.output()
def extract_command(
    disc: Path,
    which: PathsWish,
    target: TargetWish,
    tree: TreeKind | None,
    limit_bytes: int | None,
    reporter: Reporter,
) -> None:
    r"""Extract files and directory trees of DISC, an ISO file or a drive.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.  A list
    has one a line, in UTF-8 or UTF-16; a line that begins with # or ; is a comment.  Files that are there are replaced.
    Where a directory would have to give way to a file, or a file to a directory, nothing is written.
    """
    which.require("disc")
    to = target.directory(reporter, keep_directories=bool(which.keep_directories))
    wanted = extracting.listed(which, reporter)
    with media_params.open_tree_of(disc, tree, reporter) as opened:
        extracting.extract_tree(opened, wanted, which, to, limit_bytes, reporter)
