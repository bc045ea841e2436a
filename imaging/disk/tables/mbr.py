"""The bytes of an MBR, a protective MBR and an EBR.

Sources: UEFI Specification 2.10, section 5.2 (field names, protective MBR); Microsoft, "Master Boot Record"
(UniqueMBRSignature at 440).  The chain of EBRs is described in ``read``, where it is followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import construct as c
from osdimage.imaging.disk.roles import MBR_EMPTY, MBR_EXTENDED, MBR_EXTENDED_CHS, MBR_PROTECTIVE
from osdimage.imaging.disk.tables.building import build
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.units import Extent, Geometry, Lba

# ---- declaration: names and order of the specification ----

CHS_STRUCT = c.BitStruct(
    "Head" / c.BitsInteger(8),
    "CylinderHigh" / c.BitsInteger(2),
    "Sector" / c.BitsInteger(6),
    "CylinderLow" / c.BitsInteger(8),
)

RECORD_STRUCT = c.Struct(
    "BootIndicator" / c.Int8ul,
    "StartingCHS" / CHS_STRUCT,
    "OSType" / c.Int8ul,
    "EndingCHS" / CHS_STRUCT,
    "StartingLBA" / c.Int32ul,
    "SizeInLBA" / c.Int32ul,
)

# An EBR has the same shape; its boot code and signature fields are zero and two of its records are used.
MBR_STRUCT = c.Struct(
    "BootCode" / c.Bytes(440),
    "UniqueMBRSignature" / c.Int32ul,
    "Unknown" / c.Int16ul,
    "PartitionRecord" / RECORD_STRUCT[4],
    "Signature" / c.Int16ul,
)

# ---- behaviour ----

MBR_BYTES = 512
"""The table is in the first 512 bytes whatever the sector size."""
_SIGNATURE = 0xAA55
_ACTIVE = 0x80
_HEADS, _TRACK = 255, 63
_LAST_CYLINDER = 1023
_U32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of an MBR or EBR, as it is on the disk.

    Attributes:
        type_id: the type byte; 0 means that the entry is not used.
        extent: start and length in sectors; the start of an entry of an EBR is relative.  None when the length is 0.
        boot_indicator: 0x80 active, 0x00 not; everything else is wrong.
    """

    type_id: int
    extent: Extent | None
    boot_indicator: int = 0

    @property
    def is_used(self) -> bool:
        """Tell whether the entry stands for a partition."""
        return self.type_id != MBR_EMPTY and self.extent is not None

    @property
    def is_extended(self) -> bool:
        """Tell whether the entry is a container or a link to the next EBR."""
        return self.type_id in MBR_EXTENDED and self.extent is not None


@dataclass(frozen=True, slots=True)
class BootRecord:
    """The four entries of an MBR or EBR and the disk signature (0 in an EBR)."""

    records: tuple[Record, ...]
    disk_signature: int

    @property
    def is_protective(self) -> bool:
        """Tell whether an entry protects a GPT."""
        return any(record.type_id == MBR_PROTECTIVE for record in self.records)


def parse_boot_record(sector: bytes) -> BootRecord | None:
    """Read an MBR or EBR of at least 512 bytes, or return None when 55 AA is missing at its end."""
    raw = MBR_STRUCT.parse(sector[:MBR_BYTES])
    if raw.Signature != _SIGNATURE:
        return None
    return BootRecord(tuple(_parse_record(each) for each in raw.PartitionRecord), raw.UniqueMBRSignature)


def _parse_record(raw: c.Container) -> Record:
    extent = Extent(Lba(raw.StartingLBA), raw.SizeInLBA) if raw.SizeInLBA else None
    return Record(raw.OSType, extent, raw.BootIndicator)


def build_mbr(table: PartitionTable, *, shift: int = 0) -> bytes:
    """Return sector 0 of an MBR disk, without boot code.

    ValueError tells of a value that does not fit its field.

    ``shift`` moves the start of the extended partition by so many sectors, to go with ``build_ebrs(table, shift=..)``.
    """
    records = {p.number: _placed_record(p, shift if p.is_extended else 0) for p in table.partitions if not p.is_logical}
    return _sector(
        [records.get(number, _EMPTY) for number in range(1, 5)], table.geometry, signature=table.disk_signature or 0
    )


