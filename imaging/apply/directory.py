"""Applying an image to a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, ApplyResult, counted
from osdimage.imaging.apply.work import Work, at_once
from osdimage.imaging.errors import InvalidRequest, StorageError, explain
from osdimage.imaging.wim.checks.audit import refuse_link, refuse_occupied, refuse_own_place
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.limits import refuse_for_directory
from osdimage.imaging.wim.room import refuse_full_directory, refuse_large
from osdimage.imaging.wim.unix import of_unix
from osdimage.imaging.wim.wof import WofFile, place_of, with_plain_sizes, wof_files, write_plain


class DirectoryBackend:
    """A directory, which is made if it is missing."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self.name = str(folder)
        self._folder = folder

    def check(self, job: ApplyJob) -> None:
        """Refuse links that would lead out of the directory, what is in the way, and too little room."""
        self._audit(job)

    def work(self, job: ApplyJob) -> Work[ApplyResult]:
        """Let libwim write into the directory."""
        return at_once(self._apply, job)

    def _apply(self, job: ApplyJob) -> ApplyResult:
        audit, compressed = self._audit(job)
        losses = counted(
            ("security descriptors", audit.security_descriptors),
            ("named data streams", audit.named_streams - len(compressed)),
            ("short names", audit.short_names),
            ("reparse points other than links", audit.other_reparse_points - len(compressed)),
            ("compression of files by Windows (WOF)", len(compressed)),
            ("object ids", audit.object_ids),
            ("files with DOS attributes", audit.dos_attributes),
            ("encrypted files (EFS)", audit.encrypted),
        )
        if not job.options.unix_data:
            losses += of_unix(audit)
        with _named_when_half_done(self._folder):
            result = job.extract(os.fspath(self._folder), audit, losses, path=self._folder)
            with wim_errors(job.image.path):
                places = {each: place_of(self._folder, each) for each in compressed}
                write_plain(job.image.path, job.image.handle, compressed.values(), places)
        job.meter.finish()
        return result

    def _audit(self, job: ApplyJob) -> tuple[Audit, dict[str, WofFile]]:
        if job.options.wipe:
            raise InvalidRequest(f"{self.name}: only a volume can be wiped, not a directory")
        audit = job.audit(self._folder, walked=self._folder if _has_content(self._folder) else None)
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
