"""Fitting a partition table to a disk of another size: who gives, who takes, and who only moves.

Partitions keep their order, types and sizes, but for those that are told to give or to take.  What lies behind one that
changes moves by as much, so that the distances between partitions stay as they are; on a smaller disk the room between
partitions goes first where it can.  Everything moves in steps of the alignment, so that what was aligned stays so, and
on a disk of the same size nothing moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from osdimage.imaging.disk.layouts.place import MBR_LIMIT, alignment, gpt_usable
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import DoesNotFit
from osdimage.imaging.units import Extent, Geometry, Lba, align_down, align_up, format_size


@dataclass(frozen=True, slots=True)
class Giver:
    """A partition that may become smaller: its number, and how small at most, in bytes."""

    number: int
    least_bytes: int


@dataclass(frozen=True, slots=True)
class Resized:
    """A partition that has another size than it had; in bytes."""

    number: int
    old_bytes: int
    new_bytes: int

    def __str__(self) -> str:
        """Say it for people."""
        verb = "grows" if self.new_bytes > self.old_bytes else "shrinks"
        return f"partition {self.number} {verb} from {format_size(self.old_bytes)} to {format_size(self.new_bytes)}"


def fitted(
    table: PartitionTable, geometry: Geometry, *, taker: int | None, givers: Sequence[Giver] = ()
) -> PartitionTable:
    """Return a table for a disk of another size; on one of the same size it is the same.

    Args:
        table: as it was.
        geometry: of the disk; with sectors of another size, partitions that do not begin and end with them are aligned.
        taker: the number of the partition that takes what a larger disk has more, or None to leave it free.
        givers: the partitions that give on a smaller one, in this order.

    Raises:
        DoesNotFit: when they cannot give enough; the message says how large the disk must be.
        InvalidLayout: when the disk is too small for any table.
    """
    if table.geometry == geometry:
        return table
    if table.geometry.sector_size != geometry.sector_size:
        table = _in_sectors(table, geometry.sector_size)
    usable = gpt_usable(geometry) if table.scheme is Scheme.GPT else None
    limit = min(geometry.sectors, MBR_LIMIT) if usable is None else usable.end
    step = alignment(geometry)
    behind = max((each.extent.end for each in table.partitions), default=0)
    more = align_down(limit - behind, step)
    if more >= 0:
        moves = [_Move(_end(table, taker), more)] if taker is not None and more else []
    else:
        moves = _give(table, geometry, -more, givers, step)
    return replace(table, geometry=geometry, usable=usable, partitions=tuple(_moved(table, moves)))


def resized(old: PartitionTable, new: PartitionTable) -> tuple[Resized, ...]:
    """List the partitions that have other sizes in the second table; an extended one follows what is in it."""
    sizes = {each.number: old.size_bytes(each) for each in old.partitions}
    return tuple(
        Resized(each.number, sizes[each.number], new.size_bytes(each))
        for each in new.partitions
        if not each.is_extended and each.number in sizes and sizes[each.number] != new.size_bytes(each)
    )


@dataclass(frozen=True, slots=True)
class _Move:
    """All that lies at a sector or behind it moves by so many sectors; what ends there changes its size."""

    at: int
    by: int


def _moved(table: PartitionTable, moves: Sequence[_Move]) -> Iterator[Partition]:
    def place(sector: int) -> Lba:
        return Lba(sector + sum(move.by for move in moves if move.at <= sector))

    for each in table.partitions:
        first, end = place(each.extent.first), place(each.extent.end)
        ebr = None if each.ebr_lba is None else place(each.ebr_lba)
        yield replace(each, extent=Extent(first, end - first), ebr_lba=ebr)


def _end(table: PartitionTable, number: int) -> int:
    return next(each.extent.end for each in table.partitions if each.number == number)


def _give(table: PartitionTable, geometry: Geometry, wanted: int, givers: Sequence[Giver], step: int) -> list[_Move]:
    """Return the moves that make a table shorter by so many sectors: gaps behind the first giver, givers, other gaps.

    What lies before the first giver stays where it is as long as that is possible.
    """
    moves: list[_Move] = []
    turn = _end(table, givers[0].number) if givers else 0
    gaps = sorted(_gaps(table), key=lambda gap: -gap.first)
    for gap in (each for each in gaps if each.first >= turn):
        wanted -= _take(moves, gap.end, min(wanted, align_down(gap.count, step)))
    by_number = {each.number: each for each in table.partitions}
    for giver in givers:
        spare = by_number[giver.number].extent.count - -(-giver.least_bytes // geometry.sector_size)
        wanted -= _take(moves, _end(table, giver.number), min(wanted, align_down(max(spare, 0), step)))
    for gap in (each for each in gaps if each.first < turn):
        wanted -= _take(moves, gap.end, min(wanted, align_down(gap.count, step)))
    if wanted:
        needed = (geometry.sectors + wanted) * geometry.sector_size
        raise DoesNotFit(
            f"the disk has {format_size(geometry.size_bytes)} ({geometry.size_bytes} bytes), the partitions need "
            f"{format_size(needed)} ({needed} bytes) at least",
            partition="the layout",
            wanted_bytes=needed,
            left_bytes=geometry.size_bytes,
        )
    return moves


def _take(moves: list[_Move], at: int, count: int) -> int:
    if count:
        moves.append(_Move(at, -count))
    return count


def _gaps(table: PartitionTable) -> Iterator[Extent]:
    """Yield the room that is nobody's and may go: between partitions, before EBRs, at the end of an extended one."""
    tops = sorted((each for each in table.partitions if not each.is_logical), key=lambda each: each.extent)
    for before, after in pairwise(tops):
        if before.extent.end < after.extent.first:
            yield Extent(before.extent.end, after.extent.first - before.extent.end)
    container = table.extended
    if container is None:
        return
    taken = [each.extent for each in table.logicals]
    taken += [Extent(each.ebr_lba, 1) for each in table.logicals if each.ebr_lba is not None]
    bodies = {each.extent.first for each in table.logicals}
    # The first EBR of the chain is where the extended partition begins, whether it has an entry of its own or not.
    cursor = container.extent.first + 1
    for extent in sorted(taken):
        # Between an EBR and its partition nothing is taken away: what is there may be the rest of a track.
        if cursor < extent.first and extent.first not in bodies:
            yield Extent(Lba(cursor), extent.first - cursor)
        cursor = max(cursor, extent.end)
    if cursor < container.extent.end:
        yield Extent(Lba(cursor), container.extent.end - cursor)


