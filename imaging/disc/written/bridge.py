"""What a new disc has besides UDF: ISO 9660 with a README alone, and what firmware starts (ECMA-119; El Torito 1.0)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from osdimage.imaging.disc import eltorito as e
from osdimage.imaging.disc.iso.descriptors import PRIMARY, VOLUME_DESCRIPTOR
from osdimage.imaging.disc.written.plan import BLOCK_BYTES, DiscPlan, DiscSettings

_DESCRIPTORS, _LITTLE, _BIG, _ROOT, _README, _CATALOG = 16, 22, 23, 24, 25, 26
"""Blocks of the disc.  Behind the last file, 7zz would take the catalog for data that do not belong there."""
_STANDARD = b"CD001"
_RECOGNITION = (b"BEA01", b"NSR02", b"TEA01")
_FILE_NAME = b"README.TXT;1"
_FOLDER = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATH_TABLE_BYTES = 10

_NO_EMULATION, _BOOTABLE, _LAST_HEADER = 0, 0x88, 0x91
# A BIOS loads a whole boot image of 4096 bytes in units of 512.
_BIOS_SECTORS = 8


def bridge(plan: DiscPlan) -> Iterator[tuple[int, bytes]]:
    """Yield the blocks of the disc that are not of UDF, each with its bytes."""
    settings = plan.settings
    yield _DESCRIPTORS, _primary(plan)
    number = _DESCRIPTORS + 1
    if settings.bios_image is not None or settings.uefi_image is not None:
        yield (
            number,
            b"\0" + _STANDARD + b"\1" + b"EL TORITO SPECIFICATION".ljust(64, b"\0") + _CATALOG.to_bytes(4, "little"),
        )
        yield _CATALOG, b"".join(_catalog(plan))
        number += 1
    yield number, b"\xff" + _STANDARD + b"\1"
    for each in _RECOGNITION:
        number += 1
        yield number, b"\0" + each + b"\1"
    yield _LITTLE, struct.pack("<BBIHH", 1, 0, _ROOT, 1, 0)
    yield _BIG, struct.pack(">BBIHH", 1, 0, _ROOT, 1, 0)
    readme = settings.readme.encode("ascii")
    records = (_record(settings, b"\0", _ROOT, BLOCK_BYTES), _record(settings, b"\1", _ROOT, BLOCK_BYTES))
    yield _ROOT, b"".join((*records, _record(settings, _FILE_NAME, _README, len(readme))))
    yield _README, readme


def _primary(plan: DiscPlan) -> bytes:
    settings = plan.settings
    moment = _moment(settings)
    digits = moment.strftime("%Y%m%d%H%M%S00").rjust(16, "0").encode("ascii") + b"\0"
    never = b"0" * 16 + b"\0"
    # Letters of ISO 9660 are A-Z, 0-9 and _ alone.
    label = re.sub(r"[^A-Z0-9_]", "_", settings.label.upper()).encode("ascii")
    built: bytes = VOLUME_DESCRIPTOR.build(
        {
            "VolumeDescriptorType": PRIMARY,
            "StandardIdentifier": _STANDARD,
            "VolumeDescriptorVersion": 1,
            "VolumeFlags": 0,
            "SystemIdentifier": b" " * 32,
            "VolumeIdentifier": label[:32].ljust(32),
            "Unused": bytes(8),
            "VolumeSpaceSize": _both(plan.size // BLOCK_BYTES),
            "EscapeSequences": bytes(32),
            "VolumeSetSize": _both(settings.discs),
            "VolumeSequenceNumber": _both(settings.number),
            "LogicalBlockSize": _both(BLOCK_BYTES),
            "PathTableSize": _both(_PATH_TABLE_BYTES),
            "LocationsOfPathTables": struct.pack("<II", _LITTLE, 0) + struct.pack(">II", _BIG, 0),
            "DirectoryRecordForRootDirectory": _record(settings, b"\0", _ROOT, BLOCK_BYTES),
        }
    )
    texts = (
        settings.set_id.upper().encode("ascii").ljust(128),
        b" " * 128,
        b" " * 128,
        b"OSDIMAGE".ljust(128),
        b" " * 37 * 3,
        digits,
        digits,
        never,
        never,
        b"\1\0",
    )
    return built + b"".join(texts)


def _both(number: int) -> dict[str, int]:
    return {"Little": number, "Big": number}


def _moment(settings: DiscSettings) -> datetime:
    return _EPOCH + timedelta(seconds=settings.created_ns // 1_000_000_000)


def _record(settings: DiscSettings, name: bytes, block: int, size: int) -> bytes:
    """Return a directory record; its year has a byte, counted from 1900."""
    moment = _moment(settings)
    date = bytes([min(moment.year - 1900, 255), *moment.timetuple()[1:6], 0])
    body = b"".join(
        (
            b"\0",
            struct.pack("<I", block),
            struct.pack(">I", block),
            struct.pack("<I", size),
            struct.pack(">I", size),
            date,
            bytes([_FOLDER if len(name) == 1 else 0, 0, 0]),
            struct.pack("<H", settings.number),
            struct.pack(">H", settings.number),
            bytes([len(name)]),
            name,
        )
    )
    body += b"\0" * ((1 + len(body)) % 2)
    return bytes([1 + len(body)]) + body


def _catalog(plan: DiscPlan) -> Iterator[bytes]:
    """Yield the entries: that of the BIOS first, or of UEFI alone, and of UEFI in a section where there are both."""
    settings = plan.settings
    is_both = settings.bios_image is not None and settings.uefi_image is not None
    first = e.Platform.UEFI if settings.bios_image is None else e.Platform.BIOS
    yield _validation(first)
    if settings.bios_image is not None:
        yield _boot_entry(plan.block_of(settings.bios_image), _BIOS_SECTORS)
    if is_both:
        yield e.SECTION_HEADER.build(
            {
                "HeaderIndicator": _LAST_HEADER,
                "PlatformID": e.Platform.UEFI,
                "NumberOfSectionEntries": 1,
                "IDString": bytes(28),
            }
        )
    if settings.uefi_image is not None:
        size = next(
            each.file.contents.size
            for each in plan.nodes
            if each.file is not None and each.path.lower() == settings.uefi_image.lower()
        )
        yield _boot_entry(plan.block_of(settings.uefi_image), -(-size // 512))


def _validation(platform: e.Platform) -> bytes:
    values = {
        "HeaderID": 1,
        "PlatformID": platform,
        "Reserved": 0,
        "IDString": b"osdimage".ljust(24, b"\0"),
        "ChecksumWord": 0,
        "KeyByte1": 0x55,
        "KeyByte2": 0xAA,
    }
    words = struct.unpack("<16H", e.VALIDATION_ENTRY.build(values))
    built: bytes = e.VALIDATION_ENTRY.build(values | {"ChecksumWord": -sum(words) & 0xFFFF})
    return built


def _boot_entry(block: int, sectors: int) -> bytes:
    built: bytes = e.SECTION_ENTRY.build(
        {
            "BootIndicator": _BOOTABLE,
            "BootMediaType": _NO_EMULATION,
            "LoadSegment": 0,
            "SystemType": 0,
            "Unused": 0,
            "SectorCount": sectors,
            "LoadRBA": block,
            "SelectionCriteria": bytes(20),
        }
    )
    return built
