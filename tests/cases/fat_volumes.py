"""FAT volumes in memory, to be damaged and read."""

from __future__ import annotations

import functools
import struct

from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.units import MIB, Geometry
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    FatVolume,
    SourceEntry,
    check_fat,
    fill_fat,
    from_entries,
    open_fat,
)

from cases.fat import SERIAL, SMALL, file, folder

TREE = [
    folder("empty"),
    file("top.txt", 1500),
    file("Long Name Of A File.text", 3000),
    file("sub/one", 512),
    file("sub/two", 513),
    file("sub/deeper/three", 0),
    *(file(f"many/file number {number}", number) for number in range(40)),
]


def filled(entries: list[SourceEntry], width: FatWidth = FatWidth.FAT32) -> MemoryTarget:
    target = MemoryTarget(Geometry.of_size(SIZES[width], 512))
    fill_fat(target, from_entries(entries), FatOptions(SERIAL, label="LABEL", width=width))
    return target


SIZES = {FatWidth.FAT12: 2 * MIB, FatWidth.FAT16: 4 * MIB, FatWidth.FAT32: SMALL}
"""Enough for clusters of 512 bytes."""


@functools.cache
def pristine(width: FatWidth = FatWidth.FAT32) -> MemoryTarget:
    return filled(TREE, width)


class Copy(MemoryTarget):
    """A volume that a test may damage; it shares what is not damaged with the pristine one."""

    def __init__(self) -> None:
        super().__init__(Geometry.of_size(SMALL, 512))
        self._pages = dict(pristine()._pages)

    def _write(self, offset_bytes: int, data: bytes) -> None:
        for page in range(offset_bytes // 4096, (offset_bytes + len(data) - 1) // 4096 + 1):
            if page in self._pages:
                self._pages[page] = bytearray(self._pages[page])
        super()._write(offset_bytes, data)


def set_fat(target: MemoryTarget, cluster: int, value: int) -> None:
    """Change an entry of both FATs."""
    layout = open_fat(pristine()).layout
    for number in range(2):
        target.write_at(layout.fat_offset(number) + 4 * cluster, struct.pack("<I", value))


def entry_at(target: MemoryTarget, short: bytes) -> int:
    """Return the byte at which the short entry of a file is."""
    layout = open_fat(pristine()).layout
    data = target.read_at(layout.offset_of(2), 64 * 1024)
    at = data.index(short)
    assert at % 32 == 0
    return layout.offset_of(2) + at


def set_cluster(target: MemoryTarget, short: bytes, cluster: int) -> None:
    at = entry_at(target, short)
    target.write_at(at + 20, struct.pack("<H", cluster >> 16))
    target.write_at(at + 26, struct.pack("<H", cluster & 0xFFFF))


def read_everything(volume: FatVolume) -> dict[str, bytes]:
    return {entry.path: b"".join(volume.read(entry)) for entry in volume.walk() if not entry.is_directory}


def codes(target: MemoryTarget) -> set[str]:
    return {finding.code for finding in check_fat(target)}
