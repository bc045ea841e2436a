"""Copying bytes from file to file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from osdimage.imaging.output import write_at
from osdimage.imaging.units import MIB
from osdimage.native.wim.raw_copy import CopyRange

LARGEST_STEP = 32 * MIB
"""So many bytes at most are copied between two looks at whether somebody wants to stop."""
_PIECE_BYTES = MIB
# Where the system cannot copy from file to file by itself.
_NO_RANGES = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}

Copied = Callable[[int], None]
"""Is told how many bytes more were copied; it stops the copy by raising an exception of its own."""


def copy_range(
    source: int, destination: int, what: CopyRange, copied: Copied, *, step_bytes: int = LARGEST_STEP
) -> None:
    """Copy bytes from file to file, by the system itself where it can; ``copied`` is told of each step.

    Raises:
        OSError: when reading or writing failed; ENODATA when the source ends too early.
    """
    done = 0
    by_system = True
    while done < what.size:
        at, to, left = what.source + done, what.destination + done, what.size - done
        if by_system:
            try:
                count = os.copy_file_range(source, destination, min(left, step_bytes), at, to)
            except OSError as error:
                if error.errno not in _NO_RANGES:
                    raise
                by_system = False
                continue
        else:
            data = os.pread(source, min(left, _PIECE_BYTES), at)
            write_at(destination, data, to)
            count = len(data)
        if count == 0:
            if by_system:
                # Some file systems say so of a file that they cannot copy from.
                by_system = False
                continue
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        done += count
        copied(count)
