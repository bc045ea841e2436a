"""Applying an image to a directory; for volumes ``apply_volume.py`` is imported when one is the target.

Everything that can be known is checked before the first byte is written: names, missing contents, size, the kind and
state of the target, links in the target that would lead elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.errors import Incomplete, InvalidRequest, StorageError, TargetRefused, explain
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.volume.title import title_of
from osdimage.imaging.wim.apply_job import ApplyJob, ApplyOptions, ApplyResult
from osdimage.imaging.wim.audit import refuse_link
from osdimage.imaging.wim.info import ImageInfo
from osdimage.imaging.wim.probe import Kind, probe
from osdimage.imaging.wim.space import refuse_full_directory
from osdimage.native.handles import WimHandle

# Shares of the time of an apply, measured with libwim's progress messages on an image of 63,000 files (NTFS volume on
# tmpfs: 1.7 s of 7.3 s in creating files; directory: about the same).  How much there is to join is not known before.
_SHARES = {Phase.CREATE_FILES: 23.0, Phase.EXTRACT_DATA: 75.0, Phase.SET_METADATA: 2.0, Phase.JOIN: 2.0}
_WIPE_SHARE = {Phase.WIPE: 25.0}


def apply_image(
    path: Path,
    handle: WimHandle,
    image: ImageInfo,
    target: Path,
    *,
    options: ApplyOptions,
    progress: ProgressCallback | None,
) -> ApplyResult:
    """Apply an image; see :meth:`osdimage.imaging.WimImage.apply_to`."""
    shares = _WIPE_SHARE | _SHARES if options.wipe else _SHARES
    job = ApplyJob(path, handle, image.index, options, Meter(progress, shares), progress)
    where = title_of(target, options.partition)
    if options.partition is not None or _is_volume(target):
        if options.unix_data:
            raise TargetRefused(f"{where}: owner, group and mode of Unix cannot be stored on a volume of Windows")
        from osdimage.imaging.wim.apply_volume import apply_to_volume  # noqa: PLC0415 - a directory needs none of it

        result = apply_to_volume(job, target)
    else:
        if options.wipe:
            raise InvalidRequest(f"{target}: only a volume can be wiped, not a directory")
        result = _to_directory(job, target)
    if options.strict and (result.losses or result.warnings):
        raise Incomplete(f"{where}: applied, but not everything was kept: {summarise(result.losses, result.warnings)}")
    return result


def _to_directory(job: ApplyJob, target: Path) -> ApplyResult:
    audit = job.audit(target, walked=target if _has_content(target) else None)
    refuse_link(target, audit.symlink_path)
    refuse_full_directory(target, [audit])
    with _named_when_half_done(target):
        result = job.extract(target, os.fspath(target), audit, None)
    job.meter.finish()
    return result


def _is_volume(target: Path) -> bool:
    kind = probe(target)
    if kind in {Kind.DIRECTORY, Kind.MISSING}:
        return False
    if kind in {Kind.NTFS, Kind.FAT}:
        return True
    hint = "; say which partition" if kind is Kind.DISK else ""
    raise TargetRefused(
        f"{target}: is {kind.value}; an image is applied to a directory, to a file or device that holds one NTFS "
        f"or FAT32 volume, or to a partition of a disk{hint}"
    )


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
