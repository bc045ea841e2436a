"""Several files and directories as one image: a list of them, in the form of wimlib-imagex capture --source-list.

A line has a path of this machine and, behind blanks, the path in the image; without the second, the first is both.
``/`` is the root of the image.  A path with blanks stands in ``'...'`` or ``"..."``, where no quote of that kind can
stand; a line that begins with ``#`` or ``;`` is a comment (its manual, "--source-list"; programs/imagex.c).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import BLANKS, as_listing, lines_of, read_limited
from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.units import MIB

MAX_BYTES = 64 * MIB
"""More than any list has; a larger one is not read."""
_KIND = "lists of sources"
_QUOTES = "'\""
# Of Windows; libwim stores trees that are too deep for it to read again.
_LONGEST_PATH = 32_767


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A file or directory that is captured as a part of an image.

    Attributes:
        source: of this machine.
        path: what it is in the image, from the root, separated by ``/``; ``/`` for the root itself.
        origin: where it stands, for messages; empty when it is given alone.
    """

    source: Path
    path: str = "/"
    origin: str = ""

    @property
    def is_root(self) -> bool:
        """Whether the directory becomes the root of the image."""
        return self.path == "/"


def read_sources(path: str | os.PathLike[str]) -> tuple[SourceTree, ...]:
    """Read a list of sources.

    Raises:
        StorageError: when it cannot be read.
        InvalidInput: as :func:`decode_sources`.
    """
    path = Path(path)
    return decode_sources(read_limited(path, MAX_BYTES, kind=_KIND), str(path))


def decode_sources(data: bytes, where: str) -> tuple[SourceTree, ...]:
    """Return the sources of a list, UTF-8 or UTF-16; ``where`` names it in messages.

    Raises:
        InvalidInput: with the line, when it is not one or two paths, or its path in the image differs from another in
            case only; or the list is larger than 64 MiB, not text, or empty.
    """
    text = as_listing(data, MAX_BYTES, source=where, kind=_KIND)
    found = tuple(_parsed(line, f"{where}:{number}") for number, line in lines_of(text, source=where, comments="#;"))
    if not found:
        raise InvalidInput(f"{where}: lists no source")
    _refuse_twins(found)
    return found


def _refuse_twins(found: Sequence[SourceTree]) -> None:
    """Refuse paths in the image that differ in case only: to Windows, and to libwim here, they are one."""
    spelled: dict[str, SourceTree] = {}
    for each in found:
        other = spelled.setdefault(each.path.upper(), each)
        if other.path != each.path:
            raise InvalidInput(
                f"{each.origin}: {quoted(each.path)} differs in case only from {quoted(other.path)} at {other.origin}, "
                "of which it would take the place; write both alike to lay one over the other"
            )


def _parsed(line: str, where: str) -> SourceTree:
    words, rest = [], line
    while rest := rest.lstrip(BLANKS):
        if rest[0] in _QUOTES:
            word, quote, rest = rest[1:].partition(rest[0])
            if not quote:
                raise InvalidInput(f"{where}: the quote {line[-len(word) - 1]} has no end")
        else:
            word = re.split(f"[{BLANKS}]", rest, maxsplit=1)[0]
            rest = rest[len(word) :]
        words.append(word)
    if len(words) > 2 or not words[0]:
        raise InvalidInput(f"{where}: a line has a source and the path in the image; quote a path with blanks")
    return SourceTree(Path(words[0]), _path_in_image(words[-1], where), where)


def _path_in_image(text: str, where: str) -> str:
    if not text:
        raise InvalidInput(f"{where}: the path in the image is empty; / is its root")
    parts = [part for part in re.split(r"[\\/]", text) if part not in {"", "."}]
    if ".." in parts:
        raise InvalidInput(f"{where}: a path in the image has no ..: name it behind the source")
    path = "/" + "/".join(parts)
    if len(path) > _LONGEST_PATH:
        raise InvalidInput(
            f"{where}: the path in the image has {len(path):,} characters; at most {_LONGEST_PATH:,} can be"
        )
    return path
