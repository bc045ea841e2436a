"""Applying an image to an NTFS volume, which libwim and libntfs-3g write where it lies."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.apply.clash import refuse_absent, refuse_clash
from osdimage.imaging.apply.compacting import CompactRule
from osdimage.imaging.apply.engine import LIBWIMS, Engine, Fallback, Reason
from osdimage.imaging.apply.job import ApplyJob, ApplyResult, counted
from osdimage.imaging.apply.names import refuse_for_volume
from osdimage.imaging.apply.space import refuse_full_volume
from osdimage.imaging.apply.work import Work
from osdimage.imaging.disk.content import Content, FileSystem
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import (
    Means,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
    TooSmall,
    no_refusal,
)
from osdimage.imaging.programs import find_program
from osdimage.imaging.volume.ntfs import mirror, state
from osdimage.imaging.volume.sectors import odd_sectors
from osdimage.imaging.wim.checks.audit import repairs
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.unix import of_unix
from osdimage.native.ntfs.volume import VolumeFacts
from osdimage.native.slices.slices import Slice
from osdimage.native.wim import tree

_ANEW = Remedy("{} makes it anew, and deletes what is on it", (Means.WIPE,))

if TYPE_CHECKING:
    from osdimage.imaging.apply.bulk import Bulk
    from osdimage.imaging.apply.supply import Supply


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left to libntfs-3g: why, whether the volume was made for it, and what was on it before."""

    reason: Reason
    is_made: bool
    wiped: int | None = None


