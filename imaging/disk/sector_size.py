"""The size of the sectors of a disk, of which nothing but its partition table tells."""

from __future__ import annotations

from collections.abc import Callable


def detect_sector_size(read: Callable[[int, int], bytes], size_bytes: int) -> int:
    """Return the sector size at which a GPT header is found at either end, or 512.

    Args:
        read: returns a range of the disk: offset and size in bytes.
        size_bytes: of the disk.
    """
    mark = b"EFI PART"
    for sector_size in (512, 4096):
        for offset in (sector_size, size_bytes // sector_size * sector_size - sector_size):
            if 0 < offset <= size_bytes - len(mark) and read(offset, len(mark)) == mark:
                return sector_size
    return 512
