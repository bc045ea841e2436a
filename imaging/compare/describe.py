"""Facts of files in a few words, to be put side by side."""

from __future__ import annotations

import hashlib
import struct
from datetime import timedelta

from osdimage.imaging.attributes import attribute_names
from osdimage.imaging.filetime import FILETIME_EPOCH

# 1 January 10000, which datetime does not have.
_END_OF_DATES = 2_650_467_744_000_000_000


def attributes(bits: int) -> str:
    """Return the names of file attributes."""
    return ", ".join(attribute_names(bits)) or "none"


def moment(ticks: int) -> str:
    """Return a time that is counted in 100 ns since 1601, to its last digit."""
    if not 0 <= ticks < _END_OF_DATES:
        return f"{ticks} (100 ns since 1601)"
    seconds, rest = divmod(ticks, 10_000_000)
    # Of a hundred thousand files each has three, and strftime takes ten times as long.
    return f"{(FILETIME_EPOCH + timedelta(seconds=seconds)).isoformat(' ')[:19]}.{rest:07d} UTC"


def size(count: int) -> str:
    """Return a number of bytes."""
    return "1 byte" if count == 1 else f"{count:,} bytes"


def sha1(digest: bytes) -> str:
    """Return a SHA-1."""
    return f"SHA-1 {digest.hex()}"


def value(data: bytes | None) -> str | None:
    """Return a short value in hexadecimal digits, a longer one by its size and hash."""
    if data is None:
        return None
    if len(data) <= 16:
        return data.hex()
    return f"{size(len(data))}, {sha1(hashlib.sha1(data, usedforsecurity=False).digest())}"


def reparse(buffer: bytes) -> str:
    """Return the facts of a reparse buffer with its header of 8 bytes ([MS-FSCC] 2.1.2.2)."""
    (tag,) = struct.unpack_from("<I", buffer)
    return reparse_facts(tag, hashlib.sha1(buffer[8:], usedforsecurity=False).digest())


def reparse_facts(tag: int, digest: bytes) -> str:
    """Return the facts of a reparse point: its tag, and the SHA-1 of what is behind the header."""
    return f"tag {tag:#010x}, {sha1(digest)}"
