"""How a file begins that is a WIM, and so no disk."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.errors import StorageError

WIM_MAGICS = (b"MSWIM\0\0\0", b"WLPWM\0\0\0")
"""How a WIM begins, and a pipable one."""


def is_wim(path: Path) -> bool:
    """Tell whether a file begins as a WIM does.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(8) in WIM_MAGICS
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
