"""A window of a source, such as a disk image, under a name that libwim and libntfs-3g open as they open a volume.

The Python face of ``device.c``.  Nothing outside the window can be read or written through the name, which means
nothing to other processes.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.slices.sources import Source
from osdimage.native.text import SLICE_PREFIX, titles

CACHE_SIZE = 64 << 20
"""Bytes that a slice keeps of what is not written yet, or was read, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class SliceCounters:
    """What was done with a slice; a device that has it open is counted when it is closed.

    Attributes:
        reads: how often something was read from the slice.
        read_bytes: how much.
        writes: how often something was written to the slice.
        written_bytes: how much.
        hits: pieces of both that were found in the cache.
        misses: pieces of both that were not.
        holes: misses that were answered without reading, since the source has a hole there.
        file_reads: how often the source was read.
        file_read_bytes: how much.
        file_writes: how often the source was written.
        file_written_bytes: how much.
        syncs: how often the source was synced.
    """

    reads: int
    read_bytes: int
    writes: int
    written_bytes: int
    hits: int
    misses: int
    holes: int
    file_reads: int
    file_read_bytes: int
    file_writes: int
    file_written_bytes: int
    syncs: int


class Slice:
    """A window of an open source.  Use it as a context manager, or call :meth:`close`.

    It may be opened many times by its name, by one writer or by several readers at once.  After a write or a sync has
    failed, everything that is tried with it fails with the same error.
    """

    def __init__(
        self,
        source: Source,
        offset: int,
        length: int,
        *,
        read_only: bool = False,
        sync: bool = True,
        sector_size: int = 512,
        cache_size: int = CACHE_SIZE,
        title: str | None = None,
    ) -> None:
        """Give a window of a source a name.

        Args:
            source: where the bytes are; it may be closed at once.
            offset: where the window begins, in bytes.
            length: its size in bytes.
            read_only: refuse to be opened for writing.
            sync: wait, at the end of every use, until what was written is on the medium.
            sector_size: what the window says its sectors have.
            cache_size: bytes; below 64 KiB there is no cache.
            title: what messages call it; None for its name.

        Raises:
            OSError: EINVAL when the window does not lie in the source, EROFS when that cannot be written.
        """
        if lib.osd_slice_install() != 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        number = lib.osd_slice_register(source.handle, offset, length, sector_size, read_only, sync, cache_size)
        if number < 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        self._number: int | None = number
        titles[self.name] = self.name if title is None else title

    def _get_number(self) -> int:
        if self._number is None:
            raise ValueError("this slice is closed")
        return self._number

    @property
    def name(self) -> str:
        """What libwim and libntfs-3g are given in place of a path.

        Raises:
            ValueError: when the slice is closed.
        """
        return f"{SLICE_PREFIX}{self._get_number()}"

    @property
    def error(self) -> int | None:
        """The errno of the first write or sync that failed, or None.

        Raises:
            ValueError: when the slice is closed.
        """
        return lib.osd_slice_error(self._get_number()) or None

    @property
    def read_error(self) -> int | None:
        """The errno of the first read that failed, or None; libntfs-3g calls damage EIO too.

        Raises:
            ValueError: when the slice is closed.
        """
        return lib.osd_slice_read_error(self._get_number()) or None

    def counters(self) -> SliceCounters:
        """Return what was done with it.

        Raises:
            ValueError: when the slice is closed.
        """
        counters = ffi.new("struct osd_slice_counters *")
        lib.osd_slice_counters(self._get_number(), counters)
        return SliceCounters(**{name: getattr(counters, name) for name in SliceCounters.__slots__})

    def close(self) -> None:
        """Take the name back.  A second call does nothing.

        Raises:
            OSError: the error of the first write or sync that failed; EBUSY when the slice is still open for writing,
                so that what was written may not be in the source.
        """
        if self._number is None:
            return
        error = self.error
        del titles[self.name]
        number, self._number = self._number, None
        writers = lib.osd_slice_unregister(number)
        if error is not None:
            raise OSError(error, os.strerror(error))
        if writers:
            raise OSError(errno.EBUSY, "the slice is still open for writing")

    def __enter__(self) -> Self:
        """Return the slice."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close it.  An exception that is on its way is not replaced by the error of a write, which caused it."""
        try:
            self.close()
        except OSError:
            if kind is None:
                raise
