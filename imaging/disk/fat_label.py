"""The label of a FAT volume: that of the root directory, or else that of the boot sector.

Formatters write it into both, and programs that change it later often into the root only, which is where Windows looks
(Microsoft, fatgen103, "Volume label"; Windows-driver-samples, fastfat).  The room ``volume`` reads such volumes whole;
here is only what the label needs, and nothing of it is believed: what does not fit ends the search.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import OsdImageError

_ENTRY_BYTES = 32
_LABEL_BYTES = 11
_LARGEST_ROOT = 65_536 * _ENTRY_BYTES
_ATTRIBUTE_MASK, _LONG_NAME, _VOLUME_ID, _DIRECTORY = 0x3F, 0x0F, 0x08, 0x10
_END, _ERASED, _STANDS_FOR_E5 = 0x00, 0xE5, 0x05
_NO_NAME = "NO NAME"
_FAT32_LABEL_AT, _FAT16_LABEL_AT = 71, 43
_FIRST_END_MARK, _FAT32_ENTRY_MASK = 0x0FFFFFF8, 0x0FFFFFFF
# BPB_BytsPerSec, SecPerClus, RsvdSecCnt, NumFATs, RootEntCnt; FATSz16; FATSz32; RootClus.
_BPB = struct.Struct("<HBHBH")
_BPB_AT, _FAT_SIZE_16_AT, _FAT_SIZE_32_AT, _ROOT_AT = 11, 22, 36, 44


def fat_label(volume: BlockTarget, head: bytes, *, is_fat32: bool) -> str | None:
    """Return the label, or None when there is none.

    Args:
        volume: the window.
        head: its first sector.
        is_fat32: whether it is FAT32, and not FAT12 or FAT16.
    """
    at = _FAT32_LABEL_AT if is_fat32 else _FAT16_LABEL_AT
    stored = _in_root(volume, head, is_fat32=is_fat32)
    if stored is not None:
        return _text(stored)
    found = _text(head[at : at + _LABEL_BYTES])
    return None if found == _NO_NAME else found


def _text(stored: bytes) -> str | None:
    if stored[:1] == bytes([_STANDS_FOR_E5]):
        stored = bytes([_ERASED]) + stored[1:]
    return stored.replace(b"\0", b" ").decode("cp437").rstrip(" ") or None


def _in_root(volume: BlockTarget, head: bytes, *, is_fat32: bool) -> bytes | None:
    """Return the 11 bytes of the entry of the root directory that is the label, or None when there is none."""
    try:
        for piece in _root(volume, head, is_fat32=is_fat32):
            for at in range(0, len(piece) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                attributes = piece[at + _LABEL_BYTES] & _ATTRIBUTE_MASK
                if piece[at] == _END:
                    return None
                is_label = attributes & (_VOLUME_ID | _DIRECTORY) == _VOLUME_ID and attributes != _LONG_NAME
                if is_label and piece[at] != _ERASED:
                    return piece[at : at + _LABEL_BYTES]
    except OsdImageError:
        # It leads out of the volume, or cannot be read: the boot sector has a label, too.
        return None
    return None


def _root(volume: BlockTarget, head: bytes, *, is_fat32: bool) -> Iterator[bytes]:
    """Yield the root directory: a region of its own, or on FAT32 a chain of clusters."""
    sector, per_cluster, reserved, fats, entries = _BPB.unpack_from(head, _BPB_AT)
    if not is_fat32:
        (fat_sectors,) = struct.unpack_from("<H", head, _FAT_SIZE_16_AT)
        yield volume.read_at((reserved + fats * fat_sectors) * sector, entries * _ENTRY_BYTES)
        return
    fat_sectors, cluster = (struct.unpack_from("<I", head, at)[0] for at in (_FAT_SIZE_32_AT, _ROOT_AT))
    data_at, size = (reserved + fats * fat_sectors) * sector, sector * per_cluster
    left = _LARGEST_ROOT
    while size and left > 0 and 2 <= cluster < _FIRST_END_MARK:
        yield volume.read_at(data_at + (cluster - 2) * size, size)
        left -= size
        entry = volume.read_at(reserved * sector + 4 * cluster, 4)
        cluster = int.from_bytes(entry, "little") & _FAT32_ENTRY_MASK
