"""Carrying out the plans of several disks, for one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.together import TargetResult, together
from osdimage.imaging.deploy.execute import work_on_disk
from osdimage.imaging.deploy.job import DeployJob, DeployOptions, DeployResult
from osdimage.imaging.deploy.plan import DeployPlan
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.backup import USUAL_SAVING, TableSaving
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Gathered, ProgressCallback
from osdimage.imaging.wim.image import WimImage


@dataclass(frozen=True, slots=True)
class Deployment:
    """A disk that is open for writing, and its plan."""

    plan: DeployPlan
    disk: Disk


@logged("deploy to several disks")
def execute_on_all(
    deployments: Sequence[Deployment],
    image: WimImage,
    *,
    others: Sequence[WimImage] = (),
    now: datetime | None = None,
    saving: TableSaving = USUAL_SAVING,
    options: DeployOptions = DeployOptions(),  # noqa: B008 - it is frozen
    progress: ProgressCallback | None = None,
) -> tuple[TargetResult[DeployResult], ...]:
    """Carry out the plans of several disks, each as :func:`execute` does.  Everything on the disks is lost.

    A disk that is refused, or fails, stops none of the others.  The contents of an image are read and decompressed once
    for all of them.

    Args:
        deployments: the disks, open for writing, with their plans: of the same images, with the same answer file.
        image: the image of the plans, of the WIM that is open.
        others: the other images, when the plans have several.
        now: the time for the names of the saved tables; None: now.
        saving: whether the tables that are on the disks are saved; a file for one cannot be chosen.
        options: how; see there.
        progress: receives the progress of all together; events that concern one disk name it.

    Returns:
        A result for each disk, in their order; the note of an error says how far the work on that disk came.

    Raises:
        InvalidRequest: when a disk is given twice, or the plans have different answer files; nothing was written.
    """
    disks = [each.disk for each in deployments]
    refuse_repeated([disk.path for disk in disks])
    if len({each.plan.unattend for each in deployments}) > 1:
        raise InvalidRequest("the plans have different answer files; valid is one image, with one answer file")
    if saving.path is not None:
        raise InvalidRequest(f"{saving.path}: one file cannot hold the tables of several disks; valid is none")
    gathered = None if progress is None else Gathered(progress, [disk.name for disk in disks])
    images = {each.index: each for each in (image, *others)}
    job = DeployJob(images, now or datetime.now(UTC), saving, options, Supplies())
    works = [
        (each.disk.path, work_on_disk(each.plan, each.disk, job, None if gathered is None else gathered.of(number)))
        for number, each in enumerate(deployments)
    ]
    return together(works, gathered)
