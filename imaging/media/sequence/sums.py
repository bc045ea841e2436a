r"""Hashes of the files of a medium, and ``\osdimage\SHA256SUMS``: the same list as the manifest, for ``sha256sum -c``.

Each file is read once, in several threads, the largest ones first.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.media.sequence.manifest import ManifestFile, fault_of_path
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import MIB, format_size

LARGEST_SUMS = 64 * MIB
_MOST_THREADS = 8
_TOLD_S = 0.2
# Of small files, handing them to a thread would take longer than reading them.
_BATCH_BYTES, _BATCH_FILES = 4 * MIB, 256
_LINE = re.compile(r"(?P<hash>[0-9a-f]{64}) [ *](?P<path>.+)")


class _Stopped(Exception):
    """Ends a thread whose result nobody wants any more."""


def hashes_of(
    files: Sequence[MediumFile], *, threads: int = 0, progress: ProgressCallback | None = None
) -> tuple[str, ...]:
    """Return the SHA-256 of each file, in their order, in hexadecimal digits.

    Args:
        files: each is read once.
        threads: how many read at once; 0 for one a processor, up to 8.
        progress: is told how much was read, in the thread of the caller.

    Raises:
        StorageError: when a file cannot be read, or has changed since it was chosen.
    """
    meter = Meter(progress, {Phase.READ: 1})
    total = sum(each.size for each in files)
    counted = _Counted()
    found: dict[int, str] = {}
    workers = threads or min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(workers) as pool:
        try:
            running: set[Future[dict[int, str]]] = set()
            for batch in _batches(files):
                # No more than are soon at work: a hundred thousand of them would wait in memory.
                while len(running) >= 2 * workers:
                    _take(running, found)
                    meter.step(Phase.READ, counted.done, total)
                running.add(pool.submit(_hash, {number: files[number] for number in batch}, counted))
            while running:
                _take(running, found)
                meter.step(Phase.READ, counted.done, total)
        except BaseException:
            counted.is_stopped = True
            raise
    meter.finish()
    return tuple(found[number] for number in range(len(files)))


def _batches(files: Sequence[MediumFile]) -> Iterator[list[int]]:
    """Yield the numbers of files that a thread takes at once: large ones alone and first, small ones together."""
    batch: list[int] = []
    size = 0
    for number in sorted(range(len(files)), key=lambda number: -files[number].size):
        batch.append(number)
        size += files[number].size
        if size >= _BATCH_BYTES or len(batch) == _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Counted:
    """What the threads have in common.

    Attributes:
        done: how many bytes all of them have read.
        is_stopped: whether they are to end.
    """

    def __init__(self) -> None:
        self.done = 0
        self.is_stopped = False
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count bytes.

        Raises:
            _Stopped: when nobody wants the rest.
        """
        if self.is_stopped:
            raise _Stopped
        with self._lock:
            self.done += count


def _take(running: set[Future[dict[int, str]]], found: dict[int, str]) -> None:
    """Wait a moment for some that are at work, and take their results."""
    done, _ = wait(running, timeout=_TOLD_S, return_when=FIRST_COMPLETED)
    for each in done:
        running.remove(each)
        found |= each.result()


def _hash(files: Mapping[int, MediumFile], counted: _Counted) -> dict[int, str]:
    made: dict[int, str] = {}
    for number, file in files.items():
        digest = hashlib.sha256()
        for piece in file.contents.pieces():
            counted.add(len(piece))
            digest.update(piece)
        made[number] = digest.hexdigest()
    return made


def sums_to_text(files: Iterable[ManifestFile]) -> bytes:
    """Return the list of files as sha256sum writes it, in UTF-8: the hash, two blanks, the path."""
    return "".join(f"{each.sha256}  {each.path}\n" for each in files).encode("utf-8")


def sums_from_text(data: bytes, *, source: str) -> Mapping[str, str]:
    """Return the hashes of a list of sha256sum, by the paths in lower case.

    Raises:
        InvalidDocument: naming the line that is none, or has a path that leads out of the medium or is there twice.
    """
    if len(data) > LARGEST_SUMS:
        raise InvalidDocument(f"{source} is larger than {format_size(LARGEST_SUMS)}; lists of hashes are not")
    found: dict[str, str] = {}
    for number, line in enumerate(as_text(data, source=source).split("\n"), start=1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        fault = "is no SHA-256 with a path" if match is None else fault_of_path(match["path"])
        if match is None or fault is not None:
            raise InvalidDocument(f"{source}:{number}: {fault}")
        if match["path"].lower() in found:
            raise InvalidDocument(f"{source}:{number}: the path is there twice")
        found[match["path"].lower()] = match["hash"]
    return found


def listed(files: Sequence[MediumFile], hashes: Sequence[str], volume: int = 1) -> tuple[ManifestFile, ...]:
    """Return what a manifest says of files, with their hashes."""
    return tuple(ManifestFile(file.path, file.size, sha256, volume) for file, sha256 in zip(files, hashes, strict=True))
