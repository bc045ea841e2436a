"""The entries of the tree of an image, as they are stored: for what libwim does not tell of them.

The trees are those of ``format.py``: security data, then for each directory the entries in it, each followed by its
streams, and a length of zero.  libwim loads each tree and refuses what contradicts itself; here nothing is believed all
the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.stored.format import ALIGNMENT, DENTRY_STRUCT, NO_HASH, SECURITY_STRUCT, STREAM_STRUCT

END_BYTES = 8
"""What ends a list of entries: a length of zero."""

# Of DENTRY_STRUCT, all of which is rarely wanted.
HEAD = struct.Struct("<QI")
"""The length of an entry and its attributes."""
OFFSET = struct.Struct("<Q")
CHILDREN_AT, HASH_AT, COUNTS_AT = 16, 64, 96
COUNTS = struct.Struct("<HHH")
"""The number of the streams of an entry, and the lengths of its short name and of its name, in bytes."""
_ALL = struct.Struct("<QI84xHHH")
"""An entry's length, attributes, number of streams, and the lengths of its names."""
_TAG_AT = 88
_TAG = struct.Struct("<IHH")

_DIRECTORY = int(FileAttribute.DIRECTORY)
_REPARSE_POINT = int(FileAttribute.REPARSE_POINT)


class StoredStream(NamedTuple):
    """A stream behind an entry: its bytes from ``begin`` to ``end``, its name (empty for none) and its SHA-1."""

    begin: int
    end: int
    name: str
    sha1: bytes


