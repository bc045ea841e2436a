"""A file that stands in for a WIM at a place in another, so that libwim can open it by a name.

It is as large as the WIM and has nothing but holes.  Filled in are the header, the blob table, the XML and the begins
of solid resources, which libwim reads when it opens a WIM; then, as they are asked for, the trees of images; and
contents only for those few calls that let libwim read contents (see :mod:`osdimage.native.wim.backing`).  It lies where
``TMPDIR`` says, for the owner alone, and loses its name as soon as libwim has opened it: nothing is left behind.
"""

from __future__ import annotations

import errno
import os
import weakref
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import KIB, format_size
from osdimage.imaging.wim.placed.place import PlacedFile
from osdimage.imaging.wim.raw.ranges import copy_range
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    MAGIC,
    PIPABLE_MAGIC,
    SIZE_BITS,
    SOLID_RESOURCE_SIZE,
    Header,
    ResourceFlag,
)
from osdimage.native.callbacks import Copied, Listener
from osdimage.native.wim.raw_copy import CopyRange

# Of a solid resource libwim reads its sizes and its compression, which stand at its begin.
_SOLID_HEADER = 16
# What lies between two ranges that are this near is copied with them.
_GAP = 64 * KIB
_SOLID, _METADATA = ResourceFlag.SOLID.value, ResourceFlag.METADATA.value

_Range = tuple[int, int]


class _Entry(NamedTuple):
    """An entry of the blob table, and where its resource begins and ends in the file."""

    begin: int
    end: int
    flags: int
    size: int
    part_number: int
    references: int
    sha1: bytes

    @property
    def is_solid_resource(self) -> bool:
        """Whether it is a solid resource itself, and not what is in one."""
        return bool(self.flags & _SOLID) and self.size == SOLID_RESOURCE_SIZE


