"""Cutting a WIM into parts that a small medium, or a FAT32 volume, can hold.

What is stored by itself is copied as it is.  What is not, as in a solid WIM or where another compression is asked for,
is written by libwim to a file without a name first, which is then cut like any other: it gives back what was copied as
the parts grow, so that both together take little more room than one, where the file system can make holes.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, StorageError
from osdimage.imaging.logs import logged
from osdimage.imaging.output import nameless_file, refuse_full_medium, refuse_source
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.units import GIB, KIB, format_size
from osdimage.imaging.wim.checks.verify_written import refuse_bad_contents
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.copied.export import ExportOptions, Gathered, as_stored, gathered, keeps_compressed, spec_of
from osdimage.imaging.wim.copied.large import least_size, refuse_large_files
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.placed.place import whole
from osdimage.imaging.wim.raw.export import RawCopy
from osdimage.imaging.wim.raw.source import NotRaw, RawSource, opened
from osdimage.imaging.wim.raw.split import SplitPlan, part_path, plan_parts, write_parts
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import WRITE_SHARES, WriteMode, Writing, write_open
from osdimage.native.holes import punch

SMALLEST_PART = 4 * KIB
"""In bytes.  Smaller ones would be header, table and XML."""
# The limit of a file of FAT32 is a byte less.
_LARGE_FILE = 4 * GIB
_AS_IT_IS = ExportOptions()
# Shares of the time: compressing, cutting, reading again.
_COMPRESSED, _CUT = 85.0, 90.0


@dataclass(frozen=True, slots=True)
class SplitResult:
    """The parts of a split WIM.

    Attributes:
        paths: of the parts, in their order; none when they are not known before they are written.
        sizes: of them, in bytes.
        recompressed: contents are compressed again, as they could not be copied as they are stored.
        written: whether the parts were written, not only planned.
        warnings: sentences for people.
    """

    paths: tuple[Path, ...]
    sizes: tuple[int, ...]
    recompressed: bool = False
    written: bool = True
    warnings: tuple[str, ...] = ()


@logged("split {wim} to {first}")
def split_wim(
    wim: str | os.PathLike[str],
    first: str | os.PathLike[str],
    part_bytes: int,
    *,
    replace: bool = False,
    allow_larger: bool = False,
    progress: ProgressCallback | None = None,
) -> SplitResult:
    """Copy all images of a WIM into parts of a size; see :func:`split_images`.

    Args:
        wim: the WIM.
        first: the first part.
        part_bytes: the largest size of a part, in bytes.
        replace: whether files of these names are replaced.
        allow_larger: whether a file that is larger than a part makes its part larger.
        progress: receives the progress.
    """
    mode = WriteMode.OVERWRITE if replace else WriteMode.NEW
    with WimFile.open(wim) as source:
        options = ExportOptions(mode)
        return split_images(source, first, part_bytes, options, allow_larger=allow_larger, progress=progress)


@logged("split images of {source} to {first}")
def split_images(
    source: WimFile,
    first: str | os.PathLike[str],
    part_bytes: int,
    options: ExportOptions = _AS_IT_IS,
    *,
    images: Sequence[WimImage] | None = None,
    properties: ImageProperties | None = None,
    allow_larger: bool = False,
    verify: bool = False,
    dry_run: bool = False,
    progress: ProgressCallback | None = None,
) -> SplitResult:
    """Copy images of a WIM into parts of a size; nothing is compressed again where that can be avoided.

    The parts are named as other programs name and find them: ``name.swm``, ``name2.swm`` and so on.  All of them get
    their names when all are complete, the first one last.  That they hold together what the images refer to is looked
    at before, with the trees against their SHA-1; the contents too when they were compressed again.

    Args:
        source: the WIM; it stays open.
        first: the first part.
        part_bytes: the largest size of a part, in bytes.
        options: how; a solid WIM without a ``compression`` becomes LZX.
        images: of ``source``, in the order they are to have; None for all, which also keeps the boot index.
        properties: a new name (of a single image), and what else is set.
        allow_larger: let a file that is larger than a part have one of its own, which is as large as it must be.
        verify: read the contents of the parts again in any case.
        dry_run: write nothing.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a part would be smaller than :data:`SMALLEST_PART`, a file is larger than a part, which is
            named, or the options ask for what parts cannot be.
        TargetRefused: when a part exists and ``mode`` is NEW, or there is not room for them.
        UnsafeName, CorruptWim, MissingParts: when an image cannot be read whole.
        StorageError: when reading or writing failed; nothing is left of new parts.
    """
    where = Path(first)
    chosen = tuple(source.images if images is None else images)
    if len(chosen) > 1 and properties is not None and properties.name is not None:
        raise InvalidRequest("a new name is for one image; split the images one by one to rename them")
    _check(source, where, chosen, part_bytes, options)
    job = _Job(source, where, part_bytes, options, allow_larger, verify, dry_run, progress)
    copy = as_stored(source, chosen, options, properties, keeps_boot_index=images is None)
    if copy is not None:
        try:
            return job.copy(copy)
        except NotRaw:
            pass
    if source.header.is_solid and options.compression is None:
        job = replace(job, options=replace(options, compression=CompressionSpec()))
    spec = job.options.compression or spec_of(source)
    if not allow_larger:
        refuse_large_files(source, chosen, spec, part_bytes)
    kept = keeps_compressed(source, job.options)
    if dry_run:
        return SplitResult((), (), recompressed=not kept, written=False)
    # Of some images it is not known what they share with the others.
    is_whole, header = len(chosen) == len(source.images), source.header
    least = least_size(source.handle, spec, header.file_size, was_solid=header.is_solid) if is_whole else 0
    with gathered(source, where, chosen, job.options, properties, keeps_boot_index=images is None) as new:
        return replace(job.cut(new, least), recompressed=not kept)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is asked for."""

    source: WimFile
    first: Path
    part_bytes: int
    options: ExportOptions
    allow_larger: bool
    verify: bool
    dry_run: bool
    progress: ProgressCallback | None

    def copy(self, copy: RawCopy) -> SplitResult:
        """Copy contents as they are stored."""
        with opened(self.source.path) as source:
            plan = self._plan(source, copy)
            if self.dry_run:
                return SplitResult(plan.paths, plan.sizes, written=False)
            return self._write(source, plan, portion(self.progress, 0, 100), verify=self.verify)

    def cut(self, new: Gathered, least: int) -> SplitResult:
        """Let libwim write images of at least a size to one file, and cut that."""
        meter = Meter(portion(self.progress, 0, _COMPRESSED), WRITE_SHARES)
        warnings = list(new.warnings)
        for text in warnings:
            meter.warn(text)
        options, path = self.options, self.source.path
        with _room_for_a_while(self.first, least) as (descriptor, gives_back):
            how = Writing(
                integrity=False,
                threads=options.threads,
                recompress=options.recompress,
                repeatable=options.repeatable,
            )
            warnings += write_open(new.handle, self.first, descriptor, new.spec, how, meter=meter, contents=path)
            with _storage_errors(self.first):
                # Errors name what the user knows.
                source = RawSource([(path, whole(descriptor))], gives_back=gives_back)
            had_table = self.source.header.has_integrity_table
            with_table = had_table if options.integrity is None else options.integrity
            copy = RawCopy(
                new.indexes, source.header.boot_index, has_integrity=with_table, repeatable=options.repeatable
            )
            plan = self._plan(source, copy)
            made = self._write(source, plan, portion(self.progress, _COMPRESSED, 100), verify=True)
        return replace(made, warnings=(*warnings, *made.warnings))

    def _plan(self, source: RawSource, copy: RawCopy) -> SplitPlan:
        with _storage_errors(self.source.path):
            return plan_parts(source, self.first, self.part_bytes, copy, may_exceed=self.allow_larger)

    def _write(
        self, source: RawSource, plan: SplitPlan, progress: ProgressCallback | None, *, verify: bool
    ) -> SplitResult:
        shares = {Phase.WRITE_DATA: 1.0} | ({Phase.VERIFY_DATA: 2.0} if verify else {})
        meter = Meter(progress, shares)

        def finish(descriptors: Sequence[int]) -> None:
            if verify:
                refuse_bad_contents(plan.paths, descriptors, source.compression, source=self.source, meter=meter)

        replaces = self.options.mode is WriteMode.OVERWRITE
        with kept_from_others(self.first, replaces=replaces):
            write_parts(source, plan, replace=replaces, meter=meter, finish=finish)
        # Those of an earlier split that had more parts stay.
        left = part_path(self.first, len(plan.paths) + 1)
        warnings = (f"{left}: is none of the new parts, and is left as it was",) if os.path.lexists(left) else ()
        for text in warnings:
            meter.warn(text)
        meter.finish()
        return SplitResult(plan.paths, plan.sizes, warnings=warnings)


