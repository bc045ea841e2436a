"""Random partition tables that are legal: every type, any order of a chain, gaps, EBRs anywhere."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st
from osdimage.imaging.disk import MemoryTarget, Partition, PartitionTable, Scheme, read_table
from osdimage.imaging.disk.layouts.place import gpt_usable
from osdimage.imaging.disk.roles import MBR_EXTENDED, MBR_PROTECTIVE
from osdimage.imaging.disk.tables.read import DiskReading
from osdimage.imaging.disk.tables.write import Write, verify_table, write_steps
from osdimage.imaging.units import Extent, Geometry, Lba

SECTORS = 16 << 20
_PLAIN_TYPES = sorted(set(range(1, 256)) - MBR_EXTENDED - {MBR_PROTECTIVE})
_NAMES = st.text(st.characters(codec="utf-16-le", categories=["L", "N", "P"]), max_size=18)


def _cuts(draw: st.DrawFn, first: int, end: int, count: int) -> list[int]:
    """Return so many places between two sectors, in order, all different."""
    return sorted(draw(st.sets(st.integers(first, end), min_size=count, max_size=count)))


@st.composite
def gpt_tables(draw: st.DrawFn) -> PartitionTable:
    """A GPT with up to six partitions in any order."""
    geometry = Geometry(draw(st.sampled_from([512, 4096])), SECTORS)
    usable = gpt_usable(geometry)
    count = draw(st.integers(1, 6))
    places = _cuts(draw, usable.first, usable.end, 2 * count)
    numbers = sorted(draw(st.sets(st.integers(1, 128), min_size=count, max_size=count)))
    order = draw(st.permutations(range(count)))
    partitions = [
        Partition(
            number,
            Extent(Lba(places[2 * place]), places[2 * place + 1] - places[2 * place]),
            UUID(int=draw(st.integers(1, (1 << 128) - 1))),
            guid=UUID(int=number),
            name=draw(_NAMES),
            attributes=draw(st.integers(0, (1 << 64) - 1)),
        )
        for number, place in zip(numbers, order, strict=True)
    ]
    return PartitionTable(
        Scheme.GPT, geometry, tuple(partitions), disk_guid=UUID(int=999), usable=usable, entry_count=128
    )


@st.composite
def mbr_tables(draw: st.DrawFn) -> PartitionTable:
    """An MBR with up to four entries in any order; one may be extended, with a chain in any order."""
    geometry = Geometry(draw(st.sampled_from([512, 4096])), SECTORS)
    count = draw(st.integers(1, 4))
    places = _cuts(draw, 1, geometry.sectors, 2 * count)
    numbers = sorted(draw(st.sets(st.integers(1, 4), min_size=count, max_size=count)))
    order = draw(st.permutations(range(count)))
    active = draw(st.sampled_from([None, *numbers]))
    extended = draw(st.sampled_from([None, *numbers]))
    partitions, inner = [], []
    for number, place in zip(numbers, order, strict=True):
        extent = Extent(Lba(places[2 * place]), places[2 * place + 1] - places[2 * place])
        types = sorted(MBR_EXTENDED) if number == extended else _PLAIN_TYPES
        partitions.append(Partition(number, extent, draw(st.sampled_from(types)), active=number == active))
        if number == extended:
            inner = _chain(draw, extent)
    return PartitionTable(Scheme.MBR, geometry, (*partitions, *inner), disk_signature=draw(st.integers(0, 0xFFFFFFFF)))


def _chain(draw: st.DrawFn, container: Extent) -> list[Partition]:
    count = draw(st.integers(0, 4))
    if container.count < 3 * count + 2:
        return []
    # An EBR, its partition's beginning and end; the first EBR of the chain is where the container begins, or an empty
    # one is.
    starts_empty = draw(st.booleans())
    places = _cuts(draw, container.first + 1, container.end, 3 * count)
    spans = [places[3 * number : 3 * number + 3] for number in range(count)]
    if spans and not starts_empty:
        spans[0][0] = container.first
    order = list(range(count))
    if starts_empty:
        order = draw(st.permutations(order))
    elif count:
        order = [0, *draw(st.permutations(order[1:]))]
    return [
        Partition(
            5 + position,
            Extent(Lba(spans[place][1]), spans[place][2] - spans[place][1]),
            draw(st.sampled_from(_PLAIN_TYPES)),
            ebr_lba=Lba(spans[place][0]),
        )
        for position, place in enumerate(order)
    ]


def written(table: PartitionTable) -> PartitionTable:
    """Return what is read of a table once it is on a disk."""
    verify_table(table)
    target = MemoryTarget(table.geometry)
    for step in write_steps(table, DiskReading(None, ())):
        if isinstance(step, Write):
            target.write_at(step.offset_bytes, step.data)
    return read_table(target).require()
