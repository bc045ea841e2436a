"""The facts of a VHDX file.

Source: [MS-VHDX]: 2.2 "Header Section", 2.3 "Log", 2.5 "BAT", 2.6 "Metadata Region".  All numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple
from uuid import UUID

from osdimage.imaging.disk.containers.crc32c import crc32c
from osdimage.imaging.disk.containers.facts import (
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    checked_size,
    require,
    shown,
)
from osdimage.imaging.errors import InvalidInput

SIGNATURE: Final = b"vhdxfile"
_CREATOR: Final = slice(8, 520)
_HEADERS_AT: Final = (64 << 10, 128 << 10)
_REGIONS_AT: Final = (192 << 10, 256 << 10)
_HEADER_BYTES: Final = 4096
_REGIONS_BYTES: Final = 64 << 10
_CHECKSUM_AT: Final = 4

_HEADER: Final = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGIONS: Final = struct.Struct("<4sIII")
_REGION: Final = struct.Struct("<16sQII")
_METADATA: Final = struct.Struct("<8sHH20x")
_ITEM: Final = struct.Struct("<16sIIII")
_LOCATOR: Final = struct.Struct("<16sHH")
_PAIR: Final = struct.Struct("<IIHH")
_MOST_REGIONS, _MOST_ITEMS = 2047, 2047
_LARGEST_METADATA: Final = 1 << 20
_LARGEST_ITEM: Final = 1 << 20

_BAT: Final = UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
_METADATA_REGION: Final = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_FILE_PARAMETERS: Final = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_DISK_SIZE: Final = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
_DISK_ID: Final = UUID("beca12ab-b2e6-4523-93ef-c309e000c746")
_LOGICAL_SECTOR: Final = UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f")
_PHYSICAL_SECTOR: Final = UUID("cda348c7-445d-4471-9cc9-e9885251c556")
_PARENT_LOCATOR: Final = UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")
_KNOWN_ITEMS: Final = {_FILE_PARAMETERS, _DISK_SIZE, _DISK_ID, _LOGICAL_SECTOR, _PHYSICAL_SECTOR, _PARENT_LOCATOR}
_REQUIRED: Final = 1 << 2
_LEAVE_ALLOCATED, _HAS_PARENT = 1 << 0, 1 << 1
_PARENT_NAMES: Final = ("relative_path", "absolute_win32_path", "volume_path")
_CHUNK_SECTORS: Final = 1 << 23
"""Sectors that one sector bitmap block describes (2.5)."""


class _Header(NamedTuple):
    signature: bytes
    checksum: int
    sequence: int
    file_write: bytes
    data_write: bytes
    log: bytes
    log_version: int
    version: int
    log_bytes: int
    log_at: int


class _Place(NamedTuple):
    at: int
    size: int


def facts(data: FileBytes) -> ContainerFacts:
    """Return what a VHDX file says.

    Raises:
        InvalidInput: when it contradicts itself, or is of a version that is not known.
        OSError: when it cannot be read.
    """
    head = require(data, 0, _CREATOR.stop, "its identifier")
    header = _header(data)
    regions, unknown = _regions(data)
    if _METADATA_REGION not in regions or _BAT not in regions:
        raise InvalidInput("it has no metadata region, or no BAT region")
    items, unknown_items = _items(data, regions[_METADATA_REGION])
    block_bytes, flags = struct.unpack("<II", _item(data, items, _FILE_PARAMETERS, 8, "file parameters"))
    size = checked_size(struct.unpack("<Q", _item(data, items, _DISK_SIZE, 8, "virtual disk size"))[0])
    sector_size = struct.unpack("<I", _item(data, items, _LOGICAL_SECTOR, 4, "logical sector size"))[0]
    _check_blocks(data, block_bytes, sector_size, size, regions[_BAT], has_parent=bool(flags & _HAS_PARENT))
    return ContainerFacts(
        ContainerFormat.VHDX,
        size,
        "differencing" if flags & _HAS_PARENT else "fixed" if flags & _LEAVE_ALLOCATED else "dynamic",
        sector_size,
        parent=_parent(data, items) if flags & _HAS_PARENT else None,
        creator=shown(head[_CREATOR].decode("utf-16-le", "replace").split("\0", 1)[0]) or None,
        unknown=(*unknown, *unknown_items),
        has_log=any(header.log),
    )


def _header(data: FileBytes) -> _Header:
    """Return the newer of the two headers that is whole; the other one may be half written."""
    found = []
    for at in _HEADERS_AT:
        read = data.read(at, _HEADER_BYTES)
        if len(read) == _HEADER_BYTES and read.startswith(b"head") and _has_checksum(read):
            found.append(_Header(*_HEADER.unpack_from(read)))
    if not found:
        raise InvalidInput("neither of its two headers is whole: no mark, or a wrong checksum")
    newest = max(found, key=lambda each: each.sequence)
    if newest.version != 1 or newest.log_version != 0:
        raise InvalidInput(f"is of version {newest.version}, its log {newest.log_version}; valid are 1 and 0")
    return newest


def _has_checksum(read: bytes) -> bool:
    expected = int.from_bytes(read[_CHECKSUM_AT : _CHECKSUM_AT + 4], "little")
    return crc32c(read[:_CHECKSUM_AT] + bytes(4) + read[_CHECKSUM_AT + 4 :]) == expected


def _regions(data: FileBytes) -> tuple[dict[UUID, _Place], tuple[str, ...]]:
    """Return where the regions are, and those that must be known and are not."""
    for at in _REGIONS_AT:
        read = data.read(at, _REGIONS_BYTES)
        if len(read) == _REGIONS_BYTES and read.startswith(b"regi") and _has_checksum(read):
            break
    else:
        raise InvalidInput("neither of its two region tables is whole: no mark, or a wrong checksum")
    count = _REGIONS.unpack_from(read)[2]
    if count > _MOST_REGIONS:
        raise InvalidInput(f"its region table has {count} entries; valid are up to {_MOST_REGIONS}")
    found: dict[UUID, _Place] = {}
    unknown = []
    for number in range(count):
        identifier, at, size, required = _REGION.unpack_from(read, _REGIONS.size + number * _REGION.size)
        kind = UUID(bytes_le=identifier)
        if kind in found:
            raise InvalidInput(f"its region table has the region {kind} twice")
        if at < 1 << 20 or at % (1 << 20) or size % (1 << 20) or at + size > data.size:
            raise InvalidInput(f"its region {kind}, {size} bytes at {at}, is not in the file, which has {data.size}")
        found[kind] = _Place(at, size)
        if required & 1 and kind not in {_BAT, _METADATA_REGION}:
            unknown.append(f"region {kind}")
    return found, tuple(unknown)


def _items(data: FileBytes, region: _Place) -> tuple[dict[UUID, _Place], tuple[str, ...]]:
    """Return where the metadata are, and those that must be known and are not."""
    table = require(data, region.at, min(region.size, _REGIONS_BYTES), "its metadata table")
    signature, _, count = _METADATA.unpack_from(table) if len(table) >= _METADATA.size else (b"", 0, 0)
    if signature != b"metadata" or count > _MOST_ITEMS:
        raise InvalidInput(f"its metadata table has no mark, or {count} entries; valid are up to {_MOST_ITEMS}")
    found: dict[UUID, _Place] = {}
    unknown = []
    for number in range(count):
        identifier, at, size, flags, _ = _ITEM.unpack_from(table, _METADATA.size + number * _ITEM.size)
        kind = UUID(bytes_le=identifier)
        if size > _LARGEST_ITEM or at + size > region.size:
            raise InvalidInput(f"its metadata item {kind}, {size} bytes at {at}, is not in the metadata region")
        found.setdefault(kind, _Place(region.at + at, size))
        if flags & _REQUIRED and kind not in _KNOWN_ITEMS:
            unknown.append(f"metadata item {kind}")
    return found, tuple(unknown)


def _item(data: FileBytes, items: dict[UUID, _Place], kind: UUID, size: int, called: str) -> bytes:
    place = items.get(kind)
    if place is None or place.size < size:
        raise InvalidInput(f"its metadata have no {called}")
    return require(data, place.at, size, f"its {called}")


def _check_blocks(
    data: FileBytes, block_bytes: int, sector_size: int, size_bytes: int, bat: _Place, *, has_parent: bool
) -> None:
    if sector_size not in {512, 4096}:
        raise InvalidInput(f"its disk has sectors of {sector_size} bytes; valid are 512 and 4096")
    if not 1 << 20 <= block_bytes <= 1 << 28 or block_bytes.bit_count() > 1:
        raise InvalidInput(f"its blocks have {block_bytes} bytes; valid are powers of two from 1 MiB to 256 MiB")
    if size_bytes % sector_size:
        raise InvalidInput(f"the disk in it has {size_bytes} bytes, no whole number of sectors of {sector_size}")
    blocks = -(-size_bytes // block_bytes)
    ratio = _CHUNK_SECTORS * sector_size // block_bytes
    chunks = -(-blocks // ratio)
    entries = chunks * (ratio + 1) if has_parent else blocks + (blocks - 1) // ratio
    if entries * 8 > bat.size:
        raise InvalidInput(f"its BAT region has {bat.size} bytes; a disk of {size_bytes} bytes needs {entries * 8}")
    require(data, bat.at + bat.size - 1, 1, "its BAT region")


def _parent(data: FileBytes, items: dict[UUID, _Place]) -> str:
    """Return the name of the parent, the relative one if there is one; empty when it cannot be read."""
    place = items.get(_PARENT_LOCATOR)
    if place is None or place.size < _LOCATOR.size:
        return ""
    read = require(data, place.at, place.size, "its parent locator")
    count = _LOCATOR.unpack_from(read)[2]
    names: dict[str, str] = {}
    for number in range(min(count, (len(read) - _LOCATOR.size) // _PAIR.size)):
        key_at, value_at, key_size, value_size = _PAIR.unpack_from(read, _LOCATOR.size + number * _PAIR.size)
        key = read[key_at : key_at + key_size].decode("utf-16-le", "replace")
        names[key] = read[value_at : value_at + value_size].decode("utf-16-le", "replace")
    return shown(next((names[key] for key in _PARENT_NAMES if key in names), ""))
