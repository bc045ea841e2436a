"""The blob table as it stands in a file, and reading the trees that it names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    SOLID_RESOURCE_SIZE,
    Header,
    Resource,
    ResourceFlag,
)
from osdimage.native.wim.resource import DAMAGE, ResourceReader
from osdimage.native.wim.tree import Blob

# As numbers: a table has some hundred thousand entries, and to ask a flag of each takes ten times as long as these.
_METADATA, _SOLID = ResourceFlag.METADATA.value, ResourceFlag.SOLID.value
GUID_BYTES = 16
"""The size of what identifies a WIM in its header."""


@dataclass(slots=True)
class BlobEntry:
    """An entry of the blob table."""

    resource: Resource
    part_number: int
    references: int
    sha1: bytes

    @classmethod
    def parse(cls, data: bytes) -> BlobEntry:
        """Take one from its bytes."""
        *resource, part_number, references, sha1 = BLOB_STRUCT.unpack(data)
        packed, offset, size = resource
        return cls(Resource.from_numbers((packed, offset, size)), part_number, references, sha1)

    @property
    def is_tree(self) -> bool:
        """Whether it is the tree of an image."""
        return bool(self.resource.flags & _METADATA)

    def become(self, tree: bytes, stored_size: int, *, is_compressed: bool) -> None:
        """Make it the entry of another tree, which is stored by itself; its place stays to be set."""
        self.resource.flags = ResourceFlag.METADATA | (ResourceFlag.COMPRESSED if is_compressed else 0)
        self.resource.stored_size, self.resource.size = stored_size, len(tree)
        self.sha1 = sha1_of(tree)

    def pack(self) -> bytes:
        """Return its bytes."""
        return BLOB_STRUCT.pack(*self.resource.numbers(), self.part_number, self.references, self.sha1)


def sha1_of(data: bytes) -> bytes:
    """Return the hash by which a WIM knows contents."""
    return hashlib.sha1(data, usedforsecurity=False).digest()


def guid_of(facts: bytes, trees: Iterable[bytes]) -> bytes:
    """Return a GUID that is drawn from what a WIM is: bytes that tell of it, and the hashes of its trees."""
    return hashlib.sha256(facts + b"".join(trees)).digest()[:GUID_BYTES]


def read_blob_table(descriptor: int, header: Header) -> list[BlobEntry]:
    """Read the whole entries of a table that is not compressed.

    Raises:
        OSError: when it cannot be read.
    """
    data = os.pread(descriptor, header.blob_table.stored_size, header.blob_table.offset)
    size = BLOB_STRUCT.size
    return [BlobEntry.parse(data[at : at + size]) for at in range(0, len(data) // size * size, size)]


def is_inside_solid(resource: Resource) -> bool:
    """Tell whether a place is one inside a solid resource, and not in the file."""
    return bool(resource.flags & _SOLID) and resource.size != SOLID_RESOURCE_SIZE


def read_tree(reader: ResourceReader, entry: BlobEntry) -> bytes:
    """Return the tree of an entry, expanded.

    Raises:
        CorruptWim: when it cannot be read.
    """
    try:
        return b"".join(map(bytes, reader.pieces(blob_of(entry))))
    except OSError as error:
        reason = "is damaged" if error.errno in DAMAGE else f"cannot be read: {error.strerror}"
        raise CorruptWim(f"a tree {reason}") from error


def blob_of(entry: BlobEntry) -> Blob:
    """Return what reads an entry that is stored by itself."""
    where = entry.resource
    return Blob(
        sha1=entry.sha1,
        size=where.size,
        part_number=entry.part_number,
        references=entry.references,
        is_metadata=entry.is_tree,
        is_compressed=bool(where.flags & ResourceFlag.COMPRESSED),
        is_solid=False,
        offset_in_resource=0,
        resource_offset=where.offset,
        resource_stored_size=where.stored_size,
        resource_size=where.size,
    )
