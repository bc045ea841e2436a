"""Which contents of a WIM are copied as they are stored, and where to; the Python face of ``raw_copy.c``."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from osdimage.native._wimlib import ffi, lib

ENTRY_BYTES = 50
_RANGE = struct.Struct("=QQQ")


class CopyRange(NamedTuple):
    """Bytes that are copied: from where, where to, and how many."""

    source: int
    destination: int
    size: int


class CopyPlan:
    """The plan of a copy.  Want what trees refer to, then lay it out, then ask for each part."""

    def __init__(self, table: bytes) -> None:
        """Take a blob table.

        Raises:
            OSError: ENOTSUP when it has entries that cannot be copied as they are.
        """
        # The plan reads the table as long as it lives.
        self._table = table
        self._count = len(table) // ENTRY_BYTES
        made = lib.osd_raw_new(ffi.from_buffer(table), self._count)
        if made == ffi.NULL:
            raise _error()
        self._raw = ffi.gc(made, lib.osd_raw_free)

    @property
    def trees(self) -> tuple[int, ...]:
        """The numbers of the entries of the trees, in the order of the images."""
        numbers = ffi.new("uint32_t[]", self._count)
        return tuple(numbers[0 : lib.osd_raw_trees(self._raw, numbers, self._count)])

    def add_tree(self, tree: bytes, *, may_miss: bool) -> bool:
        """Want what a tree refers to; with ``may_miss`` what the table lacks is in another file.

        Returns:
            Whether a folder has entries for streams.

        Raises:
            OSError: ENODATA when something is missing, EBADMSG when libwim would not take the tree whole.
        """
        found = lib.osd_raw_add_tree(self._raw, ffi.from_buffer(tree), len(tree), may_miss)
        if found < 0:
            raise _error()
        return bool(found)

    def lay_out(
        self, file_size: int, *, limit: int = 0, fixed: int = 0, first: int = 0, may_exceed: bool = False
    ) -> int:
        """Give what is wanted its place in one file or several; return how many.

        Args:
            file_size: of the file that the table is of, in bytes.
            limit: of the size of each file, 0 for none.
            fixed: what each has beside contents and their entries.
            first: what only the first one has.
            may_exceed: whether what is larger than ``limit`` makes its file larger.

        Raises:
            OSError: EBADMSG when something does not lie in the file, ENOTSUP when only some of a solid resource is
                wanted, or a file with one is to have parts, EFBIG when something is larger than a part.
        """
        if lib.osd_raw_lay_out(self._raw, file_size, limit, fixed, first, may_exceed) != 0:
            raise _error()
        parts: int = lib.osd_raw_parts(self._raw)
        return parts

    @property
    def culprit(self) -> bytes | None:
        """The entry that was too large for a part; None when what only the first one has was."""
        found = lib.osd_raw_culprit(self._raw)
        return None if found == ffi.NULL else bytes(ffi.buffer(found, ENTRY_BYTES))

    def entries(self, part: int) -> int:
        """Return how many entries the blob table of a part has, without the trees."""
        count: int = lib.osd_raw_entries(self._raw, part)
        return count

    def table(self, part: int) -> bytes:
        """Return the blob table of a part, from 1 on, without the trees."""
        made = ffi.new("uint8_t[]", self.entries(part) * ENTRY_BYTES)
        lib.osd_raw_table(self._raw, part, made)
        return bytes(ffi.buffer(made))

    def ranges(self, part: int) -> list[CopyRange]:
        """Return what is copied to a part, in the order of both files; the first begins behind the header."""
        made = ffi.new("struct osd_range[]", lib.osd_raw_entries(self._raw, part) + 1)
        count = lib.osd_raw_ranges(self._raw, part, made)
        return [CopyRange(*each) for each in _RANGE.iter_unpack(bytes(ffi.buffer(made, count * _RANGE.size)))]


def _error() -> OSError:
    return OSError(ffi.errno, os.strerror(ffi.errno))
