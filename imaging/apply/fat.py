"""Applying an image to a FAT volume, which is made anew with the label, serial number and clusters that it had.

FAT12 and FAT16 keep all parts where they were: which of the two a volume is follows from the number of its clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.apply.engine import LIBWIMS
from osdimage.imaging.apply.fat_source import DESCRIPTORS_LOST, from_image
from osdimage.imaging.apply.job import ApplyJob, ApplyResult
from osdimage.imaging.apply.names import refuse_for_volume, told_on_volume
from osdimage.imaging.apply.work import Work, at_once
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.unfinished import read_unfinished
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.volume.fat.edit import finish
from osdimage.imaging.volume.fat.layout import NO_LABEL, BootSector
from osdimage.imaging.volume.fat.make import fill_fat, plan_fill, refuse_unsafe
from osdimage.imaging.volume.fat.names import fold
from osdimage.imaging.volume.fat.read import FatVolume, open_fat
from osdimage.imaging.volume.fat.source import Source
from osdimage.imaging.volume.fat.write import FatOptions, boot_of
from osdimage.imaging.volume.ntfs.state import kept_paths
from osdimage.imaging.volume.sectors import odd_sectors
from osdimage.imaging.wim.checks.audit import repairs
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.settings import Descriptors


class FatBackend:
    """A FAT volume of a disk that is open; for writing, to apply to it."""

    takes_pipes = False

    def __init__(self, volume: OpenVolume) -> None:
        """Remember the volume."""
        self.name = volume.name
        self._volume = volume
        unfinished = read_unfinished(volume.window())
        content = volume.content if unfinished is None else unfinished.content
        self._kind = FileSystem.FAT32 if content is None else FileSystem(content.value)
        self.filesystem: FileSystem | None = self._kind

    def check(self, job: ApplyJob) -> None:
        """Refuse a volume that holds something, unless it is wiped, is marked dirty, or is too small."""
        self._audit(job)
        self._prepare(job)

    def work(self, job: ApplyJob) -> Work[ApplyResult]:
        """Make the volume anew with the files of the image, in one pass."""
        return at_once(self._apply, job)

    def _apply(self, job: ApplyJob) -> ApplyResult:
        audit = self._audit(job)
        odd_names = told_on_volume(audit, self._kind)
        for each in odd_names:
            job.meter.warn(str(each))
        source, wanted, deleted = self._prepare(job)
        if job.options.engine in LIBWIMS:
            job.meter.warn(f"{self.name}: a FAT volume is made anew, by neither libwim nor libntfs")
        odd = odd_sectors(self._volume)
        if odd is not None:
            job.meter.warn(odd)
        is_unwanted = job.options.descriptors is Descriptors.NONE
        filled = fill_fat(self._volume.window(), source, wanted, progress=job.progress)
        return ApplyResult(
            target=self._volume.path,
            partition=self._volume.partition,
            wiped=deleted if job.options.wipe else None,
            directories=audit.directories,
            files=filled.files,
            size=filled.size,
            losses=tuple(each for each in filled.losses if not (is_unwanted and each.what == DESCRIPTORS_LOST)),
            odd_names=odd_names,
            warnings=repairs(audit),
        )

    def _audit(self, job: ApplyJob) -> Audit:
        if not job.options.attributes:
            raise TargetRefused(
                f"{self.name}: a FAT volume gets the attributes that it can hold; an NTFS volume can do without"
            )
        audit = job.audit(Path(self.name))
        job.refuse_descriptors(self.name, audit)
        refuse_for_volume(job.image.path, job.image.index, audit, self._kind)
        return audit

    def _prepare(self, job: ApplyJob) -> tuple[Source, FatOptions, int]:
        """Check all that can be known before the volume is written; return what to fill it with, and what is lost."""
        kept = kept_paths(job.options.keep)
        unfinished = read_unfinished(self._volume.window())
        if unfinished is None:
            finish(self._volume.window())
            old = open_fat(self._volume.window())
            refuse_unsafe(self._volume, old, force=job.options.force or job.options.is_part)
            deleted = _refuse_occupied(self._volume, old, kept, wipe=job.options.wipe)
            wanted = _as_it_was(self._volume, old.boot, old.stored_label)
        else:
            # There is nothing on it yet.
            deleted = 0
            boot = boot_of(unfinished, self._volume.window().geometry.size_bytes)
            wanted = _as_it_was(self._volume, boot, None if boot.label == NO_LABEL else boot.label)
        source = from_image(job.image)
        plan_fill(self._volume.window(), source, wanted)
        return source, wanted, deleted


def _refuse_occupied(volume: OpenVolume, old: FatVolume, kept: Sequence[str], *, wipe: bool) -> int:
    """Refuse a volume that holds something, or, where it may be wiped, something that a wipe leaves; count it."""
    root = old.entries()
    if root and not wipe:
        raise TargetRefused(
            f"{volume.name}: not written: the volume holds {root[0].name!r}"
            f"{f' and {len(root) - 1} more' if len(root) > 1 else ''}; a FAT volume is made anew and not added to",
            remedy=Remedy("{} deletes what is there", (Means.WIPE,)),
        )
    guarded = {fold(path.replace("\\", "/")): path for path in kept}
    count = 0
    for entry in old.walk():
        count += 1
        path = guarded.get(fold(entry.path))
        if path is not None:
            raise TargetRefused(
                f"{volume.name}: not wiped: the volume holds {path!r}, which a wipe leaves, but a FAT volume is made "
                "anew as a whole; save it and delete it first"
            )
    return count


def _as_it_was(volume: OpenVolume, boot: BootSector, label: str | bytes | None) -> FatOptions:
    try:
        return FatOptions(
            serial=boot.serial,
            label=label,
            cluster_size=boot.layout.cluster_size,
            sector_size=boot.layout.sector_size,
            hidden_sectors=boot.hidden_sectors,
            heads=boot.heads,
            sectors_per_track=boot.sectors_per_track,
            media=boot.media,
            layout=None if boot.layout.width is FatWidth.FAT32 else boot.layout,
        )
    except InvalidRequest as error:
        raise TargetRefused(f"{volume.name}: the volume cannot be made anew as it was: {error}; format it") from error
