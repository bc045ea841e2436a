"""Checking a WIM: the trees, the names, and every blob against its SHA-1.

libwim's own check runs on one thread and stops at the first bad blob.  This one reads the resources itself (with
libwim's decompressors), hashes several at once, goes on after a bad one, and then says which files of which images are
concerned.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.audit import load_tree, refuse_dropped_names, refuse_unsafe_names, repairs
from osdimage.imaging.wim.failures import translate
from osdimage.imaging.wim.info import ImageInfo, WimHeader
from osdimage.imaging.wim.steps import listener
from osdimage.native.runtime import Compression
from osdimage.native.status import WimlibError
from osdimage.native.wim import entries
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable, ResourceReader
from osdimage.native.wim.tree import Blob

# Blobs that lie together are read by one worker: enough bytes that handing them out costs nothing beside reading them.
_BATCH_BYTES = 4 * MIB
_BATCH_BLOBS = 512


class ProblemKind(StrEnum):
    """What is wrong."""

    HEADER = "header"
    TREE = "tree"
    NAME = "name"
    BLOB = "blob"
    INTEGRITY = "integrity"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a WIM.

    Attributes:
        kind: what is wrong.
        message: one sentence.
        sha1: of the blob that is bad, or None.
        files: the files that it concerns, as ``"1:/path"`` with the image's index in front.
    """

    kind: ProblemKind
    message: str
    sha1: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check found.  Sizes in bytes, uncompressed."""

    path: Path
    images: int
    blobs: int
    size: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _HasInfo(Protocol):
    @property
    def info(self) -> ImageInfo: ...


@dataclass(frozen=True, slots=True)
class _Bad:
    """A blob that is bad, and why."""

    blob: Blob
    reason: str


def verify(
    path: Path,
    handle: WimHandle,
    header: WimHeader,
    images: Sequence[_HasInfo],
    *,
    threads: int | None,
    progress: ProgressCallback | None,
) -> VerifyReport:
    """Check a WIM; see :meth:`osdimage.imaging.WimFile.verify`."""
    notes: list[str] = []
    problems = [Problem(ProblemKind.HEADER, line) for line in handle.repairs]
    loadable: list[int] = []
    # Of a split WIM, only the first part holds the trees.
    for image in images if header.part_number == 1 else ():
        found, missing, is_whole = _check_tree(path, handle, image.info.index)
        problems += found
        if is_whole:
            loadable.append(image.info.index)
        if missing and header.total_parts > 1:
            notes.append(
                f"image {image.info.index}: the contents of {missing} files are in other parts; check those too"
            )
        elif missing:
            problems.append(
                Problem(ProblemKind.MISSING, f"image {image.info.index}: the contents of {missing} files are missing")
            )
    if header.part_number > 1:
        notes.append(
            f"part {header.part_number} of {header.total_parts}: the trees and the names are in the first part"
        )
    # A handle of its own: the blobs of referenced files are not in this file.
    with WimHandle.open(path) as plain:
        blobs = BlobTable(plain)
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    if header.is_pipable:
        problems += _verify_with_libwim(path, handle, meter)
    else:
        bad = _hash_all(path, header, blobs, threads or len(os.sched_getaffinity(0)), meter)
        problems += _name_files(handle, loadable, bad)
    meter.finish()
    size = sum(size for _, size, _ in blobs.places())
    return VerifyReport(path, len(images), len(blobs), size, tuple(problems), tuple(notes))


def _check_tree(path: Path, handle: WimHandle, index: int) -> tuple[list[Problem], int, bool]:
    """Return the problems of an image's tree, its count of missing contents, and whether it could be loaded."""
    try:
        audit = load_tree(path, handle, index)
    except (WimlibError, OsdImageError) as error:
        known = translate(error, path) if isinstance(error, WimlibError) else error
        return [Problem(ProblemKind.TREE, f"image {index}: {known}")], 0, False
    problems = [Problem(ProblemKind.TREE, f"image {index}: {line}") for line in repairs(audit)]
    for check in (refuse_dropped_names, refuse_unsafe_names):
        try:
            check(path, index, audit)
        except OsdImageError as error:
            problems.append(Problem(ProblemKind.NAME, str(error)))
    return problems, audit.missing_blobs, True


