"""The trees of a WIM that libwim has just written, put into the form that DISM takes.

libwim writes contents first, and behind them trees, blob table, XML and integrity table.  So all from the first tree
on can be written anew before anything points to it: in a file that has no name yet, and in one that is appended to
while it has its old header.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.output import write_at
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.blob_table import BlobEntry, is_inside_solid, read_blob_table, read_tree
from osdimage.imaging.wim.stored.folder_streams import in_newer_form
from osdimage.imaging.wim.stored.format import (
    MAGIC,
    Header,
    Resource,
    ResourceFlag,
)
from osdimage.native.wim.compress import make_resource
from osdimage.native.wim.raw_copy import CopyPlan
from osdimage.native.wim.resource import ResourceReader


def put_trees_into_newer_form(
    descriptor: int,
    header: Header,
    spec: CompressionSpec,
    *,
    written_from: int,
    change: Callable[[bytes], bytes | None] | None = None,
) -> bool:
    """Write trees anew that have folders in the old form, or that are changed; return whether there were any.

    The file is written behind ``written_from``, and ends where it has to.  The header is changed, and left to the
    caller to write, as is syncing.

    Args:
        descriptor: of a file that libwim has written, open for reading and writing.
        header: that of libwim.
        spec: the compression of the file.
        written_from: where libwim began to write, in bytes: trees before it stay as they are.
        change: returns what a tree is to be instead, or None; it is given each.

    Raises:
        OSError: when reading or writing failed.
        CorruptWim: when what libwim wrote cannot be read.
        InvalidRequest: when trees are to be changed, and are not laid out so that they can be.
    """
    if header.magic != MAGIC or header.blob_table.flags & ResourceFlag.COMPRESSED:
        return _left_as_it_is(change)
    entries = read_blob_table(descriptor, header)
    trees = [entry for entry in entries if entry.is_tree and entry.resource.offset >= written_from]
    begin = min((entry.resource.offset for entry in trees), default=0)
    if not trees or not _is_last(header, entries, begin):
        return _left_as_it_is(change)
    booting = [entry for entry in trees if entry.resource.offset == header.boot_metadata.offset]
    reader = ResourceReader(descriptor, spec.format, header.chunk_size)
    is_changed = False
    # As they are stored: expanded, those of a medium with a dozen images take a gigabyte.
    stored: list[bytes] = []
    try:
        for entry in trees:
            tree = read_tree(reader, entry)
            new = in_newer_form(tree) if _has_folder_streams(tree) else None
            if change is not None:
                new = change(tree if new is None else new) or new
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


def _has_folder_streams(tree: bytes) -> bool:
    """Tell whether a tree may have folders with streams: only such are stored in two forms, and few trees have any."""
    try:
        return CopyPlan(b"").add_tree(tree, may_miss=True)
    except OSError:
        return True


def _left_as_it_is(change: object) -> bool:
    """Refuse to leave trees as they are that are to be changed."""
    if change is not None:
        raise InvalidRequest("trees can be changed in a plain WIM only, not in a pipable one")
    return False


def _is_last(header: Header, entries: list[BlobEntry], begin: int) -> bool:
    """Tell whether nothing but trees and tables lies behind a place."""
    tables = [header.blob_table, header.xml, *([header.integrity] if header.integrity.offset else [])]
    contents = (entry.resource for entry in entries if not entry.is_tree and not is_inside_solid(entry.resource))
    return all(each.offset >= begin for each in tables) and all(
        resource.offset + resource.stored_size <= begin for resource in contents
    )


def _stored(descriptor: int, header: Header, entry: BlobEntry, tree: bytes | None, spec: CompressionSpec) -> bytes:
    """Return a tree as it is stored; one that is not None is new, and all but its offset goes into its entry."""
    if tree is None:
        return os.pread(descriptor, entry.resource.stored_size, entry.resource.offset)
    data, is_compressed = make_resource(tree, spec.format, header.chunk_size, spec.native_level)
    entry.become(tree, len(data), is_compressed=is_compressed)
    return data


def _write_tail(descriptor: int, header: Header, trees: list[bytes], table: bytes, begin: int) -> None:
    """Write trees and tables from a place on, end the file there, and point the header to them."""
    xml = os.pread(descriptor, header.xml.stored_size, header.xml.offset)
    hashes = os.pread(descriptor, header.integrity.stored_size, header.integrity.offset)
    header.blob_table.offset = begin + sum(map(len, trees))
    xml_at = header.blob_table.offset + len(table)
    xml = _with_total(xml, header.xml.offset, xml_at)
    header.xml = Resource.plain(xml_at, len(xml), header.xml.flags & ~ResourceFlag.COMPRESSED.value)
    write_at(descriptor, b"".join([*trees, table, xml]), begin)
    end = xml_at + len(xml)
    if hashes:
        hashes = integrity.renewed(descriptor, hashes, begin, xml_at)
        header.integrity = Resource.plain(end, len(hashes), header.integrity.flags)
        write_at(descriptor, hashes, end)
        end += len(hashes)
    os.ftruncate(descriptor, end)


def _with_total(xml: bytes, before: int, after: int) -> bytes:
    """Return the XML with another size of the whole file up to the XML, which is the first that it tells."""
    old, new = (f"<TOTALBYTES>{number}</TOTALBYTES>".encode("utf-16-le") for number in (before, after))
    return xml.replace(old, new, 1)
