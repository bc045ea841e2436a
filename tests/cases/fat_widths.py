"""FAT12, FAT16 and FAT32 volumes that mkfs.fat makes, of exactly so many clusters."""

from __future__ import annotations

from pathlib import Path

from judges import disk as disk_judges

EDGES = {"fat12": (12, 4084), "fat16-smallest": (16, 4085), "fat16-largest": (16, 65_524), "fat32": (32, 65_525)}
"""The counts of clusters where one FAT ends and the next begins (fatgen103, "FAT Type Determination")."""
ROOT_SECTORS = 32
_FIELDS = {12: (1, 22, 2, ROOT_SECTORS), 16: (1, 22, 2, ROOT_SECTORS), 32: (32, 36, 4, 0)}
"""Sectors before the FAT, where the size of a FAT is and how long that is, sectors of the root."""


def made(path: Path, bits: int, size: int, *options: str) -> Path:
    """Let mkfs.fat make a volume of so many bytes."""
    with path.open("wb") as file:
        file.truncate(size)
    disk_judges.run(["mkfs.fat", "-F", str(bits), "-n", "FOREIGN", "-i", "0badcafe", *options, path])
    return path


def with_clusters(path: Path, bits: int, clusters: int) -> Path:
    """Return a volume with clusters of a sector.

    mkfs.fat itself keeps away from the edges (MAX_CLUST_12 is 4,080, MAX_CLUST_16 is 65,520 in its source), so that the
    number of sectors is changed in what it made a little larger or smaller.
    """
    near = {12: 4000, 16: max(4200, min(clusters, 65_400)), 32: clusters + 200}[bits]
    reserved, at, length, root = _FIELDS[bits]
    fat_bytes = -(-(near + 2) * bits // 8)
    made(path, bits, (reserved + 2 * -(-fat_bytes // 512) + root + near + 40) * 512, "-s", "1")
    with path.open("r+b") as file:
        boot = bytearray(file.read(512))
        fat_sectors = int.from_bytes(boot[at : at + length], "little")
        assert fat_sectors * 512 * 8 // bits >= clusters + 2
        sectors = int.from_bytes(boot[14:16], "little") + 2 * fat_sectors + root + clusters
        boot[19:21], boot[32:36] = bytes(2), sectors.to_bytes(4, "little")
        file.truncate(sectors * 512)
        file.seek(0)
        file.write(boot)
        if bits == 32:
            file.seek(6 * 512)
            file.write(boot)
            # What FSInfo counts: all but the root.
            file.seek(512 + 488)
            file.write((clusters - 1).to_bytes(4, "little"))
    return path
