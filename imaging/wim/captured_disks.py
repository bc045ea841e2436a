"""Which images of a WIM are of which disk, where those of several were captured together."""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.units import counted
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage


def images_by_disk(images: Iterable[WimImage]) -> dict[int, tuple[WimImage, ...]]:
    """Return images by the numbers of the disks that they were captured from, in the order of these.

    Where all are of one disk, or none tells of any, there is one number.

    Raises:
        InvalidInput: when they are of several disks and one does not tell of which, or a number between is missing:
            what is left of a machine is none.
    """
    given = list(images)
    told = sorted({each.info.disk.index for each in given if each.info.disk is not None})
    if len(told) < 2:
        return {told[0] if told else 0: tuple(given)} if given else {}
    for each in given:
        if each.info.disk is None:
            why = "" if each.info.disk_fault is None else f": {each.info.disk_fault}"
            raise InvalidInput(
                f"{each.path}: image {each.index} does not tell which of {counted(len(told), 'disk')} it was captured "
                f"from{why}"
            )
    missing = [number for number in range(told[-1]) if number not in told]
    if missing:
        raise InvalidInput(
            f"{given[0].path}: has images of the disks {listed(told)} of a machine, and none of disk {missing[0]}; "
            f"valid are the disks 0 to {len(told) - 1}, or the images of one disk alone"
        )
    return {
        number: tuple(each for each in given if each.info.disk is not None and each.info.disk.index == number)
        for number in told
    }


def require_numbers(wim: WimFile, numbers: Iterable[int]) -> dict[int, tuple[WimImage, ...]]:
    """Return the images of each disk, when the numbers that were given are those of the WIM.

    Raises:
        InvalidRequest: when one is missing or there is no such disk in the WIM; the message has the valid ones.
        InvalidInput: as :func:`images_by_disk`.
    """
    disks, given = images_by_disk(wim), set(numbers)
    if disks.keys() != given:
        missing, extra = sorted(disks.keys() - given), sorted(given - disks.keys())
        what = f"no disk {missing[0]} is given" if missing else f"there is no disk {extra[0]} in it"
        valid = f"are the disks {listed(disks)}, each once" if len(disks) > 1 else f"is disk {listed(disks)} alone"
        raise InvalidRequest(f"{wim.path}: {what}; valid {valid}")
    return disks


def refuse_several(wim: WimFile) -> None:
    """Refuse a WIM whose images are of several disks, where there is one for all of them.

    Raises:
        InvalidRequest: which says of which.
        InvalidInput: as :func:`images_by_disk`.
    """
    disks = images_by_disk(wim)
    if len(disks) > 1:
        raise InvalidRequest(
            f"{wim.path}: its images are of the disks {listed(disks)} of a machine",
            remedy=Remedy("give each of them a disk: {}", (Means.NUMBERED_DISKS,)),
        )


def listed(numbers: Iterable[int]) -> str:
    """Return numbers for a sentence: ``0``, ``0 and 1``, ``0, 1 and 2``."""
    *first, last = map(str, sorted(numbers))
    return f"{', '.join(first)} and {last}" if first else last
