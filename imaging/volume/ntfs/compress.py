"""LZNT1, the compression of NTFS ([MS-XCA] 2.5)."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidVolume

_CHUNK = 4096


def decompress(data: bytes, size: int) -> bytes:
    """Return ``size`` bytes: what ``data`` expands to, then zeros.

    Data is a sequence of chunks, each of at most 4096 bytes expanded; a header of zero ends it.

    Raises:
        InvalidVolume: when a chunk is damaged.
    """
    result = bytearray()
    at = 0
    while at + 2 <= len(data) and len(result) < size:
        header = int.from_bytes(data[at : at + 2], "little")
        if header == 0:
            break
        end = at + 2 + (header & 0x0FFF) + 1
        if end > len(data):
            raise InvalidVolume("compressed data is damaged: a chunk leaves its unit")
        # A chunk begins at a multiple of 4096, however short the one before it was.
        result += bytes(-len(result) % _CHUNK)
        if header & 0x8000:
            result += _expand(data[at + 2 : end])
        else:
            result += data[at + 2 : end]
        at = end
    del result[size:]
    return bytes(result) + bytes(size - len(result))


def _expand(chunk: bytes) -> bytearray:
    """Expand a chunk: flag bytes, each followed by eight literals or back references."""
    out = bytearray()
    at, end = 0, len(chunk)
    # The further the chunk is expanded, the more bits of a reference are its distance.
    length_bits, limit = 12, 16
    while at < end:
        flags = chunk[at]
        at += 1
        if flags == 0:
            out += chunk[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end:
                break
            if not flags >> bit & 1:
                out.append(chunk[at])
                at += 1
                continue
            if at + 2 > end:
                raise InvalidVolume("compressed data is damaged: a reference is cut off")
            pair = chunk[at] | chunk[at + 1] << 8
            at += 2
            position = len(out)
            while position > limit:
                limit <<= 1
                length_bits -= 1
            distance = (pair >> length_bits) + 1
            length = (pair & ((1 << length_bits) - 1)) + 3
            if distance > position or position + length > _CHUNK:
                raise InvalidVolume("compressed data is damaged: a reference leaves its chunk")
            out += _repeat(out, distance, length)
    if len(out) > _CHUNK:
        raise InvalidVolume("compressed data is damaged: a chunk is longer than 4096 bytes")
    return out


def _repeat(out: bytearray, distance: int, length: int) -> bytes:
    """Return ``length`` bytes from ``distance`` back; they may overlap those that are being made."""
    start = len(out) - distance
    if distance >= length:
        return bytes(out[start : start + length])
    pattern = bytes(out[start:])
    return (pattern * (length // distance + 1))[:length]
