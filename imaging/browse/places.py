"""Opening a volume whose files are looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.browse.tree import VolumeTree
from osdimage.imaging.disc.facts import TreeKind
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import opened_place
from osdimage.imaging.disk.probe import described, name_of, probe_place
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.volume.interrupted import settled_window


@contextmanager
def open_tree(
    place: OpenVolume | str | os.PathLike[str], partition: int | None = None, *, opening: Opening = AS_FOUND
) -> Iterator[VolumeTree]:
    """Open a volume, which is only read, for who looks at its files; the volume must stay open as long.

    Args:
        place: a volume of a disk that is open, or the path of a file or device that holds one, or of a disk.
        partition: the number of the partition of a disk.
        opening: how a path is opened.

    Raises:
        InvalidRequest: when there is no such partition, or one has to be chosen.
        InvalidInput: when it is no NTFS or FAT volume.
        InvalidTable, InvalidVolume: when the disk or the volume is damaged.
        StorageError: when it cannot be read.
    """
    with opened_place(place, partition, opening=opening, share=True) as opened:
        yield _tree_of(opened)


@contextmanager
def open_disc_tree(path: str | os.PathLike[str], *, tree: TreeKind | None = None) -> Iterator[VolumeTree]:
    """Open an optical disc for who looks at its files.

    Args:
        path: the file or drive.
        tree: the tree of files that is read; see :func:`~osdimage.imaging.disc.opened.open_disc`.

    Raises:
        InvalidInput, InvalidVolume, InvalidRequest, StorageError: as that.
    """
    from osdimage.imaging.browse.disc import DiscTree  # noqa: PLC0415 - one kind of tree is needed
    from osdimage.imaging.disc.opened import open_disc  # noqa: PLC0415

    with open_disc(path, tree=tree) as disc:
        yield DiscTree(disc)


def _tree_of(place: Path | OpenVolume) -> VolumeTree:
    if isinstance(place, OpenVolume):
        place.refuse_encrypted()
        if place.content is Content.NTFS:
            from osdimage.imaging.browse.ntfs import NtfsTree  # noqa: PLC0415 - one of them is needed
            from osdimage.imaging.volume.ntfs.journal import tell_journal  # noqa: PLC0415

            tell_journal(place)
            return NtfsTree(settled_window(place))
        if place.content in FATS:
            from osdimage.imaging.browse.fat import FatTree  # noqa: PLC0415

            return FatTree(settled_window(place))
        if place.partition is not None:
            raise InvalidInput(f"{place.name}: holds {place.described}; files are read from NTFS and FAT volumes")
    found = probe_place(place)
    if found is Content.TABLE:
        raise InvalidRequest(
            f"{name_of(place)} is {described(found)}", remedy=Remedy("choose one with {}", (Means.PARTITION,))
        )
    remedy = Remedy("{} shows those of a disc", (Means.LIST_DISC,)) if found is Content.ISO9660 else None
    raise InvalidInput(
        f"{name_of(place)}: is {described(found)}; files are read from a WIM, an NTFS or FAT volume, or a partition",
        remedy=remedy,
    )
