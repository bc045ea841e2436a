"""Strings on their way to and from libwim.

Two kinds, never mixed.  A *path* of this machine is what :func:`os.fsencode` makes of it.  A *name* in a WIM is UTF-16,
which libwim hands out as UTF-8; a lone surrogate, legal in NTFS, arrives as the three bytes that UTF-8 forbids, and
travels through Python as the surrogate itself.
"""

from __future__ import annotations

import os
import re
from typing import Any

from osdimage.native._wimlib import ffi

_SLICE = re.compile(r"osdimage-slice:\d+")
# What a slice stands for, by the name that libwim is given in place of a path and says in its messages.
_titles: dict[str, str] = {}


def entitle(name: str, title: str | None) -> None:
    """Say what messages are to call a slice from now on; None forgets it."""
    if title is None:
        _titles.pop(name, None)
    else:
        _titles[name] = title


def titled(text: str) -> str:
    """Put the titles of slices for their names into a text of libwim."""
    return _SLICE.sub(lambda match: _titles.get(match[0], match[0]), text) if _titles else text


def from_c(pointer: Any) -> str | None:
    """Return the text behind a ``char *``, or None for NULL."""
    if pointer == ffi.NULL:
        return None
    return bytes(ffi.string(pointer)).decode("utf-8", "surrogatepass")


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
