"""Extracting an image of a pipable WIM that comes through a pipe, in libwim's own way of reading one."""

from __future__ import annotations

import os

from osdimage.native import text
from osdimage.native._wimlib import lib
from osdimage.native.callbacks import Listener, Relay
from osdimage.native.status import call
from osdimage.native.wim.facts import ExtractSettings


def extract_image_from_pipe(
    descriptor: int,
    image: int,
    target: str | os.PathLike[str],
    settings: ExtractSettings,
    *,
    listener: Listener | None = None,
) -> tuple[str, ...]:
    """Extract a whole image to a directory or an NTFS volume; return the warnings.

    Args:
        descriptor: of a pipe, from which the WIM is read up to the last contents that the image needs; it stays open.
        image: the 1-based index.
        target: the directory, or a name under which libntfs-3g opens the volume.
        settings: how.
        listener: is told the progress, and stops the work by raising an exception.

    Raises:
        WimlibError: when it failed.
    """
    relay = Relay()
    relay.listener = listener
    with relay:
        return call(
            lib.wimlib_extract_image_from_pipe_with_progress,
            # libwim closes what it is given.
            os.dup(descriptor),
            text.to_c(str(image)),
            text.path_to_c(target),
            settings.flags(),
            lib.osd_progress,
            relay.handle,
        )
