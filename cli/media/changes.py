"""The options about files that a medium gets besides, has in the place of others, or loses."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.pairs import source_and_path

if TYPE_CHECKING:
    from osdimage.imaging.media.parts.changes import MediumChanges

_OPTIONS = (
    click.option(
        "--add",
        "placed",
        multiple=True,
        metavar="SRC=DST",
        help="Put a file, or what is in a folder, on the medium as DST, which it does not have yet.  Repeatable.",
    ),
    click.option(
        "--replace",
        "replaced",
        multiple=True,
        metavar="SRC=DST",
        help="Put a file in the place of DST, which the medium has.  Repeatable.",
    ),
    click.option(
        "--remove", "removed", multiple=True, metavar="PATH", help="Leave out a file, or a folder.  Repeatable."
    ),
    click.option(
        "--unattend",
        "setup_answers",
        type=values.EXISTING,
        metavar="FILE",
        help="The answer file for Windows Setup: it becomes autounattend.xml.",
    ),
)
_INSTEAD = "rename one of them"


def changes(command: params.Command) -> params.Command:
    """Add them, and pass a ``MediumChanges`` as ``changes``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        placed: tuple[str, ...],
        replaced: tuple[str, ...],
        removed: tuple[str, ...],
        setup_answers: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.media.parts.changes import MediumChanges, PlacedSource  # noqa: PLC0415 - start-up

        wish: MediumChanges = MediumChanges(
            removed,
            tuple(PlacedSource(*source_and_path("--replace", each, instead=_INSTEAD)) for each in replaced),
            tuple(PlacedSource(*source_and_path("--add", each, instead=_INSTEAD)) for each in placed),
            setup_answers,
        )
        return command(*args, changes=wish, **kwargs)

    return params.add(*_OPTIONS)(run)
