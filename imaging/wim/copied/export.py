"""Copying images to another WIM."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.output import ADD_TO_IT, refuse_source
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_missing, repairs
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.delta.needs import Needs
from osdimage.imaging.wim.described.base import BASE_ELEMENT
from osdimage.imaging.wim.described.changes import set_properties_of
from osdimage.imaging.wim.described.info import elements_by_index, parse_root
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.piped.streams import OutputStream
from osdimage.imaging.wim.placed.narrowing import reading_images
from osdimage.imaging.wim.raw.export import RawCopy, copy_images
from osdimage.imaging.wim.raw.source import NotRaw
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
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How an export writes.

    Attributes:
        mode: what happens to a file that is already there.
        compression: of the destination; None for the source's format, solid if the source is.
        boot: mark the (last) exported image as the one that boots; of all images that which boots in the source.
        integrity: write an integrity table; None as the source has it, or as the WIM that is appended to has it.
        threads: compressor threads, 0 for one a processor.
        recompress: compress contents again that are stored in this format already; they are copied otherwise, and a
            level is of no account.
        pipable: write the form that can be sent through a pipe, which is implied where the WIM goes to a stream.
        repeatable: draw the GUID of the new WIM from what it has, so that the same images make the same file again;
            otherwise it is a new one each time.
    """

    mode: WriteMode = WriteMode.NEW
    compression: CompressionSpec | None = None
    boot: bool = False
    integrity: bool | None = None
    threads: int = 0
    recompress: bool = False
    pipable: bool = False
    repeatable: bool = False

    def __post_init__(self) -> None:
        """Check that what is asked for goes together.

        Raises:
            InvalidRequest: when a WIM that gets no GUID, or has its GUID in two places, is to be repeatable.
        """
        if self.repeatable and (self.pipable or self.mode is WriteMode.APPEND):
            raise InvalidRequest("a WIM that is added to or pipable is not repeatable; valid is a new plain one")


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        path: the destination; ``-`` when that is a stream.
        indexes: of the new images in the destination.
        file_size: of the destination, in bytes.
        warnings: sentences for people.
        kept_compressed: contents were copied as they are stored, and not compressed again.
        needs: of a delta, where the contents of the images are; None of what is none.
    """

    path: Path
    indexes: tuple[int, ...]
    file_size: int
    warnings: tuple[str, ...]
    kept_compressed: bool = False
    needs: Needs | None = None


@logged("export images of {source} to {destination}")
def export_images(
    source: WimFile,
    destination: str | os.PathLike[str] | OutputStream,
    options: ExportOptions = ExportOptions(),
    *,
    images: Sequence[WimImage] | None = None,
    properties: ImageProperties | None = None,
    progress: ProgressCallback | None = None,
) -> ExportResult:
    """Copy images of a WIM to another; contents that both have are stored once.

    Without another compression the compressed contents are copied as they are, and nothing is compressed again, unless
    the options ask for it.

    Args:
        source: the WIM to copy from; it stays open.
        destination: the WIM to write, or a stream that takes it.
        options: how; see there.
        images: of ``source``, in the order they are to have; None for all, which also keeps the boot index.
        properties: a new name (of a single image), and what else is set.
        progress: receives the progress.

    Raises:
        InvalidRequest: when the options contradict each other, an image of this name is there, or of all images none
            boots.
        TargetRefused: when the destination exists and ``mode`` is NEW, or another program is writing to it.
        UnsafeName, CorruptWim, MissingParts: when an image cannot be read whole.
        StorageError: when writing failed; nothing is left of a new file, an old one is as it was,
            unless the message says what is there.
    """
    stream = destination if isinstance(destination, OutputStream) else None
    path = Path(destination.name) if isinstance(destination, OutputStream) else Path(destination)
    chosen = tuple(source.images if images is None else images)
    check_request(source, None if stream is not None else path, chosen, properties, options.mode)
    if stream is not None or options.pipable:
        options = _of_pipable(source, options, is_stream=stream is not None)
    meter = Meter(progress, WRITE_SHARES)
    with kept_from_others(path, replaces=stream is None and options.mode is WriteMode.OVERWRITE):
        result = _exported(
            source, stream or path, options, chosen, properties, keeps_boot_index=images is None, meter=meter
        )
    meter.finish()
    return result


def _exported(
    source: WimFile,
    destination: Path | OutputStream,
    options: ExportOptions,
    chosen: Sequence[WimImage],
    properties: ImageProperties | None,
    *,
    keeps_boot_index: bool,
    meter: Meter,
) -> ExportResult:
    """Copy images as they are stored where that can be, else through libwim."""
    stream = destination if isinstance(destination, OutputStream) else None
    path = Path(destination.name) if isinstance(destination, OutputStream) else destination
    keeps = keeps_compressed(source, options)
    copy = as_stored(source, chosen, options, properties, keeps_boot_index=keeps_boot_index)
    if copy is not None:
        warnings = list((options.compression or spec_of(source)).setup_warnings(path.name))
        with suppress(NotRaw):
            copy_images(source.path, path, copy, replace=options.mode is WriteMode.OVERWRITE, meter=meter)
            for text in warnings:
                meter.warn(text)
            indexes = tuple(range(1, len(chosen) + 1))
            return ExportResult(path, indexes, path.stat().st_size, tuple(warnings), keeps)
    with gathered(source, path, chosen, options, properties, keeps_boot_index=keeps_boot_index) as new:
        odd = () if stream is not None else setup_warnings(new.spec, path, is_pipable=options.pipable)
        warnings = [*new.warnings, *odd]
        for text in warnings:
            meter.warn(text)
        warnings += _write(new.handle, stream or path, new.spec, options, source=source, meter=meter)
    where = path if stream is None else Path("-")
    return ExportResult(where, new.indexes, size_written(stream or path), tuple(warnings), keeps)


def _of_pipable(source: WimFile, options: ExportOptions, *, is_stream: bool) -> ExportOptions:
    """Return the options of what becomes pipable; a solid source becomes one that is not.

    Raises:
        InvalidRequest: when it cannot be pipable.
    """
    spec = options.compression or replace(spec_of(source), solid=False)
    refuse_pipable(spec, options.mode, is_stream=is_stream, integrity=options.integrity)
    integrity = False if is_stream else options.integrity
    return replace(options, pipable=True, compression=spec, integrity=integrity)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Images in memory, ready to be written by libwim.

    Attributes:
        handle: the WIM to write.
        spec: how it is compressed.
        indexes: of the images in it.
        warnings: what libwim repaired in their trees.
    """

    handle: WimHandle
    spec: CompressionSpec
    indexes: tuple[int, ...]
    warnings: tuple[str, ...]


