"""Leaving a disk as it is: what is written goes to a new qcow2 file beside it, below which the disk is read."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.disk.containers.facts import RAW
from osdimage.imaging.disk.containers.qemu import create_file
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.errors import InvalidRequest, TargetRefused
from osdimage.imaging.output import new_file

_SECTOR = 512


def make_overlay(base: str | os.PathLike[str], overlay: str | os.PathLike[str], *, opening: Opening = AS_FOUND) -> None:
    """Make an empty qcow2 file whose backing file is a disk; it appears complete or not at all.

    The disk is named relative to the folder of the new file.  Where it is not in that folder or below, the new file is
    opened only with ``allow_linked``, which is told.

    Args:
        base: the disk: an image, plain or in a container.
        overlay: the new file.
        opening: how the disk is opened.

    Raises:
        TargetRefused: when the new file exists, or the disk is in use.
        InvalidRequest: when the disk is no file.
        OsdImageError: when qemu-img is missing or fails, and as :func:`~osdimage.imaging.disk.image.open_image` does.
    """
    disk, new = Path(base), Path(overlay)
    if os.path.lexists(new):
        raise TargetRefused(f"{new}: exists already; valid is the name of a new file")
    if not disk.is_file():
        raise InvalidRequest(f"{disk} is no file, below which a file could be laid; valid is the image of a disk")
    with open_image(str(disk), share=True, opening=opening) as target:
        form = RAW if target.container is None else target.container.form.driver
        size = disk.stat().st_size if target.container is None else target.container.size_bytes
    folder = new.parent.resolve()
    name = os.path.relpath(disk.resolve(), folder)
    with new_file(new, replace=False) as made:
        # A colon before the first slash would be taken for a protocol.
        below = name if ":" not in name.split("/", 1)[0] else f"./{name}"
        # It does not open the disk, whose size and format are known here.
        options = ("-u", "-f", "qcow2", "-F", form, "-b", below)
        create_file(made, new, "qcow2", options, -(-size // _SECTOR) * _SECTOR)
    if not disk.resolve().is_relative_to(folder):
        opening.tell(__name__, f"{new} refers to {disk}, which is not beside it: whoever opens it has to allow that")
