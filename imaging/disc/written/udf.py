"""The descriptors of a new UDF volume (OSTA UDF 1.02; ECMA-167, parts 3 and 4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import construct as c
from osdimage.imaging.disc.udf import descriptors as d
from osdimage.imaging.disc.udf.entries import FILE_FIELDS
from osdimage.imaging.disc.udf.tags import TAG_BYTES, tagged
from osdimage.imaging.disc.udf.text import dstring_of, timestamp
from osdimage.imaging.disc.written.plan import (
    BLOCK_BYTES,
    FIRST_ENTRY,
    PARTITION_AT,
    DiscPlan,
    DiscSettings,
    blocks_of,
    directory_bytes,
    held_by,
)
from osdimage.imaging.disc.written.tree import LARGEST_EXTENT

MAIN, RESERVE, INTEGRITY, ANCHOR = 32, 48, 64, 256
"""Blocks of the disc where the descriptors of the volume are."""
_SEQUENCE_BYTES = 16 * BLOCK_BYTES
_NO_TAG = dict.fromkeys(
    (
        "TagIdentifier",
        "DescriptorVersion",
        "TagChecksum",
        "Reserved",
        "TagSerialNumber",
        "DescriptorCRC",
        "DescriptorCRCLength",
        "TagLocation",
    ),
    0,
)
_NOWHERE = {"Length": 0, "Location": 0}
_CHARSET = b"\0OSTA Compressed Unicode".ljust(64, b"\0")
_REVISION = 0x0102
_READ_ONLY = 1
_CLOSED = 1

# A file entry begins with its ICB tag (ECMA-167, 4/14.6): strategy 4, one entry, kind, and flags: archive, short_ads.
_ICB = struct.Struct("<IHHHBB6xH")
_STRATEGY, _FLAGS = 4, 0x20
_FOLDER, _FILE = 4, 5
_MAY_READ_AND_LIST, _MAY_READ = 0x14A5, 0x1084
_NOBODY = 0xFFFFFFFF
_FIRST_ID = 16
"""Unique ids below it are kept for Mac OS, but that of the root, which is 0 (OSTA UDF 3.2.1.1)."""
_SHORT_AD = struct.Struct("<II")

_NAME = struct.Struct("<HBBIIHHIH")
_IS_FOLDER, _IS_ABOVE = 2, 8


def _entity(name: bytes, suffix: bytes = b"") -> dict[str, object]:
    return {"Flags": 0, "Identifier": name.ljust(23, b"\0"), "IdentifierSuffix": suffix.ljust(8, b"\0")}


_NOBODYS = _entity(b"")
# Of Unix, Linux: OSTA UDF 6.3.
_WRITER = _entity(b"*osdimage", b"\4\5")
_DOMAIN = _entity(b"*OSTA UDF Compliant", struct.pack("<HB", _REVISION, 3))


_TERMINATOR = bytes(496)


def _body(form: c.Construct[Any, Any], values: Mapping[str, object]) -> bytes:
    """Return what a descriptor has behind its tag."""
    built: bytes = form.build({"DescriptorTag": _NO_TAG, **values})
    return built[TAG_BYTES:]


def volume_descriptors(plan: DiscPlan) -> Iterator[tuple[int, bytes]]:
    """Yield the blocks of the disc that describe the volume, each with its bytes."""
    settings = plan.settings
    for begin in (MAIN, RESERVE):
        for number, (kind, body) in enumerate(_sequence(plan)):
            yield begin + number, tagged(kind, begin + number, body)
    yield INTEGRITY, tagged(d.INTEGRITY, INTEGRITY, _integrity(plan))
    yield INTEGRITY + 1, tagged(d.TERMINATOR, INTEGRITY + 1, _TERMINATOR)
    for block in (ANCHOR, PARTITION_AT + plan.blocks):
        extents = {
            "MainVolumeDescriptorSequenceExtent": {"Length": _SEQUENCE_BYTES, "Location": MAIN},
            "ReserveVolumeDescriptorSequenceExtent": {"Length": _SEQUENCE_BYTES, "Location": RESERVE},
        }
        anchor = _body(d.ANCHOR_VOLUME_DESCRIPTOR_POINTER, extents).ljust(len(_TERMINATOR), b"\0")
        yield block, tagged(d.ANCHOR, block, anchor)
    yield PARTITION_AT, tagged(d.FILE_SET, 0, _file_set(settings))
    yield PARTITION_AT + 1, tagged(d.TERMINATOR, 1, _TERMINATOR)


def _sequence(plan: DiscPlan) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of each descriptor of the volume."""
    settings = plan.settings
    moment = timestamp(settings.created_ns)
    # A set is one volume set of the third level of interchange, a single disc one of the second (ECMA-167, 3/11).
    level = 2 if settings.discs == 1 else 3
    yield d.PRIMARY_VOLUME, _body(d.PRIMARY_VOLUME_DESCRIPTOR, {
        "VolumeDescriptorSequenceNumber": 0,
        "PrimaryVolumeDescriptorNumber": 0,
        "VolumeIdentifier": dstring_of(settings.label, 32),
        "VolumeSequenceNumber": settings.number,
        "MaximumVolumeSequenceNumber": settings.discs,
        "InterchangeLevel": level,
        "MaximumInterchangeLevel": level,
        "CharacterSetList": 1,
        "MaximumCharacterSetList": 1,
        "VolumeSetIdentifier": dstring_of(settings.set_id, 128),
        "DescriptorCharacterSet": _CHARSET,
        "ExplanatoryCharacterSet": _CHARSET,
        "VolumeAbstract": _NOWHERE,
        "VolumeCopyrightNotice": _NOWHERE,
        "ApplicationIdentifier": _NOBODYS,
        "RecordingDateAndTime": moment,
        "ImplementationIdentifier": _WRITER,
        "ImplementationUse": bytes(64),
        "PredecessorVolumeDescriptorSequenceLocation": 0,
        "Flags": 0,
        "Reserved": bytes(22),
    })  # fmt: skip
    yield d.IMPLEMENTATION_USE, _body(d.IMPLEMENTATION_USE_VOLUME_DESCRIPTOR, {
        "VolumeDescriptorSequenceNumber": 1,
        "ImplementationIdentifier": _entity(b"*UDF LV Info", struct.pack("<HBB", _REVISION, 4, 5)),
        "LVICharset": _CHARSET,
        "LogicalVolumeIdentifier": dstring_of(settings.label, 128),
        "LVInfo1": bytes(36),
        "LVInfo2": bytes(36),
        "LVInfo3": bytes(36),
        "ImplementationID": _WRITER,
        "ImplementationUse": bytes(128),
    })  # fmt: skip
    yield d.PARTITION, _body(d.PARTITION_DESCRIPTOR, {
        "VolumeDescriptorSequenceNumber": 2,
        "PartitionFlags": 1,
        "PartitionNumber": 0,
        "PartitionContents": _entity(b"+NSR02"),
        "PartitionContentsUse": bytes(128),
        "AccessType": _READ_ONLY,
        "PartitionStartingLocation": PARTITION_AT,
        "PartitionLength": plan.blocks,
        "ImplementationIdentifier": _WRITER,
        "ImplementationUse": bytes(128),
        "Reserved": bytes(156),
    })  # fmt: skip
    yield d.LOGICAL_VOLUME, _body(d.LOGICAL_VOLUME_OF_ONE, {
        "VolumeDescriptorSequenceNumber": 3,
        "DescriptorCharacterSet": _CHARSET,
        "LogicalVolumeIdentifier": dstring_of(settings.label, 128),
        "LogicalBlockSize": BLOCK_BYTES,
        "DomainIdentifier": _DOMAIN,
        "FileSetDescriptorSequence": _long_ad(0, BLOCK_BYTES),
        "MapTableLength": d.TYPE_1_PARTITION_MAP.sizeof(),
        "NumberOfPartitionMaps": 1,
        "ImplementationIdentifier": _WRITER,
        "ImplementationUse": bytes(128),
        "IntegritySequenceExtent": {"Length": 2 * BLOCK_BYTES, "Location": INTEGRITY},
        "PartitionMap": {
            "PartitionMapType": 1,
            "PartitionMapLength": d.TYPE_1_PARTITION_MAP.sizeof(),
            "VolumeSequenceNumber": settings.number,
            "PartitionNumber": 0,
        },
    })  # fmt: skip
    yield d.UNALLOCATED_SPACE, _body(d.UNALLOCATED_SPACE_DESCRIPTOR, {
        "VolumeDescriptorSequenceNumber": 4,
        "NumberOfAllocationDescriptors": 0,
    })  # fmt: skip
    yield d.TERMINATOR, _TERMINATOR