@contextmanager
def gathered(
    source: WimFile,
    path: Path,
    chosen: Sequence[WimImage],
    options: ExportOptions,
    properties: ImageProperties | None,
    *,
    keeps_boot_index: bool,
) -> Iterator[Gathered]:
    """Gather images in a new WIM, or in the one that they are added to; nothing is written yet.

    Raises:
        UnsafeName, CorruptWim, MissingParts: when an image cannot be read whole.
        InvalidRequest: when an image of this name is there.
    """
    _try_elements(source, chosen, properties)
    warnings = [line for image in chosen for line in check_image(source, image, options.mode)]
    with wim_errors(path):
        if options.mode is WriteMode.APPEND:
            handle = open_wim(path, write=True)
        else:
            handle = WimHandle.create((options.compression or spec_of(source)).format)
    with handle:
        if options.mode is WriteMode.APPEND:
            spec = append_spec(path, options.compression, handle.info().compression)
        else:
            spec = options.compression or spec_of(source)
            prepare_output(handle, spec)
        indexes = _add(source, handle, path, chosen, properties)
        position = _boot_position(source, chosen, options, keeps_boot_index=keeps_boot_index)
        if position:
            handle.set_boot_index(indexes[position - 1])
        chosen_indexes = [image.index for image in chosen]
        with reading_images(source.path, source.handle, chosen_indexes, by=handle):
            yield Gathered(handle, spec, indexes, tuple(warnings))


def _write(
    handle: WimHandle,
    path: Path | OutputStream,
    spec: CompressionSpec,
    options: ExportOptions,
    *,
    source: WimFile,
    meter: Meter,
) -> tuple[str, ...]:
    integrity = options.integrity
    if isinstance(path, OutputStream):
        how = Writing(integrity=False, threads=options.threads, recompress=options.recompress, pipable=True)
        return write_stream(handle, path, spec, how, meter=meter, contents=source.path)
    if options.mode is WriteMode.APPEND:
        return append_file(
            handle,
            path,
            spec,
            integrity=integrity,
            threads=options.threads,
            recompress=options.recompress,
            meter=meter,
            contents=source.path,
        )
    how = Writing(
        integrity=source.header.has_integrity_table if integrity is None else integrity,
        threads=options.threads,
        recompress=options.recompress,
        pipable=options.pipable,
        repeatable=options.repeatable,
    )
    replaces = options.mode is WriteMode.OVERWRITE
    return write_file(handle, path, spec, how, replace=replaces, meter=meter, contents=source.path)


