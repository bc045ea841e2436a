"""Choosing one image."""

from __future__ import annotations

import pytest
from osdimage.imaging.errors import ImageNotFound, InvalidRequest
from osdimage.imaging.wim.described.info import ImageInfo, parse_images
from osdimage.imaging.wim.select import ImageSelector, select


def xml(index: int, name: str, edition: str, arch: int, *languages: str, flags: str = "", display: str = "") -> str:
    listed = "".join(f"<LANGUAGE>{language}</LANGUAGE>" for language in languages)
    return (
        f'<IMAGE INDEX="{index}"><NAME>{name}</NAME><FLAGS>{flags}</FLAGS><DISPLAYNAME>{display}</DISPLAYNAME>'
        f"<WINDOWS><ARCH>{arch}</ARCH><EDITIONID>{edition}</EDITIONID><LANGUAGES>{listed}</LANGUAGES></WINDOWS></IMAGE>"
    )


# ARCH as in <winnt.h>: 0 is x86, 9 is x64, 12 is ARM64.
IMAGES = parse_images(
    "<WIM>"
    + xml(1, "Windows 10 Home", "Core", 9, "en-US")
    + xml(2, "Windows 10 Pro", "Professional", 9, "en-US", "de-DE", display="Professional edition")
    + xml(3, "Windows 10 Pro", "Professional", 0, "en-US")
    + xml(4, "data", "", 12, flags="Enterprise")
    + "</WIM>",
    4,
)

FITTING = {
    "index": (ImageSelector(index=3), 3),
    "index of the last": (ImageSelector(index=-1), 4),
    "index from the end": (ImageSelector(index=-4), 1),
    "name": (ImageSelector(name="Windows 10 Home"), 1),
    "name in another case": (ImageSelector(name="windows 10 home"), 1),
    "display name": (ImageSelector(name="professional edition"), 2),
    "edition and architecture": (ImageSelector(edition="professional", architecture="x64"), 2),
    "amd64 is x64": (ImageSelector(edition="Professional", architecture="amd64"), 2),
    "i386 is x86": (ImageSelector(architecture="i386"), 3),
    "aarch64 is arm64": (ImageSelector(architecture="aarch64"), 4),
    "language": (ImageSelector(language="de-de"), 2),
    "edition from the flags": (ImageSelector(edition="Enterprise"), 4),
    "all together": (ImageSelector(None, "Windows 10 Pro", "Professional", "x86", "en-US"), 3),
}


@pytest.mark.parametrize(("selector", "index"), FITTING.values(), ids=FITTING)
def test_exactly_one_image_fits(selector: ImageSelector, index: int) -> None:
    assert select(IMAGES, selector, "x.wim").index == index


@pytest.mark.parametrize(
    ("selector", "candidates"),
    [
        (ImageSelector(edition="Professional"), ["2", "3"]),
        (ImageSelector(name="Windows 10 Pro"), ["2", "3"]),
        (ImageSelector(), ["1", "2", "3", "4"]),
    ],
)
def test_several_that_fit_are_listed_and_none_is_taken(selector: ImageSelector, candidates: list[str]) -> None:
    with pytest.raises(ImageNotFound) as caught:
        select(IMAGES, selector, "x.wim")
    assert [line.partition(":")[0] for line in caught.value.candidates] == candidates
    assert "x.wim" in str(caught.value)


@pytest.mark.parametrize(
    "selector",
    [
        ImageSelector(index=5),
        ImageSelector(index=-5),
        ImageSelector(index=0),
        ImageSelector(name="Windows 11"),
        ImageSelector(language="fr"),
    ],
)
def test_none_that_fits_lists_all(selector: ImageSelector) -> None:
    with pytest.raises(ImageNotFound, match="no image fits") as caught:
        select(IMAGES, selector, "x.wim")
    assert len(caught.value.candidates) == 4
    assert caught.value.candidates[1] == "2: Windows 10 Pro (Professional, x64, en-US, de-DE)"


def test_a_name_that_differs_in_case_only_is_told_apart_by_its_case() -> None:
    images = parse_images("<WIM>" + xml(1, "Base", "", 9) + xml(2, "base", "", 9) + "</WIM>", 2)
    assert select(images, ImageSelector(name="base"), "x.wim").index == 2
    with pytest.raises(ImageNotFound):
        select(images, ImageSelector(name="BASE"), "x.wim")


def test_the_only_image_needs_no_choice() -> None:
    only: tuple[ImageInfo, ...] = IMAGES[:1]
    assert select(only, ImageSelector(), "x.wim").index == 1


def test_an_index_and_a_query_contradict_each_other() -> None:
    with pytest.raises(InvalidRequest):
        ImageSelector(index=1, edition="Core")
