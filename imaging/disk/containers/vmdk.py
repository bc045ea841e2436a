"""The facts of a VMDK: a sparse file, or a descriptor that names the files with the data.

Sources: VMware, "Virtual Disk Format 5.0": "The Descriptor File", "Hosted Sparse Extents", "ESX Server Sparse Extents",
"Stream-Optimized Compressed Sparse Extents"; and QEMU, block/vmdk.c, for the lines that it takes for extents: what it
might take for one and is not understood here is refused, so that both know the same files.
"""

from __future__ import annotations

import os
import re
import struct
from typing import Final, NamedTuple

from osdimage.imaging.disk.containers.facts import (
    EXTENT,
    RAW,
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    Link,
    LinkRole,
    checked_size,
    cut_off,
    numbers,
    require,
)
from osdimage.imaging.errors import InvalidInput

SPARSE: Final = b"KDMV"
ESX_SPARSE: Final = b"COWD"
SE_SPARSE: Final = b"\xbe\xba\xfe\xca\0\0\0\0"
DESCRIPTOR: Final = b"# Disk DescriptorFile"
_HEADER: Final = struct.Struct("<4sIIQQQQIQQQB4sH")
_NO_DIRECTORY: Final = 0xFFFFFFFFFFFFFFFF
"""Of the grain directory in a header whose footer, at the end of the file, says where it is."""
_COMPRESSED, _MARKERS = 1 << 16, 1 << 17
_SECTOR: Final = 512
_LARGEST_DESCRIPTOR: Final = (1 << 20) - 1
_PARENT_HINT: Final = b"parentFileNameHint"
_HINT_AREA: Final = 20 * _SECTOR
"""Where QEMU looks for the parent: of a descriptor from its begin, of a sparse file from the second sector on."""
_MOST_EXTENTS: Final = 1024
_MOST_TABLES: Final = 65536
"""Grain tables that are looked at: those of 2 TiB, as large as an extent of a product of VMware is."""
_TABLES_AT_ONCE: Final = 512
_LONGEST_NAME: Final = 511
_NO_PARENT: Final = 0xFFFFFFFF

_EXTENT: Final = re.compile(
    rb'\s*RW\s+(\d{1,18})\s+(FLAT|VMFS|SPARSE|VMFSSPARSE|SESPARSE)\s+"([^"\r\n\0]+)"(?:\s+(\d{1,18}))?\s*'
)
_ENTRY: Final = re.compile(rb"\s*([A-Za-z][\w.:-]*)\s*=\s*(.*?)\s*")
_SPARSE_KINDS: Final = {b"SPARSE", b"VMFSSPARSE", b"SESPARSE"}
_VARIANTS: Final = {
    "monolithicFlat",
    "monolithicSparse",
    "twoGbMaxExtentFlat",
    "twoGbMaxExtentSparse",
    "vmfs",
    "vmfsSparse",
    "seSparse",
    "streamOptimized",
}
STREAM_OPTIMIZED: Final = "streamOptimized"
SE_SPARSE_DISK: Final = "seSparse"
_LONE_EXTENT: Final = "is an extent of a VMDK; valid is the descriptor beside it, a small text file"


class _Header(NamedTuple):
    magic: bytes
    version: int
    flags: int
    sectors: int
    grain_sectors: int
    descriptor_at: int
    descriptor_sectors: int
    entries_per_table: int
    spare_directory_at: int
    directory_at: int
    overhead_sectors: int
    is_unclean: int
    line_ends: bytes
    compression: int


class _Descriptor(NamedTuple):
    entries: dict[str, str]
    sectors: int
    links: tuple[Link, ...]


def facts(data: FileBytes) -> ContainerFacts:
    """Return what a VMDK says.

    Raises:
        InvalidInput: when it contradicts itself, or is an extent that only its descriptor makes a disk.
        OSError: when it cannot be read.
    """
    head = data.read(0, len(DESCRIPTOR))
    if head.startswith(SPARSE):
        return _sparse(data)
    if head.startswith((ESX_SPARSE, SE_SPARSE)):
        raise InvalidInput(_LONE_EXTENT)
    if data.size > _LARGEST_DESCRIPTOR:
        raise InvalidInput(f"its descriptor has {data.size} bytes; valid are up to {_LARGEST_DESCRIPTOR}")
    descriptor = _descriptor(data.read(0, data.size), is_all=True)
    if not descriptor.sectors:
        raise InvalidInput("its descriptor names no extent")
    size = checked_size(descriptor.sectors * _SECTOR)
    return ContainerFacts(
        ContainerFormat.VMDK, size, _variant(descriptor), links=(*descriptor.links, *_parent(data, 0, descriptor))
    )


