"""Capturing a directory or an NTFS or FAT volume, which may be a partition of a disk, into a WIM."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.capture.scan import RISKY, Scanned, opened_source, scan, with_name
from osdimage.imaging.capture.source import CaptureSource
from osdimage.imaging.capture.template import UpdateOf, opened_template, wim_of
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import Incomplete, InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import Loss
from osdimage.imaging.output import ADD_TO_IT, refuse_source
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.delta.bases import files_of, find_bases, held, note_in, refer_to
from osdimage.imaging.wim.delta.needs import Needs, needs_in
from osdimage.imaging.wim.described.changes import refuse_unsettable
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.piped.streams import OutputStream
from osdimage.imaging.wim.placed.place import identity, is_there
from osdimage.imaging.wim.renamed.renamed_tree import Replacing
from osdimage.imaging.wim.renamed.replacing import LISTED, NameRule, ReplacedName, names_replaced
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import (
    WRITE_SHARES,
    WriteMode,
    Writing,
    append_file,
    append_spec,
    prepare_output,
    refuse_pipable,
    setup_warnings,
    size_written,
    write_file,
    write_stream,
)
from osdimage.native.wim.handles import WimHandle

__all__ = ["CaptureOptions", "CaptureResult", "CaptureSource", "capture_image"]


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """How a capture writes.

    Attributes:
        mode: what happens to a file that is already there.
        compression: default LZX at a level that was measured to be the best trade; an append keeps the WIM's format.
        boot: mark the image as the one that boots.
        integrity: write an integrity table; None keeps that of a WIM that is appended to, and writes none otherwise.
        threads: compressor threads, 0 for one a processor.
        strict: raise when a file could not be stored, or could not be applied again, or has another name.
        bases: files or glob patterns of WIMs whose contents are not stored again: what is written is a delta, which can
            be read where its bases are at hand.  They must not lose contents afterwards.
        update_of: an image of which the source is a later state; files that are as they were are not read.
        names: what becomes of names that no Windows image may hold.
        pipable: write the form that can be sent through a pipe, which is implied where the WIM goes to a stream.
    """

    mode: WriteMode = WriteMode.NEW
    compression: CompressionSpec | None = None
    boot: bool = False
    integrity: bool | None = None
    threads: int = 0
    strict: bool = False
    bases: tuple[str, ...] = ()
    update_of: UpdateOf | None = None
    names: Names = Names.REFUSE
    pipable: bool = False


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What a capture stored.  Sizes in bytes, hard links counted once.

    Attributes:
        path: the WIM; ``-`` when it went to a stream.
        index: of the new image.
        name: of the new image.
        directories: number of directories.
        files: number of files and links.
        size: of their contents, named streams of NTFS included.
        file_size: of the WIM after the capture.
        excluded: number of files and directories that the configuration left out (what is below one is not counted).
        excluded_paths: their paths from the root of the source, separated by ``/``; the first 10,000.
        unsupported: paths of what a WIM cannot hold, such as sockets; the first 100.
        losses: what was left out or cannot be applied again, by class.
        odd_names: names that Windows cannot open, by class; they are stored, and an NTFS volume holds them.
        replaced: number of names that were replaced by others.
        replaced_names: these; the first 10,000.
        warnings: sentences for people.
        needs: of a delta, where the contents of the image are; None of what is none.
        decompacted: number of files that are plain in it, and that Windows had compressed as a whole.
        in_cloud: paths of files that were left out as not all of their contents are on the volume; the first 10,000.
    """

    path: Path
    index: int
    name: str
    directories: int
    files: int
    size: int
    file_size: int
    excluded: int
    excluded_paths: tuple[str, ...]
    unsupported: tuple[str, ...]
    losses: tuple[Loss, ...]
    odd_names: tuple[Loss, ...]
    warnings: tuple[str, ...]
    needs: Needs | None = None
    replaced: int = 0
    replaced_names: tuple[ReplacedName, ...] = ()
    decompacted: int = 0
    in_cloud: tuple[str, ...] = ()


