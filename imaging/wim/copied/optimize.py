"""Writing a WIM anew without what nothing refers to, and with another compression if wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import NotAWim, StorageError
from osdimage.imaging.logs import logged
from osdimage.imaging.output import refuse_full_medium
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_missing, repairs
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.copied.large import least_size
from osdimage.imaging.wim.failures import no_wim, wim_errors
from osdimage.imaging.wim.file import reference_files
from osdimage.imaging.wim.opening import open_wim, refuse_impossible_header, refuse_unchangeable
from osdimage.imaging.wim.raw.export import RawCopy, copy_images, lay_out_copy
from osdimage.imaging.wim.raw.source import NotRaw, opened
from osdimage.imaging.wim.stored.format import PIPABLE_MAGIC, Header
from osdimage.imaging.wim.stored.in_place import changeable_header, locked
from osdimage.imaging.wim.write import (
    WRITE_SHARES,
    WriteMode,
    Writing,
    prepare_output,
    refuse_pipable,
    setup_warnings,
    write_file,
)
from osdimage.native.runtime import Compression
from osdimage.native.wim import tree
from osdimage.native.wim.handles import WimHandle


@dataclass(frozen=True, slots=True)
class OptimizeOptions:
    """How a WIM is written anew.

    Attributes:
        compression: another one; None for that of the WIM.
        recompress: compress contents again that are stored in this format already; they are copied otherwise, and a
            level is of no account.
        integrity: whether it has an integrity table afterwards; None as before.
        pipable: whether it can be sent through a pipe afterwards; None as before.
        threads: compressor threads, 0 for one a processor.
        dry_run: write nothing, and tell what it would gain.
    """

    compression: CompressionSpec | None = None
    recompress: bool = False
    integrity: bool | None = None
    pipable: bool | None = None
    threads: int = 0
    dry_run: bool = False


_AS_IT_IS = OptimizeOptions()


@dataclass(frozen=True, slots=True)
class OptimizeResult:
    """What it gained.

    Attributes:
        path: the WIM.
        old_size: before, in bytes.
        new_size: now, or what it would be; None when only compressing can tell.
        unused: how much of the old one nothing referred to, in bytes; None when it could not be copied as it is stored.
        recompressed: contents are compressed again, as the options ask for.
        written: whether it was written, not only planned.
        warnings: sentences for people.
    """

    path: Path
    old_size: int
    new_size: int | None
    unused: int | None
    recompressed: bool = False
    written: bool = True
    warnings: tuple[str, ...] = ()


@logged("optimize {wim}")
def optimize_wim(
    wim: str | os.PathLike[str],
    options: OptimizeOptions = _AS_IT_IS,
    *,
    refs: Iterable[str] = (),
    progress: ProgressCallback | None = None,
) -> OptimizeResult:
    """Write a WIM anew beside the old one, which is replaced in one step.

    What was appended, deleted or interrupted leaves holes, and a WIM of many appends lies in pieces.  The images, their
    order and the GUID stay.  What a delta has in other files stays there.  Nothing is compressed again unless the
    options ask for it.

    Args:
        wim: the WIM.
        options: how; see there.
        refs: files or glob patterns of files that hold contents too: the base of a delta that is compressed again.
        progress: receives the progress.

    Raises:
        NotAWim: when it is none.
        InvalidRequest: when it cannot be pipable, as a solid one, or a delta.
        MissingParts: when a delta is to be compressed again, and contents are in a file that ``refs`` does not name.
        TargetRefused: when it is read-only, a part of a split WIM, another program is writing to it, or there is not
            room for the new one beside it.
        UnsafeName, CorruptWim: when it is damaged, or its header claims more than the file can hold.
        StorageError: when reading or writing failed; the WIM is as it was, unless the message says otherwise.
    """
    path = Path(wim)
    # What another program appends while the new file is written would be lost: the lock comes first.
    with locked(path) as descriptor:
        old_size = os.fstat(descriptor).st_size
        header = _header(path, descriptor)
        copy = RawCopy(
            tuple(range(1, header.image_count + 1)),
            boot_index=header.boot_index if header.boot_index <= header.image_count else 0,
            guid=header.guid,
            has_integrity=options.integrity,
            may_miss=True,
        )
        copied = None if _becomes_pipable(header, options) else _size_of_copy(path, copy)
        unused = None if copied is None else max(0, old_size - copied)
        spec = _new_spec(path, header, options)
        if spec is None and copied is not None:
            if not options.dry_run:
                meter = Meter(progress, {Phase.WRITE_DATA: 1})
                copy_images(path, path, copy, replace=True, meter=meter)
                meter.finish()
            return OptimizeResult(path, old_size, copied, unused, written=not options.dry_run)
        # libwim compresses again what goes into the other form, or comes from it.
        stays = spec is None and (header.magic == PIPABLE_MAGIC) == _becomes_pipable(header, options)
        if options.dry_run:
            return OptimizeResult(path, old_size, None, unused, recompressed=not stays, written=False)
        meter = Meter(progress, WRITE_SHARES)
        warnings = _by_libwim(path, spec, options, tuple(refs), meter, pipable=_becomes_pipable(header, options))
    meter.finish()
    return OptimizeResult(path, old_size, path.stat().st_size, unused, recompressed=not stays, warnings=warnings)


def _header(path: Path, descriptor: int) -> Header:
    """Return the header of a WIM that can be changed, or is pipable, whose true one is at the end."""
    with suppress(NotAWim):
        return changeable_header(path, descriptor)
    header = refuse_impossible_header(path)
    if header is None or header.magic != PIPABLE_MAGIC:
        raise no_wim(path)
    refuse_unchangeable(path, header)
    return header


def _becomes_pipable(header: Header, options: OptimizeOptions) -> bool:
    return header.magic == PIPABLE_MAGIC if options.pipable is None else options.pipable


def _size_of_copy(path: Path, copy: RawCopy) -> int | None:
    """Return how large a copy without holes is, in bytes; None when it cannot be copied as it is stored."""
    try:
        with opened(path) as source:
            return lay_out_copy(source, path, copy).size
    except NotRaw:
        return None
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _new_spec(path: Path, header: Header, options: OptimizeOptions) -> CompressionSpec | None:
    """Return how contents are compressed again; None when they are copied."""
    with wim_errors(path), open_wim(path) as handle:
        kind, is_solid = handle.info().compression or Compression.NONE, tree.has_solid_blobs(handle)
    wanted = options.compression
    if wanted is None:
        return CompressionSpec(kind, solid=is_solid) if options.recompress else None
    chunk = wanted.chunk_size or wanted.default_chunk_size
    is_same = wanted.format is kind and wanted.solid == is_solid and (is_solid or chunk in {header.chunk_size, None})
    return None if is_same and not options.recompress else wanted


def _by_libwim(
    path: Path,
    spec: CompressionSpec | None,
    options: OptimizeOptions,
    refs: tuple[str, ...],
    meter: Meter,
    *,
    pipable: bool,
) -> tuple[str, ...]:
    """Let libwim write it anew; without a ``spec`` in the format that it has."""
    with wim_errors(path), open_wim(path) as handle:
        facts = handle.info()
        was_solid = tree.has_solid_blobs(handle)
        new = spec or CompressionSpec(facts.compression or Compression.NONE, solid=was_solid)
        # Of what it holds itself.
        least = least_size(handle, new, path.stat().st_size, was_solid=was_solid)
        reference_files(handle, refs)
        warnings: tuple[str, ...] = ()
        for index in range(1, facts.image_count + 1):
            audit = load_tree(path, handle, index)
            refuse_missing(path, index, audit)
            refuse_dropped_names(path, index, audit)
            warnings += repairs(audit)
        if spec is not None:
            prepare_output(handle, spec)
        if pipable:
            is_delta = bool(refs)
            refuse_pipable(new, WriteMode.OVERWRITE, is_stream=False, integrity=options.integrity, is_delta=is_delta)
        refuse_full_medium(path, least, "the new WIM")
        # Who has a pipable one knows of it.
        warnings += () if pipable and not options.pipable else setup_warnings(new, path, is_pipable=pipable)
        for text in warnings:
            meter.warn(text)
        return warnings + _write(handle, path, new, options, meter, pipable=pipable)


def _write(
    handle: WimHandle, path: Path, spec: CompressionSpec, options: OptimizeOptions, meter: Meter, *, pipable: bool
) -> tuple[str, ...]:
    how = Writing(
        integrity=options.integrity,
        threads=options.threads,
        recompress=options.recompress,
        retain_guid=True,
        skips_references=True,
        pipable=pipable,
    )
    return write_file(handle, path, spec, how, replace=True, meter=meter)
