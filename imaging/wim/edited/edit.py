"""Changing a WIM in place: names and descriptions, the boot index, deleting images.

libwim rewrites the XML of a WIM where it stands, so a crash at the wrong moment leaves a WIM that nothing can open.
Here the new XML is written behind the end of the file and synced to the disk, and only then does one write of the
208-byte header point to it: the WIM is valid, with the old or the new text, at every moment.  What the header no longer
points to (a few KB) is left over until images are deleted or exported.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, InvalidRequest, Means, Remedy
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.wim.checks.audit import load_tree
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.described import captured, info
from osdimage.imaging.wim.described.captured import CapturedDisk
from osdimage.imaging.wim.described.changes import encode, refuse_equal_names, set_properties_of
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import reference_files
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.raw.export import RawCopy, copy_images
from osdimage.imaging.wim.raw.source import NotRaw
from osdimage.imaging.wim.stored.format import (
    INTEGRITY_STRUCT,
    Header,
    Resource,
    ResourceFlag,
)
from osdimage.imaging.wim.stored.in_place import InPlace, changeable_header, locked
from osdimage.imaging.wim.write import WRITE_SHARES, Writing, write_file
from osdimage.native.runtime import Compression
from osdimage.native.wim import tree
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Blob


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """What a deletion left: the images, and the size of the file before and after, in bytes."""

    path: Path
    images_left: int
    old_size: int
    new_size: int


def set_properties(
    wim: str | os.PathLike[str],
    properties: Mapping[int, ImageProperties],
    *,
    boot_index: int | None = None,
) -> None:
    """Change the names, descriptions, creators and versions of images, and which image boots, in place.

    Args:
        wim: the WIM; it must not be split, pipable or marked read-only.
        properties: the changes, by 1-based index.
        boot_index: the image that boots from now on, 0 for none; None keeps it.

    Raises:
        InvalidRequest: when there is no such image, or a name would be there twice.
        TargetRefused: when the WIM cannot be changed, or another program is writing to it.
        NotAWim, CorruptWim: when it is not a sound WIM; nothing was written.
        StorageError: when writing failed; the message says whether the WIM is as it was.
    """
    path = Path(wim)
    # What is read must not change before it is written back: the lock comes first.
    with locked(path) as descriptor:
        with wim_errors(path), open_wim(path) as handle:
            facts = handle.info()
            text = info.decode_xml(handle.xml())
            boot_blob = tree.tree_blob(handle, boot_index) if boot_index else None
        new_xml = _edit_xml(path, text, facts.image_count, properties)
        if boot_index is not None and not 0 <= boot_index <= facts.image_count:
            raise InvalidRequest(f"{path}: there is no image {boot_index}; it has {facts.image_count}")
        header = changeable_header(path, descriptor)
        integrity = _read_integrity(path, descriptor, header)
        if boot_index is not None:
            header.boot_index = boot_index
            header.boot_metadata = _resource_of(boot_blob)
        place = InPlace(path, descriptor)
        try:
            _append(place, header, new_xml, integrity)
        except BaseException as error:
            place.put_back(error)
            raise


def add_disks(path: Path, descriptor: int, disks: Mapping[int, CapturedDisk]) -> None:
    """Put the layouts of disks into the XML of a WIM that is open and has no name yet, by the index of the image.

    Raises:
        StorageError: when writing failed.
    """
    header = changeable_header(path, descriptor)
    root = info.parse_root(info.decode_xml(os.pread(descriptor, header.xml.stored_size, header.xml.offset)))
    elements = info.elements_by_index(root)
    for index, disk in disks.items():
        element = elements[index]
        own = element.find("OSDIMAGE")
        (ET.SubElement(element, "OSDIMAGE") if own is None else own).append(captured.to_element(disk))
    _append(InPlace(path, descriptor), header, encode(root), _read_integrity(path, descriptor, header))


@logged("delete images of {wim}")
def delete_images(
    wim: str | os.PathLike[str],
    indexes: Sequence[int],
    *,
    refs: Iterable[str] = (),
    may_be_empty: bool = False,
    progress: ProgressCallback | None = None,
) -> DeleteResult:
    """Delete images and the contents that no other image needs.

    The WIM is written anew beside the old one, which is replaced in one step; nothing is compressed again.  The images
    behind a deleted one move up.

    Args:
        wim: the WIM.
        indexes: of the images, 1-based.
        refs: files or glob patterns of files that hold contents too: the base of a delta, which stays one.
        may_be_empty: whether a WIM without images may be left, to which others can be added.
        progress: receives the progress.

    Raises:
        InvalidRequest: when there is no such image, or none would be left and that may not be.
        MissingParts: when contents are in another file, which ``refs`` does not name.
        TargetRefused: when the WIM cannot be changed, or another program is writing to it.
        StorageError: when writing failed; the WIM is as it was, unless the message says that the new one has its name.
    """
    path = Path(wim)
    meter = Meter(progress, WRITE_SHARES)
    old_size = path.stat().st_size if path.exists() else 0
    # What another program appends while the new file is written would be lost: the lock comes first.
    with locked(path), wim_errors(path), open_wim(path, write=True) as handle:
        reference_files(handle, refs)
        facts = handle.info()
        unique = sorted(set(indexes), reverse=True)
        for index in unique:
            if not 1 <= index <= facts.image_count:
                raise InvalidRequest(f"{path}: there is no image {index}; it has {facts.image_count}")
        if len(unique) == facts.image_count and not may_be_empty:
            raise InvalidRequest(
                f"{path}: no image would be left",
                remedy=Remedy("delete the file instead, or {} leaves one without images", (Means.ALL_IMAGES,)),
            )
        kept = [index for index in range(1, facts.image_count + 1) if index not in unique]
        copy = RawCopy(
            kept,
            boot_index=kept.index(facts.boot_index) + 1 if facts.boot_index in kept else 0,
            guid=facts.guid,
            may_miss=True,
        )
        try:
            copy_images(path, path, copy, replace=True, meter=meter)
        except NotRaw:
            _delete_by_libwim(path, handle, unique, meter)
    meter.finish()
    return DeleteResult(path, facts.image_count - len(unique), old_size, path.stat().st_size)


def _delete_by_libwim(path: Path, handle: WimHandle, indexes: Sequence[int], meter: Meter) -> None:
    """Delete images, the last first, of a WIM whose contents cannot be copied as they are stored."""
    for index in indexes:
        load_tree(path, handle, index)
        handle.delete_image(index)
    spec = CompressionSpec(handle.info().compression or Compression.NONE)
    how = Writing(retain_guid=True, skips_references=True)
    write_file(handle, path, spec, how, replace=True, meter=meter)


def _edit_xml(path: Path, text: str, count: int, properties: Mapping[int, ImageProperties]) -> bytes:
    root = info.parse_root(text)
    elements = info.elements_by_index(root)
    for index, wanted in properties.items():
        element = elements.get(index)
        if element is None:
            raise InvalidRequest(f"{path}: there is no image {index}; it has {count}")
        set_properties_of(element, wanted)
    refuse_equal_names(path, list(elements.values()))
    return encode(root)


def _read_integrity(path: Path, descriptor: int, header: Header) -> bytes:
    """Return the integrity table.  It covers the blobs and their table, not the XML, so it stays true."""
    size = header.integrity.stored_size
    if header.integrity.offset == 0 or size == 0:
        return b""
    damaged = CorruptWim(f"{path}: the integrity table is damaged")
    if size < INTEGRITY_STRUCT.size or header.integrity.offset + size > os.fstat(descriptor).st_size:
        raise damaged
    table = os.pread(descriptor, size, header.integrity.offset)
    if len(table) != size or INTEGRITY_STRUCT.unpack_from(table)[0] != size:
        raise damaged
    return table


def _resource_of(blob: Blob | None) -> Resource:
    """Return where a tree is."""
    if blob is None:
        return Resource()
    flags = ResourceFlag.METADATA | (ResourceFlag.COMPRESSED if blob.is_compressed else 0)
    return Resource(blob.resource_offset, blob.resource_stored_size, blob.resource_size, flags)


def _append(place: InPlace, header: Header, xml: bytes, integrity: bytes) -> None:
    """Write the XML and the integrity table behind the end, sync, then point the header to them, sync."""
    header.xml = Resource.plain(place.size, len(xml), header.xml.flags & ~ResourceFlag.COMPRESSED.value)
    if integrity:
        header.integrity.offset = place.size + len(xml)
    place.append(xml + integrity)
    place.point_to(header.build())
