"""Strings on their way to and from libwim.

Two kinds, never mixed.  A *path* of this machine is what :func:`os.fsencode` makes of it.  A *name* in a WIM is UTF-16,
which libwim hands out as UTF-8; a lone surrogate, legal in NTFS, arrives as the three bytes that UTF-8 forbids, and
travels through Python as the surrogate itself.

libwim opens a slice by a name that means nothing to people, and says it in its messages; they get its title here.
"""

from __future__ import annotations

import os
import re
from typing import Any

from osdimage.native._wimlib import ffi

SLICE_PREFIX = "osdimage-slice:"
_SLICE_NAME = re.compile(rf"{SLICE_PREFIX}\d+")

titles: dict[str, str] = {}
"""What messages call the slices that are open, by their names."""


def from_c(pointer: Any) -> str | None:
    """Return the text behind a ``char *``, or None for NULL."""
    if not pointer:
        return None
    found: bytes = ffi.string(pointer)
    return found.decode("utf-8", "surrogatepass")


def all_from_c(found: bytes) -> list[str]:
    """Return the texts of which each ends with a NUL byte."""
    return found[:-1].decode("utf-8", "surrogatepass").split("\0")


def to_c(text: str) -> bytes:
    """Encode a name or other text of a WIM."""
    return text.encode("utf-8", "surrogatepass")


def path_to_c(path: str | os.PathLike[str]) -> bytes:
    """Encode a path of this machine.

    Raises:
        ValueError: when it holds a NUL byte, which would cut it short in C.
    """
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"a path cannot hold a NUL byte: {path!r}")
    return encoded


def titled(text: str) -> str:
    """Return a message of libwim with the titles of slices in place of their names."""
    return _SLICE_NAME.sub(lambda found: titles.get(found[0], found[0]), text)
