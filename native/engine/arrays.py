"""The tree of an image as arrays of C, and the blobs that its files need; the Python face of ``arrays.c``."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.wim.resource import BlobTable


class Tree:
    """The files of an image, and where their contents are.

    Attributes:
        blobs: those that the files need, in the order in which they lie there.
    """

    def __init__(self, blobs: BlobTable) -> None:
        """Begin a tree that a pass over an image fills; see :func:`osdimage.native.wim.tree.audit`.

        Args:
            blobs: all blobs of the WIM.

        Raises:
            OSError: ENOMEM; EOVERFLOW for more blobs than 32 bits count.
        """
        self.blobs = blobs
        tree = ffi.new("struct osd_tree *")
        self._tree = ffi.gc(tree, lib.osd_tree_release)
        _check(lib.osd_tree_begin(tree, blobs.pointer(0), len(blobs)))

    def finish(self) -> None:
        """Take the tree as it was filled; the blobs that its files do not need are forgotten.

        Raises:
            OSError: ENOMEM; EOVERFLOW for more files than 32 bits count; EBADMSG for a tree that contradicts itself.
        """
        lib.osd_tree_end(self._tree)
        _check(self._tree.error)
        self.blobs.keep_for(self._tree)

    def narrow(self) -> None:
        """Forget the contents that no directory has, and their blobs: those of streams with names, for one."""
        lib.osd_directory_narrow(self._tree)
        self.blobs.keep_for(self._tree)

    @property
    def pointer(self) -> Any:
        """The ``struct osd_tree *``, for the native parts."""
        return self._tree

    def __len__(self) -> int:
        """Return the number of names, that of the root among them."""
        return int(self._tree.entry_count)

    def path(self, entry: int) -> str:
        r"""Return the path of an entry, by its position, with a ``/`` before each name."""
        room = 1 << 16
        units = ffi.new("uint16_t[]", room)
        length = lib.osd_tree_path(self._tree, entry, units, room)
        text = bytes(ffi.buffer(units, 2 * length)).decode("utf-16-le", "surrogatepass")
        return text.replace("\\", "/") or "/"

    def path_of_blob(self, blob: int) -> str:
        """Return the path of a file that has the contents of a blob, by its position in the table."""
        for position in range(self._tree.stream_count):
            if self._tree.streams[position].blob == blob:
                return self.path(self._tree.inodes[self._tree.streams[position].inode].first_link)
        raise ValueError(f"no file has blob {blob}")

    def elsewhere(self) -> Iterator[tuple[int, int, str]]:
        """Yield, of each stream whose contents are in no blob: its position, its size and the path of its file.

        A stream with a name has the path ``/file:stream``.
        """
        for position in range(self._tree.stream_count):
            stream = self._tree.streams[position]
            if not stream.is_elsewhere:
                continue
            path = self.path(self._tree.inodes[stream.inode].first_link)
            if stream.name_length:
                units = ffi.buffer(self._tree.units + stream.name, 2 * stream.name_length)
                path += ":" + bytes(units).decode("utf-16-le", "surrogatepass")
            yield position, int(stream.size), path

    def give(self, stream: int, more: int) -> None:
        """Tell that the contents of a stream are those that are handed in as the n-th (from 0) beside the blobs."""
        self._tree.streams[stream].blob = len(self.blobs) + more
        self._tree.streams[stream].is_elsewhere = 0


class StrippedTree:
    """A tree without what of its files is not wanted; see ``stripped.c``."""

    def __init__(self, tree: Tree, *, descriptors: bool, attributes: bool) -> None:
        """Make it of a tree that was taken.

        Args:
            tree: the tree, of which all else is used.
            descriptors: keep the security descriptors.
            attributes: keep the attributes that do not decide how contents are stored.

        Raises:
            OSError: ENOMEM.
        """
        # Its names, streams and blobs are read until the end.
        self._tree = tree
        self._stripped = ffi.gc(ffi.new("struct osd_tree *"), lib.osd_tree_stripped_release)
        _check(lib.osd_tree_strip(tree.pointer, not descriptors, not attributes, self._stripped))

    @property
    def blobs(self) -> BlobTable:
        """As those of :class:`Tree`."""
        return self._tree.blobs

    @property
    def pointer(self) -> Any:
        """As that of :class:`Tree`."""
        return self._stripped

    def path(self, entry: int) -> str:
        """Return the path of an entry, as :meth:`Tree.path` does."""
        return self._tree.path(entry)


@dataclass(frozen=True, slots=True)
class Untold:
    """What libwim does not tell of a tree.

    Attributes:
        extended: how many files have extended attributes.
        beside: how many reparse points have contents beside their data.
        marked: how many folders have streams, and reparse points are marked as rewritten when they were captured.
    """

    extended: int
    beside: int
    marked: int


def untold(tree: bytes) -> Untold:
    """Look at a tree as it is stored, expanded.

    Raises:
        OSError: without memory.
    """
    found = ffi.new("struct osd_stored *")
    _check(lib.osd_stored_scan(ffi.from_buffer("uint8_t[]", tree), len(tree), found))
    return Untold(int(found.extended), int(found.beside), int(found.marked))


def fixed_links(stored: bytes, tree: Tree) -> bytes:
    """Return of each blob of a tree whether links that have it as their data lead to a place in the image.

    Args:
        stored: the tree as it is stored, expanded.
        tree: the same.

    Returns:
        Of each blob 0 where no link has it, 1 for links that do, 2 for links that do not, 3 for some of both.

    Raises:
        OSError: without memory.
    """
    links = ffi.new("uint8_t[]", len(tree.blobs) + 1)
    _check(lib.osd_stored_links(ffi.from_buffer("uint8_t[]", stored), len(stored), tree.pointer, links))
    return bytes(ffi.buffer(links))


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


DAMAGED_TREE = errno.EBADMSG
"""What :class:`Tree` raises for one that contradicts itself."""
