"""A WIM for a while that has another tree for an image of one, and refers to that for all else, as a delta to its base.

Whatever reads the image, libwim or an engine, needs to know nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.wim.stored.blob_table import sha1_of
from osdimage.imaging.wim.stored.dentries import END_BYTES
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    DENTRY_STRUCT,
    NO_HASH,
    NO_SECURITY_ID,
    SECURITY_STRUCT,
    Header,
    HeaderFlag,
    Resource,
    ResourceFlag,
)
from osdimage.native.wim.handles import WimHandle

_EMPTY_TREE = (
    SECURITY_STRUCT.pack(SECURITY_STRUCT.size, 0)
    + DENTRY_STRUCT.pack(
        DENTRY_STRUCT.size + 2, FileAttribute.DIRECTORY.value, NO_SECURITY_ID, 0, 0, 0, 0, 0, 0, NO_HASH, 0, 0, 0, 0
    )
    + bytes(2 + END_BYTES)
)


def write_overlaid(
    file: IO[bytes], handle: WimHandle, index: int, tree: bytes, contents: Iterable[tuple[int, int, bytes]] = ()
) -> None:
    """Write what comes behind the contents of such a WIM, from where the file is, and its header.

    Args:
        file: open for writing, behind the place of a header and the contents.
        handle: of the WIM, whose XML and number of images it has.
        index: of the image; the others have nothing in them.
        tree: of the image, as it is stored, expanded.
        contents: offset, size and SHA-1 of each that is in the file.

    Raises:
        OSError: when it cannot be written.
    """
    facts = handle.info()
    table = b""
    for number in range(1, facts.image_count + 1):
        data = tree if number == index else _EMPTY_TREE
        where = Resource.plain(file.tell(), len(data), ResourceFlag.METADATA)
        file.write(data)
        table += BLOB_STRUCT.pack(*where.numbers(), 1, 1, sha1_of(data))
    table += b"".join(BLOB_STRUCT.pack(*Resource.plain(at, size).numbers(), 1, 1, sha1) for at, size, sha1 in contents)
    places = []
    for data in (table, handle.xml()):
        places.append(Resource.plain(file.tell(), len(data)))
        file.write(data)
    header = Header(
        flags=HeaderFlag.RPFIX.value if facts.has_rpfix else 0,
        guid=os.urandom(16),
        image_count=facts.image_count,
        blob_table=places[0],
        xml=places[1],
    )
    file.seek(0)
    file.write(header.build())
