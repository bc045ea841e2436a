"""Reading the resources of a WIM file, bounded and in order; the Python face of ``resource.c`` and ``blob_table.c``."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Container, Iterable, Iterator
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Blob

# Few enough calls for large blobs, small enough to stay in the processor's cache.
_PIECE = 1 << 20
BATCH_BYTES = _PIECE
"""How many bytes of small blobs are read at once."""
DAMAGE = frozenset({errno.EBADMSG, errno.ENODATA})
"""What reading says of damaged contents; every other number is the medium's fault."""

# struct osd_blob in blob_table.h.
_BLOB = struct.Struct("=5Q20s2HI4B")


class BlobTable:
    """Every blob of a WIM file, in the order of the file; 72 bytes of memory each."""

    def __init__(self, *handles: WimHandle) -> None:
        """Collect the blobs of a WIM, or of several in their order; the handles are not needed afterwards."""
        self._table = ffi.gc(ffi.new("struct osd_blob_table *"), lib.osd_blob_table_release)
        for number, handle in enumerate(handles):
            first = self._table.count
            handle.collect_blobs(self._table)
            lib.osd_blob_table_number(self._table, first, number)
        self._settle()

    @classmethod
    def of(cls, *files: Iterable[Blob]) -> Self:
        """Make one of the blobs of each file, none of them in a solid resource.

        Raises:
            MemoryError: when there is not enough.
        """
        made = cls()
        entry = ffi.new("struct wimlib_resource_entry *")
        for number, blobs in enumerate(files):
            first = made._table.count
            for blob in blobs:
                entry.raw_resource_offset_in_wim = blob.resource_offset
                entry.raw_resource_compressed_size = blob.resource_stored_size
                entry.raw_resource_uncompressed_size = blob.resource_size
                entry.uncompressed_size = blob.size
                ffi.memmove(entry.sha1_hash, blob.sha1, len(blob.sha1))
                entry.part_number, entry.reference_count = blob.part_number, blob.references
                entry.is_metadata, entry.is_compressed = blob.is_metadata, blob.is_compressed
                if lib.osd_blob_table_add(entry, made._table) != 0:
                    raise MemoryError
            lib.osd_blob_table_number(made._table, first, number)
        made._settle()
        return made

    def _settle(self) -> None:
        lib.osd_blob_table_sort(self._table)
        size = self._table.count * _BLOB.size
        self._rows = memoryview(ffi.buffer(self._table.blobs, size)) if size else memoryview(b"")

    def __len__(self) -> int:
        """Return the number of blobs."""
        return int(self._table.count)

    def __getitem__(self, position: int) -> Blob:
        """Return one blob."""
        row = _BLOB.unpack_from(self._rows, position * _BLOB.size)
        return Blob(
            resource_offset=row[0],
            resource_stored_size=row[1],
            resource_size=row[2],
            offset_in_resource=row[3],
            size=row[4],
            sha1=row[5],
            part_number=row[6],
            references=row[8],
            is_metadata=bool(row[9]),
            is_compressed=bool(row[10]),
            is_solid=bool(row[11]),
        )

    def keep(self, wanted: Container[bytes], part_number: int) -> None:
        """Forget all but the files' blobs of a part that have a wanted SHA-1, each once."""
        kept: dict[bytes, int] = {}
        for position, row in enumerate(_BLOB.iter_unpack(self._rows)):
            sha1 = row[5]
            if sha1 in wanted and row[6] == part_number and not row[9]:
                kept.setdefault(sha1, position)
        size = _BLOB.size
        for number, position in enumerate(kept.values()):
            self._rows[number * size : (number + 1) * size] = self._rows[position * size : (position + 1) * size]
        self._table.count = len(kept)
        self._rows = self._rows[: len(kept) * size]

    def keep_hashes(self, wanted: Container[bytes]) -> None:
        """Forget all but the blobs that have a wanted SHA-1."""
        size, kept = _BLOB.size, 0
        for position, row in enumerate(_BLOB.iter_unpack(self._rows)):
            if row[5] in wanted:
                self._rows[kept * size : (kept + 1) * size] = self._rows[position * size : (position + 1) * size]
                kept += 1
        self._table.count = kept
        self._rows = self._rows[: kept * size]

    def keep_for(self, tree: Any) -> None:
        """Forget all but the blobs that a ``struct osd_tree`` needs, which was made with this table."""
        lib.osd_tree_keep_blobs(tree, self._table)
        self._rows = self._rows[: len(self) * _BLOB.size]

    def places(self) -> Iterator[tuple[int, int, bool]]:
        """Yield the offset of the resource, the size and whether it is solid, of every blob."""
        for row in _BLOB.iter_unpack(self._rows):
            yield row[0], row[4], bool(row[11])

    def shares(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        """Yield the SHA-1 of every blob with the number of the WIM that it is in, of several, and its size."""
        for row in _BLOB.iter_unpack(self._rows):
            yield row[5], (row[7], row[4])

    def of_files(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield the SHA-1, the size and the number of references of every blob that is not the tree of an image."""
        for row in _BLOB.iter_unpack(self._rows):
            if not row[9]:
                yield row[5], row[4], row[8]

    def sizes_and_hashes(self, first: int, count: int) -> list[tuple[int, bytes]]:
        """Return the size and the SHA-1 of some blobs."""
        rows = self._rows[first * _BLOB.size : (first + count) * _BLOB.size]
        return [(row[4], row[5]) for row in _BLOB.iter_unpack(rows)]

    @property
    def size(self) -> int:
        """The sizes of all blobs together, in bytes."""
        return int(lib.osd_blob_table_bytes(self._table))

    def file_of(self, position: int) -> int:
        """Return in which of several WIMs a blob is, counted from 0."""
        return int(self._table.blobs[position].file)

    def pointer(self, position: int) -> Any:
        """Return the ``struct osd_blob *`` of one blob."""
        return self._table.blobs + position


class ResourceReader:
    """Reads resources from a file descriptor that the caller keeps open.  One thread at a time; close when done."""

    def __init__(
        self, descriptor: int, compression: Compression, chunk_size: int, *, begin: int = 0, length: int = 0
    ) -> None:
        """Prepare to read resources of a WIM with this compression and chunk size (bytes).

        It is what the descriptor has from ``begin`` on, of which nothing beyond ``length`` bytes is read; 0 for all.
        """
        reader = lib.osd_reader_new(descriptor, begin, length)
        if reader == ffi.NULL:
            raise MemoryError
        self._reader = ffi.gc(reader, lib.osd_reader_free)
        self._compression = compression
        self._chunk_size = chunk_size
        self._buffer = bytearray(_PIECE)
        self._errors = ffi.new("int32_t[]", 0)

    def recover(self) -> None:
        """Yield zeros from now on for the chunks that cannot be read, in place of an error."""
        lib.osd_reader_recover(self._reader)

    @property
    def lost(self) -> int:
        """How many bytes the chunks have that could not be read whole, of the resource that was read last."""
        return int(lib.osd_reader_lost(self._reader))

    def close(self) -> None:
        """Free the buffers and the decompressor."""
        self._buffer = bytearray()
        ffi.release(self._reader)

    def batch(self, table: BlobTable, first: int, count: int) -> list[tuple[memoryview, int]]:
        """Read blobs one behind the other, as many of ``count`` as fit into the buffer and are not solid.

        Returns:
            The contents of each, valid until the next call, and 0 or the errno of reading it; nothing when the first
            blob is solid or large, and must be read with :meth:`pieces`.
        """
        self._resize(_PIECE)
        if len(self._errors) < count:
            self._errors = ffi.new("int32_t[]", count)
        taken = lib.osd_reader_batch(
            self._reader,
            table.pointer(first),
            count,
            self._compression.value,
            self._chunk_size,
            ffi.from_buffer("uint8_t[]", self._buffer),
            len(self._buffer),
            self._errors,
        )
        view = memoryview(self._buffer)
        found, position = [], 0
        for number, (size, _) in enumerate(table.sizes_and_hashes(first, taken)):
            found.append((view[position : position + size], self._errors[number]))
            position += size
        return found

    def _resize(self, size: int) -> None:
        if len(self._buffer) != size:
            self._buffer = bytearray(size)

    def pieces(self, blob: Blob) -> Iterator[memoryview]:
        """Yield the contents of the resource that holds a blob, piece by piece.

        Each piece is valid until the next is asked for.

        Raises:
            OSError: EBADMSG when the contents cannot be decompressed, ENODATA when the file ends before the resource,
                or the error of the read.
        """
        self._begin(blob)
        while count := self._next(max(_PIECE, lib.osd_reader_piece(self._reader))):
            yield memoryview(self._buffer)[:count]

    def parts(self, blob: Blob, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, memoryview]]:
        """Yield what is needed of the resource that holds a blob, each piece with where in the resource it begins.

        A piece is one chunk, of what is not compressed at most 1 MiB; it is valid until the next is asked for.  Chunks
        in which nothing is needed are not read, so that their damage is no matter.

        Args:
            blob: the blob.
            spans: what is needed: where it begins and ends in the resource, in the order of the begins.

        Raises:
            OSError: as :meth:`pieces`.
        """
        self._begin(blob)
        position = 0
        for begin, end in spans:
            if begin > position:
                position += lib.osd_reader_skip(self._reader, begin - position)
            while position < end:
                chunk = lib.osd_reader_piece(self._reader)
                count = self._next(chunk if chunk > 1 else min(_PIECE, end - position))
                if count == 0:
                    return
                yield position, memoryview(self._buffer)[:count]
                position += count

    def _begin(self, blob: Blob) -> None:
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

    def _next(self, wanted: int) -> int:
        """Read on into the buffer; return how many bytes, 0 at the end."""
        self._resize(wanted)
        count = int(lib.osd_reader_next(self._reader, ffi.from_buffer("uint8_t[]", self._buffer), wanted))
        if count < 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        return count
