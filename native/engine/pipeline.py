"""Reading blobs in threads of C; the Python face of ``run.c``."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain, repeat
from types import TracebackType
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import BlobTable

# What units of work may hold together, in bytes: where chunks are small, each thread has one at work and some that wait
# to be hashed.
_MEMORY, _MEMORY_OF_THREAD = 8 << 20, 4 << 20
_PENDING = -1
# Python looks for signals as often, and progress is told; more often at the begin, so that short work has some too.
_PAUSES_MS = (1, 2, 5, 10, 20, 50)


class Verdict(Enum):
    """What is wrong with a blob that could be read."""

    DAMAGED = errno.EBADMSG
    """It cannot be decompressed, or its numbers cannot be."""
    CUT_OFF = errno.ENODATA
    """It lies beyond the end of its file."""
    OUTSIDE = errno.ERANGE
    """It reaches beyond its solid resource."""
    DIFFERENT = errno.EILSEQ
    """Its SHA-1 is another."""


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A file in which blobs are: an open descriptor, and what its header says of resources that are not solid.

    Attributes:
        descriptor: of the file, or of another in which it lies.
        compression: of what is not solid.
        chunk_size: of that, in bytes.
        begin: where the file begins in what the descriptor has.
        length: how many bytes it has, of which nothing more is read; 0 for all up to the end of that.
    """

    descriptor: int
    compression: Compression
    chunk_size: int
    begin: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class BadBlob:
    """A blob that is bad: its place in the table, and what is wrong, or the errno of reading it."""

    position: int
    fault: Verdict | int


class Run:
    """Threads that read, decompress and hash the blobs of a table, from the moment on that this is made.

    They need no lock of the interpreter.  Close it in any case; that waits for the threads, each of which ends after
    the blob or the chunk that it is at.
    """

    def __init__(
        self,
        blobs: BlobTable,
        files: Sequence[BlobFile],
        *,
        workers: int,
        memory: int | None = None,
        ends_at_bad: bool = False,
        sinks: Sequence[Any] = (),
    ) -> None:
        """Start the threads.

        Args:
            blobs: which; of several files together, those of ``files`` in their order.
            files: where they are; the descriptors stay the caller's, and open until this is closed.
            workers: how many threads.
            memory: the bytes that chunks and parts of large blobs may take together; one that takes more is worked on
                alone.  None for little.
            ends_at_bad: whether the first bad blob ends the run.
            sinks: pointers to ``struct osd_sink``, which get the contents; they are the caller's, as the descriptors.

        Raises:
            OSError: when a file has no size, or no thread can be made.
        """
        described = ffi.new("struct osd_run_file[]", len(files))
        for target, file in zip(described, files, strict=True):
            target.fd = file.descriptor
            target.compression_type = file.compression.value
            target.chunk_size = file.chunk_size
            target.begin, target.length = file.begin, file.length
        if memory is None:
            memory = _MEMORY + _MEMORY_OF_THREAD * workers
        wished = {"workers": workers, "memory": memory, "ends_at_bad": ends_at_bad}
        options = ffi.new("struct osd_run_options *", wished)
        # The run reads the table and calls the sinks until it is freed.
        self._kept = (blobs, tuple(sinks))
        self._count = len(blobs)
        self._place = ffi.gc(ffi.new("struct osd_run **"), lib.osd_run_free_in)
        try:
            number = lib.osd_run_start_in(
                self._place,
                blobs.pointer(0) if blobs else ffi.NULL,
                self._count,
                described,
                len(files),
                ffi.new("struct osd_sink *[]", list(sinks)),
                len(sinks),
                options,
            )
        except BaseException:
            # A signal that comes now raises here: nobody else has the threads, which call the sinks.
            self.close()
            raise
        if number:
            raise OSError(number, os.strerror(number))

    def __enter__(self) -> Self:
        """Return the run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the run."""
        self.close()

    def close(self) -> None:
        """Stop the threads, wait for their end, and free all."""
        ffi.release(self._place)

    @property
    def _run(self) -> Any:
        return self._place[0]

    @property
    def done(self) -> int:
        """How many bytes of blobs are done with."""
        return int(lib.osd_run_bytes(self._run))

    def progress(self) -> Iterator[int]:
        """Wait for the end of the threads; yield :attr:`done` at once, some times a second, and at the end."""
        pauses = chain(_PAUSES_MS, repeat(_PAUSES_MS[-1]))
        yield self.done
        while not lib.osd_run_wait(self._run, next(pauses)):
            yield self.done
        lib.osd_run_end(self._run)
        yield self.done

    def bad(self) -> Iterator[BadBlob]:
        """Yield the blobs that are bad, in the order of the table, once the threads have ended."""
        if not lib.osd_run_bad(self._run):
            return
        results = memoryview(ffi.buffer(lib.osd_run_results(self._run), 4 * self._count)).cast("B").cast("i")
        for position, number in enumerate(results):
            if number > 0:
                yield BadBlob(position, _VERDICTS.get(number, number))

    def error(self) -> OSError | None:
        """Return why the run ended before its end, once the threads have ended; None where it did not.

        Its ``filename`` is the position of the blob that was at work, or None.
        """
        found = lib.osd_run_error(self._run)
        if not found.number:
            return None
        return OSError(found.number, os.strerror(found.number), found.blob if found.blob < self._count else None)

    def sink_error(self, number: int) -> tuple[int, int | None] | None:
        """Return why a sink was left out, once the threads have ended: the errno, and the blob that was at work."""
        found = lib.osd_run_sink_error(self._run, number)
        if not found.number:
            return None
        return found.number, found.blob if found.blob < self._count else None


_VERDICTS: dict[int, Verdict | int] = {each.value: each for each in Verdict}
