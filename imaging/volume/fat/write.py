"""Writing a FAT volume in one pass, from front to back.

The order makes a half-written volume look like what it is: first the reserved sectors are zeroed and flushed, so that
nothing recognises a volume here but osdimage, which is told what it is to become (``disk/unfinished.py``); then come
the directories, the contents and the FATs; after a flush, FSInfo and the boot sectors, the first one last; FAT12 and
FAT16 have that one alone.  Nothing
outside the target, usually the window of a partition, is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from osdimage.imaging.disk.fat_width import FIRST_CLUSTER, FatWidth
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.unfinished import Unfinished
from osdimage.imaging.errors import InvalidRequest, StorageError, explain
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat.layout import (
    BACKUP_SECTOR,
    BOOT_BYTES,
    FSINFO_SECTOR,
    NO_LABEL,
    BootSector,
    FatLayout,
    FsInfo,
    build_boot,
    build_fsinfo,
    parse_boot,
)
from osdimage.imaging.volume.fat.names import codec, store_label
from osdimage.imaging.volume.fat.source import Piece, Source
from osdimage.imaging.volume.fat.times import EARLIEST, Clock
from osdimage.imaging.volume.fat.tree import Node, Tree, directory_bytes

# Writes of this size cost nothing beside the copying, and the buffer stays in the cache of the processor.
_GATHERED = MIB
_ZEROS = bytes(MIB)
_REPORTED = 64 * len(_ZEROS)  # bytes of zeros between two events
_FAT_SLAB = MIB // 4
# Of smaller files one call that reads and one that writes are faster than asking for holes first.
_COPIED = MIB


@dataclass(frozen=True, slots=True)
class FatOptions:
    """What a new volume is like, beside what is on it.

    Attributes:
        serial: the volume serial number, 32 bits; random ones come from the caller, so that a seed repeats them.
        label: up to 11 characters, in the case that they have, or the 11 bytes as another volume has them; None for
            none.
        cluster_size: in bytes, or None for what Windows takes for the size of the volume.
        sector_size: in bytes, or None for that of the target.
        hidden_sectors: sectors of the disk before the volume.
        heads: of the disk, as its BIOS counts.
        sectors_per_track: likewise.
        media: the media descriptor; F8 is a fixed disk.
        width: which FAT.
        layout: where the parts are to be, of a volume that is made anew as it was; None: that is planned.
        code_page: of the label and of short names.
        zone: whose clock the times on the volume show; FAT does not store it.
        formatted_ns: the time of the label, nanoseconds since 1970; None for 1980-01-01.
        is_dirty: mark it dirty: whoever makes it has more to write, and takes the mark away.
        is_zero: the target is known to hold nothing but zeros, as an image that was just made.
    """

    serial: int
    label: str | bytes | None = None
    cluster_size: int | None = None
    sector_size: int | None = None
    hidden_sectors: int = 0
    heads: int = 255
    sectors_per_track: int = 63
    media: int = 0xF8
    width: FatWidth = FatWidth.FAT32
    layout: FatLayout | None = None
    code_page: int = 437
    zone: tzinfo = field(default=UTC)
    formatted_ns: int | None = None
    is_dirty: bool = False
    is_zero: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers for which the boot sector has no room."""
        codec(self.code_page)
        store_label(self.label, self.code_page)
        limits = {
            "serial": 0xFFFFFFFF,
            "hidden_sectors": 0xFFFFFFFF,
            "heads": 0xFFFF,
            "sectors_per_track": 0xFFFF,
        }
        for name, largest in limits.items():
            value = getattr(self, name)
            if not 0 <= value <= largest:
                raise InvalidRequest(f"{name} {value} is not valid; valid are 0 to {largest}")
        if self.media != 0xF0 and not 0xF8 <= self.media <= 0xFF:
            raise InvalidRequest(f"media descriptor {self.media:#x} is not valid; valid are 0xf0 and 0xf8 to 0xff")


