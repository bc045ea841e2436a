"""Options that take two paths in one word."""

from __future__ import annotations

import os
from pathlib import Path

import click


def source_and_path(option: str, text: str, *, instead: str) -> tuple[Path, str]:
    """Divide SRC=DST where SRC is there, a path of this machine and one in an image.

    Args:
        option: the name of the option, for messages.
        text: what was given.
        instead: what says it when there are several such places.

    Raises:
        click.UsageError: when it cannot be divided, or in several places.
    """
    parts = text.split("=")
    pairs = [("=".join(parts[:at]), "=".join(parts[at:])) for at in range(1, len(parts))]
    pairs = [each for each in pairs if all(each)]
    if not pairs:
        raise click.UsageError(
            f"{option} {text!r}: takes SRC=DST, such as {option} startnet.cmd=/Windows/System32/startnet.cmd"
        )
    found = [each for each in pairs if os.path.lexists(each[0])]
    if len(found) > 1:
        raise click.UsageError(f"{option} {text!r}: there are several {found[0][0]!r}...; {instead}")
    source, path = found[0] if found else pairs[0]
    return Path(source), image_path(path)


def image_path(text: str) -> str:
    """Return a path in an image as it was given.

    Raises:
        click.UsageError: for bytes that are no text; an image cannot hold them as a name.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"{text!r}: is not UTF-8, which names in an image are given in") from error
    return text
