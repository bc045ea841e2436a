"""What a path is, as the source of a capture or the target of an apply."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from osdimage.imaging.disk.containers.kinds import container_of
from osdimage.imaging.disk.content import UNKNOWN, Content
from osdimage.imaging.disk.signatures import BOOT_SECTORS, HEAD_BYTES, content_of
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.errors import StorageError


def probe(path: str | os.PathLike[str]) -> Content | None:
    """Return what a path is or holds, or None for a file that holds nothing known here; symbolic links are followed.

    Raises:
        StorageError: when it cannot be looked at or read.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            return Content.DIRECTORY
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            return Content.SPECIAL
        with Path(path).open("rb") as file:
            return probe_head(file.read(HEAD_BYTES))
    except FileNotFoundError:
        return Content.MISSING
    except OSError as error:
        raise StorageError(f"{os.fspath(path)}: {error.strerror}", path=path, errno=error.errno) from error


def probe_head(head: bytes) -> Content | None:
    """Return what begins with these bytes (66 KiB show everything), or None.

    A disk with a table may have marks of what it held before, or be a disc, too; a volume has no table.
    """
    if head[:8] in WIM_MAGICS:
        return Content.WIM
    if container_of(head) is not None:
        return Content.CONTAINER
    found = content_of(head)
    if found not in BOOT_SECTORS and head[510:512] == b"\x55\xaa":
        return Content.TABLE
    return found


def described(path_holds: Content | None) -> str:
    """Say what a path is, for the end of a sentence with "is"."""
    return f"a file that holds {UNKNOWN}" if path_holds is None else path_holds.explained


def probe_place(place: Path | OpenVolume) -> Content | None:
    """Return what a place is that no back end takes, for the message that says so.

    Raises:
        StorageError: when it cannot be looked at or read.
    """
    if isinstance(place, Path):
        return probe(place)
    window = place.window()
    return probe_head(window.read_at(0, min(HEAD_BYTES, window.geometry.size_bytes)))


def name_of(place: Path | OpenVolume) -> str:
    """Return what messages call a place."""
    return str(place) if isinstance(place, Path) else place.name
