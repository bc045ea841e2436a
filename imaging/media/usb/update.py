"""Changing a stick to another medium of its kind: the files that differ are written, and all else stays.

A file is compared by what it holds: the times and sizes of two versions of a boot image may well be the same.  Files
that nobody of the medium knows belong to whoever put them there, and stay; but not what Setup would take for a part of
what it applies, nor what would seem to belong to a sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from osdimage.imaging.boot.code.fat32 import fat32_boot_code, write_fat32_boot_sector
from osdimage.imaging.boot.code.kinds import BootCode
from osdimage.imaging.boot.code.mbr import mbr_code, write_mbr_code
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.browse.places import open_tree
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import EFI_SYSTEM
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import Remedy, TargetRefused, TooSmall, no_refusal
from osdimage.imaging.logs import logged
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.usb.compared import first_difference, require_same
from osdimage.imaging.media.usb.contents import write_files
from osdimage.imaging.media.usb.layout import StickLayout, is_installed, is_of_sequence
from osdimage.imaging.media.usb.plan import refuse_large, shared_out, starting
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion
from osdimage.imaging.units import KIB, MIB, align_up, format_size
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import check_volume, free_bytes, mark_clean, mark_dirty, open_files
from osdimage.imaging.volume.hazards import hazards, is_pending
from osdimage.imaging.volume.interrupted import finish_interrupted

_NTFS_CLUSTER = 4 * KIB
# What directories may grow by, and NTFS' own records.
_SPARE_BYTES = MIB
_REPAIR = Remedy("repair it with fsck.fat or chkdsk, or write the stick anew")


@dataclass(frozen=True, slots=True)
class VolumeUpdate:
    """What changes in a volume of a stick.

    Attributes:
        partition: where it is.
        written: the files that are new or differ.
        deleted: the paths of files that go.
        left: the paths of files that are none of the medium's and stay.
        kept: how many files are as they are to be.
        is_at_once: whether there is room for the new files beside the old ones, so that all of it changes at once.
    """

    partition: Partition
    written: tuple[MediumFile, ...] = field(repr=False)
    deleted: tuple[str, ...] = field(repr=False)
    left: tuple[str, ...] = field(repr=False)
    kept: int
    is_at_once: bool

    @property
    def written_bytes(self) -> int:
        """What is written."""
        return sum(each.size for each in self.written)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.written and not self.deleted


@dataclass(frozen=True, slots=True)
class StickUpdate:
    """What changes on a stick.

    Attributes:
        medium: what it is to hold.
        layout: which table and volumes it has.
        volumes: in the order of their partitions.
        starts: which firmware starts from it.
        warnings: sentences for people.
    """

    medium: Medium
    layout: StickLayout
    volumes: tuple[VolumeUpdate, ...]
    starts: frozenset[Firmware]
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no file changes."""
        return all(each.is_empty for each in self.volumes)


def layout_of(disk: Disk) -> StickLayout:
    """Return which layout of sticks a disk has.

    Raises:
        TargetRefused: when it has none of them.
        InvalidTable, StorageError: when its table is damaged, or it cannot be read.
    """
    found = [(each, disk.volume_in(each).content) for each in disk.table.partitions if not each.is_extended]
    held = [content for _, content in found]
    is_gpt = bool(found) and found[0][0].type_id == EFI_SYSTEM
    if held == [Content.FAT32] and not is_gpt:
        return StickLayout.FAT32
    if held == [Content.FAT32, Content.NTFS]:
        return StickLayout.GPT if is_gpt else StickLayout.FAT32_NTFS
    told = ", ".join("nothing known" if each is None else each.called for each in held) or "no partition"
    raise TargetRefused(
        f"{disk.name}: holds {told}, and not FAT32 alone or FAT32 and NTFS, as a stick of a medium; write it anew"
    )


@logged("compare a medium with {disk}")
def plan_update(medium: Medium, disk: Disk, *, progress: ProgressCallback | None = None) -> StickUpdate:
    """Find out what differs between a medium and a stick.

    Nothing is written but what an update that was stopped has left to be carried out, where the stick is open for
    writing: what is read next is to be what is there.

    Args:
        medium: what the stick is to hold.
        disk: the stick, open.
        progress: receives the progress: all of the stick is read.

    Raises:
        TargetRefused: when the disk is no stick, a volume of it is damaged, or what is new does not fit.
        InvalidRequest: when nothing could start the medium from a stick of this layout.
        InvalidTable, InvalidVolume: when the stick is damaged.
        StorageError: when something cannot be read.
    """
    layout = layout_of(disk)
    refuse_large(medium.files, layout)
    starts, warnings = starting(medium, layout, disk.geometry.sector_size)
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    done = 0

    def compared(size: int) -> None:
        nonlocal done
        done += size
        meter.step(Phase.VERIFY_DATA, done, medium.contents_bytes)

    of_medium = frozenset(each.path.lower() for each in medium.files)
    updates = []
    for partition, files in zip(_volumes(disk), shared_out(medium.files, layout), strict=True):
        volume = disk.volume_in(partition)
        if disk.target.is_writable:
            finish_interrupted(volume)
        _refuse_damaged(volume)
        updates.append(_compared(volume, partition, files, of_medium, compared))
    meter.finish()
    return StickUpdate(medium, layout, tuple(updates), starts, (*medium.warnings, *warnings))


