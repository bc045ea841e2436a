"""The hash that guards the entries of a hive's transaction log: Marvin32 with one seed for all.

Source: "Windows registry file format specification", M. Suhanov, "Log entries".  The bytes of the seed that it prints
are those of a number, of which the low half comes first: no entry that Windows wrote fits when it is read otherwise.
"""

from __future__ import annotations

import struct
import sys
from array import array

_LOW, _HIGH = 0x7A4E55C5, 0x82EF4D88
_ALL = 0xFFFFFFFF
_END = b"\x80"


def marvin32(data: bytes | memoryview) -> bytes:
    """Return the hash of bytes, 8 bytes as they are stored."""
    low, high = _LOW, _HIGH
    whole = len(data) & ~3
    last = int.from_bytes(bytes(data[whole:]) + _END, "little")
    for words in (_words(data[:whole]), (last, 0)):
        for word in words:
            low = low + word & _ALL
            high ^= low
            low = (low << 20 | low >> 12) + high & _ALL
            high = (high << 9 | high >> 23) & _ALL ^ low
            low = (low << 27 | low >> 5) + high & _ALL
            high = (high << 19 | high >> 13) & _ALL
    return struct.pack("<II", low, high)


def _words(data: bytes | memoryview) -> memoryview | array[int]:
    """Return bytes as numbers of four bytes."""
    if sys.byteorder == "little":
        return memoryview(data).cast("B").cast("I")
    words = array("I", bytes(data))
    words.byteswap()
    return words
