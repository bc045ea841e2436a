"""Comparing all images of a WIM with the volumes of a disk, one after the other."""

from __future__ import annotations

import os
from contextlib import nullcontext

from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.compare.bytes import compare_bytes, not_there
from osdimage.imaging.compare.fidelity import CompareReport
from osdimage.imaging.compare.image import compare_image
from osdimage.imaging.compare.naming import named_as_applied
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.described.captured_table import numbers_of
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage


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
        TargetRefused: when there are more images than volumes.
        OsdImageError: as :func:`~osdimage.imaging.compare_image`.
    """
    with opened_disk(disk, share=True) as opened:
        pairs = dict(pair_volumes(wim, opened, refused="not compared"))
        reports = []
        for number, image in enumerate(wim.images):
            share = portion(progress, 100 * number / len(wim), 100 * (number + 1) / len(wim))
            if image in pairs:
                volume = opened.volume_in(pairs[image])
                with named_as_applied(image, volume) if names is Names.REPLACE else nullcontext(image) as named:
                    report = compare_image(
                        named,
                        volume,
                        config=config,
                        differences=differences,
                        threads=threads,
                        by_content=by_content,
                        progress=share,
                    )
            else:
                report = _compare_bytes(image, opened, differences, share)
            reports.append(report)
        return tuple(reports)


def _compare_bytes(image: WimImage, disk: Disk, differences: int, progress: ProgressCallback | None) -> CompareReport:
    source = None if image.info.disk is None else image.info.disk.captured
    if source is None or image.info.disk is None:
        raise ValueError("an image without a volume is one of bytes")
    number = numbers_of(image.info.disk)[source.index]
    partition = next((each for each in disk.table.partitions if each.number == number and not each.is_extended), None)
    if partition is None:
        return not_there(image, disk.path, number)
    return compare_bytes(image, disk.volume_in(partition), differences=differences, progress=progress)
