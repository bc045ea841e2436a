"""Filling an empty directory from the tree of an image; the Python face of ``directory.h``, which has the order."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.engine.arrays import Tree

# So many folders and empty files are made at a time; then Python looks for signals, and progress is told.
_STEP = 500
# Where the system does not tell how many descriptors are open, and what is left for others in any case.
_PERHAPS_OPEN, _LEFT = 32, 8


class Obstacle(Enum):
    """Why a directory is not filled in this way."""

    DAMAGED_TREE = lib.OSD_DIRECTORY_DAMAGED_TREE
    ELSEWHERE = lib.OSD_DIRECTORY_ELSEWHERE
    ENCRYPTED = lib.OSD_DIRECTORY_ENCRYPTED
    REPARSE_TAG = lib.OSD_DIRECTORY_REPARSE_TAG
    LINK = lib.OSD_DIRECTORY_LINK


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and the path of what is the reason, separated by ``/``."""

    obstacle: Obstacle
    path: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong first.

    Attributes:
        errno: how.
        path: with which file of the image, separated by ``/``.
        is_link: whether it is a link whose data are none.
    """

    errno: int
    path: str
    is_link: bool


@dataclass(frozen=True, slots=True)
class Undated:
    """The files whose times could not be set: how many, the path of the first, and the errno of that."""

    count: int
    path: str
    errno: int


class DirectoryFill:
    """An empty directory that is filled.  Close it in any case: that removes what is not whole."""

    def __init__(self, tree: Tree) -> None:
        """Make it, of a tree that was narrowed; see :meth:`~osdimage.native.engine.arrays.Tree.narrow`.

        Raises:
            MemoryError: without memory.
        """
        directory = lib.osd_directory_new(tree.pointer)
        if directory == ffi.NULL:
            raise MemoryError
        # All of these are read until the end.
        self._tree = tree
        self._links: Any = None
        self._directory = ffi.gc(directory, lib.osd_directory_free)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Remove what is not whole, and free all; no worker may be at work.  A second call does nothing."""
        ffi.release(self._directory)

    @property
    def sink(self) -> Any:
        """The ``struct osd_sink *`` that takes the contents of the tree's blobs."""
        return ffi.addressof(self._directory, "sink")

    def allow_tags(self) -> None:
        """Allow reparse points of all kinds, none of which has contents beside its data."""
        lib.osd_directory_allow_tags(self._directory)

    def put_above(self, above: Path, links: bytes) -> None:
        """Put a path before the targets of links that lead to a place in the image.

        Args:
            above: the path.
            links: of each blob of the tree, what is known of links with it; see :func:`~.arrays.fixed_links`.

        Raises:
            OSError: without memory.
        """
        self._links = ffi.from_buffer("uint8_t[]", links)
        _check(lib.osd_directory_put_above(self._directory, os.fsencode(above), self._links))

    def check(self) -> Refusal | None:
        """Tell why the tree is none that a directory is filled with in this way, or None.

        Raises:
            OSError: without memory.
        """
        _check(lib.osd_directory_check(self._directory))
        if self._directory.reason == lib.OSD_DIRECTORY_CAN:
            return None
        return Refusal(Obstacle(self._directory.reason), self._tree.path(self._directory.reason_entry))

    def open(self, root: int, *, workers: int, others: int) -> None:
        """Begin.

        Args:
            root: the descriptor of the directory, which may be of the kind ``O_PATH`` and stays the caller's.
            workers: how many threads will make files.
            others: how many descriptors others will open meanwhile.

        Raises:
            OSError: without memory.
        """
        _check(lib.osd_directory_open(self._directory, root, _descriptors(others), workers))

    def make(self) -> Iterator[tuple[int, int]]:
        """Make the folders, then the empty files; yield how many of how many there are.

        Raises:
            OSError: when one cannot be made; see :meth:`failure`.
        """
        while self._directory.made < self._directory.to_make:
            _check(lib.osd_directory_make(self._directory, _STEP))
            yield int(self._directory.made), int(self._directory.to_make)

    def date(self) -> Iterator[tuple[int, int]]:
        """Set the times of the folders, when all is in them; yield how many of how many have theirs.

        Raises:
            OSError: when one cannot be found; see :meth:`failure`.
        """
        while self._directory.dated < self._directory.folders:
            _check(lib.osd_directory_date(self._directory, _STEP))
            yield int(self._directory.dated), int(self._directory.folders)

    def failure(self) -> Failure | None:
        """Return what went wrong first, or None; no worker may be at work."""
        error = self._directory.error
        if not error.number:
            return None
        return Failure(int(error.number), self._tree.path(error.entry), is_link=bool(error.is_link))

    def undated(self) -> Undated | None:
        """Return the files without their times, or None; no worker may be at work."""
        found = self._directory
        if not found.undated:
            return None
        return Undated(int(found.undated), self._tree.path(found.undated_entry), int(found.undated_number))


def link_target(tag: int, data: bytes, above: bytes | None = None) -> bytes:
    """Return the target of a link, of its reparse data without their header.

    Args:
        tag: of a symbolic link or of a junction.
        data: the data.
        above: what stands before one that is not relative.

    Raises:
        OSError: EINVAL for data that are not those of a link.
    """
    found = lib.osd_link_target(tag, data, len(data), ffi.NULL if above is None else above)
    if found == ffi.NULL:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    try:
        return bytes(ffi.string(found))
    finally:
        lib.free(found)


def _descriptors(others: int) -> int:
    """Return how many descriptors can be had when so many more are left to others."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 1 << 20
    taken = _PERHAPS_OPEN
    with suppress(OSError):
        taken = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return min(max(0, limit - taken - others - _LEFT), 1 << 20)


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
