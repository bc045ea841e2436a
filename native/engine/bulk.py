"""Filling an NTFS volume that was just formatted; the Python face of ``bulk.h``, which has the order of the steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.engine.arrays import StrippedTree, Tree
from osdimage.native.runtime import Compression
from osdimage.native.slices.sources import Source

# FILE_ATTRIBUTE_* of folders, and of files that are sparse, reparse points, compressed or encrypted.
_STORED_ODDLY = 0x10 | 0x200 | 0x400 | 0x800 | 0x4000
# No cluster is saved of what has this size: whatever the volume, its clusters have so many bytes at least.
_SMALLEST = 512


class Obstacle(Enum):
    """Why a volume is not filled in this way."""

    TOO_SMALL = lib.OSD_BULK_TOO_SMALL
    PERHAPS_TOO_SMALL = lib.OSD_BULK_PERHAPS_TOO_SMALL
    NOT_NEW = lib.OSD_BULK_NOT_NEW
    DAMAGED_TREE = lib.OSD_BULK_DAMAGED_TREE
    ELSEWHERE = lib.OSD_BULK_ELSEWHERE
    ENCRYPTED = lib.OSD_BULK_ENCRYPTED
    REPARSE_TAG = lib.OSD_BULK_REPARSE_TAG
    REPARSE_SIZE = lib.OSD_BULK_REPARSE_SIZE
    DESCRIPTOR = lib.OSD_BULK_DESCRIPTOR
    TWINS = lib.OSD_BULK_TWINS
    SYSTEM_NAME = lib.OSD_BULK_SYSTEM_NAME
    OBJECT_ID = lib.OSD_BULK_OBJECT_ID
    MANY_NAMES = lib.OSD_BULK_MANY_NAMES
    LARGE_SPARSE = lib.OSD_BULK_LARGE_SPARSE


@dataclass(frozen=True, slots=True)
class Compacting:
    """How files are compressed as a whole.

    Attributes:
        algorithm: FILE_PROVIDER_COMPRESSION_* of wofapi.h.
        chunk_size: in bytes.
        kind: of the compression.
        level: of libwim's compressor.
    """

    algorithm: int
    chunk_size: int
    kind: Compression
    level: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and what of the image is the reason.

    Attributes:
        obstacle: the reason.
        path: of the file that it is about, separated by ``/``, or None.
        needed: with :attr:`Obstacle.TOO_SMALL`, how many bytes are needed,
        available: and how many the volume has.
    """

    obstacle: Obstacle
    path: str | None
    needed: int
    available: int


def is_new(source: Source, begin: int, length: int) -> bool:
    """Tell whether an NTFS volume is as it was formatted: what it holds, not how it was made, is asked.

    Args:
        source: where it lies.
        begin: its first byte there.
        length: its size in bytes.

    Raises:
        OSError: when it cannot be read.
    """
    found = lib.osd_fresh_is_new(source.handle, begin, length)
    if found < 0:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    return bool(found)


class BulkFill:
    """A new volume that is filled.  Close it in any case."""

    def __init__(self, tree: Tree | StrippedTree, *, more: int, stamp: int) -> None:
        """Make it, of a tree.

        Args:
            tree: what is written.
            more: of how many streams the contents are not in blobs of the tree; see :meth:`put`.
            stamp: the time of the change of all records, in 100 ns since 1601.

        Raises:
            MemoryError: without memory.
        """
        bulk = lib.osd_bulk_new(tree.pointer, more, stamp)
        if bulk == ffi.NULL:
            raise MemoryError
        # The tree is read until the end.
        self._tree = tree
        self._bulk = ffi.gc(bulk, lib.osd_bulk_free)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Free all of it."""
        ffi.release(self._bulk)

    def allow_tags(self) -> None:
        """Allow reparse points of all kinds of Microsoft, none of which has contents beside its data."""
        lib.osd_bulk_allow_tags(self._bulk)

    def compact(self, how: Compacting, stays_plain: Callable[[str], bool]) -> None:
        """Compress files as a whole, each of which gets fewer clusters so; to be called before :meth:`plan`.

        Args:
            how: in which way.
            stays_plain: tells of the path of a file, separated by ``/``, that it shall not be.

        Raises:
            OSError: without memory.
        """
        tree = self._tree.pointer
        wanted = bytearray(tree.inode_count)
        for number in range(tree.inode_count):
            inode = tree.inodes[number]
            if not inode.attributes & _STORED_ODDLY and tree.streams[inode.first_stream].size > _SMALLEST:
                wanted[number] = not any(map(stays_plain, self._paths(inode.first_link)))
        options = ffi.new("struct osd_compacting *", (how.algorithm, how.chunk_size, how.kind.value, how.level))
        _check(lib.osd_bulk_compact(self._bulk, ffi.from_buffer(wanted), options))

    def _paths(self, entry: int) -> Iterator[str]:
        """Yield the paths of all names of a file."""
        while entry != lib.OSD_NONE:
            yield self._tree.path(entry)
            entry = self._tree.pointer.entries[entry].next_link

    def compacted(self) -> tuple[int, int, int]:
        """Return how many files were compressed, and bytes of their clusters as they would be and as they are."""
        found = lib.osd_bulk_compacted(self._bulk)
        return int(found.files), int(found.size), int(found.stored)

    @property
    def sink(self) -> Any:
        """The ``struct osd_sink *`` that takes the contents of the tree's blobs."""
        return ffi.addressof(self._bulk, "sink")

    def plan(self, source: Source, begin: int, length: int) -> Refusal | None:
        """See whether a volume can be filled, and plan it; nothing is written.

        Args:
            source: where it lies.
            begin: its first byte there.
            length: its size in bytes.

        Returns:
            Why it cannot, or None.

        Raises:
            OSError: when it cannot be read, or there is no memory.
        """
        _check(lib.osd_bulk_plan(self._bulk, source.handle, begin, length))
        return self._refusal()

    def check(self) -> Refusal | None:
        """See whether the tree is one that a new volume can be filled with, whatever volume that is; see :meth:`plan`.

        Raises:
            OSError: without memory.
        """
        _check(lib.osd_bulk_check(self._bulk))
        return self._refusal()

    def _refusal(self) -> Refusal | None:
        if self._bulk.reason == lib.OSD_BULK_CAN:
            return None
        entry = self._bulk.reason_entry
        return Refusal(
            Obstacle(self._bulk.reason),
            None if entry == lib.OSD_NONE else self._tree.path(entry),
            int(self._bulk.needed),
            int(self._bulk.available),
        )

    def begin(self, *, sync: bool) -> None:
        """Mark the volume dirty.

        Raises:
            OSError: when it cannot be written.
        """
        _check(lib.osd_bulk_begin(self._bulk, sync))

    def put(self, more: Sequence[bytes]) -> None:
        """Write contents that are not in blobs, in their order; no worker may be at work.

        Raises:
            OSError: when they cannot be written.
        """
        for number, data in enumerate(more):
            _check(lib.osd_bulk_put(self._bulk, len(self._tree.blobs) + number, ffi.from_buffer(data), len(data)))

    def commit(self, *, sync: bool) -> None:
        """Make files of what was written, all of which must be good.

        Raises:
            OSError: when the volume cannot be written; it may hold some of them then.
        """
        _check(lib.osd_bulk_commit(self._bulk, sync))

    def finish(self, *, stays_dirty: bool, sync: bool) -> None:
        """Take the mark away, unless somebody else has more to write.

        Raises:
            OSError: when the volume cannot be written.
        """
        _check(lib.osd_bulk_finish(self._bulk, stays_dirty, sync))


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
