"""The cells of security descriptors in a hive that is changed: a ring, in which every cell counts its keys."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.registry import cells
from osdimage.imaging.registry.hive_file import Fault, HiveFile
from osdimage.imaging.registry.overlay import Overlay

_AFTER, _BEFORE = 8, 12
"""Where a cell has the pointers of the ring, from its offset; the number of its keys is behind them."""
_MOST_KEYS = 0xFFFFFFFF


class Descriptors:
    """Finds descriptors in the ring, counts their keys, and adds new ones."""

    def __init__(self, file: HiveFile, overlay: Overlay, start: int) -> None:
        """Prepare; ``start`` is the offset of the descriptor of the root, from which the ring is followed."""
        self._file = file
        self._overlay = overlay
        self._start = start
        self._offsets: dict[bytes, int] = {}
        self._is_read = False
        # What the cells hold now: the pointers and the count.
        self._heads: dict[int, list[int]] = {}
        self._sizes: dict[int, int] = {}

    def cell_of(self, security: bytes | None) -> int:
        """Return the offset of the cell with a descriptor, which is used once more."""
        if security is None:
            return cells.NOWHERE
        self._read()
        offset = self._offsets.get(security)
        # Of a damaged hive a cell may be told to have as many keys as its field counts: it takes no more.
        if offset is None or self._heads[offset][2] == _MOST_KEYS:
            offset = self._offsets[security] = self._add(security)
        self._heads[offset][2] += 1
        self._put(offset)
        return offset

    def release(self, offset: int) -> None:
        """Count one key less; one that is damaged is left alone."""
        self._read()
        head = self._heads.get(offset)
        if head is not None and head[2] > 0:
            head[2] -= 1
            self._put(offset)

    def unlink_unused(self) -> Iterator[tuple[int, int]]:
        """Take descriptors out of the ring that no key uses; yield their offsets, and how many bytes they are."""
        for offset, (after, before, count) in list(self._heads.items()):
            if count or offset == self._start or after not in self._heads or before not in self._heads:
                continue
            self._heads[before][0], self._heads[after][1] = after, before
            self._put(before)
            self._put(after)
            yield offset, cells.SECURITY.size + self._sizes[offset]

    def _read(self) -> None:
        """Follow the ring, as far as it is one."""
        if self._is_read:
            return
        self._is_read = True
        at = self._start
        while at not in self._heads:
            try:
                start, end = self._file.record(at, cells.SECURITY.size, b"sk")
            except Fault:
                return
            _, _, after, before, count, size = cells.SECURITY.unpack_from(self._file.data, start)
            first = start + cells.SECURITY.size
            if first + size > end:
                return
            self._heads[at], self._sizes[at] = [after, before, count], size
            self._offsets.setdefault(self._file.data[first : first + size], at)
            at = after

    def _add(self, security: bytes) -> int:
        """Add a cell behind that of the root."""
        offset = self._overlay.allocate(cells.SECURITY.size + len(security))
        first = self._heads.get(self._start)
        after, before = (offset, offset) if first is None else (first[0], self._start)
        self._heads[offset], self._sizes[offset] = [after, before, 0], len(security)
        head = cells.SECURITY.pack(b"sk", 0, after, before, 0, len(security))
        self._overlay.put(offset + 4, head + security)
        if first is not None:
            first[0] = offset
            self._put(self._start)
            if after in self._heads:
                self._heads[after][1] = offset
                self._put(after)
        return offset

    def _put(self, offset: int) -> None:
        self._overlay.overwrite(
            offset + _AFTER, struct.pack("<3I", *self._heads[offset]), offset + _AFTER, offset + _BEFORE
        )
