"""Applying an image to an NTFS volume, which libwim and libntfs-3g write where it lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, ApplyResult, counted
from osdimage.imaging.apply.names import refuse_for_volume
from osdimage.imaging.apply.space import refuse_full_volume
from osdimage.imaging.disk.content import Content, FileSystem
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import TooSmall, no_refusal
from osdimage.imaging.volume.ntfs import mirror, state
from osdimage.imaging.volume.sectors import odd_sectors
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.unix import of_unix
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
        if self._volume.content is Content.UNFINISHED:
            return
        self._finish()
        # A volume that must be mended first tells its free space only then.
        if not state.refuse_unfinished(self._volume, force=_is_forced(job)):
            with self._volume.sliced(read_only=True) as piece:
                self._refuse(job, piece, audit)

    def apply(self, job: ApplyJob) -> ApplyResult:
        """Mark the volume dirty, wipe it if that was asked for, let libwim write, and mark it clean."""
        kept = state.kept_paths(job.options.keep)
        audit = self._audit(job)
        if self._volume.content is Content.UNFINISHED:
            from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

            unfinished.make_again(self._volume)
            with no_refusal(self._volume.path, lambda: f"{self.name} was made again, and is empty"):
                result = self._fill(job, kept, audit, is_made=True)
            job.meter.finish()
            return result
        self._finish()
        if not state.refuse_unfinished(self._volume, force=_is_forced(job)):
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

    def _finish(self) -> None:
        """Carry out an edit of single files that was interrupted."""
        from osdimage.imaging.volume.ntfs import session  # noqa: PLC0415 - construct comes with it

        session.finish(self._volume)

    def _refuse(self, job: ApplyJob, piece: Slice, audit: Audit, *, is_made: bool = False) -> VolumeFacts:
        """Refuse what can be refused before anything is written; return the facts of the volume."""
        facts = state.read_facts(self._volume, piece)
        state.refuse_unsafe(self._volume, facts, force=_is_forced(job) or is_made, remedy=state.START_OVER)
        # What a wipe will free is known only afterwards; what never fits is refused before.
        refuse_full_volume(Path(self.name), audit, facts.size if job.options.wipe else facts.free)
        return facts

    def _fill(self, job: ApplyJob, kept: tuple[str, ...], audit: Audit, *, is_made: bool = False) -> ApplyResult:
        volume = self._volume
        with volume.sliced(read_only=False, sync=job.options.sync) as piece:
            odd = odd_sectors(volume)
            if odd is not None:
                job.meter.warn(odd)
            facts = self._refuse(job, piece, audit, is_made=is_made)
            wiped = self._start_over(job, kept) if facts.is_dirty and not (is_made or job.options.is_part) else None
            # Of a volume that was just made, the mark is ours.
            before = replace(facts, is_dirty=False, has_open_log=False) if is_made or wiped is not None else facts
            reason = state.stays_dirty(before)
            if reason is not None and not job.options.is_part:
                job.meter.warn(f"{self.name}: stays marked dirty, as {reason}: check it with chkdsk or ntfsfix")
            wipes = job.options.wipe and wiped is None and not is_made
            with state.dirty_while_written(
                volume,
                piece,
                before,
                lambda: "is partly wiped" if wipes and wiped is None else "holds an incomplete image",
            ):
                if wipes:
                    wiped = state.wipe(volume, piece, kept, job.meter)
                refusal = self._refusal(piece, audit) if wipes else None
                if refusal is None:
                    return self._extract(job, piece, audit, wiped)
            # The wipe is complete, and so is the volume.
            with no_refusal(volume.path, lambda: f"{self.name} is wiped"):
                raise refusal

    def _refusal(self, piece: Slice, audit: Audit) -> TooSmall | None:
        """Return why an image does not fit into what a wipe has left."""
        try:
            refuse_full_volume(Path(self.name), audit, state.read_facts(self._volume, piece).free)
        except TooSmall as error:
            return error
        return None

    def _extract(self, job: ApplyJob, piece: Slice, audit: Audit, wiped: int | None) -> ApplyResult:
        volume = self._volume
        with wim_errors(job.image.path):
            names = tree.names_in_root(job.image.handle, job.image.index)
        losses = counted(("encrypted files (EFS)", audit.encrypted)) + of_unix(audit)
        with state.joined_with(volume, piece, names, job.meter):
            return job.extract(piece.name, audit, losses, path=volume.path, volume=volume, wiped=wiped)

    def _start_over(self, job: ApplyJob, kept: tuple[str, ...]) -> int | None:
        """Make a dirty volume anew if it is to be wiped and can be; refuse one that is unsound otherwise."""
        from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

        wiped = unfinished.start_over(self._volume, kept) if job.options.wipe else None
        if wiped is None:
            unfinished.refuse_unsound(self._volume, wipe=job.options.wipe)
        return wiped


def _is_forced(job: ApplyJob) -> bool:
    """Tell whether a volume that is marked dirty is written to; also where the mark is the caller's."""
    return job.options.force or job.options.is_part
