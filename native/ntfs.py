"""Facts and the dirty flag of an NTFS volume, through libntfs-3g."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import path_to_c, to_c

# enum VOLUME_FLAGS, <ntfs-3g/layout.h>.
_VOLUME_IS_DIRTY = 0x0001


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """What an NTFS volume says of itself.  Sizes in bytes."""

    size: int
    free: int
    cluster_size: int
    is_dirty: bool


def volume_facts(path: str | os.PathLike[str]) -> VolumeFacts:
    """Read the facts of the volume in a file or device, without changing it.

    Raises:
        OSError: when libntfs-3g refuses the volume.
    """
    with _mounted(path, lib.NTFS_MNT_RDONLY) as volume:
        if lib.ntfs_volume_get_free_space(volume) != 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))
        return VolumeFacts(
            size=volume.nr_clusters * volume.cluster_size,
            free=volume.free_clusters * volume.cluster_size,
            cluster_size=volume.cluster_size,
            is_dirty=bool(volume.flags & _VOLUME_IS_DIRTY),
        )


def set_dirty(path: str | os.PathLike[str], *, dirty: bool) -> None:
    """Set or clear the dirty flag of the volume in a file or device, and sync it to the disk.

    Raises:
        OSError: when libntfs-3g refuses the volume (EPERM: hibernated; EINVAL: not NTFS; EBUSY: in use) or the flag
            cannot be written.
    """
    with _mounted(path, 0) as volume:
        flags = volume.flags | _VOLUME_IS_DIRTY if dirty else volume.flags & ~_VOLUME_IS_DIRTY
        if flags != volume.flags and lib.ntfs_volume_write_flags(volume, flags) != 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))


def names_in_root(path: str | os.PathLike[str], names: Iterable[str]) -> list[str]:
    """Return those of some names that the root directory of the volume in a file or device holds, in any case.

    Raises:
        OSError: when libntfs-3g refuses the volume.
    """
    found: list[str] = []
    with _mounted(path, lib.NTFS_MNT_RDONLY) as volume:
        if lib.ntfs_set_ignore_case(volume) != 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))
        for name in names:
            inode = lib.ntfs_pathname_to_inode(volume, ffi.NULL, to_c(name))
            if inode != ffi.NULL:
                found.append(name)
                lib.ntfs_inode_close(inode)
    return found


@contextmanager
def _mounted(path: str | os.PathLike[str], flags: int) -> Iterator[Any]:
    """Open a volume inside this process (nothing is mounted in the system) and close it again."""
    volume = lib.ntfs_mount(path_to_c(path), flags)
    if volume == ffi.NULL:
        raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))
    try:
        yield volume
    except BaseException:
        lib.ntfs_umount(volume, 0)
        raise
    # Closing writes what is cached: its failure counts.
    if lib.ntfs_umount(volume, 0) != 0:
        raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))
