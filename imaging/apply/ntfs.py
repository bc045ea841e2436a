"""Applying an image to an NTFS or FAT32 volume, which may be a partition of a disk."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, ApplyOptions, ApplyResult
from osdimage.imaging.apply.space import refuse_full_volume
from osdimage.imaging.disk.content import Content
from osdimage.imaging.errors import TargetRefused, no_refusal
from osdimage.imaging.progress import Meter
from osdimage.imaging.volume.ntfs import mirror, state
from osdimage.imaging.volume.opened import OpenVolume, open_volume
from osdimage.imaging.wim.audit import repairs
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.native.ntfs.volume import VolumeFacts
from osdimage.native.slices.slices import Slice
from osdimage.native.wim import tree
from osdimage.native.wim.tree import Audit


def apply_to_volume(job: ApplyJob, target: Path) -> ApplyResult:
    """Apply an image to a volume; see :func:`~osdimage.imaging.apply_image`."""
    kept = state.kept_paths(job.options.keep)
    with open_volume(target, job.partition, write=True) as volume:
        if volume.content is Content.NTFS:
            result = _to_ntfs(job, volume, kept)
            job.meter.finish()
            return result
        if volume.content is Content.FAT32:
            return _to_fat32(job, volume, kept)
        raise _unknown(volume)


def check_image(image: WimImage, disk: Path, partition: int, options: ApplyOptions) -> None:
    """Refuse what an apply to a partition would refuse, without writing anything.

    Raises:
        OsdImageError: as :func:`~osdimage.imaging.apply_image`.
    """
    job = ApplyJob(image, partition, options, Meter(None, {}), None)
    kept = state.kept_paths(options.keep)
    with open_volume(disk, partition) as volume:
        audit = job.audit(Path(volume.name))
        if volume.content is Content.NTFS:
            # A volume that must be mended first tells its free space only then.
            if not state.refuse_unfinished(volume, force=options.force):
                with volume.sliced(read_only=True) as piece:
                    _check_ntfs(job, volume, piece, audit)
        elif volume.content is Content.FAT32:
            from osdimage.imaging.apply.fat import prepare  # noqa: PLC0415 - construct comes with it

            prepare(volume, image, options=options, kept=kept)
        else:
            raise _unknown(volume)


def _unknown(volume: OpenVolume) -> TargetRefused:
    return TargetRefused(f"{volume.name}: holds {volume.described}; an image is applied to an NTFS or FAT32 volume")


def _check_ntfs(job: ApplyJob, volume: OpenVolume, piece: Slice, audit: Audit) -> VolumeFacts:
    """Refuse what can be refused before anything is written; return the facts of the volume."""
    facts = state.read_facts(volume, piece)
    state.refuse_unsafe(volume, facts, force=job.options.force)
    # What a wipe will free is known only afterwards; what never fits is refused before.
    refuse_full_volume(Path(volume.name), audit, facts.size if job.options.wipe else facts.free)
    return facts


def _to_fat32(job: ApplyJob, volume: OpenVolume, kept: tuple[str, ...]) -> ApplyResult:
    from osdimage.imaging.apply.fat import fill  # noqa: PLC0415 - construct comes with it

    audit = job.audit(Path(volume.name))
    wiped, filled = fill(volume, job.image, options=job.options, kept=kept, progress=job.progress)
    return ApplyResult(
        target=volume.path,
        partition=job.partition,
        wiped=wiped,
        directories=audit.directories,
        files=filled.files,
        size=filled.size,
        losses=filled.losses,
        warnings=repairs(audit),
    )


def _to_ntfs(job: ApplyJob, volume: OpenVolume, kept: tuple[str, ...]) -> ApplyResult:
    audit = job.audit(Path(volume.name))
    if not state.refuse_unfinished(volume, force=job.options.force):
        return _fill_ntfs(job, volume, kept, audit)
    mirror.mend(volume.window())
    with no_refusal(volume.path, lambda: f"the first records of {volume.name} were mended"):
        return _fill_ntfs(job, volume, kept, audit)


def _fill_ntfs(job: ApplyJob, volume: OpenVolume, kept: tuple[str, ...], audit: Audit) -> ApplyResult:
    where = Path(volume.name)
    with volume.sliced(read_only=False, sync=job.options.sync) as piece:
        facts = _check_ntfs(job, volume, piece, audit)
        wiped = _start_over(job, volume, kept) if facts.is_dirty else None
        if wiped is not None:
            facts = state.read_facts(volume, piece)
        reason = state.stays_dirty(facts)
        if wiped is None and job.options.wipe:
            with state.dirty_while_written(volume, piece, facts, "is partly wiped"):
                wiped = state.wipe(volume, piece, kept, job.meter)
            facts = state.read_facts(volume, piece)
            with no_refusal(volume.path, lambda: f"{volume.name} is wiped"):
                refuse_full_volume(where, audit, facts.free)
        if reason is not None:
            job.meter.warn(f"{volume.name}: stays marked dirty, as {reason}: check it with chkdsk or ntfsfix")
        with wim_errors(job.image.path):
            names = tree.names_in_root(job.image.handle, job.image.index)
        with (
            state.dirty_while_written(volume, piece, facts, "holds an incomplete image"),
            state.joined_with(volume, piece, names, job.meter),
        ):
            return job.extract(volume.path, piece.name, audit, wiped, name=volume.name)


def _start_over(job: ApplyJob, volume: OpenVolume, kept: tuple[str, ...]) -> int | None:
    """Make a dirty volume anew if it is to be wiped and can be; refuse one that is unsound otherwise."""
    from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

    wiped = unfinished.start_over(volume, kept) if job.options.wipe else None
    if wiped is None:
        unfinished.refuse_unsound(volume)
    return wiped
