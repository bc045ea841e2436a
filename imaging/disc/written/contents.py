"""What is in a file that a disc is to hold: bytes that are there, or stretches of a file that is read later."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.output import copy_range, write_at
from osdimage.imaging.units import MIB

Copied = Callable[[int], None]
"""Is told how many more bytes of contents are on the disc; an exception of its own stops the work."""

# Below it, one call that reads and one that writes are faster than asking for holes first.
_SMALL_BYTES = 1 << 16
# Of the disc; any other failure of a copy is one of the file, as far as the system tells.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class BytesContents:
    """Contents that are in memory.

    Attributes:
        data: the contents.
    """

    data: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)

    def copy_to(self, descriptor: int, offset: int, copied: Copied) -> None:
        """Write them into a file, from an offset on.

        Raises:
            OSError: when writing fails.
        """
        write_at(descriptor, self.data, offset)
        copied(len(self.data))

    def pieces(self) -> Iterator[bytes]:
        """Yield them."""
        if self.data:
            yield self.data


@dataclass(frozen=True, slots=True)
class FileContents:
    """Contents that are in a file, of which they may be a part: a disc holds files of its own.

    Attributes:
        path: of the file.
        stretches: where in it they are, in their order; those without an offset are zeros.
        file_bytes: the size of the whole file, as it was when these contents were made.
        modified_ns: the time of its last change, likewise, in nanoseconds since 1970.
    """

    path: Path
    stretches: tuple[DiscExtent, ...]
    file_bytes: int
    modified_ns: int

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(each.size for each in self.stretches)

    def copy_to(self, descriptor: int, offset: int, copied: Copied) -> None:
        """Copy them into a file, from an offset on; holes are left out, for they are zeros there already.

        Raises:
            StorageError: when the file cannot be read, or has changed since these contents were made.
            OSError: when the disc has no room.
        """
        source = self._open()
        try:
            self._require_unchanged(source)
            for each in self.stretches:
                if each.offset is not None:
                    _copy(source, descriptor, at=each.offset, to=offset, size=each.size, copied=copied)
                else:
                    copied(each.size)
                offset += each.size
            self._require_unchanged(source)
        except StorageError:
            raise
        except OSError as error:
            if error.errno == errno.ENODATA:
                raise self._changed() from error
            if error.errno in _NO_ROOM:
                raise
            raise StorageError(f"{self.path}: cannot be copied: {error.strerror}", path=self.path) from error
        finally:
            os.close(source)

    def pieces(self) -> Iterator[bytes]:
        """Yield them, up to a MiB at a time.

        Raises:
            StorageError: as :meth:`copy_to`.
        """
        source = self._open()
        try:
            self._require_unchanged(source)
            for each in self.stretches:
                yield from self._pieces_of(source, each)
            self._require_unchanged(source)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be read: {error.strerror}", path=self.path) from error
        finally:
            os.close(source)

    def _pieces_of(self, source: int, stretch: DiscExtent) -> Iterator[bytes]:
        done = 0
        while done < stretch.size:
            wanted = min(MIB, stretch.size - done)
            piece = bytes(wanted) if stretch.offset is None else os.pread(source, wanted, stretch.offset + done)
            if not piece:
                raise self._changed()
            yield piece
            done += len(piece)

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be read: {error.strerror}", path=self.path) from error

    def _require_unchanged(self, source: int) -> None:
        facts = os.fstat(source)
        is_block = stat.S_ISBLK(facts.st_mode)
        if not is_block and (facts.st_size, facts.st_mtime_ns) != (self.file_bytes, self.modified_ns):
            raise self._changed()

    def _changed(self) -> StorageError:
        return StorageError(f"{self.path}: changed while the medium was made; nothing was kept of it", path=self.path)


@dataclass(frozen=True, slots=True)
class JoinedContents:
    """Contents that are those of others, one behind the other.

    Attributes:
        parts: the others, in their order.
    """

    parts: tuple[BytesContents | FileContents, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(each.size for each in self.parts)

    def copy_to(self, descriptor: int, offset: int, copied: Copied) -> None:
        """Copy them into a file, from an offset on; holes are left out, for they are zeros there already.

        Raises:
            StorageError, OSError: as :meth:`FileContents.copy_to`.
        """
        for each in self.parts:
            each.copy_to(descriptor, offset, copied)
            offset += each.size

    def pieces(self) -> Iterator[bytes]:
        """Yield them, up to a MiB at a time where they are in files.

        Raises:
            StorageError: as :meth:`FileContents.copy_to`.
        """
        for each in self.parts:
            yield from each.pieces()


Contents = BytesContents | FileContents | JoinedContents
"""What a file of a new disc may hold."""


def contents_of_file(path: str | os.PathLike[str]) -> FileContents:
    """Take the whole of a file for contents; it is read when the disc is written.

    Raises:
        InvalidInput: when it is no regular file: a symbolic link is not followed.
        StorageError: when nothing can be known of it.
    """
    file = Path(path)
    try:
        facts = file.lstat()
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}", path=file) from error
    if not stat.S_ISREG(facts.st_mode):
        what = "a symbolic link, which is not followed" if stat.S_ISLNK(facts.st_mode) else "no regular file"
        raise InvalidInput(f"{file}: is {what}; a disc takes files and directories")
    whole = (DiscExtent(0, facts.st_size),) if facts.st_size else ()
    return FileContents(file, whole, facts.st_size, facts.st_mtime_ns)


def _copy(source: int, descriptor: int, *, at: int, to: int, size: int, copied: Copied) -> None:
    if size <= _SMALL_BYTES:
        copy_range(source, descriptor, at=at, to=to, size=size, copied=copied, by_system=False)
        return
    end = at + size
    reached = at
    for begin, length in _recorded(source, at, end):
        if begin > reached:
            copied(begin - reached)
        copy_range(source, descriptor, at=begin, to=to + begin - at, size=length, copied=copied)
        reached = begin + length
    if reached < end:
        copied(end - reached)


def _recorded(source: int, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield begin and length of what is no hole of a file; all of it where the file system does not tell."""
    while at < end:
        begin, hole = at, end
        try:
            begin = os.lseek(source, at, os.SEEK_DATA)
            hole = os.lseek(source, begin, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                # Behind the last data, or behind the end of the file, which got shorter: the latter is found out.
                with suppress(OSError):
                    if os.fstat(source).st_size >= end:
                        return
            begin, hole = at, end
        if begin >= end:
            return
        yield begin, min(hole, end) - begin
        at = hole
