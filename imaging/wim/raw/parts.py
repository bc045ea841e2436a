"""Writing what was laid out: a new WIM, or one of the parts of a split one.

The contents come first, and behind them the trees, the blob table, the XML and the integrity table.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

from osdimage.imaging.output import LARGEST_STEP, write_at
from osdimage.imaging.units import KIB, MIB
from osdimage.imaging.wim.described.changes import encode, set_text
from osdimage.imaging.wim.raw.ranges import Copied, copy_range
from osdimage.imaging.wim.raw.source import RawSource, StoredTree
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header, HeaderFlag, Resource, ResourceFlag
from osdimage.native.holes import punch
from osdimage.native.wim.raw_copy import ENTRY_BYTES, CopyRange

# So much between two looks at whether somebody wants to stop: the two hundredth part of a file, within limits.
_STEPS = 200
_SMALLEST_STEP = 64 * KIB
# Two threads copy twice as fast where the file is in memory; of a small one nobody notices.
_WORTH_THREADS = 64 * MIB
_MOST_THREADS = 4
_KEPT_FLAGS = HeaderFlag.COMPRESSED | HeaderFlag.RPFIX | HeaderFlag.XPRESS | HeaderFlag.LZX | HeaderFlag.LZMS


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a file is apart from its contents.

    Attributes:
        number: of the part, 1-based.
        total: how many parts there are.
        guid: of the WIM, 16 bytes.
        boot_index: of the image that boots, 0 for none.
        has_integrity: whether to write an integrity table.
        images: how many images the WIM has, which each part tells.
    """

    number: int
    total: int
    guid: bytes
    boot_index: int
    has_integrity: bool
    images: int


def write_part(
    descriptor: int,
    source: RawSource,
    trees: Sequence[StoredTree],
    xml: ET.Element,
    facts: PartFacts,
    *,
    copied: Copied,
) -> None:
    """Write a whole file to an empty one that is open for reading and writing; synced.

    Args:
        descriptor: of the file.
        source: laid out.
        trees: of the images; none but in the first part.
        xml: the root of the document; its size of the whole file is set here.
        facts: see there.
        copied: see there.

    Raises:
        OSError: when reading or writing failed.
    """
    outline = outline_of(source, trees, xml, facts)
    _copy_all(source, descriptor, outline.ranges, copied)
    at = outline.tail_at
    for piece in outline.tail:
        write_at(descriptor, piece, at)
        at += len(piece)
    header = outline.header
    if facts.has_integrity:
        hashes = integrity.made(descriptor, header.xml.offset)
        header.integrity = Resource.plain(at, len(hashes))
        write_at(descriptor, hashes, at)
    write_at(descriptor, header.build(), 0)
    # Of several parts, none gets its name before all of them are on the medium.
    os.fsync(descriptor)


@dataclass(frozen=True, slots=True)
class PartOutline:
    """What a file is made of, but for an integrity table, which is made of all the rest.

    Attributes:
        header: at its beginning.
        ranges: what is copied, in its order and without gaps, from behind the header on.
        tail_at: where the rest begins.
        tail: pieces of it: trees, blob table and XML.
    """

    header: Header
    ranges: Sequence[CopyRange]
    tail_at: int
    tail: tuple[bytes, ...]


def outline_of(source: RawSource, trees: Sequence[StoredTree], xml: ET.Element, facts: PartFacts) -> PartOutline:
    """Return what :func:`write_part` makes a file of; see there."""
    ranges = source.plan.ranges(facts.number)
    begin = end = max((each.destination + each.size for each in ranges), default=HEADER_SIZE)
    entries = []
    for tree in trees:
        entries.append(replace(tree.entry, resource=replace(tree.entry.resource, offset=end)))
        end += len(tree.data)
    table = b"".join(each.pack() for each in entries) + source.plan.table(facts.number)
    header = Header(
        version=source.header.version,
        flags=int(source.header.flags & _KEPT_FLAGS) | (HeaderFlag.SPANNED if facts.total > 1 else 0),
        chunk_size=source.header.chunk_size,
        guid=facts.guid,
        part_number=facts.number,
        total_parts=facts.total,
        image_count=facts.images,
        blob_table=Resource.plain(end, len(table), ResourceFlag.METADATA),
        boot_index=facts.boot_index,
    )
    if facts.boot_index and entries:
        header.boot_metadata = entries[facts.boot_index - 1].resource
    end += len(table)
    set_text(xml, "TOTALBYTES", str(end))
    document = encode(xml)
    header.xml = Resource.plain(end, len(document), ResourceFlag.METADATA)
    return PartOutline(header, ranges, begin, (*(tree.data for tree in trees), table, document))


def size_of_part(source: RawSource, trees: Sequence[StoredTree], xml: ET.Element, facts: PartFacts) -> int:
    """Return the size of the file that :func:`write_part` makes of the same, in bytes."""
    contents = sum(each.size for each in source.plan.ranges(facts.number))
    stored = sum(len(each.data) + ENTRY_BYTES for each in trees)
    end = HEADER_SIZE + contents + stored + source.plan.entries(facts.number) * ENTRY_BYTES
    set_text(xml, "TOTALBYTES", str(end))
    return end + len(encode(xml)) + (integrity.size_of(end) if facts.has_integrity else 0)


def _copy_all(source: RawSource, descriptor: int, ranges: Sequence[CopyRange], copied: Copied) -> None:
    total = sum(each.size for each in ranges)
    step = min(max(total // _STEPS, _SMALLEST_STEP), LARGEST_STEP)
    # A file system without holes (FAT) would write zeros up to where the second thread begins.
    in_threads = total >= _WORTH_THREADS and punch(descriptor, 0, _SMALLEST_STEP)
    with ThreadPoolExecutor(min(_MOST_THREADS, len(os.sched_getaffinity(0)))) as pool:
        for each in ranges:
            held_by, where = source.located(each)
            tell = _giving_back(held_by, where.source, copied) if source.gives_back else copied
            if in_threads:
                _copy_in_threads(pool, held_by, descriptor, where, tell, step_bytes=step)
            else:
                copy_range(held_by, descriptor, where, tell, step_bytes=step)


def _copy_in_threads(
    pool: ThreadPoolExecutor, source: int, destination: int, what: CopyRange, copied: Copied, *, step_bytes: int
) -> None:
    """Copy bytes as :func:`copy_range` does; ``copied`` is called in this thread."""
    pieces = [
        CopyRange(what.source + at, what.destination + at, min(step_bytes, what.size - at))
        for at in range(0, what.size, step_bytes)
    ]
    waiting = [pool.submit(copy_range, source, destination, each, _nothing) for each in pieces]
    try:
        for each, future in zip(pieces, waiting, strict=True):
            future.result()
            copied(each.size)
    except BaseException:
        # Nobody waits for more than what is at work.
        for future in waiting:
            future.cancel()
        raise


def _nothing(count: int) -> None:
    """Tell nobody."""


def _giving_back(descriptor: int, begin: int, copied: Copied) -> Copied:
    """Return what also makes a hole of what was copied of a file, from a place on."""
    end = begin

    def give_back(count: int) -> None:
        nonlocal end
        end += count
        # Holes are made of whole blocks, so what a step left of one goes with the next.
        punch(descriptor, begin, end - begin)
        copied(count)

    return give_back
