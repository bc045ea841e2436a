"""How the size of a new volume becomes tables and clusters; pure, without a target."""

from __future__ import annotations

from osdimage.imaging.disk.fat_width import DIRECTORY_ENTRY_BYTES, FIRST_CLUSTER, FatWidth
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.units import GIB, KIB, MIB, Geometry, format_size
from osdimage.imaging.volume.fat.layout import (
    FATS,
    MAX_CLUSTERS,
    MIN_CLUSTERS,
    RESERVED_SECTORS,
    SECTOR_SIZES,
    FatLayout,
)
from osdimage.imaging.volume.fat.packing import KINDS

MAX_SECTORS = 0xFFFFFFFF
_ENTRY_BYTES = 4
# Microsoft, "Default cluster size for NTFS, FAT, and exFAT": 128 and 256 KiB only with sectors above 512 bytes.
_LARGEST_CLUSTER, _LARGEST_OF_LARGE_SECTORS = 64 * KIB, 256 * KIB
_MOST_SECTORS_PER_CLUSTER = 128
# fatgen103, DskTableFAT32, which mkfs.fat follows: up to this many bytes, clusters of so many bytes.
_DEFAULT_CLUSTERS = ((260 * MIB, 512), (8 * GIB, 4 * KIB), (16 * GIB, 8 * KIB), (32 * GIB, 16 * KIB))
_DEFAULT_ABOVE = 32 * KIB
# Of the root directory of FAT12 and FAT16: what mkfs.fat and Windows give to a volume of a disk.
_ROOT_ENTRIES = 512


def plan_width(
    geometry: Geometry, width: FatWidth, cluster_size: int | None = None, *, sector_size: int | None = None
) -> FatLayout:
    """Return the layout of a volume of a width; see :func:`plan_layout` and :func:`plan_small_layout`."""
    if width is FatWidth.FAT32:
        return plan_layout(geometry, cluster_size, sector_size=sector_size)
    return plan_small_layout(geometry, width, cluster_size, sector_size=sector_size)


def plan_layout(geometry: Geometry, cluster_size: int | None = None, *, sector_size: int | None = None) -> FatLayout:
    """Return the layout of a FAT32 volume of this size.

    Args:
        geometry: of the window that becomes the volume.
        cluster_size: in bytes; None for what is usual for the size.
        sector_size: of the volume in bytes, one of :data:`SECTOR_SIZES`; None for that of the window.

    Raises:
        InvalidRequest: when FAT32 cannot have this size; the message says what would be valid.
    """
    sector_size = geometry.sector_size if sector_size is None else sector_size
    _refuse_sector_size(sector_size)
    sectors = geometry.size_bytes // sector_size
    if sectors > MAX_SECTORS:
        most = format_size(MAX_SECTORS * sector_size)
        raise InvalidRequest(f"{format_size(geometry.size_bytes)} is too large for FAT32; valid is less than {most}")
    if cluster_size is None:
        cluster_size = max(_usual_cluster(geometry.size_bytes), sector_size)
    else:
        _refuse_cluster_size(cluster_size, sector_size)
    layout = _layout(sector_size, sectors, cluster_size)
    if layout.clusters < MIN_CLUSTERS:
        least = smallest_sectors(sector_size, layout.cluster_size) * sector_size
        raise InvalidRequest(
            f"{format_size(geometry.size_bytes)} is too small for FAT32: {max(layout.clusters, 0)} clusters of "
            f"{layout.cluster_size} bytes, at least {MIN_CLUSTERS} are needed; valid with such clusters are volumes "
            f"from {least} bytes ({format_size(least)})"
        )
    if layout.clusters > MAX_CLUSTERS:
        raise InvalidRequest(
            f"{format_size(geometry.size_bytes)} has {layout.clusters} clusters of {layout.cluster_size} bytes, FAT32 "
            f"at most {MAX_CLUSTERS}; choose larger clusters, up to {_largest_cluster(sector_size)} bytes"
        )
    return layout


