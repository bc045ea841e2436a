"""Facts of the tree and the blobs of a WIM, found without a Python object for each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from errno import ENOMEM
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import from_c, path_to_c
from osdimage.native.wim.handles import WimHandle


class Fault(Enum):
    """What is wrong with a name; the first four are refused everywhere."""

    SEPARATOR = lib.OSD_FAULT_SEPARATOR
    COLON = lib.OSD_FAULT_COLON
    DOTS = lib.OSD_FAULT_DOTS
    LENGTH = lib.OSD_FAULT_LENGTH
    SHORT = lib.OSD_FAULT_SHORT
    TWIN = lib.OSD_FAULT_TWIN
    CHARACTER = lib.OSD_FAULT_CHARACTER
    END = lib.OSD_FAULT_END
    DEVICE = lib.OSD_FAULT_DEVICE
    SURROGATE = lib.OSD_FAULT_SURROGATE


@dataclass(frozen=True, slots=True)
class FaultyNames:
    """The names of a tree that have one fault: how many, and the paths of the first; a stream is ``path:stream``."""

    fault: Fault
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OddName:
    """A name with faults.

    Attributes:
        path: from the root of the image, separated by ``/``.
        name: the last part of it, which may hold a ``/`` itself.
        stream: of a stream, its name, of which the faults are then; None for a file or directory.
        faults: of the name and, of a file or directory, of its short name.
    """

    path: str
    name: str
    stream: str | None
    faults: frozenset[Fault]


@dataclass(frozen=True, slots=True)
class Extent:
    """What a target must have room for, in bytes of UTF-8: the longest name and path, and where they are.

    Attributes:
        longest_name: the number of bytes of the longest name.
        longest_name_at: the path of what has it.
        longest_path: the number of bytes of the longest path.
        longest_path_at: that path.
        largest_reparse: the size of the largest reparse data, without their header.
        largest_reparse_at: the path of what has them.
    """

    longest_name: int
    longest_name_at: str
    longest_path: int
    longest_path_at: str
    largest_reparse: int
    largest_reparse_at: str


@dataclass(frozen=True, slots=True)
class Occupied:
    """A path that is a directory in the target and none in the image, or the other way."""

    path: str
    is_directory: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """What one pass over an image's tree found.  Sizes in bytes, hard links counted once.

    ``long_links`` are links whose targets may be long: the path of the first by the SHA-1 of their reparse data.
    """

    directories: int
    files: int
    size: int
    sparse_files: int
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
    unix_data: int
    special_files: int
    missing_blobs: int
    refused_names: int
    refusal: Fault | None
    refused_path: str | None
    faulty: tuple[FaultyNames, ...]
    extent: Extent
    long_links: Mapping[bytes, str]
    symlink_path: str | None
    occupied: Occupied | None
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


def odd_names(handle: WimHandle, image: int, faults: Iterable[Fault], path: str = "/") -> list[OddName]:
    """Return every name at and below a path that has one of some faults, in the order of the tree.

    Two names of a folder that differ in case only have the fault :attr:`Fault.TWIN` from the second on.
    """
    found = ffi.new("struct osd_audit *", {"listed": sum(1 << each.value for each in set(faults))})
    try:
        handle.audit_tree(image, path, found)
        if found.is_out_of_memory:
            raise MemoryError
        return [_odd_name(found.odd_names[number]) for number in range(found.odd_name_count)]
    finally:
        lib.osd_audit_release(found)


def _odd_name(item: Any) -> OddName:
    faults = frozenset(each for each in Fault if item.faults & 1 << each.value)
    return OddName(from_c(item.path) or "/", from_c(item.path + item.name) or "", from_c(item.stream), faults)


def each_blob(handle: WimHandle, visit: Callable[[Blob], None]) -> None:
    """Call a function with every :class:`Blob`, metadata resources included."""
    handle.each_blob(lambda item: visit(_blob(item)))


def tree_blob(handle: WimHandle, image: int) -> Blob | None:
    """Return the metadata resource of an image; None when there is none in the file, but in memory only."""
    trees: list[Blob] = []

    def look(item: Any) -> None:
        # libwim lists the trees first, in the order of the images.
        if not item.is_metadata or len(trees) == image:
            raise _Found
        trees.append(_blob(item))

    with suppress(_Found):
        handle.each_blob(look)
    return trees[image - 1] if len(trees) >= image else None


def audit(
    handle: WimHandle,
    image: int,
    *,
    path: str = "/",
    target: str | None = None,
    without_parents: bool = False,
    tree: Any = None,
    memory: int | None = None,
) -> Audit:
    """Pass over a path and all below it, in C.

    With a target directory, also look there for symbolic links in the place of the image's directories, and for
    directories in the place of its files, and the other way; the path itself comes directly below the target with
    ``without_parents``.  ``tree`` is a ``struct osd_tree *`` that is filled in the same pass, or None.  libwim may take
    ``memory`` more bytes for it.
    """
    # The C string must live as long as the structure that points to it.
    encoded = ffi.NULL if target is None else ffi.new("char[]", path_to_c(target))
    found = ffi.new("struct osd_audit *", {"target": encoded, "without_parents": without_parents})
    try:
        messages = handle.audit_tree(image, path, found, tree=tree, memory=memory)
        return _result(found, messages)
    finally:
        lib.osd_audit_release(found)


def audit_stored(stored: bytes, tree: Any, *, target: str | None = None) -> Audit | None:
    """Pass over a whole tree as it is stored, without loading it, and fill a ``struct osd_tree *``.

    Where libwim would repair or refuse something, or a name is to be refused, None is returned: then only libwim can
    tell what the tree is, and what was filled is of no use.
    """
    encoded = ffi.NULL if target is None else ffi.new("char[]", path_to_c(target))
    found = ffi.new("struct osd_audit *", {"target": encoded})
    try:
        both = ffi.new("struct osd_tree_pass *", {"audit": found, "tree": tree})
        error = lib.osd_tree_walk(
            tree, ffi.from_buffer("uint8_t[]", stored), len(stored), ffi.addressof(lib, "osd_tree_add"), both
        )
        if error == ENOMEM:
            raise MemoryError
        if error or found.refused_names or (found.faults[lib.OSD_FAULT_TWIN] and _has_doubles(tree)):
            return None
        return _result(found, ())
    finally:
        lib.osd_audit_release(found)


def _has_doubles(tree: Any) -> bool:
    # Of two names that are the very same libwim drops the second; those that differ in case stay.
    answer = ffi.new("int *")
    if lib.osd_tree_has_doubles(tree, answer):
        raise MemoryError
    return bool(answer[0])


def _result(found: Any, messages: tuple[str, ...]) -> Audit:
    if found.is_out_of_memory:
        raise MemoryError
    return Audit(
        directories=found.directories,
        files=found.files,
        size=found.bytes,
        sparse_files=found.sparse_files,
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
        unix_data=found.unix_data,
        special_files=found.special_files,
        missing_blobs=found.missing_blobs,
        refused_names=found.refused_names,
        refusal=Fault(found.refusal) if found.refused_names else None,
        refused_path=from_c(found.refused_path),
        faulty=_faulty(found),
        extent=_extent(found),
        long_links=_long_links(found),
        symlink_path=from_c(found.symlink_path),
        occupied=_occupied(found),
        messages=messages,
    )


def _occupied(found: Any) -> Occupied | None:
    path = from_c(found.occupied_path)
    return None if path is None else Occupied(path, is_directory=bool(found.is_occupied_by_directory))


def _faulty(found: Any) -> tuple[FaultyNames, ...]:
    faulty = []
    for fault in Fault:
        count, paths = found.faults[fault.value], found.examples[fault.value]
        if count:
            examples = (from_c(paths[number]) for number in range(lib.OSD_EXAMPLES))
            faulty.append(FaultyNames(fault, count, tuple(path for path in examples if path is not None)))
    return tuple(faulty)


def _long_links(found: Any) -> dict[bytes, str]:
    links: dict[bytes, str] = {}
    for position in range(found.long_link_count):
        link = found.long_links[position]
        links.setdefault(bytes(link.sha1), from_c(link.path) or "/")
    return links


def _extent(found: Any) -> Extent:
    return Extent(
        longest_name=found.longest_name,
        longest_name_at=from_c(found.longest_name_path) or "/",
        longest_path=found.longest_path,
        longest_path_at=from_c(found.longest_path_path) or "/",
        largest_reparse=found.largest_reparse,
        largest_reparse_at=from_c(found.largest_reparse_path) or "/",
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
