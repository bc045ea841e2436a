"""The store of security descriptors of an NTFS volume: the stream $SDS of $Secure.

It is a sequence of blocks of 256 KiB, each followed by a copy of itself.  A block holds entries, each at a multiple of
16 bytes: SECURITY_DESCRIPTOR_HEADER of ``<ntfs-3g/layout.h>`` (hash, id, its own offset, length), then the descriptor.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.errors import InvalidVolume

_BLOCK = 256 << 10
_HEADER = struct.Struct("<IIQI")
# A system has some thousand different descriptors, of some hundred bytes.
_MAX_STORE = 256 << 20


def read_descriptors(pieces: Iterator[bytes]) -> dict[int, bytes]:
    """Return the descriptors by their id.

    Raises:
        InvalidVolume: when one does not match its hash, or the store is too large to be true.
    """
    found: dict[int, bytes] = {}
    for start, block in _blocks(pieces):
        if start // _BLOCK % 2:
            continue
        at = 0
        while at + _HEADER.size <= len(block):
            checksum, number, offset, length = _HEADER.unpack_from(block, at)
            if offset != start + at or length < _HEADER.size or at + length > len(block):
                # The rest of the block is unused.
                break
            descriptor = block[at + _HEADER.size : at + length]
            if _hash(descriptor) != checksum:
                raise InvalidVolume(f"security descriptor {number} does not match its hash")
            found[number] = descriptor
            at += (length + 15) // 16 * 16
    return found


def _blocks(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    start, rest = 0, b""
    for piece in pieces:
        rest += piece
        while len(rest) >= _BLOCK:
            yield start, rest[:_BLOCK]
            start, rest = start + _BLOCK, rest[_BLOCK:]
            if start > _MAX_STORE:
                raise InvalidVolume(f"$Secure has more than {_MAX_STORE} bytes of security descriptors")
    if rest:
        yield start, rest


def _hash(descriptor: bytes) -> int:
    """Return the hash of a descriptor: each 32 bits are added to what was, rotated by 3 (libfsntfs, "$SDS")."""
    value = 0
    for (word,) in struct.iter_unpack("<I", descriptor[: len(descriptor) // 4 * 4]):
        value = (word + (value << 3 | value >> 29)) & 0xFFFFFFFF
    return value