class StandIn:
    """Stands in for a WIM; see :class:`osdimage.native.wim.backing.Backing`.

    Attributes:
        path: what libwim opens; the name is gone after the ``with`` of :func:`stand_in`.
        name: what messages call the WIM.
    """

    def __init__(self, name: str, source: PlacedFile, path: Path) -> None:
        """Make the file, and fill in what is read when it is opened.

        Raises:
            StorageError: when it cannot be made, or the WIM not be read.
        """
        self.path = path
        self.name = name
        self._folder = path.parent.parent
        self._filled: list[_Range] = []
        self._trees: list[_Range] = []
        self._is_of_images = False
        self._table = b""
        try:
            self._target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            weakref.finalize(self, os.close, self._target)
            os.ftruncate(self._target, source.size)
            # The caller's is closed when the WIM is open.
            descriptor = os.dup(source.descriptor)
            weakref.finalize(self, os.close, descriptor)
        except OSError as error:
            raise self._failure(error) from error
        self._source = PlacedFile(descriptor, source.begin, source.size)
        self._begin()

    def _begin(self) -> None:
        try:
            header = Header.parse(self._source.read(HEADER_SIZE, 0))
            self._fill([(0, HEADER_SIZE)])
            if header.magic == PIPABLE_MAGIC or header.blob_table.flags & ResourceFlag.COMPRESSED:
                # One of those few in which it is not known what libwim reads.
                self._fill([(0, self._source.size)])
                return
            if header.magic != MAGIC:
                # No WIM, as libwim says then.
                return
            table, xml = header.blob_table, header.xml
            self._fill([(each.offset, each.offset + each.stored_size) for each in (table, xml)])
            entries = self._source.read(table.stored_size, table.offset)
        except OSError as error:
            raise self._failure(error) from error
        # One that is cut off is refused by libwim.
        self._table = entries[: len(entries) // BLOB_STRUCT.size * BLOB_STRUCT.size]
        trees = [each for each in self._entries() if each.flags & _METADATA]
        self._trees = [(each.begin, each.end) for each in trees]
        # They stand in the table in the order of the images; libwim leaves out what is empty or nothing refers to.
        self._is_of_images = len(trees) == header.image_count and all(
            each.size and each.references == 1 and each.part_number == header.part_number for each in trees
        )
        self._fill([(each.begin, each.begin + _SOLID_HEADER) for each in self._entries() if each.is_solid_resource])

    def _entries(self) -> Iterator[_Entry]:
        for packed, offset, *more in BLOB_STRUCT.iter_unpack(self._table):
            yield _Entry(offset, offset + (packed & (1 << SIZE_BITS) - 1), packed >> SIZE_BITS, *more)

    def provide_trees(self, image: int | None) -> None:
        """Fill in the tree of an image, or those of all; one that is in memory only has none.

        Raises:
            CorruptWim: when the file that the WIM is in ends too early.
            StorageError: when it cannot be read, or there is no room.
        """
        is_known = image is not None and self._is_of_images
        self._fill(self._trees[image - 1 : image] if image is not None and is_known else self._trees)

    def provide_contents(self, hashes: Container[bytes] | None, listener: Listener | None) -> None:
        """Fill in the contents with some SHA-1, or all; the listener is told how much is done.

        Raises:
            CorruptWim, StorageError: as :meth:`provide_trees`.
        """
        if hashes is None:
            self._fill([(0, self._source.size)], listener)
            return
        wanted, solid, is_solid = [], [], False
        for each in self._entries():
            if each.is_solid_resource:
                solid.append((each.begin, each.end))
            elif not each.flags & _METADATA and each.sha1 in hashes:
                is_solid |= bool(each.flags & _SOLID)
                if not each.flags & _SOLID:
                    wanted.append((each.begin, each.end))
        # What is in a solid resource has no place of its own.
        self._fill(wanted + solid if is_solid else wanted, listener)

    def _fill(self, ranges: Iterable[_Range], listener: Listener | None = None) -> None:
        wanted = _united([(max(0, begin), min(end, self._source.size)) for begin, end in ranges], gap=_GAP)
        missing = list(_without(wanted, self._filled))
        total = sum(end - begin for begin, end in missing)
        if not total:
            return
        self._refuse_full(total)
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            if listener is not None:
                listener(Copied(self.name, str(self._folder), done, total))

        tell(0)
        try:
            for begin, end in missing:
                copy_range(
                    self._source.descriptor,
                    self._target,
                    CopyRange(self._source.begin + begin, begin, end - begin),
                    tell,
                )
        except OSError as error:
            if error.errno == errno.ENODATA:
                raise CorruptWim(f"{self.name}: the file ends too early: what it lies in ends before it") from error
            raise self._failure(error) from error
        self._filled = _united([*self._filled, *wanted])

    def _refuse_full(self, needed: int) -> None:
        facts = os.fstatvfs(self._target)
        free = facts.f_bavail * facts.f_frsize
        if needed > free:
            raise StorageError(
                f"{self.name}: {format_size(needed)} of it are needed for a while in {self._folder}, which has room "
                f"for {format_size(free)}; name another folder in TMPDIR",
                path=self._folder,
                errno=errno.ENOSPC,
            )

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self.name}: cannot be copied to {self._folder}, where libwim reads it: {error.strerror}",
            path=self.name,
            errno=error.errno,
        )


@contextmanager
def stand_in(path: Path, source: PlacedFile) -> Iterator[StandIn]:
    """Yield what stands in for a WIM, to be opened by its name inside the ``with``.

    Raises:
        CorruptWim: when what the WIM is in ends too early.
        StorageError: when it cannot be read, or the file not be made.
    """
    with scratch_folder() as folder:
        yield StandIn(str(path), source, folder / path.name)


def _united(ranges: Iterable[_Range], *, gap: int = 0) -> list[_Range]:
    """Return ranges in their order, those that overlap or are no farther apart than told as one."""
    found: list[_Range] = []
    for begin, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and begin <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _without(ranges: Iterable[_Range], taken: list[_Range]) -> Iterator[_Range]:
    """Yield what of ranges is in none of others; those are in order and apart."""
    for begin, end in ranges:
        at = begin
        first = bisect_right(taken, (begin, begin)) - 1
        for other_begin, other_end in taken[max(0, first) :]:
            if other_begin >= end:
                break
            if other_begin > at:
                yield at, other_begin
            at = max(at, other_end)
        if at < end:
            yield at, end
