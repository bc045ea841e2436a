"""The integrity table: a SHA-1 of each piece of a file, from behind its header to its XML."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from osdimage.imaging.units import MIB
from osdimage.imaging.wim.stored.format import HEADER_SIZE, INTEGRITY_STRUCT

CHUNK_BYTES = 10 * MIB
"""The size of a piece that every program uses."""
_HASH_BYTES = 20
_READ_BYTES = MIB


def size_of(end: int) -> int:
    """Return the size of the table of a file whose XML is at a place, in bytes."""
    return INTEGRITY_STRUCT.size + -(-(end - HEADER_SIZE) // CHUNK_BYTES) * _HASH_BYTES


def made(descriptor: int, end: int) -> bytes:
    """Return the table of a file whose XML is at a place.

    Raises:
        OSError: when the file cannot be read.
    """
    return _table(_hashes(descriptor, HEADER_SIZE, end, CHUNK_BYTES), CHUNK_BYTES)


def renewed(descriptor: int, table: bytes, begin: int, end: int) -> bytes:
    """Return the table of a file of which all from a place on is new; what is before it has a table.

    Raises:
        OSError: when the file cannot be read.
    """
    _, count, chunk = INTEGRITY_STRUCT.unpack_from(table)
    kept = min(count, (begin - HEADER_SIZE) // chunk)
    hashes = table[INTEGRITY_STRUCT.size : INTEGRITY_STRUCT.size + kept * _HASH_BYTES]
    return _table(hashes + _hashes(descriptor, HEADER_SIZE + kept * chunk, end, chunk), chunk)


def _table(hashes: bytes, chunk: int) -> bytes:
    return INTEGRITY_STRUCT.pack(INTEGRITY_STRUCT.size + len(hashes), len(hashes) // _HASH_BYTES, chunk) + hashes


def _hashes(descriptor: int, begin: int, end: int, chunk: int) -> bytes:
    def hash_at(at: int) -> bytes:
        digest = hashlib.sha1(usedforsecurity=False)
        stop = min(at + chunk, end)
        for position in range(at, stop, _READ_BYTES):
            digest.update(os.pread(descriptor, min(_READ_BYTES, stop - position), position))
        return digest.digest()

    # Reading and hashing both leave Python to other threads.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return b"".join(pool.map(hash_at, range(begin, end, chunk)))
