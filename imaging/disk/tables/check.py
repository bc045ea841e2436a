"""What is wrong with a table that could be read: overlaps, bounds, misfits.  Each finding says what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.held import volumes
from osdimage.imaging.disk.layouts import place
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.read import DiskReading, read_table
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import Means, Remedy
from osdimage.imaging.finding import Finding, Severity, error, note, warning
from osdimage.imaging.units import Extent, Lba

_RESTORE = Remedy("restore a saved table with {}, or init the disk", (Means.RESTORE,))


def check_disk(target: BlockTarget) -> DiskReading:
    """Read a disk's table and add to the findings all that can be checked, the worst first.

    Raises:
        StorageError: when the disk cannot be read.
    """
    reading = read_table(target)
    findings = list(reading.findings)
    if reading.table is not None:
        findings += table_findings(reading.table)
        findings += _volume_findings(target, reading.table)
        findings += _alignment_findings(reading.table)
    ranks = list(Severity)
    findings.sort(key=lambda finding: ranks.index(finding.severity))
    return DiskReading(reading.table, tuple(findings), reading.copy, reading.primary, reading.backup, reading.ebrs)


def table_findings(table: PartitionTable) -> Iterator[Finding]:
    """Yield what is wrong with a table by itself."""
    yield from _bounds(table)
    yield from _overlaps(table)
    if table.scheme is Scheme.MBR:
        active = [str(partition.number) for partition in table.partitions if partition.active]
        if len(active) > 1:
            text = f"partitions {', '.join(active)} are all active; a BIOS follows at most one"
            yield warning("active-twice", text, "leave the flag on the partition that starts Windows")
        return
    guids = Counter(partition.guid for partition in table.partitions)
    for guid, count in guids.items():
        if count > 1:
            numbers = ", ".join(str(each.number) for each in table.partitions if each.guid == guid)
            text = f"partitions {numbers} have the same GUID {guid}; Windows tells them apart by it"
            yield error("guid-twice", text, _RESTORE)


def _bounds(table: PartitionTable) -> Iterator[Finding]:
    whole = Extent(Lba(0), table.geometry.sectors)
    container = table.extended
    if table.usable is not None and not whole.contains(table.usable):
        text = f"the usable sectors {table.usable.first} to {table.usable.last} are not all on the disk"
        yield error("usable-off-disk", text, "make the disk as large as it was, or copy it again in full")
    for partition in table.partitions:
        name, extent = f"partition {partition.number}", partition.extent
        if not whole.contains(extent):
            text = f"{name} ends at sector {extent.last}, the disk at {table.geometry.sectors - 1}"
            yield error("partition-off-disk", text, "make the disk as large as it was, or copy it again in full")
        elif extent.first == 0:
            yield error("partition-over-table", f"{name} begins at sector 0, on the table itself", _RESTORE)
        if table.usable is not None and whole.contains(extent) and not table.usable.contains(extent):
            text = f"{name}, sectors {extent.first} to {extent.last}, is not inside the usable {_span(table.usable)}"
            yield error("partition-over-table", text, _RESTORE)
        if partition.is_logical and container is not None and not container.extent.contains(extent):
            text = f"{name} is not inside the extended partition, sectors {_span(container.extent)}"
            yield error("logical-outside", text, _RESTORE)


def _overlaps(table: PartitionTable) -> Iterator[Finding]:
    groups = [
        [(each.extent, f"partition {each.number}") for each in table.partitions if not each.is_logical],
        [(each.extent, f"partition {each.number}") for each in table.logicals]
        + [
            (Extent(each.ebr_lba, 1), f"the EBR of partition {each.number}")
            for each in table.logicals
            if each.ebr_lba is not None
        ],
    ]
    for group in groups:
        group.sort(key=lambda pair: pair[0])
        # Compare with the one that reaches furthest: enough to find every partition that overlaps something.
        furthest = group[:1]
        for extent, name in group[1:]:
            reach, first_name = furthest[0]
            if reach.overlaps(extent):
                yield error("overlap", f"{first_name} ({_span(reach)}) and {name} ({_span(extent)}) overlap", _RESTORE)
            if extent.end > reach.end:
                furthest = [(extent, name)]


def _span(extent: Extent) -> str:
    return f"{extent.first} to {extent.last}"


def _volume_findings(target: BlockTarget, table: PartitionTable) -> Iterator[Finding]:
    """Compare types with what the partitions hold."""
    for partition, volume in volumes(target, table):
        found = misfit(partition, volume.kind)
        if found is not None:
            yield found


def misfit(partition: Partition, held: Content | None) -> Finding | None:
    """Return what is to be said of a partition whose type is not for the file system that it holds, or None."""
    row = roles.type_of(partition.type_id)
    if held is None or held is Content.UNFINISHED or row is None or held in row.holds:
        return None
    text = f"partition {partition.number} holds {held.called}, but its type is {roles.format_type(partition.type_id)} "
    if row.role is roles.Role.MSR:
        text += f"({row.label}), which Windows keeps for itself"
        # A mere note: what was there before the partition may still show.
        return note("type-mismatch", text, "Windows shows no such volume; give it the type that fits")
    if not row.holds:
        return None
    text += f"({row.label}), for {', '.join(sorted(each.called for each in row.holds))}"
    remedy = "Windows may offer to format it; give it the type that fits, or format it anew"
    return warning("type-mismatch", text, remedy)


def _alignment_findings(table: PartitionTable) -> Iterator[Finding]:
    step = place.alignment(table.geometry)
    loose = [each.number for each in table.partitions if not each.is_extended and each.extent.first % step]
    if loose:
        numbers = ", ".join(map(str, loose))
        which = f"partition {numbers} does" if len(loose) == 1 else f"partitions {numbers} do"
        text = f"{which} not begin at a multiple of {step * table.geometry.sector_size // 1024} KiB"
        yield note("not-aligned", text, "slower on SSDs and 4 KB disks; usual for layouts of Windows XP")
