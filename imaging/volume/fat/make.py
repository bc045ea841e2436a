"""FAT volumes inside a target: format, fill, open, check.

::

    with create_image("esp.img", 512 * MIB) as target:
        fill_fat(target, from_directory("tree"), FatOptions(serial=0x1234ABCD, label="SYSTEM"))

pyfatfs, the package of this project for FAT, needs a second for twenty files and truncates a disk image when it formats
a partition in it; so volumes are written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import Incomplete, InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.volume.fat.check import check_fat
from osdimage.imaging.volume.fat.entries import FatEntry
from osdimage.imaging.volume.fat.layout import FatLayout
from osdimage.imaging.volume.fat.plan import plan_layout, plan_width
from osdimage.imaging.volume.fat.read import FatVolume, open_fat
from osdimage.imaging.volume.fat.source import Source, SourceEntry, from_directory, from_entries
from osdimage.imaging.volume.fat.times import Clock
from osdimage.imaging.volume.fat.tree import Tree, plan_tree
from osdimage.imaging.volume.fat.write import FatOptions, write_volume, zero_data

__all__ = [
    "FatEntry",
    "FatLayout",
    "FatOptions",
    "FatVolume",
    "FillResult",
    "Source",
    "SourceEntry",
    "check_fat",
    "fill_fat",
    "format_fat",
    "from_directory",
    "from_entries",
    "open_fat",
    "plan_fill",
    "plan_layout",
    "refuse_unsafe",
]


@dataclass(frozen=True, slots=True)
class FillResult:
    """What a fill wrote.

    Attributes:
        layout: of the new volume.
        directories: number of directories, without the root.
        files: number of files.
        size: of their contents in bytes.
        free_bytes: what is left.
        losses: what of the source FAT cannot hold, by class.
    """

    layout: FatLayout
    directories: int
    files: int
    size: int
    free_bytes: int
    losses: tuple[Loss, ...]


def format_fat(
    volume: BlockTarget, options: FatOptions, *, full: bool = False, progress: ProgressCallback | None = None
) -> FatLayout:
    """Make an empty volume; what was in the target is lost.

    Args:
        volume: the target, usually the window of a partition; all of it becomes the volume.
        options: what the volume is like.
        full: also write zeros over all that is not used.
        progress: receives the progress.

    Raises:
        InvalidRequest: when FAT cannot have this size; nothing was written.
        StorageError: when writing failed; the target holds no volume.
    """
    layout = _layout(volume, options)
    nothing = from_entries(())
    tree = _plan((), layout, options, volume.name)
    meter = Meter(progress, {Phase.WIPE: 99, Phase.EXTRACT_DATA: 1} if full else {Phase.EXTRACT_DATA: 1})
    if full:
        zero_data(volume, layout, meter)
    write_volume(volume, layout, tree, nothing, options=options, meter=meter)
    meter.finish()
    return layout


def fill_fat(
    volume: BlockTarget,
    source: Source,
    options: FatOptions,
    *,
    strict: bool = False,
    progress: ProgressCallback | None = None,
) -> FillResult:
    """Make a volume and fill it, in one pass; what was in the target is lost.

    The same source and options give the same bytes.  A run that fails or is interrupted leaves no volume behind that
    anything would recognise.

    Args:
        volume: the target, usually the window of a partition; all of it becomes the volume.
        source: the files; see :func:`~osdimage.imaging.volume.fat.source.from_directory`, ``from_entries`` and
            :func:`~osdimage.imaging.apply.fat_source.from_image`.
        options: what the volume is like.
        strict: raise when something of the source cannot be kept.
        progress: receives the progress.

    Raises:
        InvalidRequest: when FAT cannot have this size, or two files would have one name; nothing was written.
        UnsafeName: when a name cannot be stored; nothing was written.
        TargetRefused: when something is too large for FAT, or everything for the volume; nothing was written.
        StorageError: when reading or writing failed; the target holds no volume.
        CorruptWim: when contents of a WIM are damaged; the target holds no volume.
        Incomplete: with ``strict``, after all is written.
    """
    layout, tree = plan_fill(volume, source, options)
    losses = (*source.losses, *_losses(source.entries, tree, options))
    meter = Meter(progress, {Phase.EXTRACT_DATA: 1})
    for loss in losses:
        meter.warn(str(loss))
    write_volume(volume, layout, tree, source, options=options, meter=meter)
    meter.finish()
    if strict and losses:
        raise Incomplete(f"{volume.name}: filled, but not everything was kept: {'; '.join(map(str, losses))}")
    return FillResult(
        layout,
        len(tree.directories) - 1,
        tree.file_count,
        tree.size,
        (layout.clusters - tree.used) * layout.cluster_size,
        losses,
    )


def plan_fill(volume: BlockTarget, source: Source, options: FatOptions) -> tuple[FatLayout, Tree]:
    """Decide where everything goes, without writing anything.

    Raises:
        InvalidRequest, UnsafeName, TargetRefused: as :func:`fill_fat`.
    """
    layout = _layout(volume, options)
    return layout, _plan(source.entries, layout, options, volume.name)


def _layout(volume: BlockTarget, options: FatOptions) -> FatLayout:
    if options.layout is None:
        return plan_width(volume.geometry, options.width, options.cluster_size, sector_size=options.sector_size)
    wanted = options.layout.sectors * options.layout.sector_size
    if wanted > volume.geometry.size_bytes:
        raise InvalidRequest(f"{volume.name}: has {volume.geometry.size_bytes} bytes; the volume takes {wanted}")
    return options.layout


def _plan(entries: Sequence[SourceEntry], layout: FatLayout, options: FatOptions, where: str) -> Tree:
    with_label = bool(options.label)
    return plan_tree(entries, layout, code_page=options.code_page, with_label=with_label, where=where)


def _losses(entries: Sequence[SourceEntry], tree: Tree, options: FatOptions) -> tuple[Loss, ...]:
    clock = Clock(options.zone)
    outside = sum(
        not (clock.holds(entry.created_ns) and clock.holds(entry.modified_ns) and clock.holds(entry.accessed_ns))
        for entry in entries
    )
    counts = {
        "times before 1980 or after 2107 moved to the nearer end": outside,
        "short names replaced": tree.short_names_replaced,
    }
    return tuple(Loss(what, count) for what, count in counts.items() if count)


def refuse_unsafe(volume: OpenVolume, old: FatVolume, *, force: bool) -> None:
    """Refuse to write to a volume that is dirty, unless ``force``.

    Raises:
        TargetRefused: with the reason and what to do.
    """
    if old.is_marked_dirty and not force:
        raise TargetRefused(
            f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished",
            remedy=Remedy("check it with fsck.fat or chkdsk; {} writes to it all the same", (Means.FORCE,)),
        )
