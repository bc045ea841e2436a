"""Options of the commands for discs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import VolumeTree
    from osdimage.imaging.disc.facts import TreeKind

Command = Callable[..., Any]

DISC = values.PathType(exists=True, dir_okay=False, path_type=Path)

_tree = click.option(
    "--tree",
    "tree_name",
    type=click.Choice(["udf", "rock-ridge", "joliet", "iso9660"]),
    help="Which of its trees of files is read.  Default: the first of these that it has.",
)


def tree(command: Command) -> Command:
    """Add the option that chooses a tree, and pass a ``TreeKind`` or None as ``tree``."""

    @functools.wraps(command)
    def run(*args: Any, tree_name: str | None, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        from osdimage.imaging.disc.facts import TreeKind  # noqa: PLC0415 - start-up stays cheap

        return command(*args, tree=None if tree_name is None else TreeKind(tree_name), **kwargs)

    return params.add(_tree)(run)


@contextmanager
def open_tree_of(path: Path, tree: TreeKind | None, reporter: Reporter) -> Iterator[VolumeTree]:
    """Open a disc whose files are looked at, and show what is to be said of it."""
    from osdimage.imaging.browse.places import open_disc_tree  # noqa: PLC0415 - start-up stays cheap

    with open_disc_tree(path, tree=tree) as opened:
        for text in opened.notes:
            reporter.warn(text)
        yield opened
