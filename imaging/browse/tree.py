"""The files of a volume of a disk or a disc, for who looks at them: paths and patterns are those of an image.

Paths begin with ``/``, and names are compared without case.  Directories are read when they are looked at.  No link is
followed.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, Remedy, StorageError, quoted
from osdimage.imaging.volume import cloud
from osdimage.imaging.wim.entries import Entry, Stream
from osdimage.imaging.wim.patterns import PathPattern, is_pattern, normalised

_LONGEST_PATH = 32767
# Names of a directory that are looked through for one that was meant: a moment.
_MOST_COMPARED = 2000
# [MS-FSCC] 2.1.2.1: what has the bit may have children if it is a directory.  Those of folders that OneDrive and others
# keep in step with a cloud have it; links and junctions have not.
_MAY_HAVE_CHILDREN = 0x10000000


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory of a volume.

    Attributes:
        entry: what an image would know of it; its streams have no hashes.
        reparse: the reparse buffer, with its header, or None.
        source: for the tree that it is of; two with the same path have the same when they are one file.
        target: where a symbolic link of Unix leads; a link of Windows says so in its reparse buffer.
        is_special: it is a FIFO, a socket or a device of Unix.
    """

    entry: Entry
    reparse: bytes | None
    source: Any
    target: bytes | None = None
    is_special: bool = False

    @property
    def is_directory(self) -> bool:
        """Whether it is one, and no link to one."""
        if not self.entry.attributes & FileAttribute.DIRECTORY:
            return False
        return self.reparse is None or bool((self.entry.reparse_tag or 0) & _MAY_HAVE_CHILDREN)

    @property
    def is_compressed(self) -> bool:
        """Whether Windows has compressed it as a whole."""
        return self.entry.reparse_tag == wof.TAG and not self.entry.attributes & FileAttribute.DIRECTORY

    @property
    def has_contents(self) -> bool:
        """Whether it is a file of which all contents are in the volume: no link, and not in a cloud only."""
        if self.entry.attributes & FileAttribute.DIRECTORY or self.target is not None or self.is_special:
            return False
        if self.reparse is None or self.is_compressed:
            return True
        return self.is_of_cloud and not cloud.is_elsewhere(self.entry.attributes)

    @property
    def is_of_cloud(self) -> bool:
        """Whether OneDrive or another program keeps it in step with a cloud."""
        return cloud.is_of_cloud(self.entry.reparse_tag)

    @property
    def is_sparse(self) -> bool:
        """Whether what is zero in it may be holes."""
        return bool(self.entry.attributes & FileAttribute.SPARSE_FILE) and not self.is_compressed

    @property
    def size(self) -> int:
        """Bytes of its contents."""
        return self.entry.streams[0].size


Unreadable = tuple[str, InvalidVolume | StorageError]
"""The path of what cannot be read, and why."""


