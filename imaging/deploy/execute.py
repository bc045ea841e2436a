"""Carrying a plan out: the only code that orders destructive steps.

The order is such that an interruption never looks like a success: the table, then every file system, then the image,
then what makes the disk start.  All volumes are marked dirty until then; the disk is read back last.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging.apply.bytes import WrittenBytes, write_bytes
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import work_on
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.work import Work, alone
from osdimage.imaging.boot.drives import forget_drives
from osdimage.imaging.boot.install import BootResult, install_boot
from osdimage.imaging.deploy.answer_file import check_unattend
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot
from osdimage.imaging.deploy.plan import (
    ApplyToVolume,
    DeployPlan,
    FormatVolume,
    WriteBytes,
    WriteTable,
    refuse_volume,
)
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.plan import check_target
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.backup import USUAL_SAVING, TableSaving
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.errors import NOTHING_WRITTEN, InvalidRequest, InvalidTable, TargetRefused, as_failure
from osdimage.imaging.finding import Severity
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.volume.filesystems import FormatWish, format_volume, mark_clean
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wof import Algorithm

UNATTEND_PATH = "/Windows/Panther/unattend.xml"
"""Where Windows looks first for the answer file of a deployed image (Microsoft, "Windows Setup Automation")."""

# Shares of the time, in percent: writing the table and formatting take a second whatever the image.
# The boot files are some 40 MB, and waiting for the medium takes longer than writing them.
_APPLY_BEGINS, _APPLY_ENDS, _BOOT_ENDS = 3.0, 97.0, 99.0

_SECTOR_OF_IMAGES = 512
"""What a disk image has that does not tell the size of its sectors, in bytes."""


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How a plan is carried out.

    Attributes:
        sync: wait until everything is on the medium.
        strict: raise when something of an image cannot be kept.
        engine: what fills the NTFS volumes.
        compact: compress files in them as a whole, as Windows does with CompactOS.
    """

    sync: bool = True
    strict: bool = False
    engine: Engine = Engine.AUTO
    compact: Algorithm | None = None

    def of_apply(self) -> ApplyOptions:
        """Return how each image is applied: to a volume that is marked dirty until all is done."""
        return ApplyOptions(sync=self.sync, strict=self.strict, engine=self.engine, is_part=True, compact=self.compact)


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What a deployment did.

    Attributes:
        disk: the disk image or device.
        applied: what was applied, and what of it the volume could not hold.
        saved: the file with the partition table that was on the disk, or None.
        warnings: sentences for people.
        more: what else was applied, when the plan has several images; ``applied`` is the first.
        boot: what was done so that the disk starts, or None when nothing was.
        copied: the images whose bytes were written to partitions.
        replayed: of hives that Windows had not closed, with which changes of their logs they were written.
    """

    disk: Path
    applied: ApplyResult
    saved: Path | None
    warnings: tuple[str, ...]
    more: tuple[ApplyResult, ...] = ()
    boot: BootResult | None = None
    copied: tuple[WrittenBytes, ...] = ()
    replayed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeployJob:
    """What the work on all disks has in common.

    Attributes:
        images: by their indexes.
        now: the time for the names of saved tables.
        saving: whether and where tables are saved.
        options: how.
        supplies: what is known of the images.
        system_disk: the disk with the boot manager, when it is none of those that are deployed to.
        ignored: of each image that the answer file was put into, what Windows would ignore of it.
    """

    images: dict[int, WimImage]
    now: datetime
    saving: TableSaving
    options: DeployOptions
    supplies: Supplies
    system_disk: Disk | None = None
    ignored: dict[int, Sequence[str]] = field(default_factory=dict)


@logged("deploy to {disk}")
def execute(
    plan: DeployPlan,
    disk: Disk,
    image: WimImage,
    *,
    others: Sequence[WimImage] = (),
    system_disk: Disk | None = None,
    now: datetime,
    saving: TableSaving = USUAL_SAVING,
    options: DeployOptions = DeployOptions(),
    progress: ProgressCallback | None = None,
) -> DeployResult:
    """Carry out a plan.  Everything on the disk is lost.

    Args:
        plan: from :func:`~osdimage.imaging.deploy.plan.make_plan`.
        disk: the disk, open for writing; it stays open, and so its lock is held, until all is checked.
        image: the image of the plan, of the WIM that is open.
        others: the other images, when the plan has several.
        system_disk: the disk with the boot manager, open for writing, when the plan is one of
            :func:`~osdimage.imaging.deploy.elsewhere.start_elsewhere`; boot files are added to it.
        now: the time for the name of the saved table.
        saving: whether and where the table that is on the disk is saved.
        options: how; see there.
        progress: receives the progress, with one percentage over all steps.

    Raises:
        TargetRefused: when the disk does not have the size of the plan, is not the one that the plan was made for, or
            is an image whose table nobody could find; nothing was written.
        InvalidRequest: when a volume of the plan cannot be made; nothing was written.
        InvalidInput: when Windows Setup would refuse the answer file; nothing was written.
        OsdImageError: when a later step is refused.
        StorageError: when reading or writing failed.
        CorruptWim: when the WIM is damaged.
        InvalidTable: when the disk does not hold what was written.
        Incomplete: with ``strict``, after the image was applied; the disk does not start then.

    An exception of any kind carries a note that says how far the work came; running it again starts from the beginning.
    """
    images = {each.index: each for each in (image, *others)}
    job = DeployJob(images, now, saving, options, Supplies(), system_disk)
    return alone(work_on_disk(plan, disk, job, progress))


def work_on_disk(plan: DeployPlan, disk: Disk, job: DeployJob, progress: ProgressCallback | None) -> Work[DeployResult]:
    """Return what :func:`execute` does as work, which can share the contents of images with other disks; see there.

    Raises:
        OsdImageError: as there.
    """
    state = _State(disk)
    saved: Path | None = None
    warnings = list(plan.warnings)
    options = job.options
    count = sum(isinstance(step, ApplyToVolume | WriteBytes) for step in plan.steps)
    put: list[ApplyResult | WrittenBytes] = []
    replayed: list[str] = []
    boot: BootResult | None = None
    with _telling(state):
        _refuse_impossible(plan, disk, job)
        warnings += [text for text in _add_answers(plan, job, progress) if text not in warnings]
        for step in plan.steps:
            match step:
                case WriteTable():
                    report = initialize(
                        disk.target,
                        step.disk.table,
                        now=job.now,
                        save_to=job.saving.path,
                        save=job.saving.is_wanted,
                        begun=state.begin,
                    )
                    saved, state.done = report.saved, f"{disk.name} is partitioned, its volumes are not all formatted"
                    state.saved = saved
                    warnings += report.warnings
                case FormatVolume():
                    # Marked dirty until all is done: a disk that was stopped on the way never looks finished.
                    format_partition(disk, step, is_dirty=True)
                    state.marked.append(step.partition)
                case ApplyToVolume() | WriteBytes():
                    state.done = f"{disk.name} is partitioned and formatted, {len(put)} of {count} images are applied"
                    share = (_APPLY_ENDS - _APPLY_BEGINS) / count
                    begins = _APPLY_BEGINS + len(put) * share
                    put.append((yield from _put_image(step, disk, job, portion(progress, begins, begins + share))))
                case ForgetDrives():
                    state.done = f"the image is applied to {disk.name}, which does not start yet"
                    forgotten = forget_drives(disk.volume_in(step.partition), force=True, sync=options.sync)
                    warnings += _told(forgotten.left, progress)
                    replayed += [] if forgotten.replayed is None else [forgotten.replayed]
                case InstallBoot():
                    state.done = f"the image is applied to {disk.name}, which does not start yet"
                    boot = _install_boot(disk, step, job, progress=progress)
                    warnings += boot.warnings
        state.done = f"{disk.name} is complete, but was not checked to the end"
        applied = [each for each in put if isinstance(each, ApplyResult)]
        if not applied:
            raise ValueError("a plan without an image to apply is none of make_plan's")
        state.finish(sync=options.sync)
        warnings += _check(disk, plan)
    copied = tuple(each for each in put if isinstance(each, WrittenBytes))
    return DeployResult(
        disk.path, applied[0], saved, tuple(warnings), tuple(applied[1:]), boot, copied, tuple(replayed)
    )


def _put_image(
    step: ApplyToVolume | WriteBytes, disk: Disk, job: DeployJob, progress: ProgressCallback | None
) -> Work[ApplyResult | WrittenBytes]:
    volume, image = disk.volume_in(step.partition), job.images[step.image]
    if isinstance(step, WriteBytes):
        return write_bytes(image, volume, is_zero=disk.is_new, progress=progress)
    options = job.options.of_apply()
    return (yield from work_on(image, volume, options, progress=progress, supplies=job.supplies))


def _add_answers(plan: DeployPlan, job: DeployJob, progress: ProgressCallback | None) -> list[str]:
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


def _refuse_impossible(plan: DeployPlan, disk: Disk, job: DeployJob) -> None:
    disk.target.require_writable()
    if job.system_disk is None and any(isinstance(each, InstallBoot) and each.system_disk for each in plan.steps):
        raise InvalidRequest("the plan makes Windows start from another disk, which must be open")
    check_target(plan.disk, disk.target, disk.read())
    refuse_untold_sectors(plan, disk.name, is_image=not disk.target.is_device)
    for step in plan.steps:
        if isinstance(step, FormatVolume):
            refuse_volume(step.partition, step.filesystem, _wish(step, disk), disk.geometry)


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


def _told(left: str | None, progress: ProgressCallback | None) -> Iterator[str]:
    if left is not None:
        Meter(portion(progress, _APPLY_ENDS, _APPLY_ENDS), {Phase.WRITE_DATA: 1}).warn(left)
        yield left


def _install_boot(
    disk: Disk,
    action: InstallBoot,
    job: DeployJob,
    *,
    progress: ProgressCallback | None,
) -> BootResult:
    return install_boot(
        disk,
        action.places.windows.number,
        action.places.system.number,
        options=replace(action.options, force=True, sync=job.options.sync, rehearse=False),
        # The disk was empty: a store that is there came with an image.
        restored=dict(action.origins) if action.system_disk is None else None,
        system_disk=job.system_disk if action.system_disk is not None else None,
        rng=random.Random(action.seed),  # noqa: S311 - the seed is 128 bits of whatever the plan drew from
        now=job.now,
        progress=portion(progress, _APPLY_ENDS, _BOOT_ENDS),
    )


class _State:
    """How far the work came.

    Attributes:
        done: a sentence for people.
        is_begun: whether something was written.
        saved: the file with the partition table that was on the disk, or None.
        marked: the volumes that are marked dirty until all is done.
    """

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.done = f"nothing on {disk.name} was changed"
        self.is_begun = False
        self.saved: Path | None = None
        self.marked: list[Partition] = []

    def begin(self) -> None:
        self.done = f"the partition table of {self.disk.name} is not written to its end"
        self.is_begun = True

    def finish(self, *, sync: bool) -> None:
        """Take the marks away: all is done."""
        for partition in self.marked:
            mark_clean(self.disk.volume_in(partition), sync=sync)

    def told(self) -> str:
        if not self.is_begun:
            return self.done
        saved = "" if self.saved is None else f"; the old partition table is saved in {self.saved}"
        return f"{self.done}{saved}; running it again starts from the beginning"


@contextmanager
def _telling(state: _State) -> Iterator[None]:
    """Add to an exception, a signal's too, how far the work came; a refusal is a failure once something is written."""
    try:
        yield
    except BaseException as error:
        failed = error
        if isinstance(error, NOTHING_WRITTEN) and state.is_begun:
            failed = as_failure(error, state.disk.path)
        failed.add_note(state.told())
        if failed is error:
            raise
        raise failed from error


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
    return FormatWish(action.serial, action.label, quick=action.quick, is_zero=disk.is_new)


def _check(disk: Disk, plan: DeployPlan) -> list[str]:
    """Read the disk back: the table is the plan's, and nothing is wrong with it."""
    reading = check_disk(disk.target)
    if reading.table is None or reading.table.partitions != plan.table.partitions:
        raise InvalidTable(f"{disk.name}: does not hold the partition table that was written")
    return [f"{finding.text}" for finding in reading.findings if finding.severity is not Severity.NOTE]
