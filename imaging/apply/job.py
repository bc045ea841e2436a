"""What every apply has in common: what was asked for, the checks that the image alone decides, libwim's part."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.wim.audit import load_tree, refuse_dropped_names, refuse_missing, refuse_unsafe_names, repairs
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.room import refuse_large
from osdimage.imaging.wim.steps import listener
from osdimage.native.wim.tree import Audit


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
    r"""How an image is applied.

    Attributes:
        wipe: first delete everything from the volume but the folders ``_SMSTaskSequence`` and ``SMSTSLog``; a FAT32
            volume that has one of them, or a path to keep, is refused.
        keep: more paths that a wipe leaves, from the root of the volume, such as ``Users\State``; any case.
        unix_data: also set owner, group and mode of files that were captured with them (directories only).
        limit_bytes: refuse an image that expands to more bytes.
        force: apply to a volume that is marked dirty, and stays so: what made it dirty is not repaired.
        sync: wait until the volume is on the medium (NTFS volumes only; with FAT32 it is always waited).
        strict: raise when something of the image cannot be kept in the target.
    """

    wipe: bool = False
    keep: Iterable[str] = ()
    unix_data: bool = False
    limit_bytes: int | None = None
    force: bool = False
    sync: bool = True
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ApplyJob:
    """One image on its way to a target."""

    image: WimImage
    partition: int | None
    options: ApplyOptions
    meter: Meter
    progress: ProgressCallback | None

    def audit(self, where: Path, *, walked: Path | None = None) -> Audit:
        """Check all that the image alone tells."""
        with wim_errors(self.image.path):
            audit = load_tree(
                self.image.path,
                self.image.handle,
                self.image.index,
                target=None if walked is None else os.fspath(walked.resolve()),
            )
        refuse_dropped_names(self.image.path, self.image.index, audit)
        refuse_unsafe_names(self.image.path, self.image.index, audit)
        refuse_missing(self.image.path, self.image.index, audit)
        refuse_large(where, [audit], self.options.limit_bytes)
        return audit

    def extract(
        self, target: Path, opened_by: str, audit: Audit, wiped: int | None, *, name: str | None = None
    ) -> ApplyResult:
        """Let libwim write; ``name`` is that of a volume."""
        losses = _losses(audit, to_ntfs=name is not None)
        for text in (*repairs(audit), *(str(loss) for loss in losses)):
            self.meter.warn(text)
        with wim_errors(self.image.path):
            warnings = self.image.handle.extract_image(
                self.image.index,
                opened_by,
                to_ntfs=name is not None,
                unix_data=self.options.unix_data,
                listener=listener(self.meter),
            )
        if name is not None:
            warnings = tuple(text.replace(opened_by, name) for text in warnings)
        return ApplyResult(
            target=target,
            partition=self.partition,
            wiped=wiped,
            directories=audit.directories,
            files=audit.files,
            size=audit.size,
            losses=losses,
            warnings=repairs(audit) + warnings,
        )


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
