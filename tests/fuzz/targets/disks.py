"""Disks: partition tables, what partitions hold, whose code starts them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

from cases.disk import layout
from cases.tables import written
from osdimage.imaging.boot.code.grub import has_grub_chain
from osdimage.imaging.boot.code.mbr import mbr_code
from osdimage.imaging.disk.held import volumes
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.probe import probe_head
from osdimage.imaging.disk.signatures import find_marks
from osdimage.imaging.disk.tables.read import DiskReading, read_table
from osdimage.imaging.disk.tables.write import run_steps, verify_table, write_steps
from osdimage.imaging.disk.target import BlockTarget, MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidLayout, OsdImageError
from osdimage.imaging.units import MIB, SECTOR_SIZES, Geometry

from fuzz.places import as_disk, from_disk
from fuzz.target import Target

_ARRAYS = 1 << 16


def _mend(disk: BlockTarget) -> None:
    """Write the checksums of both headers of a GPT: by chance nobody finds one."""
    step = disk.geometry.sector_size
    for at in (step, disk.geometry.size_bytes - step):
        header = bytearray(disk.read_at(at, 92))
        if header[:8] != b"EFI PART":
            continue
        array = int.from_bytes(header[72:80], "little") * step
        size = int.from_bytes(header[80:84], "little") * int.from_bytes(header[84:88], "little")
        if size <= _ARRAYS and array + size <= disk.geometry.size_bytes:
            header[88:92] = zlib.crc32(disk.read_at(array, size)).to_bytes(4, "little")
        header[16:20] = bytes(4)
        header[16:20] = zlib.crc32(header).to_bytes(4, "little")
        disk.write_at(at, header)


def _table(data: bytes) -> None:
    disk = as_disk(data)
    if data[5:6] != b"\1":
        _mend(disk)
    probe_head(disk.read_at(0, min(disk.geometry.size_bytes, 128 << 10)))
    mbr_code(disk)
    if disk.geometry.sectors > 1:
        has_grub_chain(disk)
    reading = read_table(disk)
    table = reading.require()
    for _ in volumes(disk, table):
        pass
    try:
        verify_table(table)
    except (InvalidLayout, OsdImageError):
        # Read with findings, and never written.
        return
    assert written(table) == table


def _marks(data: bytes) -> None:
    list(find_marks(as_disk(data)))


def _seeds() -> Iterator[bytes]:
    for sector_size in SECTOR_SIZES:
        geometry = Geometry.of_size(60 * MIB, sector_size)
        for wish in (
            layout("GPT", "MSR 16 MB", "Primary NTFS 8 MB", "Primary NTFS"),
            layout("MBR", "Primary NTFS 8 MB active", "Extended", "Logical NTFS 8 MB", "Logical FAT32 50 Percent"),
        ):
            disk = MemoryTarget(geometry)
            table = place(wish, geometry, random.Random(1))
            run_steps(disk, write_steps(table, DiskReading(None, ())))
            yield from_disk(disk)


TARGETS = (
    Target("partition-table", _table, _seeds, (InvalidInput,), largest=48 << 10),
    Target("signatures", _marks, _seeds, (InvalidInput,), largest=8 << 10),
)