class Dentry:
    """An entry and the streams behind it; what is asked for is read then.

    Attributes:
        tree: the bytes that it is in.
        begin, streams_at, end: where in them it begins, its streams begin, and what follows it begins.
        attributes: a :class:`FileAttribute` as a number.
    """

    __slots__ = ("_folder", "_name_bytes", "_short_bytes", "attributes", "begin", "end", "streams_at", "tree")

    def __init__(self, tree: bytes, begin: int, folder: str) -> None:
        """Read the entry at a place.

        Raises:
            CorruptWim: when it is not within the tree.
        """
        self.tree, self.begin, self._folder = tree, begin, folder
        self.streams_at, self.end = ends_of(tree, begin)
        length, self.attributes = HEAD.unpack_from(tree, begin)
        _, self._short_bytes, self._name_bytes = COUNTS.unpack_from(tree, begin + COUNTS_AT)
        # A name of half a character is damage to libwim, too.
        if DENTRY_STRUCT.size + self._name_bytes > length or self._name_bytes % 2:
            raise CorruptWim(f"the tree is damaged in its entry at byte {begin}")

    @property
    def name(self) -> str:
        """The name, which the root has not."""
        return _text(self.tree, self.begin + DENTRY_STRUCT.size, self._name_bytes)

    @property
    def short_name(self) -> str | None:
        """The short name, or None for none.

        Raises:
            CorruptWim: when it is not within the entry.
        """
        at = self.begin + DENTRY_STRUCT.size + (self._name_bytes + 2 if self._name_bytes else 0)
        if self._short_bytes % 2 or at + self._short_bytes > self.streams_at:
            raise CorruptWim(f"the tree is damaged in its entry at byte {self.begin}")
        return _text(self.tree, at, self._short_bytes) if self._short_bytes else None

    @property
    def path(self) -> str:
        """From the root, separated by ``/``."""
        return f"{self._folder}/{self.name}"

    @property
    def is_root(self) -> bool:
        """Whether it is the root: what has no name."""
        return not self._name_bytes

    @property
    def is_folder(self) -> bool:
        """Whether entries are in it; none are in links."""
        return bool(self.attributes & _DIRECTORY) and not self.attributes & _REPARSE_POINT

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, or a link or junction that is one."""
        return bool(self.attributes & _DIRECTORY)

    @property
    def has_reparse_point(self) -> bool:
        """Whether it has one."""
        return bool(self.attributes & _REPARSE_POINT)

    @property
    def children_at(self) -> int:
        """Where the list of what is in it begins; 0 for none."""
        found: int = OFFSET.unpack_from(self.tree, self.begin + CHILDREN_AT)[0]
        return found

    @property
    def main_sha1(self) -> bytes:
        """The hash in the entry itself."""
        return self.tree[self.begin + HASH_AT : self.begin + HASH_AT + len(NO_HASH)]

    @property
    def reparse_tag(self) -> tuple[int, int]:
        """The tag of its reparse point, and the flags of it."""
        tag, _, flags = _TAG.unpack_from(self.tree, self.begin + _TAG_AT)
        return tag, flags

    @property
    def items(self) -> bytes:
        """What stands behind both names, each of which is ended by a zero."""
        names = sum(size + 2 for size in (self._name_bytes, self._short_bytes) if size)
        length: int = OFFSET.unpack_from(self.tree, self.begin)[0]
        return self.tree[self.begin + padded(DENTRY_STRUCT.size + names) : self.begin + length]

    def streams(self) -> Iterator[StoredStream]:
        """Yield the streams behind it."""
        at = self.streams_at
        while at < self.end:
            length, sha1, name_bytes = STREAM_STRUCT.unpack_from(self.tree, at)
            end = at + padded(length)
            yield StoredStream(at, end, _text(self.tree, at + STREAM_STRUCT.size, name_bytes), sha1)
            at = end


def walk(tree: bytes, *, strict: bool) -> Iterator[Dentry]:
    """Yield every entry of a tree, each directory before what is in it.

    Args:
        tree: the metadata resource of an image, expanded.
        strict: whether damage is an error; else it ends the list that it is in.

    Raises:
        CorruptWim: when ``strict`` and an entry leaves the tree, or two directories have one list of entries.
    """
    if len(tree) < SECURITY_STRUCT.size:
        if strict:
            raise CorruptWim("the tree is cut off")
        return
    lists = [(root_of(tree), "")]
    seen = {lists[0][0]}
    while lists:
        for entry in list_at(tree, *lists.pop(), strict=strict):
            yield entry
            children_at = entry.children_at if entry.is_folder else 0
            if children_at in seen:
                if strict:
                    raise CorruptWim("two directories of the tree have one list of entries")
            elif children_at:
                seen.add(children_at)
                lists.append((children_at, "" if entry.is_root else entry.path))


def list_at(tree: bytes, at: int, folder: str, *, strict: bool) -> Iterator[Dentry]:
    """Yield the entries of a list, in the folder of a path; ``strict`` is as for :func:`walk`."""
    while at + OFFSET.size <= len(tree) and OFFSET.unpack_from(tree, at)[0] > END_BYTES:
        try:
            entry = Dentry(tree, at, folder)
        except CorruptWim:
            if strict:
                raise
            return
        yield entry
        if entry.is_root:
            # It is alone.
            return
        at = entry.end


def walk_special(tree: bytes) -> Iterator[Dentry]:
    """Yield what :func:`walk` does of entries with a reparse point and of directories; damage ends the list it is in.

    Nine of ten entries are plain files: no object is made for them.
    """
    if len(tree) < SECURITY_STRUCT.size:
        return
    lists = [(root_of(tree), "")]
    seen = {lists[0][0]}
    while lists:
        begin, folder = lists.pop()
        while (at := _after_plain(tree, begin)) is not None:
            try:
                entry = Dentry(tree, at, folder)
            except CorruptWim:
                break
            if entry.attributes & (_DIRECTORY | _REPARSE_POINT):
                yield entry
            children_at = entry.children_at if entry.is_folder else 0
            if children_at and children_at not in seen:
                seen.add(children_at)
                lists.append((children_at, "" if entry.is_root else entry.path))
            if entry.is_root:
                # It is alone.
                break
            begin = entry.end


def _after_plain(tree: bytes, at: int) -> int | None:
    """Return where the first entry of a list is that is no plain file without streams; None when there is none."""
    unpack, size, smallest = _ALL.unpack_from, len(tree), DENTRY_STRUCT.size
    while at + smallest <= size:
        length, attributes, streams, _, name_bytes = unpack(tree, at)
        if length <= END_BYTES:
            return None
        if streams or attributes & (_DIRECTORY | _REPARSE_POINT) or not name_bytes:
            return at
        end = at + padded(length)
        if length < smallest + name_bytes or name_bytes % 2 or end > size:
            return None
        at = end
    return None


def root_of(tree: bytes) -> int:
    """Return where the entry of the root is."""
    total: int = SECURITY_STRUCT.unpack_from(tree)[0]
    return padded(max(total, SECURITY_STRUCT.size))


def ends_of(tree: bytes, at: int) -> tuple[int, int]:
    """Return where the streams of the entry at a place begin, and where they end.

    Raises:
        CorruptWim: when that is not within the tree.
    """
    if at + DENTRY_STRUCT.size > len(tree):
        raise CorruptWim(f"the tree is cut off in its entry at byte {at}")
    (length,) = OFFSET.unpack_from(tree, at)
    streams_at = end = at + padded(length)
    if length < DENTRY_STRUCT.size or end > len(tree):
        raise CorruptWim(f"the tree is damaged in its entry at byte {at}")
    for _ in range(COUNTS.unpack_from(tree, at + COUNTS_AT)[0]):
        if end + STREAM_STRUCT.size > len(tree):
            raise CorruptWim(f"the tree is cut off in the streams of its entry at byte {at}")
        size, _, name_bytes = STREAM_STRUCT.unpack_from(tree, end)
        if size < STREAM_STRUCT.size + name_bytes or name_bytes % 2 or end + padded(size) > len(tree):
            raise CorruptWim(f"the tree is damaged in the streams of its entry at byte {at}")
        end += padded(size)
    return streams_at, end


def padded(size: int) -> int:
    """Return a size or place, up to the next one where an entry may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _text(tree: bytes, at: int, size: int) -> str:
    return tree[at : at + size].decode("utf-16-le", "surrogatepass")
