"""The entries of a tree as they are stored, for what libwim does not tell of them.

libwim lists one unnamed stream of each file.  One with a reparse point may have two: the reparse point's data come
first, then the file's own contents (wimlib, ``inode.c``, ``assign_stream_types_unencrypted``).

The tree was loaded by libwim before, which refuses what contradicts itself; here nothing is believed all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.format import ALIGNMENT, DENTRY_STRUCT, NO_HASH, SECURITY_STRUCT, STREAM_STRUCT

_DIRECTORY, _REPARSE_POINT = int(FileAttribute.DIRECTORY), int(FileAttribute.REPARSE_POINT)
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class ReparsePoint:
    """A file or directory with a reparse point.

    Attributes:
        path: from the root, separated by ``/``.
        is_directory: whether it is one.
        tag: of the reparse point.
        data_sha1: of its data, or None when it has none.
        contents_sha1: of the unnamed stream, or None when that is empty.
        streams: the SHA-1 of each named stream that is not empty, by its name.
    """

    path: str
    is_directory: bool
    tag: int
    data_sha1: bytes | None
    contents_sha1: bytes | None
    streams: dict[str, bytes]


def reparse_points(tree: bytes) -> Iterator[ReparsePoint]:
    """Yield everything in a tree that has a reparse point.

    Args:
        tree: the metadata resource of an image, expanded.

    Raises:
        CorruptWim: when an entry leaves the tree, or two directories have one list of entries.
    """
    if len(tree) < SECURITY_STRUCT.size:
        raise CorruptWim("the tree is cut off")
    root_at = _aligned(max(SECURITY_STRUCT.size, SECURITY_STRUCT.unpack_from(tree)[0]))
    waiting = [("", root_at)]
    seen = {root_at}
    while waiting:
        prefix, at = waiting.pop()
        while (
            at + _LENGTH_BYTES <= len(tree) and int.from_bytes(tree[at : at + _LENGTH_BYTES], "little") > _LENGTH_BYTES
        ):
            entry = _Entry(tree, at)
            path = f"{prefix}/{entry.name}" if entry.name else prefix
            if entry.attributes & _REPARSE_POINT:
                yield entry.reparse_point(path)
            elif entry.attributes & _DIRECTORY and entry.children_at:
                if entry.children_at in seen:
                    raise CorruptWim("two directories of the tree have one list of entries")
                seen.add(entry.children_at)
                waiting.append((path, entry.children_at))
            at = entry.end
            if not entry.name:
                # The root is alone.
                break


class _Entry:
    """An entry and the streams behind it."""

    __slots__ = ("_first_sha1", "_rest", "_tag", "_tree", "attributes", "children_at", "end", "name")

    def __init__(self, tree: bytes, at: int) -> None:
        if at + DENTRY_STRUCT.size > len(tree):
            raise CorruptWim(f"the tree is cut off in its entry at byte {at}")
        length, self.attributes, _, self.children_at, *_, sha1, tag, streams, _, name_bytes = DENTRY_STRUCT.unpack_from(
            tree, at
        )
        name_at = at + DENTRY_STRUCT.size
        # A name of half a character is damage to libwim, too.
        is_whole = DENTRY_STRUCT.size + name_bytes <= length <= len(tree) - at
        if not is_whole or name_bytes % 2:
            raise CorruptWim(f"the tree is damaged in its entry at byte {at}")
        self._tree = tree
        self._tag = tag & 0xFFFFFFFF
        self._first_sha1: bytes = sha1
        self.name = tree[name_at : name_at + name_bytes].decode("utf-16-le", "surrogatepass")
        self._rest: list[tuple[int, int, bytes]] = []
        self.end = _aligned(at + length)
        for _ in range(streams):
            if self.end + STREAM_STRUCT.size > len(tree):
                raise CorruptWim(f"the tree is cut off in the streams of its entry at byte {at}")
            length, stream_sha1, name_bytes = STREAM_STRUCT.unpack_from(tree, self.end)
            if not STREAM_STRUCT.size + name_bytes <= length <= len(tree) - self.end or name_bytes % 2:
                raise CorruptWim(f"the tree is damaged in the streams of its entry at byte {at}")
            self._rest.append((self.end + STREAM_STRUCT.size, name_bytes, stream_sha1))
            self.end = _aligned(self.end + length)

    def reparse_point(self, path: str) -> ReparsePoint:
        named: dict[str, bytes] = {}
        unnamed = [] if self._first_sha1 == NO_HASH else [self._first_sha1]
        for at, size, sha1 in self._rest:
            if size:
                named[self._tree[at : at + size].decode("utf-16-le", "surrogatepass")] = sha1
            else:
                unnamed.append(sha1)
        data, contents, *_ = (*unnamed, NO_HASH, NO_HASH)
        return ReparsePoint(
            path,
            bool(self.attributes & _DIRECTORY),
            self._tag,
            None if data == NO_HASH else data,
            None if contents == NO_HASH else contents,
            {name: sha1 for name, sha1 in named.items() if sha1 != NO_HASH},
        )


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT
