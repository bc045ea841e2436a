"""The tree and the blobs of a WIM as Python values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.handles import WimHandle
from osdimage.native.text import from_c, path_to_c

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory of an image, as libwim lists it.  Times in nanoseconds since 1970."""

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
    streams: tuple[Stream, ...]


class Refusal(Enum):
    """Why a name cannot be applied."""

    SEPARATOR = lib.OSD_REFUSAL_SEPARATOR
    COLON = lib.OSD_REFUSAL_COLON
    DOTS = lib.OSD_REFUSAL_DOTS


@dataclass(frozen=True, slots=True)
class Audit:
    """What one pass over an image's tree found.  Sizes in bytes, hard links counted once."""

    directories: int
    files: int
    size: int
    sparse_size: int
    named_streams: int
    named_stream_size: int
    security_descriptors: int
    short_names: int
    links: int
    other_reparse_points: int
    object_ids: int
    encrypted: int
    dos_attributes: int
    missing_blobs: int
    refused_names: int
    refusal: Refusal | None
    refused_path: str | None
    symlink_path: str | None
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob of the blob table and the resource that holds it.  Offsets and sizes in bytes."""

    sha1: bytes
    size: int
    part_number: int
    references: int
    is_metadata: bool
    is_compressed: bool
    is_solid: bool
    offset_in_resource: int
    resource_offset: int
    resource_stored_size: int
    resource_size: int


def each_entry(
    handle: WimHandle,
    image: int,
    path: str,
    *,
    recursive: bool,
    visit: Callable[[Entry], None],
    children: bool = False,
) -> tuple[str, ...]:
    """Call a function with every :class:`Entry` at and below a path, parents first; return libwim's warnings.

    With ``children`` that of the path itself is left out, and those in it are visited.
    """
    return handle.each_entry(
        image, path, recursive=recursive, children=children, on_entry=lambda item: visit(_entry(item))
    )


class _Found(Exception):
    """Ends an iteration early."""


def has_solid_blobs(handle: WimHandle) -> bool:
    """Tell whether any blob is in a solid resource."""

    def look(item: Any) -> None:
        if item.packed:
            raise _Found

    try:
        handle.each_blob(look)
    except _Found:
        return True
    return False


def names_in_root(handle: WimHandle, image: int) -> list[str]:
    """Return the names in the root directory of an image."""
    names: list[str] = []

    def take(item: Any) -> None:
        names.append(from_c(item.filename) or "")

    handle.each_entry(image, "/", recursive=False, children=True, on_entry=take)
    return names


def each_blob(handle: WimHandle, visit: Callable[[Blob], None]) -> None:
    """Call a function with every :class:`Blob`, metadata resources included."""
    handle.each_blob(lambda item: visit(_blob(item)))


def audit(
    handle: WimHandle,
    image: int,
    *,
    path: str = "/",
    target: str | None = None,
    without_parents: bool = False,
    memory: int | None = None,
) -> Audit:
    """Pass over a path and all below it, in C.

    With a target directory, also look there for symbolic links in the place of the image's directories; the path itself
    comes directly below the target with ``without_parents``.  libwim may take ``memory`` more bytes for it.
    """
    # The C string must live as long as the structure that points to it.
    encoded = ffi.NULL if target is None else ffi.new("char[]", path_to_c(target))
    found = ffi.new("struct osd_audit *", {"target": encoded, "without_parents": without_parents})
    try:
        messages = handle.audit_tree(image, path, found, memory=memory)
        return Audit(
            directories=found.directories,
            files=found.files,
            size=found.bytes,
            sparse_size=found.sparse_bytes,
            named_streams=found.named_streams,
            named_stream_size=found.named_stream_bytes,
            security_descriptors=found.security_descriptors,
            short_names=found.short_names,
            links=found.links,
            other_reparse_points=found.other_reparse_points,
            object_ids=found.object_ids,
            encrypted=found.encrypted,
            dos_attributes=found.dos_attributes,
            missing_blobs=found.missing_blobs,
            refused_names=found.refused_names,
            refusal=Refusal(found.refusal) if found.refusal != lib.OSD_REFUSAL_NONE else None,
            refused_path=from_c(found.refused_path),
            symlink_path=from_c(found.symlink_path),
            messages=messages,
        )
    finally:
        lib.osd_audit_release(found)


def _entry(item: Any) -> Entry:
    descriptor = None
    if item.security_descriptor != ffi.NULL:
        descriptor = bytes(ffi.buffer(item.security_descriptor, item.security_descriptor_size))
    object_id = bytes(item.object_id.object_id)
    has_unix_data = item.unix_mode != 0
    is_reparse_point = item.attributes & 0x400 != 0
    return Entry(
        path=from_c(item.full_path) or "/",
        name=from_c(item.filename) or None,
        short_name=from_c(item.dos_name) or None,
        attributes=item.attributes,
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
        streams=tuple(_stream(item.streams[i]) for i in range(item.num_named_streams + 1)),
    )


def _nanoseconds(time: Any) -> int:
    return int(time.tv_sec) * 1_000_000_000 + int(time.tv_nsec)


def _stream(item: Any) -> Stream:
    resource = item.resource
    sha1 = bytes(resource.sha1_hash)
    return Stream(
        name=from_c(item.stream_name),
        size=resource.uncompressed_size,
        stored_size=None if resource.packed or resource.is_missing else resource.compressed_size,
        sha1=None if sha1 == _NO_HASH else sha1,
        is_missing=bool(resource.is_missing),
    )


def _blob(item: Any) -> Blob:
    is_solid = bool(item.packed)
    return Blob(
        sha1=bytes(item.sha1_hash),
        size=item.uncompressed_size,
        part_number=item.part_number,
        references=item.reference_count,
        is_metadata=bool(item.is_metadata),
        is_compressed=bool(item.is_compressed),
        is_solid=is_solid,
        offset_in_resource=item.offset if is_solid else 0,
        resource_offset=item.raw_resource_offset_in_wim,
        resource_stored_size=item.raw_resource_compressed_size,
        resource_size=item.raw_resource_uncompressed_size,
    )
