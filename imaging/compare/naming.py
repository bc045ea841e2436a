"""An image with the names that an apply gave it where it replaced those that the target refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.apply.naming import with_names_for
from osdimage.imaging.compare.places import open_compared
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.wim.image import WimImage


@contextmanager
def named_as_applied(
    image: WimImage,
    target: OpenVolume | str | os.PathLike[str],
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
) -> Iterator[WimImage]:
    """Yield an image with the names that it got when it was applied to a target with ``Names.REPLACE``.

    What a file system that is mounted does not take is not tried: the target is only read.  The other arguments are
    those of :func:`~osdimage.imaging.compare_image`.

    Raises:
        OsdImageError: as compare_image; InvalidRequest for a pipable WIM.
    """
    with open_compared(target, partition, opening) as opened:
        filesystem = opened.filesystem
    folder = target.path if isinstance(target, OpenVolume) else Path(target)
    with with_names_for(image, filesystem, folder, is_tried=False) as (named, _):
        yield named
