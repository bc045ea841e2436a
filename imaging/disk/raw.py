"""The bytes of a partition, whatever it holds; holes of a disk image are passed over."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.disk.target import FileTarget
from osdimage.imaging.errors import StorageError
from osdimage.imaging.units import Extent

_PIECE = 1 << 20


def data_ranges(target: FileTarget, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end, in bytes, of what a disk holds between two places; all else reads as zeros.

    Raises:
        StorageError: when it cannot be looked at.
    """
    from osdimage.native import holes  # noqa: PLC0415 - who only looks at a table need not wait for the native parts

    if target.is_device:
        yield begin, end
        return
    try:
        yield from holes.data_ranges(target.descriptor, begin, end)
    except OSError as error:
        raise StorageError(f"{target.name}: {error.strerror}", path=target.name, errno=error.errno) from error


def pieces(target: FileTarget, extent: Extent) -> Iterator[tuple[int, bytes]]:
    """Yield what of a partition is not zeros, in pieces of 1 MiB at most, each with its offset in the partition.

    Raises:
        StorageError: when it cannot be read.
    """
    size = target.geometry.sector_size
    begin, stop = extent.first * size, extent.end * size
    for first, end in data_ranges(target, begin, stop):
        for at in range(first, end, _PIECE):
            data = target.read_at(at, min(_PIECE, end - at))
            if any(data):
                yield at - begin, data


def is_blank(target: FileTarget, extent: Extent, *, most_bytes: int) -> bool:
    """Tell whether a partition is known to hold nothing but zeros, after reading so many bytes at most.

    Raises:
        StorageError: when it cannot be read.
    """
    size = target.geometry.sector_size
    ranges = list(data_ranges(target, extent.first * size, extent.end * size))
    if sum(end - first for first, end in ranges) > most_bytes:
        return False
    return not any(
        any(target.read_at(at, min(_PIECE, end - at))) for first, end in ranges for at in range(first, end, _PIECE)
    )
