"""What firmware starts from a disc (El Torito 1.0; for UEFI: UEFI Specification 2.10, 13.3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import construct as c
from osdimage.imaging.disc.recognised import SECTOR_BYTES, Recognised
from osdimage.imaging.disc.source import DiscSource

# ---- declaration: names and order of the specification ----

VALIDATION_ENTRY = c.Struct(
    "HeaderID" / c.Int8ul,
    "PlatformID" / c.Int8ul,
    "Reserved" / c.Int16ul,
    "IDString" / c.Bytes(24),
    "ChecksumWord" / c.Int16ul,
    "KeyByte1" / c.Int8ul,
    "KeyByte2" / c.Int8ul,
)

SECTION_HEADER = c.Struct(
    "HeaderIndicator" / c.Int8ul,
    "PlatformID" / c.Int8ul,
    "NumberOfSectionEntries" / c.Int16ul,
    "IDString" / c.Bytes(28),
)

SECTION_ENTRY = c.Struct(
    "BootIndicator" / c.Int8ul,
    "BootMediaType" / c.Int8ul,
    "LoadSegment" / c.Int16ul,
    "SystemType" / c.Int8ul,
    "Unused" / c.Int8ul,
    "SectorCount" / c.Int16ul,
    "LoadRBA" / c.Int32ul,
    "SelectionCriteria" / c.Bytes(20),
)

# ---- behaviour ----

_MARK = b"EL TORITO SPECIFICATION"
_MARK_AT, _CATALOG_AT = 7, 0x47
_ENTRY_BYTES = 32
_MOST_SECTORS = 16
_KEY = 0xAA55
_BOOTABLE = 0x88
_MORE_HEADERS, _LAST_HEADER, _EXTENSION = 0x90, 0x91, 0x44
_EMULATION_BITS = 0x0F


class Platform(IntEnum):
    """Whose firmware an entry is for."""

    BIOS = 0
    POWERPC = 1
    MAC = 2
    UEFI = 0xEF


class Emulation(IntEnum):
    """As what drive the image is shown to who starts from it."""

    NONE = 0
    FLOPPY_1200K = 1
    FLOPPY_1440K = 2
    FLOPPY_2880K = 3
    HARD_DISK = 4


@dataclass(frozen=True, slots=True)
class BootEntry:
    """An entry of the catalog.

    Attributes:
        platform: whose firmware it is for: a :class:`Platform`, or a number that is none.
        is_bootable: whether it is to be started.
        emulation: as what drive it is shown: an :class:`Emulation`, or a number that is none.
        load_segment: where a BIOS loads it; 0 is 0x07C0.
        system_type: the type of the partition, of a hard disk.
        sectors: how many of 512 bytes are loaded.
        offset: the byte of the disc's file where the image begins.
        path: the file of the disc that begins there, or None.
    """

    platform: int
    is_bootable: bool
    emulation: int
    load_segment: int
    system_type: int
    sectors: int
    offset: int
    path: str | None = None


@dataclass(frozen=True, slots=True)
class BootCatalog:
    """What firmware finds.

    Attributes:
        entries: in their order.
        faults: sentences about what is damaged; a disc without a catalog has none.
    """

    entries: tuple[BootEntry, ...]
    faults: tuple[str, ...]


def read_catalog(source: DiscSource, recognised: Recognised) -> BootCatalog:
    """Read the catalog of a disc; one that is damaged is told, for the files may be sound.

    Raises:
        StorageError: when it cannot be read.
    """
    for each in recognised.boot_records:
        if each[_MARK_AT : _MARK_AT + len(_MARK)] == _MARK:
            place = int.from_bytes(each[_CATALOG_AT : _CATALOG_AT + 4], "little") * SECTOR_BYTES
            size = min(_MOST_SECTORS * SECTOR_BYTES, source.size_bytes - place)
            if size < 2 * _ENTRY_BYTES:
                return BootCatalog((), (f"the boot catalog is to be at byte {place}, beyond the end of the disc",))
            data = source.read(place, size, "the boot catalog")
            fault = _fault_of_validation(data[:_ENTRY_BYTES])
            if fault is not None:
                return BootCatalog((), (f"the boot catalog, at byte {place}, {fault}",))
            return BootCatalog(tuple(_entries(data)), ())
    return BootCatalog((), ())


def _fault_of_validation(data: bytes) -> str | None:
    raw = VALIDATION_ENTRY.parse(data)
    if raw.HeaderID != 1 or (raw.KeyByte1 | raw.KeyByte2 << 8) != _KEY:
        return "does not begin with a validation entry"
    words = (int.from_bytes(data[at : at + 2], "little") for at in range(0, _ENTRY_BYTES, 2))
    return "has a wrong checksum" if sum(words) & 0xFFFF else None


def _entries(data: bytes) -> Iterator[BootEntry]:
    at = _ENTRY_BYTES
    yield _entry(data[at : at + _ENTRY_BYTES], data[1])
    at += _ENTRY_BYTES
    is_last = False
    while not is_last and at + _ENTRY_BYTES <= len(data) and data[at] in {_MORE_HEADERS, _LAST_HEADER}:
        header = SECTION_HEADER.parse(data[at : at + _ENTRY_BYTES])
        is_last = header.HeaderIndicator == _LAST_HEADER
        at += _ENTRY_BYTES
        left = header.NumberOfSectionEntries
        while left and at + _ENTRY_BYTES <= len(data):
            entry = data[at : at + _ENTRY_BYTES]
            at += _ENTRY_BYTES
            # What chooses among entries, for a BIOS that would ask, goes on in more of them.
            if entry[0] != _EXTENSION:
                left -= 1
                yield _entry(entry, header.PlatformID)
        while at + _ENTRY_BYTES <= len(data) and data[at] == _EXTENSION:
            at += _ENTRY_BYTES


def _entry(data: bytes, platform: int) -> BootEntry:
    raw = SECTION_ENTRY.parse(data)
    return BootEntry(
        platform=platform,
        is_bootable=raw.BootIndicator == _BOOTABLE,
        emulation=raw.BootMediaType & _EMULATION_BITS,
        load_segment=raw.LoadSegment,
        system_type=raw.SystemType,
        sectors=raw.SectorCount,
        offset=raw.LoadRBA * SECTOR_BYTES,
    )
