"""Facts of an NTFS volume, its dirty flag and emptying it, through libntfs-3g.

A volume is named by the path of a file or device that holds nothing else, or by the name of a
:class:`~osdimage.native.slices.slices.Slice`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Relay
from osdimage.native.text import path_to_c

# enum VOLUME_FLAGS, <ntfs-3g/layout.h>.
_VOLUME_IS_DIRTY = 0x0001
# Where the old contents of a volume wait while an image is applied.
_ASIDE = "osdimage-set-aside"
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
        has_open_log: the journal may hold changes that are not in the volume: libntfs-3g writes to none with such a
            one.
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


@dataclass(frozen=True, slots=True)
class Claims:
    """What the records of a volume say of files that a capture has to know.

    Attributes:
        false: the number of a record whose contents claim more than their clusters hold, or None.
        extended: how many files have extended attributes, other than caches of the kernel; known where none is false.
        directories: how many directories with something in them have a reparse point; known where none is false.
        clouded: how many files and directories have one that may be of a cloud, and are not counted before; likewise.
    """

    false: int | None
    extended: int
    directories: int
    clouded: int


def read_claims(path: str | os.PathLike[str]) -> Claims:
    """Pass over all records of a volume.

    Raises:
        OSError: when libntfs-3g refuses the volume, or it cannot be read.
    """
    with _mounted(path, lib.NTFS_MNT_RDONLY) as volume:
        unread = ffi.new("struct osd_ntfs_unread *")
        found: int = lib.osd_ntfs_find_false_claim(volume, unread)
        if found < 0:
            raise _error(path)
        return Claims(found or None, unread.extended, unread.directories, unread.clouded)


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


def set_dirty(path: str | os.PathLike[str], *, dirty: bool) -> None:
    """Set or clear the dirty flag of a volume, and sync it to the disk.

    Raises:
        OSError: when libntfs-3g refuses the volume (EPERM: hibernated; EOPNOTSUPP: the journal holds changes; EINVAL:
            not NTFS; EBUSY: in use) or the flag cannot be written.  A hibernated volume is refused only when it is to
            be marked dirty: marked clean is what an image was applied to, which may be of a hibernated Windows.
    """
    with _mounted(path, 0 if dirty else lib.NTFS_MNT_IGNORE_HIBERFILE) as volume:
        _write_flag(path, volume, dirty=dirty)


def give_up_log(path: str | os.PathLike[str]) -> None:
    """Mark a volume dirty, and then empty its journal: what that holds and the volume does not is lost.

    The mark is on the disk before the journal is touched.  Whoever calls has made sure that no Windows is hibernated.

    Raises:
        OSError: when libntfs-3g refuses the volume, or writing failed.
    """
    # It is opened as it is: libntfs-3g would empty the journal before anything says that the volume is unsound, and
    # never one of version 2.0.
    with _mounted(path, lib.NTFS_MNT_FORENSIC) as volume:
        _write_flag(path, volume, dirty=True)
    with _mounted(path, lib.NTFS_MNT_FORENSIC) as volume:
        if lib.ntfs_logfile_reset(volume) != 0:
            raise _error(path)


def _write_flag(path: str | os.PathLike[str], volume: Any, *, dirty: bool) -> None:
    flags = volume.flags | _VOLUME_IS_DIRTY if dirty else volume.flags & ~_VOLUME_IS_DIRTY
    if flags != volume.flags and lib.ntfs_volume_write_flags(volume, flags) != 0:
        raise _error(path)


Emptied = Callable[[int, int], None]
"""Is told how many files and directories have left their place, and about how many there are on the volume.  What it
raises ends the work and comes out of the call."""


def wipe(path: str | os.PathLike[str], *, keep: Sequence[str] = (), listener: Emptied | None = None) -> int:
    r"""Delete everything from a volume but the files of NTFS itself; return how many files and directories that were.

    Args:
        path: the volume.
        keep: paths that stay with all below them, such as ``Users\State``; compared without case.
        listener: is told how far the work is.

    Raises:
        OSError: when libntfs-3g refuses the volume or its directories contradict themselves, or writing failed.
    """
    names, length = _utf16(*keep)
    with _mounted(path, 0) as volume:
        return _emptied(path, volume, listener, lambda *report: lib.osd_ntfs_wipe(volume, names, length, *report))


def _emptied(path: str | os.PathLike[str], volume: Any, listener: Emptied | None, work: Callable[..., int]) -> int:
    """Do what empties directories, with a listener, and return how many entries left theirs."""
    files: int = lib.osd_ntfs_files(volume)
    if files < 0:
        raise _error(path)
    relay = Relay()
    # Also without a listener: this is where Python gets to know of Ctrl-C.
    relay.on_item = lambda removed: listener(removed, max(removed, files)) if listener is not None else None
    with relay:
        removed = work(lib.osd_on_removed, relay.handle)
        error = None if removed >= 0 else _error(path)
    if error is not None:
        raise error
    return removed


def set_aside(path: str | os.PathLike[str], names: Sequence[str]) -> int:
    """Move what has one of these names in the root into a folder of its own, so that an image can bring its own.

    Call :func:`bring_back` after it was applied, and before when one was interrupted.

    Returns:
        How many entries of the root were moved.

    Raises:
        OSError: when libntfs-3g refuses the volume or writing failed.
    """
    encoded, length = _utf16(*names)
    place, place_length = _utf16(_ASIDE)
    with _mounted(path, 0) as volume:
        moved: int = lib.osd_ntfs_set_aside(volume, encoded, length, place, place_length - 1)
        if moved < 0:
            raise _error(path)
    return moved


def bring_back(path: str | os.PathLike[str], *, listener: Emptied | None = None) -> None:
    """Move back what :func:`set_aside` has moved: directories are joined with those that are there now.

    Of files that are there now the old ones are deleted.

    Raises:
        OSError: when libntfs-3g refuses the volume or writing failed.
    """
    place, place_length = _utf16(_ASIDE)
    with _mounted(path, lib.NTFS_MNT_IGNORE_HIBERFILE) as volume:
        _emptied(
            path,
            volume,
            listener,
            lambda *report: lib.osd_ntfs_bring_back(volume, place, place_length - 1, *report),
        )


def _utf16(*names: str) -> tuple[Any, int]:
    """Return names as UTF-16LE, each ended by a zero, and how many units that are."""
    encoded = b"".join(f"{name}\0".encode("utf-16-le", "surrogatepass") for name in names)
    return ffi.from_buffer("uint16_t[]", encoded), len(encoded) // 2


def _error(path: str | os.PathLike[str]) -> OSError:
    # libntfs-3g finds some damage without a system error to go with it.
    number = ffi.errno or errno.EIO
    return OSError(number, os.strerror(number), os.fspath(path))


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
