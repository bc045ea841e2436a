"""Applying all images of a WIM to the volumes of a disk, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from osdimage.imaging.apply.image import apply_image, check_apply
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.pairs import pair_volumes
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opened import Disk, opened_disk
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import NOTHING_WRITTEN, Incomplete, as_failure, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.captured_disks import refuse_several, require_numbers
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
        InvalidRequest: when the images are of several disks.
        TargetRefused: when there are more images than volumes, or a volume cannot take its image; nothing was written.
        OsdImageError: as :func:`~osdimage.imaging.apply_image`; volumes before the named one are complete.
        Incomplete: with ``strict``, after all is written.
    """
    refuse_several(wim)
    with opened_disk(disk, write=True) as opened:
        return _apply_volumes(wim, {opened: tuple(wim.images)}, options, progress)


@logged("apply the images of {wim} to several disks")
def apply_to_disks(
    wim: WimFile,
    disks: Mapping[int, Disk],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    progress: ProgressCallback | None = None,
) -> tuple[AppliedVolume, ...]:
    """Apply the images of the disks of a machine to disks that have volumes for them, as :func:`apply_volumes` to one.

    Everything that can be checked is checked for all disks before the first is written.

    Args:
        wim: the open WIM.
        disks: open for writing, by the numbers that they have in the WIM; all of them.
        options: how, as there.
        progress: receives the progress over all images.

    Raises:
        InvalidRequest: when the numbers are not those of the WIM, or a disk is given twice; nothing was written.
        OsdImageError: as there.
    """
    images = require_numbers(wim, disks)
    refuse_repeated([each.path for each in disks.values()])
    for each in disks.values():
        each.target.require_writable()
    return _apply_volumes(wim, {disks[number]: own for number, own in images.items()}, options, progress)


def _apply_volumes(
    wim: WimFile,
    images: Mapping[Disk, Sequence[WimImage]],
    options: ApplyOptions,
    progress: ProgressCallback | None,
) -> tuple[AppliedVolume, ...]:
    each_options = replace(options, strict=False)
    pairs = [
        (image, disk.volume_in(each))
        for disk, own in images.items()
        for image, each in pair_volumes(own, disk, wim=wim.path, refused="not written")
    ]
    volumes = [volume for _, volume in pairs]
    for image, volume in pairs:
        check_apply(image, volume, each_options)

    filled: list[OpenVolume] = []

    def apply(image: WimImage, volume: OpenVolume, part: ProgressCallback | None) -> ApplyResult:
        result = apply_image(image, volume, each_options, progress=part)
        filled.append(volume)
        return result

    disks = list(images)
    try:
        done = in_turn(pairs, apply, disks[0].path, "volumes", progress)
    except BaseException as error:
        if len(disks) > 1:
            explain(error, ", ".join(_told(each, filled, volumes) for each in disks))
        raise
    if options.strict:
        refuse_losses(done, " and ".join(each.name for each in disks))
    return done


def _told(disk: Disk, filled: Iterable[OpenVolume], volumes: Iterable[OpenVolume]) -> str:
    """Say how many volumes of one of several disks are filled."""
    done, count = (sum(each.path == disk.path for each in some) for some in (filled, volumes))
    return f"{done} of {count} of {disk.name}"


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
