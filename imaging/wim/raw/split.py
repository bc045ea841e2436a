"""Cutting a WIM into parts as it is stored.

All parts are laid out before the first byte is written, so what does not fit into one is known then.  They are written
to files without names and get their names when all are complete, the first one last: without it the others are no WIM.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from osdimage.imaging.errors import InvalidRequest, StorageError, quoted
from osdimage.imaging.output import new_file, refuse_full_medium
from osdimage.imaging.progress import Meter
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.copied.large import LARGER
from osdimage.imaging.wim.described.changes import encode
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.placed.place import whole
from osdimage.imaging.wim.raw.export import RawCopy, document_of, has_integrity, new_guid, steps
from osdimage.imaging.wim.raw.parts import PartFacts, size_of_part, write_part
from osdimage.imaging.wim.raw.source import NotRaw, RawSource, StoredTree
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.blob_table import BlobEntry
from osdimage.imaging.wim.stored.dentries import walk
from osdimage.imaging.wim.stored.format import BLOB_STRUCT, HEADER_SIZE
from osdimage.imaging.wim.write import WriteMode

_MOST_PARTS = 0xFFFF
# The size of the whole file is in the XML of each part, in UTF-16.
_DIGITS_BYTES = 40

Finish = Callable[[Sequence[int]], None]
"""Is given the descriptors of all parts when they are complete and before they have names."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The parts before they are written.

    Attributes:
        paths: of the parts, in their order.
        sizes: of them, in bytes.
        trees: of the images, which are in the first.
        xml: the document of each.
        facts: of each.
    """

    paths: tuple[Path, ...]
    sizes: tuple[int, ...]
    trees: Sequence[StoredTree]
    xml: ET.Element
    facts: tuple[PartFacts, ...]


def part_path(first: Path, number: int) -> Path:
    """Return the path of a part by that of the first one."""
    return first if number == 1 else first.with_name(f"{first.stem}{number}{first.suffix}")


def plan_parts(source: RawSource, first: Path, part_bytes: int, copy: RawCopy, *, may_exceed: bool) -> SplitPlan:
    """Give everything its part; nothing is written.

    Args:
        source: the WIM.
        first: the first part.
        part_bytes: the largest size of a part.
        copy: what is copied.
        may_exceed: whether what is larger than a part makes its part larger.

    Raises:
        NotRaw: when it cannot be copied so.
        InvalidRequest: when something is larger than a part and may not be, which is named, or there would be too many.
        OSError: when the source cannot be read.
    """
    xml = document_of(source, first, copy)
    trees = source.take(copy.indexes, may_miss=False)
    with_table = has_integrity(source, copy)
    count = _lay_out(source, trees, xml, part_bytes, with_table=with_table, may_exceed=may_exceed)
    guid = new_guid(source, copy, xml, trees, f"in {count} parts of {part_bytes}")
    facts = tuple(
        PartFacts(number, count, guid, copy.boot_index, with_table, len(trees)) for number in range(1, count + 1)
    )
    sizes = [size_of_part(source, trees if each.number == 1 else (), xml, each) for each in facts]
    return SplitPlan(tuple(part_path(first, each.number) for each in facts), tuple(sizes), trees, xml, facts)


def write_parts(source: RawSource, plan: SplitPlan, *, replace: bool, meter: Meter, finish: Finish) -> None:
    """Write the parts of a plan.

    Raises:
        TargetRefused: when a part exists and ``replace`` is false, or there is no room for them.
        StorageError: when reading or writing failed, or what the parts hold together is not what was to be written;
            nothing is left of new parts.
    """
    first = plan.paths[0]
    for each in plan.paths:
        refuse_destination(each, WriteMode.OVERWRITE if replace else WriteMode.NEW)
    if not source.gives_back:
        refuse_full_medium(first, sum(plan.sizes), "what is split")
    copied = steps(meter, source, len(plan.paths))
    written: list[tuple[Path, os.stat_result]] = []
    try:
        # They get their names when the stack ends, the last one first.
        with ExitStack() as stack:
            descriptors = []
            for path, facts in zip(plan.paths, plan.facts, strict=True):
                descriptor = stack.enter_context(new_file(path, replace=replace))
                trees = plan.trees if facts.number == 1 else ()
                write_part(descriptor, source, trees, plan.xml, facts, copied=copied)
                descriptors.append(descriptor)
                written.append((path, os.fstat(descriptor)))
            _look_again(plan, descriptors)
            finish(descriptors)
    except BaseException as error:
        if not replace:
            _remove(written)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise StorageError(f"{first}: {error.strerror}", path=first, errno=error.errno) from error
        raise


def _look_again(plan: SplitPlan, descriptors: Sequence[int]) -> None:
    """Read what tells of the contents of all parts once more: together they hold what each image refers to."""
    try:
        again = RawSource(list(zip(plan.paths, map(whole, descriptors), strict=True)))
        again.take(range(1, len(plan.trees) + 1), may_miss=False)
        again.lay_out()
    except NotRaw as error:
        text = f"{plan.paths[0]}: the medium does not hold what was written to it: {error}"
        raise StorageError(text, path=plan.paths[0], errno=errno.EIO) from error


def _remove(written: Sequence[tuple[Path, os.stat_result]]) -> None:
    """Remove the parts that have their names already: without the others they are nothing."""
    for path, facts in written:
        with suppress(OSError):
            if os.path.samestat(path.stat(follow_symlinks=False), facts):
                path.unlink()


def _lay_out(
    source: RawSource,
    trees: Sequence[StoredTree],
    xml: ET.Element,
    part_bytes: int,
    *,
    with_table: bool,
    may_exceed: bool,
) -> int:
    """Give everything its part; return how many there are."""
    fixed = HEADER_SIZE + len(encode(xml)) + _DIGITS_BYTES
    if with_table:
        fixed += integrity.size_of(HEADER_SIZE + part_bytes)
    first = sum(len(each.data) + BLOB_STRUCT.size for each in trees)
    try:
        count = source.lay_out(limit=part_bytes, fixed=fixed, first=first, may_exceed=may_exceed)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise InvalidRequest(
            f"{source.path}: {_too_large(source, fixed + first)}, and a part {format_size(part_bytes)}", remedy=LARGER
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
