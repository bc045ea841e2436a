"""Applying an image to an NTFS volume, which libwim and libntfs-3g write where it lies."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, ApplyResult, counted
from osdimage.imaging.apply.names import refuse_for_volume
from osdimage.imaging.apply.space import refuse_full_volume
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import no_refusal
from osdimage.imaging.volume.ntfs import mirror, state
from osdimage.imaging.volume.sectors import odd_sectors
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.native.ntfs.volume import VolumeFacts
from osdimage.native.slices.slices import Slice
from osdimage.native.wim import tree


class NtfsBackend:
    """An NTFS volume of a disk that is open; for writing, to apply to it."""

    def __init__(self, volume: OpenVolume) -> None:
        """Remember the volume."""
        self.name = volume.name
        self._volume = volume

    def check(self, job: ApplyJob) -> None:
        """Refuse a volume that is in use, unsound, or too small."""
        state.kept_paths(job.options.keep)
        audit = self._audit(job)
        # A volume that must be mended first tells its free space only then.
        if not state.refuse_unfinished(self._volume, force=job.options.force):
            with self._volume.sliced(read_only=True) as piece:
                self._refuse(job, piece, audit)

    def apply(self, job: ApplyJob) -> ApplyResult:
        """Mark the volume dirty, wipe it if that was asked for, let libwim write, and mark it clean."""
        kept = state.kept_paths(job.options.keep)
        audit = self._audit(job)
        if not state.refuse_unfinished(self._volume, force=job.options.force):
            result = self._fill(job, kept, audit)
        else:
            mirror.mend(self._volume.window())
            with no_refusal(self._volume.path, lambda: f"the first records of {self.name} were mended"):
                result = self._fill(job, kept, audit)
        job.meter.finish()
        return result

    def _audit(self, job: ApplyJob) -> Audit:
        audit = job.audit(Path(self.name))
        refuse_for_volume(job.image.path, job.image.index, audit, FileSystem.NTFS)
        return audit

    def _refuse(self, job: ApplyJob, piece: Slice, audit: Audit) -> VolumeFacts:
        """Refuse what can be refused before anything is written; return the facts of the volume."""
        facts = state.read_facts(self._volume, piece)
        state.refuse_unsafe(self._volume, facts, force=job.options.force)
        # What a wipe will free is known only afterwards; what never fits is refused before.
        refuse_full_volume(Path(self.name), audit, facts.size if job.options.wipe else facts.free)
        return facts

    def _fill(self, job: ApplyJob, kept: tuple[str, ...], audit: Audit) -> ApplyResult:
        volume = self._volume
        with volume.sliced(read_only=False, sync=job.options.sync) as piece:
            facts = self._refuse(job, piece, audit)
            wiped = self._start_over(job, kept) if facts.is_dirty else None
            if wiped is not None:
                facts = state.read_facts(volume, piece)
            reason = state.stays_dirty(facts)
            if wiped is None and job.options.wipe:
                with state.dirty_while_written(volume, piece, facts, "is partly wiped"):
                    wiped = state.wipe(volume, piece, kept, job.meter)
                facts = state.read_facts(volume, piece)
                with no_refusal(volume.path, lambda: f"{self.name} is wiped"):
                    refuse_full_volume(Path(self.name), audit, facts.free)
            odd = odd_sectors(volume)
            if odd is not None:
                job.meter.warn(odd)
            if reason is not None:
                job.meter.warn(f"{self.name}: stays marked dirty, as {reason}: check it with chkdsk or ntfsfix")
            with wim_errors(job.image.path):
                names = tree.names_in_root(job.image.handle, job.image.index)
            losses = counted(("encrypted files (EFS)", audit.encrypted))
            with (
                state.dirty_while_written(volume, piece, facts, "holds an incomplete image"),
                state.joined_with(volume, piece, names, job.meter),
            ):
                return job.extract(piece.name, audit, losses, path=volume.path, volume=volume, wiped=wiped)

    def _start_over(self, job: ApplyJob, kept: tuple[str, ...]) -> int | None:
        """Make a dirty volume anew if it is to be wiped and can be; refuse one that is unsound otherwise."""
        from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

        wiped = unfinished.start_over(self._volume, kept) if job.options.wipe else None
        if wiped is None:
            unfinished.refuse_unsound(self._volume)
        return wiped
