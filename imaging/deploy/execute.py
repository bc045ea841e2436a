"""Carrying a plan out: the only code that orders destructive steps.

The order is such that an interruption never looks like a success: the table, then every file system, then the image,
with its volume marked dirty until it is whole, then what makes the disk start; the disk is read back last.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.boot.drives import forget_drives
from osdimage.imaging.boot.install import BootResult, install_boot
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot
from osdimage.imaging.deploy.plan import ApplyToVolume, DeployPlan, FormatVolume, WriteTable
from osdimage.imaging.disk.check import check_disk
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.finding import Severity
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.target import FileTarget
from osdimage.imaging.errors import InvalidTable, TargetRefused, as_failure
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.volume.fat.make import format_fat32
from osdimage.imaging.volume.fat.write import Fat32Options
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.wim.image import WimImage

UNATTEND_PATH = "/Windows/Panther/unattend.xml"
"""Where Windows looks first for the answer file of a deployed image (Microsoft, "Windows Setup Automation")."""

# Shares of the time, in percent: writing the table and formatting take a second whatever the image.
# The boot files are some 40 MB, and waiting for the medium takes longer than writing them.
_APPLY_BEGINS, _APPLY_ENDS, _BOOT_ENDS = 3.0, 97.0, 99.0

_SECTOR_OF_IMAGES = 512
"""What a disk image has that does not tell the size of its sectors, in bytes."""


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
    """

    disk: Path
    applied: ApplyResult
    saved: Path | None
    warnings: tuple[str, ...]
    more: tuple[ApplyResult, ...] = ()
    boot: BootResult | None = None


def execute(
    plan: DeployPlan,
    target: FileTarget,
    image: WimImage,
    *,
    others: Sequence[WimImage] = (),
    now: datetime,
    is_zero: bool = False,
    sync: bool = True,
    strict: bool = False,
    progress: ProgressCallback | None = None,
) -> DeployResult:
    """Carry out a plan.  Everything on the disk is lost.

    Args:
        plan: from :func:`~osdimage.imaging.deploy.plan.make_plan`.
        target: the disk, open for writing; it is closed before the image is applied and stays closed.
        image: the image of the plan, of the WIM that is open.
        others: the other images, when the plan has several.
        now: the time for the name of the saved table.
        is_zero: the disk is known to hold nothing but zeros, as a disk image that was just made.
        sync: wait until everything is on the medium.
        strict: raise when something of the image cannot be kept.
        progress: receives the progress, with one percentage over all steps.

    Raises:
        TargetRefused: when the disk does not have the size of the plan, or is an image that could not be read again;
            nothing was written.
        OsdImageError: when the disk is refused later, by another program that has locked it meanwhile perhaps.
        StorageError: when reading or writing failed.
        CorruptWim: when the WIM is damaged.
        InvalidTable: when the disk does not hold what was written.
        Incomplete: with ``strict``, after the image was applied; the disk does not start then.

    An exception of any kind carries a note that says how far the work came; running it again starts from the beginning.
    """
    disk = Path(target.name)
    state = _State(disk)
    saved: Path | None = None
    warnings = list(plan.warnings)
    images = {each.index: each for each in (image, *others)}
    count = sum(isinstance(action, ApplyToVolume) for action in plan.actions)
    applied: list[ApplyResult] = []
    boot: BootResult | None = None
    with _telling(state):
        is_image = stat.S_ISREG(os.fstat(target.descriptor).st_mode)
        refuse_untold_sectors(plan, target.name, is_image=is_image)
        for action in plan.actions:
            match action:
                case WriteTable():
                    report = initialize(target, action.disk.table, now=now, begun=state.begin)
                    saved, state.done = report.saved, f"{disk} is partitioned, its volumes are not all formatted"
                    warnings += report.warnings
                case FormatVolume():
                    format_volume(target, action, is_zero=is_zero)
                case ApplyToVolume():
                    if not applied:
                        target.flush()
                        target.close()
                    number = action.partition.number
                    state.done = f"{disk} is partitioned and formatted, {len(applied)} of {count} images are applied"
                    if plan.unattend is not None:
                        images[action.image].add_file(plan.unattend, UNATTEND_PATH)
                    share = (_APPLY_ENDS - _APPLY_BEGINS) / count
                    begins = _APPLY_BEGINS + len(applied) * share
                    applied.append(
                        apply_image(
                            images[action.image],
                            disk,
                            ApplyOptions(sync=sync, strict=strict),
                            partition=number,
                            progress=portion(progress, begins, begins + share),
                        )
                    )
                case ForgetDrives():
                    state.done = f"the image is applied to {disk}, which does not start yet"
                    warnings += _forget_drives(disk, action, sync=sync, progress=progress)
                case InstallBoot():
                    state.done = f"the image is applied to {disk}, which does not start yet"
                    boot = _install_boot(disk, plan, action, now=now, sync=sync, progress=progress)
                    warnings += boot.warnings
        state.done = f"{disk} is complete, but was not checked to the end"
        if not applied:
            raise ValueError("a plan without an image to apply is none of make_plan's")
        warnings += _check(disk, plan)
    return DeployResult(disk, applied[0], saved, tuple(warnings), tuple(applied[1:]), boot)


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


