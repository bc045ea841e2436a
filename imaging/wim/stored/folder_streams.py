"""The streams of folders, in the form that Windows takes.

libwim before 1.14.2 writes the streams of folders in a form that libwim reads and some programs of Microsoft do not:
DISM refuses a folder with named streams that also has an entry for the unnamed one, which no folder has, and the Setup
of Windows 8 refuses a link or junction of a folder whose reparse data is not the main hash.  What DISM and newer
versions write is in the comment on ``write_dentry_streams`` in wimlib's ``dentry.c``; :func:`in_newer_form` makes one
of the other.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.stored.dentries import (
    CHILDREN_AT,
    COUNTS,
    COUNTS_AT,
    END_BYTES,
    HASH_AT,
    HEAD,
    OFFSET,
    Dentry,
    ends_of,
    root_of,
    walk_special,
)
from osdimage.imaging.wim.stored.format import NO_HASH

_DIRECTORY, _ENCRYPTED = int(FileAttribute.DIRECTORY), int(FileAttribute.ENCRYPTED)
_SYMLINK, _MOUNT_POINT = 0xA000000C, 0xA0000003
_NOT_FIXED = 1


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
    except (CorruptWim, struct.error):
        return None


def _rewritten(tree: bytes) -> bytes | None:
    parts: list[bytes | bytearray] = []
    # The begin of each list, before and after; and where the offset of a list is afterwards, with the offset.
    old_lists, new_lists = [0], [0]
    parents: list[tuple[int, int]] = []
    at = root_of(tree)
    copied = taken = 0
    while at < len(tree):
        length, attributes = HEAD.unpack_from(tree, at) if len(tree) - at >= HEAD.size else (0, 0)
        if length <= END_BYTES:
            at += END_BYTES
            old_lists.append(at)
            new_lists.append(at - taken)
            continue
        begin = at
        streams_at, at = ends_of(tree, at)
        if not attributes & _DIRECTORY:
            continue
        parents.append((begin - taken + CHILDREN_AT, *OFFSET.unpack_from(tree, begin + CHILDREN_AT)))
        changed = _changed(Dentry(tree, begin, "")) if streams_at != at else None
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
            raise CorruptWim("the tree is not list behind list")
        OFFSET.pack_into(made, where, new_lists[number])
    return bytes(made)


def _changed(folder: Dentry) -> bytes | None:
    """Return the entry of a folder, with its streams, in the newer form; None when it is in that."""
    if folder.attributes & _ENCRYPTED:
        return None
    tree, is_link = folder.tree, folder.has_reparse_point
    streams = tuple(folder.streams())
    unnamed = [each for each in streams if not each.name]
    named = [each for each in streams if each.name]
    # A folder has no contents; reparse data come first.
    if folder.main_sha1 != NO_HASH or not unnamed or any(each.sha1 != NO_HASH for each in unnamed[is_link:]):
        return None
    if is_link and named and len(unnamed) == 1:
        return None
    stored = [*unnamed[:is_link], *named] if named else []
    made = bytearray(tree[folder.begin : folder.streams_at])
    if is_link and not named:
        made[HASH_AT : HASH_AT + len(NO_HASH)] = unnamed[0].sha1
    COUNTS.pack_into(made, COUNTS_AT, len(stored), *COUNTS.unpack_from(made, COUNTS_AT)[1:])
    return bytes(made) + b"".join(tree[each.begin : each.end] for each in stored)


def survey(tree: bytes) -> Survey:
    """Return what is in the old form, or marked; of a damaged tree, what can be reached."""
    found = Survey()
    for entry in walk_special(tree):
        is_link = entry.has_reparse_point
        if is_link:
            found.marks += _mark(entry)
        if not entry.is_directory or entry.attributes & _ENCRYPTED or entry.streams_at == entry.end:
            continue
        streams = tuple(entry.streams())
        unnamed = sum(not each.name for each in streams)
        if unnamed < len(streams):
            if unnamed > is_link:
                found.old_folders.append(entry.path)
        elif is_link:
            found.old_links.append(entry.path)
    return found


def _mark(link: Dentry) -> Iterator[LinkMark]:
    tag, flags = link.reparse_tag
    if tag in {_SYMLINK, _MOUNT_POINT} and not flags & _NOT_FIXED:
        stored = (each.sha1 for each in link.streams() if not each.name)
        sha1 = next(stored, NO_HASH) if link.main_sha1 == NO_HASH else link.main_sha1
        yield LinkMark(link.path, sha1, is_symlink=tag == _SYMLINK)
