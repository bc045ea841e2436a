"""Where inputs come from: files for parsers that take a path, and disks of which an input has only what is not zero."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO

from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.units import Geometry

_SECTOR = 512
_MOST_SECTORS = 1 << 17  # 64 MiB
_HEAD = struct.Struct("<IB3x")
_NUMBER = struct.Struct("<I")
_RECORD = _NUMBER.size + _SECTOR


@cache
def _file() -> IO[bytes]:
    return tempfile.NamedTemporaryFile(prefix="osdimage-fuzz-")  # lives as long as the process


def as_file(data: bytes) -> Path:
    """Return the path of a file with these bytes; it is valid until the next one is asked for."""
    file = _file()
    os.ftruncate(file.fileno(), 0)
    os.pwrite(file.fileno(), data, 0)
    return Path(file.name)


def as_disk(data: bytes) -> MemoryTarget:
    """Return the disk of an input: its sectors (32 bits), whether they have 4096 bytes, then number and bytes of each
    run of 512 bytes that is not zero.
    """
    head = data[: _HEAD.size].ljust(_HEAD.size, b"\0")
    sectors, large = _HEAD.unpack(head)
    size = (sectors % _MOST_SECTORS + 8) // 8 * 8 * _SECTOR
    disk = MemoryTarget(Geometry.of_size(size, 4096 if large & 1 else _SECTOR))
    for at in range(_HEAD.size, len(data) - _NUMBER.size, _RECORD):
        (number,) = _NUMBER.unpack_from(data, at)
        piece = data[at + _NUMBER.size : at + _RECORD]
        disk.write_at(number % (size // _SECTOR) * _SECTOR, piece)
    return disk


def from_disk(disk: MemoryTarget, *, leave_out: Callable[[bytes], bool] = lambda _: False) -> bytes:
    """Return the input that :func:`as_disk` makes a disk of; runs of 512 bytes that nobody reads may be left out."""
    parts = [_HEAD.pack(disk.geometry.size_bytes // _SECTOR - 8, disk.geometry.sector_size == 4096)]
    for number, page in sorted(disk._pages.items()):
        for inside in range(0, len(page), _SECTOR):
            sector = bytes(page[inside : inside + _SECTOR])
            if any(sector) and not leave_out(sector):
                parts.append(_NUMBER.pack((number * len(page) + inside) // _SECTOR) + sector)
    return b"".join(parts)
