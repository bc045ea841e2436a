"""Applying an image to a directory or to an NTFS or FAT32 volume, which may be a partition of a disk.

Everything that can be known is checked before the first byte is written: names, missing contents, size, the kind and
state of the target, links in the target that would lead elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import Incomplete, InvalidRequest, StorageError, TargetRefused, explain
from osdimage.imaging.loss import Loss, summarise
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.volume import ntfs, ntfs_mirror
from osdimage.imaging.volume.opened import OpenVolume, name_of, open_volume
from osdimage.imaging.wim.audit import (
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
from osdimage.native import tree
from osdimage.native.handles import WimHandle
from osdimage.native.ntfs import VolumeFacts
from osdimage.native.slices import Slice
from osdimage.native.tree import Audit

# Shares of the time of an apply, measured with libwim's progress messages on an image of 63,000 files (NTFS volume on
# tmpfs: 1.7 s of 7.3 s in creating files; directory: about the same).  How much there is to join is not known before.
_SHARES = {Phase.CREATE_FILES: 23.0, Phase.EXTRACT_DATA: 75.0, Phase.SET_METADATA: 2.0, Phase.JOIN: 2.0}
_WIPE_SHARE = {Phase.WIPE: 25.0}


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What an apply wrote.  Sizes in bytes, hard links counted once.

    Attributes:
        target: the directory, file or device.
        partition: the number of the partition, or None when there is none in question.
        wiped: number of files and directories that were deleted before, or None when nothing was to be wiped.
        directories: number of directories, the root among them.
        files: number of files and links.
        size: of their contents.
        losses: what of the image the target could not hold, by class.
        warnings: sentences about single files, from libwim.
    """

    target: Path
    partition: int | None
    wiped: int | None
    directories: int
    files: int
    size: int
    losses: tuple[Loss, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How an image is applied; see :meth:`osdimage.imaging.WimImage.apply_to`."""

    partition: int | None = None
    wipe: bool = False
    keep: Iterable[str] = ()
    unix_data: bool = False
    limit_bytes: int | None = None
    force: bool = False
    sync: bool = True
    strict: bool = False


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
    job = _Job(path, handle, image.index, options, Meter(progress, shares), progress)
    if options.partition is not None or _is_volume(target):
        if options.unix_data:
            where = name_of(target, options.partition)
            raise TargetRefused(f"{where}: owner, group and mode of Unix cannot be stored on a volume of Windows")
        kept = ntfs.kept_paths(options.keep)
        with open_volume(target, options.partition, write=True) as volume:
            result = job.to_volume(volume, kept)
    else:
        if options.wipe:
            raise InvalidRequest(f"{target}: only a volume can be wiped, not a directory")
        result = job.to_directory(target)
    if options.strict and (result.losses or result.warnings):
        where = name_of(target, options.partition)
        raise Incomplete(f"{where}: applied, but not everything was kept: {summarise(result.losses, result.warnings)}")
    return result


def check_image(path: Path, handle: WimHandle, index: int, disk: Path, options: ApplyOptions) -> None:
    """Refuse what an apply to a partition would refuse, without writing anything.

    Raises:
        OsdImageError: as :meth:`osdimage.imaging.WimImage.apply_to`.
    """
    job = _Job(path, handle, index, options, Meter(None, _SHARES), None)
    with open_volume(disk, options.partition) as volume:
        job.check_volume(volume, ntfs.kept_paths(options.keep))


@dataclass(frozen=True, slots=True)
class _Job:
    """One image on its way to a target."""

    path: Path
    handle: WimHandle
    index: int
    options: ApplyOptions
    meter: Meter
    progress: ProgressCallback | None

    def to_directory(self, target: Path) -> ApplyResult:
        audit = self._audit(target, walked=target if _has_content(target) else None)
        refuse_link(target, audit.symlink_path)
        refuse_full_directory(target, [audit])
        with _named_when_half_done(target):
            result = self._extract(target, os.fspath(target), audit, None)
        self.meter.finish()
        return result

    def to_volume(self, volume: OpenVolume, kept: tuple[str, ...]) -> ApplyResult:
        if volume.filesystem == "ntfs":
            result = self._to_ntfs(volume, kept)
            self.meter.finish()
            return result
        if volume.filesystem == "fat32":
            return self._to_fat32(volume, kept)
        raise TargetRefused(f"{volume.name}: holds {volume.described}; an image is applied to an NTFS or FAT32 volume")

    def check_volume(self, volume: OpenVolume, kept: tuple[str, ...]) -> None:
        audit = self._audit(Path(volume.name))
        if volume.filesystem == "ntfs":
            # A volume that must be mended first tells its free space only then.
            if not ntfs.refuse_unfinished(volume, force=self.options.force):
                with volume.sliced(read_only=True) as piece:
                    self._check_ntfs(volume, piece, audit)
        elif volume.filesystem == "fat32":
            from osdimage.imaging.wim.apply_fat32 import prepare  # noqa: PLC0415 - construct comes with it

            prepare(volume, self.path, self.handle, self.index, options=self.options, kept=kept)
        else:
            raise TargetRefused(
                f"{volume.name}: holds {volume.described}; an image is applied to an NTFS or FAT32 volume"
            )

    def _check_ntfs(self, volume: OpenVolume, piece: Slice, audit: Audit) -> VolumeFacts:
        """Refuse what can be refused before anything is written; return the facts of the volume."""
        facts = ntfs.read_facts(volume, piece)
        ntfs.refuse_unsafe(volume, facts, force=self.options.force)
        # What a wipe will free is known only afterwards; what never fits is refused before.
        refuse_full_volume(Path(volume.name), audit, facts.size if self.options.wipe else facts.free)
        return facts

    def _to_fat32(self, volume: OpenVolume, kept: tuple[str, ...]) -> ApplyResult:
        from osdimage.imaging.wim.apply_fat32 import fill  # noqa: PLC0415 - construct comes with it

        audit = self._audit(Path(volume.name))
        wiped, filled = fill(
            volume, self.path, self.handle, self.index, options=self.options, kept=kept, progress=self.progress
        )
        return ApplyResult(
            target=volume.path,
            partition=self.options.partition,
            wiped=wiped,
            directories=audit.directories,
            files=filled.files,
            size=filled.size,
            losses=filled.losses,
            warnings=repairs(audit),
        )

    def _to_ntfs(self, volume: OpenVolume, kept: tuple[str, ...]) -> ApplyResult:
        where = Path(volume.name)
        audit = self._audit(where)
        if ntfs.refuse_unfinished(volume, force=self.options.force):
            ntfs_mirror.mend(volume.window())
        with volume.sliced(read_only=False, sync=self.options.sync) as piece:
            facts = self._check_ntfs(volume, piece, audit)
            wiped = self._start_over(volume, kept) if facts.is_dirty else None
            if wiped is not None:
                facts = ntfs.read_facts(volume, piece)
            reason = ntfs.stays_dirty(facts)
            if wiped is None and self.options.wipe:
                with ntfs.dirty_while_written(volume, piece, facts, "is partly wiped"):
                    wiped = ntfs.wipe(volume, piece, kept, self.meter)
                facts = ntfs.read_facts(volume, piece)
                refuse_full_volume(where, audit, facts.free)
            if reason is not None:
                self.meter.warn(f"{volume.name}: stays marked dirty, as {reason}: check it with chkdsk or ntfsfix")
            with wim_errors(self.path):
                names = tree.names_in_root(self.handle, self.index)
            with (
                ntfs.dirty_while_written(volume, piece, facts, "holds an incomplete image"),
                ntfs.joined_with(volume, piece, names, self.meter),
            ):
                return self._extract(volume.path, piece.name, audit, wiped, name=volume.name)

    def _start_over(self, volume: OpenVolume, kept: tuple[str, ...]) -> int | None:
        """Make a dirty volume anew if it is to be wiped and can be; refuse one that is unsound otherwise."""
        from osdimage.imaging.volume import ntfs_unfinished  # noqa: PLC0415 - construct comes with it

        wiped = ntfs_unfinished.start_over(volume, kept) if self.options.wipe else None
        if wiped is None:
            ntfs_unfinished.refuse_unsound(volume)
        return wiped

    def _audit(self, where: Path, *, walked: Path | None = None) -> Audit:
        """Check all that the image alone tells."""
        with wim_errors(self.path):
            audit = load_tree(
                self.path, self.handle, self.index, target=None if walked is None else os.fspath(walked.resolve())
            )
        refuse_dropped_names(self.path, self.index, audit)
        refuse_unsafe_names(self.path, self.index, audit)
        refuse_missing(self.path, self.index, audit)
        refuse_large(where, [audit], self.options.limit_bytes)
        return audit

    def _extract(
        self, target: Path, opened_by: str, audit: Audit, wiped: int | None, *, name: str | None = None
    ) -> ApplyResult:
        """Let libwim write; ``name`` is that of a volume."""
        losses = _losses(audit, to_ntfs=name is not None)
        for text in (*repairs(audit), *(str(loss) for loss in losses)):
            self.meter.warn(text)
        with wim_errors(self.path):
            warnings = self.handle.extract_image(
                self.index,
                opened_by,
                to_ntfs=name is not None,
                unix_data=self.options.unix_data,
                listener=listener(self.meter),
            )
        if name is not None:
            warnings = tuple(text.replace(opened_by, name) for text in warnings)
        return ApplyResult(
            target=target,
            partition=self.options.partition,
            wiped=wiped,
            directories=audit.directories,
            files=audit.files,
            size=audit.size,
            losses=losses,
            warnings=repairs(audit) + warnings,
        )


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
