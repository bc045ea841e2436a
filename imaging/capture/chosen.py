"""What of each of several disks is captured: decided for all before anything is written, and opened for the WIM."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

from osdimage.imaging.capture.config import CaptureConfig
from osdimage.imaging.capture.image import CaptureOptions
from osdimage.imaging.capture.layout import KeptDisk, choose_kept, layout_of
from osdimage.imaging.capture.raw import add_bytes, copied
from osdimage.imaging.capture.scan import Scanned, opened_source, scan
from osdimage.imaging.capture.source import CaptureSource, Opened
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.several import shared_identity
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.progress import Meter
from osdimage.imaging.volume.eligible import DiskVolumes, look_over
from osdimage.imaging.wim.described.captured import CapturedDisk
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.native.slices.slices import CACHE_SIZE
from osdimage.native.wim.handles import WimHandle

# Of the name of an image, before what tells which partition it is of.
_LONGEST_BASE, _LONGEST_BASE_OF_SEVERAL = 230, 220

Adding = Callable[[WimHandle], Scanned]
"""Adds an image to a WIM."""


@dataclass(frozen=True, slots=True)
class HowOfAll:
    """How all volumes are captured; see :func:`~osdimage.imaging.capture.volumes.capture_volumes`."""

    options: CaptureOptions
    config: CaptureConfig
    properties: ImageProperties | None
    keep_raw: bool
    decompacts: bool


@dataclass(frozen=True, slots=True)
class CapturedOfDisk:
    """What was captured of one disk.

    Attributes:
        index: the number of the disk, from 0.
        disk: the file or device.
        images: the indexes of its images.
        partitions: the numbers of their partitions, in the same order.
        skipped: the partitions that were left out, each with what it holds.
        raw: the numbers of the partitions whose bytes are kept.
        unkept: those of partitions that hold something which is not kept.
    """

    index: int
    disk: Path
    images: tuple[int, ...]
    partitions: tuple[int, ...]
    skipped: tuple[str, ...]
    raw: tuple[int, ...]
    unkept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChosenDisk:
    """A disk, and what of it is captured.

    Attributes:
        disk: open.
        index: its number.
        found: what is on it.
        kept: what of that the WIM keeps.
        count: of the disks that are captured together.
    """

    disk: Disk
    index: int
    found: DiskVolumes
    kept: KeptDisk
    count: int

    @property
    def _prefix(self) -> str:
        return f"disk {self.index}: " if self.count > 1 else ""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the partitions whose files are captured."""
        return tuple(each.number for each in self.kept.volumes)

    @property
    def raw(self) -> tuple[int, ...]:
        """Those of the partitions whose bytes are."""
        return tuple(each.number for each in self.kept.raw)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The others, each with what it holds."""
        return tuple(self._prefix + each for each in _skipped(self.found, [*self.numbers, *self.raw]))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is lost, in sentences."""
        return tuple(self._prefix + each for each in self.kept.warnings)

    def layout(self, number: int) -> CapturedDisk:
        """Return the layout that goes with the image of a partition."""
        return layout_of(self.found, self.kept, number, index=self.index)

    def told(self, images: tuple[int, ...]) -> CapturedOfDisk:
        """Return what was captured; ``images`` are the indexes that it got."""
        partitions = (*self.numbers, *self.raw)
        return CapturedOfDisk(self.index, self.disk.path, images, partitions, self.skipped, self.raw, self.kept.unkept)


def choose_disks(disks: Sequence[Disk], *, keep_raw: bool) -> list[ChosenDisk]:
    """Decide what is captured of each disk; refuse what could not be made again as one machine.

    Raises:
        InvalidInput: when Windows could not tell two disks apart, or one has no volume.
    """
    chosen = []
    for index, disk in enumerate(disks):
        found = look_over(disk)
        kept = choose_kept(disk, found, disk.read(), keep_raw=keep_raw)
        made = ChosenDisk(disk, index, found, kept, len(disks))
        if not made.numbers:
            on_it = ", ".join(_skipped(found, made.raw)) or "none"
            raise InvalidInput(f"{disk.name}: holds no NTFS or FAT volume; on it are: {on_it}")
        chosen.append(made)
    for one, other in combinations(chosen, 2):
        shared = shared_identity(one.found.table, other.found.table)
        if shared is not None:
            raise InvalidInput(
                f"{one.disk.name} and {other.disk.name} have the same disk {shared}, as a clone has: boot store and "
                "registry could mean either; valid are disks with different ones, as in a machine that runs"
            )
    return chosen


def opened_sources(
    chosen: ChosenDisk, destination: Path, how: HowOfAll, meter: Meter, sources: ExitStack
) -> list[Adding]:
    """Open all that is captured of a disk; return what adds it to a WIM, an image each."""
    disk = chosen.disk
    volumes = [disk.volume(each) for each in chosen.numbers]
    wanted = [
        replace(CaptureSource.of_volume(each, how.config), decompacts=how.decompacts and each.content is Content.NTFS)
        for each in volumes
    ]
    cache = CACHE_SIZE // (len(volumes) * chosen.count)
    opened = [sources.enter_context(opened_source(each, cache_size=cache)) for each in wanted]
    copies = [sources.enter_context(copied(disk, each, beside=destination, meter=meter)) for each in chosen.kept.raw]

    def named(number: int | None) -> ImageProperties:
        given = how.properties or ImageProperties()
        base = given.name or "".join(each if each.isprintable() else "?" for each in disk.path.resolve().name)
        if chosen.count > 1:
            name = f"{base[:_LONGEST_BASE_OF_SEVERAL]} (disk {chosen.index}, partition {number})"
        else:
            name = f"{base[:_LONGEST_BASE]} (partition {number})"
        return replace(given, name=name)

    def add_files(source: CaptureSource, volume: Opened, handle: WimHandle) -> Scanned:
        wanted = named(source.partition)
        return scan(handle, source, volume, wanted, boot=False, meter=meter, names=how.options.names)

    def add_raw(number: int, descriptor: int, size: int, handle: WimHandle) -> Scanned:
        return add_bytes(handle, descriptor, size, named(number))

    return [
        *(partial(add_files, each, volume) for each, volume in zip(wanted, opened, strict=True)),
        *(partial(add_raw, number, *copy) for number, copy in zip(chosen.raw, copies, strict=True)),
    ]


def _skipped(found: DiskVolumes, numbers: Container[int]) -> list[str]:
    return [
        f"partition {each.number} ({found.held[each.number].kind or each.type_label})"
        for each in found.table.partitions
        if each.number in found.held and each.number not in numbers
    ]
