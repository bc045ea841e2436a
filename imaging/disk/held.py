"""What a partition holds, and the label that people gave it; read only as far as that needs, whatever the bytes say."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osdimage.imaging.disk import roles, signatures
from osdimage.imaging.disk.content import FATS, UNKNOWN, Content
from osdimage.imaging.disk.fat_label import fat_label
from osdimage.imaging.disk.fat_width import cluster_bytes
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.units import Extent, Lba

if TYPE_CHECKING:
    from osdimage.imaging.disk.bitlocker.facts import Encryption

_MAX_RECORD = 65536
_VOLUME_RECORD = 3
"""The number of $Volume in the MFT of every NTFS (Microsoft, "Master File Table")."""
_VOLUME_NAME = 0x60
_END = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """What a partition holds.

    Attributes:
        kind: what was recognised; None when nothing was.
        label: the volume label, or None when there is none or it is not known for this kind.
        encryption: how it is encrypted, when it is.
        cluster_size: of FAT12 and FAT16, in bytes: with the size, it decides which of the two a volume is.
        is_unknown: whether its first bytes are no zeros, and yet nothing was recognised: it is not empty.
    """

    kind: Content | None = None
    label: str | None = None
    encryption: Encryption | None = None
    cluster_size: int | None = None
    is_unknown: bool = False

    @property
    def said(self) -> str | None:
        """What it holds, in words, and what reads that; None of what is empty as far as was looked."""
        if self.kind is None:
            return UNKNOWN if self.is_unknown else None
        return self.kind.explained


def volumes(target: BlockTarget, table: PartitionTable) -> Iterator[tuple[Partition, VolumeInfo]]:
    """Yield every partition that lies on the disk, but an extended one, with what it holds.

    Raises:
        StorageError: when the disk cannot be read.
    """
    whole = Extent(Lba(0), target.geometry.sectors)
    for partition in table.partitions:
        if not partition.is_extended and whole.contains(partition.extent):
            found = look_at(target.window(partition.extent))
            told = None if found.kind is not None else roles.told_by_type(partition.type_id)
            if told is not None:
                found = replace(found, kind=told, is_unknown=False)
            yield partition, found


def protected(volume: VolumeInfo) -> str:
    """Return what opens an encrypted volume, for the end of a sentence that says that it will be lost; else nothing."""
    if volume.encryption is None:
        return ""
    opened_by = volume.encryption.opened_by
    return ", encrypted by BitLocker" + (f"; what opens it: {opened_by}" if opened_by else "")


def look_at(volume: BlockTarget) -> VolumeInfo:
    """Recognise a volume and read its label."""
    head = volume.read_at(0, min(signatures.HEAD_BYTES, volume.geometry.size_bytes))
    kind = signatures.content_of(head)
    if kind is None:
        return VolumeInfo(is_unknown=any(head))
    if kind is Content.BITLOCKER:
        from osdimage.imaging.disk.bitlocker.facts import look_at_encryption  # noqa: PLC0415 - few have any

        return VolumeInfo(kind, encryption=look_at_encryption(volume)[0])
    label: str | None = None
    cluster_size: int | None = None
    if kind in FATS:
        cluster_size = None if kind is Content.FAT32 else cluster_bytes(head) or None
        label = fat_label(volume, head, is_fat32=kind is Content.FAT32)
    elif kind is Content.NTFS:
        label = _ntfs_label(volume, head)
    elif kind is Content.EXT:
        label = head[1024 + 120 : 1024 + 136].split(b"\0", 1)[0].decode("utf-8", "replace")
    return VolumeInfo(kind, label or None, cluster_size=cluster_size)


def _ntfs_label(volume: BlockTarget, head: bytes) -> str | None:
    """Return the $VOLUME_NAME attribute of record 3 of the MFT, or None when it is not where it must be."""
    sector_bytes, per_cluster = struct.unpack_from("<HB", head, 11)
    first_cluster, record_code = struct.unpack_from("<Q", head, 48)[0], struct.unpack_from("<b", head, 64)[0]
    # Above 128 the byte is a negative power of two (clusters of 64 KiB and more).
    cluster = sector_bytes * (per_cluster if per_cluster <= 128 else 1 << (256 - per_cluster & 31))
    record_bytes = 1 << -record_code if -17 < record_code < 0 else record_code * cluster
    if not 256 <= record_bytes <= _MAX_RECORD or cluster == 0:
        return None
    try:
        record = bytearray(volume.read_at(first_cluster * cluster + _VOLUME_RECORD * record_bytes, record_bytes))
    except OsdImageError:
        return None
    return _volume_name(record) if record[:4] == b"FILE" else None


def _volume_name(record: bytearray) -> str | None:
    fixups_at, fixups = struct.unpack_from("<HH", record, 4)
    # The last two bytes of every 512 are kept in the fix-up array and replaced by a check number.
    for index in range(1, fixups):
        end, kept = index * 512, fixups_at + 2 * index
        if end > len(record) or kept + 2 > len(record):
            break
        record[end - 2 : end] = record[kept : kept + 2]
    at = struct.unpack_from("<H", record, 20)[0]
    while at + 24 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == _END or length < 24:
            return None
        if kind == _VOLUME_NAME:
            size, offset = struct.unpack_from("<IH", record, at + 16)
            name = bytes(record[at + offset : at + offset + min(size, 256)])
            return name.decode("utf-16-le", "surrogatepass") if size % 2 == 0 else None
        at += length
    return None
