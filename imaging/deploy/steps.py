"""What each step of a plan does on a disk; ``execute.py`` has their order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from osdimage.imaging.apply.bytes import WrittenBytes, write_bytes
from osdimage.imaging.apply.image import work_on
from osdimage.imaging.apply.job import ApplyResult
from osdimage.imaging.apply.work import Work
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.drives import Forgotten, forget_drives, move_drives
from osdimage.imaging.boot.install import BootResult, install_boot
from osdimage.imaging.boot.places import numbered
from osdimage.imaging.deploy.answer_file import UNATTEND_PATH, check_unattend
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot, Moved, MoveDrives
from osdimage.imaging.deploy.driver_plan import AddDrivers, PlannedDrivers, planned_of, refuse_others
from osdimage.imaging.deploy.job import DeployJob
from osdimage.imaging.deploy.plan import (
    ApplyToVolume,
    DeployPlan,
    FormatVolume,
    WriteBytes,
    refuse_volume,
)
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.plan import check_target
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget
from osdimage.imaging.drivers.injection.places import planned_injection
from osdimage.imaging.errors import InvalidRequest, InvalidTable, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.volume.filesystems import FormatWish, format_volume, require_programs

# Shares of the time, in percent: writing the table and formatting take a second whatever the image.
# The boot files are some 40 MB, and waiting for the medium takes longer than writing them.
APPLY_BEGINS, APPLY_ENDS, BOOT_ENDS = 3.0, 97.0, 99.0

_SECTOR_OF_IMAGES = 512
"""What a disk image has that does not tell the size of its sectors, in bytes."""


def put_image(
    step: ApplyToVolume | WriteBytes, disk: Disk, job: DeployJob, progress: ProgressCallback | None
) -> Work[ApplyResult | WrittenBytes]:
    """Apply an image to its partition, or write the bytes that it is."""
    volume, image = disk.volume_in(step.partition), job.images[step.image]
    if isinstance(step, WriteBytes):
        return write_bytes(image, volume, is_zero=disk.is_new, progress=progress)
    options = job.options.of_apply(job.now)
    return (yield from work_on(image, volume, options, progress=progress, supplies=job.supplies))


def add_answers(plan: DeployPlan, job: DeployJob, progress: ProgressCallback | None) -> list[str]:
    """Put the answer file into the images, once; return what Windows would ignore of it."""
    ignored: list[str] = []
    if plan.unattend is None:
        return ignored
    for number in {step.image for step in plan.steps if isinstance(step, ApplyToVolume)}:
        if number not in job.ignored:
            # A saved plan names a file that may be another one by now.
            job.ignored[number] = check_unattend(plan.unattend, job.images[number])
            job.images[number].add_file(plan.unattend, UNATTEND_PATH)
        ignored += job.ignored[number]
    for text in dict.fromkeys(ignored):
        Meter(portion(progress, 0, 0), {Phase.WRITE_DATA: 1}).warn(text)
    return ignored


def refuse_impossible(plan: DeployPlan, disk: Disk, job: DeployJob) -> None:
    """Refuse a disk that a plan cannot be carried out on.

    Raises:
        OsdImageError: as :func:`~osdimage.imaging.deploy.execute.execute`; nothing was written.
    """
    disk.target.require_writable()
    starts = [each for each in plan.steps if isinstance(each, InstallBoot) and each.system_disk is not None]
    if any(each.system_number not in job.machine and job.system_disk is None for each in starts):
        raise InvalidRequest("the plan makes Windows start from another disk, which must be open")
    check_target(plan.disk, disk.target, disk.read())
    refuse_untold_sectors(plan, disk.name, is_image=not disk.target.is_device)
    for step in plan.steps:
        if isinstance(step, FormatVolume):
            refuse_volume(step.partition, step.filesystem, _wish(step, disk), disk.geometry)
            require_programs(step.filesystem, disk.name)


def refuse_untold_sectors(plan: DeployPlan, name: str, *, is_image: bool) -> None:
    """Refuse an image whose volumes nobody could find: a GPT lies where its sectors tell, an MBR is always at 0.

    Raises:
        TargetRefused: which calls the image by ``name``.
    """
    size = plan.table.geometry.sector_size
    if is_image and plan.table.scheme is Scheme.MBR and size != _SECTOR_OF_IMAGES:
        raise TargetRefused(
            f"{name}: a disk image with an MBR cannot tell that its sectors have {size} bytes; "
            f"valid are sectors of {_SECTOR_OF_IMAGES} bytes, or a GPT"
        )


def change_drives(disk: Disk, action: ForgetDrives | MoveDrives, job: DeployJob) -> Forgotten:
    """Carry out what is about the map of drive letters."""
    volume, sync = disk.volume_in(action.partition), job.options.sync
    if isinstance(action, MoveDrives):
        return move_drives(volume, _moved(action.moved, job), force=True, sync=sync)
    return forget_drives(volume, force=True, sync=sync)


def add_drivers(disk: Disk, step: AddDrivers, job: DeployJob) -> PlannedDrivers:
    """Bring drivers into a Windows that was applied.

    Raises:
        OsdImageError: when other drivers come of what is given now, or something cannot be read or written.
    """
    wish = step.planned.wish
    target = VolumeTarget(disk.volume_in(step.partition), sync=job.options.sync)
    with planned_injection(target, wish, force=True) as planned:
        done = planned_of(planned.plan, wish, planned.chosen.warnings)
        refuse_others(step.planned, done)
        target.carry_out(planned.plan.changes, now=job.now, force=True)
    return done


def told(left: str | None, progress: ProgressCallback | None) -> Iterator[str]:
    """Tell, and yield, why something was left as it was, if so."""
    if left is not None:
        Meter(portion(progress, APPLY_ENDS, APPLY_ENDS), {Phase.WRITE_DATA: 1}).warn(left)
        yield left


def _moved(moved: Sequence[Moved], job: DeployJob) -> dict[PartitionRef, PartitionRef]:
    """Return how partitions of a machine were named, and how they are named now."""
    tables = {number: plan.table for number, (plan, _) in job.machine.items()}
    return {each.old: PartitionRef.of(tables[each.disk], numbered(tables[each.disk], each.partition)) for each in moved}


def start_windows(
    disk: Disk,
    action: InstallBoot,
    job: DeployJob,
    *,
    progress: ProgressCallback | None,
) -> BootResult:
    """Make a Windows start that was applied to a disk."""
    is_elsewhere, system_disk = action.system_disk is not None, job.system_disk
    if action.system_number is not None:
        _, system_disk = job.machine[action.system_number]
    return install_boot(
        disk,
        action.places.windows.number,
        action.places.system.number,
        options=replace(action.options, force=True, sync=job.options.sync, rehearse=False),
        # The disk was empty, unless it is one that was there before: a store that is there came with an image.
        restored=None if is_elsewhere and action.system_number is None else dict(action.origins),
        moved=_moved(action.moved, job),
        system_disk=system_disk if is_elsewhere else None,
        rng=random.Random(action.seed),  # noqa: S311 - the seed is 128 bits of whatever the plan drew from
        now=job.now,
        progress=portion(progress, APPLY_ENDS, BOOT_ENDS),
    )


def format_partition(disk: Disk, action: FormatVolume, *, is_dirty: bool = False) -> None:
    """Carry out one step of a plan; what the partition held is lost.

    With ``is_dirty`` the volume is marked so, for who writes more to it; see
    :class:`~osdimage.imaging.volume.filesystems.FormatWish`.

    Raises:
        OsdImageError: as :func:`~osdimage.imaging.volume.filesystems.format_volume`.
    """
    wish = replace(_wish(action, disk), is_dirty=is_dirty)
    format_volume(disk.volume_in(action.partition), action.filesystem, wish)


def _wish(action: FormatVolume, disk: Disk) -> FormatWish:
    return FormatWish(action.serial, action.label, action.cluster_size, quick=action.quick, is_zero=disk.is_new)


def check_table(disk: Disk, plan: DeployPlan) -> list[str]:
    """Read the disk back: the table is the plan's, and nothing is wrong with it."""
    reading = check_disk(disk.target)
    if reading.table is None or reading.table.partitions != plan.table.partitions:
        raise InvalidTable(f"{disk.name}: does not hold the partition table that was written")
    return [f"{finding.text}" for finding in reading.findings if finding.severity is not Severity.NOTE]
