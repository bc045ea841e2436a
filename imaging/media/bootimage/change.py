"""Changing a boot image: what is wished for is planned with the image as it is, and written as one update.

The other images of the WIM stay as they are, byte for byte, and so does which of them starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging.logs import logged
from osdimage.imaging.media.bootimage.plan import BootPlan, commands_of
from osdimage.imaging.media.bootimage.reading import boot_image_of
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.service.update import UpdateOptions, update_image
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.stored.unused import unused_bytes

LARGE_BYTES = 512 * MIB
"""A WIM with more is warned of when drivers are added: the boot manager loads it into memory."""
Planner = Callable[[WimImage], BootPlan]
"""What plans the change of an image; :func:`plan_boot_image` with what is wished for is one."""


@dataclass(frozen=True, slots=True)
class BootChange:
    """What became of a plan.  Sizes in bytes.

    Attributes:
        path: the WIM.
        plan: what was changed, or would be.
        old_size, new_size: of the file.
        unused: what of the file no image needs now; writing it anew gives that back.
        warnings: sentences for people, those of the plan among them.
        is_written: whether something was written.
    """

    path: Path
    plan: BootPlan
    old_size: int
    new_size: int
    unused: int
    warnings: tuple[str, ...]
    is_written: bool = False


@logged("change the boot image of {wim}")
def change_boot_image(
    wim: str | os.PathLike[str],
    selector: ImageSelector,
    planner: Planner,
    options: UpdateOptions = UpdateOptions(),  # noqa: B008 - it is frozen
    *,
    refs: Iterable[str] = (),
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> BootChange:
    """Change a boot image: all that is planned, or nothing.

    Args:
        wim: the WIM.
        selector: which image; without a choice the one that starts, or the only one.
        planner: plans what is changed.
        options: how it is written; with ``dry_run`` it is not.
        refs: files or glob patterns of files that hold contents too.
        now: the time of keys of hives that are changed; None leaves all times as they are.
        progress: receives the progress.

    Raises:
        OsdImageError: as the planner and :func:`~osdimage.imaging.service.update_image` do.
    """
    path, refs = Path(wim), tuple(refs)
    with WimFile.open(path, refs=refs) as opened:
        plan = planner(boot_image_of(opened, selector))
        size = opened.header.file_size
    if plan.is_empty or options.dry_run:
        warnings = (*plan.warnings, *memory_warnings(path, plan, size))
        return BootChange(path, plan, size, size, unused_bytes(path), warnings)
    change = carry_out(path, plan, options, refs=refs, now=now, progress=progress)
    return replace(change, warnings=(*change.warnings, *memory_warnings(path, plan, change.new_size)))


def carry_out(
    path: Path,
    plan: BootPlan,
    options: UpdateOptions,
    *,
    refs: Iterable[str] = (),
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> BootChange:
    """Write what is planned; raise as :func:`change_boot_image`."""
    warnings = list(plan.warnings)
    with scratch_folder() as folder:
        commands = commands_of(plan, folder, now=now, on_warning=warnings.append)
        chosen = ImageSelector(index=plan.index)
        result = update_image(path, chosen, commands, options, refs=refs, progress=progress)
    told = tuple(dict.fromkeys((*warnings, *result.warnings)))
    return BootChange(path, plan, result.old_size, result.new_size, result.unused, told, is_written=True)


def memory_warnings(path: Path, plan: BootPlan, size: int) -> tuple[str, ...]:
    """Return what is to be said of a large WIM that drivers are added to."""
    if size <= LARGE_BYTES or not plan.drivers:
        return ()
    text = f"{path}: has {format_size(size)}, all of which a computer that starts it has in memory"
    return (f"{text}; many boot images have less than {format_size(LARGE_BYTES)}",)
