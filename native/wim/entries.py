"""The files and directories of an image as Python values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from osdimage.native._wimlib import ffi
from osdimage.native.text import from_c
from osdimage.native.wim.handles import WimHandle

_NO_ID = bytes(16)
_NO_HASH = bytes(20)


@dataclass(frozen=True, slots=True)
class Stream:
    """A data stream of a file.  The unnamed one has the name None; its blob is None when it is empty."""

    name: str | None
    size: int
    stored_size: int | None
    sha1: bytes | None
    is_missing: bool


class StreamPlace(NamedTuple):
    """Where the contents of a stream are, as libwim tells; sizes and offsets in bytes."""

    offset: int
    part_number: int
    references: int
    is_compressed: bool
    is_metadata: bool
    is_free: bool
    is_spanned: bool
    is_solid: bool
    resource_offset: int
    resource_stored_size: int
    resource_size: int


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """What few want to know of a file: its four ids of 16 bytes each, and the places of its streams in their order."""

    object_ids: bytes
    places: tuple[StreamPlace, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory of an image, as libwim lists it.  Times in nanoseconds since 1970.

    The details are there where they are asked for.
    """

    path: str
    name: str | None
    short_name: str | None
    attributes: int
    reparse_tag: int | None
    links: int
    link_group: int | None
    created_ns: int
    modified_ns: int
    accessed_ns: int
    security_descriptor: bytes | None
    object_id: bytes | None
    unix_mode: int | None
    unix_uid: int | None
    unix_gid: int | None
    unix_device: int | None
    streams: tuple[Stream, ...]
    details: EntryDetails | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory; a junction is one, too."""
        return self.attributes & 0x10 != 0

    @property
    def size(self) -> int:
        """How many bytes the file has, without its named streams."""
        return self.streams[0].size


def each_entry(
    handle: WimHandle,
    image: int,
    path: str,
    *,
    recursive: bool,
    visit: Callable[[Entry], None],
    children: bool = False,
    in_detail: bool = False,
) -> tuple[str, ...]:
    """Call a function with every :class:`Entry` at and below a path, parents first; return libwim's warnings.

    With ``children`` that of the path itself is left out, and those in it are visited.
    """

    def take(item: Any) -> None:
        entry = _entry(item)
        visit(replace(entry, details=_details(item)) if in_detail else entry)

    return handle.each_entry(image, path, recursive=recursive, children=children, on_entry=take)


def _entry(item: Any) -> Entry:
    # A quarter of a million times: what bytes() would count through is copied, and a file has one stream.
    descriptor = None
    if item.security_descriptor != ffi.NULL:
        descriptor = ffi.buffer(item.security_descriptor, item.security_descriptor_size)[:]
    object_id = ffi.buffer(item.object_id.object_id)[:]
    attributes, named_streams = item.attributes, item.num_named_streams
    has_unix_data = item.unix_mode != 0
    is_reparse_point = attributes & 0x400 != 0
    return Entry(
        path=from_c(item.full_path) or "/",
        name=from_c(item.filename) or None,
        short_name=from_c(item.dos_name) or None,
        attributes=attributes,
        reparse_tag=item.reparse_tag if is_reparse_point else None,
        links=item.num_links,
        link_group=item.hard_link_group_id or None,
        created_ns=_nanoseconds(item.creation_time),
        modified_ns=_nanoseconds(item.last_write_time),
        accessed_ns=_nanoseconds(item.last_access_time),
        security_descriptor=descriptor,
        object_id=None if object_id == _NO_ID else object_id,
        unix_mode=item.unix_mode if has_unix_data else None,
        unix_uid=item.unix_uid if has_unix_data else None,
        unix_gid=item.unix_gid if has_unix_data else None,
        unix_device=item.unix_rdev if has_unix_data else None,
        streams=tuple(_stream(item.streams[i]) for i in range(named_streams + 1))
        if named_streams
        else (_stream(item.streams[0]),),
    )


def _details(item: Any) -> EntryDetails:
    # The four ids follow each other.
    ids = ffi.buffer(ffi.addressof(item, "object_id"))[:]
    return EntryDetails(ids, tuple(_place(item.streams[i].resource) for i in range(item.num_named_streams + 1)))


def _place(resource: Any) -> StreamPlace:
    return StreamPlace(
        offset=resource.offset,
        part_number=resource.part_number,
        references=resource.reference_count,
        is_compressed=bool(resource.is_compressed),
        is_metadata=bool(resource.is_metadata),
        is_free=bool(resource.is_free),
        is_spanned=bool(resource.is_spanned),
        is_solid=bool(resource.packed),
        resource_offset=resource.raw_resource_offset_in_wim,
        resource_stored_size=resource.raw_resource_compressed_size,
        resource_size=resource.raw_resource_uncompressed_size,
    )


def _nanoseconds(time: Any) -> int:
    seconds: int = time.tv_sec
    nanoseconds: int = time.tv_nsec
    return seconds * 1_000_000_000 + nanoseconds


def _stream(item: Any) -> Stream:
    resource = item.resource
    sha1 = ffi.buffer(resource.sha1_hash)[:]
    is_missing = bool(resource.is_missing)
    return Stream(
        name=from_c(item.stream_name),
        size=resource.uncompressed_size,
        stored_size=None if is_missing or resource.packed else resource.compressed_size,
        sha1=None if sha1 == _NO_HASH else sha1,
        is_missing=is_missing,
    )
