"""Comparing all images of a WIM with the volumes of a disk, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.compare.bytes import compare_bytes, not_there
from osdimage.imaging.compare.fidelity import CompareReport
from osdimage.imaging.compare.image import compare_image
from osdimage.imaging.compare.naming import named_as_applied
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.captured_disks import refuse_several, require_numbers
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.described.captured_table import numbers_of
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage


@dataclass(frozen=True, slots=True)
class HowCompared:
    """How volumes are compared; see :func:`compare_volumes`."""

    config: CaptureConfig = DEFAULT_CONFIG
    differences: int = 100
    threads: int | None = None
    names: Names = Names.KEEP
    by_content: bool = False


def compare_volumes(
    wim: WimFile,
    disk: Disk | str | os.PathLike[str],
    *,
    config: CaptureConfig = DEFAULT_CONFIG,
    differences: int = 100,
    threads: int | None = None,
    names: Names = Names.KEEP,
    by_content: bool = False,
    progress: ProgressCallback | None = None,
) -> tuple[CompareReport, ...]:
    """Compare every image of a WIM with the volume that ``apply_volumes`` gives it.

    An image that is the bytes of a partition is compared with the partition of the same number.

    Args:
        wim: the open WIM.
        disk: a disk that is open, or its path; it is only read.
        config: as for :func:`~osdimage.imaging.compare_image`.
        differences: how many differences to name for each image; all are counted.
        threads: that read and hash; None for one a processor.
        by_content: as there.
        names: with REPLACE, the images have the names that an apply gave them so.
        progress: receives the progress over all images.

    Raises:
        InvalidRequest: when the images are of several disks.
        TargetRefused: when there are more images than volumes.
        OsdImageError: as :func:`~osdimage.imaging.compare_image`.
    """
    refuse_several(wim)
    with opened_disk(disk, share=True) as opened:
        how = HowCompared(config, differences, threads, names, by_content)
        return _compare(wim, {opened: tuple(wim.images)}, how, progress)


def compare_disks(
    wim: WimFile,
    disks: Mapping[int, Disk],
    how: HowCompared,
    *,
    progress: ProgressCallback | None = None,
) -> tuple[CompareReport, ...]:
    """Compare the images of the disks of a machine with them, as :func:`compare_volumes` those of one.

    Args:
        wim: the open WIM.
        disks: by the numbers that they have in the WIM, all of them; they are only read.
        how: as there.
        progress: receives the progress over all images.

    Raises:
        InvalidRequest: when the numbers are not those of the WIM.
        OsdImageError: as there.
    """
    images = require_numbers(wim, disks)
    return _compare(wim, {disks[number]: own for number, own in images.items()}, how, progress)


def _compare(
    wim: WimFile, images: Mapping[Disk, Sequence[WimImage]], how: HowCompared, progress: ProgressCallback | None
) -> tuple[CompareReport, ...]:
    pairs = {
        image: disk.volume_in(volume)
        for disk, own in images.items()
        for image, volume in pair_volumes(own, disk, wim=wim.path, refused="not compared")
    }
    reports = []
    for number, (disk, image) in enumerate((disk, image) for disk, own in images.items() for image in own):
        share = portion(progress, 100 * number / len(wim), 100 * (number + 1) / len(wim))
        if image in pairs:
            reports.append(_compare_files(image, pairs[image], how, share))
        else:
            reports.append(_compare_bytes(image, disk, how.differences, share))
    return tuple(reports)


def _compare_files(
    image: WimImage, volume: OpenVolume, how: HowCompared, progress: ProgressCallback | None
) -> CompareReport:
    with named_as_applied(image, volume) if how.names is Names.REPLACE else nullcontext(image) as named:
        return compare_image(
            named,
            volume,
            config=how.config,
            differences=how.differences,
            threads=how.threads,
            by_content=how.by_content,
            progress=progress,
        )


def _compare_bytes(image: WimImage, disk: Disk, differences: int, progress: ProgressCallback | None) -> CompareReport:
    source = None if image.info.disk is None else image.info.disk.captured
    if source is None or image.info.disk is None:
        raise ValueError("an image without a volume is one of bytes")
    number = numbers_of(image.info.disk)[source.index]
    partition = next((each for each in disk.table.partitions if each.number == number and not each.is_extended), None)
    if partition is None:
        return not_there(image, disk.path, number)
    return compare_bytes(image, disk.volume_in(partition), differences=differences, progress=progress)
