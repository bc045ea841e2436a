"""What stands behind the names of an entry: items, each with a tag and a length (wimlib, ``tagged_items.h``)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.wim.stored.dentries import padded

OBJECT_ID = 0x00000001
"""Four GUIDs ([MS-FSCC] 2.1.3), of which the first is the object id; the others may be missing."""
EXTENDED_ATTRIBUTES = 0x00000002
UNIX_DATA = 0x337DD873
"""Owner, group, mode and device number, of 32 bits each."""
EXTENDED_ATTRIBUTES_BEFORE_1_13 = 0x337DD874

_ITEM = struct.Struct("<II")


def tagged(items: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the data of each item; damage ends them."""
    at = 0
    while at + _ITEM.size <= len(items):
        tag, size = _ITEM.unpack_from(items, at)
        data = items[at + _ITEM.size : at + _ITEM.size + size]
        if len(data) != size:
            return
        yield tag, data
        at += _ITEM.size + padded(size)
