"""Tables of blobs that no WIM lists."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from osdimage.native._wimlib import ffi
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Blob


class BlobRows(BlobTable):
    """What a run takes of a table."""

    def __init__(self, *blobs: Blob, files: Sequence[int] = ()) -> None:
        """Make it of blobs in their order, each in the first file unless ``files`` says in which."""
        self._table = ffi.new("struct osd_blob_table *")
        self._blobs = ffi.new("struct osd_blob[]", max(1, len(blobs)))
        self._table.blobs, self._table.count = self._blobs, len(blobs)
        for number, blob in enumerate(blobs):
            target = self._blobs[number]
            target.file = files[number] if files else 0
            target.resource_offset, target.resource_stored_size = blob.resource_offset, blob.resource_stored_size
            target.resource_size, target.offset_in_resource = blob.resource_size, blob.offset_in_resource
            target.size, target.sha1 = blob.size, blob.sha1
            target.is_compressed, target.is_solid = blob.is_compressed, blob.is_solid


def blob_of(
    stored: int,
    size: int,
    *,
    offset: int = 0,
    is_compressed: bool = True,
    is_solid: bool = False,
    inside: tuple[int, int] | None = None,
    contents: bytes = b"",
) -> Blob:
    """Return a blob that is a resource of this size, or lies in one, with its offset and size there."""
    begin, length = inside or (0, size)
    sha1 = hashlib.sha1(contents, usedforsecurity=False).digest()
    return Blob(
        sha1=sha1,
        size=length,
        part_number=1,
        references=1,
        is_metadata=False,
        is_compressed=is_compressed,
        is_solid=is_solid,
        offset_in_resource=begin,
        resource_offset=offset,
        resource_stored_size=stored,
        resource_size=size,
    )
