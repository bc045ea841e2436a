"""The bytes of a GPT header and its array of entries.

Source: UEFI Specification 2.10, section 5.3 (tables 5.5 header, 5.6 entry, 5.8 attributes).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import construct as c
from osdimage.imaging.disk.tables.building import build
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidTable
from osdimage.imaging.units import Extent, Geometry, Lba

# ---- declaration: names and order of the specification ----

HEADER_STRUCT = c.Struct(
    "Signature" / c.Bytes(8),
    "Revision" / c.Int32ul,
    "HeaderSize" / c.Int32ul,
    "HeaderCRC32" / c.Int32ul,
    "Reserved" / c.Int32ul,
    "MyLBA" / c.Int64ul,
    "AlternateLBA" / c.Int64ul,
    "FirstUsableLBA" / c.Int64ul,
    "LastUsableLBA" / c.Int64ul,
    "DiskGUID" / c.Bytes(16),
    "PartitionEntryLBA" / c.Int64ul,
    "NumberOfPartitionEntries" / c.Int32ul,
    "SizeOfPartitionEntry" / c.Int32ul,
    "PartitionEntryArrayCRC32" / c.Int32ul,
)

ENTRY_STRUCT = c.Struct(
    "PartitionTypeGUID" / c.Bytes(16),
    "UniquePartitionGUID" / c.Bytes(16),
    "StartingLBA" / c.Int64ul,
    "EndingLBA" / c.Int64ul,
    "Attributes" / c.Int64ul,
    "PartitionName" / c.Bytes(72),
)

# ---- behaviour ----

SIGNATURE = b"EFI PART"
HEADER_BYTES = 92
ENTRY_BYTES = 128
_NAME_BYTES = 72
_REVISION = 0x00010000
_CRC_AT = 16
_NO_GUID = bytes(16)
MAX_ARRAY_BYTES = 1 << 20
"""An array of 8192 ordinary entries.  Headers that announce more are lies; believing them would cost memory."""


@dataclass(frozen=True, slots=True)
class GptHeader:
    """A header whose own CRC is right.

    Attributes:
        my_lba: where it says it is.
        alternate_lba: where it says the other copy is.
        usable: the sectors for partitions.
        disk_guid: the GUID of the disk.
        entries_lba: where its array begins.
        entry_count: entries of the array.
        entry_bytes: bytes of an entry, 128 or more.
        entries_crc: the CRC of the array.
    """

    my_lba: Lba
    alternate_lba: Lba
    usable: Extent
    disk_guid: UUID
    entries_lba: Lba
    entry_count: int
    entry_bytes: int
    entries_crc: int

    @property
    def array_bytes(self) -> int:
        """Bytes of the array, at most :data:`MAX_ARRAY_BYTES`."""
        return self.entry_count * self.entry_bytes


def parse_header(sector: bytes, *, lba: int, geometry: Geometry) -> GptHeader:
    """Read a header from the sector at ``lba``.

    Raises:
        InvalidTable: saying what is wrong: signature, revision, size, CRC, its own address, or an array that cannot be.
    """
    raw = HEADER_STRUCT.parse(sector)
    if raw.Signature != SIGNATURE:
        raise InvalidTable(f"no GPT header at sector {lba}")
    size = raw.HeaderSize
    if raw.Revision >> 16 != 1 or not HEADER_BYTES <= size <= len(sector):
        raise InvalidTable(f"GPT header at sector {lba}: revision {raw.Revision:#x}, {size} bytes: not supported")
    zeroed = sector[:_CRC_AT] + bytes(4) + sector[_CRC_AT + 4 : size]
    if zlib.crc32(zeroed) != raw.HeaderCRC32:
        raise InvalidTable(f"GPT header at sector {lba}: its checksum is wrong")
    if raw.MyLBA != lba:
        raise InvalidTable(f"GPT header at sector {lba} says that it belongs at sector {raw.MyLBA}")
    count, entry = raw.NumberOfPartitionEntries, raw.SizeOfPartitionEntry
    # UEFI: 128 times a power of two; some tools write other multiples of 8, which are as easy to read.
    if entry < ENTRY_BYTES or entry % 8 or count < 1 or count * entry > MAX_ARRAY_BYTES:
        raise InvalidTable(f"GPT header at sector {lba}: {count} entries of {entry} bytes cannot be")
    needs = -(-count * entry // geometry.sector_size)
    if not raw.PartitionEntryLBA >= 2 or raw.PartitionEntryLBA + needs > geometry.sectors:
        raise InvalidTable(f"GPT header at sector {lba}: its array at sector {raw.PartitionEntryLBA} is off the disk")
    if raw.LastUsableLBA < raw.FirstUsableLBA:
        raise InvalidTable(f"GPT header at sector {lba}: no sectors are usable")
    return GptHeader(
        my_lba=Lba(raw.MyLBA),
        alternate_lba=Lba(raw.AlternateLBA),
        usable=Extent(Lba(raw.FirstUsableLBA), raw.LastUsableLBA - raw.FirstUsableLBA + 1),
        disk_guid=UUID(bytes_le=raw.DiskGUID),
        entries_lba=Lba(raw.PartitionEntryLBA),
        entry_count=count,
        entry_bytes=entry,
        entries_crc=raw.PartitionEntryArrayCRC32,
    )


def check_array(header: GptHeader, array: bytes) -> None:
    """Compare the CRC of an array with its header.

    Raises:
        InvalidTable: when they differ.
    """
    if zlib.crc32(array[: header.array_bytes]) != header.entries_crc:
        raise InvalidTable(f"GPT at sector {header.my_lba}: the checksum of its entries is wrong")


@dataclass(frozen=True, slots=True)
class GptEntry:
    """A used entry, as it is on the disk; ``last`` may be before ``first`` in a hostile table."""

    number: int
    type_guid: UUID
    guid: UUID
    first: int
    last: int
    attributes: int
    name: str


def parse_entries(header: GptHeader, array: bytes) -> Iterator[GptEntry]:
    """Yield the entries that are used."""
    for index in range(header.entry_count):
        at = index * header.entry_bytes
        if array[at : at + 16] == _NO_GUID:
            continue
        raw = ENTRY_STRUCT.parse(array[at : at + ENTRY_BYTES])
        yield GptEntry(
            number=index + 1,
            type_guid=UUID(bytes_le=raw.PartitionTypeGUID),
            guid=UUID(bytes_le=raw.UniquePartitionGUID),
            first=raw.StartingLBA,
            last=raw.EndingLBA,
            attributes=raw.Attributes,
            # A name is data: a lone surrogate is legal on the disk and must come back as it was.
            name=raw.PartitionName.decode("utf-16-le", "surrogatepass").split("\0", 1)[0],
        )


@dataclass(frozen=True, slots=True)
class GptCopies:
    """The bytes of both copies: headers of one sector each, and the array that they share.

    Attributes:
        primary: the header for sector 1.
        backup: the header for the last sector.
        array: the entries, a whole number of sectors.
        primary_array_lba: where the array of the primary goes.
        backup_array_lba: where the array of the backup goes.
        backup_lba: the last sector of the disk.
    """

    primary: bytes
    backup: bytes
    array: bytes
    primary_array_lba: Lba
    backup_array_lba: Lba
    backup_lba: Lba


def build_copies(table: PartitionTable) -> GptCopies:
    """Return both copies of a GPT of 128 entries for a disk of the table's geometry.

    Raises:
        ValueError: when a value does not fit its field, such as a name of more than 36 UTF-16 units.
    """
    if table.usable is None or table.disk_guid is None or table.entry_count is None:
        raise ValueError("not a GPT")
    geometry = table.geometry
    array = bytearray(table.entry_count * ENTRY_BYTES)
    for partition in table.partitions:
        at = (partition.number - 1) * ENTRY_BYTES
        array[at : at + ENTRY_BYTES] = _build_entry(partition)
    sectors = -(-len(array) // geometry.sector_size)
    crc = zlib.crc32(array)
    last = Lba(geometry.sectors - 1)
    primary_array, backup_array = Lba(2), Lba(last - sectors)
    return GptCopies(
        primary=_build_header(table, crc, my_lba=Lba(1), alternate=last, array=primary_array),
        backup=_build_header(table, crc, my_lba=last, alternate=Lba(1), array=backup_array),
        array=bytes(array).ljust(sectors * geometry.sector_size, b"\0"),
        primary_array_lba=primary_array,
        backup_array_lba=backup_array,
        backup_lba=last,
    )


def _build_entry(partition: Partition) -> bytes:
    if not isinstance(partition.type_id, UUID) or partition.guid is None:
        raise ValueError(f"partition {partition.number} is not for a GPT")
    name = partition.name.encode("utf-16-le", "surrogatepass")
    if len(name) > _NAME_BYTES:
        units = len(name) // 2
        raise ValueError(
            f"partition {partition.number} has a name of {units} characters; valid are at most {_NAME_BYTES // 2}"
        )
    fields: dict[str, object] = {
        "PartitionTypeGUID": partition.type_id.bytes_le,
        "UniquePartitionGUID": partition.guid.bytes_le,
        "StartingLBA": partition.extent.first,
        "EndingLBA": partition.extent.last,
        "Attributes": partition.attributes,
        "PartitionName": name.ljust(_NAME_BYTES, b"\0"),
    }
    return build(ENTRY_STRUCT, fields, f"partition {partition.number}")


def _build_header(table: PartitionTable, crc: int, *, my_lba: Lba, alternate: Lba, array: Lba) -> bytes:
    if table.usable is None or table.disk_guid is None:
        raise ValueError("not a GPT")
    fields: dict[str, object] = {
        "Signature": SIGNATURE,
        "Revision": _REVISION,
        "HeaderSize": HEADER_BYTES,
        "HeaderCRC32": 0,
        "Reserved": 0,
        "MyLBA": my_lba,
        "AlternateLBA": alternate,
        "FirstUsableLBA": table.usable.first,
        "LastUsableLBA": table.usable.last,
        "DiskGUID": table.disk_guid.bytes_le,
        "PartitionEntryLBA": array,
        "NumberOfPartitionEntries": table.entry_count,
        "SizeOfPartitionEntry": ENTRY_BYTES,
        "PartitionEntryArrayCRC32": crc,
    }
    fields["HeaderCRC32"] = zlib.crc32(build(HEADER_STRUCT, fields, "GPT header"))
    return build(HEADER_STRUCT, fields, "GPT header").ljust(table.geometry.sector_size, b"\0")
