"""Where the files of a new volume come from.

A source knows all entries with their sizes before a byte is written, and then hands out the contents in the order that
is cheapest for it; the volume is laid out in that order, so that it is written from front to back.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest, StorageError, UnsafeName
from osdimage.imaging.loss import Loss
from osdimage.imaging.units import MIB

Piece = bytes | bytearray | memoryview

# A plain number: the flags of an enumeration are slow, and this meets every file.
STORED_ATTRIBUTES: Final = int(
    FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE
)
"""The attributes for which FAT has a bit."""


_PIECE = MIB // 4


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A file or directory that is to be on the volume.

    Attributes:
        path: from the root of the volume, names separated by ``/``, none in front.  Directories above it need no entry.
        is_directory: whether it is one.
        size: of the contents in bytes; 0 for a directory.
        attributes: those of :data:`STORED_ATTRIBUTES` are kept.
        created_ns: nanoseconds since 1970, or None when it is not known.
        modified_ns: likewise; FAT has no "not known" here and gets 1980-01-01.
        accessed_ns: likewise; FAT keeps the day.
        contents: returns the contents piece by piece; not asked for when the size is 0.
        short_name: the 8.3 name that it had elsewhere, used when the name needs one and it is free.
        copy: copies the contents into a file that is zeros, given its descriptor, where to begin, and what is told of
            how many bytes more are there; None where they come in pieces alone.
    """

    path: str
    is_directory: bool = False
    size: int = 0
    attributes: int = 0
    created_ns: int | None = None
    modified_ns: int | None = None
    accessed_ns: int | None = None
    contents: Callable[[], Iterable[Piece]] | None = None
    short_name: str | None = None
    copy: Callable[[int, int, Callable[[int], None]], None] | None = None


class Source(ABC):
    """The files of a new volume.

    Attributes:
        name: what messages call it.
        entries: all files and directories; files with contents in the order in which :meth:`read` hands them out.
        losses: what of the source FAT cannot hold, by class.
    """

    def __init__(self, name: str, entries: Iterable[SourceEntry], losses: Iterable[Loss] = ()) -> None:
        """Keep the entries."""
        self.name = name
        self.entries: tuple[SourceEntry, ...] = tuple(entries)
        self.losses: tuple[Loss, ...] = tuple(losses)

    @abstractmethod
    def read(self) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
        """Yield the contents of every file that is not empty, once.

        With the contents come the indices in ``entries`` of the files that hold them.  A piece is valid until the next
        is asked for, and the pieces must be used up before the next contents are asked for.

        Raises:
            OsdImageError: when they cannot be read, or are not what the source promised.
        """


class EntrySource(Source):
    """Entries that bring their contents along."""

    def read(self) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
        """Open each file in turn."""
        for index, entry in enumerate(self.entries):
            if entry.is_directory or entry.size == 0:
                continue
            if entry.contents is None:
                raise InvalidRequest(f"{self.name}: {entry.path!r} has a size but no contents")
            yield (index,), entry.contents()


def from_entries(entries: Iterable[SourceEntry], *, name: str = "entries") -> Source:
    """Return a source of entries that the caller describes."""
    return EntrySource(name, entries)


def from_directory(path: str | os.PathLike[str]) -> Source:
    """Return a source of everything below a directory.

    Symbolic links and special files are left out, files with several names are stored once for each; both are counted
    as losses.  A file that its owner may not write becomes read-only; all others have the archive attribute alone.

    Raises:
        StorageError: when a directory cannot be read.
        UnsafeName: when a name is not valid UTF-8.
    """
    scan = _Scan(Path(path))
    return EntrySource(os.fspath(path), scan.entries(), scan.losses())


class _Scan:
    """One pass over a directory tree, sorted by name so that it does not depend on the file system."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._lost: Counter[str] = Counter()
        # One file is read at a time, so one buffer serves them all.
        self._buffer = memoryview(bytearray(_PIECE))

    def entries(self) -> list[SourceEntry]:
        found: list[SourceEntry] = []
        waiting = [(self._root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            for each in self._listed(folder):
                facts = each.stat(follow_symlinks=False)
                path = prefix + each.name
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append((each.path, path + "/"))
                    found.append(_described(path, facts, is_directory=True))
                elif stat.S_ISREG(facts.st_mode):
                    self._lost["hard links stored as copies"] += facts.st_nlink > 1
                    found.append(_described(path, facts, contents=_Contents(each.path, self._buffer)))
                elif stat.S_ISLNK(facts.st_mode):
                    self._lost["symbolic links not kept"] += 1
                else:
                    self._lost["special files not kept"] += 1
        return found

    def losses(self) -> list[Loss]:
        return [Loss(what, count) for what, count in sorted(self._lost.items()) if count]

    @staticmethod
    def _listed(folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as listing:
                found = sorted(listing, key=lambda each: each.name)
        except OSError as error:
            raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error
        for each in found:
            if not each.name.isascii() and any("\ud800" <= character <= "\udfff" for character in each.name):
                raise UnsafeName(f"{each.path!r}: the name is not valid UTF-8; rename the file", path=each.path)
        return found


def _described(
    path: str,
    facts: os.stat_result,
    *,
    is_directory: bool = False,
    contents: Callable[[], Iterable[Piece]] | None = None,
) -> SourceEntry:
    attributes = 0 if is_directory else FileAttribute.ARCHIVE.value
    if not is_directory and not facts.st_mode & stat.S_IWUSR:
        attributes |= FileAttribute.READONLY.value
    return SourceEntry(
        path,
        is_directory,
        0 if is_directory else facts.st_size,
        attributes,
        # Linux tells no time of creation here; that of the last change is never later than a copy's own.
        created_ns=facts.st_mtime_ns,
        modified_ns=facts.st_mtime_ns,
        accessed_ns=facts.st_atime_ns,
        contents=contents,
    )


class _Contents:
    """Reads a file of this machine from its beginning."""

    __slots__ = ("_buffer", "_path")

    def __init__(self, path: str, buffer: memoryview) -> None:
        self._path = path
        self._buffer = buffer

    def __call__(self) -> Iterator[memoryview]:
        try:
            # What was a file when it was listed may be a link or a pipe by now.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                # A regular file gives less than was asked for only at its end.
                while (count := os.readv(descriptor, [self._buffer])) == len(self._buffer):
                    yield self._buffer
                yield self._buffer[:count]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}", path=self._path, errno=error.errno) from error
