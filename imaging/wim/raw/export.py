"""Copying images to a new WIM of the same compression."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from osdimage.imaging.errors import StorageError
from osdimage.imaging.output import new_file, refuse_full_medium
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.wim.described.base import NotedBase, note_bases
from osdimage.imaging.wim.described.changes import encode, of_images, refuse_equal_names, set_properties_of
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.raw.parts import PartFacts, size_of_part, write_part
from osdimage.imaging.wim.raw.source import NotRaw, RawSource, StoredTree, opened
from osdimage.imaging.wim.stored.blob_table import GUID_BYTES, guid_of


@dataclass(frozen=True, slots=True)
class RawCopy:
    """What a new WIM is to be.

    Attributes:
        indexes: of the images in the source, 1-based, in their new order.
        boot_index: of the image that boots in the new WIM, 0 for none.
        properties: what is set in each image anew, or None.
        guid: of the new WIM, 16 bytes; None for a new one.
        has_integrity: whether to write an integrity table; None as the source has one.
        may_miss: whether contents may be in another file, and stay there.
        without: the SHA-1 of contents that are in other files, and left out.
        bases: these files, which are noted in the XML of the images; None to leave what is noted there.
        repeatable: whether a new GUID is drawn from what the WIM has, and not at random.
    """

    indexes: Sequence[int]
    boot_index: int = 0
    properties: ImageProperties | None = None
    guid: bytes | None = None
    has_integrity: bool | None = None
    may_miss: bool = False
    without: Collection[bytes] = ()
    bases: Sequence[NotedBase] | None = None
    repeatable: bool = False


def copy_images(path: Path, destination: Path, copy: RawCopy, *, replace: bool, meter: Meter) -> None:
    """Write a WIM of images of another, as they are stored; it appears complete or not at all.

    Args:
        path: the WIM to copy from.
        destination: the new one.
        copy: see there.
        replace: whether a file of this name is replaced.
        meter: is moved on, and stops the work by raising an exception.

    Raises:
        NotRaw: when that cannot be copied; nothing was written.
        InvalidRequest: when two images would have one name.
        TargetRefused: when the destination exists and ``replace`` is false.
        StorageError: when reading or writing failed; nothing is left of a new file, an old one is as it was.
    """
    with opened(path, without=copy.without) as source:
        write_copy(source, destination, copy, replace=replace, meter=meter)


def write_copy(source: RawSource, destination: Path, copy: RawCopy, *, replace: bool, meter: Meter) -> None:
    """Write a WIM of images of one that is open; see :func:`copy_images`."""
    try:
        laid = lay_out_copy(source, destination, copy)
        refuse_full_medium(destination, laid.size, "the new WIM")
        with new_file(destination, replace=replace) as descriptor:
            write_part(descriptor, source, laid.trees, laid.xml, laid.facts, copied=steps(meter, source, 1))
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{destination}: {error.strerror}", path=destination, errno=error.errno) from error


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A new WIM before it is written: its trees, its document, what else it is, and its size in bytes."""

    trees: Sequence[StoredTree]
    xml: ET.Element
    facts: PartFacts
    size: int


def lay_out_copy(source: RawSource, destination: Path, copy: RawCopy) -> LaidOut:
    """Give all of a copy its place in one file; nothing is written.

    Raises:
        NotRaw: when that cannot be copied.
        InvalidRequest: when two images would have one name.
        OSError: when the source cannot be read.
    """
    xml = document_of(source, destination, copy)
    trees = source.take(copy.indexes, may_miss=copy.may_miss)
    guid = new_guid(source, copy, xml, trees)
    facts = PartFacts(1, 1, guid, copy.boot_index, has_integrity(source, copy), len(copy.indexes))
    source.lay_out()
    return LaidOut(trees, xml, facts, size_of_part(source, trees, xml, facts))


def new_guid(source: RawSource, copy: RawCopy, xml: ET.Element, trees: Sequence[StoredTree], more: str = "") -> bytes:
    """Return the GUID of a copy, 16 bytes; ``more`` tells how it differs from others of the same images."""
    if copy.guid is not None:
        return copy.guid
    if not copy.repeatable:
        return os.urandom(GUID_BYTES)
    # The same images can be compressed in many ways: the source tells which one it is.
    facts = source.header.guid + encode(xml) + more.encode("ascii")
    return guid_of(facts, (each.entry.sha1 for each in trees))


def document_of(source: RawSource, destination: Path, copy: RawCopy) -> ET.Element:
    """Return the XML of a copy.

    Raises:
        NotRaw: when the source has not one element for each image.
        InvalidRequest: when two images would have one name.
    """
    xml = of_images(source.xml(), copy.indexes)
    if xml is None or len(set(copy.indexes)) != len(copy.indexes):
        raise NotRaw("its XML document has not one element for each image")
    images = list(xml.iter("IMAGE"))
    for image in images:
        if copy.properties is not None:
            set_properties_of(image, copy.properties)
        if copy.bases is not None:
            note_bases(image, copy.bases)
    refuse_equal_names(destination, images)
    return xml


def has_integrity(source: RawSource, copy: RawCopy) -> bool:
    """Tell whether a copy gets an integrity table."""
    return bool(source.header.integrity.offset) if copy.has_integrity is None else copy.has_integrity


def steps(meter: Meter, source: RawSource, parts: int) -> Callable[[int], None]:
    """Return what moves a meter on by the bytes that are copied of what was laid out."""
    total = sum(each.size for part in range(1, parts + 1) for each in source.plan.ranges(part))
    done = 0

    def copied(count: int) -> None:
        nonlocal done
        done += count
        meter.step(Phase.WRITE_DATA, done, total)

    return copied
