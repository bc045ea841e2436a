"""What task-sequence media are to have: sequences, packages and variables, as options say it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.numbered import Pairs, pairs


@dataclass(frozen=True, slots=True)
class ContentWish:
    """What the options of ``content`` say, which are passed as ``content``: what the media are to have."""

    sequences: tuple[tuple[str | None, Path], ...]
    packages: Pairs
    vars_file: Path | None
    variables: Pairs
    hidden: tuple[str, ...]

    def values(self) -> dict[str, str]:
        """Return the variables of the media.

        Raises:
            StorageError, InvalidInput: when the file cannot be read, or is none.
        """
        from osdimage.cli.sequence.input import read_variables  # noqa: PLC0415 - start-up stays cheap

        return {**({} if self.vars_file is None else read_variables(self.vars_file)), **dict(self.variables)}


def _sequences(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str | None, Path], ...]:
    """Split [ID=]XML; a file of the whole name comes first."""
    found: list[tuple[str | None, Path]] = []
    for text in given:
        identifier, equals, name = text.partition("=")
        if not equals or os.path.lexists(text):
            identifier, name = "", text
        path = Path(os.fsdecode(values.EXISTING.convert(name, param, ctx)))
        found.append((identifier.strip() or None, path))
    return tuple(found)


content = params.gathered(
    "content",
    ContentWish,
    click.option(
        "--sequence",
        "sequences",
        multiple=True,
        required=True,
        metavar="[ID=]XML",
        callback=_sequences,
        help="A task sequence, as it was exported, or in YAML (.yaml), with the ID by which a run chooses it, or a "
        "step of another one runs it.  Default: the ID in the export, or the name of the file.  Repeatable.",
    ),
    click.option(
        "--package",
        "packages",
        multiple=True,
        metavar="ID=PATH",
        callback=pairs("ID=PATH, such as ABC00001=install.wim"),
        help="The file or folder of a package, or one on a disc (DISC.iso!PATH).  Repeatable.",
    ),
    click.option(
        "--vars",
        "vars_file",
        type=values.EXISTING,
        metavar="FILE",
        help="The variables of the media: lines NAME=VALUE, or a JSON object.",
    ),
    click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        callback=disk_params.split_variable,
        help="One such variable.  Repeatable.",
    ),
    click.option(
        "--hide",
        "hidden",
        multiple=True,
        metavar="NAME",
        help="Take the value of this variable for a secret, as those of passwords are.  Repeatable.",
    ),
)
