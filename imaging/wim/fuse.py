"""The border of libwim's FUSE: an image is served at a directory, and the process that serves it is asked to stop.

How libwim mounts, and why only a process of its own may ask it to, is told in ``native/wim/mount.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.errors import OsdImageError, StorageError, TargetRefused
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.placed.narrowing import reading_images
from osdimage.native import runtime
from osdimage.native.callbacks import Listener
from osdimage.native.status import WimlibCode, WimlibError, describe
from osdimage.native.wim import mount
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.mount import MountSettings, StreamInterface, UnmountSettings

__all__ = [
    "FuseFailed",
    "MountSettings",
    "ServerGone",
    "StreamInterface",
    "UnmountSettings",
    "has_fuse",
    "serve_image",
    "stop_serving",
]


class FuseFailed(OsdImageError):
    """FUSE did not mount; why is on the standard error stream of the process."""


class ServerGone(OsdImageError):
    """The process that serves a mounted image does not answer: it ended, or never was."""


def has_fuse() -> bool:
    """Tell whether libwim can mount."""
    return runtime.has_fuse_support()


def serve_image(path: Path, handle: WimHandle, index: int, directory: Path, settings: MountSettings) -> None:
    """Mount an image; the calling process ends then, and this returns in a child of it when it is unmounted.

    Raises:
        FuseFailed: when FUSE refuses.
        OsdImageError: when libwim does.
    """
    with wim_errors(path), reading_images(path, handle, [index]):
        try:
            mount.serve(handle, index, directory, settings)
        except WimlibError as error:
            if error.code != WimlibCode.FUSE:
                raise
            raise FuseFailed(f"{directory}: FUSE did not mount the image") from error


def stop_serving(directory: Path, wim: Path, settings: UnmountSettings, listener: Listener | None = None) -> None:
    """Ask the process that serves an image to unmount it; it does so a moment after it has answered.

    Args:
        directory: where it is mounted.
        wim: for messages.
        settings: whether changes are written to the WIM, and how.
        listener: hears of the progress of that, in another thread; it must not raise.

    Raises:
        TargetRefused: when files in it are open, or this user may not unmount it.  It stays mounted.
        ServerGone: when nobody answers, or whoever served it ended while it wrote.
        StorageError: when the changes could not be written.  It stays mounted, unless ``force`` was asked for.
    """
    try:
        try:
            mount.unmount(directory, settings, listener=listener if settings.commit else None)
        except WimlibError as error:
            # A system without message queues has no progress, and that is all.
            if error.code != WimlibCode.MQUEUE:
                raise
            mount.unmount(directory, settings)
    except WimlibError as error:
        raise _translated(error, directory, wim) from error


def _translated(error: WimlibError, directory: Path, wim: Path) -> OsdImageError:
    if error.code == WimlibCode.MOUNTED_IMAGE_IS_BUSY:
        return TargetRefused(f"{directory}: files in it are open")
    if error.code == WimlibCode.NOT_PERMITTED_TO_UNMOUNT:
        return TargetRefused(f"{directory}: only who mounted it, and root, may unmount it")
    if error.code == WimlibCode.NOT_A_MOUNTPOINT:
        return ServerGone(f"{directory}: the process that serves it does not answer")
    # The number is all that the other process sends; what the system told it is not known here.
    where = os.fspath(wim)
    return StorageError(f"{where}: the changes could not be written: {describe(int(error.code)).rstrip('.')}", path=wim)
