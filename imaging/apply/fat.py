"""Applying an image to a FAT32 volume, which is made anew with the label, serial number and clusters that it had."""

from __future__ import annotations

from collections.abc import Sequence

from osdimage.imaging.apply.fat_source import from_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.errors import InvalidRequest, TargetRefused
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.volume.fat.make import FillResult, fill_fat32, plan_fill, refuse_unsafe
from osdimage.imaging.volume.fat.names import fold
from osdimage.imaging.volume.fat.read import Fat32Volume, open_fat32
from osdimage.imaging.volume.fat.source import Source
from osdimage.imaging.volume.fat.write import Fat32Options
from osdimage.imaging.volume.opened import OpenVolume
from osdimage.imaging.wim.image import WimImage


def fill(
    volume: OpenVolume,
    image: WimImage,
    *,
    options: ApplyOptions,
    kept: tuple[str, ...],
    progress: ProgressCallback | None,
) -> tuple[int | None, FillResult]:
    """Make the volume anew with the files of an image; return how many files that deleted, if it was to be wiped.

    Raises:
        TargetRefused: when the volume must not be made anew, or is too small; nothing was written.
        OsdImageError: as :func:`~osdimage.imaging.volume.fat.make.fill_fat32` and ``from_image`` do.
    """
    source, wanted, deleted = prepare(volume, image, options=options, kept=kept)
    filled = fill_fat32(volume.window(), source, wanted, progress=progress)
    return (deleted if options.wipe else None), filled


def prepare(
    volume: OpenVolume, image: WimImage, *, options: ApplyOptions, kept: tuple[str, ...]
) -> tuple[Source, Fat32Options, int]:
    """Check all that can be known before the volume is written; return what :func:`fill` needs.

    Raises:
        TargetRefused: as :func:`fill`.
    """
    old = open_fat32(volume.window())
    refuse_unsafe(volume, old, force=options.force)
    deleted = _refuse_occupied(volume, old, kept, wipe=options.wipe)
    source = from_image(image)
    wanted = _as_it_was(volume, old)
    plan_fill(volume.window(), source, wanted)
    return source, wanted, deleted


def _refuse_occupied(volume: OpenVolume, old: Fat32Volume, kept: Sequence[str], *, wipe: bool) -> int:
    """Refuse a volume that holds something, or, where it may be wiped, something that a wipe leaves; count it."""
    root = old.entries()
    if root and not wipe:
        raise TargetRefused(
            f"{volume.name}: not written: the volume holds {root[0].name!r}"
            f"{f' and {len(root) - 1} more' if len(root) > 1 else ''}; a FAT32 volume is made anew and not added to: "
            "wipe it, or format it first"
        )
    guarded = {fold(path.replace("\\", "/")): path for path in kept}
    count = 0
    for entry in old.walk():
        count += 1
        path = guarded.get(fold(entry.path))
        if path is not None:
            raise TargetRefused(
                f"{volume.name}: not wiped: the volume holds {path!r}, which a wipe leaves, but a FAT32 volume is made "
                "anew as a whole; save it and delete it first"
            )
    return count


def _as_it_was(volume: OpenVolume, old: Fat32Volume) -> Fat32Options:
    boot = old.boot
    try:
        return Fat32Options(
            serial=boot.serial,
            label=old.label,
            cluster_size=old.layout.cluster_size,
            hidden_sectors=boot.hidden_sectors,
            heads=boot.heads,
            sectors_per_track=boot.sectors_per_track,
            media=boot.media,
        )
    except InvalidRequest as error:
        raise TargetRefused(f"{volume.name}: the volume cannot be made anew as it was: {error}; format it") from error
