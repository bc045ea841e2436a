"""Making a resource of a WIM from bytes, with libwim's compressors."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.runtime import Compression
from osdimage.native.status import call

_LARGEST_OF_SMALL_OFFSETS = 0xFFFFFFFF


def make_resource(data: bytes, compression: Compression, chunk_size: int, level: int) -> tuple[bytes, bool]:
    """Return the bytes of a resource that is not solid, and whether they are compressed; they are if that is shorter.

    Format: a table of the offsets of all chunks but the first, behind it the chunks; one that does not shrink is stored
    as it is ("Windows Imaging File Format", and wimlib's ``resource.c``).

    Args:
        data: the contents.
        compression: of the WIM.
        chunk_size: of the WIM, in bytes.
        level: libwim's compression level, 0 for its default.
    """
    if compression is Compression.NONE or not data:
        return data, False
    chunks = [memoryview(data)[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
    compressor = _Compressor(compression, chunk_size, level)
    with ThreadPoolExecutor(min(len(chunks), len(os.sched_getaffinity(0)))) as pool:
        stored = list(pool.map(compressor.compress, chunks))
    entry = "I" if len(data) <= _LARGEST_OF_SMALL_OFFSETS else "Q"
    offsets, position = [], 0
    for chunk in stored[:-1]:
        position += len(chunk)
        offsets.append(position)
    made = struct.pack(f"<{len(offsets)}{entry}", *offsets) + b"".join(stored)
    return (made, True) if len(made) < len(data) else (data, False)


class _Compressor:
    """Compresses chunks, in several threads; a compressor of libwim can be used by one at a time."""

    def __init__(self, compression: Compression, chunk_size: int, level: int) -> None:
        self._facts = (compression.value, chunk_size, level)
        self._local = threading.local()

    def compress(self, chunk: memoryview) -> bytes:
        """Return a chunk as it is stored."""
        room = self._room(len(chunk))
        # One byte less: what does not shrink is stored as it is.
        size = lib.wimlib_compress(ffi.from_buffer(chunk), len(chunk), room, len(chunk) - 1, self._mine())
        return bytes(ffi.buffer(room, size)) if size else bytes(chunk)

    def size_of(self, chunk: memoryview) -> int:
        """Return how many bytes a chunk takes."""
        room = self._room(len(chunk))
        size = lib.wimlib_compress(ffi.from_buffer(chunk), len(chunk), room, len(chunk) - 1, self._mine())
        return int(size) or len(chunk)

    def _mine(self) -> Any:
        if not hasattr(self._local, "compressor"):
            owner = ffi.new("struct wimlib_compressor **")
            call(lib.wimlib_create_compressor, *self._facts, owner)
            self._local.compressor = ffi.gc(owner[0], lib.wimlib_free_compressor)
        return self._local.compressor

    def _room(self, size: int) -> Any:
        if getattr(self._local, "size", -1) < size:
            self._local.room, self._local.size = ffi.new("uint8_t[]", size), size
        return self._local.room


def stored_size(
    pieces: Iterable[memoryview], size: int, compression: Compression, chunk_size: int, level: int, *, most: int
) -> int:
    """Return how large the resource of :func:`make_resource` would be, in bytes, without keeping any of it.

    Args:
        pieces: the contents; each is used before the next is asked for.
        size: of all of them, in bytes.
        compression: of the WIM.
        chunk_size: of the WIM, in bytes.
        level: libwim's compression level, 0 for its default.
        most: the work ends when it is more than this, and some number above it is returned.
    """
    compressor = _Compressor(compression, chunk_size, level)
    found = (-(-size // chunk_size) - 1) * (4 if size <= _LARGEST_OF_SMALL_OFFSETS else 8)
    rest = bytearray()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for piece in chain(pieces, (None,)):
            whole = len(rest) if piece is None else (len(rest) + len(piece)) // chunk_size * chunk_size
            rest += b"" if piece is None else piece
            data, rest = memoryview(bytes(rest[:whole])), rest[whole:]
            chunks = [data[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
            found += sum(pool.map(compressor.size_of, chunks))
            if found > most:
                break
    return min(found, size)