@logged("capture {source} to {wim}")
def capture_image(
    source: CaptureSource | OpenVolume | str | os.PathLike[str],
    wim: str | os.PathLike[str] | OutputStream,
    options: CaptureOptions = CaptureOptions(),
    *,
    properties: ImageProperties | None = None,
    progress: ProgressCallback | None = None,
) -> CaptureResult:
    """Capture a directory, an NTFS or FAT volume or such a partition of a disk as one image of a WIM.

    A new file appears under its name complete or not at all; see :class:`~osdimage.imaging.WriteMode` for the others.
    The source is only read.

    Args:
        source: what is captured; a path, or a volume of a disk that is open, alone takes the default exclusions.
        wim: the WIM to write, or a stream that takes it; the contents are read twice then.
        options: how; see there.
        properties: of the image: name (default: the source's), description, creator, version, and other elements.
        progress: receives the progress.

    Raises:
        InvalidRequest: when the options contradict each other, or an image of this name is there.
        InvalidInput: when the source is not one of the kinds above, or a name in it cannot be stored.
        UnsafeName: when it holds a name that no Windows image may hold, unless ``options`` say what becomes of it.
        InvalidTable: when the disk has no partition table that can be used.
        TargetRefused: when the file exists and ``mode`` is NEW, or another program is writing to it or to a base.
        ImageNotFound: when there is no image that it is to be an update of.
        StorageError: when reading or writing failed; nothing is left of a new file, an old one is as it was,
            unless the message says what is there.
        Incomplete: with ``strict``, after all is written.
    """
    what = _source_of(source)
    stream = wim if isinstance(wim, OutputStream) else None
    destination = Path(wim.name) if isinstance(wim, OutputStream) else Path(wim)
    wanted = properties or ImageProperties()
    refuse_unsettable(wanted)
    _check_request(what, None if stream is not None else destination, options.mode)
    if stream is not None or options.pipable:
        refuse_pipable(
            options.compression or CompressionSpec(),
            options.mode,
            is_stream=stream is not None,
            is_delta=bool(options.bases),
            integrity=options.integrity,
        )
        if options.names is Names.REPLACE:
            raise InvalidRequest(
                f"{destination}: names are replaced when all is written, and a pipable WIM is sent by then"
            )
    meter = Meter(progress, WRITE_SHARES)
    bases = find_bases(options.bases, destination)
    before = _earlier(options, destination, bases)
    replaces = stream is None and options.mode is WriteMode.OVERWRITE
    with (
        held(bases),
        kept_from_others(destination, replaces=replaces),
        opened_template(options.update_of, before.wim, bases) as template,
    ):
        # libwim reads the source until the handle is closed, so the source is closed after it.
        with opened_source(what, template=template) as opened:
            with wim_errors(destination):
                handle, spec = _open_destination(destination, options.mode, options.compression)
            with handle:
                warnings = () if stream is not None else setup_warnings(spec, destination, is_pipable=options.pipable)
                for text in warnings:
                    meter.warn(text)
                refer_to(handle, bases or before.to_copy)
                named = with_name(wanted, what, handle, destination)
                scanned = scan(
                    handle,
                    what,
                    opened,
                    named,
                    boot=options.boot,
                    meter=meter,
                    template=template,
                    names=options.names,
                )
                replacing = replacing_of(options.names)
                note_in(handle, scanned.index, bases)
                warnings += _write(handle, stream or destination, spec, options, meter=meter, change=replacing)
        needs = needs_in(destination, [scanned.index], bases) if bases else None
    result = replace(result_of(scanned, stream or destination, warnings, replacing, meter=meter), needs=needs)
    meter.finish()
    if options.strict and result.losses:
        raise Incomplete(f"{destination}: captured, but " + "; ".join(str(loss) for loss in result.losses))
    return result


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Where the image is of which the source is a later state: in which WIM; its files, if contents come from them."""

    wim: Path | None = None
    to_copy: tuple[Path, ...] = ()


def _earlier(options: CaptureOptions, destination: Path, bases: Sequence[Path]) -> _Earlier:
    if options.update_of is None:
        return _Earlier()
    appends = options.mode is WriteMode.APPEND
    wim = wim_of(options.update_of, destination, bases, appends=appends)
    if not is_there(wim):
        raise InvalidRequest(f"{wim}: there is no such file")
    place = identity(wim)
    own = appends and place == identity(destination)
    if own or any(place == identity(each) for each in bases):
        return _Earlier(wim)
    if bases:
        raise InvalidRequest(
            f"{wim}: is neither a base of the delta nor the WIM that is added to, so what it holds would be read all "
            "the same; make it a base, too"
        )
    return _Earlier(wim, files_of(wim))


def _write(
    handle: WimHandle,
    destination: Path | OutputStream,
    spec: CompressionSpec,
    options: CaptureOptions,
    *,
    meter: Meter,
    change: Replacing | None,
) -> tuple[str, ...]:
    if isinstance(destination, OutputStream):
        return write_stream(
            handle, destination, spec, Writing(integrity=False, threads=options.threads, pipable=True), meter=meter
        )
    if options.mode is WriteMode.APPEND:
        return append_file(
            handle,
            destination,
            spec,
            integrity=options.integrity,
            threads=options.threads,
            meter=meter,
            skips_references=bool(options.bases),
            change=change,
        )
    how = Writing(
        integrity=options.integrity,
        threads=options.threads,
        skips_references=bool(options.bases),
        pipable=options.pipable,
    )
    replaces = options.mode is WriteMode.OVERWRITE
    return write_file(handle, destination, spec, how, replace=replaces, meter=meter, change=change)


def replacing_of(names: Names) -> Replacing | None:
    """Return what gives the trees that are written other names, if that is to be."""
    return Replacing(NameRule(RISKY)) if names is Names.REPLACE else None


def result_of(
    scanned: Scanned,
    destination: Path | OutputStream,
    warnings: tuple[str, ...],
    replacing: Replacing | None,
    *,
    meter: Meter,
    number: int = 0,
) -> CaptureResult:
    """Say what became of a source that was scanned, the ``number``-th from 0, once the WIM is written."""
    names = () if replacing is None else replacing.names[number]
    replaced = names_replaced(names)
    for loss in replaced:
        meter.warn(str(loss))
    return CaptureResult(
        path=Path("-") if isinstance(destination, OutputStream) else destination,
        index=scanned.index,
        name=scanned.name,
        directories=scanned.directories,
        files=scanned.files,
        size=scanned.size,
        file_size=size_written(destination),
        excluded=scanned.excluded,
        excluded_paths=scanned.excluded_paths,
        unsupported=scanned.unsupported,
        losses=scanned.losses + replaced,
        odd_names=scanned.odd_names,
        warnings=scanned.warnings + warnings,
        replaced=len(names),
        replaced_names=names[:LISTED],
        decompacted=scanned.decompacted,
        in_cloud=scanned.in_cloud,
    )


def _source_of(source: CaptureSource | OpenVolume | str | os.PathLike[str]) -> CaptureSource:
    if isinstance(source, CaptureSource):
        return source
    return CaptureSource.of_volume(source) if isinstance(source, OpenVolume) else CaptureSource(Path(source))


def _check_request(source: CaptureSource, destination: Path | None, mode: WriteMode) -> None:
    if destination is not None:
        _refuse_destination(source, destination, mode)
    if source.trees:
        return
    if source.volume is None and not source.path.exists():
        raise InvalidRequest(f"{source.path}: there is no such file or directory")
    if source.volume is None and source.path.is_dir() and source.partition is not None:
        raise InvalidRequest(f"{source.path}: is a directory, which has no partitions")


def _refuse_destination(source: CaptureSource, destination: Path, mode: WriteMode) -> None:
    sources = [each.source for each in source.trees] or [source.path]
    for each in sources:
        refuse_source(destination, each, "what is captured")
    refuse_destination(destination, mode, ADD_TO_IT)
    for each in sources:
        if source.volume is None and source.partition is None:
            _refuse_inside(destination, each)


def _refuse_inside(destination: Path, folder: Path) -> None:
    if folder.is_dir() and destination.exists() and _is_inside(destination, folder):
        raise InvalidRequest(f"{destination}: lies in {folder}, so the WIM would capture itself; write it elsewhere")


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _open_destination(
    path: Path, mode: WriteMode, compression: CompressionSpec | None
) -> tuple[WimHandle, CompressionSpec]:
    if mode is WriteMode.APPEND:
        handle = open_wim(path, write=True)
        try:
            return handle, append_spec(path, compression, handle.info().compression)
        except BaseException:
            handle.close()
            raise
    spec = compression or CompressionSpec()
    handle = WimHandle.create(spec.format)
    prepare_output(handle, spec)
    return handle, spec
