"""The parts of a WIM file: its header, the entries of its trees and of its blob table.

Format: "Windows Imaging File Format (WIM)", Microsoft 2007, whose names are in the comments (WIMHEADER_V1_PACKED,
RESHDR_DISK, SECURITYBLOCK_DISK, DIRENTRY); what that leaves open is as in wimlib's ``header.h``, ``resource.h`` and
``dentry.c``.  Numbers are little-endian, names UTF-16LE.

Everything is declared with :mod:`struct`: a tree has an entry for each file, and who captures or shows a WIM is not to
wait for construct.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Self

# ---- declarations ----

# base.ullSize (the highest byte is base.bFlags), base.liOffset, liOriginalSize.
_RESOURCE = "QQQ"

HEADER_STRUCT = struct.Struct(
    "<"
    "8s"  # ImageTag
    "I"  # cbSize
    "I"  # dwVersion
    "I"  # dwFlags
    "I"  # dwCompressionSize
    "16s"  # gWIMGuid
    "HH"  # usPartNumber, usTotalParts
    "I"  # dwImageCount
    f"{_RESOURCE}"  # rhOffsetTable
    f"{_RESOURCE}"  # rhXmlData
    f"{_RESOURCE}"  # rhBootMetadata
    "I"  # dwBootIndex
    f"{_RESOURCE}"  # rhIntegrity
    "60s"  # bUnused
)

BLOB_STRUCT = struct.Struct(
    "<"
    f"{_RESOURCE}"  # base
    "H"  # usPartNumber
    "I"  # dwRefCount
    "20s"  # bHash
)
"""An entry of the blob table (RESHDR_DISK)."""

SECURITY_STRUCT = struct.Struct(
    "<"
    "I"  # dwTotalLength, of all of it
    "I"  # dwNumEntries
)
"""What a tree begins with (SECURITYBLOCK_DISK): the sizes of the descriptors and these follow."""

DENTRY_STRUCT = struct.Struct(
    "<"
    "Q"  # liLength, with the names, a multiple of 8
    "I"  # dwAttributes
    "i"  # dwSecurityId, -1 for none
    "Q"  # liSubdirOffset, in the tree, 0 for none
    "QQ"  # liUnused1, liUnused2
    "QQQ"  # liCreationTime, liLastAccessTime, liLastWriteTime, as FILETIMEs
    "20s"  # bHash
    "4x"
    "Q"  # dwReparseTag and dwReparseReserved, or liHardLink
    "H"  # wStreams
    "H"  # wShortNameLength, in bytes
    "H"  # wFileNameLength, in bytes
)
"""An entry of a tree (DIRENTRY).  Name and short name follow, each ended by a zero that its length does not count."""

STREAM_STRUCT = struct.Struct(
    "<"
    "Q"  # liLength, with the name, a multiple of 8
    "8x"
    "20s"  # bHash
    "H"  # wStreamNameLength, in bytes
)
"""A stream of a file besides the first (STREAMENTRY); as many as wStreams says follow its entry."""

INTEGRITY_STRUCT = struct.Struct(
    "<"
    "I"  # cbSize, of all of it
    "I"  # dwNumElements
    "I"  # dwChunkSize
)
"""What the integrity table begins with; the SHA-1 of each part of the file follows."""

# ---- behaviour ----

MAGIC = b"MSWIM\0\0\0"
PIPABLE_MAGIC = b"WLPWM\0\0\0"
"""In place of the other in a WIM that can be written to a pipe, whose parts have another order (wimlib)."""
VERSION = 0x10D00
HEADER_SIZE = HEADER_STRUCT.size
ALIGNMENT = 8
"""Entries of a tree begin at multiples of it."""
NO_SECURITY_ID = -1
NO_HASH = bytes(20)
SIZE_BITS = 56


class HeaderFlag(IntFlag):
    """Flags of a header (FLAG_HEADER_*)."""

    COMPRESSED = 0x02
    READONLY = 0x04
    SPANNED = 0x08
    WRITE_IN_PROGRESS = 0x40
    RPFIX = 0x80
    XPRESS = 0x00020000
    LZX = 0x00040000
    LZMS = 0x00080000


class ResourceFlag(IntFlag):
    """Flags of a resource (RESHDR_FLAG_*)."""

    FREE = 0x01
    METADATA = 0x02
    COMPRESSED = 0x04
    SPANNED = 0x08
    SOLID = 0x10


SOLID_RESOURCE_SIZE = 1 << 32
"""The size that an entry of the blob table claims for a solid resource itself; the others lie in that (wimlib)."""


@dataclass(slots=True)
class Resource:
    """Where something is in the file (RESHDR_DISK_SHORT); nothing but zeros when it is not there.

    Attributes:
        offset: where it begins, in bytes.
        stored_size: what it takes in the file.
        size: what it expands to.
        flags: a :class:`ResourceFlag`.
    """

    offset: int = 0
    stored_size: int = 0
    size: int = 0
    flags: int = 0

    @classmethod
    def plain(cls, offset: int, size: int, flags: int = 0) -> Self:
        """Return one that is stored as it is."""
        return cls(offset, size, size, flags)

    @classmethod
    def from_numbers(cls, numbers: tuple[int, ...]) -> Self:
        """Take one from the numbers in which a struct has it."""
        packed, offset, size = numbers
        return cls(offset, packed & (1 << SIZE_BITS) - 1, size, packed >> SIZE_BITS)

    def numbers(self) -> tuple[int, int, int]:
        """Return the numbers in which a struct has it."""
        return self.stored_size | self.flags << SIZE_BITS, self.offset, self.size


@dataclass(slots=True)
class Header:
    """The header of a WIM file.

    Attributes:
        magic: what kind of file this is.
        header_size: of itself.
        version: of the format.
        flags: a :class:`HeaderFlag`, and others.
        chunk_size: of compressed resources, in bytes.
        guid: of the WIM, the same in all its parts.
        part_number: of this file, 1-based.
        total_parts: how many there are.
        image_count: how many images.
        blob_table: where the blob table is.
        xml: where the XML document is.
        boot_metadata: where the tree of the image that boots is.
        boot_index: of that image, 0 for none.
        integrity: where the integrity table is.
        unused: the rest.
    """

    magic: bytes = MAGIC
    header_size: int = HEADER_SIZE
    version: int = VERSION
    flags: int = 0
    chunk_size: int = 0
    guid: bytes = bytes(16)
    part_number: int = 1
    total_parts: int = 1
    image_count: int = 0
    blob_table: Resource = field(default_factory=Resource)
    xml: Resource = field(default_factory=Resource)
    boot_metadata: Resource = field(default_factory=Resource)
    boot_index: int = 0
    integrity: Resource = field(default_factory=Resource)
    unused: bytes = bytes(60)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a header from the begin of a file; what a short file lacks is zeros."""
        values = HEADER_STRUCT.unpack(data[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0"))
        magic, header_size, version, flags, chunk_size, guid, part_number, total_parts, image_count = values[:9]
        return cls(
            magic=magic,
            header_size=header_size,
            version=version,
            flags=flags,
            chunk_size=chunk_size,
            guid=guid,
            part_number=part_number,
            total_parts=total_parts,
            image_count=image_count,
            blob_table=Resource.from_numbers(values[9:12]),
            xml=Resource.from_numbers(values[12:15]),
            boot_metadata=Resource.from_numbers(values[15:18]),
            boot_index=values[18],
            integrity=Resource.from_numbers(values[19:22]),
            unused=values[22],
        )

    def build(self) -> bytes:
        """Return it as it stands in a file."""
        return HEADER_STRUCT.pack(
            self.magic,
            self.header_size,
            self.version,
            self.flags,
            self.chunk_size,
            self.guid,
            self.part_number,
            self.total_parts,
            self.image_count,
            *self.blob_table.numbers(),
            *self.xml.numbers(),
            *self.boot_metadata.numbers(),
            self.boot_index,
            *self.integrity.numbers(),
            self.unused,
        )
