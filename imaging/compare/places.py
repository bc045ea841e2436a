"""Opening what an image is to be compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.compare.directory import DirectoryTarget
from osdimage.imaging.compare.ntfs import NtfsTarget
from osdimage.imaging.compare.target import ComparedTarget
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import opened_place
from osdimage.imaging.disk.probe import described, name_of, probe_place
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, Means, Remedy, TargetRefused
from osdimage.imaging.volume.interrupted import settled_window

_VALID = (
    "is {}; an image is compared with a directory, with a file or device that holds one NTFS or FAT volume, or with "
    "a partition of a disk"
)


@contextmanager
def open_compared(
    place: OpenVolume | str | os.PathLike[str], partition: int | None = None, opening: Opening = AS_FOUND
) -> Iterator[ComparedTarget]:
    """Open what an image is to be compared with, once; no program that asks writes to a disk meanwhile.

    Raises:
        TargetRefused: when it is nothing that an image can be compared with.
        InvalidRequest: when there is no such partition, or one has to be chosen.
        InvalidTable, InvalidVolume: when the disk or the volume is damaged.
        StorageError: when it cannot be read.
    """
    with opened_place(place, partition, opening=opening, share=True) as opened:
        where = name_of(opened)
        try:
            yield backend_of(opened)
        except InvalidVolume as error:
            # The readers speak of records and clusters, and of whichever volume that is.
            raise InvalidVolume(error.fault, volume=where) from error


def backend_of(place: Path | OpenVolume) -> ComparedTarget:
    """Return what an image is compared with at a place.

    Raises:
        OsdImageError: as :func:`open_compared`.
    """
    if isinstance(place, OpenVolume):
        if place.content is Content.NTFS:
            from osdimage.imaging.volume.ntfs.journal import tell_journal  # noqa: PLC0415 - with its judge

            tell_journal(place)
            return NtfsTarget(settled_window(place))
        if place.content in FATS:
            from osdimage.imaging.compare.fat import FatTarget  # noqa: PLC0415 - construct comes with it

            return FatTarget(settled_window(place))
        place.refuse_encrypted()
        if place.partition is not None:
            raise TargetRefused(f"{place.name}: holds {place.described}; only NTFS and FAT volumes can be compared")
    found = probe_place(place)
    if isinstance(place, Path) and found is Content.DIRECTORY:
        return DirectoryTarget(place)
    if found is Content.TABLE:
        raise InvalidRequest(
            f"{name_of(place)} is {described(found)}", remedy=Remedy("choose one with {}", (Means.PARTITION,))
        )
    raise TargetRefused(f"{name_of(place)}: {_VALID.format(described(found))}")
