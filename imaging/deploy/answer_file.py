"""The answer file that a deployment places in its image: read, and checked against the Windows that it is for."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.answers.document import MAX_BYTES
from osdimage.imaging.answers.unattend import check_answer_file
from osdimage.imaging.boot.windows import KERNEL
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.image import WimImage

_LARGEST_KERNEL = 64 * MIB
_FIRST_MAJOR = 6
"""Windows Vista, the first that reads unattend.xml."""


def check_unattend(path: str, image: WimImage) -> tuple[str, ...]:
    """Return what Windows would ignore of an answer file: one sentence each.

    Raises:
        InvalidInput: when Windows Setup would refuse it.
        StorageError: when it cannot be read.
        CorruptWim, MissingParts: when the kernel of the image cannot be read.
    """
    warnings = list(check_answer_file(_read(path), _architecture(image), source=path))
    version = None if image.info.windows is None else image.info.windows.version
    if version is not None and version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) < _FIRST_MAJOR:
        warnings.append(f"{path}: nothing of it is used: Windows {version} reads \\sysprep\\sysprep.inf instead")
    return tuple(warnings)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _architecture(image: WimImage) -> str | None:
    """Return the architecture that the WIM tells, or else the kernel; None when neither does."""
    told = None if image.info.windows is None else image.info.windows.architecture
    if told is not None:
        return told
    files = image.files()
    if not files.exists(KERNEL):
        return None
    try:
        return read_pe(files.read(KERNEL, limit=_LARGEST_KERNEL), name=f"{files.name}: {KERNEL}").architecture
    except InvalidInput as error:
        # What is no program tells nothing; a WIM that is damaged tells that.
        if type(error) is InvalidInput:
            return None
        raise
