"""The facts of a VHD file: dynamic and differencing ones, and the footer of fixed ones.

Source: Microsoft, "Virtual Hard Disk Image Format Specification" (October 2006): "Hard Disk Footer Format", "Dynamic
Disk Header Format".  All numbers are big-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from osdimage.imaging.disk.containers.facts import (
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    checked_size,
    require,
    shown,
)
from osdimage.imaging.errors import InvalidInput

COOKIE: Final = b"conectix"
FOOTER_BYTES: Final = 512
_FOOTER: Final = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427x")
_HEADER: Final = struct.Struct(">8sQQIIII16sII512s192s256x")
_CHECKSUM_AT, _HEADER_CHECKSUM_AT = 64, 36
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_VARIANTS: Final = {_FIXED: "fixed", _DYNAMIC: "dynamic", _DIFFERENCING: "differencing"}

_BY_GEOMETRY: Final = (b"vpc ", b"qemu")
"""The creators whose disks are as large as their geometry says: Virtual PC, and QEMU without ``force_size``."""
_LARGEST_GEOMETRY: Final = (65535, 16, 255)
"""What a larger disk has, too, and QEMU then passes over."""
_CREATORS: Final = {
    b"vpc ": "Virtual PC",
    b"vs  ": "Virtual Server",
    b"qemu": "QEMU",
    b"qem2": "QEMU",
    b"win ": "Windows",
    b"vbox": "VirtualBox",
    b"d2v ": "Disk2vhd",
    b"tap\0": "XenServer",
    b"CTXS": "XenConverter",
    b"wa\0\0": "Azure",
}
_LARGEST_BLOCK: Final = 1 << 28


class Footer(NamedTuple):
    """The footer, which dynamic disks have at the begin, too."""

    cookie: bytes
    features: int
    version: int
    header_at: int
    seconds: int
    creator: bytes
    creator_version: int
    creator_host: bytes
    original_bytes: int
    size_bytes: int
    cylinders: int
    heads: int
    sectors_per_track: int
    disk_type: int
    checksum: int
    identifier: bytes
    saved_state: int

    @property
    def geometry_bytes(self) -> int:
        """The size of the disk by its geometry."""
        return self.cylinders * self.heads * self.sectors_per_track * 512

    @property
    def is_by_geometry(self) -> bool:
        """Whether the disk is as large as its geometry says, not as the footer does."""
        geometry = (self.cylinders, self.heads, self.sectors_per_track)
        return self.creator in _BY_GEOMETRY and geometry != _LARGEST_GEOMETRY and self.geometry_bytes > 0


class _Header(NamedTuple):
    cookie: bytes
    data_at: int
    table_at: int
    version: int
    entries: int
    block_bytes: int
    checksum: int
    parent: bytes
    parent_seconds: int
    reserved: int
    parent_name: bytes
    locators: bytes


def footer_of(data: bytes) -> Footer | None:
    """Return the footer that 512 bytes are, or None when its mark or its checksum is not right."""
    if len(data) < FOOTER_BYTES or not data.startswith(COOKIE):
        return None
    found = Footer(*_FOOTER.unpack(data[:FOOTER_BYTES]))
    return found if found.checksum == _sum(data[:FOOTER_BYTES], _CHECKSUM_AT) else None


def fixed_facts(footer: Footer, size_bytes: int) -> ContainerFacts | None:
    """Return the facts of a fixed disk, which is the file before its footer, or None when the footer is of another."""
    if footer.disk_type != _FIXED:
        return None
    return ContainerFacts(ContainerFormat.VHD, size_bytes, _VARIANTS[_FIXED], creator=_creator(footer))


def facts(data: FileBytes) -> ContainerFacts:
    """Return what a VHD file says that begins with a footer, as all but fixed ones do.

    Raises:
        InvalidInput: when it contradicts itself.
        OSError: when it cannot be read.
    """
    first = footer_of(require(data, 0, FOOTER_BYTES, "the copy of its footer"))
    last = footer_of(data.read(max(0, data.size - FOOTER_BYTES), FOOTER_BYTES))
    if first is None:
        raise InvalidInput("the checksum of the copy of its footer is wrong")
    if first.disk_type not in {_DYNAMIC, _DIFFERENCING}:
        raise InvalidInput(f"its disk type is {first.disk_type}; valid before the data are 3 (dynamic) and 4")
    header = _header(data, first)
    size = checked_size(first.geometry_bytes if first.is_by_geometry else first.size_bytes)
    other = None
    if first.is_by_geometry:
        other = first.size_bytes
    elif first.creator not in _CREATORS:
        other = first.geometry_bytes
    _check_table(data, header, size)
    parent = None
    # Windows asks the footer at the end, and QEMU the one at the begin.
    if _DIFFERENCING in {first.disk_type, first.disk_type if last is None else last.disk_type}:
        parent = shown(header.parent_name.decode("utf-16-be", "replace").split("\0", 1)[0])
    return ContainerFacts(
        ContainerFormat.VHD,
        size,
        _VARIANTS[_DYNAMIC if parent is None else _DIFFERENCING],
        parent=parent,
        creator=_creator(first),
        other_size_bytes=None if other == size else other,
        is_by_geometry=first.is_by_geometry,
    )


def _header(data: FileBytes, footer: Footer) -> _Header:
    read = require(data, footer.header_at, _HEADER.size, "its dynamic disk header")
    found = _Header(*_HEADER.unpack(read))
    if found.cookie != b"cxsparse" or found.checksum != _sum(read, _HEADER_CHECKSUM_AT):
        raise InvalidInput(f"at byte {footer.header_at} is no dynamic disk header, or its checksum is wrong")
    if found.block_bytes % 512 or not 512 <= found.block_bytes <= _LARGEST_BLOCK or found.block_bytes.bit_count() > 1:
        raise InvalidInput(f"its blocks would have {found.block_bytes} bytes; valid are powers of two up to 256 MiB")
    return found


def _check_table(data: FileBytes, header: _Header, size_bytes: int) -> None:
    needed = -(-size_bytes // header.block_bytes)
    if header.entries < needed:
        raise InvalidInput(f"its BAT has {header.entries} entries; a disk of {size_bytes} bytes needs {needed}")
    if header.table_at + 4 * header.entries > data.size:
        raise InvalidInput(
            f"its BAT, {header.entries} entries at byte {header.table_at}, is behind the end of the file"
        )


def _creator(footer: Footer) -> str:
    return _CREATORS.get(footer.creator, shown(footer.creator.rstrip(b" \0")))


def _sum(data: bytes, checksum_at: int) -> int:
    """Return the one's complement of the sum of all bytes but those of the checksum."""
    return ~(sum(data) - sum(data[checksum_at : checksum_at + 4])) & 0xFFFFFFFF
