"""The answer file that a deployment places in its image: read, and checked against the Windows that it is for."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.answers.document import MAX_BYTES
from osdimage.imaging.answers.unattend import check_answer_file
from osdimage.imaging.boot.windows import KERNEL
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.files import FileFacts, FileSource, split_path
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.image import WimImage

UNATTEND_PATH = "/Windows/Panther/unattend.xml"
"""Where Windows looks first for the answer file of a deployed image (Microsoft, "Windows Setup Automation")."""
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
    warnings = list(check_answer_file(read_answers(path), _architecture(image), source=path))
    version = None if image.info.windows is None else image.info.windows.version
    if version is not None and version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) < _FIRST_MAJOR:
        warnings.append(f"{path}: nothing of it is used: Windows {version} reads \\sysprep\\sysprep.inf instead")
    return tuple(warnings)


class WithAnswers(FileSource):
    """The files of an image, with the answer file that is placed in it later."""

    def __init__(self, files: FileSource, path: str) -> None:
        """Read the answer file.

        Raises:
            StorageError: when it cannot be read.
        """
        super().__init__(files.name)
        self._files, self._data = files, read_answers(path)

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        return self._facts if self._is_answers(path) else self._files.find(path)

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        found = [each for each in self._files.list(path) if not self._is_answers(each.path)]
        is_above = split_path(path.lower()) == split_path(UNATTEND_PATH.lower())[:-1]
        return [*found, self._facts] if is_above else found

    def _read(self, facts: FileFacts) -> bytes:
        return self._data if facts == self._facts else self._files.read(facts.path, max(1, facts.size))

    def _is_answers(self, path: str) -> bool:
        return split_path(path.lower()) == split_path(UNATTEND_PATH.lower())

    @property
    def _facts(self) -> FileFacts:
        return FileFacts(
            "/".join(split_path(UNATTEND_PATH)),
            is_directory=False,
            size=len(self._data),
            attributes=0,
            modified_ns=None,
        )


def read_answers(path: str) -> bytes:
    """Return an answer file, and of one that is none for its size what shows that.

    Raises:
        StorageError: when it cannot be read.
    """
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
