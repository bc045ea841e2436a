"""Writing what was laid out: a new WIM, or one of the parts of a split one.

The contents come first, and behind them the trees, the blob table, the XML and the integrity table.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

from osdimage.imaging.output import write_at
from osdimage.imaging.units import KIB, MIB
from osdimage.imaging.wim.described.changes import encode, set_text
from osdimage.imaging.wim.raw.source import RawSource, StoredTree
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header, HeaderFlag, Resource, ResourceFlag
from osdimage.native.wim.raw_copy import CopyRange

# So much between two looks at whether somebody wants to stop: the two hundredth part of a file, within limits.
_STEPS = 200
_SMALLEST_STEP, _LARGEST_STEP = 64 * KIB, 32 * MIB
_PIECE_BYTES = MIB
# Where the system cannot copy from file to file by itself.
_NO_RANGES = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}
_KEPT_FLAGS = (
    HeaderFlag.COMPRESSED | HeaderFlag.RPFIX | HeaderFlag.XPRESS | HeaderFlag.LZX | HeaderFlag.LZMS | HeaderFlag.SPANNED
)

Copied = Callable[[int], None]
"""Is told how many bytes more were copied; it stops the copy by raising an exception of its own."""


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a file is apart from its contents.

    Attributes:
        number: of the part, 1-based.
        total: how many parts there are.
        guid: of the WIM, 16 bytes.
        boot_index: of the image that boots, 0 for none.
        has_integrity: whether to write an integrity table.
    """

    number: int
    total: int
    guid: bytes
    boot_index: int
    has_integrity: bool


def write_part(
    descriptor: int,
    source: RawSource,
    trees: Sequence[StoredTree],
    xml: ET.Element,
    facts: PartFacts,
    *,
    copied: Copied,
) -> None:
    """Write a whole file to an empty one that is open for reading and writing; not synced.

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
    end = HEADER_SIZE
    ranges = source.plan.ranges(facts.number)
    step = sum(each.size for each in ranges) // _STEPS
    step = min(max(step, _SMALLEST_STEP), _LARGEST_STEP)
    for each in ranges:
        copy_range(source.descriptor, descriptor, each, copied, step_bytes=step)
        end = each.destination + each.size
    entries = []
    for tree in trees:
        write_at(descriptor, tree.data, end)
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
        image_count=source.header.image_count if facts.total > 1 else len(trees),
        blob_table=Resource.plain(end, len(table), ResourceFlag.METADATA),
        boot_index=facts.boot_index,
    )
    if facts.boot_index and entries:
        header.boot_metadata = entries[facts.boot_index - 1].resource
    end += len(table)
    set_text(xml, "TOTALBYTES", str(end))
    document = encode(xml)
    header.xml = Resource.plain(end, len(document), ResourceFlag.METADATA)
    write_at(descriptor, table + document, end - len(table))
    if facts.has_integrity:
        hashes = integrity.made(descriptor, end)
        header.integrity = Resource.plain(end + len(document), len(hashes))
        write_at(descriptor, hashes, header.integrity.offset)
    write_at(descriptor, header.build(), 0)


def copy_range(
    source: int, destination: int, what: CopyRange, copied: Copied, *, step_bytes: int = _LARGEST_STEP
) -> None:
    """Copy bytes from file to file, by the system itself where it can; ``copied`` is told of each step.

    Raises:
        OSError: when reading or writing failed; ENODATA when the source ends too early.
    """
    done = 0
    by_system = True
    while done < what.size:
        at, to, left = what.source + done, what.destination + done, what.size - done
        if by_system:
            try:
                count = os.copy_file_range(source, destination, min(left, step_bytes), at, to)
            except OSError as error:
                if error.errno not in _NO_RANGES:
                    raise
                by_system = False
                continue
        else:
            data = os.pread(source, min(left, _PIECE_BYTES), at)
            write_at(destination, data, to)
            count = len(data)
        if count == 0:
            if by_system:
                # Some file systems say so of a file that they cannot copy from.
                by_system = False
                continue
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        done += count
        copied(count)
