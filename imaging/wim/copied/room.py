"""Whether an image fits into a directory, asked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.errors import TooSmall
from osdimage.imaging.units import counted, format_size
from osdimage.native.wim.tree import Audit


def refuse_large(where: Path, audits: Sequence[Audit], limit_bytes: int | None) -> None:
    """Refuse an image, or parts of one, that together expand to more than a limit.

    Raises:
        TooSmall: with both numbers.
    """
    size = sum(audit.size + audit.named_stream_size for audit in audits)
    if limit_bytes is not None and size > limit_bytes:
        raise TooSmall(
            f"{where}: not written: the image expands to {format_size(size)}, more than the limit of "
            f"{format_size(limit_bytes)}"
        )


def refuse_full_directory(target: Path, audits: Sequence[Audit]) -> None:
    """Refuse a directory on a file system with less room than an image, or parts of one, need at least.

    Holes of sparse files are left as holes and not counted.

    Raises:
        TooSmall: with both numbers.
    """
    existing = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    facts = os.statvfs(existing)
    needed = sum(audit.size - audit.sparse_size for audit in audits)
    available = facts.f_bavail * facts.f_frsize
    if needed > available:
        raise TooSmall(
            f"{target}: not written: the image needs {format_size(needed)}, there is room for {format_size(available)}"
        )
    entries = sum(audit.files + audit.directories for audit in audits)
    # f_files is 0 where inodes are made as needed (btrfs).
    if facts.f_files and entries > facts.f_favail:
        raise TooSmall(
            f"{target}: not written: the image has {counted(entries, 'file')}, there is room for {facts.f_favail}"
        )
