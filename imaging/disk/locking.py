"""Locks on images and devices: the one that programs ask for, and what QEMU locks, seen without taking a lock.

Source of the second: QEMU, block/file-posix.c, RAW_LOCK_PERM_BASE, RAW_LOCK_SHARED_BASE: a user of permission n holds
byte 100+n, and one that shares it with nobody byte 200+n; and qapi/block-core.json, BlockPermission, for their numbers.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from enum import Enum, auto
from typing import Final

from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.errors import StorageError, TargetRefused

_NO_LOCKS: Final = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}

_USED_FROM, _KEPT_FROM = 100, 200
_WRITE, _RESIZE = 1, 3
_FLOCK: Final = struct.Struct("hhqqi4x")
"""struct flock: type, whence, start, length, process."""
_F_OFD_GETLK: Final = getattr(fcntl, "F_OFD_GETLK", 36)
"""In Python since 3.9 only where its headers had it."""
_NO_RANGES: Final = {errno.EINVAL, *_NO_LOCKS}


def lock(descriptor: int, path: str, *, shared: bool = False) -> None:
    """Take the advisory lock that partitioning programs and udev respect; it goes with the descriptor.

    ``shared`` is for readers: it keeps writers away, and other readers not.

    Raises:
        TargetRefused: when another program holds it.
        StorageError: when the file system has no locks, or fails.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TargetRefused(f"{path} is locked by another program") from error
    except OSError as error:
        # An NFS server without its lock daemon, some FUSE file systems.
        doing = "its file system has no locks" if error.errno in _NO_LOCKS else "locking"
        raise StorageError(f"{path}: {doing}: {error.strerror}", path=path, errno=error.errno) from error


class Use(Enum):
    """What QEMU does with a file."""

    NONE = auto()
    READ = auto()
    WRITTEN = auto()


def use_by_qemu(descriptor: int) -> Use:
    """Return what QEMU does with an open file: a running machine writes its disk.

    A file system that has no such locks tells of none.

    Raises:
        OSError: when the file cannot be asked.
    """
    try:
        if any(_is_locked(descriptor, _USED_FROM + each) for each in (_WRITE, _RESIZE)):
            return Use.WRITTEN
        if any(_is_locked(descriptor, _KEPT_FROM + each) for each in (_WRITE, _RESIZE)):
            return Use.READ
    except OSError as error:
        if error.errno not in _NO_RANGES:
            raise
    return Use.NONE


def look_for_qemu(path: str, descriptor: int, *, write: bool, opening: Opening) -> None:
    """Refuse to write what QEMU has open; say so of what is only read and changes meanwhile.

    Raises:
        TargetRefused: when it is to be written.
        OSError: when the file cannot be asked.
    """
    use = use_by_qemu(descriptor)
    if write and use is not Use.NONE:
        raise TargetRefused(f"{path} is in use by QEMU, as the disk of a machine that runs; shut it down first")
    if use is Use.WRITTEN:
        opening.tell(
            __name__, f"{path} is written by QEMU at this time: a machine runs, and what is read may not fit together"
        )


def _is_locked(descriptor: int, byte: int) -> bool:
    asked = _FLOCK.pack(fcntl.F_WRLCK, 0, byte, 1, 0)
    kind: int = _FLOCK.unpack(fcntl.fcntl(descriptor, _F_OFD_GETLK, asked))[0]
    return kind != fcntl.F_UNLCK
