"""The options about deltas, and how what a delta needs is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import values
from osdimage.cli.render import counted

if TYPE_CHECKING:
    from osdimage.imaging.capture.template import UpdateOf
    from osdimage.imaging.wim.delta.needs import Needs, Share
    from osdimage.imaging.wim.described.info import ImageInfo

bases = click.option(
    "--base",
    "bases",
    multiple=True,
    metavar="GLOB",
    help="Make a delta: leave out contents that this WIM holds; quote a pattern.  Repeatable.",
)


# What has one of them is meant as a file, not as a part of an image's name.
_SUFFIXES = {".wim", ".esd", ".swm", ".dwm"}


class UpdateOfType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """An image of a WIM, as wimlib-imagex takes it: ``[WIM:]IMAGE``, the image by its index or its name."""

    name = "update of"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> UpdateOf:
        """Take it apart; a colon that follows no file is one of the name."""
        from osdimage.imaging.capture.template import UpdateOf  # noqa: PLC0415 - start-up stays cheap

        if isinstance(value, UpdateOf):
            return value
        wim, colon, image = str(value).rpartition(":")
        if not colon or not values.is_file(wim):
            if colon and (not image or Path(wim).suffix.lower() in _SUFFIXES):
                self.fail(
                    "name an image behind the colon, such as old.wim:1" if not image else f"there is no file {wim!r}",
                    param,
                    ctx,
                )
            wim, image = "", str(value)
        if not image.strip():
            self.fail("name an image, by its index or its name", param, ctx)
        if image.strip("-0") == "" and image.endswith("0"):
            self.fail("images count from 1 on, or backwards from -1", param, ctx)
        number = values.image_number(image)
        return UpdateOf(image if number is None else number, Path(wim) if wim else None)


update_of = click.option(
    "--update-of",
    type=UpdateOfType(),
    metavar="[WIM:]IMAGE",
    help="Do not read files again that have not changed since this image, by path, size and times.  Without a WIM: the "
    "only --base, or the WIM that is added to; the first image of one that --create makes is an update of none.",
)


def needs_lines(needs: Needs | None) -> Iterator[str]:
    """Yield what people read of where contents are."""
    if needs is None:
        return
    yield f"  stored: {_share(needs.own)}"
    for each in needs.elsewhere:
        yield f"  not stored, in {each.path}: {_share(each)}"
    if needs.missing_blobs:
        yield f"  in other files: {missing(needs)}"


def info_lines(needs: Needs | None, images: Sequence[ImageInfo]) -> Iterator[str]:
    """Yield what people read of what a delta needs."""
    if needs is None:
        return
    yield f"A delta: it holds {_share(needs.own)} itself"
    for each in needs.elsewhere:
        yield f"  in {each.path}: {_share(each)}"
    if needs.missing_blobs:
        indexes = ", ".join(map(str, needs.missing_images))
        noun = "image" if len(needs.missing_images) == 1 else "images"
        yield f"  in files that --ref is to name: {missing(needs)} of {noun} {indexes}"
    for name, guid in dict.fromkeys((base.name, base.guid) for image in images for base in image.bases):
        yield f"  made with {name} as its base (GUID {guid})"


def missing(needs: Needs) -> str:
    """Say how much is in none of the files that are at hand."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    size = "" if needs.missing_size is None else f", {format_size(needs.missing_size)} in"
    return f"{counted(needs.missing_blobs, 'blob')}{size or ' of'} {counted(needs.missing_files, 'file')}"


def _share(share: Share) -> str:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    return f"{counted(share.blobs, 'blob')}, {format_size(share.size)}"
