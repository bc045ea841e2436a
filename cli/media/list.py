"""``osdimage media list``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import listing, params
from osdimage.cli.listing import ListForm
from osdimage.cli.media import params as media_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disc.facts import TreeKind


@click.command("list")
@click.argument("disc", type=media_params.DISC)
@click.argument("path", default="/")
@media_params.tree
@listing.form
@params.output(events=False)
def list_command(disc: Path, path: str, tree: TreeKind | None, form: ListForm, reporter: Reporter) -> None:
    r"""List the files of DISC, an ISO file or a drive, all or those at and below PATH; --json tells all that it knows.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.
    """
    form.refuse_both()
    with media_params.open_tree_of(disc, tree, reporter) as opened:
        listing.list_tree(opened, path, form, {"path": disc}, reporter)
