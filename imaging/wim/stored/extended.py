"""The extended attributes of the files of an image, which libwim keeps and does not list.

They are in an item behind the names of an entry.  Its tag and form are those of DISM since Windows 10 1607, which
stores the attributes of NTFS ($EA) so; libwim stores those of Linux in the same form since 1.13, and in one of its own
before (wimlib, ``xattr.h`` and ``tagged_items.h``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.wim.stored.dentries import walk
from osdimage.imaging.wim.stored.tagged import EXTENDED_ATTRIBUTES, EXTENDED_ATTRIBUTES_BEFORE_1_13, tagged

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
    for entry in walk(tree, strict=False):
        items = entry.items
        if items and (values := attributes_in(items)):
            found[entry.path] = values
    return found


def attributes_in(items: bytes) -> Attributes:
    """Return the extended attributes that are among the items of an entry."""
    for tag, data in tagged(items):
        if tag == EXTENDED_ATTRIBUTES:
            return dict(_each(data))
        if tag == EXTENDED_ATTRIBUTES_BEFORE_1_13:
            return dict(_each_before_1_13(data))
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
