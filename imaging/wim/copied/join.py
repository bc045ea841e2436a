"""Making one WIM of the parts of a split one; nothing is compressed again."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest, MissingParts, StorageError
from osdimage.imaging.logs import logged
from osdimage.imaging.output import refuse_source
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.wim.checks.parts import Part, find_parts, part_of
from osdimage.imaging.wim.copied.export import ExportOptions, export_images
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.failures import no_wim
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.imaging.wim.raw.export import RawCopy, write_copy
from osdimage.imaging.wim.raw.source import NotRaw, opened
from osdimage.imaging.wim.stored.format import HEADER_SIZE, MAGIC, PIPABLE_MAGIC, Header
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import WriteMode

# Hashing the bytes of the parts takes about this part of checking them and then copying.
_CHECK_PERCENT = 50.0


@dataclass(frozen=True, slots=True)
class JoinResult:
    """What was joined.

    Attributes:
        path: of the whole WIM.
        parts: of which it was made, in their order.
        images: how many it has.
        file_size: of it, in bytes.
        warnings: sentences for people.
    """

    path: Path
    parts: tuple[Path, ...]
    images: int
    file_size: int
    warnings: tuple[str, ...] = ()


@logged("join parts to {destination}")
def join_wim(
    destination: str | os.PathLike[str],
    parts: Sequence[str | os.PathLike[str]],
    *,
    replace: bool = False,
    check: bool = False,
    integrity: bool | None = None,
    progress: ProgressCallback | None = None,
) -> JoinResult:
    """Make one WIM of all parts of a split one, which stay; it appears complete or not at all.

    Args:
        destination: the whole WIM.
        parts: of one split WIM, in any order; of a single one the others are found by their names.
        replace: whether a file of this name is replaced.
        check: compare the parts with their integrity tables first.
        integrity: whether it has an integrity table; None as the first part has.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a part is there twice, or is of another WIM than the others, which is named.
        InvalidInput: when a file is no part of a split WIM.
        MissingParts: when parts are missing; all of them are named.
        TargetRefused: when the destination exists and ``replace`` is false, or there is no room for it.
        CorruptWim: when a part is damaged.
        StorageError: when reading or writing failed; nothing is left of a new file, an old one is as it was.
    """
    path = Path(destination)
    ordered = _in_order([Path(each) for each in parts])
    for each in ordered:
        refuse_source(path, each, "a part that is joined")
    mode = WriteMode.OVERWRITE if replace else WriteMode.NEW
    refuse_destination(path, mode)
    warnings: tuple[str, ...] = ()
    if check:
        warnings = _check(ordered, portion(progress, 0, _CHECK_PERCENT))
        progress = portion(progress, _CHECK_PERCENT, 100)
    meter = Meter(progress, {Phase.WRITE_DATA: 1})
    for text in warnings:
        meter.warn(text)
    with suppress(NotRaw), opened(*ordered) as source, kept_from_others(path, replaces=replace):
        count = source.header.image_count
        boot_index = source.header.boot_index if source.header.boot_index <= count else 0
        copy = RawCopy(tuple(range(1, count + 1)), boot_index, has_integrity=integrity)
        write_copy(source, path, copy, replace=replace, meter=meter)
        meter.finish()
        return JoinResult(path, ordered, count, path.stat().st_size, warnings)
    # As parts that can be piped, or whose blob table is compressed: libwim reads them.
    options = ExportOptions(mode, integrity=integrity)
    others = [glob.escape(os.fspath(each)) for each in ordered[1:]]
    with WimFile.open(ordered[0], refs=others, with_parts=False) as whole:
        made = export_images(whole, path, options, progress=progress)
    return JoinResult(path, ordered, len(made.indexes), made.file_size, (*warnings, *made.warnings))


def _in_order(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the paths of all parts in their order; refuse what is none, is there twice, is foreign or is missing."""
    if not paths:
        raise InvalidRequest("there is no part to join")
    if len(paths) == 1 and _is_whole(paths[0]):
        # What was split may have fitted into one part.
        return tuple(paths)
    parts = [_part(path) for path in paths]
    one = parts[0]
    found: dict[int, Part] = {}
    for each in parts:
        if not each.belongs_to(one):
            raise InvalidRequest(
                f"{each.path}: is part {each.number} of {each.total} of another WIM (GUID {each.guid}) than {one.path} "
                f"(GUID {one.guid}), which is part {one.number} of {one.total}"
            )
        if each.number in found:
            raise InvalidRequest(
                f"{each.path}: is part {each.number} of {each.total}, and so is {found[each.number].path}; give each "
                "part once"
            )
        found[each.number] = each
    beside = find_parts(one, parts)
    if len(parts) == 1:
        found = beside.found
    missing = [number for number in range(1, one.total + 1) if number not in found]
    if missing:
        told = [
            f"part {number} of {one.total} is missing: {beside.found[number].path} was not named"
            if number in beside.found
            else beside.describe_missing(number)
            for number in missing
        ]
        raise MissingParts(f"{one.path}: {'; '.join(told)}")
    return tuple(found[number].path for number in sorted(found))


def _part(path: Path) -> Part:
    """Return which part a file is.

    Raises:
        NotAWim: when it is no WIM.
        InvalidInput: when it is a whole one.
        StorageError: when it cannot be read.
    """
    part = part_of(path)
    if part is not None:
        return part
    if _is_whole(path):
        raise InvalidInput(f"{path}: is no part of a split WIM: it is a whole one")
    raise no_wim(path)


def _is_whole(path: Path) -> bool:
    """Tell whether a file is a WIM, and no part of one."""
    try:
        with opened_file(path) as file:
            header = Header.parse(file.read(HEADER_SIZE, 0))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return header.magic in {MAGIC, PIPABLE_MAGIC} and part_of(path) is None


def _check(paths: Sequence[Path], progress: ProgressCallback | None) -> tuple[str, ...]:
    """Compare files with their integrity tables; return what to warn of."""
    warnings: list[str] = []
    share = 100 / len(paths)
    for number, path in enumerate(paths):
        told = portion(progress, number * share, (number + 1) * share)
        with WimFile.open(path, check=True, with_parts=False, progress=told) as opened_part:
            warnings += opened_part.warnings
    return tuple(warnings)