class NtfsBackend:
    """An NTFS volume of a disk that is open; for writing, to apply to it."""

    filesystem: FileSystem | None = FileSystem.NTFS
    takes_pipes = True

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
        if self._volume.content is Content.BITLOCKER:
            self._refuse_replacing(job, audit)
            return
        self._finish()
        # A volume that must be mended first tells its free space only then.
        if not state.refuse_unfinished(self._volume, force=_is_forced(job)):
            with self._volume.sliced(read_only=True) as piece:
                self._refuse(job, piece, audit)
            if not job.options.wipe:
                refuse_clash(job.image, self._volume)

    def work(self, job: ApplyJob) -> Work[ApplyResult]:
        """Mark the volume dirty, wipe it if that was asked for, let libwim write, and mark it clean."""
        kept = state.kept_paths(job.options.keep)
        if job.options.needs_kept and self._volume.content is Content.NTFS:
            refuse_absent(self._volume, kept[len(state.PROTECTED) :])
        supply = self._supply(job)
        audit = self._audit(job, supply)
        if self._volume.content in {Content.UNFINISHED, Content.BITLOCKER}:
            self._make(job, audit)
            with no_refusal(self._volume.path, lambda: f"{self.name} was made again, and is empty"):
                result = yield from self._fill(job, kept, audit, supply, is_made=True)
            job.meter.finish()
            return result
        self._finish()
        if not state.refuse_unfinished(self._volume, force=_is_forced(job)):
            result = yield from self._fill(job, kept, audit, supply)
        else:
            if not job.options.wipe:
                from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

                # It would be refused later, and is left as it is.
                unfinished.refuse_unsound(self._volume)
            mirror.mend(self._volume.window())
            with no_refusal(self._volume.path, lambda: f"the first records of {self.name} were mended"):
                result = yield from self._fill(job, kept, audit, supply)
        job.meter.finish()
        return result

    def _make(self, job: ApplyJob, audit: Audit) -> None:
        """Make a volume whose making was interrupted as it was meant, or one in the place of one that is encrypted."""
        from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

        if self._volume.content is Content.UNFINISHED:
            unfinished.make_again(self._volume)
            return
        from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs  # noqa: PLC0415 - few are made here

        self._refuse_replacing(job, audit)
        facts = self._volume.encryption
        opened_by = "" if facts is None or not facts.opened_by else f", with what opens it: {facts.opened_by}"
        job.meter.warn(
            f"{self.name}: the BitLocker volume that is there is lost{opened_by}; the new one is not encrypted"
        )
        format_ntfs(self._volume.target, self._volume.extent, NtfsFormat(is_dirty=True))

    def _refuse_replacing(self, job: ApplyJob, audit: Audit) -> None:
        """Refuse what can be known before a volume that cannot be read is replaced."""
        if job.options.needs_kept:
            raise TargetRefused(f"{self.name}: is encrypted by BitLocker, so that nothing on it can be kept")
        refuse_full_volume(Path(self.name), audit, self._volume.window().geometry.size_bytes)

    def _supply(self, job: ApplyJob) -> Supply | None:
        """Return the files of the image, of the pass that checks it; None where libntfs-3g will write them."""
        if job.options.engine is Engine.LIBNTFS or job.piped is not None:
            return None
        if not job.options.wipe and self._volume.content is not Content.UNFINISHED:
            from osdimage.imaging.apply import bulk  # noqa: PLC0415 - it comes with threads

            # What cannot be read is told when it must be.
            with suppress(StorageError):
                if not bulk.is_new(self._volume):
                    return None
        return job.supply(Path(self.name))

    def _audit(self, job: ApplyJob, supply: Supply | None = None) -> Audit:
        audit = job.audit(Path(self.name)) if supply is None else supply.feed.audit
        refuse_for_volume(job.image.path, job.image.index, audit, FileSystem.NTFS)
        return audit

    def _finish(self) -> None:
        """Carry out an edit of single files that was interrupted."""
        from osdimage.imaging.volume.ntfs import session  # noqa: PLC0415 - construct comes with it

        session.finish(self._volume)

    def _refuse(self, job: ApplyJob, piece: Slice, audit: Audit, *, is_made: bool = False) -> VolumeFacts:
        """Refuse what can be refused before anything is written; return the facts of the volume."""
        facts = state.read_facts(self._volume, piece)
        state.refuse_unsafe(
            self._volume,
            facts,
            force=_is_forced(job) or is_made,
            remedy=state.START_OVER,
            # What is left of it, if anything, is looked at before the wipe.
            is_given_up=job.options.wipe,
        )
        # What a wipe will free is known only afterwards; what never fits is refused before.
        refuse_full_volume(Path(self.name), audit, facts.size if job.options.wipe else facts.free)
        return facts

    def _fill(
        self, job: ApplyJob, kept: tuple[str, ...], audit: Audit, supply: Supply | None, *, is_made: bool = False
    ) -> Work[ApplyResult]:
        odd = odd_sectors(self._volume)
        if odd is not None:
            job.meter.warn(odd)
        if job.options.engine in LIBWIMS:
            return self._by_libntfs(job, kept, audit, _Left(Reason(Fallback.ASKED), is_made))
        if job.piped is not None:
            return self._by_libntfs(job, kept, audit, _Left(Reason(Fallback.PIPED), is_made))
        outcome = yield from self._by_bulk(job, kept, audit, supply, is_made=is_made)
        if isinstance(outcome, ApplyResult):
            return outcome
        with self._wiped(outcome.wiped):
            return self._by_libntfs(job, kept, audit, outcome)

    def _by_bulk(
        self, job: ApplyJob, kept: tuple[str, ...], audit: Audit, supply: Supply | None, *, is_made: bool
    ) -> Work[ApplyResult | _Left]:
        """Fill a volume that was just formatted, or is made anew for it; where that cannot be, write nothing to it."""
        from osdimage.imaging.apply import bulk  # noqa: PLC0415 - it comes with threads

        with self._volume.sliced(read_only=True) as piece:
            facts = self._refuse(job, piece, audit, is_made=is_made)
        if not (job.options.wipe or is_made or bulk.is_new(self._volume)):
            return _Left(Reason(Fallback.NOT_NEW), is_made)
        if supply is None:
            supply = job.supply(Path(self.name))
        wiped: int | None = None
        rule = None if job.options.compact is None else CompactRule.of(job.image)
        with bulk.prepared(supply, job.now_ns, job.options, rule) as prepared:
            if isinstance(prepared, Reason):
                return _Left(prepared, is_made)
            if job.options.wipe and not is_made:
                wiped = self._make_anew(kept)
                if wiped is None:
                    return _Left(Reason(Fallback.KEPT), is_made)
                is_made = True
            with self._wiped(wiped):
                reason = prepared.plan(self._volume)
                if reason is not None:
                    return _Left(reason, is_made, wiped)
                return (yield from self._fill_planned(job, audit, prepared, facts, is_made=is_made, wiped=wiped))

    def _wiped(self, wiped: int | None) -> AbstractContextManager[None]:
        """Tell in errors that the volume is wiped, if it is: a refusal is a failure then."""
        return nullcontext() if wiped is None else no_refusal(self._volume.path, lambda: f"{self.name} is wiped")

    def _fill_planned(
        self, job: ApplyJob, audit: Audit, plan: Bulk, facts: VolumeFacts, *, is_made: bool, wiped: int | None
    ) -> Work[ApplyResult]:
        volume, losses = self._volume, of_unix(audit) + plan.losses
        odd_names = job.tell(audit, losses, volume)
        stays = None if is_made else self._stays_dirty(job, facts)
        yield from plan.fill(job, volume, stays_dirty=job.options.is_part or stays is not None)
        return ApplyResult(
            target=volume.path,
            partition=volume.partition,
            wiped=wiped,
            directories=audit.directories,
            files=audit.files,
            size=audit.size,
            losses=losses,
            odd_names=odd_names,
            warnings=repairs(audit),
            engine=Engine.BULK,
            compacted=None if job.options.compact is None else plan.compacted(),
        )

    def _by_libntfs(self, job: ApplyJob, kept: tuple[str, ...], audit: Audit, left: _Left) -> ApplyResult:
        """Let libwim write, which does so by libntfs-3g."""
        is_made, wiped = left.is_made, left.wiped
        volume = self._volume
        if job.options.compact is not None:
            raise TargetRefused(
                f"{self.name}: not written: files are compressed as a whole by the engine for new volumes only, which "
                f"cannot: {left.reason}",
                remedy=_ANEW if left.reason.code is Fallback.NOT_NEW else None,
            )
        if job.options.engine is Engine.BULK:
            raise TargetRefused(
                f"{self.name}: not written: the engine for new volumes cannot: {left.reason}",
                remedy=Remedy("let libntfs-3g write it, with {}", (Means.ENGINE,)),
            )
        if not (job.options.wipe or is_made):
            refuse_clash(job.image, volume)
        with volume.sliced(read_only=False, sync=job.options.sync) as piece:
            facts = self._refuse(job, piece, audit, is_made=is_made)
            if (facts.is_dirty or facts.has_open_log) and not (is_made or job.options.is_part):
                wiped = self._start_over(job, kept)
                if wiped is None and facts.has_open_log:
                    state.refuse_open_journal(volume)
            # Of a volume that was just made, the mark is ours.
            before = replace(facts, is_dirty=False, has_open_log=False) if is_made or wiped is not None else facts
            self._stays_dirty(job, before)
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
                    return self._extract(job, piece, audit, wiped, left.reason)
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

    def _stays_dirty(self, job: ApplyJob, facts: VolumeFacts) -> str | None:
        """Warn when the volume stays marked dirty; return why."""
        reason = state.stays_dirty(facts)
        if reason is not None and not job.options.is_part:
            job.meter.warn(f"{self.name}: stays marked dirty, as {reason}: check it with chkdsk or ntfsfix")
        return reason

    def _extract(self, job: ApplyJob, piece: Slice, audit: Audit, wiped: int | None, reason: Reason) -> ApplyResult:
        volume = self._volume
        with wim_errors(job.image.path):
            names = tree.names_in_root(job.image.handle, job.image.index)
        losses = counted(("encrypted files (EFS)", audit.encrypted)) + of_unix(audit)
        with state.joined_with(volume, piece, names, job.meter):
            return job.extract(piece.name, audit, losses, path=volume.path, volume=volume, wiped=wiped, reason=reason)

    def _make_anew(self, kept: tuple[str, ...]) -> int | None:
        """Make the volume anew in place of deleting its files, unless something is kept or it cannot be made so."""
        from osdimage.imaging.volume.ntfs import unfinished  # noqa: PLC0415 - construct comes with it

        if find_program("mkntfs") is None:
            return None
        try:
            return unfinished.start_over(self._volume, kept)
        except StorageError:
            raise
        except OsdImageError:
            # Nothing was written: its files can be deleted, or that tells better what is wrong.
            return None

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
