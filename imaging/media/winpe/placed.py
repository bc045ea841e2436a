"""Where the scripts of Windows PE go: into the boot image, and, for reading and for shares, onto the medium."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import InvalidRequest, StorageError
from osdimage.imaging.media.bootimage.settings import AddedFile, BootSettings
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.media.winpe.model import FOLDER, PeFile
from osdimage.imaging.media.winpe.start import SHELL, STARTNET

SCRIPTS = f"{FOLDER}/scripts"
"""Where they are on a medium."""
_MADE = "made"


def settings_with(settings: BootSettings, files: Iterable[PeFile], folder: str | os.PathLike[str]) -> BootSettings:
    """Return the settings of a boot image that has the scripts of a run, too.

    Args:
        settings: what is wished for besides.
        files: the scripts.
        folder: an empty one, in which the files are written and must stay until the boot image is made.

    Raises:
        InvalidRequest: when something else is to begin in the boot image.
        StorageError: when a file cannot be written.
    """
    if settings.startnet is not None or settings.winpeshl is not None:
        raise InvalidRequest(
            "what begins in the boot image is made for the medium; valid is another startnet.cmd or winpeshl.ini only "
            "in media that run nothing"
        )
    added: list[AddedFile] = []
    begins: dict[str, Path] = {}
    for number, each in enumerate(files):
        path = Path(folder) / str(number)
        try:
            path.write_bytes(each.data)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {error.strerror}", path=path, errno=error.errno) from error
        if each.path in {STARTNET, SHELL}:
            begins[each.path] = path
        else:
            added.append(AddedFile(path, each.path))
    return replace(
        settings,
        startnet=begins.get(STARTNET),
        winpeshl=begins.get(SHELL),
        files=(*settings.files, *added),
    )


def scripts_on_medium(files: Iterable[PeFile], modified_ns: int) -> tuple[MediumFile, ...]:
    """Return the scripts as they are on a medium, whose boot image runs its own copies."""
    found = []
    for each in files:
        inner = each.path.removeprefix(f"{FOLDER}/")
        name = inner if inner != each.path else each.path.rpartition("/")[2]
        found.append(MediumFile(f"{SCRIPTS}/{name}", BytesContents(each.data), modified_ns, _MADE))
    return tuple(sorted(found, key=lambda each: each.path))
