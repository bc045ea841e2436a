"""The names of the folders that all images of a WIM go to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from osdimage.imaging.apply.folders import folder_names


@dataclass(frozen=True, slots=True)
class Image:
    index: int
    name: str


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        pytest.param(("a", "b"), ("a", "b"), id="their own"),
        pytest.param(("a", "A"), ("a", "2"), id="in two cases"),
        pytest.param(("2", ""), ("1", "2"), id="the index of one without a name"),
        pytest.param(("2", "3", ""), ("1", "2", "3"), id="of one that gives way itself"),
        pytest.param(("2", "1"), ("2", "1"), id="of one that has a name"),
        pytest.param(("02", "", "\u0662"), ("02", "2", "\u0662"), id="other ways to write a number"),
        pytest.param(("\u00e9" * 127, "\u20ac" * 128), ("\u00e9" * 127, "2"), id="longer than a name of Linux"),
        pytest.param(("a\udc00",), ("1",), id="half a surrogate pair"),
    ],
)
def test_each_image_has_a_folder_of_its_own(names: tuple[str, ...], folders: tuple[str, ...]) -> None:
    images = [Image(index, name) for index, name in enumerate(names, start=1)]
    assert folder_names(images) == folders
    assert len(set(folders)) == len(folders)
