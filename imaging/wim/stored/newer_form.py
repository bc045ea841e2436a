"""The trees of a WIM that libwim has just written, put into the form that DISM takes.

libwim writes contents first, and behind them trees, blob table, XML and integrity table.  So all from the first tree
on can be written anew before anything points to it: in a file that has no name yet, and in one that is appended to
while it has its old header.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.stored.folder_streams import in_newer_form
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    INTEGRITY_STRUCT,
    MAGIC,
    SOLID_RESOURCE_SIZE,
    Header,
    Resource,
    ResourceFlag,
)
from osdimage.native.wim.compress import make_resource
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob

_HASH_BYTES = 20
_PIECE = MIB


@dataclass(slots=True)
class _Entry:
    """An entry of the blob table."""

    resource: Resource
    part_number: int
    references: int
    sha1: bytes

    @property
    def is_tree(self) -> bool:
        return bool(self.resource.flags & ResourceFlag.METADATA)

    def pack(self) -> bytes:
        return BLOB_STRUCT.pack(*self.resource.numbers(), self.part_number, self.references, self.sha1)


def put_trees_into_newer_form(descriptor: int, header: Header, spec: CompressionSpec, *, written_from: int) -> bool:
    """Write trees anew that have folders in the old form; return whether there were any.

    The file is written behind ``written_from``, and ends where it has to.  The header is changed, and left to the
    caller to write, as is syncing.

    Args:
        descriptor: of a file that libwim has written, open for reading and writing.
        header: that of libwim.
        spec: the compression of the file.
        written_from: where libwim began to write, in bytes: trees before it stay as they are.

    Raises:
        OSError: when reading or writing failed.
        CorruptWim: when what libwim wrote cannot be read.
    """
    if header.magic != MAGIC or header.blob_table.flags & ResourceFlag.COMPRESSED:
        return False
    entries = _read_table(descriptor, header)
    trees = [entry for entry in entries if entry.is_tree and entry.resource.offset >= written_from]
    begin = min((entry.resource.offset for entry in trees), default=0)
    if not trees or not _is_last(header, entries, begin):
        return False
    booting = [entry for entry in trees if entry.resource.offset == header.boot_metadata.offset]
    reader = ResourceReader(descriptor, spec.format, header.chunk_size)
    is_changed = False
    # As they are stored: expanded, those of a medium with a dozen images take a gigabyte.
    stored: list[bytes] = []
    try:
        for entry in trees:
            new = in_newer_form(_read_tree(reader, entry))
            is_changed = is_changed or new is not None
            stored.append(_stored(descriptor, header, entry, new, spec))
    finally:
        reader.close()
    if not is_changed:
        return False
    position = begin
    for entry, data in zip(trees, stored, strict=True):
        entry.resource.offset = position
        position += len(data)
    if booting:
        header.boot_metadata = booting[0].resource
    _write_tail(descriptor, header, stored, b"".join(entry.pack() for entry in entries), begin)
    return True


def _read_table(descriptor: int, header: Header) -> list[_Entry]:
    data = os.pread(descriptor, header.blob_table.stored_size, header.blob_table.offset)
    whole = len(data) // BLOB_STRUCT.size * BLOB_STRUCT.size
    return [_Entry(Resource.from_numbers(values[:3]), *values[3:]) for values in BLOB_STRUCT.iter_unpack(data[:whole])]


def _is_last(header: Header, entries: list[_Entry], begin: int) -> bool:
    """Tell whether nothing but trees and tables lies behind a place."""
    tables = [header.blob_table, header.xml, *([header.integrity] if header.integrity.offset else [])]
    contents = (entry.resource for entry in entries if not entry.is_tree and not _is_inside_solid(entry.resource))
    return all(each.offset >= begin for each in tables) and all(
        resource.offset + resource.stored_size <= begin for resource in contents
    )


def _is_inside_solid(resource: Resource) -> bool:
    """Tell whether a place is one inside a solid resource, and not in the file."""
    return bool(resource.flags & ResourceFlag.SOLID) and resource.size != SOLID_RESOURCE_SIZE


def _read_tree(reader: ResourceReader, entry: _Entry) -> bytes:
    where = entry.resource
    blob = Blob(
        sha1=entry.sha1,
        size=where.size,
        part_number=entry.part_number,
        references=entry.references,
        is_metadata=True,
        is_compressed=bool(where.flags & ResourceFlag.COMPRESSED),
        is_solid=False,
        offset_in_resource=0,
        resource_offset=where.offset,
        resource_stored_size=where.stored_size,
        resource_size=where.size,
    )
    try:
        return b"".join(map(bytes, reader.pieces(blob)))
    except OSError as error:
        raise CorruptWim(f"a tree that was written cannot be read: {error.strerror}") from error


def _stored(descriptor: int, header: Header, entry: _Entry, tree: bytes | None, spec: CompressionSpec) -> bytes:
    """Return a tree as it is stored; one that is not None is new, and all but its offset goes into its entry."""
    where = entry.resource
    if tree is None:
        return os.pread(descriptor, where.stored_size, where.offset)
    data, is_compressed = make_resource(tree, spec.format, header.chunk_size, spec.native_level)
    where.flags = ResourceFlag.METADATA | (ResourceFlag.COMPRESSED if is_compressed else 0)
    where.stored_size, where.size = len(data), len(tree)
    entry.sha1 = hashlib.sha1(tree, usedforsecurity=False).digest()
    return data


def _write_tail(descriptor: int, header: Header, trees: list[bytes], table: bytes, begin: int) -> None:
    """Write trees and tables from a place on, end the file there, and point the header to them."""
    xml = os.pread(descriptor, header.xml.stored_size, header.xml.offset)
    integrity = os.pread(descriptor, header.integrity.stored_size, header.integrity.offset)
    header.blob_table.offset = begin + sum(map(len, trees))
    xml_at = header.blob_table.offset + len(table)
    xml = _with_total(xml, header.xml.offset, xml_at)
    header.xml = Resource.plain(xml_at, len(xml), header.xml.flags & ~ResourceFlag.COMPRESSED.value)
    _write_at(descriptor, b"".join([*trees, table, xml]), begin)
    end = xml_at + len(xml)
    if integrity:
        integrity = _integrity(descriptor, integrity, begin, xml_at)
        header.integrity = Resource.plain(end, len(integrity), header.integrity.flags)
        _write_at(descriptor, integrity, end)
        end += len(integrity)
    os.ftruncate(descriptor, end)


def _with_total(xml: bytes, before: int, after: int) -> bytes:
    """Return the XML with another size of the whole file up to the XML, which is the first that it tells."""
    old, new = (f"<TOTALBYTES>{number}</TOTALBYTES>".encode("utf-16-le") for number in (before, after))
    return xml.replace(old, new, 1)


def _integrity(descriptor: int, table: bytes, begin: int, end: int) -> bytes:
    """Return the integrity table of a file of which all from a place on is new; it covers what is before the XML."""
    size, count, chunk = INTEGRITY_STRUCT.unpack_from(table)
    kept = min(count, (begin - HEADER_SIZE) // chunk)
    hashes = [table[INTEGRITY_STRUCT.size : INTEGRITY_STRUCT.size + kept * _HASH_BYTES]]
    for at in range(HEADER_SIZE + kept * chunk, end, chunk):
        digest = hashlib.sha1(usedforsecurity=False)
        stop = min(at + chunk, end)
        for position in range(at, stop, _PIECE):
            digest.update(os.pread(descriptor, min(_PIECE, stop - position), position))
        hashes.append(digest.digest())
    data = b"".join(hashes)
    size = INTEGRITY_STRUCT.size + len(data)
    return INTEGRITY_STRUCT.pack(size, len(data) // _HASH_BYTES, chunk) + data


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count
