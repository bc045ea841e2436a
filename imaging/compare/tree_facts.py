"""The tree of an image as it is stored, read where two of them are compared: no object is made for an entry."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.compare.hashes import EMPTY_SHA1
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.stored.dentries import (
    CHILDREN_AT,
    COUNTS,
    COUNTS_AT,
    END_BYTES,
    OFFSET,
    Dentry,
    ends_of,
    root_of,
)
from osdimage.imaging.wim.stored.extended import attributes_in
from osdimage.imaging.wim.stored.format import DENTRY_STRUCT, NO_HASH, SECURITY_STRUCT, STREAM_STRUCT
from osdimage.imaging.wim.stored.tagged import OBJECT_ID, UNIX_DATA, tagged

_NAME_AT = DENTRY_STRUCT.size
_TIMES = struct.Struct("<QQQ")
# Length, attributes, number of the descriptor, times, hash, tag of a reparse point or group of names, counts.
_ENTRY = struct.Struct("<QIi24x24s20s4xQHHH")
_UNIX = struct.Struct("<IIII")
_DIRECTORY, _REPARSE_POINT = int(FileAttribute.DIRECTORY), int(FileAttribute.REPARSE_POINT)
_LINKS = {0xA000000C, 0xA0000003}
# On a reparse point: it leads to where it did when it was captured (wimlib, ``dentry.c``).
_NOT_REWRITTEN = 1
_OBJECT_ID_BYTES = 16


class Child(NamedTuple):
    """An entry of a directory.

    Attributes:
        at: where in the tree it begins.
        attributes: a :class:`FileAttribute` as a number.
        group: which names are of one file; 0 for a file with one name.
        descriptor: the security descriptor.
        times: all three, as they are stored.
        rest: what else is stored of it; equal where two entries say the same, unless they say it in other ways.
    """

    at: int
    attributes: int
    group: int
    descriptor: bytes | None
    times: bytes
    rest: tuple[bytes, int, bytes]

    @property
    def said(self) -> tuple[object, ...]:
        """All of it but where it is, and which names are of one file."""
        return self.attributes, self.descriptor, self.times, self.rest

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, or a link that is one."""
        return bool(self.attributes & _DIRECTORY)

    @property
    def is_reparse_point(self) -> bool:
        """Whether it has a reparse point."""
        return bool(self.attributes & _REPARSE_POINT)

    @property
    def moments(self) -> tuple[int, int, int]:
        """When it was created, accessed and modified, in 100 ns since 1601."""
        created, accessed, modified = _TIMES.unpack(self.times)
        return created, accessed, modified


@dataclass(frozen=True, slots=True)
class Contents:
    """The streams of a file by their SHA-1, None for an empty one."""

    main: bytes | None
    reparse: tuple[int, int, bytes | None] | None
    named: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Items:
    """What stands behind the names of a file.

    Attributes:
        object_id: of 16 bytes, or None.
        unix: owner, group, mode and device number, or None.
        extended: extended attributes.
    """

    object_id: bytes | None
    unix: tuple[int, int, int, int] | None
    extended: Mapping[bytes, bytes]


