"""The tree of an image as bytes, and the form of its entries that Windows takes.

libwim before 1.14.2 writes the streams of folders in a form that libwim reads and some programs of Microsoft do not:
DISM refuses a folder with named streams that also has an entry for the unnamed one, which no folder has, and the Setup
of Windows 8 refuses a link or junction of a folder whose reparse data is not the main hash.  What DISM and newer
versions write is in the comment on ``write_dentry_streams`` in wimlib's ``dentry.c``; :func:`in_newer_form` makes one
of the other.

The trees are those of :mod:`osdimage.imaging.wim.format`: security data, then for each directory the entries in it,
each followed by its streams, and a length of zero.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.wim.format import ALIGNMENT, DENTRY_STRUCT, NO_HASH, SECURITY_STRUCT

# Of DENTRY_STRUCT: length and attributes; the offset of what is in it; hash, tag and flags; the number of streams and
# the lengths of the names.
_LENGTH = struct.Struct("<QI")
_CHILDREN_AT, _HASH_AT, _TAG_AT, _STREAMS_AT = 16, 64, 88, 96
_COUNTS = struct.Struct("<HHH")
_OFFSET = struct.Struct("<Q")
# liLength, a reserved number, bHash, wStreamNameLength; the name follows as that of a file does.
_STREAM = struct.Struct("<QQ20sH")
_END_BYTES = 8

_DIRECTORY, _REPARSE_POINT, _ENCRYPTED = (
    int(each) for each in (FileAttribute.DIRECTORY, FileAttribute.REPARSE_POINT, FileAttribute.ENCRYPTED)
)
_SYMLINK, _MOUNT_POINT = 0xA000000C, 0xA0000003
_NOT_FIXED = 1


class NotPlain(Exception):
    """A tree is not laid out as libwim lays it out, or not valid."""


@dataclass(frozen=True, slots=True)
class LinkMark:
    """A link or junction that is marked as rewritten when it was captured: its path, and the SHA-1 of its data."""

    path: str
    sha1: bytes
    is_symlink: bool


@dataclass(slots=True)
class Survey:
    """What a tree tells about who wrote it.

    Attributes:
        old_folders: the paths of folders with named streams that are stored in the old form.
        old_links: the same of links of folders.
        marks: the links and junctions that are marked as rewritten.
    """

    old_folders: list[str] = field(default_factory=list)
    old_links: list[str] = field(default_factory=list)
    marks: list[LinkMark] = field(default_factory=list)


def in_newer_form(tree: bytes) -> bytes | None:
    """Return a tree with the streams of its folders as newer versions write them; None when they are, or none is known.

    A tree that is not laid out as libwim writes it, list behind list, is left as it is.
    """
    try:
        return _rewritten(tree)
    except (NotPlain, struct.error):
        return None


def _rewritten(tree: bytes) -> bytes | None:
    parts: list[bytes | bytearray] = []
    # The begin of each list, before and after; and where the offset of a list is afterwards, with the offset.
    old_lists, new_lists = [0], [0]
    parents: list[tuple[int, int]] = []
    at = _root_of(tree)
    copied = taken = 0
    while at < len(tree):
        length, attributes = _LENGTH.unpack_from(tree, at) if len(tree) - at >= _LENGTH.size else (0, 0)
        if length <= _END_BYTES:
            at += _END_BYTES
            old_lists.append(at)
            new_lists.append(at - taken)
            continue
        begin = at
        streams_at, at = _ends_of(tree, at, length)
        if not attributes & _DIRECTORY:
            continue
        parents.append((begin - taken + _CHILDREN_AT, *_OFFSET.unpack_from(tree, begin + _CHILDREN_AT)))
        changed = _folder(tree, begin, streams_at, at, attributes) if streams_at != at else None
        if changed is not None:
            parts += [tree[copied:begin], changed]
            copied = at
            taken += at - begin - len(changed)
    if not taken:
        return None
    made = bytearray().join([*parts, tree[copied:]])
    for where, children in parents:
        number = bisect_left(old_lists, children)
        if number == len(old_lists) or old_lists[number] != children:
            raise NotPlain
        _OFFSET.pack_into(made, where, new_lists[number])
    return bytes(made)


def _folder(tree: bytes, begin: int, streams_at: int, end: int, attributes: int) -> bytes | None:
    """Return the entry of a folder, with its streams, in the newer form; None when it is in that."""
    if attributes & _ENCRYPTED:
        return None
    is_link = bool(attributes & _REPARSE_POINT)
    unnamed, named = _streams(tree, streams_at, end)
    hashes = [_STREAM.unpack_from(each)[2] for each in unnamed]
    has_main = tree[begin + _HASH_AT : begin + _HASH_AT + len(NO_HASH)] != NO_HASH
    # A folder has no contents; reparse data come first.
    if has_main or not unnamed or any(each != NO_HASH for each in hashes[is_link:]):
        return None
    if is_link and named and len(unnamed) == 1:
        return None
    stored = [*unnamed[:is_link], *named] if named else []
    made = bytearray(tree[begin:streams_at])
    if is_link and not named:
        made[_HASH_AT : _HASH_AT + len(NO_HASH)] = hashes[0]
    _COUNTS.pack_into(made, _STREAMS_AT, len(stored), *_COUNTS.unpack_from(made, _STREAMS_AT)[1:])
    return bytes(made) + b"".join(stored)


def _streams(tree: bytes, at: int, end: int) -> tuple[list[bytes], list[bytes]]:
    """Return the entries of the unnamed and of the named streams."""
    unnamed: list[bytes] = []
    named: list[bytes] = []
    while at < end:
        length, _, _, name_length = _STREAM.unpack_from(tree, at)
        behind = at + _padded(length)
        (named if name_length else unnamed).append(tree[at:behind])
        at = behind
    return unnamed, named


def _root_of(tree: bytes) -> int:
    """Return where the entry of the root is."""
    total, _ = SECURITY_STRUCT.unpack_from(tree)
    return _padded(max(total, SECURITY_STRUCT.size))


def _ends_of(tree: bytes, at: int, length: int) -> tuple[int, int]:
    """Return where the streams of an entry begin, and where they end."""
    streams_at = at + _padded(length)
    if length < DENTRY_STRUCT.size or streams_at > len(tree):
        raise NotPlain
    end = streams_at
    for _ in range(_COUNTS.unpack_from(tree, at + _STREAMS_AT)[0]):
        (size,) = _OFFSET.unpack_from(tree, end)
        if not _STREAM.size <= size <= len(tree) - end:
            raise NotPlain
        end += _padded(size)
    if end > len(tree):
        raise NotPlain
    return streams_at, end


def _padded(size: int) -> int:
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


# ---- what a tree tells about who wrote it


def survey(tree: bytes) -> Survey:
    """Return what is in the old form, or marked; of a damaged tree, what can be reached."""
    found = Survey()
    for path, begin, streams_at, end in _each(tree):
        attributes = _LENGTH.unpack_from(tree, begin)[1]
        is_link = bool(attributes & _REPARSE_POINT)
        if not is_link and (streams_at == end or not attributes & _DIRECTORY):
            continue
        unnamed, named = _streams(tree, streams_at, end)
        if is_link:
            found.marks += _mark(tree, begin, path, unnamed)
        if not attributes & _DIRECTORY or attributes & _ENCRYPTED:
            continue
        if named and len(unnamed) > is_link:
            found.old_folders.append(path)
        elif is_link and unnamed and not named:
            found.old_links.append(path)
    return found


def _mark(tree: bytes, begin: int, path: str, unnamed: Sequence[bytes]) -> Iterator[LinkMark]:
    tag, _, flags = struct.unpack_from("<IHH", tree, begin + _TAG_AT)
    if tag in {_SYMLINK, _MOUNT_POINT} and not flags & _NOT_FIXED:
        main = tree[begin + _HASH_AT : begin + _HASH_AT + len(NO_HASH)]
        sha1 = _STREAM.unpack_from(unnamed[0])[2] if unnamed and main == NO_HASH else main
        yield LinkMark(path, sha1, is_symlink=tag == _SYMLINK)


def _each(tree: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Yield path, begin, begin of the streams and end of each entry; a damaged one ends its list."""
    seen: set[int] = set()
    lists = [("", _root_of(tree))] if len(tree) >= SECURITY_STRUCT.size else []
    while lists:
        folder, at = lists.pop()
        if at in seen:
            continue
        seen.add(at)
        while len(tree) - at >= DENTRY_STRUCT.size:
            (length,) = _OFFSET.unpack_from(tree, at)
            if length <= _END_BYTES:
                break
            try:
                streams_at, end = _ends_of(tree, at, length)
            except (NotPlain, struct.error):
                break
            _, _, name_length = _COUNTS.unpack_from(tree, at + _STREAMS_AT)
            name_at = at + DENTRY_STRUCT.size
            units = tree[name_at : name_at + name_length]
            name = units[: len(units) // 2 * 2].decode("utf-16-le", "surrogatepass")
            path = f"{folder}/{name}" if name or folder else ""
            yield path or "/", at, streams_at, end
            (children,) = _OFFSET.unpack_from(tree, at + _CHILDREN_AT)
            if children and len(seen) + len(lists) < len(tree):
                lists.append((path, children))
            at = end