def write_volume(
    volume: BlockTarget, layout: FatLayout, tree: Tree, source: Source, *, options: FatOptions, meter: Meter
) -> None:
    """Write a planned volume; what was in the target is lost.

    Raises:
        StorageError: when reading or writing failed; the target holds no volume then.
        OsdImageError: likewise, for what the source raises.
    """
    try:
        # The copy first: what is there now stays whole, or is gone, and is never found by its copy beside new contents.
        if layout.width is FatWidth.FAT32:
            volume.write_at(BACKUP_SECTOR * layout.sector_size, bytes(layout.sector_size))
        boot = build_boot(_boot_sector(layout, options))
        # The label is in the boot sector.
        mark = Unfinished(layout.width.content, "", boot).sector(layout.sector_size)
        volume.write_at(0, mark.ljust(layout.reserved * layout.sector_size, b"\0"))
        volume.flush()
        stream = _Stream(volume, layout)
        _write_directories(stream, layout, tree, options)
        _write_contents(stream, layout, tree, source, _Copier(volume, meter, tree.size, is_able=options.is_zero))
        stream.finish()
        _write_fats(volume, layout, tree, options)
        volume.flush()
        _write_reserved(volume, layout, tree.used, options)
        volume.flush()
    except BaseException as error:
        explain(error, f"{volume.name} was not finished and holds no volume")
        raise


def zero_data(volume: BlockTarget, layout: FatLayout, meter: Meter) -> None:
    """Write zeros over every cluster, and over what is left behind the last one; holes of a disk image are zeros."""
    begin, end = layout.offset_of(FIRST_CLUSTER), layout.sectors * layout.sector_size
    for first, after in list(volume.data_ranges(begin, end)):
        for at in range(first, after, len(_ZEROS)):
            if (at - first) % _REPORTED == 0:
                meter.step(Phase.WIPE, at - begin, end - begin)
            volume.write_at(at, _ZEROS[: after - at])
    meter.step(Phase.WIPE, end - begin, end - begin)


class _Stream:
    """Gathers what is written one after the other, and pads each item with zeros to whole clusters."""

    def __init__(self, volume: BlockTarget, layout: FatLayout) -> None:
        self._volume = volume
        self._cluster_size = layout.cluster_size
        self._begin = layout.offset_of(FIRST_CLUSTER)
        # One buffer for all: memory that is new each time costs more than what is copied into it.
        self._buffer = memoryview(bytearray(_GATHERED))
        self._held = 0

    def put(self, offset: int, piece: Piece) -> None:
        """Write at a byte of the volume; cheap where the last piece ended."""
        if offset != self._begin + self._held:
            self.finish()
            self._begin = offset
        end = self._held + len(piece)
        if end < _GATHERED:
            self._buffer[self._held : end] = piece
            self._held = end
            return
        view = memoryview(piece)
        while view:
            part = view[: _GATHERED - self._held]
            self._buffer[self._held : self._held + len(part)] = part
            self._held += len(part)
            view = view[len(part) :]
            if self._held == _GATHERED:
                self.finish()

    def pad(self, offset: int, size: int) -> None:
        """Fill the last cluster of an item of ``size`` bytes that ends at ``offset``."""
        rest = -size % self._cluster_size
        if rest:
            self.put(offset, _ZEROS[:rest])

    def finish(self) -> None:
        """Write what is held."""
        if self._held:
            self._volume.write_at(self._begin, self._buffer[: self._held])
            self._begin += self._held
            self._held = 0


def _write_directories(stream: _Stream, layout: FatLayout, tree: Tree, options: FatOptions) -> None:
    clock = Clock(options.zone)
    label = store_label(options.label, options.code_page)
    label_time = EARLIEST if options.formatted_ns is None else clock.stamp(options.formatted_ns)
    for node in tree.directories:
        data = directory_bytes(node, clock, label, label_time)
        if not node.clusters:
            # A root that is no chain ends where the clusters begin.
            stream.put(layout.root_offset, data.ljust(layout.offset_of(FIRST_CLUSTER) - layout.root_offset, b"\0"))
            continue
        offset = layout.offset_of(node.cluster)
        stream.put(offset, data)
        if node.size:
            stream.pad(offset + node.size, node.size)
        else:
            stream.put(offset, bytes(layout.cluster_size))


class _StoppedError(Exception):
    """Carries what a listener raised past those who look for errors of the system."""

    def __init__(self, by: BaseException) -> None:
        super().__init__()
        self.by = by


class _Copier:
    """Lets large contents be copied by the system, with their holes, where that is possible; it tells the progress."""

    def __init__(self, volume: BlockTarget, meter: Meter, total: int, *, is_able: bool) -> None:
        self._volume = volume
        self._meter = meter
        self._total = total
        self._is_able = is_able
        self._done = 0

    def step(self, size: int) -> None:
        """Tell that so many bytes more are written."""
        self._done += size
        self._meter.step(Phase.EXTRACT_DATA, self._done, self._total)

    def copy(self, node: Node, offset: int) -> bool:
        """Copy the contents of a file; return whether that was done."""
        copy = node.entry.copy
        if not self._is_able or copy is None or node.size < _COPIED:
            return False
        try:
            self._is_able = self._volume.write_by(offset, node.size, lambda file, at: copy(file, at, self._copied))
        except _StoppedError as stopped:
            raise stopped.by from None
        return self._is_able

    def _copied(self, size: int) -> None:
        try:
            self.step(size)
        except BaseException as error:
            raise _StoppedError(error) from error