def _check(
    source: WimFile,
    first: Path,
    chosen: Sequence[WimImage],
    part_bytes: int,
    options: ExportOptions,
) -> None:
    if options.pipable:
        raise InvalidRequest(f"{first}: parts are not pipable; valid is one pipable file, or a stream")
    if part_bytes < SMALLEST_PART:
        raise InvalidRequest(
            f"parts of {format_size(part_bytes)} are too small; valid are {format_size(SMALLEST_PART)} and more"
        )
    if not chosen:
        raise InvalidRequest(f"{source.path}: there is no image to split; of a split WIM, open the first part")
    if options.compression is not None and options.compression.solid:
        raise InvalidRequest("the parts of a split WIM are never solid: no program could read them")
    if options.mode is WriteMode.APPEND:
        raise InvalidRequest(f"{first}: nothing is added to the parts of a split WIM")
    refuse_destination(first, options.mode)
    refuse_source(first, source.path, "the WIM that is split")


@contextmanager
def _room_for_a_while(first: Path, least: int) -> Iterator[tuple[int, bool]]:
    """Yield a file without a name for a WIM of at least a size, and whether it gives back what was copied of it.

    It is beside the parts, or where ``TMPDIR`` says when files there cannot be larger than parts are (FAT32).

    Raises:
        TooSmall: when there is not room for it, and for the parts.
        StorageError: when it cannot be made.
    """
    with nameless_file(first) as descriptor:
        with _storage_errors(first):
            is_here = _takes_large_files(descriptor)
            gives_back = is_here and punch(descriptor, 0, 4 * KIB)
        if is_here:
            refuse_full_medium(first, least if gives_back else 2 * least, "what is split")
            yield descriptor, gives_back
            return
    refuse_full_medium(first, least, "what is split")
    elsewhere = Path(tempfile.gettempdir()) / first.name
    refuse_full_medium(elsewhere, least, "what is split, for a while,")
    with nameless_file(elsewhere) as descriptor:
        yield descriptor, False


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _takes_large_files(descriptor: int) -> bool:
    try:
        os.ftruncate(descriptor, _LARGE_FILE)
    except OSError as error:
        if error.errno in {errno.EFBIG, errno.EINVAL}:
            return False
        raise
    os.ftruncate(descriptor, 0)
    return True
