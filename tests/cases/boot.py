"""Disks that a BIOS starts, made by the programs of others, and what their stand-in for a loader must print."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from pathlib import Path

from judges import boot as boot_judges
from judges import wim as judges

STANDIN = Path(__file__).with_name("bootmgr.asm")
SIGNATURE = 0x12345678
START = 2048
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Standin:
    """A file that is started in place of BOOTMGR or NTLDR."""

    data: bytes
    name: str = "BOOTMGR"

    def report(self, *, hidden: int = START, oem: str, drive: int = 0x80) -> str:
        """Return what it prints when all of it is where it belongs."""
        total = sum(struct.unpack(f"<{len(self.data) // 4}I", self.data)) & 0xFFFFFFFF
        return f"{self.name} cs=2000 dl={drive:02x} hidden={hidden:08x} oem={oem} sum={total:08x}\n"


def standin(folder: Path, size: int, name: str = "BOOTMGR") -> Standin:
    """Assemble the stand-in and make it as large as asked for, with contents that differ from sector to sector."""
    code = boot_judges.nasm(STANDIN, folder / "standin.bin", f"-DSIZE={size}", f'-DNAME="{name}"')
    return Standin(code + random.Random(size).randbytes(size - len(code)), name)


def mbr_disk(path: Path, *partitions: str, size: int = 100 << 20, signature: int = SIGNATURE) -> Path:
    """Partition a sparse file with sfdisk; a partition is a line of its input, as ``2048,90000,0c,*``."""
    with path.open("wb") as file:
        file.truncate(size)
    lines = "\n".join(["label: dos", f"label-id: {signature:#x}", *partitions])
    judges.run("sfdisk", "-q", path, stdin=f"{lines}\n")
    return path


def mkfs_fat32(disk: Path, sectors: int, *options: str, start: int = START) -> None:
    """Format a partition with mkfs.fat, which warns of volumes that have too few clusters for other programs."""
    judges.run(
        "mkfs.vfat", "-F32", "-h", str(start), f"--offset={start}", *options, disk, str(sectors * _SECTOR // 1024)
    )


def ntfs_volume(folder: Path, sectors: int, *options: str, start: int = START) -> Path:
    """Make a volume with mkntfs, as it will be in a partition."""
    return judges.make_ntfs(
        folder / "volume.ntfs", sectors * _SECTOR, "-p", str(start), "-H", "255", "-S", "63", "-s", "512", *options
    )


def disk_of(volume: Path, *partitions: str, start: int = START, size: int | None = None) -> Path:
    """Make a disk with these partitions around a volume, which is moved there."""
    size = size or volume.stat().st_size + (start + 4096) * _SECTOR
    disk = mbr_disk(volume.with_name("disk.img"), *partitions, size=size)
    with disk.open("r+b") as file:
        file.seek(start * _SECTOR)
        file.write(volume.read_bytes())
    volume.unlink()
    return disk


class Fat32Filler:
    """Puts files into the root directory of an empty FAT32 volume, in whatever clusters a test wants.

    No program of others can be told where to put a file, and none writes to volumes as small as a floppy.
    """

    def __init__(self, disk: Path, start: int = START) -> None:
        """Read the description of the volume."""
        self._disk, self._start = disk, start
        boot = self._read(0, _SECTOR)
        self.cluster_size = boot[13] * _SECTOR
        self._reserved, self._fats, self._fat_sectors = boot[14] | boot[15] << 8, boot[16], boot[36] | boot[37] << 8
        self._data = (self._reserved + self._fats * self._fat_sectors) * _SECTOR

    def _read(self, at: int, size: int) -> bytes:
        with self._disk.open("rb") as file:
            file.seek(self._start * _SECTOR + at)
            return file.read(size)

    def _write(self, at: int, data: bytes) -> None:
        with self._disk.open("r+b") as file:
            file.seek(self._start * _SECTOR + at)
            file.write(data)

    def clusters_of(self, data: bytes) -> int:
        """Return how many clusters hold the data."""
        return -(-len(data) // self.cluster_size)

    def chain(self, clusters: list[int], *, end: int = 0x0FFFFFFF, fats: tuple[int, ...] = (0, 1)) -> None:
        """Link clusters in this order; ``end`` is the entry of the last one."""
        for cluster, following in zip(clusters, [*clusters[1:], end], strict=True):
            for fat in fats:
                at = (self._reserved + fat * self._fat_sectors) * _SECTOR + cluster * 4
                self._write(at, following.to_bytes(4, "little"))

    def fill(self, clusters: list[int], data: bytes) -> None:
        """Write data into clusters, in this order."""
        for index, cluster in enumerate(clusters):
            piece = data[index * self.cluster_size : (index + 1) * self.cluster_size]
            self._write(self._data + (cluster - 2) * self.cluster_size, piece)

    def file(self, name: bytes, data: bytes, clusters: list[int]) -> bytes:
        """Write a file and return its entry of the directory."""
        self.chain(clusters)
        self.fill(clusters, data)
        return entry(name, clusters[0], len(data))


def entry(name: bytes, cluster: int, size: int, *, attributes: int = 0x20) -> bytes:
    """Return an entry of a directory (fatgen103, "FAT 32 Byte Directory Entry Structure")."""
    # 2024-02-29, noon.
    return struct.pack(
        "<11sBBBHHHHHHHI", name, attributes, 0, 0, 0x6000, 0x585D, 0x585D, cluster >> 16, 0x6000, 0x585D,
        cluster & 0xFFFF, size,
    )  # fmt: skip
