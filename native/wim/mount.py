"""Mounting an image through FUSE, and unmounting it: what libwim's daemon and who talks to it are told.

``wimlib_mount_image()`` forks when the image is mounted, as daemon(3) does: the process that called it ends with 0, and
a child without a terminal serves the image until somebody unmounts it, where the call returns then.  So only a process
that was started for it may call it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from osdimage.native import text
from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Listener, Relay
from osdimage.native.status import call
from osdimage.native.wim.handles import WimHandle


class StreamInterface(Enum):
    """How the named streams of files are seen in a mounted image."""

    NONE = "none"
    """Not at all."""
    XATTR = "xattr"
    """As extended attributes: stream S of a file is its ``user.S``."""
    WINDOWS = "windows"
    """As files with the name ``FILE:S``."""


_STREAMS = {
    StreamInterface.NONE: lib.WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_NONE,
    StreamInterface.XATTR: lib.WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_XATTR,
    StreamInterface.WINDOWS: lib.WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_WINDOWS,
}


@dataclass(frozen=True, slots=True)
class MountSettings:
    """How libwim mounts.

    Attributes:
        read_write: let files be changed; what changes goes into files below ``staging``.
        allow_other: let other users in.
        unix_data: show, and store, owners, modes and device numbers as the image has them.
        streams: how named streams are seen.
        staging: an existing folder; needed when files may be changed.
    """

    read_write: bool = False
    allow_other: bool = False
    unix_data: bool = False
    streams: StreamInterface = StreamInterface.XATTR
    staging: Path | None = None

    def flags(self) -> int:
        """Return the flags of libwim."""
        return int(
            _STREAMS[self.streams]
            | (lib.WIMLIB_MOUNT_FLAG_READWRITE if self.read_write else 0)
            | (lib.WIMLIB_MOUNT_FLAG_ALLOW_OTHER if self.allow_other else 0)
            | (lib.WIMLIB_MOUNT_FLAG_UNIX_DATA if self.unix_data else 0)
        )


@dataclass(frozen=True, slots=True)
class UnmountSettings:
    """How libwim unmounts.

    Attributes:
        commit: write what was changed into the WIM, by appending to it.
        force: also while files are open: they are closed.
        new_image: write it as another image, and leave the one that was mounted as it is.
        integrity: write an integrity table; without it the WIM has one if it had one.
    """

    commit: bool = False
    force: bool = False
    new_image: bool = False
    integrity: bool = False

    def flags(self) -> int:
        """Return the flags of libwim."""
        return int(
            (lib.WIMLIB_UNMOUNT_FLAG_COMMIT if self.commit else 0)
            | (lib.WIMLIB_UNMOUNT_FLAG_FORCE if self.force else 0)
            | (lib.WIMLIB_UNMOUNT_FLAG_NEW_IMAGE if self.new_image else 0)
            | (lib.WIMLIB_UNMOUNT_FLAG_CHECK_INTEGRITY if self.integrity else 0)
        )


def serve(handle: WimHandle, image: int, directory: str | os.PathLike[str], settings: MountSettings) -> tuple[str, ...]:
    """Mount an image and serve it: see the model of this module for what becomes of the process."""
    return handle.mount(image, directory, settings.flags(), settings.staging)


def unmount(
    directory: str | os.PathLike[str], settings: UnmountSettings, *, listener: Listener | None = None
) -> tuple[str, ...]:
    """Ask the daemon to unmount, and wait for its answer; the mount is gone a moment after it.

    Args:
        directory: where the image is mounted.
        settings: how.
        listener: is told how a commit goes on, from a thread of libwim's; it cannot stop it, and must not raise.
            None needs no message queue of the system.
    """
    relay = Relay()
    relay.listener = listener
    function, context = (ffi.NULL, ffi.NULL) if listener is None else (ffi.addressof(lib, "osd_progress"), relay.handle)
    with relay:
        return call(
            lib.wimlib_unmount_image_with_progress, text.path_to_c(directory), settings.flags(), function, context
        )
