"""Single files and directories of an NTFS volume, through libntfs-3g.

A file or directory is named by its *reference*, which :meth:`NtfsFiles.child` tells; :data:`ROOT` is the root's.  What
a path is, and what on it may not be passed, is decided above: no link is followed here.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import path_to_c

ROOT = 5
"""The root directory (FILE_root of ``<ntfs-3g/layout.h>``)."""
_ENTRY = struct.Struct("=QH")


@dataclass(frozen=True, slots=True)
class NtfsAbout:
    """What an NTFS volume says of a file or directory.

    Attributes:
        reference: its name here.
        is_directory: whether it is one.
        size: of the contents in bytes; 0 for a directory.
        attributes: FILE_ATTRIBUTE_* of Windows, without that for a directory.
        modified: the time of the last change, as a FILETIME.
    """

    reference: int
    is_directory: bool
    size: int
    attributes: int
    modified: int


class NtfsFiles:
    """A volume whose files are read, or also written.  Use it as a context manager, or call :meth:`close`.

    Nothing is mounted in the system.  The dirty flag is not touched.  A change of one that is only read is refused
    (EROFS).
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool) -> None:
        """Open a volume: the path of a file or device that holds nothing else, or the name of a slice.

        Raises:
            OSError: when libntfs-3g refuses the volume.
        """
        self._path = os.fspath(path)
        # For writing: whether Windows is hibernated is asked before, and a journal that is open was discarded then.
        flags = lib.NTFS_MNT_RDONLY if read_only else lib.NTFS_MNT_IGNORE_HIBERFILE
        self._volume: Any = lib.ntfs_mount(path_to_c(path), flags)
        if self._volume == ffi.NULL:
            self._volume = None
            raise self._error()

    def __enter__(self) -> Self:
        """Return the volume itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the volume; while another error is under way, that of closing does not count."""
        try:
            self.close()
        except OSError:
            if error is None:
                raise

    def close(self) -> None:
        """Close the volume, which writes what is cached; closing twice is harmless.

        Raises:
            OSError: when that failed.
        """
        volume, self._volume = self._volume, None
        if volume is not None and lib.ntfs_umount(volume, 0) != 0:
            raise self._error()

    def about(self, reference: int) -> NtfsAbout:
        """Tell what a reference names.

        Raises:
            OSError: ENOENT when it names nothing any more.
        """
        found = ffi.new("struct osd_ntfs_about *")
        self._check(lib.osd_ntfs_about(self._open(), reference, found))
        return _about(found)

    def child(self, directory: int, name: str) -> NtfsAbout | None:
        """Find a name in a directory, as the volume compares names: without case.

        Raises:
            OSError: ENOTDIR when it is no directory.
        """
        units, length = _utf16(name)
        found = ffi.new("struct osd_ntfs_about *")
        if lib.osd_ntfs_child(self._open(), directory, units, length, found) != 0:
            if ffi.errno == errno.ENOENT:
                return None
            raise self._error()
        return _about(found)

    def children(self, directory: int) -> Iterator[tuple[str, int]]:
        """Yield name and reference of what is in a directory, but for the files of NTFS itself.

        Raises:
            OSError: ENOTDIR when it is no directory.
        """
        held, size = ffi.new("uint8_t **"), ffi.new("size_t *")
        self._check(lib.osd_ntfs_list(self._open(), directory, held, size))
        try:
            data = bytes(ffi.buffer(held[0], size[0])) if size[0] else b""
        finally:
            lib.free(held[0])
        at = 0
        while at < len(data):
            reference, units = _ENTRY.unpack_from(data, at)
            at += _ENTRY.size
            yield data[at : at + 2 * units].decode("utf-16-le", "surrogatepass"), reference
            at += 2 * units

    def read(self, reference: int, offset: int, size: int) -> bytes:
        """Return a part of the contents of a file; less than was asked for only at its end.

        Raises:
            OSError: EISDIR, or EOPNOTSUPP when it is a link, or stored in a way that only Windows reads.
        """
        buffer = bytearray(size)
        got = lib.osd_ntfs_read(self._open(), reference, offset, ffi.from_buffer(buffer), size)
        if got < 0:
            raise self._error()
        return bytes(memoryview(buffer)[:got])

    def make_directory(self, directory: int, name: str, *, time: int) -> NtfsAbout:
        """Make a directory with the times of a FILETIME.

        Raises:
            OSError: EEXIST when there is something of that name, or when the volume is full.
        """
        return self._make(directory, name, b"", time, is_directory=True)

    def make_file(self, directory: int, name: str, data: bytes, *, time: int) -> NtfsAbout:
        """Make a file with these contents and the times of a FILETIME.

        Raises:
            OSError: EEXIST when there is something of that name, or when the volume is full.
        """
        return self._make(directory, name, data, time, is_directory=False)

    def _make(self, directory: int, name: str, data: bytes, time: int, *, is_directory: bool) -> NtfsAbout:
        units, length = _utf16(name)
        made = ffi.new("struct osd_ntfs_about *")
        self._check(
            lib.osd_ntfs_make(
                self._open(), directory, units, length, is_directory, ffi.from_buffer(data), len(data), time, made
            )
        )
        return _about(made)

    def overwrite(self, reference: int, data: bytes, *, time: int) -> None:
        """Replace the contents of a file, which keeps all else but the time of its last change (FILETIME).

        Raises:
            OSError: EISDIR, EOPNOTSUPP as :meth:`read`; ENOSPC: the old contents are whole then, unless they are
                compressed.
        """
        self._check(lib.osd_ntfs_overwrite(self._open(), reference, ffi.from_buffer(data), len(data), time))

    def overwrite_covered(self, reference: int, stream: str, data: bytes, *, time: int) -> None:
        """Replace the contents of a file that Windows has compressed into a stream: it becomes a plain one.

        The reparse point and the stream go after the new contents are there.

        Raises:
            OSError: as :meth:`overwrite`; ENOSPC: the old contents are whole.
        """
        units, length = _utf16(stream)
        buffer = ffi.from_buffer(data)
        self._check(lib.osd_ntfs_overwrite_covered(self._open(), reference, units, length, buffer, len(data), time))

    def reserve(self, reference: int, size: int) -> None:
        """Give an empty file a size in bytes, and the clusters for it; what it holds then is zeros.

        Raises:
            OSError: EISDIR, EOPNOTSUPP as :meth:`read`; ENOSPC.
        """
        self._check(lib.osd_ntfs_reserve(self._open(), reference, size))

    def write(self, reference: int, offset: int, data: bytes) -> None:
        """Write a part of the contents of a file, within its size.

        Raises:
            OSError: EISDIR, EOPNOTSUPP as :meth:`read`; EINVAL when it would reach beyond its end.
        """
        self._check(lib.osd_ntfs_write(self._open(), reference, offset, ffi.from_buffer(data), len(data)))

    def set_attributes(self, reference: int, attributes: int) -> None:
        """Set READONLY, HIDDEN, SYSTEM and ARCHIVE as they are in ``attributes``.

        Raises:
            OSError: when that failed.
        """
        self._check(lib.osd_ntfs_set_attributes(self._open(), reference, attributes))

    def delete(self, directory: int, name: str) -> None:
        """Delete a file or an empty directory.

        Raises:
            OSError: ENOENT, or ENOTEMPTY.
        """
        units, length = _utf16(name)
        self._check(lib.osd_ntfs_delete(self._open(), directory, units, length))

    def sync(self) -> None:
        """Wait until everything that was written is on the medium.

        Raises:
            OSError: when that failed.
        """
        self._check(lib.osd_ntfs_sync(self._open()))

    def _open(self) -> Any:
        if self._volume is None:
            raise ValueError("this volume is closed")
        return self._volume

    def _check(self, result: int) -> None:
        if result != 0:
            raise self._error()

    def _error(self) -> OSError:
        # libntfs-3g finds some damage without a system error to go with it.
        number = ffi.errno or errno.EIO
        return OSError(number, os.strerror(number), self._path)


def _about(found: Any) -> NtfsAbout:
    return NtfsAbout(found.reference, bool(found.is_directory), found.size, found.attributes, found.modified)


def _utf16(name: str) -> tuple[Any, int]:
    encoded = name.encode("utf-16-le", "surrogatepass")
    return ffi.from_buffer("uint16_t[]", encoded + b"\0\0"), len(encoded) // 2
