"""What every apply has in common: what was asked for, the checks that the image alone decides, libwim's part."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from osdimage.imaging.apply.bytes import refuse_bytes
from osdimage.imaging.apply.compacting import Compacted
from osdimage.imaging.apply.engine import Engine, Reason
from osdimage.imaging.apply.names import refuse_unkept, told_in_directory, told_on_volume
from osdimage.imaging.apply.pipe import PipedImage
from osdimage.imaging.apply.supply import Supplies, Supply
from osdimage.imaging.apply.work import Work
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.units import counted as counted_of
from osdimage.imaging.wim.checks.audit import (
    load_tree,
    refuse_dropped_names,
    refuse_missing,
    refuse_unsafe_names,
    repairs,
)
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.copied.room import refuse_large
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.placed.narrowing import reading_images
from osdimage.imaging.wim.renamed.replacing import ReplacedName
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.unix import told_by_libwim
from osdimage.imaging.wof import Algorithm
from osdimage.native.wim.facts import Descriptors, ExtractSettings
from osdimage.native.wim.tree import Audit

if TYPE_CHECKING:
    from osdimage.imaging.wim.feed import ImageFeed


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
        odd_names: names that the volume holds and Windows cannot open, by class.
        warnings: sentences about single files, from libwim.
        engine: what filled an NTFS volume or a directory, or None for a FAT volume.
        engine_reason: why that was libntfs-3g or libwim, or None.
        replaced: number of names that were replaced by others.
        replaced_names: these; the first 10,000.
        is_new: the target is a directory that was not there before.
        compacted: what was compressed as a whole; None when nothing was to be.
    """

    target: Path
    partition: int | None
    wiped: int | None
    directories: int
    files: int
    size: int
    losses: tuple[Loss, ...]
    odd_names: tuple[Loss, ...]
    warnings: tuple[str, ...]
    engine: Engine | None = None
    engine_reason: Reason | None = None
    replaced: int = 0
    replaced_names: tuple[ReplacedName, ...] = ()
    is_new: bool = False
    compacted: Compacted | None = None


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    r"""How an image is applied.

    Attributes:
        wipe: first delete everything from the volume but the folders ``_SMSTaskSequence`` and ``SMSTSLog``; a FAT
            volume that has one of them, or a path to keep, is refused.
        keep: more paths that a wipe leaves, from the root of the volume, such as ``Users\State``; any case.
        needs_kept: refuse an NTFS volume that lacks a path to keep: perhaps it has another name there.
        unix_data: also set owner, group, mode and extended attributes of files that were captured with them, and make
            FIFOs, sockets and devices (directories only).
        limit_bytes: refuse an image that expands to more bytes.
        force: apply to a volume that is marked dirty, and stays so: what made it dirty is not repaired.
        sync: wait until the volume is on the medium (NTFS volumes only; with FAT it is always waited).
        strict: raise when something of the image cannot be kept in the target.
        is_part: the volume was marked dirty by whoever applies, who has more to write and takes the mark away.
        engine: what fills an NTFS volume or a directory.
        fixes_links: put the path of a directory before absolute links that were made relative to the image when it was
            captured, so that they lead to what was applied; None for as the WIM says (directories only: the letter that
            a volume will have is not known).
        descriptors: what becomes of security descriptors; with ``ALL`` a target that has none for them is refused, and
            with ``unix_data`` it is an error when what is of Unix cannot be set.
        attributes: set the attributes of Windows (hidden, read-only, compressed and so on) on an NTFS volume.
        names: what becomes of names that the target refuses; KEEP is for directories alone.
        compact: compress files as a whole, as Windows does with CompactOS, in a new NTFS volume: all that take fewer
            clusters so, but those that the boot loader may read.  Another volume is refused.
        now: the time at which a new NTFS volume that is filled as a whole is said to be changed; None for that of the
            clock, which libntfs-3g always takes.
    """

    wipe: bool = False
    keep: Iterable[str] = ()
    needs_kept: bool = False
    unix_data: bool = False
    limit_bytes: int | None = None
    force: bool = False
    sync: bool = True
    strict: bool = False
    is_part: bool = False
    engine: Engine = Engine.AUTO
    fixes_links: bool | None = None
    descriptors: Descriptors = Descriptors.KEPT
    attributes: bool = True
    names: Names = Names.REFUSE
    compact: Algorithm | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApplyJob:
    """One image on its way to a target.

    Attributes:
        image: of an open WIM.
        options: how it is applied.
        meter: is told the progress.
        progress: the same, for what has a meter of its own.
        supplies: what is known of images, shared with the other targets.
        filesystem: of the target, or None for a directory.
        replaced: the names of the image that were replaced for the target.
        piped: where the contents of the image come from, when that is a pipe.
    """

    image: WimImage
    options: ApplyOptions
    meter: Meter
    progress: ProgressCallback | None
    supplies: Supplies = field(default_factory=Supplies)
    filesystem: FileSystem | None = None
    replaced: tuple[ReplacedName, ...] = ()
    piped: PipedImage | None = None

    @property
    def now_ns(self) -> int:
        """The time at which what is made is said to be changed, in nanoseconds since 1970."""
        now = self.options.now
        return time.time_ns() if now is None else int(now.timestamp()) * 1_000_000_000

    def audit(self, where: Path, *, walked: Path | None = None) -> Audit:
        """Check all that the image alone tells."""
        refuse_bytes(self.image)
        audit = self._audited(None if walked is None else os.fspath(walked.resolve()))
        if self.piped is not None:
            audit = self.piped.completed(audit)
        self._judge(where, audit)
        return audit

    def supply(self, where: Path) -> Supply:
        """Check the same in the pass that takes the files of the image, for new volumes to be filled from it."""
        refuse_bytes(self.image)
        return self.supplies.of(self.image, lambda audit: self._judge(where, audit))

    def feed(self, where: Path) -> ImageFeed:
        """Check the same in the pass that takes the files of the image, for this target alone."""
        from osdimage.imaging.wim.feed import ImageFeed  # noqa: PLC0415 - it comes with threads

        refuse_bytes(self.image)
        return ImageFeed(self.image, lambda audit: self._judge(where, audit))

    def _judge(self, where: Path, audit: Audit) -> None:
        refuse_dropped_names(self.image.path, self.image.index, audit)
        if self.options.names is Names.KEEP:
            refuse_unkept(self.image, audit, self.filesystem)
        else:
            refuse_unsafe_names(self.image.path, self.image.index, audit)
        refuse_missing(self.image.path, self.image.index, audit)
        refuse_large(where, [audit], self.options.limit_bytes)

    def _audited(self, walked: str | None) -> Audit:
        """Pass over the tree, once for all targets that are no directories with files in them."""
        image = self.image
        if walked is None:
            return image.audit()
        with wim_errors(image.path):
            return load_tree(image.path, image.handle, image.index, target=walked)

    def extract(
        self,
        opened_by: str,
        audit: Audit,
        losses: tuple[Loss, ...],
        *,
        path: Path,
        volume: OpenVolume | None = None,
        wiped: int | None = None,
        reason: Reason | None = None,
    ) -> ApplyResult:
        """Let libwim write to what it opens by a name; ``volume`` is what that is, unless it is a directory."""
        odd_names = self.tell(audit, losses, volume)
        warnings, more = told_by_libwim(self._extracted(opened_by, to_ntfs=volume is not None))
        for loss in more:
            self.meter.warn(str(loss))
        return ApplyResult(
            target=path,
            partition=None if volume is None else volume.partition,
            wiped=wiped,
            directories=audit.directories,
            files=audit.files,
            size=audit.size,
            losses=losses + more,
            odd_names=odd_names,
            warnings=repairs(audit) + warnings,
            engine=Engine.LIBWIM if volume is None else Engine.LIBNTFS,
            engine_reason=reason,
        )

    def _settings(self, *, to_ntfs: bool) -> ExtractSettings:
        wished = self.options
        return ExtractSettings(to_ntfs, wished.unix_data, wished.fixes_links, wished.descriptors, wished.attributes)

    def refuse_descriptors(self, where: str, audit: Audit) -> None:
        """Refuse a target that has no security descriptors, where all of the image are to be kept.

        Raises:
            TargetRefused: with their number.
        """
        wished = self.options
        if wished.descriptors is Descriptors.ALL and audit.security_descriptors and not wished.unix_data:
            raise TargetRefused(
                f"{where}: not written: the security descriptors of {counted_of(audit.security_descriptors, 'file')} "
                "cannot be kept there, as they can on an NTFS volume"
            )

    def _extracted(self, opened_by: str, *, to_ntfs: bool) -> tuple[str, ...]:
        """Let libwim write; return its warnings."""
        settings, listen = self._settings(to_ntfs=to_ntfs), listener(self.meter)
        if self.piped is not None:
            return self.piped.extract(opened_by, settings, listener=listen)
        image = self.image
        with wim_errors(image.path), reading_images(image.path, image.handle, [image.index]):
            return image.handle.extract_image(image.index, opened_by, settings, listener=listen)

    def tell(self, audit: Audit, losses: tuple[Loss, ...], volume: OpenVolume | None) -> tuple[Loss, ...]:
        """Warn of what was repaired and what is lost; return the names that Windows cannot open on the volume."""
        odd_names = told_in_directory(audit) if volume is None else told_on_volume(audit, FileSystem.NTFS)
        for text in (*repairs(audit), *(str(loss) for loss in (*losses, *odd_names))):
            self.meter.warn(text)
        return odd_names


class Backend(Protocol):
    """A kind of target: what it can hold, what it refuses, and how an image comes to it."""

    name: str
    """What messages call the target."""
    takes_pipes: bool
    """Whether it can be filled with contents in the order in which they come."""

    filesystem: FileSystem | None
    """Of a volume; None for a directory."""

    def check(self, job: ApplyJob) -> None:
        """Refuse what :meth:`apply` would refuse, without writing anything.

        Raises:
            OsdImageError: as :func:`~osdimage.imaging.apply_image`.
        """

    def work(self, job: ApplyJob) -> Work[ApplyResult]:
        """Apply an image, as work that can share the contents with other targets.

        Raises:
            OsdImageError: as :func:`~osdimage.imaging.apply_image`.
        """


def counted(*counts: tuple[str, int]) -> tuple[Loss, ...]:
    """Return as losses what is there and is not kept."""
    return tuple(Loss(f"{what} not kept", count) for what, count in counts if count)
