"""Applying one image to several targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.apply.image import work_on
from osdimage.imaging.apply.job import ApplyJob, ApplyOptions, ApplyResult
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.together import TargetResult, together
from osdimage.imaging.apply.work import Work
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.volume import OpenVolume, title_of
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Gathered, Meter, ProgressCallback
from osdimage.imaging.wim.checks.names import Names, names_advised
from osdimage.imaging.wim.image import WimImage


@logged("apply {image} to several targets")
def apply_to_all(
    image: WimImage,
    targets: Sequence[OpenVolume | str | os.PathLike[str]],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
    progress: ProgressCallback | None = None,
) -> tuple[TargetResult[ApplyResult], ...]:
    """Apply an image to several targets, each as :func:`~osdimage.imaging.apply_image` does.

    A target that is refused, or fails, stops none of the others.  The contents are read and decompressed once for all
    NTFS volumes that were just formatted or are made anew; every other target costs that once more.

    Args:
        image: of a WIM that is open.
        targets: as apply_image takes them; none of them twice.
        options: how, for all.
        partition: the number of a partition that all targets have.
        opening: how the disks are opened.
        progress: receives the progress of all together; events that concern one target name it.

    Returns:
        A result for each target, in their order.

    Raises:
        InvalidRequest: when two of the targets are one, or overlap; nothing was written.
        InvalidInput: when the image can be applied to nothing: a name that is unsafe, contents that are missing, or a
            tree that is damaged; nothing was written.
    """
    refuse_repeated(targets)
    names = [each.name if isinstance(each, OpenVolume) else title_of(Path(each), partition) for each in targets]
    gathered = None if progress is None else Gathered(progress, names)
    supplies = Supplies()
    if options.names is Names.REFUSE:
        # Otherwise each target has names of its own.
        with names_advised(options.names, keeps=all(map(_is_directory, targets))):
            ApplyJob(image, options, Meter(None, {}), None, supplies).audit(Path(names[0]))
    works = [
        (
            each.path if isinstance(each, OpenVolume) else Path(each),
            _advised(
                image,
                each,
                options,
                partition=partition,
                opening=opening,
                progress=None if gathered is None else gathered.of(number),
                supplies=supplies,
            ),
        )
        for number, each in enumerate(targets)
    ]
    return together(works, gathered)


def _is_directory(target: OpenVolume | str | os.PathLike[str]) -> bool:
    """Tell whether a target is a directory, or becomes one."""
    return not isinstance(target, OpenVolume) and (Path(target).is_dir() or not Path(target).exists())


def _advised(
    image: WimImage,
    target: OpenVolume | str | os.PathLike[str],
    options: ApplyOptions,
    *,
    partition: int | None,
    opening: Opening,
    progress: ProgressCallback | None,
    supplies: Supplies,
) -> Work[ApplyResult]:
    with names_advised(options.names, keeps=_is_directory(target)):
        return (
            yield from work_on(
                image,
                target,
                options,
                partition=partition,
                opening=opening,
                progress=progress,
                supplies=supplies,
            )
        )
