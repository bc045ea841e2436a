"""The bytes of a partition, whatever it holds; holes of a disk image are passed over."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.units import Extent

_PIECE = 1 << 20


def pieces(target: BlockTarget, extent: Extent) -> Iterator[tuple[int, bytes]]:
    """Yield what of a partition is not zeros, in pieces of 1 MiB at most, each with its offset in the partition.

    Raises:
        StorageError: when it cannot be read.
    """
    size = target.geometry.sector_size
    begin, stop = extent.first * size, extent.end * size
    for first, end in target.data_ranges(begin, stop):
        for at in range(first, end, _PIECE):
            data = target.read_at(at, min(_PIECE, end - at))
            if any(data):
                yield at - begin, data


def is_blank(target: BlockTarget, extent: Extent, *, most_bytes: int) -> bool:
    """Tell whether a partition is known to hold nothing but zeros, after reading so many bytes at most.

    Raises:
        StorageError: when it cannot be read.
    """
    size = target.geometry.sector_size
    ranges = list(target.data_ranges(extent.first * size, extent.end * size))
    if sum(end - first for first, end in ranges) > most_bytes:
        return False
    return not any(
        any(target.read_at(at, min(_PIECE, end - at))) for first, end in ranges for at in range(first, end, _PIECE)
    )
