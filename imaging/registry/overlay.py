"""Changes laid over the file of a hive: which bytes become others, and where new cells go.

New cells go where the last bin has room, or into bins behind it; free cells in between are left alone, since in a
damaged hive they may be what is left of something.  A record is written where it is when it fits and nothing else in
the file seems to point to it.  A cell that is not needed any more is given back, with its contents wiped, on the same
condition: what is shared by mistake stays whole for the other one.

Pointers in a hive are four bytes at multiples of four, so that all of them are found by looking for their bytes.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterator

from osdimage.imaging.registry import cells
from osdimage.imaging.registry.bins import Bins, whole_of
from osdimage.imaging.registry.hive_file import HiveFile
from osdimage.imaging.units import KIB, MIB

_PAGE = 4096
_LARGEST_LAST_BIN = 64 * KIB
"""A larger bin is not searched for room at its end."""
_LARGEST_SEARCHED = 32 * MIB
"""In a larger hive the room at the end is left alone, and cells of the right size are taken for what they seem: whether
something points into them takes seconds to know."""
_MOST_INSIDE = 1 << 18
"""As many places inside of cells are looked for."""
_LOOKED_FOR_ONE_BY_ONE = 256 * MIB
"""So many bytes may be searched for single pointers before all are looked for in one pass."""
_CHUNK = 1 << 16


class Overlay:
    """The changes of one hive, laid over its file."""

    def __init__(self, file: HiveFile, timestamp: int) -> None:
        """Begin without a change; ``timestamp`` is that of the hive."""
        self._file = file
        self._pages: dict[int, bytearray] = {}
        self._bins = Bins(timestamp, base=file.size)
        self._tail, self._tail_end = _room_at_end(file)
        if self._tail < self._tail_end and self._is_told_of(self._tail, self._tail_end):
            self._tail = self._tail_end
        self._has_tail = False
        # Pointers that are overwritten, and cells that may be given back, with their sizes.
        self._gone: set[int] = set()
        self._unused: dict[int, int] = {}
        # Where damage may have hidden others in them, and in which; those that are larger than they must be, and may
        # reach over others; and those whose contents stay.
        self._inside: dict[int, int] = {}
        self._doubtful: set[int] = set()
        self._unwiped: set[int] = set()
        self._searchable = _LOOKED_FOR_ONE_BY_ONE

    def close(self) -> int:
        """End the cells that were added; return the size of all bins."""
        if self._has_tail and self._tail < self._tail_end:
            self.put(self._tail, struct.pack("<i", self._tail_end - self._tail))
        self._bins.close()
        return self._file.size + len(self._bins.data)

    def pieces(self) -> Iterator[bytes | bytearray | memoryview]:
        """Yield what is behind the first block of the file, in its order."""
        data, base = memoryview(self._file.data), cells.BASE_BLOCK_BYTES
        at = 0
        for number in sorted(self._pages):
            yield data[base + at : base + number * _PAGE]
            yield self._pages[number]
            at = (number + 1) * _PAGE
        yield data[base + at : base + self._file.size]
        # What is behind the bins is no part of the hive; where it has grown, its new bins are there.
        yield self._bins.data or data[base + self._file.size :]

    # ---- bytes

    def allocate(self, size: int) -> int:
        """Return the offset of a new cell for ``size`` bytes, filled with zeroes."""
        whole = whole_of(size)
        if self._tail + whole > self._tail_end:
            return self._bins.allocate(size)
        at = self._tail
        self._tail += whole
        self._has_tail = True
        self.put(at, struct.pack("<i", -whole) + bytes(whole - 4))
        return at

    def put(self, at: int, data: bytes) -> None:
        """Write bytes at an offset."""
        if at >= self._file.size:
            self._bins.put(at, data)
            return
        done = 0
        while done < len(data):
            number, start = divmod(at + done, _PAGE)
            page = self._pages.get(number)
            if page is None:
                first = cells.BASE_BLOCK_BYTES + number * _PAGE
                page = self._pages[number] = bytearray(self._file.data[first : first + _PAGE])
            some = data[done : done + _PAGE - start]
            page[start : start + len(some)] = some
            done += len(some)

    def overwrite(self, at: int, data: bytes, *pointers: int) -> None:
        """Write bytes over others that held pointers, at these offsets."""
        self._gone.update(pointers)
        self.put(at, data)

    # ---- what is not needed any more

    def is_sole(self, offset: int, size: int) -> bool:
        """Tell whether a cell for so many bytes has one pointer to it, that of whoever asks, and none into it.

        Without knowing, it may have more.
        """
        inside = range(offset + cells.CELL_STEP, offset + whole_of(size), cells.CELL_STEP)
        self._searchable -= self._file.size * (1 + len(inside))
        if self._searchable < 0 or not self._file.is_used(offset):
            return False
        told = sum(at not in self._gone for at in self._one(offset))
        return told <= 1 and not any(True for each in inside for _ in self._one(each))

    def unused(self, offset: int, needed: int) -> None:
        """Take notice that nobody who is left needs a cell, which was one for so many bytes."""
        if not self._file.is_used(offset):
            return
        start, end = self._file.cell(offset)
        size = end - start + 4
        is_exact = size == whole_of(needed)
        if self._file.size <= _LARGEST_SEARCHED and len(self._inside) < _MOST_INSIDE:
            self._inside.update(dict.fromkeys(range(offset + cells.CELL_STEP, offset + size, cells.CELL_STEP), offset))
        elif not is_exact:
            return
        if not is_exact:
            self._doubtful.add(offset)
        self._unused[offset] = size

    def is_unused(self, offset: int) -> bool:
        """Tell whether a cell is to be given back."""
        return offset in self._unused

    def give_back(self) -> None:
        """Make free cells of those that nobody needs."""
        for offset, size in self._unused.items():
            self.put(offset, struct.pack("<i", size) + (b"" if offset in self._unwiped else bytes(size - 4)))

    def keep_what_is_needed(self) -> None:
        """Keep the cells that something points to which stays, and what those point to.

        What seems to point into a cell keeps its contents, and the cell itself if that is larger than it must be.
        """
        starts = sorted(self._unused)
        wanted = {**dict.fromkeys(self._unused), **self._inside}.keys()
        needed = {target for target, at in self._pointers(wanted) if self._stays(at, starts)}
        owners = {self._inside[target] for target in needed - self._unused.keys()}
        self._unwiped |= owners
        needed = needed & self._unused.keys() | owners & self._doubtful
        if not needed:
            return
        pointers: dict[int, list[int]] = {}
        for target, at in self._pointers(self._unused):
            pointers.setdefault(target, []).append(at)
        while needed:
            for offset in needed:
                self._unused.pop(offset, None)
            starts = sorted(self._unused)
            needed = {each for each in starts if any(self._stays(at, starts) for at in pointers.get(each, ()))}

    def _stays(self, at: int, starts: list[int]) -> bool:
        """Tell whether bytes are neither written over nor in a cell that is given back; ``starts`` are sorted."""
        number = bisect_right(starts, at) - 1
        is_inside = number >= 0 and at < starts[number] + self._unused[starts[number]]
        return not is_inside and at not in self._gone

    def _pointers(self, wanted: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield what looks like a pointer to one of several cells: the cell, and where in the file that is."""
        self._searchable -= self._file.size * len(wanted)
        if self._searchable >= 0:
            for offset in wanted:
                yield from ((offset, at) for at in self._one(offset))
            return
        looked_for = frozenset(wanted)
        words = self._words()
        for start in range(0, len(words), _CHUNK):
            some = words[start : start + _CHUNK]
            if not looked_for.isdisjoint(some):
                yield from ((word, 4 * index) for index, word in enumerate(some, start) if word in looked_for)

    def _words(self) -> memoryview:
        """Return the bins as numbers of four bytes."""
        bins = memoryview(self._file.data)[cells.BASE_BLOCK_BYTES : cells.BASE_BLOCK_BYTES + self._file.size]
        if sys.byteorder == "little":
            return bins.cast("I")
        words = array("I", bins.tobytes())
        words.byteswap()
        return memoryview(words)

    def _is_told_of(self, start: int, end: int) -> bool:
        """Tell whether something seems to point into the free cell at the end, which damage may have made free."""
        return not frozenset(range(start, end, cells.CELL_STEP)).isdisjoint(self._words())

    def _one(self, offset: int) -> Iterator[int]:
        data, pattern = self._file.data, struct.pack("<I", offset)
        end = cells.BASE_BLOCK_BYTES + self._file.size
        at = data.find(pattern, cells.BASE_BLOCK_BYTES, end)
        while at >= 0:
            if not at & 3:
                yield at - cells.BASE_BLOCK_BYTES
            at = data.find(pattern, at + 1, end)


def _room_at_end(file: HiveFile) -> tuple[int, int]:
    """Return where the free cell begins and ends that is the last of the last bin; twice the same without one."""
    at, end = file.last_bin + cells.BIN_HEADER_BYTES, file.size
    if end - at > _LARGEST_LAST_BIN or end > _LARGEST_SEARCHED:
        return end, end
    while at <= end - 8:
        (size,) = struct.unpack_from("<i", file.data, cells.BASE_BLOCK_BYTES + at)
        if abs(size) < cells.CELL_STEP or abs(size) % cells.CELL_STEP or at + abs(size) > end:
            return end, end
        if at + abs(size) == end and size > 0:
            return at, end
        at += abs(size)
    return end, end
