"""Writing a stick that was planned.

The table comes first, then the volumes, which stay marked dirty until all of them are full and start; so whatever stops
the work, a stick that is not complete never looks as if it were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from osdimage.imaging.boot.code.fat32 import write_fat32_boot_sector
from osdimage.imaging.boot.code.mbr import write_mbr_code
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.backup import USUAL_SAVING, TableSaving
from osdimage.imaging.errors import explain, no_refusal
from osdimage.imaging.logs import logged
from osdimage.imaging.media.usb.compared import require_same
from osdimage.imaging.media.usb.contents import source_of, write_files
from osdimage.imaging.media.usb.plan import StickPlan, StickVolume, fat_options
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.volume.fat.make import fill_fat
from osdimage.imaging.volume.filesystems import FormatWish, format_volume, mark_clean, open_files


@dataclass(frozen=True, slots=True)
class StickReport:
    """What was done.

    Attributes:
        saved: the file that holds the table that was there, or None.
        is_compared: whether every file was read back and compared.
        warnings: what did not work although the stick is complete.
    """

    saved: Path | None
    is_compared: bool
    warnings: tuple[str, ...] = ()


@logged("write a stick to {disk}")
def write_stick(
    plan: StickPlan,
    disk: Disk,
    *,
    now: datetime | None = None,
    saving: TableSaving = USUAL_SAVING,
    compare: bool = True,
    progress: ProgressCallback | None = None,
) -> StickReport:
    """Write a stick.  EVERYTHING THAT IS ON THE DISK IS LOST; the old table is saved first.

    Args:
        plan: for a disk of this size.
        disk: open for writing; the caller closes it.
        now: the time in the name of the saved table; None: now.
        saving: whether and where it is saved.
        compare: read every file back from the medium, and compare it with what it was made of.
        progress: receives the progress; it stops the work by raising an exception of its own.

    Raises:
        TargetRefused: when the disk has another size than the plan; nothing was written.
        StorageError: when reading or writing failed, a file changed since the plan, or the stick does not hold what
            was written; the volumes are marked dirty or are none then.
    """
    done = ""

    def begun() -> None:
        nonlocal done
        done = f"{disk.name} is not complete, and does not start; writing it again starts from the beginning"

    with no_refusal(disk.path, lambda: done), _telling(lambda: done):
        report = initialize(disk.target, plan.table, now=now, save_to=saving.path, save=saving.is_wanted, begun=begun)
        _fill_all(plan, disk, portion(progress, 0, 50 if compare else 99))
        _make_start(plan, disk)
        disk.target.flush()
        if compare:
            _compare(plan, disk, portion(progress, 50, 99))
        for each in plan.volumes:
            mark_clean(disk.volume_in(each.partition))
    meter = Meter(portion(progress, 99, 100), {Phase.WRITE_METADATA: 1})
    meter.finish()
    return StickReport(report.saved, compare, report.warnings)


@contextmanager
def _telling(done: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if text := done():
            explain(error, text)
        raise


def _fill_all(plan: StickPlan, disk: Disk, progress: ProgressCallback | None) -> None:
    total = sum(each.contents_bytes for each in plan.volumes) or 1
    filled = 0
    for volume in plan.volumes:
        begins, filled = filled, filled + volume.contents_bytes
        part = portion(progress, 100 * begins / total, 100 * filled / total) if filled > begins else None
        if volume.filesystem is FileSystem.FAT32:
            window = disk.volume_in(volume.partition).window()
            fill_fat(
                window,
                source_of(volume.files, name="medium"),
                fat_options(volume, is_dirty=True, is_zero=disk.is_new),
                progress=part,
            )
        else:
            _fill_ntfs(volume, disk, part)


def _fill_ntfs(volume: StickVolume, disk: Disk, progress: ProgressCallback | None) -> None:
    wish = FormatWish(volume.serial, volume.label, is_zero=disk.is_new, is_dirty=True)
    format_volume(disk.volume_in(volume.partition), volume.filesystem, wish)
    meter = Meter(progress, {Phase.EXTRACT_DATA: 1})
    with open_files(disk.volume_in(volume.partition), write=True, force=True) as files:
        write_files(files, volume.files, meter)
    meter.finish()


def _compare(plan: StickPlan, disk: Disk, progress: ProgressCallback | None) -> None:
    total = sum(each.contents_bytes for each in plan.volumes) or 1
    done = 0
    for each in plan.volumes:
        begins, done = done, done + each.contents_bytes
        part = portion(progress, 100 * begins / total, 100 * done / total) if done > begins else None
        require_same(disk.volume_in(each.partition), each.files, Meter(part, {Phase.VERIFY_DATA: 1}))


def _make_start(plan: StickPlan, disk: Disk) -> None:
    """Write the boot code that a BIOS looks for."""
    if Firmware.BIOS in plan.starts:
        first = plan.volumes[0].partition
        write_fat32_boot_sector(disk.volume_in(first).window(), hidden_sectors=first.extent.first)
        write_mbr_code(disk.target)
