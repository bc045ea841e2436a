"""The reparse points of an image, with all that is stored of them.

libwim lists one unnamed stream of each file.  One with a reparse point may have two: the reparse point's data come
first, then the file's own contents (wimlib, ``inode.c``, ``assign_stream_types_unencrypted``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.wim.stored.dentries import Dentry, walk
from osdimage.imaging.wim.stored.format import NO_HASH


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
    return (_reparse_point(entry) for entry in walk(tree, strict=True) if entry.has_reparse_point)


def _reparse_point(entry: Dentry) -> ReparsePoint:
    streams = tuple(entry.streams())
    unnamed = [each.sha1 for each in streams if not each.name]
    if entry.main_sha1 != NO_HASH:
        unnamed.insert(0, entry.main_sha1)
    data, contents, *_ = (*unnamed, NO_HASH, NO_HASH)
    return ReparsePoint(
        entry.path,
        entry.is_directory,
        entry.reparse_tag[0],
        None if data == NO_HASH else data,
        None if contents == NO_HASH else contents,
        {each.name: each.sha1 for each in streams if each.name and each.sha1 != NO_HASH},
    )