def check_request(
    source: WimFile, path: Path | None, chosen: Sequence[WimImage], properties: ImageProperties | None, mode: WriteMode
) -> None:
    """Refuse what cannot be exported so, or not there.

    Raises:
        InvalidRequest, TargetRefused: as :func:`export_images`.
    """
    if not chosen:
        raise InvalidRequest(f"{source.path}: there is no image to export")
    if len(chosen) > 1 and properties is not None and properties.name is not None:
        raise InvalidRequest("a new name is for one image; export the images one by one to rename them")
    if path is None:
        return
    refuse_destination(path, mode, ADD_TO_IT)
    refuse_source(path, source.path, "the WIM that is exported")


def keeps_compressed(source: WimFile, options: ExportOptions) -> bool:
    """Tell whether contents of a WIM are copied as they are stored, by libwim too."""
    header, spec = source.header, options.compression
    if options.recompress or header.compression is None or header.is_pipable != options.pipable:
        return False
    if spec is None:
        return True
    has_chunks = header.is_solid or (spec.chunk_size or spec.default_chunk_size) == header.chunk_size
    return spec.format is header.compression and spec.solid == header.is_solid and has_chunks


def as_stored(
    source: WimFile,
    chosen: Sequence[WimImage],
    options: ExportOptions,
    properties: ImageProperties | None,
    *,
    keeps_boot_index: bool,
) -> RawCopy | None:
    """Return how the images are copied as they are stored; None when libwim is to make them anew."""
    # A file that was closed is refused as it is everywhere.
    source.handle.info()
    header, spec = source.header, options.compression
    boot_index = _boot_position(source, chosen, options, keeps_boot_index=keeps_boot_index)
    is_same = spec is None or (
        spec.format is (header.compression or Compression.NONE)
        and spec.solid == header.is_solid
        and not header.is_solid
        and (spec.chunk_size or spec.default_chunk_size) in {header.chunk_size, None}
    )
    if (
        not is_same
        or options.recompress
        or options.pipable
        or options.mode is WriteMode.APPEND
        or source.handle.references
    ):
        return None
    return RawCopy(
        tuple(image.index for image in chosen),
        boot_index,
        properties,
        has_integrity=options.integrity,
        repeatable=options.repeatable,
    )


def _boot_position(
    source: WimFile, chosen: Sequence[WimImage], options: ExportOptions, *, keeps_boot_index: bool
) -> int:
    """Return which of the images is marked as the one that boots, counted from 1; 0 for none.

    Raises:
        InvalidRequest: when that of all images is to be, and there is none.
    """
    if not keeps_boot_index:
        return len(chosen) if options.boot else 0
    if options.boot and source.header.boot_index is None:
        raise InvalidRequest(f"{source.path}: no image is marked as the one that boots; export it by itself to mark it")
    return 0 if options.mode is WriteMode.APPEND and not options.boot else source.header.boot_index or 0


def check_image(source: WimFile, image: WimImage, mode: WriteMode) -> tuple[str, ...]:
    """Refuse an image that libwim would export without some of its entries or contents; return what it repaired.

    Raises:
        UnsafeName, CorruptWim, MissingParts: as :func:`export_images`.
    """
    with wim_errors(source.path):
        audit = load_tree(source.path, source.handle, image.index)
    refuse_dropped_names(source.path, image.index, audit)
    if mode is not WriteMode.APPEND:
        # What the destination holds need not be in the source.
        refuse_missing(source.path, image.index, audit)
    return repairs(audit)


def _try_elements(source: WimFile, chosen: Sequence[WimImage], properties: ImageProperties | None) -> None:
    """Set the elements of images once in vain: libwim says little of one that cannot be set."""
    if properties is None or not properties.elements:
        return
    present = elements_by_index(parse_root(source.xml))
    for image in chosen:
        set_properties_of(present.get(image.index, ET.Element("IMAGE")), properties)


def spec_of(source: WimFile) -> CompressionSpec:
    """Return the compression of a WIM."""
    return CompressionSpec(source.header.compression or Compression.NONE, solid=source.header.is_solid)


def _add(
    source: WimFile,
    handle: WimHandle,
    path: Path,
    chosen: Sequence[WimImage],
    properties: ImageProperties | None,
) -> tuple[int, ...]:
    """Add the images to the destination, in memory; return their new indexes."""
    first = handle.info().image_count + 1
    wanted = properties or ImageProperties()
    for number, image in enumerate(chosen):
        with wim_errors(path, contents=source.path):
            source.handle.export_image(
                image.index, handle, name=wanted.name, description=wanted.description, boot=False
            )
            for _ in image.info.bases:
                # It is whole now.
                handle.set_image_property(first + number, BASE_ELEMENT, "")
            for element, value in wanted.by_element().items():
                if element not in {"NAME", "DESCRIPTION"}:
                    handle.set_image_property(first + number, element, value)
    return tuple(range(first, first + len(chosen)))
