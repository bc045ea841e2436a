"""Sequential, bounded reading of one resource of a WIM file; the Python face of ``resource.c``."""

from __future__ import annotations

import os
from collections.abc import Iterator

from osdimage.native._wimlib import ffi, lib
from osdimage.native.library import Compression
from osdimage.native.tree import Blob

# Few enough calls for large blobs, small enough to stay in the processor's cache.
_PIECE = 1 << 20


class ResourceReader:
    """Reads resources from a file descriptor that the caller keeps open.  One thread at a time; close when done."""

    def __init__(self, descriptor: int, compression: Compression, chunk_size: int) -> None:
        """Prepare to read resources of a WIM with this compression and chunk size (bytes)."""
        reader = lib.osd_reader_new(descriptor)
        if reader == ffi.NULL:
            raise MemoryError
        self._reader = ffi.gc(reader, lib.osd_reader_free)
        self._compression = compression
        self._chunk_size = chunk_size
        self._buffer = bytearray(_PIECE)

    def close(self) -> None:
        """Free the buffers and the decompressor."""
        self._buffer = bytearray()
        ffi.release(self._reader)

    def pieces(self, blob: Blob) -> Iterator[memoryview]:
        """Yield the contents of the resource that holds a blob, piece by piece.

        Each piece is valid until the next is asked for.

        Raises:
            OSError: EBADMSG when the contents cannot be decompressed, ENODATA when the file ends before the resource,
                or the error of the read.
        """
        code = lib.osd_reader_begin(
            self._reader,
            blob.resource_offset,
            blob.resource_stored_size,
            blob.resource_size,
            blob.is_compressed,
            blob.is_solid,
            self._compression.value,
            self._chunk_size,
        )
        if code != 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        wanted = max(_PIECE, lib.osd_reader_piece(self._reader))
        if len(self._buffer) != wanted:
            self._buffer = bytearray(wanted)
        view = memoryview(self._buffer)
        target = ffi.from_buffer("uint8_t[]", self._buffer)
        while True:
            count = lib.osd_reader_next(self._reader, target, wanted)
            if count < 0:
                raise OSError(ffi.errno, os.strerror(ffi.errno))
            if count == 0:
                return
            yield view[:count]
