"""Hashing every blob of a WIM file: several at once, in the order of the file, on after a bad one."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from osdimage.imaging.units import MIB
from osdimage.imaging.wim.described.info import WimHeader
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import BlobTable, ResourceReader
from osdimage.native.wim.tree import Blob

# Blobs that lie together are read by one worker: enough bytes that handing them out costs nothing beside reading them.
_BATCH_BYTES = 4 * MIB
_BATCH_BLOBS = 512


@dataclass(frozen=True, slots=True)
class BadBlob:
    """A blob that is bad, and why."""

    blob: Blob
    reason: str


def hash_all(
    path: Path, header: WimHeader, blobs: BlobTable, threads: int, step: Callable[[int], None]
) -> list[BadBlob]:
    """Hash all blobs in several threads; return the bad ones in the order of the file.

    Args:
        path: the WIM.
        header: its header.
        blobs: those of the file.
        threads: how many.
        step: is told how many bytes were hashed.

    Raises:
        OSError: when the file cannot be opened.
    """
    done = 0
    bad: list[BadBlob] = []
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    readers = _Readers(descriptor, header)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="osdimage-verify")
    waiting: set[Future[tuple[list[BadBlob], int]]] = set()
    try:
        for batch in _batches(blobs):
            waiting.add(pool.submit(_hash_batch, readers, blobs, batch))
            if len(waiting) < 2 * threads:
                continue
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                found, size = future.result()
                bad += found
                done += size
            step(done)
        for future in wait(waiting).done:
            bad += future.result()[0]
        step(sum(size for _, size, _ in blobs.places()))
    finally:
        # An exception (Ctrl-C too) waits neither for what was not begun nor for the end of a large blob.
        readers.is_stopped = True
        pool.shutdown(wait=True, cancel_futures=True)
        readers.close()
        os.close(descriptor)
    return sorted(bad, key=lambda item: (item.blob.resource_offset, item.blob.offset_in_resource))


class _Readers:
    """One resource reader for each thread.

    Attributes:
        is_stopped: whether nobody wants to know any more.
    """

    def __init__(self, descriptor: int, header: WimHeader) -> None:
        self.is_stopped = False
        self._descriptor = descriptor
        self._compression = header.compression or Compression.NONE
        self._chunk_size = header.chunk_size
        self._local = threading.local()
        self._all: list[ResourceReader] = []

    def mine(self) -> ResourceReader:
        """Return the reader of the calling thread."""
        reader: ResourceReader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = ResourceReader(self._descriptor, self._compression, self._chunk_size)
            self._local.reader = reader
            self._all.append(reader)
        return reader

    def pieces(self, blob: Blob) -> Iterator[memoryview]:
        """Yield the contents of a resource as the reader of the calling thread does, until this is stopped."""
        return takewhile(lambda _: not self.is_stopped, self.mine().pieces(blob))

    def close(self) -> None:
        """Close them all; no thread may be using one."""
        for reader in self._all:
            reader.close()


def _batches(blobs: BlobTable) -> Iterator[range]:
    """Cut the table into pieces of work.  The blobs of a solid resource stay together."""
    first, bytes_in_batch = 0, 0
    previous: tuple[int, bool] | None = None
    for position, (offset, size, is_solid) in enumerate(blobs.places()):
        goes_on = is_solid and previous == (offset, True)
        is_full = bytes_in_batch >= _BATCH_BYTES or position - first >= _BATCH_BLOBS
        if position > first and not goes_on and (is_full or is_solid or (previous is not None and previous[1])):
            yield range(first, position)
            first, bytes_in_batch = position, 0
        bytes_in_batch += size
        previous = (offset, is_solid)
    if first < len(blobs):
        yield range(first, len(blobs))


def _hash_batch(readers: _Readers, blobs: BlobTable, batch: range) -> tuple[list[BadBlob], int]:
    """Hash a batch; return the bad blobs and the number of bytes."""
    reader = readers.mine()
    facts = blobs.sizes_and_hashes(batch.start, len(batch))
    size = sum(size for size, _ in facts)
    if blobs[batch.start].is_solid:
        return _hash_solid(readers, [blobs[position] for position in batch]), size
    bad: list[BadBlob] = []
    done = 0
    while done < len(batch):
        contents = reader.batch(blobs, batch.start + done, len(batch) - done)
        for piece, error in contents:
            if error or hashlib.sha1(piece, usedforsecurity=False).digest() != facts[done][1]:
                bad.append(BadBlob(blobs[batch.start + done], _reason(error)))
            done += 1
        if not contents:
            bad += _hash_large(readers, blobs[batch.start + done])
            done += 1
    return bad, size


def _hash_large(readers: _Readers, blob: Blob) -> list[BadBlob]:
    """Hash one blob piece by piece."""
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        for piece in readers.pieces(blob):
            digest.update(piece)
    except OSError as error:
        return [BadBlob(blob, _reason(error.errno))]
    return [] if digest.digest() == blob.sha1 else [BadBlob(blob, _reason(0))]


def _hash_solid(readers: _Readers, blobs: list[Blob]) -> list[BadBlob]:
    """Hash the blobs of one solid resource in one pass over it.  Hostile blobs may overlap or reach beyond it."""
    digests = [hashlib.sha1(usedforsecurity=False) for _ in blobs]
    taken = [0] * len(blobs)
    position = 0
    first = 0
    failure: str | None = None
    try:
        for piece in readers.pieces(blobs[0]):
            end = position + len(piece)
            for number in range(first, len(blobs)):
                blob = blobs[number]
                if blob.offset_in_resource >= end:
                    break
                start = max(blob.offset_in_resource, position)
                stop = min(blob.offset_in_resource + blob.size, end)
                if start < stop:
                    digests[number].update(piece[start - position : stop - position])
                    taken[number] += stop - start
            while first < len(blobs) and blobs[first].offset_in_resource + blobs[first].size <= end:
                first += 1
            position = end
    except OSError as error:
        failure = _reason(error.errno)
    bad = []
    for blob, digest, size in zip(blobs, digests, taken, strict=True):
        if size != blob.size:
            bad.append(BadBlob(blob, failure or "reaches beyond its resource"))
        elif digest.digest() != blob.sha1:
            bad.append(BadBlob(blob, _reason(0)))
    return bad


def _reason(number: int | None) -> str:
    """Say what is wrong with a blob, by the error of reading it; 0 when it could be read."""
    if number == 0:
        return "does not match its SHA-1"
    if number == errno.EBADMSG:
        return "cannot be decompressed"
    if number == errno.ENODATA:
        return "lies beyond the end of the file"
    return f"cannot be read: {os.strerror(number) if number is not None else 'unknown error'}"
