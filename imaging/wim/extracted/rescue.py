"""What can be read of damaged contents of a WIM, copied to a file.

Many of them lie in one solid resource, so each resource is read once, and of it the chunks in which they are.  A chunk
that cannot be expanded is what comes before its damage, and zeros: contents before the damage are often whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob

if TYPE_CHECKING:
    from hashlib import _Hash

_ZEROS = memoryview(bytes(1 << 20))
_place = attrgetter("resource_offset", "is_solid")


@dataclass(frozen=True, slots=True)
class Rescued:
    """What was read of contents.

    Attributes:
        at: where it is in the file.
        size: in bytes.
        sha1: of what was read.
        is_whole: whether that is the SHA-1 that the contents should have.
        lost: bytes of the chunks that could not be read whole.
        reason: why they are damaged.
    """

    at: int
    size: int
    sha1: bytes
    is_whole: bool
    lost: int
    reason: str


def rescue(descriptor: int, at: int, bad: Sequence[tuple[Path, Blob, str]]) -> tuple[dict[bytes, Rescued], int]:
    """Copy what can be read of damaged contents to a file, one behind the other; what cannot is zeros.

    Args:
        descriptor: of the file, open for writing; it is not read or closed.
        at: where the first are written.
        bad: the contents, each with the WIM that holds it and why it is damaged.

    Returns:
        What was read, by the SHA-1 that it should have, and where it ends.

    Raises:
        OSError: when the file cannot be written, or a WIM not be opened.
    """
    reasons = {blob.sha1: reason for _, blob, reason in bad}
    found = {}
    for path in dict.fromkeys(path for path, _, _ in bad):
        with open_wim(path) as handle:
            facts = handle.info()
        with opened_file(path) as source:
            reader = ResourceReader(
                source.descriptor,
                facts.compression or Compression.NONE,
                facts.chunk_size,
                begin=source.begin,
                length=source.size,
            )
            reader.recover()
            try:
                blobs = sorted((blob for where, blob, _ in bad if where == path), key=_place)
                for _, of_one in groupby(blobs, _place):
                    for copy in _copied(reader, of_one, descriptor, at):
                        found[copy.blob.sha1] = copy.result(reasons[copy.blob.sha1])
                        at = copy.at + copy.blob.size
            finally:
                reader.close()
    return found, at


@dataclass(slots=True)
class _Copy:
    """Contents that are being copied to a place of a file."""

    blob: Blob
    descriptor: int
    at: int
    digest: _Hash = field(default_factory=lambda: hashlib.sha1(usedforsecurity=False))
    done: int = 0
    lost: int = 0

    @property
    def begin(self) -> int:
        """Where the contents begin in their resource."""
        return self.blob.offset_in_resource

    @property
    def end(self) -> int:
        """Where they end there."""
        return self.blob.offset_in_resource + self.blob.size

    def take(self, position: int, piece: memoryview, lost: int) -> None:
        """Take what is theirs of a piece of the resource."""
        part = piece[max(self.begin - position, 0) : self.end - position]
        self._add(part)
        self.lost += min(lost, len(part))

    def finish(self) -> None:
        """Take zeros for what is not there: the resource is not where it should be, or has no table."""
        self.lost += self.blob.size - self.done
        while self.done < self.blob.size:
            self._add(_ZEROS[: self.blob.size - self.done])

    def _add(self, part: memoryview) -> None:
        self.digest.update(part)
        while part:
            count = os.pwrite(self.descriptor, part, self.at + self.done)
            self.done += count
            part = part[count:]

    def result(self, reason: str) -> Rescued:
        """Return what was read."""
        sha1 = self.digest.digest()
        return Rescued(self.at, self.blob.size, sha1, sha1 == self.blob.sha1, self.lost, reason)


def _copied(reader: ResourceReader, blobs: Iterable[Blob], descriptor: int, at: int) -> Iterator[_Copy]:
    """Copy contents of one resource to the places from ``at`` on; yield each."""
    copies = []
    for blob in sorted(blobs, key=attrgetter("offset_in_resource")):
        copies.append(_Copy(blob, descriptor, at))
        at += blob.size
    before, first = 0, 0
    # What cannot be read at all, such as a resource beyond the end of the file, has no parts.
    with suppress(_Unreadable):
        for position, piece in _parts(reader, copies):
            end = position + len(piece)
            while first < len(copies) and copies[first].end <= position:
                first += 1
            for copy in copies[first:]:
                if copy.begin >= end:
                    break
                if copy.end > position:
                    copy.take(position, piece, reader.lost - before)
            before = reader.lost
    for copy in copies:
        copy.finish()
        yield copy


class _Unreadable(Exception):
    """A resource cannot be read on; another error is that of the file which is written."""


def _parts(reader: ResourceReader, copies: Sequence[_Copy]) -> Iterator[tuple[int, memoryview]]:
    try:
        yield from reader.parts(copies[0].blob, [(each.begin, each.end) for each in copies])
    except OSError as error:
        raise _Unreadable from error
