"""Applying an image to a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, ApplyResult
from osdimage.imaging.errors import StorageError, explain
from osdimage.imaging.wim.audit import refuse_link
from osdimage.imaging.wim.room import refuse_full_directory


def apply_to_directory(job: ApplyJob, target: Path) -> ApplyResult:
    """Apply an image to a directory, which is made if it is missing; see :func:`~osdimage.imaging.apply_image`."""
    audit = job.audit(target, walked=target if _has_content(target) else None)
    refuse_link(target, audit.symlink_path)
    refuse_full_directory(target, [audit])
    with _named_when_half_done(target):
        result = job.extract(target, os.fspath(target), audit, None)
    job.meter.finish()
    return result


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
