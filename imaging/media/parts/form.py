"""Telling a disc from a stick, by what a file or device begins with."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from osdimage.imaging.disk.content import Content
from osdimage.imaging.errors import StorageError

_RECOGNITION_AT, _MARKS = 0x8001, (b"CD001", b"BEA01", b"NSR02", b"NSR03")


def is_disc(path: Path, content: Content | None) -> bool:
    """Tell whether a file or device is a disc; one with a partition table, too, has to be called so.

    Args:
        path: of it.
        content: what :func:`~osdimage.imaging.disk.probe.probe` says of it.

    Raises:
        StorageError: when it cannot be read.
    """
    if content is Content.ISO9660:
        return True
    if content is Content.CONTAINER or not (path.is_file() or path.is_block_device()):
        return False
    try:
        with path.open("rb") as file:
            is_marked = os.pread(file.fileno(), 5, _RECOGNITION_AT) in _MARKS
            is_drive = stat.S_ISBLK(os.fstat(file.fileno()).st_mode) and path.resolve().name.startswith("sr")
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    # What is left of a disc in front of the first partition makes no disc of a stick.
    return is_marked and (content is not Content.TABLE or is_drive or path.suffix.lower() == ".iso")
