"""Patterns of paths in an image, as ``list`` and ``extract`` take them.

``*``, ``?`` and ``[...]`` stand for characters within a name and never reach across a separator.  Paths are compared
without case.  A file may have such a name itself: the path that is there as it was written is the one that is meant.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

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

    @property
    def parts(self) -> tuple[re.Pattern[str], ...]:
        """What each name of a path is compared with, from the root."""
        return tuple(self._parts[1:]) if self._text != "/" else ()

    def fits(self, path: str, *, or_below: bool = False) -> bool:
        """Tell whether a path fits the pattern; with ``or_below`` also whether it is below one that does."""
        if path == "/":
            # It has no name that a pattern could fit.
            return self._text == "/"
        names = path.split("/")
        if len(names) < len(self._parts) or (len(names) > len(self._parts) and not or_below):
            return False
        return all(part.match(name) for part, name in zip(self._parts, names, strict=False))


class PathTree:
    """All paths of an image, by the folder that they are in: many patterns are not compared with each of them."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Take the paths, separated by ``/``."""
        self._order: dict[str, int] = {}
        self._in_folder: dict[str, list[tuple[str, str]]] = {}
        for number, path in enumerate(paths):
            self._order.setdefault(path, number)
            if path != "/":
                folder, _, name = path.rpartition("/")
                self._in_folder.setdefault(folder, []).append((name, path))

    def fitting(self, pattern: PathPattern) -> list[str]:
        """Return the paths that fit a pattern, in their order."""
        if not pattern.parts:
            return ["/"] if "/" in self._order else []
        found = [""]
        for part in pattern.parts:
            found = [path for folder in found for name, path in self._in_folder.get(folder, ()) if part.match(name)]
        return sorted(found, key=self._order.__getitem__)
