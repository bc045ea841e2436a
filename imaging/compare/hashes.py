"""Hashing the streams of a target: once for all names of a file, by several threads, in the order of the medium."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from threading import Event, Lock

from osdimage.imaging.compare import describe
from osdimage.imaging.compare.fidelity import Fidelity, Tally
from osdimage.imaging.compare.target import ComparedTarget, FoundStream
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.units import MIB

EMPTY_SHA1 = hashlib.sha1(b"", usedforsecurity=False).digest()
# Enough that handing a batch out costs nothing beside reading it; little enough that progress moves.
_BATCH_BYTES = 8 * MIB
_BATCH_STREAMS = 256
# How long nothing is told, at most, while one large file is read.
_TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class StreamHash:
    """The SHA-1 that a stream must have, and what it is called in a difference."""

    kind: Fidelity
    path: str
    sha1: bytes


@dataclass(slots=True)
class _Job:
    """A stream to be hashed."""

    stream: FoundStream
    expected: list[StreamHash] = field(default_factory=list)


class StreamHashes:
    """The streams of a target that are to be hashed."""

    def __init__(self, target: ComparedTarget) -> None:
        """Begin with none."""
        self._target = target
        self._jobs: dict[tuple[int, str | None], _Job] = {}
        self._read_bytes = 0
        self._reading = Lock()
        self._is_stopped = Event()

    def expect(self, identity: int, stream: FoundStream, expected: StreamHash) -> None:
        """Put a stream of the file with this identity on the list."""
        self._jobs.setdefault((identity, stream.name), _Job(stream)).expected.append(expected)

    def compare(self, tally: Tally, threads: int, meter: Meter) -> int:
        """Hash what is on the list and count it; return how many bytes were read.

        Raises:
            StorageError: when the target cannot be read.  Damage of a volume is a difference of the file.
        """
        jobs = sorted(self._jobs.values(), key=lambda job: self._position(job.stream))
        total = sum(job.stream.size for job in jobs)
        batches = _batches(jobs)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="osdimage-compare")
        try:
            waiting = {pool.submit(self._hash, batch) for batch in islice(batches, 2 * threads)}
            while waiting:
                finished, waiting = wait(waiting, _TICK_S, return_when=FIRST_COMPLETED)
                for future in finished:
                    _judge(future.result(), tally)
                meter.step(Phase.VERIFY_DATA, min(self._read_bytes, total), total)
                waiting |= {pool.submit(self._hash, batch) for batch in islice(batches, len(finished))}
            meter.step(Phase.VERIFY_DATA, total, total)
        finally:
            # An exception (Ctrl-C too) waits neither for what was handed out but not begun, nor for the end of a file.
            self._is_stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
        return total

    def _position(self, stream: FoundStream) -> int:
        try:
            return self._target.position(stream)
        except InvalidVolume:
            # Reading it will say what is wrong.
            return 0

    def _hash(self, batch: list[_Job]) -> list[tuple[_Job, bytes | str]]:
        """Return the SHA-1 of each stream, or why it cannot be read."""
        results: list[tuple[_Job, bytes | str]] = []
        for job in batch:
            digest = hashlib.sha1(usedforsecurity=False)
            try:
                for piece in self._target.pieces(job.stream):
                    if self._is_stopped.is_set():
                        return []
                    digest.update(piece)
                    with self._reading:
                        self._read_bytes += len(piece)
            except InvalidVolume as error:
                results.append((job, error.fault))
            else:
                results.append((job, digest.digest()))
        return results


def _judge(results: list[tuple[_Job, bytes | str]], tally: Tally) -> None:
    """Count the streams of a batch."""
    for job, result in results:
        for each in job.expected:
            if result == each.sha1:
                tally.restored(each.kind)
            else:
                there = f"unreadable: {result}" if isinstance(result, str) else describe.sha1(result)
                tally.different(each.kind, each.path, describe.sha1(each.sha1), there)


def _batches(jobs: list[_Job]) -> Iterator[list[_Job]]:
    batch: list[_Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.stream.size
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_STREAMS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
