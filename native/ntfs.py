"""Facts of an NTFS volume, its dirty flag and emptying it, through libntfs-3g.

A volume is named by the path of a file or device that holds nothing else, or by the name of a
:class:`~osdimage.native.slices.Slice`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import path_to_c, to_c

# enum VOLUME_FLAGS, <ntfs-3g/layout.h>.
_VOLUME_IS_DIRTY = 0x0001
MOST_KEPT: int = lib.OSD_NTFS_MOST_KEPT


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """What an NTFS volume says of itself.  Sizes in bytes.

    Attributes:
        size: of all clusters.
        free: of those that are not used.
        cluster_size: of one.
        is_dirty: the dirty flag is set: something was not finished.
        is_hibernated: Windows is hibernated, or was shut down with "fast startup", and has the volume in use.
        has_open_log: the journal holds changes that are not in the volume yet.
    """

    size: int
    free: int
    cluster_size: int
    is_dirty: bool
    is_hibernated: bool
    has_open_log: bool


def volume_facts(path: str | os.PathLike[str]) -> VolumeFacts:
    """Read the facts of a volume, without changing it.

    Raises:
        OSError: when libntfs-3g refuses the volume.
    """
    with _mounted(path, lib.NTFS_MNT_RDONLY) as volume:
        hazards = lib.osd_ntfs_hazards(volume)
        if hazards < 0 or lib.ntfs_volume_get_free_space(volume) != 0:
            raise _error(path)
        return VolumeFacts(
            size=volume.nr_clusters * volume.cluster_size,
            free=volume.free_clusters * volume.cluster_size,
            cluster_size=volume.cluster_size,
            is_dirty=bool(volume.flags & _VOLUME_IS_DIRTY),
            is_hibernated=bool(hazards & lib.OSD_NTFS_HIBERNATED),
            has_open_log=bool(hazards & lib.OSD_NTFS_LOG_IN_USE),
        )


def allocated_ranges(path: str | os.PathLike[str]) -> list[tuple[int, int]]:
    """Return begin and end, in bytes, of what the volume's bitmap says is in use, in order.

    Raises:
        OSError: when libntfs-3g refuses the volume.
    """
    with _mounted(path, lib.NTFS_MNT_RDONLY) as volume:
        clusters, cluster_size = volume.nr_clusters, volume.cluster_size
        bitmap = bytearray((clusters + 7) // 8)
        if lib.ntfs_attr_pread(volume.lcnbmp_na, 0, len(bitmap), ffi.from_buffer(bitmap)) != len(bitmap):
            raise _error(path)
    # As one number, lowest bit first, so that runs are found by arithmetic and not bit by bit.
    bits = int.from_bytes(bitmap, "little") & ((1 << clusters) - 1)
    ranges, position = [], 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        bits >>= ones
        begin = position + zeros
        position = begin + ones
        ranges.append((begin * cluster_size, position * cluster_size))
    return ranges


def set_dirty(path: str | os.PathLike[str], *, dirty: bool, recover: bool = False) -> None:
    """Set or clear the dirty flag of a volume, and sync it to the disk.

    Args:
        path: the volume.
        dirty: what the flag is to be.
        recover: discard what the journal holds, where Windows would bring it into the volume.

    Raises:
        OSError: when libntfs-3g refuses the volume (EPERM: hibernated; EOPNOTSUPP: the journal holds changes; EINVAL:
            not NTFS; EBUSY: in use) or the flag cannot be written.
    """
    with _mounted(path, lib.NTFS_MNT_RECOVER if recover else 0) as volume:
        flags = volume.flags | _VOLUME_IS_DIRTY if dirty else volume.flags & ~_VOLUME_IS_DIRTY
        if flags != volume.flags and lib.ntfs_volume_write_flags(volume, flags) != 0:
            raise _error(path)


def wipe(path: str | os.PathLike[str], *, keep: Sequence[str] = ()) -> int:
    r"""Delete everything from a volume but the files of NTFS itself; return how many files and directories that were.

    Args:
        path: the volume.
        keep: paths that stay with all below them, such as ``Users\State``; compared without case.

    Raises:
        OSError: when libntfs-3g refuses the volume or its directories contradict themselves, or writing failed.
    """
    encoded = b"".join(f"{kept}\0".encode("utf-16-le", "surrogatepass") for kept in keep)
    with _mounted(path, 0) as volume:
        removed: int = lib.osd_ntfs_wipe(volume, ffi.from_buffer("uint16_t[]", encoded), len(encoded) // 2)
        if removed < 0:
            raise _error(path)
    return removed


def _error(path: str | os.PathLike[str]) -> OSError:
    # libntfs-3g finds some damage without a system error to go with it.
    number = ffi.errno or errno.EIO
    return OSError(number, os.strerror(number), os.fspath(path))


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
        raise _error(path)
    try:
        yield volume
    except BaseException:
        lib.ntfs_umount(volume, 0)
        raise
    # Closing writes what is cached: its failure counts.
    if lib.ntfs_umount(volume, 0) != 0:
        raise _error(path)
