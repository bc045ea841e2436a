"""Reading the partition table of a disk, however damaged or hostile it is, in bounded time and memory.

Nothing here raises for what is on the disk: what is wrong becomes a finding, and what can be read is returned.  A GPT
counts when sector 0 protects it; otherwise the MBR counts and a GPT beside it is a leftover.

An extended partition holds a chain of EBRs.  Entry 1 of each is a logical partition, relative to that EBR; entry 2
links to the next EBR, relative to the start of the extended partition.  A link that leaves the extended partition,
comes back to an EBR that was seen, or is one too many ends the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from osdimage.imaging.disk import signatures
from osdimage.imaging.disk.containers.facts import ContainerFormat
from osdimage.imaging.disk.roles import MBR_PROTECTIVE, Scheme
from osdimage.imaging.disk.tables import gpt, mbr
from osdimage.imaging.disk.tables.table import FIRST_LOGICAL, Partition, PartitionTable
from osdimage.imaging.disk.target import BlockTarget, DiskTarget
from osdimage.imaging.errors import InvalidTable, Means, Remedy
from osdimage.imaging.finding import Finding, error, note, warning
from osdimage.imaging.units import Extent, Lba

MAX_LOGICALS = 256
_REWRITTEN = "{} writes the whole GPT again from the copy that is good"
_REPAIR = Remedy(_REWRITTEN, (Means.REWRITE,))
_RESTORE = Remedy("restore a saved table with {}", (Means.RESTORE,))


class GptCopy(StrEnum):
    """Which copy of a GPT was read."""

    PRIMARY = "primary"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class GptState:
    """A copy of a GPT that is whole, with its entries."""

    header: gpt.GptHeader
    array: bytes
    entries: tuple[gpt.GptEntry, ...]


@dataclass(frozen=True, slots=True)
class DiskReading:
    """What was found on a disk.

    Attributes:
        table: the partition table, or None when there is none that can be used.
        findings: what was noticed on the way.
        copy: for a GPT, the copy that the table was taken from.
        primary: the primary copy of a GPT when it is whole, also one that does not count.
        backup: the same for the backup copy.
        ebrs: the sectors of the EBRs, in the order of the chain.
    """

    table: PartitionTable | None
    findings: tuple[Finding, ...]
    copy: GptCopy | None = None
    primary: GptState | None = None
    backup: GptState | None = None
    ebrs: tuple[Lba, ...] = ()

    def require(self) -> PartitionTable:
        """Return the table.

        Raises:
            InvalidTable: when there is none that can be used, saying why.
        """
        if self.table is None:
            raise InvalidTable("; ".join(finding.text for finding in self.findings))
        return self.table


def read_table(target: BlockTarget) -> DiskReading:
    """Read the partition table of a disk.

    Raises:
        StorageError: when the disk cannot be read.
    """
    return _Reader(target).read()


@dataclass(slots=True)
class _Reader:
    """Reads one disk and collects what is noticed."""

    target: BlockTarget
    findings: list[Finding] = field(default_factory=list)

    def read(self) -> DiskReading:
        geometry = self.target.geometry
        head = self.target.read_at(0, min(geometry.size_bytes, signatures.HEAD_BYTES))
        record = mbr.parse_boot_record(head) if len(head) >= mbr.MBR_BYTES else None
        primary = self._gpt_copy(Lba(1), "primary")
        backup_lba = Lba(geometry.sectors - 1)
        if isinstance(primary, GptState) and primary.header.alternate_lba < geometry.sectors:
            backup_lba = primary.header.alternate_lba
        backup = self._gpt_copy(backup_lba, "backup") if backup_lba > 1 else f"no sector for it on {geometry}"
        if isinstance(backup, str) and backup_lba != geometry.sectors - 1:
            # The primary names a place where nothing is; the usual place may do better.
            usual = self._gpt_copy(Lba(geometry.sectors - 1), "backup")
            backup = usual if isinstance(usual, GptState) else backup
        if record is not None and record.is_protective:
            return self._read_gpt(record, primary, backup)
        if record is not None and not signatures.is_volume_boot_sector(head, record):
            return self._read_mbr(record, primary, backup)
        if isinstance(primary, GptState) or isinstance(backup, GptState):
            text = f"{self.target.name}: sector 0 holds no protective MBR, so most programs do not see the GPT"
            self.findings.append(error("protective-mbr-missing", text, _REPAIR))
            return self._read_gpt(None, primary, backup)
        return self._nothing(head)

    def _nothing(self, head: bytes) -> DiskReading:
        found = signatures.content_of(head)
        if found is not None:
            text = f"{self.target.name} has no partition table: the whole disk is {found.explained}"
            remedy = Remedy("{} replaces it by partitions", (Means.INITIALIZE,))
            self.findings.append(note("whole-disk-volume", text, remedy))
        else:
            text = f"{self.target.name} has no partition table{self._misnamed()}"
            self.findings.append(note("no-table", text, Remedy("{} makes one", (Means.INITIALIZE,))))
        return DiskReading(None, tuple(self.findings))

    def _misnamed(self) -> str:
        """Tell of a plain disk with the name of another format, as a damaged file of a virtual machine may be one."""
        suffix = self.target.name.rpartition(".")[2].lower()
        is_plain = isinstance(self.target, DiskTarget) and self.target.container is None
        if not is_plain or suffix not in set(ContainerFormat):
            return ""
        return f", and is no {ContainerFormat(suffix).called} file, whatever its name says"

    # ---- GPT ----

    def _gpt_copy(self, lba: Lba, which: str) -> GptState | str:
        """Read a copy, or say what is wrong with it."""
        geometry = self.target.geometry
        if lba >= geometry.sectors:
            return f"the {which} GPT would be at sector {lba}, which the disk does not have"
        try:
            header = gpt.parse_header(self.target.read_sectors(lba), lba=lba, geometry=geometry)
            count = -(-header.array_bytes // geometry.sector_size)
            array = self.target.read_sectors(header.entries_lba, count)
            gpt.check_array(header, array)
        except InvalidTable as problem:
            return str(problem)
        return GptState(header, array, tuple(gpt.parse_entries(header, array)))

    def _read_gpt(self, record: mbr.BootRecord | None, primary: GptState | str, backup: GptState | str) -> DiskReading:
        whole = {
            "primary": primary if isinstance(primary, GptState) else None,
            "backup": backup if isinstance(backup, GptState) else None,
        }
        used = whole["primary"] or whole["backup"]
        if used is None:
            text = f"{self.target.name}: neither copy of its GPT can be used: {primary}; {backup}"
            self.findings.append(error("gpt-unreadable", text, _RESTORE))
            return DiskReading(None, tuple(self.findings))
        if isinstance(primary, str):
            text = f"{self.target.name}: the backup GPT was read, because the primary one cannot be: {primary}"
            self.findings.append(error("gpt-primary-invalid", text, _REPAIR))
        if isinstance(backup, str):
            text = f"{self.target.name}: the GPT has no backup copy that can be used: {backup}"
            self.findings.append(error("gpt-backup-invalid", text, _REPAIR))
        if whole["primary"] is not None and whole["backup"] is not None:
            self.findings += _compare_copies(whole["primary"], whole["backup"])
        self.findings += self._position(used)
        if record is not None:
            self.findings += self._protective(record)
        partitions = tuple(self._gpt_partitions(used))
        header = used.header
        table = PartitionTable(
            Scheme.GPT,
            self.target.geometry,
            partitions,
            disk_guid=header.disk_guid,
            usable=header.usable,
            entry_count=header.entry_count,
        )
        copy = GptCopy.PRIMARY if used is whole["primary"] else GptCopy.BACKUP
        return DiskReading(table, tuple(self.findings), copy, whole["primary"], whole["backup"])

    def _gpt_partitions(self, used: GptState) -> Iterator[Partition]:
        for entry in used.entries:
            if entry.last < entry.first:
                text = f"partition {entry.number} ends at sector {entry.last}, before it begins at {entry.first}"
                self.findings.append(error("partition-backwards", text, "restore a saved table, or init the disk"))
                continue
            yield Partition(
                number=entry.number,
                extent=Extent(Lba(entry.first), entry.last - entry.first + 1),
                type_id=entry.type_guid,
                guid=entry.guid,
                name=entry.name,
                attributes=entry.attributes,
            )

    def _position(self, used: GptState) -> Iterator[Finding]:
        """Compare where the copies say the disk ends with where it ends."""
        end = self.target.geometry.sectors - 1
        believed = max(used.header.alternate_lba, used.header.my_lba)
        if believed < end:
            text = f"the disk has grown: its GPT ends at sector {believed}, the disk at {end}; the space is not usable"
            yield warning("disk-grown", text, Remedy("{} moves the end of the GPT", (Means.REWRITE,)))
        elif believed > end:
            text = f"the disk has shrunk: its GPT ends at sector {believed}, the disk at {end}; data may be missing"
            yield error("disk-shrunk", text, "make the disk as large as it was, or copy it again in full")

    def _protective(self, record: mbr.BootRecord) -> Iterator[Finding]:
        others = [each for each in record.records if each.is_used and each.type_id != MBR_PROTECTIVE]
        if others:
            types = ", ".join(f"{each.type_id:#04x}" for each in others)
            text = f"hybrid MBR: sector 0 lists {types} besides the entry that protects the GPT; systems disagree on it"
            yield warning("hybrid-mbr", text, Remedy("unless it is wanted, " + _REWRITTEN, (Means.REWRITE,)))
        guard = next(each for each in record.records if each.type_id == MBR_PROTECTIVE)
        sectors = self.target.geometry.sectors
        # Windows writes 0xFFFFFFFF on disks of every size, UEFI wants the real size; both protect.
        right = {min(sectors - 1, 0xFFFFFFFF), 0xFFFFFFFF}
        if guard.extent is None or guard.extent.first != 1:
            text = "the protective entry of sector 0 does not begin at sector 1"
            yield warning("protective-mbr-wrong", text, _REPAIR)
        elif guard.extent.count not in right and not others:
            text = f"the protective entry of sector 0 covers {guard.extent.count} sectors, not the disk's {sectors - 1}"
            yield note("protective-mbr-size", text, "harmless; usual after a disk has changed its size")

    # ---- MBR ----

    def _read_mbr(self, record: mbr.BootRecord, primary: GptState | str, backup: GptState | str) -> DiskReading:
        state = {"primary": primary, "backup": backup}
        left = [name for name, copy in state.items() if isinstance(copy, GptState)]
        if left:
            text = f"the disk is MBR, but a GPT is left on it ({' and '.join(left)} copy)"
            leftovers = "the MBR counts; some programs offer the GPT: {} wipes such leftovers"
            self.findings.append(warning("stale-gpt", text, Remedy(leftovers, (Means.INITIALIZE,))))
        partitions: list[Partition] = []
        ebrs: list[Lba] = []
        for number, entry in enumerate(record.records, 1):
            if entry.boot_indicator not in {0, 0x80}:
                text = f"entry {number} of the MBR has boot flag {entry.boot_indicator:#04x}; valid are 0x00 and 0x80"
                self.findings.append(warning("boot-flag-invalid", text, "set the flag again, or init the disk"))
            if entry.is_used and entry.extent is not None:
                active = entry.boot_indicator == 0x80
                partitions.append(Partition(number, entry.extent, entry.type_id, active=active))
        containers = [partition for partition in partitions if partition.is_extended]
        if len(containers) > 1:
            text = f"{len(containers)} extended partitions; only that of entry {containers[0].number} is followed"
            self.findings.append(warning("extended-twice", text, "a disk has one; restore a saved table"))
        if containers:
            for ebr, logical in self._chain(containers[0]):
                ebrs.append(ebr)
                if logical is not None:
                    partitions.append(logical)
        table = PartitionTable(
            Scheme.MBR, self.target.geometry, tuple(partitions), disk_signature=record.disk_signature
        )
        copies = [copy if isinstance(copy, GptState) else None for copy in (primary, backup)]
        return DiskReading(table, tuple(self.findings), None, copies[0], copies[1], tuple(ebrs))

    def _chain(self, container: Partition) -> Iterator[tuple[Lba, Partition | None]]:
        base, seen, number = container.extent.first, set[int](), FIRST_LOGICAL
        at: Lba | None = base
        while at is not None:
            broken = self._chain_end(at, container, seen)
            if broken is not None:
                self.findings.append(broken)
                return
            seen.add(at)
            record = mbr.parse_boot_record(self.target.read_sectors(at))
            if record is None:
                text = f"the EBR at sector {at} has no signature; logical partitions from here on are lost"
                self.findings.append(error("ebr-invalid", text, _RESTORE))
                return
            logical = next((each for each in record.records if each.is_used and not each.is_extended), None)
            link = next((each for each in record.records if each.is_extended), None)
            if logical is None or logical.extent is None:
                yield at, None
            else:
                extent = Extent(Lba(at + logical.extent.first), logical.extent.count)
                active = logical.boot_indicator == 0x80
                yield at, Partition(number, extent, logical.type_id, active=active, ebr_lba=at)
                number += 1
            at = Lba(base + link.extent.first) if link is not None and link.extent is not None else None

    def _chain_end(self, at: Lba, container: Partition, seen: set[int]) -> Finding | None:
        remedy = Remedy("the partitions before it were read; restore a saved table with {}", (Means.RESTORE,))
        if at in seen:
            return error("ebr-loop", f"the chain of EBRs comes back to sector {at}", remedy)
        if not container.extent.first <= at < container.extent.end:
            return error("ebr-outside", f"the chain of EBRs leaves the extended partition, to sector {at}", remedy)
        if at >= self.target.geometry.sectors:
            return error("ebr-outside", f"the chain of EBRs leaves the disk, to sector {at}", remedy)
        if len(seen) >= MAX_LOGICALS:
            return error("ebr-many", f"more than {MAX_LOGICALS} logical partitions; the rest is ignored", remedy)
        return None


def _compare_copies(primary: GptState, backup: GptState) -> Iterator[Finding]:
    if primary.header.alternate_lba != backup.header.my_lba or backup.header.alternate_lba != primary.header.my_lba:
        text = (
            f"the copies of the GPT do not point at each other: the primary at {primary.header.alternate_lba}, "
            f"the backup at {backup.header.alternate_lba}"
        )
        yield warning("gpt-copies-apart", text, _REPAIR)
    same = (
        primary.header.disk_guid == backup.header.disk_guid
        and primary.header.usable == backup.header.usable
        and primary.entries == backup.entries
    )
    if not same:
        text = "the two copies of the GPT differ; the primary one was read"
        stopped = "a program was stopped while it wrote; look at the partitions, then "
        remedy = Remedy(stopped + _REWRITTEN, (Means.REWRITE,))
        yield error("gpt-copies-differ", text, remedy)
