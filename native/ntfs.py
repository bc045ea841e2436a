"""The dirty flag of an NTFS volume, through libntfs-3g."""

from __future__ import annotations

import os

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import path_to_c

# enum VOLUME_FLAGS, <ntfs-3g/layout.h>.
_VOLUME_IS_DIRTY = 0x0001


def set_dirty(path: str | os.PathLike[str], *, dirty: bool) -> bool:
    """Set or clear the dirty flag of the volume in a file or device; return whether it was set before.

    Raises:
        OSError: when libntfs-3g refuses the volume (EPERM: hibernated; EINVAL: not NTFS; EBUSY: in use) or the flag
            cannot be written.
    """
    encoded = path_to_c(path)
    volume = lib.ntfs_mount(encoded, 0)
    if volume == ffi.NULL:
        raise OSError(ffi.errno, os.strerror(ffi.errno), os.fspath(path))
    number = 0
    flags = volume.flags
    wanted = flags | _VOLUME_IS_DIRTY if dirty else flags & ~_VOLUME_IS_DIRTY
    if wanted != flags and lib.ntfs_volume_write_flags(volume, wanted) != 0:
        number = ffi.errno
    if lib.ntfs_umount(volume, 0) != 0 and number == 0:
        number = ffi.errno
    if number != 0:
        raise OSError(number, os.strerror(number), os.fspath(path))
    return bool(flags & _VOLUME_IS_DIRTY)
