"""The contents of the files in a WIM, in the order in which they lie there, read ahead of who writes them.

Small blobs are read, decompressed and hashed many at a time, in other threads.  Large ones and solid resources come
piece by piece, in the thread that asks for them.  Every blob is compared with its SHA-1.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import CorruptWim, InvalidRequest, OsdImageError, StorageError
from osdimage.imaging.wim.failures import RECOVER, wim_errors
from osdimage.imaging.wim.opening import open_wim, opened_wim_file
from osdimage.imaging.wim.placed.on_disc import paths_fitting
from osdimage.imaging.wim.placed.place import identity
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BATCH_BYTES, DAMAGE, BlobTable, ResourceReader

if TYPE_CHECKING:
    from concurrent.futures import Future

EMPTY_SHA1 = hashlib.sha1(b"", usedforsecurity=False).digest()
"""Programs that store this hash store no blob for it."""
# Reading and hashing is twice the work of writing; more threads than this would only wait.
_MOST_THREADS = 3

# A blob that was read: its contents, 0 or the errno of reading it, its SHA-1.
_Read = tuple[memoryview, int, bytes]


def references(path: Path, handle: WimHandle) -> list[Path]:
    """Return the other files in which the WIM's contents are."""
    found = {Path(name) for pattern in handle.references for name in paths_fitting(pattern)}
    if not found:
        return []
    own = identity(path)
    return sorted(each for each in found if identity(each) != own)


