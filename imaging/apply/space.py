"""Whether an image fits into an NTFS volume, asked before anything is written."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.errors import TooSmall
from osdimage.imaging.units import KIB, format_size
from osdimage.native.wim.tree import Audit

# An MFT record and an index entry for each file (measured: 1.0 KiB record, 0.3 KiB of index on Windows images).
_NTFS_PER_FILE = 3 * KIB // 2


def refuse_full_volume(target: Path, audit: Audit, free: int) -> None:
    """Refuse an NTFS volume with fewer free bytes than the image needs at least.

    Raises:
        TooSmall: with both numbers.
    """
    entries = audit.files + audit.directories
    needed = audit.size - audit.sparse_size + audit.named_stream_size + entries * _NTFS_PER_FILE
    # What is under an MFT record's size lives in the record and was counted as one: take it off again.
    needed -= min(needed, entries * KIB)
    if needed > free:
        raise TooSmall(
            f"{target}: not written: the image needs {format_size(needed)}, the volume has {format_size(free)} free"
        )