class VolumeTree(ABC):
    """The files of a volume that is only read.

    Attributes:
        name: what messages call the volume.
        notes: sentences about it.
    """

    name: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<{type(self).__name__} of {self.name}>"

    @abstractmethod
    def root(self) -> Found:
        """Return the root.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError: when it cannot be read.
        """

    @abstractmethod
    def children(self, folder: Found) -> list[Found]:
        """Return what is in a directory, by name.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """

    def readable(self, folder: Found) -> tuple[list[Found], list[Unreadable]]:
        """Return what is in a directory, as :meth:`children`, and what of it is too damaged to be told of.

        The path of the directory itself stands for all that is in it.
        """
        try:
            return self.children(folder), []
        except (InvalidVolume, StorageError) as error:
            return [], [(folder.entry.path, error)]

    @abstractmethod
    def child(self, folder: Found, name: str) -> Found | None:
        """Return what has a name in a directory.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """

    @abstractmethod
    def stored(self, found: Found, name: str | None) -> Iterator[bytes]:
        """Yield what a stream holds as it is stored; None is the unnamed one.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """

    def stored_bytes(self, found: Found) -> int:
        """Return how many bytes of the contents of a file are not in holes.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """
        return found.size

    def contents(self, found: Found) -> Iterator[bytes]:
        """Yield the contents of a file, expanded where Windows has compressed it.

        Raises:
            InvalidVolume: when they are damaged, or not in the file.
            StorageError: when they cannot be read.
        """
        if not found.is_compressed:
            yield from self.stored(found, None)
            return
        try:
            algorithm = wof.parse((found.reparse or b"")[wof.HEADER_BYTES :])
            stored = self.stored(found, _compressed_stream(found))
            yield from map(bytes, wof.expand(stored, found.size, algorithm))
        except InvalidVolume:
            raise
        except InvalidInput as error:
            raise InvalidVolume(f"{found.entry.path!r} {error}", volume=self.name) from error

    def find(self, path: str) -> Found | None:
        """Return what is at a path, or None.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """
        here: Found | None = self.root()
        for name in _names(path):
            if here is None or not here.is_directory:
                return None
            here = self.child(here, name)
        return here

    def fitting(self, text: str, *, globs: bool = True) -> list[Found]:
        """Return what a path or pattern stands for; one that is there as it is written is the one that is meant.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """
        found = self.find(text)
        if found is not None or not (globs and is_pattern(text)):
            return [] if found is None else [found]
        here = [self.root()]
        for name, part in zip(_names(text), PathPattern(text).parts, strict=True):
            folders = [each for each in here if each.is_directory]
            if is_pattern(name):
                here = [each for one in folders for each in self.children(one) if part.match(each.entry.name or "")]
            else:
                here = [each for one in folders if (each := self.child(one, name)) is not None]
        return here

    def chosen(self, text: str, *, globs: bool = True) -> list[Found]:
        """Return what a path or pattern stands for.

        Raises:
            InvalidRequest: when it is nothing.
            InvalidVolume, StorageError: as :meth:`root`.
        """
        found = self.fitting(text, globs=globs)
        if not found:
            if globs and is_pattern(text):
                raise InvalidRequest(f"{self.name}: holds nothing that fits {quoted(text)}")
            meant = self._meant(text)
            raise InvalidRequest(
                f"{self.name}: holds no {text!r}",
                remedy=None if meant is None else Remedy(f"did you mean {meant!r}?"),
            )
        return found

    def _meant(self, path: str) -> str | None:
        """Return the path whose last name that is not there is nearly that of something there, or None."""
        here = self.root()
        for name in _names(path):
            if not here.is_directory:
                return None
            there = self.child(here, name)
            if there is None:
                paths = {each.entry.path.rpartition("/")[2].casefold(): each.entry.path for each in self.children(here)}
                near = difflib.get_close_matches(name.casefold(), paths, n=1) if len(paths) <= _MOST_COMPARED else []
                return paths[near[0]] if near else None
            here = there
        return None

    def walk(self, top: Found) -> Iterator[Found]:
        """Yield a file or directory and everything below it, parents first.

        Raises:
            InvalidVolume: when a directory is damaged, or in itself.
            StorageError: when it cannot be read.
        """
        waiting, seen = [top], set()
        while waiting:
            here = waiting.pop()
            yield here
            if not here.is_directory:
                continue
            if here.source in seen or len(here.entry.path) > _LONGEST_PATH:
                raise InvalidVolume(f"{here.entry.path[:80]!r} is in itself, or in two places", volume=self.name)
            seen.add(here.source)
            waiting += reversed(self.children(here))


def plain_stream(name: str | None, size: int) -> Stream:
    """Return a stream of which the hash is not known."""
    return Stream(name, size, None, None, is_missing=False)


def _compressed_stream(found: Found) -> str | None:
    """Return the name of the stream in which Windows keeps the contents of a file."""
    for each in found.entry.streams:
        if (each.name or "").lower() == wof.STREAM.lower():
            return each.name
    raise InvalidInput("is compressed by Windows (WOF), and has no stream with its contents")


def _names(path: str) -> list[str]:
    return [each for each in normalised(path).split("/") if each]