def build_protective(geometry: Geometry) -> bytes:
    """Return sector 0 of a GPT disk (UEFI 5.2.3): one entry from sector 1 to the end, or as far as 32 bits reach."""
    record = dict(_EMPTY)
    record.update(
        OSType=MBR_PROTECTIVE,
        # UEFI table 5.4: 00 02 00 whatever the disk.
        StartingCHS={"Head": 0, "CylinderHigh": 0, "Sector": 2, "CylinderLow": 0},
        EndingCHS=_chs(geometry.sectors - 1),
        StartingLBA=1,
        SizeInLBA=min(geometry.sectors - 1, _U32),
    )
    return _sector([record, _EMPTY, _EMPTY, _EMPTY], geometry)


def build_ebrs(table: PartitionTable, *, shift: int = 0) -> dict[Lba, bytes]:
    """Return the chain of EBRs by sector; a container without logical partitions has one EBR without entries.

    Entry 1 of an EBR is the logical partition, from the EBR on.  Entry 2 is the next EBR with its partition, from the
    start of the extended partition on.  A chain whose first partition has its EBR further on begins with one that has
    the link alone.  ``shift`` moves every EBR by so many sectors and no partition.
    """
    container = table.extended
    if container is None:
        return {}
    base = container.extent.first + shift
    logicals = table.logicals
    # Only the first extended partition has a chain; what was left in another must not look like one.
    others = [each for each in table.partitions if each.is_extended and each is not container]
    sectors = {Lba(each.extent.first): _sector([_EMPTY] * 4, table.geometry) for each in others}
    if not logicals or _ebr_of(logicals[0]) != container.extent.first:
        link = _link_to(logicals[0], base, shift) if logicals else _EMPTY
        sectors[Lba(base)] = _sector([_EMPTY, link, _EMPTY, _EMPTY], table.geometry)
    for index, logical in enumerate(logicals):
        ebr = _ebr_of(logical) + shift
        entry = _record(logical.type_id, logical.extent, logical.extent.first - ebr, active=logical.active)
        link = _EMPTY if index + 1 == len(logicals) else _link_to(logicals[index + 1], base, shift)
        sectors[Lba(ebr)] = _sector([entry, link, _EMPTY, _EMPTY], table.geometry)
    return sectors


def _link_to(logical: Partition, base: int, shift: int) -> dict[str, object]:
    first = _ebr_of(logical) + shift
    span = Extent(Lba(first), logical.extent.end - first)
    return _record(MBR_EXTENDED_CHS, span, first - base)


def _ebr_of(logical: Partition) -> Lba:
    if logical.ebr_lba is None:
        raise ValueError(f"partition {logical.number} is not logical")
    return logical.ebr_lba


def _chs(lba: int) -> dict[str, int]:
    """Return the address of a sector with 255 heads of 63 sectors; FE FF FF for what three bytes cannot hold."""
    cylinder, head, sector = lba // (_HEADS * _TRACK), lba // _TRACK % _HEADS, lba % _TRACK + 1
    if cylinder > _LAST_CYLINDER:
        cylinder, head, sector = _LAST_CYLINDER, _HEADS - 1, _TRACK
    return {"Head": head, "CylinderHigh": cylinder >> 8, "Sector": sector, "CylinderLow": cylinder & 0xFF}


_NO_CHS = {"Head": 0, "CylinderHigh": 0, "Sector": 0, "CylinderLow": 0}
_EMPTY: dict[str, object] = {
    "BootIndicator": 0,
    "StartingCHS": _NO_CHS,
    "OSType": MBR_EMPTY,
    "EndingCHS": _NO_CHS,
    "StartingLBA": 0,
    "SizeInLBA": 0,
}


def _placed_record(partition: Partition, shift: int) -> dict[str, object]:
    extent = Extent(Lba(partition.extent.first + shift), partition.extent.count - shift)
    return _record(partition.type_id, extent, extent.first, active=partition.active)


def _record(type_id: object, extent: Extent, relative: int, *, active: bool = False) -> dict[str, object]:
    """Describe an entry: addresses in CHS are absolute, the start sector is as the kind of record wants it."""
    return {
        "BootIndicator": _ACTIVE if active else 0,
        "StartingCHS": _chs(extent.first),
        "OSType": type_id,
        "EndingCHS": _chs(extent.last),
        "StartingLBA": relative,
        "SizeInLBA": extent.count,
    }


def _sector(records: Sequence[dict[str, object]], geometry: Geometry, *, signature: int = 0) -> bytes:
    fields = {
        "BootCode": bytes(440),
        "UniqueMBRSignature": signature,
        "Unknown": 0,
        "PartitionRecord": list(records),
        "Signature": _SIGNATURE,
    }
    return build(MBR_STRUCT, fields, "boot record").ljust(geometry.sector_size, b"\0")
