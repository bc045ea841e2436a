"""Paths in an image as a text file, one a line, in the form of the list files of wimlib-imagex extract.

Blanks around a path do not count, and quotes around one can be left out; a line that begins with ``;`` or ``#`` is a
comment (its manual, "PATHS AND LISTFILES").
"""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.documents import as_listing, lines_of, read_limited
from osdimage.imaging.units import MIB

MAX_BYTES = 64 * MIB
"""More than a list of all files of any image has; a larger one is not read."""
_KIND = "lists of paths"
_QUOTES = "'\""


def read_paths(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Read a list of paths.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: as :func:`decode_paths`.
    """
    path = Path(path)
    return decode_paths(read_limited(path, MAX_BYTES, kind=_KIND), str(path))


def decode_paths(data: bytes, where: str) -> tuple[str, ...]:
    """Return the paths of a list, UTF-8 or UTF-16; ``where`` names it in messages.

    Raises:
        InvalidDocument: when it is larger than 64 MiB, or not text, or a line holds a NUL.
    """
    text = as_listing(data, MAX_BYTES, source=where, kind=_KIND)
    return tuple(_unquoted(line) for _, line in lines_of(text, source=where, comments=";#"))


def _unquoted(line: str) -> str:
    is_quoted = len(line) > 1 and line[0] in _QUOTES and line[-1] == line[0]
    return line[1:-1] if is_quoted else line
