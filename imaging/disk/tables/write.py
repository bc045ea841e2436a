"""Writing a partition table so that a power cut at any moment leaves the old table or the new one.

The order: GPT backup, flush, primary, flush, protective MBR, flush; MBR: EBRs, flush, MBR, flush.  Two cases need
more:

* The old GPT lives only in its backup copy.  Then the primary is written before the backup.
* A new EBR falls on an EBR of the old chain with other contents: whichever is written first, MBR or EBR, the two do not
  fit for a moment.  So the new chain is first written a few sectors further on, in the gap that precedes each logical
  partition, with an MBR that begins the extended partition there: the same partitions, found by another way.  Then the
  chain is written where it belongs, the MBR last, and what the interim chain replaced is put back.

After that, and only then, leftovers go: marks of old file systems where new partitions begin or end, and copies of an
old GPT that the new table does not overwrite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from osdimage.imaging.disk import signatures
from osdimage.imaging.disk.layouts.place import ENTRY_COUNT
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables import gpt, mbr
from osdimage.imaging.disk.tables.check import table_findings
from osdimage.imaging.disk.tables.read import MAX_LOGICALS, DiskReading, GptState, read_table
from osdimage.imaging.disk.tables.table import FIRST_LOGICAL, PartitionTable
from osdimage.imaging.disk.target import BlockTarget, MemoryTarget
from osdimage.imaging.errors import InvalidLayout, OsdImageError, StorageError, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import Extent, Geometry, Lba, format_size


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes to write, whole sectors.

    Attributes:
        offset_bytes: where on the disk.
        data: the bytes.
        what: what they are.
        is_interim: they serve until the writing is done; :func:`tidied` puts back what was there.
    """

    offset_bytes: int
    data: bytes
    what: str
    is_interim: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """Wait for the medium before going on."""


Step = Write | Flush


def write_steps(table: PartitionTable, old: DiskReading) -> tuple[Step, ...]:
    """Return the steps that replace an old table by a new one, without those that clear leftovers."""
    if table.scheme is Scheme.GPT:
        return tuple(_gpt_steps(table, old))
    return tuple(_mbr_steps(table, old))


def _gpt_steps(table: PartitionTable, old: DiskReading) -> Iterator[Step]:
    size, copies = table.geometry.sector_size, gpt.build_copies(table)
    backup: list[Step] = [
        Write(copies.backup_array_lba * size, copies.array, "backup GPT entries"),
        Write(copies.backup_lba * size, copies.backup, "backup GPT header"),
        Flush(),
    ]
    primary: list[Step] = [
        Write(copies.primary_array_lba * size, copies.array, "primary GPT entries"),
        Write(size, copies.primary, "primary GPT header"),
        Flush(),
    ]
    only_backup = old.table is not None and old.table.scheme is Scheme.GPT and old.primary is None
    yield from primary + backup if only_backup else backup + primary
    yield Write(0, mbr.build_protective(table.geometry), "protective MBR")
    yield Flush()


def _mbr_steps(table: PartitionTable, old: DiskReading) -> Iterator[Step]:
    size, chain = table.geometry.sector_size, mbr.build_ebrs(table)
    yield from interim_steps(table, old)
    for lba, data in sorted(chain.items()):
        yield Write(lba * size, data, f"EBR at sector {lba}")
    if chain:
        yield Flush()
    yield Write(0, mbr.build_mbr(table), "MBR")
    yield Flush()


def interim_steps(table: PartitionTable, old: DiskReading) -> Iterator[Step]:
    """Yield the steps that show an MBR's partitions by way of other EBRs, where its own would replace old ones.

    Nothing is yielded when no EBR is in the way, or when a foreign table leaves no gap for others.
    """
    size, chain = table.geometry.sector_size, mbr.build_ebrs(table)
    shift = _free_shift(table, set(chain), set(old.ebrs)) if set(chain) & set(old.ebrs) else None
    if shift is not None:
        for lba, data in sorted(mbr.build_ebrs(table, shift=shift).items()):
            yield Write(lba * size, data, f"interim EBR at sector {lba}", is_interim=True)
        yield Flush()
        yield Write(0, mbr.build_mbr(table, shift=shift), "interim MBR")
        yield Flush()


def _free_shift(table: PartitionTable, chain: set[Lba], old: set[Lba]) -> int | None:
    """Return by how many sectors the chain moves to touch no EBR, old or new, and no partition; None if it cannot.

    The gaps of a table that was placed here have 16 sectors or more.
    """
    gaps = [each.extent.first - each.ebr_lba for each in table.logicals if each.ebr_lba is not None]
    for shift in range(1, min([16, *gaps])):
        if not {lba + shift for lba in chain} & (old | chain):
            return shift
    return None


