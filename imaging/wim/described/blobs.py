"""The blob table of a WIM, as it is shown to people."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Contents of files, or the tree of an image, and where a WIM has them; sizes and offsets in bytes.

    Attributes:
        sha1: in hexadecimal digits; zeros for a tree or contents of which the WIM does not tell it.
        size: expanded.
        references: how often images refer to it.
        is_tree: whether it is the tree of an image.
        is_compressed: whether it is stored compressed.
        is_solid: whether it is compressed together with others, in one solid resource.
        part_number: of the part of a split WIM that has it, from 1 on.
        offset: of the resource in the file.
        stored_size: of the resource, which of a solid one holds others too.
        offset_in_resource: of a blob in a solid resource, as expanded; else 0.
    """

    sha1: str
    size: int
    references: int
    is_tree: bool
    is_compressed: bool
    is_solid: bool
    part_number: int
    offset: int
    stored_size: int
    offset_in_resource: int


def stored_blobs(handle: WimHandle) -> tuple[StoredBlob, ...]:
    """Return the blobs of a WIM and of the files that it refers to, in the order in which they lie there.

    Raises:
        WimlibError: when the table cannot be read.
    """
    table = BlobTable(handle)
    found = (table[position] for position in range(len(table)))
    return tuple(
        StoredBlob(
            sha1=blob.sha1.hex(),
            size=blob.size,
            references=blob.references,
            is_tree=blob.is_metadata,
            is_compressed=blob.is_compressed or blob.is_solid,
            is_solid=blob.is_solid,
            part_number=blob.part_number,
            offset=blob.resource_offset,
            stored_size=blob.resource_stored_size,
            offset_in_resource=blob.offset_in_resource,
        )
        for blob in found
    )
