"""Cutting a WIM that FAT32 cannot hold into parts, as Windows Setup takes them: ``install.swm``, ``install2.swm``...

Nothing is copied for it: a part is a new beginning and end, and between them stretches of the WIM that is there, which
are read when the stick is written.  What is compressed together, as in an ESD, is in no such stretches; such a WIM is
exported to a file first, which is there for as long as the stick is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.disc.written.contents import BytesContents, FileContents, JoinedContents, contents_of_file
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused, quoted
from osdimage.imaging.media.parts.medium import Medium, MediumFile, is_boot_wim, joined, require_apart
from osdimage.imaging.media.usb.layout import LARGEST_FILE, StickLayout, is_of_sequence
from osdimage.imaging.output import refuse_full_medium
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.copied.export import ExportOptions, as_stored, export_images
from osdimage.imaging.wim.copied.large import least_size
from osdimage.imaging.wim.copied.split import SMALLEST_PART
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.placed import on_disc
from osdimage.imaging.wim.raw.export import RawCopy
from osdimage.imaging.wim.raw.parts import outline_of
from osdimage.imaging.wim.raw.source import NotRaw, RawSource, opened
from osdimage.imaging.wim.raw.split import SplitPlan, part_path, plan_parts

PART_BYTES = 3800 * MIB
"""The size of a part where nothing is said of it: many programs stop below 4 GiB."""
# The same WIM makes the same parts, so that nothing differs where nothing was changed.
_AS_IT_IS = ExportOptions(repeatable=True)
_INSTEAD = "valid are smaller files, or a layout with a second volume of NTFS"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A medium whose files all fit on a stick.

    Attributes:
        medium: what the stick is to hold.
        split: the paths of the files that were cut, with how many parts each has.
        exported: of those, which were compressed again for it.
    """

    medium: Medium
    split: tuple[tuple[str, int], ...] = ()
    exported: tuple[str, ...] = ()


