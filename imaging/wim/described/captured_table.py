"""The partition table of a captured disk, made again from the XML: same types, order and places, new identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.layouts.place import ENTRY_COUNT, gpt_usable
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.table import FIRST_LOGICAL, Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, InvalidLayout
from osdimage.imaging.randomness import RandomBits, random_guid
from osdimage.imaging.units import Extent, Geometry, Lba
from osdimage.imaging.wim.described.captured import CapturedDisk, CapturedPartition


def table_of(disk: CapturedDisk, rng: RandomBits) -> PartitionTable:
    """Return the table that a disk had when it was captured, with identifiers of its own.

    The disk signature, the GUID of the disk and those of partitions are drawn anew: two disks with the same ones are in
    each other's way in one machine.

    Raises:
        InvalidInput: when such a disk cannot be: a type of the other scheme, a partition between two sectors.
    """
    geometry = Geometry.of_size(disk.size, disk.sector_size)
    is_gpt = disk.scheme is Scheme.GPT
    numbers = numbers_of(disk)
    disk_guid = random_guid(rng) if is_gpt else None
    partitions = [
        replace(_partition(disk, each), number=numbers[each.index], guid=random_guid(rng) if is_gpt else None)
        for each in sorted(disk.partitions, key=lambda each: each.index)
    ]
    if not is_gpt:
        signature = rng.getrandbits(32) or 1
        partitions = list(_with_ebrs(partitions))
        return PartitionTable(Scheme.MBR, geometry, tuple(partitions), disk_signature=signature)
    try:
        usable = gpt_usable(geometry)
    except InvalidLayout as error:
        raise InvalidInput(f"the layout of the captured disk cannot be used: {error.said}") from error
    return PartitionTable(
        Scheme.GPT, geometry, tuple(partitions), disk_guid=disk_guid, usable=usable, entry_count=ENTRY_COUNT
    )


def numbers_of(disk: CapturedDisk) -> dict[int, int]:
    """Return the numbers that partitions of a captured disk get when it is made again, by those that they had.

    They are the same, but where a GPT had entries beyond the 128th: such partitions move up.
    """
    indexes = sorted(each.index for each in disk.partitions)
    if disk.scheme is Scheme.GPT and indexes[-1] > ENTRY_COUNT:
        return {index: number for number, index in enumerate(indexes, 1)}
    return {index: index for index in indexes}


def _partition(disk: CapturedDisk, source: CapturedPartition) -> Partition:
    type_id = roles.parse_type(source.type_id)
    is_gpt = disk.scheme is Scheme.GPT
    if isinstance(type_id, int) is is_gpt:
        raise _unusable(source, f"has the type {source.type_id}, which is none of {disk.scheme.upper()}")
    is_logical = not is_gpt and source.index >= FIRST_LOGICAL
    whole = [source.offset, source.size, *([] if source.ebr is None else [source.ebr])]
    if any(each % disk.sector_size for each in whole):
        raise _unusable(source, f"does not begin and end with sectors of {disk.sector_size} bytes")
    ebr = None if source.ebr is None or not is_logical else Lba(source.ebr // disk.sector_size)
    return Partition(
        number=source.index,
        extent=Extent(Lba(source.offset // disk.sector_size), source.size // disk.sector_size),
        type_id=type_id,
        active=source.boot and not is_gpt,
        name=source.name if is_gpt else "",
        attributes=source.attributes if is_gpt else 0,
        ebr_lba=ebr,
    )


def _with_ebrs(partitions: list[Partition]) -> Iterator[Partition]:
    """Put EBRs before logical partitions of which the XML, written by an earlier version, does not tell them."""
    container = next((each for each in partitions if each.number < FIRST_LOGICAL and each.is_extended), None)
    taken = container.extent.first if container is not None else 0
    for each in partitions:
        if each.number < FIRST_LOGICAL:
            yield each
            continue
        if container is None:
            raise InvalidInput(
                f"the layout of the captured disk cannot be used: partition {each.number} is logical, and there is no "
                "extended partition"
            )
        ebr = each.ebr_lba if each.ebr_lba is not None else Lba(taken)
        if not container.extent.first <= ebr < each.extent.first:
            raise InvalidInput(
                f"the layout of the captured disk cannot be used: partition {each.number} leaves no sector for its EBR"
            )
        taken = each.extent.end
        yield replace(each, ebr_lba=ebr)


def _unusable(source: CapturedPartition, why: str) -> InvalidInput:
    return InvalidInput(f"the layout of the captured disk cannot be used: partition {source.index} {why}")
