"""Disk images for the tests of other programs: a layout and a tree in, a ready disk out, without root or loop devices.

As a function::

    from osdimage.imaging import Preset, preset_layout
    from osdimage.imaging.testing import make_disk

    table = make_disk("disk.img", 4 << 30, preset_layout(Preset.UEFI), {1: "esp-tree", 3: "windows-tree"})

As a pytest fixture, which comes with the package (no import, no configuration)::

    def test_my_tool(osdimage_disk):
        disk = osdimage_disk(size="4GB", preset="uefi", trees={3: "windows-tree"})
        assert my_tool(disk.path) == ...
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.capture.config import CaptureConfig
from osdimage.imaging.capture.image import CaptureOptions, CaptureSource, capture_image
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.volume.fat.make import fill_fat
from osdimage.imaging.volume.fat.source import from_directory
from osdimage.imaging.volume.fat.write import FatOptions
from osdimage.imaging.volume.filesystems import FormatWish, format_volume, serial_bits
from osdimage.imaging.wim.compression import Compression, CompressionSpec
from osdimage.imaging.wim.file import WimFile

__all__ = ["MadeDisk", "make_disk"]

StrPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class MadeDisk:
    """A disk image that was made: where it is, and its partitions."""

    path: Path
    table: PartitionTable


def make_disk(
    path: StrPath,
    size_bytes: int,
    layout: DiskLayout,
    trees: Mapping[int, StrPath] | None = None,
    *,
    sector_size: int = 512,
    seed: int | str = 0,
) -> PartitionTable:
    """Make a disk image: partitioned, formatted, and filled with trees.

    Args:
        path: the image to create; it is sparse.
        size_bytes: of the disk.
        layout: the partitions.
        trees: directories, by the number of the partition that gets a copy of it.
        sector_size: 512 or 4096 bytes.
        seed: for GUIDs, signatures and serial numbers; the same seed gives the same.

    Raises:
        InvalidRequest: when a tree is for a partition that the layout does not format.
        TargetRefused: when the image exists, or a tree does not fit.
        OsdImageError: when something else fails.  The image is removed then.
    """
    wanted = dict(trees or {})
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    target = create_image(os.fspath(path), size_bytes, sector_size=sector_size)
    try:
        with Disk(target, Path(path), is_new=True) as disk:
            table = place(layout, disk.geometry, rng)
            formatted = [
                each for each in table.partitions if each.spec is not None and each.spec.filesystem is not None
            ]
            _refuse_unformatted(wanted, formatted)
            initialize(disk.target, table, now=datetime.now(UTC), save=False)
            for each in formatted:
                _make(disk, each, rng, wanted.get(each.number))
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    return table


def _refuse_unformatted(wanted: Mapping[int, StrPath], formatted: Sequence[Partition]) -> None:
    unknown = sorted(set(wanted) - {each.number for each in formatted})
    if unknown:
        raise InvalidRequest(f"partition {unknown[0]} is not formatted by the layout, and cannot be filled")


def _make(disk: Disk, partition: Partition, rng: random.Random, tree: StrPath | None) -> None:
    spec = partition.spec
    if spec is None or spec.filesystem is None:
        return
    serial = rng.getrandbits(serial_bits(spec.filesystem))
    if spec.filesystem is FileSystem.FAT32 and tree is not None:
        options = FatOptions(serial, spec.label, hidden_sectors=partition.extent.first)
        fill_fat(disk.volume_in(partition).window(), from_directory(tree), options)
        return
    format_volume(disk.volume_in(partition), spec.filesystem, FormatWish(serial, spec.label, is_zero=True))
    if tree is not None:
        _fill_ntfs(disk.volume_in(partition), Path(tree))


def _fill_ntfs(volume: OpenVolume, tree: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="osdimage-") as folder:
        wim = Path(folder) / "tree.wim"
        # Everything, with nothing left out, and no time lost in compressing.
        capture_image(
            CaptureSource(tree, CaptureConfig()), wim, CaptureOptions(compression=CompressionSpec(Compression.NONE))
        )
        with WimFile.open(wim) as opened:
            apply_image(opened.image(1), volume, ApplyOptions(sync=False))
