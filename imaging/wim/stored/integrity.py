"""The integrity table: a SHA-1 of each piece of a file, from behind its header to its XML."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from osdimage.imaging.units import MIB
from osdimage.imaging.wim.placed.place import PlacedFile
from osdimage.imaging.wim.stored.format import HEADER_SIZE, INTEGRITY_STRUCT, Header
from osdimage.native.callbacks import Listener, Report, Stage
from osdimage.native.status import WimlibCode, WimlibError

CHUNK_BYTES = 10 * MIB
"""The size of a piece that every program uses."""
_HASH_BYTES = 20
_READ_BYTES = MIB
_COMPARING = "comparing with the integrity table"


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


def compare(file: PlacedFile, header: Header, listener: Listener | None) -> None:
    """Compare a WIM with its table, as libwim does with one that it can open; without a table do nothing.

    Raises:
        WimlibError: with the code of libwim, when they differ, or the table cannot be one.
        OSError: when it cannot be read.
    """
    where, end = header.integrity, header.blob_table.offset + header.blob_table.stored_size
    if not where.offset:
        return
    table = file.read(where.stored_size, where.offset)
    size, count, chunk = INTEGRITY_STRUCT.unpack(table[: INTEGRITY_STRUCT.size].ljust(INTEGRITY_STRUCT.size, b"\0"))
    total = end - HEADER_SIZE
    expected = INTEGRITY_STRUCT.size + count * _HASH_BYTES
    if total < 0 or size != expected or len(table) < expected or not chunk or count != -(-total // chunk):
        raise WimlibError(WimlibCode.INVALID_INTEGRITY_TABLE.value, _COMPARING)
    hashes = table[INTEGRITY_STRUCT.size : expected]
    for number in range(count):
        begin = HEADER_SIZE + number * chunk
        found = _hash(file, begin, min(begin + chunk, end))
        if found != hashes[number * _HASH_BYTES : (number + 1) * _HASH_BYTES]:
            raise WimlibError(WimlibCode.INTEGRITY.value, _COMPARING)
        if listener is not None:
            listener(Report(Stage.CHECK_INTEGRITY, min(begin + chunk, end) - HEADER_SIZE, total))


def _hash(file: PlacedFile, begin: int, end: int) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)
    for position in range(begin, end, _READ_BYTES):
        digest.update(file.read(min(_READ_BYTES, end - position), position))
    return digest.digest()


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
