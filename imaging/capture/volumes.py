"""Capturing all volumes of a disk into one WIM, with the layout of the disk beside each image."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.capture.image import CaptureOptions, CaptureResult, replacing_of, result_of
from osdimage.imaging.capture.layout import choose_kept, layout_of
from osdimage.imaging.capture.raw import add_bytes, copied
from osdimage.imaging.capture.scan import opened_source, scan
from osdimage.imaging.capture.source import CaptureSource
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.errors import Incomplete, InvalidInput, InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.output import refuse_source
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.volume.eligible import DiskVolumes, look_over
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.delta.bases import find_bases, held, note_in, refer_to
from osdimage.imaging.wim.delta.needs import needs_in
from osdimage.imaging.wim.described.changes import refuse_unsettable
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.edited.edit import add_disks
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import WRITE_SHARES, WriteMode, Writing, prepare_output, write_file
from osdimage.native.slices.slices import CACHE_SIZE
from osdimage.native.wim.handles import WimHandle

_LONGEST_BASE = 230


@dataclass(frozen=True, slots=True)
class CapturedVolumes:
    """What a capture of a disk stored.

    Attributes:
        path: the WIM.
        images: what became of each volume, in the order of the partitions, then of each partition whose bytes are kept.
        partitions: the numbers of their partitions.
        skipped: the partitions that were left out, each with what it holds.
        raw: the numbers of the partitions whose bytes are kept.
        unkept: those of partitions that hold something which is not kept.
        warnings: what a disk that is made from the WIM will lack, in sentences.
    """

    path: Path
    images: tuple[CaptureResult, ...]
    partitions: tuple[int, ...]
    skipped: tuple[str, ...]
    raw: tuple[int, ...] = ()
    unkept: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@logged("capture the volumes of {disk} to {wim}")
def capture_volumes(
    disk: Disk | str | os.PathLike[str],
    wim: str | os.PathLike[str],
    options: CaptureOptions = CaptureOptions(),  # noqa: B008 - it is frozen
    *,
    config: CaptureConfig = DEFAULT_CONFIG,
    properties: ImageProperties | None = None,
    keep_raw: bool = False,
    decompacts: bool = False,
    progress: ProgressCallback | None = None,
) -> CapturedVolumes:
    """Capture every NTFS and FAT32 volume of a disk, an EFI system partition's too, as an image of one WIM.

    The images are in the order of the partitions' numbers, and each holds the layout of the disk in its XML.  The WIM
    appears under its name with all of them or not at all.  The disk is only read.

    With ``keep_raw`` the other partitions follow, each as an image with one file that is its bytes.  They are copied
    beside the WIM for a while: libwim reads files.  Without it, what they hold is lost, and a warning says so.

    Args:
        disk: a disk that is open, or its path.
        wim: the WIM to write.
        options: how; the mode is NEW or OVERWRITE, and no image is the one that boots.
        config: what is left out of each volume.
        properties: of every image; the number of the partition is put behind the name (default: the disk's).
        keep_raw: keep the bytes of partitions without such a volume, but of those that Microsoft reserves.
        decompacts: store files that Windows has compressed as a whole plain.
        progress: receives the progress.

    Raises:
        InvalidRequest: when the mode is APPEND, one image is to boot, it is to be the update of an image, or the WIM to
            be pipable.
        InvalidInput: when the disk has no such volume, or one is damaged.
        OsdImageError: as :func:`osdimage.imaging.capture_image`.
    """
    destination = Path(wim)
    _refuse_options(destination, options)
    refuse_unsettable(properties or ImageProperties())
    bases = find_bases(options.bases, destination)
    with held(bases), opened_disk(disk, share=True) as source:
        refuse_source(destination, source.path, "the disk that is captured")
        refuse_destination(destination, options.mode)
        found = look_over(source)
        kept = choose_kept(source, found, source.read(), keep_raw=keep_raw)
        numbers = [each.number for each in kept.volumes]
        raw = tuple(each.number for each in kept.raw)
        skipped = tuple(_skipped(found, [*numbers, *raw]))
        if not numbers:
            raise InvalidInput(
                f"{source.name}: holds no NTFS or FAT32 volume; on it are: {', '.join(skipped) or 'none'}"
            )
        meter = Meter(progress, WRITE_SHARES)
        for told in kept.warnings:
            meter.warn(told)
        layouts = {index: layout_of(found, kept, each) for index, each in enumerate((*numbers, *raw), 1)}
        spec = options.compression or CompressionSpec()
        # libwim reads the volumes until the handle is closed, so they are closed after it.
        with ExitStack() as sources:
            replaces = options.mode is WriteMode.OVERWRITE
            sources.enter_context(kept_from_others(destination, replaces=replaces))
            volumes = [source.volume(each) for each in numbers]
            wanted = [
                replace(CaptureSource.of_volume(each, config), decompacts=decompacts and each.content is Content.NTFS)
                for each in volumes
            ]
            cache = CACHE_SIZE // len(numbers)
            opened = [sources.enter_context(opened_source(each, cache_size=cache)) for each in wanted]
            copies = [sources.enter_context(copied(source, each, beside=destination, meter=meter)) for each in kept.raw]
            with wim_errors(destination):
                handle = WimHandle.create(spec.format)
            with handle:
                prepare_output(handle, spec)
                refer_to(handle, bases)
                scanned = [
                    scan(
                        handle,
                        each,
                        volume,
                        _named(properties, source.path, each.partition),
                        boot=False,
                        meter=meter,
                        names=options.names,
                    )
                    for each, volume in zip(wanted, opened, strict=True)
                ]
                scanned += [
                    add_bytes(handle, descriptor, size, _named(properties, source.path, each))
                    for each, (descriptor, size) in zip(raw, copies, strict=True)
                ]
                for each in scanned:
                    note_in(handle, each.index, bases)
                replacing = replacing_of(options.names)
                warnings = spec.setup_warnings(destination.name) + write_file(
                    handle,
                    destination,
                    spec,
                    Writing(integrity=options.integrity, threads=options.threads, skips_references=bool(bases)),
                    replace=replaces,
                    meter=meter,
                    change=replacing,
                    finish=lambda descriptor: add_disks(destination, descriptor, layouts),
                )
        images = [
            result_of(each, destination, tuple(warnings), replacing, meter=meter, number=number)
            for number, each in enumerate(scanned)
        ]
        if bases:
            images = [replace(each, needs=needs_in(destination, [each.index], bases)) for each in images]
    meter.finish()
    losses = [*(str(loss) for each in images for loss in each.losses), *kept.warnings]
    if options.strict and losses:
        raise Incomplete(f"{destination}: captured, but " + "; ".join(losses))
    return CapturedVolumes(destination, tuple(images), (*numbers, *raw), skipped, raw, kept.unkept, kept.warnings)


def _refuse_options(destination: Path, options: CaptureOptions) -> None:
    """Refuse what a WIM of all volumes cannot be."""
    if options.mode is WriteMode.APPEND:
        raise InvalidRequest(f"{destination}: all volumes of a disk are captured into a WIM of their own")
    if options.update_of is not None:
        raise InvalidRequest(
            f"{destination}: all volumes of a disk are several images, and an update is of one; capture them one by one"
        )
    if options.pipable:
        raise InvalidRequest(f"{destination}: is not pipable: the layout of the disk is added when all is written")
    if options.boot:
        raise InvalidRequest(f"{destination}: one image boots, and all volumes of a disk are several; choose it later")


def _named(properties: ImageProperties | None, disk: Path, number: int | None) -> ImageProperties:
    given = properties or ImageProperties()
    base = given.name or "".join(each if each.isprintable() else "?" for each in disk.resolve().name)
    return replace(given, name=f"{base[:_LONGEST_BASE]} (partition {number})")


def _skipped(found: DiskVolumes, numbers: list[int]) -> list[str]:
    return [
        f"partition {each.number} ({found.held[each.number].kind or each.type_label})"
        for each in found.table.partitions
        if each.number in found.held and each.number not in numbers
    ]
