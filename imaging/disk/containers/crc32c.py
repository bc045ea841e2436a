"""CRC-32C, the Castagnoli polynomial: of VHDX, iSCSI and ext4, and not in Python's library.

Source: RFC 3720, appendix B.4, which has the values that tests compare with.
"""

from __future__ import annotations

from functools import cache

_POLYNOMIAL = 0x82F63B78
"""Reversed: the lowest bit is the highest power."""


@cache
def _table() -> tuple[int, ...]:
    rows = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901 - it is shifted out
        rows.append(value)
    return tuple(rows)


def crc32c(data: bytes) -> int:
    """Return the checksum of bytes; a MiB takes a tenth of a second."""
    table = _table()
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
