"""Carrying a plan out: the only code that orders destructive steps.

The order is such that an interruption never looks like a success: the table, then every file system, then the image,
then what makes the disk start.  All volumes are marked dirty until then; the disk is read back last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from osdimage.imaging.apply.bytes import WrittenBytes
from osdimage.imaging.apply.job import ApplyResult
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.work import Work, alone
from osdimage.imaging.boot.install import BootResult
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot, MoveDrives
from osdimage.imaging.deploy.driver_plan import AddDrivers, PlannedDrivers
from osdimage.imaging.deploy.job import DeployJob, DeployOptions, DeployResult
from osdimage.imaging.deploy.plan import (
    ApplyToVolume,
    DeployPlan,
    FormatVolume,
    WriteBytes,
    WriteTable,
)
from osdimage.imaging.deploy.sets import SetPlan
from osdimage.imaging.deploy.steps import (
    APPLY_BEGINS,
    APPLY_ENDS,
    add_answers,
    add_drivers,
    change_drives,
    check_table,
    format_partition,
    put_image,
    refuse_impossible,
    start_windows,
    told,
)
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.backup import USUAL_SAVING, TableSaving
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.errors import NOTHING_WRITTEN, InvalidRequest, as_failure
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import mark_clean
from osdimage.imaging.wim.image import WimImage


@logged("deploy to {disk}")
def execute(
    plan: DeployPlan,
    disk: Disk,
    image: WimImage,
    *,
    others: Sequence[WimImage] = (),
    system_disk: Disk | None = None,
    now: datetime | None = None,
    saving: TableSaving = USUAL_SAVING,
    options: DeployOptions = DeployOptions(),  # noqa: B008 - it is frozen
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
        now: the time for the name of the saved table; None: now.
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
    job = DeployJob(images, now or datetime.now(UTC), saving, options, Supplies(), system_disk)
    return alone(work_on_disk(plan, disk, job, progress))


@logged("deploy to the disks of a machine")
def execute_set(
    plan: SetPlan,
    disks: Mapping[int, Disk],
    images: Sequence[WimImage],
    *,
    now: datetime | None = None,
    saving: TableSaving = USUAL_SAVING,
    options: DeployOptions = DeployOptions(),  # noqa: B008 - it is frozen
    progress: ProgressCallback | None = None,
) -> dict[int, DeployResult]:
    """Carry out the plan of all disks of a machine.  Everything on the disks is lost.

    All are checked before the first is written.  Then each is filled, and when all are, they are made to start: until
    then the volumes of all of them are marked dirty.

    Args:
        plan: from :func:`~osdimage.imaging.deploy.sets.plan_set`.
        disks: open for writing, by the numbers of the plan.
        images: those of the plan, of the WIM that is open.
        now: the time for the names of the saved tables; None: now.
        saving: whether the tables that are on the disks are saved; a file for one cannot be chosen.
        options: how; see :class:`DeployOptions`.
        progress: receives the progress over all disks.

    Raises:
        InvalidRequest: when a disk is given twice or is missing; nothing was written.
        OsdImageError: as :func:`execute`.  Its note says of each disk how far the work came, and running it again
            starts from the beginning.
    """
    if set(disks) != set(plan.plans):
        raise InvalidRequest("the disks are not those of the plan")
    refuse_repeated([each.path for each in disks.values()])
    if saving.path is not None:
        raise InvalidRequest(f"{saving.path}: one file cannot hold the tables of several disks; valid is none")
    machine = {number: (each, disks[number]) for number, each in plan.plans.items()}
    by_index = {each.index: each for each in images}
    job = DeployJob(by_index, now or datetime.now(UTC), saving, options, Supplies(), machine=machine)
    works = {number: DiskWork(each, disk, job) for number, (each, disk) in machine.items()}
    shares = _shares(plan)
    with telling(list(works.values())):
        for work in works.values():
            work.refuse_impossible(progress)
        for number, work in works.items():
            alone(work.fill(portion(progress, *shares[number])))
            work.done = f"{work.disk.name} is filled, but not finished"
        # What is made to start last comes first in a menu that is made anew.
        for _, work in sorted(works.items(), reverse=True):
            work.start(progress)
        return {number: work.finish() for number, work in works.items()}


def _shares(plan: SetPlan) -> dict[int, tuple[float, float]]:
    """Return from which percentage to which each disk is filled, by what goes to it."""
    sizes = {
        number: MIB + sum(step.size for step in each.steps if isinstance(step, ApplyToVolume | WriteBytes))
        for number, each in plan.plans.items()
    }
    whole, done = sum(sizes.values()), 0
    shares = {}
    for number, size in sizes.items():
        shares[number] = (APPLY_ENDS * done / whole, APPLY_ENDS * (done + size) / whole)
        done += size
    return shares


def work_on_disk(plan: DeployPlan, disk: Disk, job: DeployJob, progress: ProgressCallback | None) -> Work[DeployResult]:
    """Return what :func:`execute` does as work, which can share the contents of images with other disks; see there.

    Raises:
        OsdImageError: as there.
    """
    work = DiskWork(plan, disk, job)
    with telling([work]):
        work.refuse_impossible(progress)
        yield from work.fill(progress)
        work.start(progress)
        return work.finish()


class DiskWork:
    """The work on one disk, in four parts, and how far it came.

    Attributes:
        disk: open for writing.
        done: how far it came, a sentence for people.
        is_begun: whether something was written.
    """

    def __init__(self, plan: DeployPlan, disk: Disk, job: DeployJob) -> None:
        """Prepare; nothing is looked at."""
        self.disk = disk
        self.done = f"nothing on {disk.name} was changed"
        self.is_begun = False
        self._plan = plan
        self._job = job
        self._saved: Path | None = None
        self._warnings = list(plan.warnings)
        # The volumes that are marked dirty until all is done.
        self._marked: list[Partition] = []
        self._put: list[ApplyResult | WrittenBytes] = []
        self._replayed: list[str] = []
        self._boot: BootResult | None = None
        self._drivers: PlannedDrivers | None = None

    @property
    def told(self) -> str:
        """How far it came, and where the old table is."""
        saved = "" if self._saved is None else f"; the old partition table is saved in {self._saved}"
        return self.done + saved

    def refuse_impossible(self, progress: ProgressCallback | None) -> None:
        """Check all that can be checked before something is written, and put the answer file into the images.

        Raises:
            OsdImageError: as :func:`execute`; nothing was written.
        """
        refuse_impossible(self._plan, self.disk, self._job)
        self._warnings += [text for text in add_answers(self._plan, self._job, progress) if text not in self._warnings]

    def fill(self, progress: ProgressCallback | None) -> Work[None]:
        """Write the table, make the volumes, which stay marked dirty, and apply the images.

        Raises:
            OsdImageError: as :func:`execute`.
        """
        disk = self.disk
        count = sum(isinstance(step, ApplyToVolume | WriteBytes) for step in self._plan.steps)
        for step in self._plan.steps:
            match step:
                case WriteTable():
                    self._write_table(step)
                case FormatVolume():
                    # Marked dirty until all is done: a disk that was stopped on the way never looks finished.
                    format_partition(disk, step, is_dirty=True)
                    self._marked.append(step.partition)
                case ApplyToVolume() | WriteBytes():
                    put = len(self._put)
                    self.done = f"{disk.name} is partitioned and formatted, {put} of {count} images are applied"
                    share = (APPLY_ENDS - APPLY_BEGINS) / count
                    begins = APPLY_BEGINS + put * share
                    part = portion(progress, begins, begins + share)
                    self._put.append((yield from put_image(step, disk, self._job, part)))
                case ForgetDrives() | MoveDrives():
                    self.done = f"the image is applied to {disk.name}, which does not start yet"
                    done = change_drives(disk, step, self._job)
                    self._warnings += told(done.left, progress)
                    self._replayed += [] if done.replayed is None else [done.replayed]
                case AddDrivers():
                    self.done = f"the image is applied to {disk.name}, without its drivers"
                    self._drivers = add_drivers(disk, step, self._job)
                    self._warnings += [each for each in self._drivers.warnings if each not in self._warnings]
                case InstallBoot():
                    self.done = f"the image is applied to {disk.name}, which does not start yet"

    def _write_table(self, step: WriteTable) -> None:
        saving = self._job.saving
        report = initialize(
            self.disk.target,
            step.disk.table,
            now=self._job.now,
            save_to=saving.path,
            save=saving.is_wanted,
            begun=self._begin,
        )
        self._saved = report.saved
        self.done = f"{self.disk.name} is partitioned, its volumes are not all formatted"
        self._warnings += report.warnings

    def _begin(self) -> None:
        self.done = f"the partition table of {self.disk.name} is not written to its end"
        self.is_begun = True

    def start(self, progress: ProgressCallback | None) -> None:
        """Make it start.

        Raises:
            OsdImageError: as :func:`execute`.
        """
        for step in self._plan.steps:
            if isinstance(step, InstallBoot):
                self._boot = start_windows(self.disk, step, self._job, progress=progress)
                self._warnings += self._boot.warnings

    def finish(self) -> DeployResult:
        """Take the marks away, read the disk back, and return what was done.

        Raises:
            OsdImageError: as :func:`execute`.
        """
        self.done = f"{self.disk.name} is complete, but was not checked to the end"
        applied = [each for each in self._put if isinstance(each, ApplyResult)]
        if not applied:
            raise ValueError("a plan without an image to apply is none of make_plan's")
        for partition in self._marked:
            mark_clean(self.disk.volume_in(partition), sync=self._job.options.sync)
        self._warnings += check_table(self.disk, self._plan)
        self.done = f"{self.disk.name} is complete"
        copied = tuple(each for each in self._put if isinstance(each, WrittenBytes))
        return DeployResult(
            self.disk.path,
            applied[0],
            self._saved,
            tuple(self._warnings),
            tuple(applied[1:]),
            self._boot,
            copied,
            tuple(self._replayed),
            self._drivers,
        )


@contextmanager
def telling(works: Sequence[DiskWork]) -> Iterator[None]:
    """Add to an exception, a signal's too, how far the work came; a refusal is a failure once something is written."""
    try:
        yield
    except BaseException as error:
        failed = error
        begun = [each for each in works if each.is_begun]
        if isinstance(error, NOTHING_WRITTEN) and begun:
            failed = as_failure(error, begun[-1].disk.path)
        again = "; running it again starts from the beginning" if begun else ""
        failed.add_note("; ".join(each.told for each in works) + again)
        if failed is error:
            raise
        raise failed from error
