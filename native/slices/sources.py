"""Where the bytes of a disk or of a slice are: a file, a device, or whatever else implements ``source.h``.

The Python face of ``source.c``.  A source is shared: slices made of it, and devices that libntfs-3g has open, keep it
alive when it is closed here.  Any number of threads may use it at once, and none of them holds the interpreter's lock
meanwhile.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib

# Memory that is filled from the source at once need not be cleared before.
_allocate = ffi.new_allocator(should_clear_after_alloc=False)


class Source:
    """An open source of bytes.  Use it as a context manager, or call :meth:`close`.

    Everything that is done with one that is closed raises :class:`ValueError`, and what does not lie in it or cannot be
    done :class:`OSError` (EINVAL; EROFS for changes to one that cannot be written).
    """

    def __init__(self, owned: Any) -> None:
        """Take over a ``struct osd_source *``, as its user; use a class method in place of this.

        Raises:
            OSError: the error of the call that returned it, when that is NULL.
        """
        if owned == ffi.NULL:
            raise _failure(ffi.errno)
        # Whoever is inside of a call keeps it alive, so that closing does not take it from another thread.
        self._source: Any = ffi.gc(owned, lib.osd_source_release)

    @classmethod
    def of_file(cls, descriptor: int) -> Self:
        """Return the bytes of an open file or block device, as many as it has now.

        Args:
            descriptor: the file; it is duplicated, so it may be closed at once.  Its position moves.

        Raises:
            OSError: EINVAL when it is neither file nor block device, EBADF when it is not open for reading.
        """
        return cls(lib.osd_source_of_file(descriptor))

    @property
    def handle(self) -> Any:
        """The ``struct osd_source *``, for the native parts."""
        if self._source is None:
            raise ValueError("this source is closed")
        return self._source

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return int(self.handle.size)

    @property
    def is_read_only(self) -> bool:
        """Whether it cannot be written."""
        return bool(self.handle.is_read_only)

    def read(self, offset: int, size: int) -> bytes:
        """Return so many bytes.

        Raises:
            OSError: when that failed; EIO when the file has become shorter.
        """
        source = self.handle
        # Before memory is taken for what cannot be.
        if not (0 <= size <= source.size and lib.osd_source_holds(source, size, offset)):
            raise _failure(errno.EINVAL)
        buffer = _allocate("uint8_t[]", size)
        _check(lib.osd_source_read(source, buffer, size, offset))
        return bytes(ffi.buffer(buffer))

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes.

        Raises:
            OSError: when that failed; it is unknown then how much was written.
        """
        buffer = ffi.from_buffer(data)
        _check(lib.osd_source_write(self.handle, buffer, len(buffer), offset))

    def sync(self) -> None:
        """Wait until everything that was written is on the medium.

        Raises:
            OSError: when that failed.
        """
        _check(lib.osd_source_sync(self.handle))

    def zero(self, offset: int, size: int, *, keep_room: bool = False) -> bool:
        """Make a range zeros without writing them, if that can be done here; return whether it could.

        Args:
            offset: where it begins.
            size: how many bytes.
            keep_room: reserve room for the range; otherwise it becomes a hole.

        Raises:
            OSError: when it could but failed.
        """
        return _check(lib.osd_source_zero(self.handle, size, offset, not keep_room)) != 0

    def data_ranges(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield begin and end of what may hold data in a range; the rest are holes and reads as zeros.

        A source that keeps no record of holes gives one range.

        Raises:
            OSError: when it cannot be looked at.
        """
        begin, end = offset, offset + size
        while (first := self._find(lib.OSD_FIND_DATA, begin, end)) < end:
            begin = self._find(lib.OSD_FIND_HOLE, first, end)
            yield first, begin

    def hole_ranges(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield begin and end of the holes in a range.

        Raises:
            OSError: when it cannot be looked at.
        """
        begin, end = offset, offset + size
        for first, after in self.data_ranges(offset, size):
            if begin < first:
                yield begin, first
            begin = after
        if begin < end:
            yield begin, end

    def _find(self, what: int, begin: int, end: int) -> int:
        return _check(lib.osd_source_find(self.handle, what, begin, end))

    def close(self) -> None:
        """Give it up; a second call does nothing.  What was written but not synced is where it was."""
        self._source = None

    def __enter__(self) -> Self:
        """Return the source."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class StagedSource(Source):
    """A source that holds back what is written to a window of another; see ``source_staged.c``.

    Attributes:
        page: how many bytes are held together; the window begins with the first page.
    """

    page = int(lib.OSD_STAGED_PAGE)

    @classmethod
    def over(cls, below: Source, begin: int, length: int, *, used: bytes | None = None, cluster_size: int = 0) -> Self:
        """Return a source that holds what is written to a window; nothing outside of it can be written.

        Args:
            below: where the bytes are; it may be closed at once.
            begin: where the window begins, in bytes.
            length: its size.
            used: a bit for each cluster of the window, lowest first, 1 for one that is in use; what is written to the
                others goes below at once.  None when nothing is to be written there.
            cluster_size: in bytes.

        Raises:
            OSError: EINVAL when the window does not lie in the source.
        """
        bits = ffi.NULL if used is None else ffi.from_buffer(used)
        clusters = 0 if used is None else 8 * len(used)
        return cls(lib.osd_source_staged(below.handle, begin, length, bits, clusters, cluster_size))

    def held(self) -> Iterator[int]:
        """Yield the pages of the window that are held, by their numbers."""
        number = lib.osd_staged_next(self.handle, 0)
        while number >= 0:
            yield number
            number = lib.osd_staged_next(self.handle, number + 1)

    def is_touched(self, offset: int, size: int) -> bool:
        """Tell whether something of a range of the window was written, held or not."""
        return bool(lib.osd_staged_touched(self.handle, size, offset))


@dataclass(frozen=True, slots=True)
class MovedPart:
    """A part of an encrypted volume whose contents are not where it is; in bytes of the volume.

    Attributes:
        begin: where it begins.
        end: where it ends.
        moved_to: where they are, encrypted; None: it reads as zeros.
    """

    begin: int
    end: int
    moved_to: int | None


class DecryptedSource(Source):
    """A source that reads a window of another as what was encrypted there; see ``source_fve.c``.  It is read only."""

    @classmethod
    def over(
        cls,
        below: Source,
        begin: int,
        length: int,
        *,
        sector_size: int,
        method: int,
        key: bytes | bytearray,
        parts: Sequence[MovedPart],
    ) -> Self:
        """Return a source of the same size as another, of which one window is decrypted.

        Args:
            below: where the bytes are; it may be closed at once.
            begin: where the window begins, in bytes.
            length: its size, a multiple of its sectors'.
            sector_size: of the volume, in bytes.
            method: one of :class:`~osdimage.native.fve.crypto.Method`.
            key: of the sectors; it may be wiped at once.
            parts: what is not where it is, in order.

        Raises:
            OSError: EINVAL when something does not lie in the window or has another size than it must; ENOSYS
                without libcrypto.
        """
        held = ffi.new("struct osd_fve_part[]", len(parts))
        for each, part in zip(held, parts, strict=True):
            each.begin, each.end = part.begin, part.end
            each.moved_to = -1 if part.moved_to is None else part.moved_to
        material = ffi.from_buffer("uint8_t[]", key)
        return cls(
            lib.osd_source_fve(below.handle, begin, length, sector_size, method, material, len(key), held, len(parts))
        )


class JoinedSource(Source):
    """A window of one source, and all of another behind it; it is only read."""

    @classmethod
    def of(cls, first: Source, begin: int, length: int, second: Source) -> Self:
        """Join them; both may be closed at once.

        Args:
            first: of which a window comes first.
            begin: where that begins, in bytes.
            length: its size.
            second: what follows it.

        Raises:
            OSError: EINVAL when the window does not lie in the first.
        """
        return cls(lib.osd_source_joined(first.handle, begin, length, second.handle))


class NbdSource(Source):
    """A source that an NBD server reads and writes; see ``source_nbd.c``.

    When the server has gone, everything fails with ENOTCONN; when it does not keep to the protocol, with EPROTO.
    """

    most_connections = int(lib.OSD_NBD_MOST_LINKS)

    @classmethod
    def over(cls, sockets: Sequence[socket.socket], *, export: str = "", patience_s: int = 30) -> Self:
        """Return the disk of a server, by connections on which nothing was said yet.

        Args:
            sockets: they may be closed at once; so many threads are served at the same time as there are of them, if
                the server lets them share what is written.
            export: which of its disks, by the server's name for it.
            patience_s: how long the server may take for each of its answers before the first request, in seconds.

        Raises:
            OSError: ENOTCONN when the server has gone, ETIMEDOUT, ENOENT when it has no such disk, EACCES when it does
                not give it, EOPNOTSUPP or EPROTO when it is not understood.
        """
        descriptors = ffi.new("int[]", [each.fileno() for each in sockets])
        return cls(lib.osd_source_nbd(descriptors, len(sockets), export.encode(), patience_s))

    def end(self) -> None:
        """Take leave of the server, whoever else has the source; all that they do from now on fails with EBADF."""
        lib.osd_nbd_end(self.handle)


def sync_all(sources: Sequence[Source]) -> tuple[OSError | None, ...]:
    """Wait for several sources at the same time; return for each why that failed, or None."""
    errors = ffi.new("int[]", len(sources))
    handles = ffi.new("struct osd_source *[]", [each.handle for each in sources])
    lib.osd_source_sync_all(handles, len(sources), errors)
    return tuple(_failure(number) if number else None for number in errors)


def _check(result: int) -> int:
    if result < 0:
        raise _failure(ffi.errno)
    return result


def _failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))
