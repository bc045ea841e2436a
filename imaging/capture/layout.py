"""What of a disk a WIM keeps: decided for every partition before anything is written, and said where it is lost.

The layout that goes into the XML is tried at once: a disk that could not be made again from it is told when it is
captured, not when it is needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.held import protected
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.raw import is_blank
from osdimage.imaging.disk.tables.read import DiskReading
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.tables.write import verify_table
from osdimage.imaging.errors import InvalidInput, InvalidLayout, InvalidRequest
from osdimage.imaging.units import MIB, Geometry, format_size
from osdimage.imaging.volume.eligible import DiskVolumes
from osdimage.imaging.volume.filesystems import FormatWish, refuse_impossible
from osdimage.imaging.wim.described.captured import CapturedDisk, Kept, describe_disk, from_element, to_element
from osdimage.imaging.wim.described.captured_table import table_of

# Looking for something in a partition of which nothing is known; more would take longer than people wait unasked.
_MOST_SEARCHED = 256 * MIB
# What the findings of a table are that is not made again, by their codes.
_NOT_KEPT = {
    "hybrid-mbr": "the MBR beside the GPT is not captured: a disk made from the WIM has one that only protects the GPT",
    "extended-twice": "what is in the second extended partition is not captured, and a disk made from the WIM has it "
    "empty",
}
# Those with which partitions of the disk were not read at all.
_LOST = frozenset({"ebr-invalid", "ebr-loop", "ebr-outside", "ebr-many", "partition-backwards"})


@dataclass(frozen=True, slots=True)
class KeptDisk:
    """What a WIM keeps of a disk.

    Attributes:
        volumes: the partitions whose files become images, in the order of their numbers.
        raw: those whose bytes do.
        kept: of each partition, by its number.
        warnings: what is lost.
    """

    volumes: tuple[Partition, ...]
    raw: tuple[Partition, ...]
    kept: dict[int, Kept]
    warnings: tuple[str, ...]

    @property
    def unkept(self) -> tuple[int, ...]:
        """The numbers of the partitions that hold something which is not kept."""
        return tuple(number for number, kept in self.kept.items() if kept is Kept.NOTHING)


def choose_kept(disk: Disk, found: DiskVolumes, reading: DiskReading, *, keep_raw: bool) -> KeptDisk:
    """Decide what is kept of a disk.

    Args:
        disk: open.
        found: what its partitions hold.
        reading: of its table, with what was noticed.
        keep_raw: keep the bytes of partitions that hold no volume whose files are kept.

    Raises:
        StorageError: when the disk cannot be read.
    """
    odd = dict(_odd_volumes(found))
    volumes = [each for each in found.eligible(with_efi=True) if not (keep_raw and each.number in odd)]
    numbers = {each.number for each in volumes}
    kept: dict[int, Kept] = {}
    for each in found.table.partitions:
        if each.number in numbers:
            kept[each.number] = Kept.FILES
        elif each.is_extended or each.type_id == roles.MICROSOFT_RESERVED:
            kept[each.number] = Kept.ROOM
        elif keep_raw:
            kept[each.number] = Kept.BYTES
        else:
            kept[each.number] = _without_bytes(disk, found, each)
    raw = tuple(each for each in found.table.partitions if kept[each.number] is Kept.BYTES)
    told = [*_read_badly(reading), *_lost(found, kept), *_cannot_be(found, kept)]
    told += [
        f"partition {number} cannot be made again from the WIM: {why}; its bytes can be kept instead"
        for number, why in odd.items()
        if kept[number] is Kept.FILES
    ]
    return KeptDisk(tuple(volumes), raw, kept, tuple(told))


def layout_of(found: DiskVolumes, kept: KeptDisk, number: int, *, index: int) -> CapturedDisk:
    """Return the layout that goes with the image of a partition; ``index`` is the number of the disk."""
    return describe_disk(found.table, found.held, kept.kept, number, index=index)


def _without_bytes(disk: Disk, found: DiskVolumes, partition: Partition) -> Kept:
    if found.held[partition.number].kind is not None:
        return Kept.NOTHING
    blank = is_blank(disk.target, partition.extent, most_bytes=_MOST_SEARCHED)
    return Kept.ROOM if blank else Kept.NOTHING


def _lost(found: DiskVolumes, kept: dict[int, Kept]) -> Iterator[str]:
    for each in found.table.partitions:
        if kept[each.number] is Kept.NOTHING:
            held = found.held[each.number].kind
            locked = protected(found.held[each.number])
            yield (
                f"partition {each.number} ({each.type_label}, {format_size(found.table.size_bytes(each))}) holds "
                f"{'something' if held is None else held.described} that is not captured{locked}, and a disk made "
                "from the WIM has it empty; its bytes can be kept, too"
            )
        elif kept[each.number] is Kept.FILES and found.held[each.number].encryption is not None:
            yield (
                f"partition {each.number} is encrypted by BitLocker: the WIM holds its files as they read, and a disk "
                "made from it is not encrypted"
            )
    # On a GPT disk the database is in a partition of its own.
    if any(each.type_id == roles.MBR_LDM for each in found.table.partitions):
        yield (
            "it is a dynamic disk: Windows keeps its volumes in a database outside of the partitions, which is not "
            "captured"
        )


def _read_badly(reading: DiskReading) -> Iterator[str]:
    for finding in reading.findings:
        if finding.code in _NOT_KEPT:
            yield _NOT_KEPT[finding.code]
        elif finding.code in _LOST:
            yield f"{finding.text}; what is not read is not captured"


def _cannot_be(found: DiskVolumes, kept: dict[int, Kept]) -> Iterator[str]:
    """Yield why no disk of the same size could be made from the layout, if so."""
    disk = describe_disk(found.table, found.held, kept, 0)
    try:
        table = table_of(from_element(to_element(disk)), random.Random(0))  # noqa: S311 - only to try
        verify_table(table)
    except InvalidLayout as error:
        yield f"the disk cannot be made again from the WIM: {'; '.join(error.problems[:3])}"
    except InvalidInput as error:
        yield f"the disk cannot be made again from the WIM: {error.said}"
    else:
        yield from _changed(found.table, table)


def _odd_volumes(found: DiskVolumes) -> Iterator[tuple[int, str]]:
    """Yield the volumes of which the files can be read, but which cannot be formatted here, with the reason."""
    size = found.table.geometry.sector_size
    for each in found.eligible(with_efi=True):
        kind = found.held[each.number].kind
        if kind is None:
            continue
        try:
            wish = FormatWish(0, cluster_size=found.held[each.number].cluster_size)
            refuse_impossible(FileSystem(kind.value), wish, Geometry(size, each.extent.count))
        except InvalidRequest as error:
            yield each.number, error.said


def _changed(old: PartitionTable, new: PartitionTable) -> Iterator[str]:
    """Yield what is not as it was in a table that is made again, but for the identifiers."""
    for before, after in zip(old.partitions, new.partitions, strict=True):
        if before.number != after.number:
            yield f"partition {before.number} comes back as partition {after.number}"
        if before.name != after.name:
            yield f"partition {before.number} comes back with the name {after.name!r}: XML has no place for its own"