def _long_ad(block: int, size: int) -> dict[str, object]:
    return {
        "ExtentLength": size,
        "ExtentLocation": {"LogicalBlockNumber": block, "PartitionReferenceNumber": 0},
        "ImplementationUse": bytes(6),
    }


def _integrity(plan: DiscPlan) -> bytes:
    files = sum(1 for each in plan.nodes if each.file is not None)
    head = _body(
        d.LOGICAL_VOLUME_INTEGRITY_DESCRIPTOR,
        {
            "RecordingDateAndTime": timestamp(plan.settings.created_ns),
            "IntegrityType": _CLOSED,
            "NextIntegrityExtent": _NOWHERE,
            # The unique id that the next file would get.
            "LogicalVolumeContentsUse": (_FIRST_ID + len(plan.nodes)).to_bytes(8, "little").ljust(32, b"\0"),
            "NumberOfPartitions": 1,
            "LengthOfImplementationUse": d.INTEGRITY_OF_ONE.sizeof() - 8,
        },
    )
    of_one: bytes = d.INTEGRITY_OF_ONE.build(
        {
            "FreeSpaceTable": 0,
            "SizeTable": plan.blocks,
            "ImplementationID": _WRITER,
            "NumberOfFiles": files,
            "NumberOfDirectories": len(plan.nodes) - files,
            "MinimumUDFReadRevision": _REVISION,
            "MinimumUDFWriteRevision": _REVISION,
            "MaximumUDFWriteRevision": _REVISION,
        }
    )
    return head + of_one


