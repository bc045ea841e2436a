"""Applying an image to a directory or to an NTFS volume.

Everything that can be known is checked before the first byte is written: names, missing contents, size, the kind and
state of the target, links in the target that would lead elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import Incomplete, InvalidInput, OsdImageError, StorageError, TargetRefused
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.audit import (
    Loss,
    load_tree,
    refuse_dropped_names,
    refuse_link,
    refuse_missing,
    refuse_unsafe_names,
    repairs,
)
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.info import ImageInfo
from osdimage.imaging.wim.probe import Kind, probe
from osdimage.imaging.wim.space import refuse_full_directory, refuse_full_volume, refuse_large
from osdimage.imaging.wim.steps import listener
from osdimage.native import ntfs, tree
from osdimage.native.handles import WimHandle
from osdimage.native.tree import Audit

# Shares of the time of an apply, measured with libwim's progress messages on an image of 63,000 files (NTFS volume on
# tmpfs: 1.7 s of 7.3 s in creating files; directory: about the same).
_SHARES = {Phase.CREATE_FILES: 23.0, Phase.EXTRACT_DATA: 75.0, Phase.SET_METADATA: 2.0}


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What an apply wrote.  Sizes in bytes, hard links counted once.

    Attributes:
        target: the directory, file or device.
        directories: number of directories.
        files: number of files and links.
        size: of their contents.
        losses: what of the image the target could not hold, by class.
        warnings: sentences about single files, from libwim.
    """

    target: Path
    directories: int
    files: int
    size: int
    losses: tuple[Loss, ...]
    warnings: tuple[str, ...]


def apply_image(
    path: Path,
    handle: WimHandle,
    image: ImageInfo,
    target: Path,
    *,
    unix_data: bool,
    limit_bytes: int | None,
    force: bool,
    strict: bool,
    progress: ProgressCallback | None,
) -> ApplyResult:
    """Apply an image; see :meth:`osdimage.imaging.WimImage.apply_to`."""
    kind = _target_kind(target)
    to_ntfs = kind is Kind.NTFS
    if to_ntfs and unix_data:
        raise TargetRefused(f"{target}: owner, group and mode of Unix cannot be stored on an NTFS volume")
    with wim_errors(path):
        audit = load_tree(
            path, handle, image.index, target=os.fspath(target.resolve()) if _has_content(target) else None
        )
    refuse_dropped_names(path, image.index, audit)
    refuse_unsafe_names(path, image.index, audit)
    refuse_missing(path, image.index, audit)
    refuse_large(target, [audit], limit_bytes)
    meter = Meter(progress, _SHARES)
    if to_ntfs:
        facts = _volume_facts(target, force=force)
        with wim_errors(path):
            names = tree.names_in_root(handle, image.index)
        _refuse_occupied(target, names)
        refuse_full_volume(target, audit, facts.free)
        guard = _dirty_while_written(target)
    else:
        refuse_link(target, audit.symlink_path)
        refuse_full_directory(target, [audit])
        guard = _named_when_half_done(target)
    losses = _losses(audit, to_ntfs=to_ntfs)
    for text in (*repairs(audit), *(str(loss) for loss in losses)):
        meter.warn(text)
    with guard, wim_errors(path):
        warnings = handle.extract_image(
            image.index, target, to_ntfs=to_ntfs, unix_data=unix_data, listener=listener(meter)
        )
    meter.finish()
    result = ApplyResult(target, audit.directories, audit.files, audit.size, losses, repairs(audit) + warnings)
    if strict and (losses or result.warnings):
        raise Incomplete(f"{target}: applied, but not everything was kept: {summarise(losses, result.warnings)}")
    return result


def summarise(losses: tuple[Loss, ...], warnings: tuple[str, ...]) -> str:
    """Say in one line what was lost."""
    return "; ".join([*(str(loss) for loss in losses), *warnings[:3], *(["..."] if len(warnings) > 3 else [])])


def _target_kind(target: Path) -> Kind:
    kind = probe(target)
    if kind in {Kind.DIRECTORY, Kind.MISSING, Kind.NTFS}:
        return kind
    raise TargetRefused(
        f"{target}: is {kind.value}; an image is applied to a directory, or to a file or device that holds one NTFS "
        "volume"
    )


def _has_content(target: Path) -> bool:
    try:
        with os.scandir(target) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _volume_facts(target: Path, *, force: bool) -> ntfs.VolumeFacts:
    try:
        facts = ntfs.volume_facts(target)
    except OSError as error:
        raise InvalidInput(f"{target}: the NTFS volume cannot be opened: {error.strerror}") from error
    if facts.is_dirty and not force:
        raise TargetRefused(
            f"{target}: the volume is marked dirty: an earlier write to it was not finished.  Format it again, check "
            "it with chkdsk or ntfsfix, or use force"
        )
    return facts


def _refuse_occupied(target: Path, names: list[str]) -> None:
    """Refuse a volume that has a name of the image's root: libwim makes every file of a volume new, and stops there."""
    try:
        taken = ntfs.names_in_root(target, names)
    except OSError as error:
        raise InvalidInput(f"{target}: the NTFS volume cannot be opened: {error.strerror}") from error
    if taken:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise TargetRefused(
            f"{target}: not written: the volume holds {taken[0]!r}{more}, which the image has too; format it first"
        )


@contextmanager
def _dirty_while_written(target: Path) -> Iterator[None]:
    """Mark a volume dirty for the body of the ``with``, and clean only if it ends well."""
    _set_dirty(target, dirty=True)
    try:
        yield
    except OsdImageError as error:
        error.args = (f"{error} -- {target} holds an incomplete image and stays marked dirty", *error.args[1:])
        raise
    _set_dirty(target, dirty=False)


def _set_dirty(target: Path, *, dirty: bool) -> None:
    try:
        ntfs.set_dirty(target, dirty=dirty)
    except OSError as error:
        raise StorageError(
            f"{target}: the volume's dirty flag cannot be changed: {error.strerror}", path=target, errno=error.errno
        ) from error


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
    except OsdImageError as error:
        error.args = (f"{error} -- {target} holds an incomplete image", *error.args[1:])
        raise


def _losses(audit: Audit, *, to_ntfs: bool) -> tuple[Loss, ...]:
    """Count what the kind of target has no place for."""
    always = [("encrypted files (EFS)", audit.encrypted)]
    in_a_directory = [
        ("security descriptors", audit.security_descriptors),
        ("named data streams", audit.named_streams),
        ("short names", audit.short_names),
        ("reparse points other than links", audit.other_reparse_points),
        ("object ids", audit.object_ids),
        ("files with DOS attributes", audit.dos_attributes),
    ]
    counts = always if to_ntfs else [*in_a_directory, *always]
    return tuple(Loss(f"{what} not kept", count) for what, count in counts if count)
