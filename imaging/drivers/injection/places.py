"""Opening where a Windows is that drivers are brought into, and planning that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.drivers.injection.choose import ChosenDrivers, DriverWish, open_drivers
from osdimage.imaging.drivers.injection.into_folder import FolderTarget
from osdimage.imaging.drivers.injection.into_image import ImageTarget
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget
from osdimage.imaging.drivers.injection.plan import InjectionPlan
from osdimage.imaging.drivers.injection.planning import plan_driver_injection, refuse_windows
from osdimage.imaging.drivers.injection.target import InjectionTarget
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.service.update import UpdateOptions
from osdimage.imaging.wim.placed.on_disc import disc_path
from osdimage.imaging.wim.select import ImageSelector


@dataclass(frozen=True, slots=True)
class TargetPlace:
    """Where a Windows is.

    Attributes:
        path: a folder, a WIM, a disk, or a file or device that holds one volume.
        partition: of a disk: the number of the partition.
        selector: of a WIM: which image.
        opening: of a disk: how it is opened.
        refs: of a WIM: files or glob patterns of files with contents of it.
        sync: of a volume: wait until everything is on the medium.
    """

    path: Path
    partition: int | None = None
    selector: ImageSelector = field(default_factory=ImageSelector)
    opening: Opening = AS_FOUND
    refs: tuple[str, ...] = ()
    sync: bool = True


@contextmanager
def open_target(
    place: TargetPlace, *, write: bool, progress: ProgressCallback | None = None
) -> Iterator[InjectionTarget]:
    """Open where a Windows is, so that nobody else writes to a disk meanwhile.

    Args:
        place: where.
        write: whether something will be written.
        progress: receives the progress of writing a WIM.

    Raises:
        InvalidRequest: when a partition or an image is chosen where there can be none, or has to be chosen.
        TargetRefused: when it must not be written to.
        OsdImageError: when it cannot be opened.
    """
    path, partition = place.path, place.partition
    if path.is_dir():
        if partition is not None:
            raise InvalidRequest(f"{path}: is a folder, which has no partitions")
        place.opening.require_disk(os.fspath(path))
        yield FolderTarget(path)
    elif partition is None and (disc_path(path) is not None or is_wim(path)):
        yield ImageTarget(path, place.selector, place.refs, UpdateOptions(), progress)
    else:
        with open_volume(path, partition, write=write, opening=place.opening) as volume:
            table = read_table(volume.target).table if partition is None and volume.content is None else None
            if table is not None:
                held = [f"{each.number} ({each.type_label})" for each in table.partitions if not each.is_extended]
                raise InvalidRequest(
                    f"{path}: is a disk with a partition table: {', '.join(held) or 'it has no partition'}",
                    remedy=Remedy("choose one with {}", (Means.PARTITION,)),
                )
            yield VolumeTarget(volume, sync=place.sync)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what was chosen for it."""

    plan: InjectionPlan
    chosen: ChosenDrivers


@contextmanager
def planned_injection(target: InjectionTarget, wish: DriverWish, *, force: bool = False) -> Iterator[Planned]:
    """Yield the plan of what is wished; the files of the drivers are open as long as the body runs.

    Args:
        target: where the Windows is.
        wish: which drivers, and how.
        force: as that of :meth:`InjectionTarget.carry_out`.

    Raises:
        TargetRefused: when nothing may be brought in.
        InvalidInput, InvalidRequest: when a driver cannot be, or none fits.
        OsdImageError: when something cannot be read.
    """
    target.refuse_unwritable(force=force)
    with ExitStack() as opened:
        with target.opened() as files:
            windows = offline_windows(files)
            refuse_windows(windows)
            chosen = opened.enter_context(open_drivers(wish, windows.os))
            plan = plan_driver_injection(windows, files, chosen.wanted, wish.options)
        yield Planned(plan, chosen)
