"""Cutting a WIM into parts that a small medium, or a FAT32 volume, can hold."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from osdimage.imaging.errors import InvalidRequest, StorageError, quoted
from osdimage.imaging.logs import logged
from osdimage.imaging.output import new_file, refuse_existing, refuse_source
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.wim.described.changes import encode, of_images
from osdimage.imaging.wim.raw.export import GUID_BYTES, steps
from osdimage.imaging.wim.raw.parts import PartFacts, write_part
from osdimage.imaging.wim.raw.source import NotRaw, RawSource, StoredTree, opened
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.blob_table import BlobEntry
from osdimage.imaging.wim.stored.dentries import walk
from osdimage.imaging.wim.stored.format import BLOB_STRUCT, HEADER_SIZE

SMALLEST_PART = MIB
"""In bytes.  Smaller ones would be header, table and XML."""
_MOST_PARTS = 0xFFFF
# The size of the whole file is in the XML of each part, in UTF-16.
_DIGITS_BYTES = 40


@dataclass(frozen=True, slots=True)
class SplitResult:
    """The parts of a split WIM.

    Attributes:
        paths: of the parts, in their order.
        sizes: of them, in bytes.
    """

    paths: tuple[Path, ...]
    sizes: tuple[int, ...]


@logged("split {wim} to {first}")
def split_wim(
    wim: str | os.PathLike[str],
    first: str | os.PathLike[str],
    part_bytes: int,
    *,
    replace: bool = False,
    progress: ProgressCallback | None = None,
) -> SplitResult:
    """Copy a WIM into parts of a size; nothing is compressed again.

    The parts are named as other programs name and find them: ``name.swm``, ``name2.swm`` and so on.  All of them get
    their names when all are complete, the first one last.

    Args:
        wim: the WIM; no solid one, nor a delta.
        first: the first part.
        part_bytes: the largest size of a part, in bytes.
        replace: whether files of these names are replaced.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a part would be smaller than :data:`SMALLEST_PART`, a file larger than a part, which is
            named, or the WIM cannot be split.
        TargetRefused: when a part exists and ``replace`` is false.
        NotAWim, CorruptWim: when it is not a sound WIM.
        StorageError: when reading or writing failed.
    """
    path, where = Path(wim), Path(first)
    if part_bytes < SMALLEST_PART:
        raise InvalidRequest(
            f"parts of {format_size(part_bytes)} are too small; valid are {format_size(SMALLEST_PART)} and more"
        )
    refuse_source(where, path, "the WIM that is split")
    meter = Meter(progress, {Phase.WRITE_DATA: 1})
    try:
        with opened(path) as source:
            paths = _split(source, where, part_bytes, replace=replace, meter=meter)
    except NotRaw as error:
        raise InvalidRequest(f"{path}: cannot be split: {error}") from error
    meter.finish()
    return SplitResult(paths, tuple(each.stat().st_size for each in paths))


def part_path(first: Path, number: int) -> Path:
    """Return the path of a part by that of the first one."""
    return first if number == 1 else first.with_name(f"{first.stem}{number}{first.suffix}")


def _split(source: RawSource, first: Path, part_bytes: int, *, replace: bool, meter: Meter) -> tuple[Path, ...]:
    indexes = range(1, source.header.image_count + 1)
    xml = of_images(source.xml(), indexes)
    if xml is None:
        raise NotRaw("its XML document has not one element for each image")
    trees = source.take(indexes, may_miss=False)
    count = _lay_out(source, trees, xml, part_bytes)
    paths = tuple(part_path(first, number) for number in range(1, count + 1))
    if not replace:
        for each in paths:
            refuse_existing(each)
    guid, header = os.urandom(GUID_BYTES), source.header
    copied = steps(meter, source, count)
    try:
        # They get their names when the stack ends, the last one first.
        with ExitStack() as stack:
            for number, each in enumerate(paths, start=1):
                descriptor = stack.enter_context(new_file(each, replace=replace))
                facts = PartFacts(number, count, guid, header.boot_index, bool(header.integrity.offset))
                write_part(descriptor, source, trees if number == 1 else (), xml, facts, copied=copied)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{first}: {error.strerror}", path=first, errno=error.errno) from error
    return paths


def _lay_out(source: RawSource, trees: Sequence[StoredTree], xml: ET.Element, part_bytes: int) -> int:
    """Give everything its part; return how many there are."""
    fixed = HEADER_SIZE + len(encode(xml)) + _DIGITS_BYTES
    if source.header.integrity.offset:
        fixed += integrity.size_of(HEADER_SIZE + part_bytes)
    first = sum(len(each.data) + BLOB_STRUCT.size for each in trees)
    try:
        count = source.lay_out(limit=part_bytes, fixed=fixed, first=first)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise InvalidRequest(
            f"{source.path}: {_too_large(source, fixed + first)}, and a part {format_size(part_bytes)}"
        ) from error
    if count > _MOST_PARTS:
        raise InvalidRequest(f"{source.path}: would have {count} parts; valid are up to {_MOST_PARTS}")
    return count


def _too_large(source: RawSource, first: int) -> str:
    found = source.plan.culprit
    if found is None:
        return f"the trees of its images take {format_size(first)}"
    entry = BlobEntry.parse(found)
    for tree in source.expanded_trees():
        for dentry in walk(tree, strict=False):
            if entry.sha1 in (dentry.main_sha1, *(each.sha1 for each in dentry.streams())):
                return f"{quoted(dentry.path)} takes {format_size(entry.resource.stored_size)} of it"
    return f"a file takes {format_size(entry.resource.stored_size)} of it"