def plan_small_layout(
    geometry: Geometry, width: FatWidth, cluster_size: int | None = None, *, sector_size: int | None = None
) -> FatLayout:
    """Return the layout of a FAT12 or FAT16 volume of this size.

    Args:
        geometry: of the window that becomes the volume.
        width: which of the two.
        cluster_size: in bytes; None for the smallest clusters that there are not too many of.
        sector_size: of the volume in bytes, one of :data:`SECTOR_SIZES`; None for that of the window.

    Raises:
        InvalidRequest: when the width cannot have this size; the message says how many clusters it would have.
    """
    sector_size = geometry.sector_size if sector_size is None else sector_size
    _refuse_sector_size(sector_size)
    if cluster_size is not None:
        _refuse_cluster_size(cluster_size, sector_size)
    sectors = min(geometry.size_bytes // sector_size, MAX_SECTORS)
    sizes = _cluster_sizes(sector_size) if cluster_size is None else [cluster_size]
    found = [_small_layout(sector_size, sectors, size, width) for size in sizes]
    fitting = next((each for each in found if each.clusters > 0 and FatWidth.of(each.clusters) is width), None)
    if fitting is None:
        nearest = found[-1 if found[-1].clusters > width.most_clusters else 0]
        least = 1 if width is FatWidth.FAT12 else FatWidth.FAT12.most_clusters + 1
        raise InvalidRequest(
            f"{format_size(geometry.size_bytes)} cannot be {width.name}: that is {max(nearest.clusters, 0)} clusters "
            f"of {nearest.cluster_size} bytes; valid are {least} to {width.most_clusters}"
        )
    return fitting


def _small_layout(sector_size: int, sectors: int, cluster_size: int, width: FatWidth) -> FatLayout:
    """Lay out a volume: FATs as small as can be, and reserved sectors until the clusters begin at a multiple.

    Of a size that the width cannot have, the layout has too many clusters.
    """
    kind = KINDS[width]
    per_cluster = cluster_size // sector_size
    root = -(-_ROOT_ENTRIES * DIRECTORY_ENTRY_BYTES // sector_size)
    largest = -(-kind.packed_bytes(width.most_clusters + FIRST_CLUSTER) // sector_size)
    fat_sectors = 0
    while True:
        fat_sectors += 1
        reserved = 1 + -(1 + FATS * fat_sectors + root) % per_cluster
        layout = FatLayout(sector_size, sectors, per_cluster, reserved, FATS, fat_sectors, None, _ROOT_ENTRIES)
        needed = kind.packed_bytes(max(layout.clusters, 0) + FIRST_CLUSTER)
        if needed <= fat_sectors * sector_size or fat_sectors == largest:
            return layout


def smallest_sectors(sector_size: int, cluster_size: int) -> int:
    """Return the size in sectors of the smallest volume that has enough clusters."""
    per_cluster = cluster_size // sector_size
    # A multiple of the cluster size that is a little too small: everything but what aligning the clusters may take.
    fat_sectors = -(-(MIN_CLUSTERS + FIRST_CLUSTER) * _ENTRY_BYTES // sector_size)
    sectors = RESERVED_SECTORS + FATS * fat_sectors + MIN_CLUSTERS * per_cluster
    while _layout(sector_size, sectors, cluster_size).clusters < MIN_CLUSTERS:
        sectors += 1
    return sectors


def _usual_cluster(size_bytes: int) -> int:
    return next((each for limit, each in _DEFAULT_CLUSTERS if size_bytes <= limit), _DEFAULT_ABOVE)


def _largest_cluster(sector_size: int) -> int:
    largest = _LARGEST_CLUSTER if sector_size == min(SECTOR_SIZES) else _LARGEST_OF_LARGE_SECTORS
    return min(largest, sector_size * _MOST_SECTORS_PER_CLUSTER)


def _refuse_sector_size(sector_size: int) -> None:
    if sector_size not in SECTOR_SIZES:
        raise InvalidRequest(
            f"sectors of {sector_size} bytes are not possible on FAT; valid are {', '.join(map(str, SECTOR_SIZES))}"
        )


def _cluster_sizes(sector_size: int) -> list[int]:
    largest = _largest_cluster(sector_size)
    return [size for size in (sector_size << shift for shift in range(8)) if size <= largest]


def _refuse_cluster_size(cluster_size: int, sector_size: int) -> None:
    valid = _cluster_sizes(sector_size)
    if cluster_size not in valid:
        raise InvalidRequest(
            f"clusters of {cluster_size} bytes are not possible with sectors of {sector_size} bytes; valid are "
            f"{', '.join(map(str, valid))}"
        )


def _layout(sector_size: int, sectors: int, cluster_size: int) -> FatLayout:
    """Lay out a volume: FATs as small as can be, then as much larger as makes the clusters begin at a multiple."""
    per_cluster = cluster_size // sector_size
    space = sectors - RESERVED_SECTORS
    # n clusters and 2 FATs of (n + 2) entries fill the space.
    per_fat_sector = sector_size // _ENTRY_BYTES
    fat_sectors = max(1, -(-(space + FIRST_CLUSTER * per_cluster) // (per_fat_sector * per_cluster + FATS)))
    while (RESERVED_SECTORS + FATS * fat_sectors) % per_cluster:
        fat_sectors += 1
    return FatLayout(sector_size, sectors, per_cluster, RESERVED_SECTORS, FATS, fat_sectors)