@contextmanager
def fitted(
    medium: Medium,
    layout: StickLayout,
    *,
    part_bytes: int | None = None,
    scratch: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> Iterator[Fitted]:
    """Yield a medium in whose place a stick of a layout can be written: WIMs that FAT32 cannot hold are cut into parts.

    Args:
        medium: what the stick is to hold; boot images and what belongs to a sequence are never cut.
        layout: of the stick; what goes to NTFS stays whole.
        part_bytes: the largest size of a part, and of a WIM that stays whole; None for :data:`PART_BYTES`, and for what
            FAT32 can hold.
        scratch: the folder in which a file is made for a WIM that must be compressed again; None for ``TMPDIR``.
        progress: receives the progress of that.

    Raises:
        InvalidRequest: when parts of the size are too small or too large for FAT32.
        TargetRefused: when something is too large for a part, or there is no room for what is compressed again.
        InvalidInput: when a WIM is damaged, or two files would have one name.
        StorageError: when a WIM cannot be read.
    """
    if part_bytes is not None and not SMALLEST_PART <= part_bytes <= LARGEST_FILE:
        raise InvalidRequest(
            f"parts of {part_bytes} bytes are not possible on FAT32; valid are {SMALLEST_PART} to {LARGEST_FILE}"
        )
    limit = LARGEST_FILE if part_bytes is None else part_bytes
    where = None if scratch is None else Path(scratch)
    large = [each for each in medium.files if _is_cut(each, layout, limit)]
    if not large:
        yield Fitted(medium)
        return
    with ExitStack() as stack:
        kept = [each for each in medium.files if each not in large]
        made: list[MediumFile] = []
        cut, exported, warnings = [], [], list(medium.warnings)
        for file in large:
            parts, size = _parts_of(file, part_bytes or PART_BYTES, where, stack, progress)
            cut.append((file.path, len(parts)))
            made += parts
            if size is not None:
                exported.append(file.path)
                warnings.append(
                    f"{quoted(file.path)} is compressed again for it, as what is compressed together cannot be cut: "
                    f"{format_size(size)} in place of {format_size(file.size)}"
                )
        require_apart(kept, made)
        yield Fitted(replace(medium, files=joined(kept, made), warnings=tuple(warnings)), tuple(cut), tuple(exported))


def _is_cut(file: MediumFile, layout: StickLayout, limit: int) -> bool:
    if file.size <= limit or layout.is_for_ntfs(file.path, file.size):
        return False
    if is_boot_wim(file.path) or is_of_sequence(file.path):
        return False
    head = next(iter(file.contents.pieces()), b"")
    return head.startswith(WIM_MAGICS)


def _parts_of(
    file: MediumFile, part_bytes: int, scratch: Path | None, stack: ExitStack, progress: ProgressCallback | None
) -> tuple[list[MediumFile], int | None]:
    """Return the parts of a WIM, and the size of what was compressed again for them, or None."""
    path = _path_of(file)
    with WimFile.open(path) as wim:
        copy = as_stored(wim, wim.images, _AS_IT_IS, None, keeps_boot_index=True)
        if copy is not None:
            try:
                return _cut(file, path, copy, part_bytes), None
            except NotRaw:
                pass
        folder = stack.enter_context(scratch_folder(scratch))
        again = folder / "exported.wim"
        spec = CompressionSpec()
        least = least_size(wim.handle, spec, wim.header.file_size, was_solid=wim.header.is_solid)
        refuse_full_medium(again, least, f"{quoted(file.path)}, which is compressed again for a while,")
        options = replace(_AS_IT_IS, compression=spec, integrity=False)
        export_images(wim, again, options, progress=progress)
    with WimFile.open(again) as wim:
        copy = as_stored(wim, wim.images, _AS_IT_IS, None, keeps_boot_index=True)
        if copy is None:
            raise TargetRefused(f"{quoted(file.path)} is too large for FAT32 and cannot be cut; {_INSTEAD}")
        return _cut(file, again, copy, part_bytes), again.stat().st_size


def _path_of(file: MediumFile) -> Path:
    """Return where a WIM can be opened: a file of this machine, or one on a disc.

    Raises:
        TargetRefused: when it lies in several pieces on its disc, or in memory.
    """
    contents = file.contents
    if isinstance(contents, FileContents) and len(contents.stretches) == 1:
        (stretch,) = contents.stretches
        if stretch.offset == 0 and stretch.size == contents.file_bytes:
            return contents.path
        place = on_disc.DiscPath(contents.path, file.path)
        try:
            if on_disc.located(place).begin == stretch.offset:
                return Path(str(place))
        except OSError:
            # It has another name there.
            pass
    raise TargetRefused(
        f"{quoted(file.path)} is too large for FAT32, and where it is ({file.origin}) it cannot be cut into parts; "
        "copy it to a file of its own, or choose a layout with a second volume of NTFS"
    )


def _cut(file: MediumFile, path: Path, copy: RawCopy, part_bytes: int) -> list[MediumFile]:
    first = Path(file.path).with_suffix(".swm")
    try:
        with opened(path) as source:
            asked = replace(copy, has_integrity=False)
            plan = _planned(source, file, first, asked, part_bytes)
            contents = [
                _contents(source, contents_of_file(on_disc.file_of(path)), plan, each)
                for each in range(len(plan.facts))
            ]
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return [
        MediumFile(
            part_path(first, number).as_posix(),
            each,
            file.modified_ns,
            f"{file.origin}, part {number} of {len(contents)}",
        )
        for number, each in enumerate(contents, 1)
    ]


def _planned(source: RawSource, file: MediumFile, first: Path, copy: RawCopy, part_bytes: int) -> SplitPlan:
    """Lay out the parts; what is larger than a part makes its part larger, up to what FAT32 can hold."""
    plan = plan_parts(source, first, part_bytes, copy, may_exceed=True)
    if max(plan.sizes) <= LARGEST_FILE:
        return plan
    try:
        return plan_parts(source, first, LARGEST_FILE, copy, may_exceed=False)
    except InvalidRequest as error:
        raise TargetRefused(f"{quoted(file.path)} cannot be cut for FAT32: {error.said}; {_INSTEAD}") from error


def _contents(source: RawSource, whole: FileContents, plan: SplitPlan, number: int) -> JoinedContents:
    """Return a part: its new beginning, stretches of the WIM, and its new end."""
    facts = plan.facts[number]
    outline = outline_of(source, plan.trees if facts.number == 1 else (), plan.xml, facts)
    stretches: Sequence[DiscExtent] = [DiscExtent(source.located(each)[1].source, each.size) for each in outline.ranges]
    copied = replace(whole, stretches=tuple(stretches))
    tail = BytesContents(b"".join(outline.tail))
    return JoinedContents((BytesContents(outline.header.build()), *((copied,) if stretches else ()), tail))
