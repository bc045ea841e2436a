"""Patterns of paths in an image, as ``list`` and ``extract`` take them.

``*``, ``?`` and ``[...]`` stand for characters within a name and never reach across a separator.  Paths are compared
without case.  A file may have such a name itself: the path that is there as it was written is the one that is meant.
"""

from __future__ import annotations

import fnmatch
import re

_WILD = re.compile(r"[*?\[]")


def normalised(text: str) -> str:
    """Return a path from the root with ``/`` between its parts."""
    return "/" + "/".join(part for part in re.split(r"[\\/]", text) if part)


def is_pattern(text: str) -> bool:
    """Tell whether a path may stand for others."""
    return _WILD.search(text) is not None


class PathPattern:
    """A pattern that paths are compared with."""

    def __init__(self, text: str) -> None:
        """Compile the pattern, part by part."""
        self._text = normalised(text)
        self._parts = [re.compile(fnmatch.translate(each), re.IGNORECASE) for each in self._text.split("/")]

    def fits(self, path: str, *, or_below: bool = False) -> bool:
        """Tell whether a path fits the pattern; with ``or_below`` also whether it is below one that does."""
        if path == "/":
            # It has no name that a pattern could fit.
            return self._text == "/"
        names = path.split("/")
        if len(names) < len(self._parts) or (len(names) > len(self._parts) and not or_below):
            return False
        return all(part.match(name) for part, name in zip(self._parts, names, strict=False))
