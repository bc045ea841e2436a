"""The disk that becomes a stick: one that is there, or an image that is made and has its name when it is complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.deploy.formats import DiskFormat, new_disk
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.media.parts.medium import Medium
from osdimage.imaging.media.usb.plan import StickOptions, StickPlan, plan_stick


@contextmanager
def planned_stick(
    path: str | os.PathLike[str],
    medium: Medium,
    options: StickOptions,
    *,
    disk_format: DiskFormat = DiskFormat.RAW,
    opening: Opening = AS_FOUND,
    complete: Callable[[StickPlan, Disk | None], Medium] | None = None,
) -> Iterator[tuple[StickPlan, Disk]]:
    """Plan a stick, and yield the plan with its disk, open for writing.

    Args:
        path: a device or a disk image, which is written where it is and keeps its size; or of an image that is made.
        medium: what the stick is to hold.
        options: how it is made.
        disk_format: of an image that is made; it has its name when the body has ended well, and is not there otherwise.
        opening: how a disk that is there is opened.
        complete: gets a plan of the medium, and the disk that is there or None, before anything is written; what it
            returns is planned and written in the place of the medium, such as that with a list of its files, whose
            making takes long.  It refuses by raising.

    Raises:
        OsdImageError: as :func:`~osdimage.imaging.media.usb.plan.plan_stick`,
            :func:`~osdimage.imaging.disk.opened.open_disk` and :func:`~osdimage.imaging.deploy.formats.new_disk`.
    """
    where = Path(path)
    if where.exists():
        with open_disk(where, write=True, opening=opening) as disk:
            plan = plan_stick(medium, options, geometry=disk.geometry, name=disk.name)
            whole = medium if complete is None else complete(plan, disk)
            if whole is not medium:
                plan = plan_stick(whole, options, geometry=disk.geometry, name=disk.name)
            yield plan, disk
        return
    plan = plan_stick(medium, options, name=str(where))
    whole = medium if complete is None else complete(plan, None)
    if whole is not medium:
        plan = plan_stick(whole, options, name=str(where))
    sector_bytes = plan.table.geometry.sector_size
    with new_disk(where, disk_format, plan.size_bytes, sector_size=sector_bytes, replace=False) as disk:
        yield plan, disk
