"""Hashing every blob of a WIM, in all of its files: in threads that need no interpreter, on after a bad one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from osdimage.imaging.errors import StorageError
from osdimage.imaging.wim.described.info import WimHeader
from osdimage.imaging.wim.opening import open_wim, opened_wim_file
from osdimage.native.engine.pipeline import BlobFile, Run, Verdict
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Blob

_REASONS = {
    Verdict.DIFFERENT: "does not match its SHA-1",
    Verdict.DAMAGED: "cannot be decompressed",
    Verdict.CUT_OFF: "lies beyond the end of the file",
    Verdict.OUTSIDE: "reaches beyond its resource",
}


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A file of the WIM that is checked: the only one, or a part of a split one."""

    path: Path
    handle: WimHandle
    header: WimHeader


@dataclass(frozen=True, slots=True)
class BadBlob:
    """A blob that is bad, the file in which it is, and why."""

    blob: Blob
    path: Path
    reason: str


class BlobCheck:
    """Threads that hash all blobs of some files, from the moment on that this is entered.

    Attributes:
        count: how many blobs there are.
        size: of all of them, in bytes.
    """

    def __init__(self, files: Sequence[OpenPart], *, threads: int | None = None, memory: int | None = None) -> None:
        """Collect the blobs.

        Args:
            files: those of one WIM, none of them pipable, before a tree is loaded from them.
            threads: how many; None for one a processor.
            memory: bytes that chunks may take together; None for little.
        """
        self._files = files
        self._threads = threads or len(os.sched_getaffinity(0))
        self._memory = memory
        self._blobs = _table(files)
        self._open = ExitStack()
        self._run: Run | None = None
        self.count = len(self._blobs)
        self.size = self._blobs.size

    def __enter__(self) -> Self:
        """Open the files and start the threads.

        Raises:
            StorageError: when a file cannot be opened.
        """
        with ExitStack() as stack:
            files = []
            for each in self._files:
                file = stack.enter_context(opened_wim_file(each.path))
                compression = each.header.compression or Compression.NONE
                files.append(BlobFile(file.descriptor, compression, each.header.chunk_size, file.begin, file.size))
            try:
                run = Run(self._blobs, files, workers=self._threads, memory=self._memory)
            except OSError as error:
                raise _failure(self._files[0].path, error) from error
            self._run = stack.enter_context(run)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the threads, each after the blob or the chunk that it is at."""
        self._open.close()

    def wait(self, step: Callable[[int], None]) -> tuple[BadBlob, ...]:
        """Wait for all blobs; return the bad ones in the order of the files.

        Args:
            step: is told some times a second how many bytes were hashed.

        Raises:
            StorageError: when there is not memory enough.
        """
        assert self._run is not None  # noqa: S101 - called between entering and leaving
        for done in self._run.progress():
            step(done)
        error = self._run.error()
        if error is not None:
            raise _failure(self._files[0].path, error)
        return tuple(
            BadBlob(
                self._blobs[each.position], self._files[self._blobs.file_of(each.position)].path, _reason(each.fault)
            )
            for each in self._run.bad()
        )


def _table(files: Sequence[OpenPart]) -> BlobTable:
    with ExitStack() as stack:
        # A handle that refers to other files lists their blobs too.
        plain = [stack.enter_context(open_wim(each.path)) if each.handle.references else each.handle for each in files]
        return BlobTable(*plain)


def _failure(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno)


def _reason(fault: Verdict | int) -> str:
    return _REASONS[fault] if isinstance(fault, Verdict) else f"cannot be read: {os.strerror(fault)}"
