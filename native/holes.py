"""Holes of sparse files: finding and making them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from osdimage.native._wimlib import ffi, lib


def data_ranges(descriptor: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end, in bytes, of what a file holds between two places; the rest are holes and reads as zeros.

    A file system that keeps no record of holes gives one range.

    Raises:
        OSError: when the file cannot be looked at.
    """
    while begin < end:
        try:
            first = os.lseek(descriptor, begin, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        if first >= end:
            return
        begin = min(end, os.lseek(descriptor, first, os.SEEK_HOLE))
        yield first, begin


def hole_ranges(descriptor: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end, in bytes, of the holes of a file between two places.

    Raises:
        OSError: when the file cannot be looked at.
    """
    for first, after in data_ranges(descriptor, begin, end):
        if begin < first:
            yield begin, first
        begin = after
    if begin < end:
        yield begin, end


def punch(descriptor: int, offset: int, size: int) -> bool:
    """Make a hole in a file, or have a device zero a range by itself; return whether it could.

    Raises:
        OSError: when it could but failed.
    """
    if lib.fallocate(descriptor, lib.FALLOC_FL_PUNCH_HOLE | lib.FALLOC_FL_KEEP_SIZE, offset, size) == 0:
        return True
    if ffi.errno in {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
        return False
    raise OSError(ffi.errno, os.strerror(ffi.errno))