def _file_set(settings: DiscSettings) -> bytes:
    values: dict[str, object] = {
        "RecordingDateAndTime": timestamp(settings.created_ns),
        "InterchangeLevel": 3,
        "MaximumInterchangeLevel": 3,
        "CharacterSetList": 1,
        "MaximumCharacterSetList": 1,
        "FileSetNumber": 0,
        "FileSetDescriptorNumber": 0,
        "LogicalVolumeIdentifierCharacterSet": _CHARSET,
        "LogicalVolumeIdentifier": dstring_of(settings.label, 128),
        "FileSetCharacterSet": _CHARSET,
        "FileSetIdentifier": dstring_of(settings.label, 32),
        "CopyrightFileIdentifier": bytes(32),
        "AbstractFileIdentifier": bytes(32),
        "RootDirectoryICB": _long_ad(FIRST_ENTRY, BLOCK_BYTES),
        "DomainIdentifier": _DOMAIN,
        "NextExtent": _long_ad(0, 0),
        "Reserved": bytes(48),
    }
    return _body(d.FILE_SET_DESCRIPTOR, values)


def file_entries(plan: DiscPlan) -> Iterator[bytes]:
    """Yield the file entries, each a block, in the order of their numbers."""
    created = timestamp(plan.settings.created_ns) or b""
    writer = d.ENTITY_ID.build(_WRITER)
    for number, node in enumerate(plan.nodes):
        is_folder = node.file is None
        size = directory_bytes(node) if node.file is None else node.file.contents.size
        moment = created if node.modified_ns is None else timestamp(node.modified_ns) or created
        allocated = b"".join(_extents(plan.starts[number], size))
        body = FILE_FIELDS.pack(
            b"",
            _ICB.pack(0, _STRATEGY, 0, 1, 0, _FOLDER if is_folder else _FILE, _FLAGS),
            _NOBODY,
            _NOBODY,
            _MAY_READ_AND_LIST if is_folder else _MAY_READ,
            1 + node.folders if is_folder else 1,
            0,
            0,
            0,
            size,
            held_by(size),
            moment,
            moment,
            moment,
            1,
            b"",
            writer,
            _unique_id(number),
            0,
            len(allocated),
        )
        yield tagged(d.FILE_ENTRY, FIRST_ENTRY + number, body[TAG_BYTES:] + allocated).ljust(BLOCK_BYTES, b"\0")


def directories(plan: DiscPlan) -> Iterator[bytes]:
    """Yield the contents of the directories, in whole blocks, in the order of the disc."""
    for number, children in plan.names.items():
        begin = plan.starts[number] * BLOCK_BYTES
        parts: list[bytes] = []
        reached = 0
        for each in (plan.above[number], *children):
            is_above = not parts
            kind = _IS_ABOVE | _IS_FOLDER if is_above else _IS_FOLDER if plan.nodes[each].file is None else 0
            name = b"" if is_above else plan.nodes[each].name
            fields = _NAME.pack(1, kind, len(name), BLOCK_BYTES, FIRST_ENTRY + each, 0, 0, _unique_id(each), 0)
            body = fields + name
            body = body.ljust((TAG_BYTES + len(body) + 3) // 4 * 4 - TAG_BYTES, b"\0")
            parts.append(tagged(d.FILE_IDENTIFIER, (begin + reached) // BLOCK_BYTES, body))
            reached += TAG_BYTES + len(body)
        yield b"".join(parts).ljust(blocks_of(reached) * BLOCK_BYTES, b"\0")


def _unique_id(number: int) -> int:
    return 0 if number == 0 else _FIRST_ID + number - 1


def _extents(block: int, size: int) -> Iterator[bytes]:
    while size:
        length = min(size, LARGEST_EXTENT)
        yield _SHORT_AD.pack(length, block)
        size -= length
        block += held_by(length)