def is_sparse_extent(data: FileBytes) -> bool:
    """Tell whether a file is an extent with tables of its own: one that cannot be a descriptor, too."""
    head = data.read(0, _HEADER.size)
    if head.startswith((ESX_SPARSE, SE_SPARSE)):
        return True
    return len(head) == _HEADER.size and head.startswith(SPARSE) and _Header(*_HEADER.unpack(head)).sectors > 0


def _sparse(data: FileBytes) -> ContainerFacts:
    header = _Header(*_HEADER.unpack(require(data, 0, _HEADER.size, "its header")))
    if not 1 <= header.version <= 3:
        raise InvalidInput(f"is a VMDK of version {header.version}; valid are 1 to 3")
    if header.sectors == 0 or header.descriptor_at == 0:
        # With no capacity, QEMU takes the extents of its descriptor in place of it.
        raise InvalidInput(_LONE_EXTENT)
    size = checked_size(header.sectors * _SECTOR)
    _check_grains(data, header)
    _require_grains(data, header)
    length = header.descriptor_sectors * _SECTOR
    if header.descriptor_at != 1 or not 0 < length <= _LARGEST_DESCRIPTOR:
        raise InvalidInput(
            f"its descriptor has {length} bytes at sector {header.descriptor_at}; valid are up to "
            f"{_LARGEST_DESCRIPTOR}, at sector 1"
        )
    text = require(data, _SECTOR, length, "its descriptor")
    # The one extent that it names is the file itself, by whatever name that had.
    descriptor = _descriptor(text, is_all=False)
    if not descriptor.entries:
        raise InvalidInput(_LONE_EXTENT)
    is_stream = header.directory_at == _NO_DIRECTORY or header.compression or header.flags & (_COMPRESSED | _MARKERS)
    variant = _variant(descriptor)
    return ContainerFacts(
        ContainerFormat.VMDK,
        size,
        STREAM_OPTIMIZED if is_stream else variant,
        links=_parent(data, _SECTOR, descriptor),
        is_compressed=bool(is_stream),
        is_dirty=bool(header.is_unclean),
    )


def _parent(data: FileBytes, at: int, descriptor: _Descriptor) -> tuple[Link, ...]:
    """Return the file that QEMU takes for the parent: the first name in the text, in a comment, too."""
    text = data.read(at, _HINT_AREA).split(b"\0", 1)[0]
    found = text.find(_PARENT_HINT)
    # Behind the name are an equals sign and a quotation mark.
    name, quote, _ = text[found + len(_PARENT_HINT) + 2 :].partition(b'"')
    is_named = found >= 0 and bool(name)
    if found >= 0 and not quote:
        raise InvalidInput("its descriptor has no end of the name of its parent")
    if not is_named and _parent_id(descriptor) != _NO_PARENT:
        raise InvalidInput("is a difference to another VMDK, which it does not name")
    return (Link(LinkRole.BACKING, os.fsdecode(name), ContainerFormat.VMDK),) if is_named else ()


def _parent_id(descriptor: _Descriptor) -> int:
    text = descriptor.entries.get("parentCID", "ffffffff")
    try:
        return int(text, 16)
    except ValueError:
        raise InvalidInput(f"its parentCID is {text!r}; valid are eight hexadecimal digits") from None


def _variant(descriptor: _Descriptor) -> str:
    found = descriptor.entries.get("createType", "")
    if found not in _VARIANTS:
        raise InvalidInput(f"its createType is {found!r}; valid are {', '.join(sorted(_VARIANTS))}")
    return found