def _forget_drives(disk: Path, action: ForgetDrives, *, sync: bool, progress: ProgressCallback | None) -> Iterator[str]:
    left = forget_drives(disk, action.partition.number, sync=sync)
    if left is not None:
        Meter(portion(progress, _APPLY_ENDS, _APPLY_ENDS), {Phase.WRITE_DATA: 1}).warn(left)
        yield left


def _install_boot(
    disk: Path,
    plan: DeployPlan,
    action: InstallBoot,
    *,
    now: datetime,
    sync: bool,
    progress: ProgressCallback | None,
) -> BootResult:
    return install_boot(
        disk,
        action.places.windows.number,
        action.places.system.number,
        options=replace(action.options, sync=sync),
        rng=random.Random(action.seed),  # noqa: S311 - the seed is 128 bits of whatever the plan drew from
        now=now,
        sector_size=plan.table.geometry.sector_size,
        progress=portion(progress, _APPLY_ENDS, _BOOT_ENDS),
    )


class _State:
    """How far the work came.

    Attributes:
        done: a sentence for people.
        is_begun: whether something was written.
    """

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.done = f"nothing on {disk} was changed"
        self.is_begun = False

    def begin(self) -> None:
        self.done = f"the partition table of {self.disk} is not written to its end"
        self.is_begun = True


@contextmanager
def _telling(state: _State) -> Iterator[None]:
    """Add to an exception, a signal's too, how far the work came; a refusal is a failure once something is written."""
    try:
        yield
    except BaseException as error:
        failed = as_failure(error, state.disk) if isinstance(error, TargetRefused) and state.is_begun else error
        failed.add_note(f"{state.done}; running it again starts from the beginning")
        if failed is error:
            raise
        raise failed from error


def format_volume(target: FileTarget, action: FormatVolume, *, is_zero: bool) -> None:
    """Make a file system in a partition of an open disk; what the partition held is lost.

    Raises:
        InvalidRequest: when the partition cannot hold the file system, or the label cannot be one.
        StorageError: when writing failed.
    """
    extent = action.partition.extent
    if action.filesystem is FileSystem.FAT32:
        window = target.window(extent)
        hidden = extent.first if extent.first < 1 << 32 else 0
        options = Fat32Options(serial=action.serial, label=action.label, hidden_sectors=hidden)
        format_fat32(window, options, full=not action.quick)
        return
    wish = NtfsFormat(action.label or "", serial=action.serial, quick=action.quick, is_zero=is_zero)
    format_ntfs(target, extent, wish)


def _check(disk: Path, plan: DeployPlan) -> list[str]:
    """Read the disk back: the table is the plan's, and nothing is wrong with it."""
    with open_target(os.fspath(disk), sector_size=plan.table.geometry.sector_size) as target:
        reading = check_disk(target)
    if reading.table is None or reading.table.partitions != plan.table.partitions:
        raise InvalidTable(f"{disk}: does not hold the partition table that was written")
    return [f"{finding.text}" for finding in reading.findings if finding.severity is not Severity.NOTE]