@logged("update {disk}")
def update_stick(
    update: StickUpdate, disk: Disk, *, compare: bool = True, progress: ProgressCallback | None = None
) -> None:
    """Change a stick.  Where there is room beside the old files, each volume is changed at once, or not at all.

    Otherwise old files are deleted first, and the volume is marked dirty until the new ones are there; the same update
    again finishes it.

    Args:
        update: of this stick as it is.
        disk: open for writing; the caller closes it.
        compare: read what was written back, and compare it.
        progress: receives the progress.

    Raises:
        TargetRefused: when a volume may not be written to; nothing was written.
        StorageError: when reading or writing failed, or the stick does not hold what was written.
    """
    done = ""
    total = sum(each.written_bytes for each in update.volumes) or 1
    begins = 0.0
    with no_refusal(disk.path, lambda: done):
        for each in update.volumes:
            ends = begins + 99 * each.written_bytes / total
            # One that is as it is to be may be marked dirty still.
            if not each.is_empty or hazards(disk.volume_in(each.partition)):
                part = portion(progress, begins, ends) if ends > begins else None
                _change(each, disk, part, compare=compare)
                done = f"{disk.name} is not all updated; the same update again goes on with it"
            begins = ends
        _make_start(update, disk)
        disk.target.flush()
    Meter(portion(progress, 99, 100), {Phase.WRITE_METADATA: 1}).finish()


def _volumes(disk: Disk) -> list[Partition]:
    return [each for each in disk.table.partitions if not each.is_extended]


def _refuse_damaged(volume: OpenVolume) -> None:
    """Refuse a volume that somebody did not finish and that has damage; an update that was stopped leaves none."""
    if not is_pending(volume) and hazards(volume) and not check_volume(volume).is_sound:
        raise TargetRefused(f"{volume.name}: not written: the volume is damaged", remedy=_REPAIR)


def _compared(
    volume: OpenVolume,
    partition: Partition,
    files: tuple[MediumFile, ...],
    of_medium: frozenset[str],
    compared: Callable[[int], None],
) -> VolumeUpdate:
    """Find out what differs between a volume and the files that it is to hold, of all those of the medium."""
    written = []
    with open_tree(volume) as tree:
        there = {each.entry.path.strip("/"): each.size for each in tree.walk(tree.root()) if not each.is_directory}
        for file in files:
            if first_difference(tree, file) is not None:
                written.append(file)
            compared(file.size)
    known = {each.path.lower() for each in files}
    strange = sorted(path for path in there if path.lower() not in known)
    # What goes to the other volume now, as it grew beyond 4 GiB, is not left in two versions.
    deleted = [each for each in strange if is_installed(each) or is_of_sequence(each) or each.lower() in of_medium]
    sizes = {path.lower(): size for path, size in there.items()}
    cluster = _cluster_bytes(volume)
    freed = sum(align_up(sizes.get(each.lower(), 0), cluster) for each in (*(file.path for file in written), *deleted))
    needed = sum(align_up(each.size, cluster) for each in written) + (_SPARE_BYTES if written else 0)
    free = free_bytes(volume) or 0
    if needed > free + freed:
        raise TooSmall(
            f"{volume.name}: not written: {format_size(needed)} are needed for what differs, and without what it takes "
            f"the place of {format_size(free + freed)} are free"
        )
    return VolumeUpdate(
        partition,
        tuple(written),
        tuple(deleted),
        tuple(each for each in strange if each not in deleted),
        len(files) - len(written),
        is_at_once=needed <= free,
    )


def _cluster_bytes(volume: OpenVolume) -> int:
    return open_fat(volume.window()).layout.cluster_size if volume.content is Content.FAT32 else _NTFS_CLUSTER


def _change(update: VolumeUpdate, disk: Disk, progress: ProgressCallback | None, *, compare: bool) -> None:
    volume = disk.volume_in(update.partition)
    share = 70 if compare else 100
    meter = Meter(portion(progress, 0, share), {Phase.EXTRACT_DATA: 1})
    is_left_clean = not update.is_at_once or bool(hazards(volume))
    gone = (*(each.path for each in update.written), *update.deleted)
    if not update.is_at_once:
        mark_dirty(volume)
        with open_files(volume, write=True, force=True) as files:
            _delete(gone, files)
        gone = ()
    with open_files(volume, write=True, force=True) as files:
        _delete(gone, files)
        write_files(files, update.written, meter)
    if compare:
        # What is read then comes from the medium, and not from memory.
        disk.target.flush()
        require_same(volume, update.written, Meter(portion(progress, share, 100), {Phase.VERIFY_DATA: 1}))
    if is_left_clean:
        mark_clean(volume)


def _delete(paths: Iterable[str], files: VolumeFiles) -> None:
    for path in paths:
        if files.find(path) is not None:
            files.delete(path)


def _make_start(update: StickUpdate, disk: Disk) -> None:
    """Write boot code where there is none; that of others starts the same boot manager."""
    if Firmware.BIOS not in update.starts:
        return
    first = update.volumes[0].partition
    window = disk.volume_in(first).window()
    if fat32_boot_code(window) is BootCode.NONE:
        write_fat32_boot_sector(window, hidden_sectors=first.extent.first)
    if mbr_code(disk.target) is BootCode.NONE:
        write_mbr_code(disk.target)
