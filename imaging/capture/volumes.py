"""Capturing all volumes of a disk, or of several, into one WIM, with the layout of its disk beside each image.

Several disks are those of one machine: each has a number, by which the layout tells which disk an image is of.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from osdimage.imaging.capture.chosen import CapturedOfDisk, ChosenDisk, HowOfAll, choose_disks, opened_sources
from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.capture.image import CaptureOptions, CaptureResult, replacing_of, result_of
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.errors import Incomplete, InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.output import refuse_source
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.units import counted
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.delta.bases import find_bases, held, note_in, refer_to
from osdimage.imaging.wim.delta.needs import needs_in
from osdimage.imaging.wim.described.captured import MOST_DISKS
from osdimage.imaging.wim.described.changes import refuse_unsettable
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.edited.edit import add_disks
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import WRITE_SHARES, WriteMode, Writing, prepare_output, write_file
from osdimage.native.wim.handles import WimHandle


@dataclass(frozen=True, slots=True)
class CapturedVolumes:
    """What a capture of a disk, or of several, stored.

    Attributes:
        path: the WIM.
        images: what became of each volume: disk by disk, in the order of the partitions, then of each partition whose
            bytes are kept.
        partitions: the numbers of their partitions.
        skipped: the partitions that were left out, each with what it holds.
        raw: the numbers of the partitions whose bytes are kept.
        unkept: those of partitions that hold something which is not kept.
        warnings: what a disk that is made from the WIM will lack, in sentences.
        disks: the same disk by disk.
    """

    path: Path
    images: tuple[CaptureResult, ...]
    partitions: tuple[int, ...]
    skipped: tuple[str, ...]
    raw: tuple[int, ...] = ()
    unkept: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    disks: tuple[CapturedOfDisk, ...] = ()


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
    """Capture every NTFS and FAT volume of a disk, an EFI system partition's too, as an image of one WIM.

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
    _refuse_options(Path(wim), options)
    with opened_disk(disk, share=True) as source:
        how = HowOfAll(options, config, properties, keep_raw=keep_raw, decompacts=decompacts)
        return _capture([source], Path(wim), how, progress)


@logged("capture the volumes of several disks to {wim}")
def capture_disks(
    disks: Sequence[Disk],
    wim: str | os.PathLike[str],
    options: CaptureOptions = CaptureOptions(),  # noqa: B008 - it is frozen
    *,
    config: CaptureConfig = DEFAULT_CONFIG,
    properties: ImageProperties | None = None,
    keep_raw: bool = False,
    decompacts: bool = False,
    progress: ProgressCallback | None = None,
) -> CapturedVolumes:
    """Capture the volumes of all disks of a machine into one WIM, as :func:`capture_volumes` does those of one.

    Their order gives the disks their numbers, from 0.  All are looked over before the first byte is written.

    Args:
        disks: the open disks.
        wim: the WIM to write.
        options: how, as there.
        config: what is left out of each volume.
        properties: of every image; the numbers of disk and partition are put behind the name.
        keep_raw: as there.
        decompacts: as there.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a disk is given twice, or there are too many; and as there.
        InvalidInput: when Windows could not tell two of the disks apart, or one has no volume; and as there.
        OsdImageError: as there.
    """
    if not 1 <= len(disks) <= MOST_DISKS:
        raise InvalidRequest(f"{wim}: {counted(len(disks), 'disk')}; valid are 1 to {MOST_DISKS}")
    _refuse_options(Path(wim), options)
    refuse_repeated([each.path for each in disks])
    how = HowOfAll(options, config, properties, keep_raw=keep_raw, decompacts=decompacts)
    return _capture(disks, Path(wim), how, progress)


def _capture(
    disks: Sequence[Disk], destination: Path, how: HowOfAll, progress: ProgressCallback | None
) -> CapturedVolumes:
    options = how.options
    refuse_unsettable(how.properties or ImageProperties())
    bases = find_bases(options.bases, destination)
    with held(bases):
        for disk in disks:
            refuse_source(destination, disk.path, "the disk that is captured")
        refuse_destination(destination, options.mode)
        chosen = choose_disks(disks, keep_raw=how.keep_raw)
        meter = Meter(progress, WRITE_SHARES)
        for told in (text for each in chosen for text in each.warnings):
            meter.warn(told)
        spec = options.compression or CompressionSpec()
        # libwim reads the volumes until the handle is closed, so they are closed after it.
        with ExitStack() as sources:
            replaces = options.mode is WriteMode.OVERWRITE
            sources.enter_context(kept_from_others(destination, replaces=replaces))
            taken = [opened_sources(each, destination, how, meter, sources) for each in chosen]
            with wim_errors(destination):
                handle = WimHandle.create(spec.format)
            with handle:
                prepare_output(handle, spec)
                refer_to(handle, bases)
                added = [[add(handle) for add in each] for each in taken]
                scanned = [each for of_disk in added for each in of_disk]
                for each in scanned:
                    note_in(handle, each.index, bases)
                layouts = {
                    one.index: each.layout(number)
                    for each, of_disk in zip(chosen, added, strict=True)
                    for one, number in zip(of_disk, (*each.numbers, *each.raw), strict=True)
                }
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
    made = _told(destination, images, chosen)
    losses = [*(str(loss) for each in images for loss in each.losses), *made.warnings]
    if options.strict and losses:
        raise Incomplete(f"{destination}: captured, but " + "; ".join(losses))
    return made


def _told(destination: Path, images: Sequence[CaptureResult], chosen: Sequence[ChosenDisk]) -> CapturedVolumes:
    indexes = iter(each.index for each in images)
    disks = [each.told(tuple(islice(indexes, len(each.numbers) + len(each.raw)))) for each in chosen]
    return CapturedVolumes(
        destination,
        tuple(images),
        tuple(number for each in disks for number in each.partitions),
        tuple(text for each in disks for text in each.skipped),
        tuple(number for each in disks for number in each.raw),
        tuple(number for each in disks for number in each.unkept),
        tuple(text for each in chosen for text in each.warnings),
        tuple(disks),
    )


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
