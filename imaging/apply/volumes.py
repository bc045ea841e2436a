"""Applying all images of a WIM to the volumes of a disk, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from osdimage.imaging.apply.image import apply_image, check_apply
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import NOTHING_WRITTEN, Incomplete, as_failure, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

_Target = TypeVar("_Target")


@dataclass(frozen=True, slots=True)
class AppliedVolume:
    """An image that was applied to a volume or a folder: its index and name, and what was written."""

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
        options: how, for every image; without ``unix_data``.  Files are compressed as a whole on NTFS only.
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
    on_fat = replace(each_options, compact=None)

    def options_for(volume: OpenVolume) -> ApplyOptions:
        return each_options if volume.content is Content.NTFS else on_fat

    pairs = [(image, disk.volume_in(each)) for image, each in pair_volumes(wim, disk, refused="not written")]
    for image, volume in pairs:
        check_apply(image, volume, options_for(volume))

    def apply(image: WimImage, volume: OpenVolume, part: ProgressCallback | None) -> ApplyResult:
        return apply_image(image, volume, options_for(volume), progress=part)

    done = in_turn(pairs, apply, disk.path, "volumes", progress)
    if options.strict:
        refuse_losses(done, disk.name)
    return done


def in_turn(
    pairs: Sequence[tuple[WimImage, _Target]],
    apply: Callable[[WimImage, _Target, ProgressCallback | None], ApplyResult],
    where: Path,
    what: str,
    progress: ProgressCallback | None,
) -> tuple[AppliedVolume, ...]:
    """Apply images to their targets, one after the other; an error says how many are complete.

    Args:
        pairs: the images, each with its target.
        apply: applies one to its target, with the progress of its part.
        where: all of them are, for errors.
        what: they are called there.
        progress: receives the progress over all.

    Raises:
        OsdImageError: as ``apply``; a refusal of one is a failure when others were written.
    """
    done: list[AppliedVolume] = []
    for number, (image, target) in enumerate(pairs):
        begin, end = 100 * number / len(pairs), 100 * (number + 1) / len(pairs)
        try:
            result = apply(image, target, portion(progress, begin, end))
        except BaseException as error:
            explain(error, f"{number} of {len(pairs)} {what} are complete")
            if number and isinstance(error, NOTHING_WRITTEN):
                raise as_failure(error, where) from error
            raise
        done.append(AppliedVolume(image.index, image.name, result))
    return tuple(done)


def refuse_losses(done: Iterable[AppliedVolume], where: str) -> None:
    """Fail when something of an image was lost.

    Raises:
        Incomplete: which says what.
    """
    losses = tuple(loss for each in done for loss in each.result.losses)
    warnings = tuple(text for each in done for text in each.result.warnings)
    if losses or warnings:
        raise Incomplete(f"{where}: applied, but not everything was kept: {summarise(losses, warnings)}")