class TreeFacts:
    """The stored tree of an image.

    Attributes:
        tree: its bytes.
        descriptors: the security descriptors by their numbers.
    """

    def __init__(self, tree: bytes, where: str, known: dict[bytes, bytes]) -> None:
        """Read the descriptors.

        Args:
            tree: the metadata resource of an image, expanded.
            where: what messages call it.
            known: descriptors of other trees: equal ones become the same object.

        Raises:
            CorruptWim: when the tree is cut off.
        """
        self.tree = tree
        self._where = where
        self._seen: set[int] = set()
        if len(tree) < SECURITY_STRUCT.size or root_of(tree) + _NAME_AT > len(tree):
            raise CorruptWim(f"{where}: the tree is cut off")
        self.descriptors = [known.setdefault(each, each) for each in self._descriptors()]

    def _descriptors(self) -> Iterator[bytes]:
        total, count = SECURITY_STRUCT.unpack_from(self.tree)
        at = SECURITY_STRUCT.size + OFFSET.size * count
        if at > max(total, SECURITY_STRUCT.size) or total > len(self.tree):
            raise CorruptWim(f"{self._where}: the security descriptors of the tree are damaged")
        for (size,) in OFFSET.iter_unpack(self.tree[SECURITY_STRUCT.size : at]):
            yield self.tree[at : at + size]
            at += size

    @property
    def root(self) -> Child:
        """The root.

        Raises:
            CorruptWim: when it is damaged.
        """
        found = self._child_at(root_of(self.tree))
        if found is None:
            raise CorruptWim(f"{self._where}: the tree is damaged in its root")
        return found[1]

    def children(self, entry: Child) -> dict[bytes, Child]:
        """Return the entries in a directory by their names as they are stored; of two equal names the first counts.

        Raises:
            CorruptWim: when an entry leaves the tree, or two directories have one list of entries.
        """
        first: int = OFFSET.unpack_from(self.tree, entry.at + CHILDREN_AT)[0]
        found: dict[bytes, Child] = {}
        if not first or not entry.is_directory or entry.is_reparse_point:
            return found
        at, last = first, len(self.tree) - OFFSET.size
        while at <= last:
            if OFFSET.unpack_from(self.tree, at)[0] <= END_BYTES:
                if found and first in self._seen:
                    raise CorruptWim(f"{self._where}: two directories of the tree have one list of entries")
                self._seen.add(first)
                return found
            read = self._child_at(at)
            if read is None:
                break
            name, child, at = read
            found.setdefault(name, child)
        raise CorruptWim(f"{self._where}: the tree is damaged in its entry at byte {at}")

    def _child_at(self, at: int) -> tuple[bytes, Child, int] | None:
        """Return the name of an entry, what is said of it, and where it ends; None when it leaves the tree."""
        tree, descriptors = self.tree, self.descriptors
        if at + _NAME_AT > len(tree):
            return None
        length, attributes, security, times, sha1, tag, streams, short_bytes, name_bytes = _ENTRY.unpack_from(tree, at)
        end = ends_of(tree, at)[1] if streams else at + (length + 7 & ~7)
        name_end = at + _NAME_AT + name_bytes
        if length < _NAME_AT + name_bytes or (name_bytes | short_bytes) & 1 or end > len(tree):
            return None
        # A number that there is no descriptor of is none to libwim, too.
        descriptor = (descriptors[security] or None) if 0 <= security < len(descriptors) else None
        group, tag = (0, tag) if attributes & _REPARSE_POINT else (tag, 0)
        child = Child(at, attributes, group, descriptor, times, (sha1, tag, tree[name_end:end]))
        return tree[at + _NAME_AT : name_end], child, end

    def what(self, entry: Child) -> str:
        """Return what an entry is, in a word."""
        if entry.is_reparse_point and Dentry(self.tree, entry.at, "").reparse_tag[0] in _LINKS:
            return "link"
        return "directory" if entry.is_directory else "file"

    def short_name(self, entry: Child) -> str | None:
        """Return the short name of an entry."""
        _, short_bytes, name_bytes = COUNTS.unpack_from(self.tree, entry.at + COUNTS_AT)
        at = entry.at + _NAME_AT + (name_bytes + 2 if name_bytes else 0)
        return name_of(self.tree[at : at + short_bytes // 2 * 2]) or None

    def contents(self, entry: Child) -> Contents:
        """Return the streams of an entry."""
        dentry = Dentry(self.tree, entry.at, "")
        streams = tuple(dentry.streams())
        unnamed = [each.sha1 for each in streams if not each.name]
        if dentry.main_sha1 != NO_HASH or not unnamed:
            unnamed.insert(0, dentry.main_sha1)
        named = {each.name: _hash(each.sha1) for each in streams if each.name}
        if dentry.has_reparse_point:
            tag, flags = dentry.reparse_tag
            data, main, *_ = (*unnamed, NO_HASH)
            return Contents(_hash(main), (tag, flags & _NOT_REWRITTEN, _hash(data)), named)
        return Contents(next((_hash(each) for each in unnamed if each != NO_HASH), None), None, named)

    def main_sha1(self, entry: Child) -> bytes | None:
        """Return the SHA-1 of the first stream, or None when that is empty."""
        found, _, behind = entry.rest
        if found != NO_HASH or len(behind) < STREAM_STRUCT.size:
            return _hash(found)
        contents = self.contents(entry)
        return contents.main or (contents.reparse[2] if contents.reparse else None)

    def items(self, entry: Child) -> Items:
        """Return what stands behind the names of an entry."""
        stored = Dentry(self.tree, entry.at, "").items
        object_id, unix = None, None
        for tag, data in tagged(stored):
            if tag == OBJECT_ID and any(data[:_OBJECT_ID_BYTES]) and len(data) >= _OBJECT_ID_BYTES:
                object_id = data[:_OBJECT_ID_BYTES]
            elif tag == UNIX_DATA and len(data) >= _UNIX.size:
                owner, group, mode, device = _UNIX.unpack_from(data)
                # libwim takes a mode of zero for none of it.
                unix = (owner, group, mode, device) if mode else None
        return Items(object_id, unix, attributes_in(stored) if stored else {})


def name_of(stored: bytes) -> str:
    """Return a name that is stored as UTF-16."""
    return stored.decode("utf-16-le", "surrogatepass")


def _hash(sha1: bytes) -> bytes | None:
    return None if sha1 in {NO_HASH, EMPTY_SHA1} else sha1