def _write_contents(stream: _Stream, layout: FatLayout, tree: Tree, source: Source, copier: _Copier) -> None:
    for indices, pieces in source.read():
        nodes = [node for index in indices if (node := tree.files[index]) is not None]
        if len(nodes) == 1 and copier.copy(nodes[0], layout.offset_of(nodes[0].cluster)):
            continue
        copier.step(_write_one(stream, layout, nodes, pieces) * len(nodes))


def _write_one(stream: _Stream, layout: FatLayout, nodes: list[Node], pieces: Iterable[Piece]) -> int:
    """Write one content to each of the files that hold it; refuse more or fewer bytes than were promised."""
    targets = [(layout.offset_of(node.cluster), node) for node in nodes]
    promised = nodes[0].size
    size = 0
    for piece in pieces:
        if size + len(piece) > promised:
            size += len(piece)
            break
        for offset, _ in targets:
            stream.put(offset + size, piece)
        size += len(piece)
    if size != promised:
        raise StorageError(
            f"{nodes[0].path!r} changed while it was read: {promised} bytes were promised, "
            f"{'more' if size > promised else size} came",
            path=nodes[0].path,
        )
    for offset, node in targets:
        stream.pad(offset + size, node.size)
    return size


def _write_fats(volume: BlockTarget, layout: FatLayout, tree: Tree, options: FatOptions) -> None:
    length = layout.fat_sectors * layout.sector_size
    offsets = [layout.fat_offset(number) for number in range(layout.fats)]
    at = 0
    for slab in _slabs(layout, tree, options):
        for offset in offsets:
            volume.write_at(offset + at, slab)
        at += len(slab)
    for offset in offsets:
        for begin in range(at, length, len(_ZEROS)):
            volume.write_at(offset + begin, _ZEROS[: length - begin])


def _slabs(layout: FatLayout, tree: Tree, options: FatOptions) -> Iterator[bytes]:
    """Yield the entries of the FAT that are not zero, a bounded number at a time; all of FAT12 are in the first."""
    kind = layout.kind
    end = FIRST_CLUSTER + tree.used
    ends = tree.chain_ends()
    last: int | None = next(ends, None)
    for first in range(0, end, _FAT_SLAB):
        stop = min(first + _FAT_SLAB, end)
        # Every cluster is followed by the next one, but for the ends of chains.
        slab = kind.values(range(first + 1, stop + 1))
        if first == 0:
            slab[0], slab[1] = kind.first_end_mark & ~0xFF | options.media, kind.end_of_chain
            if options.is_dirty:
                slab[1] &= ~kind.clean_shutdown
        while last is not None and last < stop:
            slab[last - first] = kind.end_of_chain
            last = next(ends, None)
        yield kind.pack(slab)


def boot_of(unfinished: Unfinished, size_bytes: int) -> BootSector:
    """Return the boot sector that a volume of ``size_bytes`` bytes is to have whose making was interrupted.

    Raises:
        InvalidVolume: when it cannot be one.
    """
    return parse_boot(unfinished.boot.ljust(BOOT_BYTES - 2, b"\0") + b"\x55\xaa", size_bytes=size_bytes)


def _boot_sector(layout: FatLayout, options: FatOptions) -> BootSector:
    return BootSector(
        layout,
        options.serial,
        store_label(options.label, options.code_page) or NO_LABEL,
        options.hidden_sectors,
        options.heads,
        options.sectors_per_track,
        options.media,
        is_dirty=options.is_dirty and not layout.kind.clean_shutdown,
    )


def _write_reserved(volume: BlockTarget, layout: FatLayout, used: int, options: FatOptions) -> None:
    boot = build_boot(_boot_sector(layout, options))
    if layout.width is not FatWidth.FAT32:
        volume.write_at(0, boot.ljust(layout.sector_size, b"\0"))
        return
    free = layout.clusters - used
    info = build_fsinfo(FsInfo(free, FIRST_CLUSTER + used if free else None))
    for sector, data in (
        (BACKUP_SECTOR + FSINFO_SECTOR, info),
        (BACKUP_SECTOR, boot),
        (FSINFO_SECTOR, info),
        (0, boot),
    ):
        volume.write_at(sector * layout.sector_size, data.ljust(layout.sector_size, b"\0"))
