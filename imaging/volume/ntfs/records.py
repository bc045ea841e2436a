"""The records of an NTFS volume: its boot sector, the records of its MFT, their attributes and runs of clusters.

Only bytes are looked at here; nothing is read.  The format is that of the Linux-NTFS documentation
(flatcap.github.io/linux-ntfs/ntfs), of the libfsntfs documentation (github.com/libyal/libfsntfs) and of
``<ntfs-3g/layout.h>``, whose names the comments use.  Every number may be a lie: what leaves its record or its volume
is an InvalidVolume.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from osdimage.imaging.errors import InvalidVolume

STANDARD_INFORMATION = 0x10
ATTRIBUTE_LIST = 0x20
FILE_NAME = 0x30
OBJECT_ID = 0x40
SECURITY_DESCRIPTOR = 0x50
VOLUME_INFORMATION = 0x70
DATA = 0x80
INDEX_ROOT = 0x90
INDEX_ALLOCATION = 0xA0
REPARSE_POINT = 0xC0
_END = 0xFFFFFFFF

COMPRESSION_MASK = 0x00FF
ENCRYPTED = 0x4000

# Update sequences protect blocks of 512 bytes, whatever the size of a sector is (NTFS_BLOCK_SIZE).
_BLOCK = 512
_MAX_CLUSTER = 2 << 20
_MAX_RECORD = 64 << 10
_RECORD_NUMBER = (1 << 48) - 1

_IN_USE = 0x0001
_IS_DIRECTORY = 0x0002


@dataclass(frozen=True, slots=True)
class BootSector:
    """What the first sector of a volume says (NTFS_BOOT_SECTOR)."""

    sector_bytes: int
    cluster_bytes: int
    record_bytes: int
    index_bytes: int
    clusters: int
    mft_cluster: int
    mirror_cluster: int

    @classmethod
    def from_bytes(cls, sector: bytes, volume_bytes: int) -> BootSector:
        """Parse the first 512 bytes of a volume for which there are ``volume_bytes`` bytes.

        Raises:
            InvalidVolume: when it is not an NTFS boot sector, or promises more than there is.
        """
        if len(sector) < _BLOCK or sector[3:11] != b"NTFS    ":
            raise InvalidVolume("this is not an NTFS volume: its first sector does not say so")
        sector_bytes, per_cluster = struct.unpack_from("<HB", sector, 11)
        sectors, mft_cluster, mirror_cluster = struct.unpack_from("<QQQ", sector, 40)
        record_code, index_code = struct.unpack_from("<b3xb", sector, 64)
        # Above 128 the byte is a negative power of two: clusters of more than 64 KiB.
        per_cluster = per_cluster if per_cluster <= 128 else 1 << min(256 - per_cluster, 32)
        cluster_bytes = sector_bytes * per_cluster
        if not _is_power(sector_bytes, 256, 4096) or not _is_power(cluster_bytes, 256, _MAX_CLUSTER):
            raise InvalidVolume(f"the boot sector is damaged: sectors of {sector_bytes}, clusters of {cluster_bytes}")
        record_bytes = _coded_size(record_code, cluster_bytes)
        index_bytes = _coded_size(index_code, cluster_bytes)
        for what, size in (("MFT", record_bytes), ("index", index_bytes)):
            if not _is_power(size, _BLOCK, _MAX_RECORD):
                raise InvalidVolume(f"the boot sector is damaged: {what} records of {size} bytes")
        if sectors * sector_bytes > volume_bytes:
            raise InvalidVolume(
                f"the volume says that it has {sectors * sector_bytes} bytes, but there are only {volume_bytes}"
            )
        clusters = sectors // per_cluster
        if not 0 < mft_cluster < clusters:
            raise InvalidVolume(f"the boot sector is damaged: the MFT at cluster {mft_cluster} of {clusters}")
        return cls(sector_bytes, cluster_bytes, record_bytes, index_bytes, clusters, mft_cluster, mirror_cluster)


def _is_power(value: int, low: int, high: int) -> bool:
    return low <= value <= high and value & (value - 1) == 0


def _coded_size(code: int, cluster_bytes: int) -> int:
    """Return a size that is stored as a number of clusters or as a negative power of two."""
    return 1 << min(-code, 32) if code < 0 else code * cluster_bytes


class Attribute(NamedTuple):
    """An attribute, or a part of one (ATTR_RECORD).  A tuple, because a volume has some million.

    Attributes:
        kind: its type, such as :data:`DATA`.
        name: its name, empty for most.
        instance: its number within the record.
        flags: whether its data is compressed, encrypted, sparse.
        value: its value, or None when that lies in clusters; the rest then says where.
        first_vcn: the first cluster, counted from the begin of the value, that this part describes.
        last_vcn: the last one.
        unit_log: how many clusters are compressed together, as a power of two, or 0.
        size: bytes of the value; in the first part only.
        initialized: bytes that were ever written; the rest reads as zeros.
        runs: the mapping pairs, to be read with :func:`decode_runs`.
    """

    kind: int
    name: str
    instance: int
    flags: int
    value: bytes | None
    first_vcn: int = 0
    last_vcn: int = -1
    unit_log: int = 0
    size: int = 0
    initialized: int = 0
    runs: bytes = b""


class MftRecord(NamedTuple):
    """A record that is in use (MFT_RECORD).

    Attributes:
        number: its place in the MFT.
        sequence: how often the place was used.
        is_directory: whether it is one.
        base: the number of the record that this one continues, or None.
        base_sequence: that record's sequence number.
        attributes: in the order of the record.
    """

    number: int
    sequence: int
    is_directory: bool
    base: int | None
    base_sequence: int
    attributes: list[Attribute]


class Reference(NamedTuple):
    """The number of a record and how often its place was used by then (MFT_REF)."""

    number: int
    sequence: int

    @classmethod
    def from_int(cls, value: int) -> Reference:
        """Take the stored number apart."""
        return cls(value & _RECORD_NUMBER, value >> 48)


_HEADER = struct.Struct("<4sHHQHHHHIIQ")
_ATTRIBUTE = struct.Struct("<IIBBHHH")
_RESIDENT = struct.Struct("<IH")
_MAPPED = struct.Struct("<qqHB5xqqq")


def undo_fixups(block: bytes, what: str, magic: bytes) -> bytearray:
    """Return a record or index block with the last two bytes of each 512 put back (the update sequence array).

    Raises:
        InvalidVolume: when they are not what the array says: the block was not written whole.
    """
    result = bytearray(block)
    found, at, count = struct.unpack_from("<4sHH", block)
    if found != magic:
        raise InvalidVolume(f"{what} is damaged: it begins with {found!r}")
    blocks = len(block) // _BLOCK
    if count != blocks + 1 or at + 2 * count > len(block):
        raise InvalidVolume(f"{what} is damaged: its update sequence has {count} numbers at byte {at}")
    check = block[at : at + 2]
    for number in range(1, count):
        end = number * _BLOCK
        if block[end - 2 : end] != check:
            raise InvalidVolume(f"{what} was not written whole: the update sequence of its block {number} differs")
        result[end - 2 : end] = block[at + 2 * number : at + 2 * number + 2]
    return result


def parse_record(block: bytes, number: int, kinds: frozenset[int]) -> MftRecord | None:
    """Parse a record of the MFT and those of its attributes that are of some kinds; None when it is not in use.

    Raises:
        InvalidVolume: when it contradicts itself.
    """
    if block[:4] != b"FILE":
        if block[:4] == b"BAAD":
            raise InvalidVolume(f"MFT record {number} is marked as damaged by a disk check")
        return None
    header = _HEADER.unpack_from(block)
    sequence, attributes_at, flags, used, base = header[4], header[6], header[7], header[8], header[10]
    if not flags & _IN_USE:
        return None
    record = bytes(undo_fixups(block, f"MFT record {number}", b"FILE"))
    # From version 3.1 of the file system on, a record knows its place; its update sequence is behind that field.
    if header[1] >= 48 and int.from_bytes(record[44:48], "little") != number & 0xFFFFFFFF:
        raise InvalidVolume(f"MFT record {number} says that it is another one")
    if not 42 <= attributes_at <= used <= len(record):
        raise InvalidVolume(f"MFT record {number} is damaged: attributes from {attributes_at} to {used}")
    attributes = list(_attributes(record, attributes_at, used, number, kinds))
    above = Reference.from_int(base) if base else None
    return MftRecord(
        number,
        sequence,
        bool(flags & _IS_DIRECTORY),
        above.number if above is not None else None,
        above.sequence if above is not None else 0,
        attributes,
    )


def _attributes(record: bytes, at: int, used: int, number: int, kinds: frozenset[int]) -> Iterator[Attribute]:
    while at + 4 <= used:
        if record[at : at + 4] == b"\xff\xff\xff\xff":
            return
        if at + 24 > used:
            break
        kind, length, is_mapped, name_length, name_at, flags, instance = _ATTRIBUTE.unpack_from(record, at)
        if length < 24 or length % 8 or at + length > used or name_at + 2 * name_length > length:
            break
        if kind in kinds:
            name = record[at + name_at : at + name_at + 2 * name_length] if name_length else b""
            head = (kind, name.decode("utf-16-le", "surrogatepass"), instance, flags)
            body = record[at : at + length]
            yield _mapped(body, head, number) if is_mapped else _resident(body, head, number)
        at += length
    raise InvalidVolume(f"MFT record {number} is damaged: the attribute at byte {at}")


_Head = tuple[int, str, int, int]


def _resident(body: bytes, head: _Head, number: int) -> Attribute:
    size, at = _RESIDENT.unpack_from(body, 16)
    if at + size > len(body):
        raise InvalidVolume(f"MFT record {number} is damaged: the value of attribute {head[0]:#x} leaves it")
    return Attribute(*head, body[at : at + size], size=size, initialized=size)


def _mapped(body: bytes, head: _Head, number: int) -> Attribute:
    if len(body) < 64:
        raise InvalidVolume(f"MFT record {number} is damaged: attribute {head[0]:#x} has only {len(body)} bytes")
    first, last, runs_at, unit_log, allocated, size, initialized = _MAPPED.unpack_from(body, 16)
    # Only the first part has sizes.
    if first:
        size = initialized = allocated = 0
    is_sound = first >= 0 and last >= first - 1 and 0 <= initialized <= size and allocated >= 0
    if not is_sound or runs_at > len(body) or unit_log > 16 or (first and last < first):
        raise InvalidVolume(f"MFT record {number} is damaged: attribute {head[0]:#x} has impossible sizes")
    return Attribute(*head, None, first, last, unit_log, size, initialized, body[runs_at:])


class Run(NamedTuple):
    """Clusters that lie together; ``cluster`` is None for a hole."""

    cluster: int | None
    clusters: int


def decode_runs(attribute: Attribute, clusters: int) -> Iterator[Run]:
    """Yield the runs of one part of an attribute (mapping pairs), on a volume with so many clusters.

    Raises:
        InvalidVolume: when they leave the volume, or are not as many clusters as the part has.
    """
    data = attribute.runs
    at, cluster, left = 0, 0, attribute.last_vcn - attribute.first_vcn + 1
    while at < len(data) and data[at]:
        count_bytes, offset_bytes = data[at] & 0x0F, data[at] >> 4
        end = at + 1 + count_bytes + offset_bytes
        if not 1 <= count_bytes <= 8 or offset_bytes > 8 or end > len(data):
            raise InvalidVolume(f"the runs of attribute {attribute.kind:#x} are damaged at byte {at}")
        count = int.from_bytes(data[at + 1 : at + 1 + count_bytes], "little", signed=True)
        if not 0 < count <= left:
            raise InvalidVolume(f"a run of {count} clusters, where {left} are left of attribute {attribute.kind:#x}")
        if offset_bytes == 0:
            yield Run(None, count)
        else:
            cluster += int.from_bytes(data[at + 1 + count_bytes : end], "little", signed=True)
            if cluster < 0 or cluster + count > clusters:
                raise InvalidVolume(f"a run at clusters {cluster} to {cluster + count - 1} of {clusters}")
            yield Run(cluster, count)
        left -= count
        at = end
    if left:
        raise InvalidVolume(f"the runs of attribute {attribute.kind:#x} end {left} clusters early")


class ListedPart(NamedTuple):
    """A line of an attribute list (ATTR_LIST_ENTRY): which record holds which attribute."""

    kind: int
    instance: int
    record: Reference


def parse_attribute_list(value: bytes, number: int) -> list[ListedPart]:
    """Parse the value of an attribute list.

    Raises:
        InvalidVolume: when it is damaged.
    """
    parts, at = [], 0
    while at + 26 <= len(value):
        kind, length = struct.unpack_from("<IH", value, at)
        reference, instance = struct.unpack_from("<QH", value, at + 16)
        if kind in {0, _END}:
            break
        if length < 26 or length % 8 or at + length > len(value):
            raise InvalidVolume(f"the attribute list of MFT record {number} is damaged at byte {at}")
        parts.append(ListedPart(kind, instance, Reference.from_int(reference)))
        at += length
    return parts