def _verify_with_libwim(path: Path, handle: WimHandle, meter: Meter) -> list[Problem]:
    """Let libwim check a pipable WIM, whose resources are laid out in another way; it stops at the first bad blob."""
    try:
        handle.verify(listener=listener(meter))
    except WimlibError as error:
        return [Problem(ProblemKind.BLOB, str(translate(error, path)))]
    return []


def _hash_all(path: Path, header: WimHeader, blobs: BlobTable, threads: int, meter: Meter) -> list[_Bad]:
    """Hash all blobs in several threads; return the bad ones in the order of the file."""
    total = sum(size for _, size, _ in blobs.places())
    done = 0
    bad: list[_Bad] = []
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    readers = _Readers(descriptor, header)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="osdimage-verify")
    waiting: set[Future[tuple[list[_Bad], int]]] = set()
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
            meter.step(Phase.VERIFY_DATA, done, total)
        for future in wait(waiting).done:
            bad += future.result()[0]
        meter.step(Phase.VERIFY_DATA, total, total)
    finally:
        # An exception (Ctrl-C too) must not wait for what was handed out but not begun.
        pool.shutdown(wait=True, cancel_futures=True)
        readers.close()
        os.close(descriptor)
    return sorted(bad, key=lambda item: (item.blob.resource_offset, item.blob.offset_in_resource))


class _Readers:
    """One resource reader for each thread."""

    def __init__(self, descriptor: int, header: WimHeader) -> None:
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


def _hash_batch(readers: _Readers, blobs: BlobTable, batch: range) -> tuple[list[_Bad], int]:
    """Hash a batch; return the bad blobs and the number of bytes."""
    reader = readers.mine()
    facts = blobs.sizes_and_hashes(batch.start, len(batch))
    size = sum(size for size, _ in facts)
    if blobs[batch.start].is_solid:
        return _hash_solid(reader, [blobs[position] for position in batch]), size
    bad: list[_Bad] = []
    done = 0
    while done < len(batch):
        contents = reader.batch(blobs, batch.start + done, len(batch) - done)
        for piece, error in contents:
            if error or hashlib.sha1(piece, usedforsecurity=False).digest() != facts[done][1]:
                bad.append(_Bad(blobs[batch.start + done], _reason(error)))
            done += 1
        if not contents:
            bad += _hash_large(reader, blobs[batch.start + done])
            done += 1
    return bad, size


def _hash_large(reader: ResourceReader, blob: Blob) -> list[_Bad]:
    """Hash one blob piece by piece."""
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        for piece in reader.pieces(blob):
            digest.update(piece)
    except OSError as error:
        return [_Bad(blob, _reason(error.errno))]
    return [] if digest.digest() == blob.sha1 else [_Bad(blob, _reason(0))]


def _hash_solid(reader: ResourceReader, blobs: list[Blob]) -> list[_Bad]:
    """Hash the blobs of one solid resource in one pass over it.  Hostile blobs may overlap or reach beyond it."""
    digests = [hashlib.sha1(usedforsecurity=False) for _ in blobs]
    taken = [0] * len(blobs)
    position = 0
    first = 0
    failure: str | None = None
    try:
        for piece in reader.pieces(blobs[0]):
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
            bad.append(_Bad(blob, failure or "reaches beyond its resource"))
        elif digest.digest() != blob.sha1:
            bad.append(_Bad(blob, _reason(0)))
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


def _name_files(handle: WimHandle, images: Sequence[int], bad: Sequence[_Bad]) -> list[Problem]:
    """Turn bad blobs into problems that name the files."""
    if not bad:
        return []
    files: dict[bytes, list[str]] = {item.blob.sha1: [] for item in bad}
    for index in images:

        def take(entry: Entry, index: int = index) -> None:
            for stream in entry.streams:
                if stream.sha1 in files:
                    name = entry.path if stream.name is None else f"{entry.path}:{stream.name}"
                    files[stream.sha1].append(f"{index}:{name}")

        entries.each_entry(handle, index, "/", recursive=True, visit=take)
    problems = []
    for item in bad:
        sha1 = item.blob.sha1.hex()
        concerned = tuple(files[item.blob.sha1])
        what = "the tree of an image" if item.blob.is_metadata else (concerned[0] if concerned else "a blob of no file")
        more = f" and {len(concerned) - 1} more" if len(concerned) > 1 else ""
        problems.append(Problem(ProblemKind.BLOB, f"{what}{more}: {item.reason} ({sha1})", sha1, concerned))
    return problems
