"""The extended attributes of the files of an image, which libwim keeps and does not list.

They are in an item behind the names of an entry.  Its tag and form are those of DISM since Windows 10 1607, which
stores the attributes of NTFS ($EA) so; libwim stores those of Linux in the same form since 1.13, and in one of its own
before (wimlib, ``xattr.h`` and ``tagged_items.h``).

The tree was loaded by libwim before, which refuses what contradicts itself; here nothing is believed all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.wim.format import ALIGNMENT, DENTRY_STRUCT, SECURITY_STRUCT, STREAM_STRUCT

_DIRECTORY = int(FileAttribute.DIRECTORY)
_REPARSE_POINT = int(FileAttribute.REPARSE_POINT)
_END_BYTES = 8
_LENGTH = struct.Struct("<QI")
_SUBFOLDER = struct.Struct("<Q")
_SUBFOLDER_AT = 16
# The number of streams and the lengths of the names, at the end of DENTRY_STRUCT.
_COUNTS = struct.Struct("<HHH")
_COUNTS_AT = DENTRY_STRUCT.size - _COUNTS.size
_ITEM = struct.Struct("<II")
_TAG, _TAG_BEFORE_1_13 = 0x00000002, 0x337DD874
# The length of the value, that of the name, and a flag; name, zero and value follow.
_ATTRIBUTE = struct.Struct("<HBB")
# The lengths of name and value; both follow, and what makes it a multiple of four.
_ATTRIBUTE_BEFORE_1_13 = struct.Struct("<HHI")

Attributes = dict[bytes, bytes]
"""The values of extended attributes by their names."""


def extended_attributes(tree: bytes) -> dict[str, Attributes]:
    """Return the extended attributes of each file that has any, by its path from the root, separated by ``/``.

    Of a damaged tree, what can be reached is returned.

    Args:
        tree: the metadata resource of an image, expanded.
    """
    found: dict[str, Attributes] = {}
    if len(tree) < SECURITY_STRUCT.size:
        return found
    root_at = _aligned(max(SECURITY_STRUCT.size, SECURITY_STRUCT.unpack_from(tree)[0]))
    seen = {root_at}
    lists = [("", root_at)]
    while lists:
        above, at = lists.pop()
        while at + DENTRY_STRUCT.size <= len(tree):
            length, attributes = _LENGTH.unpack_from(tree, at)
            streams, short_bytes, name_bytes = _COUNTS.unpack_from(tree, at + _COUNTS_AT)
            end, items_at = at + length, at + _names_end(short_bytes, name_bytes)
            if length <= _END_BYTES or end > len(tree):
                break
            is_folder = attributes & (_DIRECTORY | _REPARSE_POINT) == _DIRECTORY
            if is_folder or items_at < end:
                name_at = at + DENTRY_STRUCT.size
                path = f"{above}/{_text(tree[name_at : name_at + name_bytes])}" if name_bytes else above
                if items_at < end and (values := _values(tree[items_at:end])):
                    found[path or "/"] = values
                (children_at,) = _SUBFOLDER.unpack_from(tree, at + _SUBFOLDER_AT)
                if is_folder and children_at and children_at not in seen:
                    seen.add(children_at)
                    lists.append((path, children_at))
            at = _streams_end(tree, _aligned(end), streams)
            if not name_bytes:
                # The root is alone.
                break
    return found


def _names_end(short_bytes: int, name_bytes: int) -> int:
    """Return where, from the begin of an entry, its items begin: behind both names, each ended by a zero."""
    return _aligned(
        DENTRY_STRUCT.size + (name_bytes + 2 if name_bytes else 0) + (short_bytes + 2 if short_bytes else 0)
    )


def _streams_end(tree: bytes, at: int, streams: int) -> int:
    for _ in range(streams):
        if at + STREAM_STRUCT.size > len(tree):
            return len(tree)
        at = _aligned(at + max(STREAM_STRUCT.unpack_from(tree, at)[0], STREAM_STRUCT.size))
    return at


def _values(items: bytes) -> Attributes:
    at = 0
    while at + _ITEM.size <= len(items):
        tag, size = _ITEM.unpack_from(items, at)
        data = items[at + _ITEM.size : at + _ITEM.size + size]
        if len(data) != size:
            break
        if tag == _TAG:
            return dict(_each(data))
        if tag == _TAG_BEFORE_1_13:
            return dict(_each_before_1_13(data))
        at += _ITEM.size + _aligned(size)
    return {}


def _each(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        value_bytes, name_bytes, _ = _ATTRIBUTE.unpack_from(data, at)
        value_at = at + _ATTRIBUTE.size + name_bytes + 1
        at = value_at + value_bytes
        if not name_bytes or at > len(data):
            return
        yield data[value_at - name_bytes - 1 : value_at - 1], data[value_at:at]


def _each_before_1_13(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _ATTRIBUTE_BEFORE_1_13.size <= len(data):
        name_bytes, _, value_bytes = _ATTRIBUTE_BEFORE_1_13.unpack_from(data, at)
        value_at = at + _ATTRIBUTE_BEFORE_1_13.size + name_bytes
        if not name_bytes or value_at + value_bytes > len(data):
            return
        yield data[value_at - name_bytes : value_at], data[value_at : value_at + value_bytes]
        at = -(-(value_at + value_bytes) // 4) * 4


def _text(units: bytes) -> str:
    return units[: len(units) // 2 * 2].decode("utf-16-le", "surrogatepass")


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT
