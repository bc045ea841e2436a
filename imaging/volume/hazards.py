"""Why what a volume holds may not be all that it should hold, and why others refuse to write to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.held import volumes
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume, OsdImageError, StorageError
from osdimage.imaging.finding import Finding, warning
from osdimage.imaging.units import Extent, Lba
from osdimage.imaging.volume.interrupted import find_interrupted

if TYPE_CHECKING:
    from osdimage.imaging.volume.ntfs.journal import Journal

PENDING = "a change of its files was interrupted, and is finished by whoever opens the volume next for writing"
"""What is said of a volume of which :func:`is_pending` is true."""


def is_pending(volume: OpenVolume) -> bool:
    """Tell whether a change of files in an NTFS or FAT volume was interrupted after it was decided.

    Raises:
        StorageError: when it cannot be read.
    """
    return find_interrupted(volume) is not None


def hazards(volume: OpenVolume) -> tuple[str, ...]:
    """Return, in sentences, what keeps a volume from being written to; of what is no NTFS or FAT, nothing.

    Raises:
        StorageError: when it cannot be read.
    """
    if volume.content is Content.UNFINISHED:
        return (f"{volume.name}: holds {volume.described}: the same command makes it again",)
    if volume.content is not Content.NTFS and volume.content not in FATS:
        return ()
    look = _of_ntfs if volume.content is Content.NTFS else _of_fat
    try:
        return tuple(look(volume))
    except StorageError:
        raise
    except OsdImageError as error:
        return (str(error),)


def volume_findings(target: DiskTarget, table: PartitionTable) -> Iterator[Finding]:
    """Yield a warning for every volume of a disk that is marked dirty, in use, or not finished.

    Raises:
        StorageError: when the disk cannot be read.
    """
    whole = Extent(Lba(0), target.geometry.sectors)
    for each in table.partitions:
        if not each.is_extended and whole.contains(each.extent):
            volume = OpenVolume.of(target, each.extent, Path(target.name), each.number)
            for text in hazards(volume):
                yield warning("volume-state", text, "check it with chkdsk, fsck.fat or ntfsfix, or force the write")


def journals(target: DiskTarget, table: PartitionTable) -> dict[int, Journal]:
    """Return what the journals of the NTFS volumes of a disk say, by the numbers of the partitions.

    Of one that is so damaged that it has no journal, nothing.

    Raises:
        StorageError: when the disk cannot be read.
    """
    from osdimage.imaging.volume.ntfs.journal import read_journal  # noqa: PLC0415 - not for a disk without one

    found = {}
    for partition, held in volumes(target, table):
        if held.kind is Content.NTFS:
            with suppress(InvalidVolume):
                found[partition.number] = read_journal(target.window(partition.extent))
    return found


def _of_ntfs(volume: OpenVolume) -> Iterator[str]:
    from osdimage.imaging.volume.ntfs import state  # noqa: PLC0415 - not for who looks at a table

    if is_pending(volume):
        yield f"{volume.name}: {PENDING}"
        return
    with volume.sliced(read_only=True) as piece:
        yield from state.hazards(volume, state.read_facts(volume, piece))


def _of_fat(volume: OpenVolume) -> Iterator[str]:
    from osdimage.imaging.volume.fat.read import open_fat  # noqa: PLC0415 - not for who looks at a table

    if is_pending(volume):
        yield f"{volume.name}: {PENDING}"
    elif open_fat(volume.window()).is_marked_dirty:
        yield f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished"