def leftovers(target: BlockTarget, table: PartitionTable, old: DiskReading) -> tuple[Write, ...]:
    """Return the writes that clear what an old layout left and the new one would bring back.

    Only sectors that hold a mark are zeroed; nothing of the new table is touched.
    """
    size = target.geometry.sector_size
    sectors: dict[int, str] = {}
    for partition in table.partitions:
        if not partition.is_extended:
            for offset, name in signatures.find_marks(target.window(partition.extent)):
                sectors.setdefault(
                    partition.extent.first + offset // size, f"old {name} in partition {partition.number}"
                )
    for offset, name in signatures.find_marks(target):
        sectors.setdefault(offset // size, f"old {name} on the whole disk")
    for state in (old.primary, old.backup):
        if state is not None:
            sectors.setdefault(state.header.my_lba, "old GPT header")
    if table.scheme is Scheme.MBR and old.primary is not None:
        # Boot loaders lie in this gap, and take what is in it for another one.
        sectors |= dict.fromkeys(_gap_with_entries(table, old.primary), "old GPT entries")
    kept = _table_sectors(table)
    return tuple(
        Write(lba * size, bytes(size), what)
        for lba, what in sorted(sectors.items())
        if not any(extent.first <= lba < extent.end for extent in kept)
    )


def _gap_with_entries(table: PartitionTable, state: GptState) -> Iterator[int]:
    """Yield the sectors before the first partition that hold entries of an old GPT."""
    size = table.geometry.sector_size
    begin = state.header.entries_lba
    first = min((each.extent.first for each in table.partitions), default=table.geometry.sectors)
    for number in range(-(-len(state.array) // size)):
        if any(state.array[number * size : (number + 1) * size]) and begin + number < first:
            yield begin + number


def _table_sectors(table: PartitionTable) -> list[Extent]:
    """Return the sectors that the new table itself occupies."""
    if table.usable is not None:
        tail = table.usable.end
        return [Extent(Lba(0), table.usable.first), Extent(tail, table.geometry.sectors - tail)]
    return [Extent(Lba(0), 1)] + [Extent(lba, 1) for lba in mbr.build_ebrs(table)]


def tidied(target: BlockTarget, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps and those that put back what interim writes will have replaced, read from the disk now."""
    final = {step.offset_bytes for step in steps if isinstance(step, Write) and not step.is_interim}
    back = [
        Write(step.offset_bytes, target.read_at(step.offset_bytes, len(step.data)), f"before: {step.what}")
        for step in steps
        if isinstance(step, Write) and step.is_interim and step.offset_bytes not in final
    ]
    return (*steps, *back, Flush()) if back else steps


def verify_table(table: PartitionTable) -> None:
    """Make sure that a table is sound and that its bytes mean what it says.

    Raises:
        InvalidLayout: when partitions overlap, leave the disk, or cannot be expressed.
    """
    problems = [finding.text for finding in table_findings(table) if finding.severity is Severity.ERROR]
    if table.geometry.sectors < 1 or table.entry_count not in {None, ENTRY_COUNT}:
        problems.append(f"{table.geometry.sectors} sectors and {table.entry_count} entries; a GPT is written with 128")
    if any(not 1 <= partition.number <= MAX_LOGICALS + FIRST_LOGICAL for partition in table.partitions):
        problems.append("a partition has a number that no table holds")
    if not problems:
        rehearsal = MemoryTarget(table.geometry)
        try:
            for step in write_steps(table, DiskReading(None, ())):
                if isinstance(step, Write):
                    rehearsal.write_at(step.offset_bytes, step.data)
        except (ValueError, OsdImageError) as error:
            problems.append(f"the table cannot be written: {error}")
        else:
            if read_table(rehearsal).table != table:
                problems.append("the table does not read back as it was meant")
    if problems:
        raise InvalidLayout(problems)


def check_geometry(target: BlockTarget, geometry: Geometry, *, what: str = "plan") -> None:
    """Make sure that a table is meant for this target; ``what`` is where the table comes from.

    Raises:
        TargetRefused: when the sizes differ.
    """
    have = target.geometry
    if have.sector_size != geometry.sector_size:
        raise TargetRefused(
            f"{target.name} has sectors of {have.sector_size} bytes, the {what} is for {geometry.sector_size}"
        )
    if have.sectors != geometry.sectors:
        order = "smaller" if have.sectors < geometry.sectors else "larger"
        raise TargetRefused(
            f"{target.name} is {order} than the {what}: {have.size_bytes} bytes ({format_size(have.size_bytes)}), "
            f"the {what} is for {geometry.size_bytes} ({format_size(geometry.size_bytes)})"
        )


def run_steps(target: BlockTarget, steps: tuple[Step, ...], done: Callable[[Step], None] | None = None) -> None:
    """Carry out steps in order, then read everything back from the medium and compare.

    Raises:
        StorageError: when a step fails, or what is read differs from what was written.
    """
    # What the disk must hold in the end; a later step may have replaced what an earlier one wrote.
    result = MemoryTarget(target.geometry)
    for step in steps:
        if isinstance(step, Flush):
            target.flush()
        else:
            target.write_at(step.offset_bytes, step.data)
            result.write_at(step.offset_bytes, step.data)
        if done is not None:
            done(step)
    for step in steps:
        if isinstance(step, Flush):
            continue
        if target.read_at(step.offset_bytes, len(step.data)) != result.read_at(step.offset_bytes, len(step.data)):
            raise StorageError(
                f"{target.name}: the {step.what} at byte {step.offset_bytes} does not read back as written",
                path=target.name,
            )