# ---- other sectors


def _in_sectors(table: PartitionTable, sector_size: int) -> PartitionTable:
    """Return a table in sectors of another size, with the same bytes where they are whole sectors of it."""
    old = table.geometry.sector_size
    geometry = Geometry.of_size(table.geometry.size_bytes, sector_size)
    places = [number for each in table.partitions for number in (each.extent.first, each.extent.count, each.ebr_lba)]
    # An EBR that was the sector before its partition would be in it.
    apart = all(
        each.ebr_lba is None or each.ebr_lba * old // sector_size < each.extent.first * old // sector_size
        for each in table.partitions
    )
    if apart and all(number is None or number * old % sector_size == 0 for number in places):
        converted = (_converted(each, old, sector_size) for each in table.partitions)
        return replace(table, geometry=geometry, usable=None, partitions=tuple(converted))
    return replace(table, geometry=geometry, usable=None, partitions=tuple(_aligned(table, geometry)))


def _converted(partition: Partition, old: int, new: int) -> Partition:
    extent = Extent(Lba(partition.extent.first * old // new), partition.extent.count * old // new)
    ebr = None if partition.ebr_lba is None else Lba(partition.ebr_lba * old // new)
    return replace(partition, extent=extent, ebr_lba=ebr)


def _aligned(table: PartitionTable, geometry: Geometry) -> Iterator[Partition]:
    """Place the partitions one behind the other in the order of the disk, and yield them in that of the table."""
    old, step = table.geometry.sector_size, alignment(geometry)

    def room(partition: Partition) -> int:
        return align_up(-(-partition.extent.count * old // geometry.sector_size), step)

    placed: dict[int, Partition] = {}
    cursor = step
    for top in sorted((each for each in table.partitions if not each.is_logical), key=lambda each: each.extent):
        first, end = cursor, cursor
        inside = sorted(table.logicals, key=lambda each: each.extent) if top == table.extended else []
        if tuple(inside) != table.logicals:
            # The chain begins where the extended partition does, with an EBR that has no partition of its own.
            end += step
        for inner in inside:
            body = Extent(Lba(end + step), room(inner))
            placed[inner.number] = replace(inner, extent=body, ebr_lba=Lba(end))
            end = body.end
        cursor = max(end, first + room(top))
        placed[top.number] = replace(top, extent=Extent(Lba(first), cursor - first))
    for each in table.partitions:
        yield placed[each.number]
