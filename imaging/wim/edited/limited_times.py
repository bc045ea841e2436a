"""Times of what was changed in an image, limited so that the same change makes the same tree again.

libwim gives a directory that it makes the time of now, what is added the times of its file, among them that of the
last access, and what was edited on a volume has the time at which that was.
"""

from __future__ import annotations

import struct
from datetime import datetime

from osdimage.imaging import filetime
from osdimage.imaging.wim.stored.dentries import Dentry, walk

# liCreationTime, liLastAccessTime and liLastWriteTime of DENTRY_STRUCT.
_TIMES = struct.Struct("<QQQ")
_TIMES_AT = 40

_Times = tuple[int, int, int]


class LimitedTimes:
    """Limits the times in the tree of a changed image; see :func:`~osdimage.imaging.wim.write.append_file`."""

    def __init__(self, before: bytes, latest: datetime) -> None:
        """Remember the times of all that is there.

        Args:
            before: the tree of the image before it is changed, as it is stored.
            latest: no new time is later than it.

        Raises:
            CorruptWim: when the tree is damaged.
        """
        self._latest = filetime.from_datetime(latest)
        self._before = {each.path: _times_of(each) for each in walk(before, strict=True)}

    def __call__(self, tree: bytes) -> bytes | None:
        """Return a tree in which times that were not there are limited; None when there is none.

        Raises:
            CorruptWim: when the tree is damaged.
        """
        made: bytearray | None = None
        for entry in walk(tree, strict=True):
            new = _times_of(entry)
            limited = self._limited(self._before.get(entry.path), new)
            if limited != new:
                made = bytearray(tree) if made is None else made
                _TIMES.pack_into(made, entry.begin + _TIMES_AT, *limited)
        return None if made is None else bytes(made)

    def _limited(self, old: _Times | None, new: _Times) -> _Times:
        created, accessed, written = new
        was_created, was_accessed, was_written = old or (None, None, None)
        if written != was_written:
            written = min(written, self._latest)
        if created != was_created:
            created = min(created, self._latest)
        if accessed != was_accessed:
            accessed = written
        return created, accessed, written


def _times_of(entry: Dentry) -> _Times:
    created, accessed, written = _TIMES.unpack_from(entry.tree, entry.begin + _TIMES_AT)
    return created, accessed, written
