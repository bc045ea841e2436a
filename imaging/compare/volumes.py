"""Comparing all images of a WIM with the volumes of a disk, one after the other."""

from __future__ import annotations

import os

from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.compare.fidelity import CompareReport
from osdimage.imaging.compare.image import compare_image
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.file import WimFile


def compare_volumes(
    wim: WimFile,
    disk: Disk | str | os.PathLike[str],
    *,
    differences: int = 100,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[CompareReport, ...]:
    """Compare every image of a WIM with the volume that ``apply_volumes`` gives it.

    Args:
        wim: the open WIM.
        disk: a disk that is open, or its path; it is only read.
        differences: how many differences to name for each image; all are counted.
        threads: that read and hash; None for one a processor.
        progress: receives the progress over all images.

    Raises:
        TargetRefused: when there are more images than volumes.
        OsdImageError: as :func:`~osdimage.imaging.compare_image`.
    """
    with opened_disk(disk, share=True) as opened:
        pairs = pair_volumes(wim, opened, refused="not compared")
        return tuple(
            compare_image(
                image,
                opened.volume_in(partition),
                differences=differences,
                threads=threads,
                progress=portion(progress, 100 * number / len(pairs), 100 * (number + 1) / len(pairs)),
            )
            for number, (image, partition) in enumerate(pairs)
        )
