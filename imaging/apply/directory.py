"""Applying an image to a directory: by code of osdimage where that is empty, else by libwim."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.apply.engine import LIBWIMS, Engine, Fallback, Reason
from osdimage.imaging.apply.job import ApplyJob, ApplyResult, counted
from osdimage.imaging.apply.work import Work
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, StorageError, TargetRefused, explain
from osdimage.imaging.loss import Loss
from osdimage.imaging.wim.checks.audit import refuse_link, refuse_occupied, refuse_own_place, repairs
from osdimage.imaging.wim.copied.room import refuse_full_directory, refuse_large
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.limits import refuse_for_directory
from osdimage.imaging.wim.unix import of_unix
from osdimage.imaging.wim.wof import WofFile, place_of, with_plain_sizes, wof_files, write_plain
from osdimage.native.wim.facts import Descriptors

if TYPE_CHECKING:
    from osdimage.imaging.wim.feed import ImageFeed


class DirectoryBackend:
    """A directory, which is made if it is missing."""

    filesystem: FileSystem | None = None
    takes_pipes = True

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self.name = str(folder)
        self._folder = folder

    def check(self, job: ApplyJob) -> None:
        """Refuse links that would lead out of the directory, what is in the way, and too little room."""
        self._audit(job)

    def work(self, job: ApplyJob) -> Work[ApplyResult]:
        """Fill the directory if it is empty and all can be written so, else let libwim write into it."""
        is_new = not self._folder.exists()
        found = self._reason(job) or job.feed(self._folder)
        audit, compressed = self._audit(job, None if isinstance(found, Reason) else found.audit)
        losses = _losses(job, audit, compressed)
        outcome = found if isinstance(found, Reason) else (yield from self._by_bulk(job, found, audit, losses))
        if isinstance(outcome, Reason):
            outcome = self._by_libwim(job, audit, compressed, outcome)
        job.meter.finish()
        return replace(outcome, is_new=is_new)

    def _reason(self, job: ApplyJob) -> Reason | None:
        """Return why libwim writes, whatever the image is."""
        if job.options.engine in LIBWIMS:
            return Reason(Fallback.ASKED)
        if job.piped is not None:
            return Reason(Fallback.PIPED)
        if job.options.unix_data:
            return Reason(Fallback.UNIX_DATA)
        return Reason(Fallback.NOT_EMPTY) if _has_content(self._folder) else None

    def _by_bulk(
        self, job: ApplyJob, feed: ImageFeed, audit: Audit, losses: tuple[Loss, ...]
    ) -> Work[ApplyResult | Reason]:
        """Fill an empty directory; where that cannot be, write nothing, and tell why."""
        from osdimage.imaging.apply import bulk_directory  # noqa: PLC0415 - it comes with threads

        with bulk_directory.prepared(job, feed, self._folder) as prepared:
            if isinstance(prepared, Reason):
                return prepared
            losses += prepared.losses
            odd_names = job.tell(audit, losses, None)
            with _named_when_half_done(self._folder):
                warnings = yield from prepared.fill(self._folder)
        return ApplyResult(
            target=self._folder,
            partition=None,
            wiped=None,
            directories=audit.directories,
            files=audit.files,
            size=audit.size,
            losses=losses,
            odd_names=odd_names,
            warnings=repairs(audit) + warnings,
            engine=Engine.BULK,
        )

    def _by_libwim(self, job: ApplyJob, audit: Audit, compressed: dict[str, WofFile], reason: Reason) -> ApplyResult:
        if job.options.engine is Engine.BULK:
            raise TargetRefused(
                f"{self.name}: not written: the engine for empty directories cannot: {reason}",
                remedy=Remedy("let libwim write it, with {}", (Means.ENGINE,)),
            )
        losses = _losses(job, audit, compressed)
        with _named_when_half_done(self._folder):
            result = job.extract(os.fspath(self._folder), audit, losses, path=self._folder, reason=reason)
            with wim_errors(job.image.path):
                places = {each: place_of(self._folder, each) for each in compressed}
                write_plain(job.image.path, job.image.handle, compressed.values(), places)
        return result

    def _audit(self, job: ApplyJob, audit: Audit | None = None) -> tuple[Audit, dict[str, WofFile]]:
        """Refuse what cannot be; ``audit`` is what was found of the image, if it was looked at."""
        if job.options.wipe:
            raise InvalidRequest(f"{self.name}: only a volume can be wiped, not a directory")
        if audit is None:
            audit = job.audit(self._folder, walked=self._folder if _has_content(self._folder) else None)
        job.refuse_descriptors(self.name, audit)
        refuse_link(self._folder, audit.symlink_path)
        refuse_occupied(self._folder, audit.occupied)
        with wim_errors(job.image.path):
            refuse_own_place(job.image.path, job.image.handle, job.image.index, self._folder, {"/": "/"})
        compressed = wof_files(job.image.path, job.image.handle, job.image.index, audit)
        audit = with_plain_sizes(audit, compressed.values())
        refuse_large(self._folder, [audit], job.options.limit_bytes)
        refuse_full_directory(self._folder, [audit])
        with wim_errors(job.image.path):
            refuse_for_directory(self._folder, job.image.path, audit)
        return audit, compressed


def _losses(job: ApplyJob, audit: Audit, compressed: dict[str, WofFile]) -> tuple[Loss, ...]:
    """Return what of an image a directory has no place for."""
    wished = job.options
    losses = counted(
        ("security descriptors", 0 if wished.descriptors is Descriptors.NONE else audit.security_descriptors),
        ("named data streams", audit.named_streams - len(compressed)),
        ("short names", audit.short_names),
        ("reparse points other than links", audit.other_reparse_points - len(compressed)),
        ("compression of files by Windows (WOF)", len(compressed)),
        ("object ids", audit.object_ids),
        ("files with DOS attributes", audit.dos_attributes if wished.attributes else 0),
        ("encrypted files (EFS)", audit.encrypted),
    )
    return losses if wished.unix_data else losses + of_unix(audit)


def _has_content(target: Path) -> bool:
    try:
        with os.scandir(target) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


@contextmanager
def _named_when_half_done(target: Path) -> Iterator[None]:
    """Make the directory, and say in an error that it is half written."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{target}: the directory cannot be made: {error.strerror}", path=target, errno=error.errno
        ) from error
    try:
        yield
    except BaseException as error:
        explain(error, f"{target} holds an incomplete image")
        raise
