"""The boot sector of a volume that is checked: the sizes on which everything else stands (NTFS_BOOT_SECTOR)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

BOOT_BYTES = 512
_FIELDS = struct.Struct("<3x8sHB26xQQQb3xb")
_MAX_CLUSTER = 2 << 20
_MAX_RECORD = 64 << 10
_ALLOWED_SECTORS = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a volume.

    Attributes:
        sector_bytes: of its sectors.
        cluster_bytes: of its clusters.
        record_bytes: of a record of the MFT.
        index_bytes: of a block of an index.
        sectors: how many it has; the copy of the boot sector lies behind them.
        clusters: how many it has.
        mft: the first cluster of the MFT.
        mirror: the first cluster of its mirror.
    """

    sector_bytes: int
    cluster_bytes: int
    record_bytes: int
    index_bytes: int
    sectors: int
    clusters: int
    mft: int
    mirror: int

    @property
    def vcn_bytes(self) -> int:
        """What the number of a block of an index counts: clusters, or 512 bytes where a block is smaller than one."""
        return self.cluster_bytes if self.cluster_bytes <= self.index_bytes else 512


def decode_boot(sector: bytes, volume_bytes: int) -> tuple[Shape | None, list[str]]:
    """Return the sizes and what is wrong with them; no sizes when nothing can be made of them.

    Args:
        sector: the first 512 bytes of the volume.
        volume_bytes: how many bytes there are for it.
    """
    if len(sector) < BOOT_BYTES:
        return None, [f"there are {len(sector)} bytes, less than a boot sector"]
    magic, sector_bytes, per_cluster, sectors, mft, mirror, record_code, index_code = _FIELDS.unpack_from(sector)
    # Above 128 the byte is a negative power of two: clusters of more than 64 KiB.
    per_cluster = per_cluster if per_cluster <= 128 else 1 << min(256 - per_cluster, 32)
    cluster_bytes = sector_bytes * per_cluster
    record_bytes, index_bytes = _size(record_code, cluster_bytes), _size(index_code, cluster_bytes)
    clusters = sectors // per_cluster if per_cluster else 0
    shape = Shape(sector_bytes, cluster_bytes, record_bytes, index_bytes, sectors, clusters, mft, mirror)
    problems = list(_problems(shape, magic, volume_bytes))
    if problems:
        return None, problems
    if sector[510:512] != b"\x55\xaa":
        problems.append(f"it ends with {sector[510:512].hex()}, not 55aa")
    if mirror == mft or not 0 < mirror < clusters:
        problems.append(f"the mirror of the MFT is at cluster {mirror}, the MFT at {mft}, and there are {clusters}")
    return shape, problems


def _problems(shape: Shape, magic: bytes, volume_bytes: int) -> Iterator[str]:
    if magic != b"NTFS    ":
        yield f"it says {magic.decode('latin-1')!r}, not 'NTFS'"
    if shape.sector_bytes not in _ALLOWED_SECTORS:
        yield f"sectors of {shape.sector_bytes} bytes"
        return
    if not _is_power(shape.cluster_bytes, 256, _MAX_CLUSTER):
        yield f"clusters of {shape.cluster_bytes} bytes"
        return
    for what, size in (("records", shape.record_bytes), ("blocks of indexes", shape.index_bytes)):
        if not _is_power(size, BOOT_BYTES, _MAX_RECORD):
            yield f"{what} of {size} bytes"
    if shape.sectors * shape.sector_bytes > volume_bytes:
        claimed = shape.sectors * shape.sector_bytes
        yield f"the volume has {claimed} bytes by it, and there are only {volume_bytes}"
    if not 0 < shape.mft < shape.clusters:
        yield f"the MFT is at cluster {shape.mft} of {shape.clusters}"


def _is_power(value: int, low: int, high: int) -> bool:
    return low <= value <= high and value & (value - 1) == 0


def _size(code: int, cluster_bytes: int) -> int:
    """Return a size that is stored as a number of clusters or as a negative power of two."""
    return 1 << min(-code, 32) if code < 0 else code * cluster_bytes