def _check_grains(data: FileBytes, header: _Header) -> None:
    grain, entries = header.grain_sectors, header.entries_per_table
    if not 1 <= grain <= 1 << 16 or grain.bit_count() > 1 or not 1 <= entries <= 512:
        raise InvalidInput(
            f"its grains have {grain} sectors, its tables {entries} entries; valid are powers of two up to 65536, and "
            "up to 512"
        )
    if header.directory_at == _NO_DIRECTORY:
        return
    tables = -(-header.sectors // (grain * entries))
    require(data, header.directory_at * _SECTOR + 4 * tables - 1, 1, "its grain directory")


def require_whole_extent(data: FileBytes) -> None:
    """Refuse an extent with tables of its own that ends before what they say is in it; ESXi's are taken as they are.

    Raises:
        InvalidInput: that says so, or when the tables contradict themselves.
    """
    if data.read(0, len(SPARSE)) == SPARSE:
        header = _Header(*_HEADER.unpack(require(data, 0, _HEADER.size, "its header")))
        _check_grains(data, header)
        _require_grains(data, header)


def _require_grains(data: FileBytes, header: _Header) -> None:
    """Refuse a file that ends before a grain, or a table of grains.

    Raises:
        InvalidInput: that says so.
    """
    if header.directory_at == _NO_DIRECTORY:
        # Its footer is behind all grains, and QEMU opens none without.
        return
    count = -(-header.sectors // (header.grain_sectors * header.entries_per_table))
    directory = numbers(data, header.directory_at * _SECTOR, count, "I", order="little")
    tables = sorted(set(directory) - {0})[:_MOST_TABLES]
    if tables and tables[-1] * _SECTOR >= data.size:
        raise cut_off(tables[-1] * _SECTOR, data)
    size = header.entries_per_table * 4
    for first in range(0, len(tables), _TABLES_AT_ONCE):
        some = tables[first : first + _TABLES_AT_ONCE]
        is_run = (some[-1] - some[0]) * _SECTOR == (len(some) - 1) * size
        for at, many in ((some[0], len(some)),) if is_run else ((each, 1) for each in some):
            grains = numbers(data, at * _SECTOR, many * header.entries_per_table, "I", order="little")
            last = max(grains, default=0) * _SECTOR
            if last >= data.size:
                raise cut_off(last, data)


def _descriptor(text: bytes, *, is_all: bool) -> _Descriptor:
    """Read a descriptor.

    Where it is all of the disk, no line is passed over, so that nobody else sees an extent where none is seen here.
    """
    entries: dict[str, str] = {}
    links: list[Link] = []
    sectors = 0
    is_after_blank = False
    for number, line in enumerate(text.split(b"\0", 1)[0].split(b"\n"), 1):
        words = line.split()
        if words and words[0].startswith(b"#"):
            pass
        elif match := _ENTRY.fullmatch(line):
            value = match[2].strip(b'"').decode("utf-8", "backslashreplace")
            entries.setdefault(match[1].decode("ascii"), value)
        elif words and is_all:
            if is_after_blank:
                raise InvalidInput(f"line {number} of its descriptor is behind an empty one; QEMU would take it twice")
            count, link = _extent(line, number)
            sectors += count
            links.append(link)
        is_after_blank = not words
        if len(links) > _MOST_EXTENTS:
            raise InvalidInput(f"its descriptor names more than {_MOST_EXTENTS} extents")
    return _Descriptor(entries, sectors, tuple(links))


def _extent(line: bytes, number: int) -> tuple[int, Link]:
    """Return how many sectors an extent has, and the file that it is in."""
    match = _EXTENT.fullmatch(line)
    if match is None:
        # Also RDONLY, NOACCESS and ZERO, which QEMU passes over, so that all behind them were elsewhere.
        raise InvalidInput(
            f"line {number} of its descriptor is neither NAME=VALUE nor an extent that can be read; valid is such as "
            'RW 4192256 SPARSE "NAME"'
        )
    kind, name, offset = match[2], match[3], match[4]
    if (offset is not None) != (kind == b"FLAT") or len(name) > _LONGEST_NAME or int(match[1]) == 0:
        raise InvalidInput(
            f"line {number} of its descriptor is not a valid extent: it has no sectors, or a name of more than "
            f"{_LONGEST_NAME} bytes, or an offset that a {kind.decode()} extent must have or cannot have"
        )
    sectors = int(match[1])
    if kind in _SPARSE_KINDS:
        return sectors, Link(LinkRole.EXTENT, os.fsdecode(name), EXTENT)
    # QEMU reads zeros behind the end of a plain file.
    least = (sectors + int(offset or 0)) * _SECTOR
    return sectors, Link(LinkRole.EXTENT, os.fsdecode(name), RAW, least)
