"""The version of a program, as Windows shows it: the fixed part of its resource with the version.

Source: Microsoft, "VS_VERSIONINFO structure" and "VS_FIXEDFILEINFO structure": the key ``VS_VERSION_INFO`` in UTF-16,
then, at the next multiple of four bytes, the signature FEEF04BD, the version of the structure, and the two halves of
the file's version.
"""

from __future__ import annotations

import struct

_KEY = "VS_VERSION_INFO\0".encode("utf-16-le")
_SIGNATURE = 0xFEEF04BD
_FIXED = struct.Struct("<IIII")
# The length, the length of the value and the type are before the key.
_HEAD_BYTES = 6


def fixed_version(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the version of a file, or None when it has none, or several that differ."""
    found: set[tuple[int, int, int, int]] = set()
    at = data.find(_KEY)
    while at >= 0:
        begin = at - _HEAD_BYTES
        value = begin + (_HEAD_BYTES + len(_KEY) + 3) // 4 * 4
        if begin >= 0 and value + _FIXED.size <= len(data):
            signature, _, high, low = _FIXED.unpack_from(data, value)
            if signature == _SIGNATURE:
                found.add((high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF))
        at = data.find(_KEY, at + 2)
    return found.pop() if len(found) == 1 else None
