"""Patterns of paths in an image."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.wim.patterns import PathPattern, PathTree

_NAMES = st.text("aAb[]*.", min_size=1, max_size=3)
_PATHS = st.lists(st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names)), max_size=12)
_PATTERNS = st.lists(st.text("aAb?*[].", min_size=1, max_size=3), max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(_PATHS, _PATTERNS)
def test_a_tree_of_paths_gives_what_fits_one_by_one(paths: list[str], text: str) -> None:
    # Whatever is in an image is in a folder that it has.
    names = [path.split("/")[1:] for path in paths]
    every = list(dict.fromkeys(["/", *("/" + "/".join(each[:length]) for each in names for length in (1, 2, 3))]))
    pattern = PathPattern(text)
    assert PathTree(every).fitting(pattern) == [each for each in every if pattern.fits(each)]
