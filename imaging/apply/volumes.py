"""Applying all images of a WIM to the volumes of a disk, one after the other."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from osdimage.imaging.apply.image import apply_image, check_apply
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.errors import NOTHING_WRITTEN, Incomplete, as_failure, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.file import WimFile


@dataclass(frozen=True, slots=True)
class AppliedVolume:
    """An image that was applied to a volume: its index and name, and what was written."""

    image: int
    name: str
    result: ApplyResult


@logged("apply the images of {wim} to {disk}")
def apply_volumes(
    wim: WimFile,
    disk: Disk | str | os.PathLike[str],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    progress: ProgressCallback | None = None,
) -> tuple[AppliedVolume, ...]:
    """Apply every image of a WIM to the corresponding volume of a disk: the first to the first, and so on.

    See :func:`~osdimage.imaging.apply.pairs.pair_volumes` for what the volumes are.  Everything that can be checked is
    checked for all of them before the first is written.

    Args:
        wim: the open WIM.
        disk: a disk that is open for writing, or its path.
        options: how, for every image; without ``unix_data``.
        progress: receives the progress over all images.

    Raises:
        TargetRefused: when there are more images than volumes, or a volume cannot take its image; nothing was written.
        OsdImageError: as :func:`~osdimage.imaging.apply_image`; volumes before the named one are complete.
        Incomplete: with ``strict``, after all is written.
    """
    with opened_disk(disk, write=True) as opened:
        return _apply_volumes(wim, opened, options, progress)


def _apply_volumes(
    wim: WimFile, disk: Disk, options: ApplyOptions, progress: ProgressCallback | None
) -> tuple[AppliedVolume, ...]:
    each_options = replace(options, strict=False)
    pairs = [(image, disk.volume_in(each)) for image, each in pair_volumes(wim, disk, refused="not written")]
    for image, volume in pairs:
        check_apply(image, volume, each_options)
    done: list[AppliedVolume] = []
    for number, (image, volume) in enumerate(pairs):
        begin, end = 100 * number / len(pairs), 100 * (number + 1) / len(pairs)
        told = f"{number} of {len(pairs)} volumes are complete"
        try:
            result = apply_image(image, volume, each_options, progress=portion(progress, begin, end))
        except BaseException as error:
            explain(error, told)
            if number and isinstance(error, NOTHING_WRITTEN):
                raise as_failure(error, disk.path) from error
            raise
        done.append(AppliedVolume(image.index, image.name, result))
    losses = tuple(loss for each in done for loss in each.result.losses)
    warnings = tuple(text for each in done for text in each.result.warnings)
    if options.strict and (losses or warnings):
        raise Incomplete(f"{disk.name}: applied, but not everything was kept: {summarise(losses, warnings)}")
    return tuple(done)
