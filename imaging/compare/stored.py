"""What an image has of its files that libwim does not list, read from its tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from osdimage.imaging.compare.unix import Attributes
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.stored.extended import extended_attributes
from osdimage.imaging.wim.stored.reparse import reparse_points
from osdimage.imaging.wim.trees import read_tree


@dataclass(frozen=True, slots=True)
class Unlisted:
    """What libwim does not list of the files of an image, by their paths.

    Attributes:
        extended: their extended attributes.
        behind: the SHA-1 of the contents of those that have a reparse point as well; None when they are not known.
        notes: what could not be known.
    """

    extended: Mapping[str, Attributes]
    behind: Mapping[str, bytes] | None
    notes: tuple[str, ...] = ()


def unlisted(image: WimImage, audit: Audit) -> Unlisted:
    """Read it.

    Raises:
        CorruptWim: when the tree cannot be read.
    """
    tree = read_tree(image.path, image.handle, image.index)
    if tree is None:
        missed = "extended attributes, and contents besides reparse points, were not compared"
        return Unlisted({}, None, (f"{missed}: {image.path} is pipable",))
    points = reparse_points(tree) if audit.links or audit.other_reparse_points else ()
    try:
        behind = {each.path: each.contents_sha1 for each in points if each.contents_sha1 is not None}
    except CorruptWim as error:
        # libwim takes more than that: a list of entries that two directories share.
        note = f"contents besides reparse points were not compared: {image.path}: image {image.index}: {error}"
        return Unlisted(extended_attributes(tree), None, (note,))
    return Unlisted(extended_attributes(tree), behind)