class BlobSource:
    """The blobs of one WIM that are wanted, numbered in the order in which they lie there.

    Attributes:
        path: the WIM.
        facts: size and SHA-1 of each.
    """

    def __init__(self, path: Path, wanted: Container[bytes]) -> None:
        """Find the blobs with the wanted hashes; those that are in other parts of a split WIM are not found.

        Raises:
            InvalidRequest: when the WIM is pipable; its resources lie in another order.
        """
        self.path = path
        # A handle of its own: blobs of files that the caller's refers to would look like its own.
        with wim_errors(path), open_wim(path) as plain:
            facts = plain.info()
            if facts.is_pipable:
                raise InvalidRequest(f"{path}: a pipable WIM cannot be read here; export it first")
            self._table = BlobTable(plain)
        self._compression = facts.compression or Compression.NONE
        self._chunk_size = facts.chunk_size
        self._table.keep(wanted, facts.part_number)
        self.facts = self._table.sizes_and_hashes(0, len(self._table))

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, Iterable[memoryview]]]:
        """Yield the number and the contents of each blob; a piece is valid until the next is asked for.

        Args:
            names: what messages call the contents of each.

        Raises:
            CorruptWim: when contents are damaged.
            StorageError: when the file cannot be read.
        """
        # Most who import this module read no contents, and it takes as long as all of this room.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        with opened_wim_file(self.path) as file, ExitStack() as stack:
            facts = file.descriptor, self._compression, self._chunk_size
            readers = deque(ResourceReader(*facts, begin=file.begin, length=file.size) for _ in range(threads + 2))
            for reader in readers:
                stack.callback(reader.close)
            # Ended before the readers are closed; an exception does not wait for what was not begun.
            pool = ThreadPoolExecutor(threads, thread_name_prefix="osdimage-read")
            stack.callback(pool.shutdown, cancel_futures=True)
            waiting: deque[tuple[range, ResourceReader, Future[list[_Read]] | None]] = deque()
            for batch in self._batches():
                reader = readers.popleft()
                is_small = self._is_small(batch.start)
                waiting.append((batch, reader, pool.submit(self._read_small, reader, batch) if is_small else None))
                if not readers:
                    yield from self._hand_out(*waiting[0], names)
                    readers.append(waiting.popleft()[1])
            for item in waiting:
                yield from self._hand_out(*item, names)

    def _is_small(self, number: int) -> bool:
        return self.facts[number][0] <= BATCH_BYTES and not self._table[number].is_solid

    def _batches(self) -> Iterator[range]:
        """Cut the blobs into what is read at once: small ones, a large one, or those of a solid resource."""
        first, held = 0, 0
        previous: tuple[int, bool] | None = None
        for number, (offset, size, is_solid) in enumerate(self._table.places()):
            if previous is not None:
                goes_on = previous == (offset, True) if is_solid else not previous[1] and held + size <= BATCH_BYTES
                if not goes_on:
                    yield range(first, number)
                    first, held = number, 0
            held += size
            previous = (offset, is_solid)
        if previous is not None:
            yield range(first, len(self._table))

    def _read_small(self, reader: ResourceReader, batch: range) -> list[_Read]:
        """Read and hash small blobs; runs in another thread."""
        contents = reader.batch(self._table, batch.start, len(batch))
        return [(piece, error, hashlib.sha1(piece, usedforsecurity=False).digest()) for piece, error in contents]

    def _hand_out(
        self,
        batch: range,
        reader: ResourceReader,
        small: Future[list[_Read]] | None,
        names: Sequence[str],
    ) -> Iterator[tuple[int, Iterable[memoryview]]]:
        if small is not None:
            for number, (piece, error, sha1) in zip(batch, small.result(), strict=True):
                if error:
                    raise self._failure(names[number], error)
                if sha1 != self.facts[number][1]:
                    raise self._mismatch(names[number])
                yield number, (piece,)
        elif not self._table[batch.start].is_solid:
            yield batch.start, self._checked(batch.start, reader.pieces(self._table[batch.start]), names)
        else:
            blobs = [self._table[number] for number in batch]
            spans = [(each.offset_in_resource, each.offset_in_resource + each.size) for each in blobs]
            cutter = _Cutter(reader.parts(blobs[0], spans))
            for number, (begin, end) in zip(batch, spans, strict=True):
                yield number, self._checked(number, cutter.cut(begin, end), names)

    def _checked(self, number: int, pieces: Iterable[memoryview], names: Sequence[str]) -> Iterator[memoryview]:
        """Pass the pieces on and compare all of them with the hash at the end."""
        promised, sha1 = self.facts[number]
        digest = hashlib.sha1(usedforsecurity=False)
        size = 0
        try:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                # More than was promised is not handed on: the hash cannot be right then.
                if size <= promised:
                    yield piece
        except OSError as error:
            raise self._failure(names[number], error.errno) from error
        if digest.digest() != sha1:
            raise self._mismatch(names[number])

    def _failure(self, name: str, number: int | None) -> OsdImageError:
        if number in DAMAGE:
            fault = f"{self.path}: the contents of {name!r} cannot be decompressed or end too early"
            return CorruptWim(fault, remedy=RECOVER)
        what = "cannot be read" if number is None else os.strerror(number)
        return StorageError(f"{self.path}: {what}", path=self.path, errno=number)

    def _mismatch(self, name: str) -> CorruptWim:
        return CorruptWim(f"{self.path}: the contents of {name!r} do not match their SHA-1", remedy=RECOVER)


class _Cutter:
    """Cuts blobs out of the contents of a solid resource, from front to back."""

    def __init__(self, parts: Iterator[tuple[int, memoryview]]) -> None:
        self._parts = parts
        self._held_at, self._held = 0, memoryview(b"")
        self._position = 0

    def cut(self, begin: int, end: int) -> Iterator[memoryview]:
        """Yield what is between two places, of which the first is not before the end of the last cut.

        Raises:
            OSError: EBADMSG when it is, or the error of the reader.
        """
        if begin < self._position:
            raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        self._position = begin
        while self._position < end:
            while self._held_at + len(self._held) <= self._position:
                part = next(self._parts, None)
                if part is None:
                    return
                self._held_at, self._held = part
            piece = self._held[self._position - self._held_at : end - self._held_at]
            self._position += len(piece)
            yield piece
