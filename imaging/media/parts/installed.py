"""The Windows that a medium installs: it has boot files that older media, and boot images, lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.parts.source import MediumSource
from osdimage.imaging.wim.file import WimFile

_PATHS = ("sources/install.wim", "sources/install.esd")


@contextmanager
def installed_windows(source: MediumSource) -> Iterator[FileSource | None]:
    """Yield the files of the first image that Windows Setup installs from a medium; None when none can be read.

    Media of Windows 7 have no ``efi/boot/bootx64.efi``, and this image has it.
    """
    with ExitStack() as stack:
        yield next((each for path in _PATHS if (each := _opened(source, path, stack)) is not None), None)


def _opened(source: MediumSource, path: str, stack: ExitStack) -> FileSource | None:
    file = source.file(path)
    if file is None or not next(file.contents.pieces(), b"").startswith(WIM_MAGICS):
        return None
    try:
        # A file of a medium is at its origin: a path of this machine, or one on a disc.
        return image_source(stack.enter_context(WimFile.open(Path(file.origin))).image(1))
    except OsdImageError:
        # What is missing is told all the same, and with what it is found.
        return None
