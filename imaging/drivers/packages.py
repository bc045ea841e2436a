"""Driver packages: an INF, and the files beside it that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from osdimage.imaging.drivers.inf.closure import PackageFile
from osdimage.imaging.drivers.inf.decoding import MAX_BYTES
from osdimage.imaging.drivers.inf.inf_file import InfFile, read_inf
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.files import DEFAULT_LIMIT, FileFacts, FileSource

_SUFFIX = ".inf"
Fault = Callable[[str, InvalidInput], None]
"""What is told of an INF that cannot be read: its path, and why."""


@runtime_checkable
class KeepsFolders(Protocol):
    """Files that lie elsewhere than in the collection that they come from, and remember where that was."""

    def folders_in_collection(self, folder: str) -> tuple[str, ...]:
        """Return the folders of the collection whose files are in a folder; none where nobody knows."""


@dataclass(frozen=True, slots=True)
class DriverPackage:
    """An INF from which Windows installs a driver, and where its files are.

    Attributes:
        inf: what it says.
        source: what holds it and the files that it names; it must be open when they are read.
        path: of the INF in there, names separated by ``/``.
    """

    inf: InfFile
    source: FileSource
    path: str

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the collection that it comes from in which it lies, or lay before it was put elsewhere."""
        kept = self.source.folders_in_collection(self.folder) if isinstance(self.source, KeepsFolders) else ()
        return kept or (self.folder,)

    @property
    def folder(self) -> str:
        """The folder of the INF, below which its files are; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file name of the INF."""
        return self.path.rpartition("/")[2]

    def find(self, path: str) -> FileFacts | None:
        """Return the file at a path below the folder, in any case; None when there is none.

        Raises:
            InvalidRequest, InvalidVolume, StorageError: see :meth:`FileSource.find`.
        """
        facts = self.source.find(self._whole(path))
        return None if facts is None or facts.is_directory or facts.is_link else facts

    def read(self, path: str, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return the contents of a file at a path below the folder.

        Raises:
            InvalidRequest, InvalidVolume, StorageError: see :meth:`FileSource.read`.
        """
        return self.source.read(self._whole(path), limit)

    def missing(self, os: TargetOs) -> tuple[PackageFile, ...]:
        """Return the files that it needs on a Windows and does not hold; those that may be of Windows are not told.

        Raises:
            InvalidInput: see :meth:`InfFile.files`.
            InvalidRequest, InvalidVolume, StorageError: see :meth:`FileSource.find`.
        """
        return tuple(each for each in self.inf.files(os).needed if self.find(each.path) is None)

    def _whole(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path


def packages_in(
    source: FileSource,
    folder: str = "",
    *,
    codepage: str = "cp1252",
    on_fault: Fault | None = None,
) -> list[DriverPackage]:
    """Return the driver packages at or below a folder, in the order of their paths.

    INFs that are no drivers, such as an ``autorun.inf``, are left out.

    Args:
        source: where to look.
        folder: the folder, or one INF, which then must be a driver.
        codepage: of INFs that do not tell their encoding.
        on_fault: is told of each INF that cannot be read; without it the first such one ends the search.

    Raises:
        InvalidInput: when an INF cannot be read and nobody wants to be told, or the one INF is no driver.
        InvalidRequest: when there is no such folder, or no such code page.
        InvalidVolume, StorageError: see :meth:`FileSource.walk`.
    """
    facts = source.find(folder)
    if facts is None:
        raise InvalidRequest(f"{source.name}: there is no {quoted(folder)}")
    if not facts.is_directory:
        inf = _read(source, facts, codepage)
        if not inf.is_driver:
            raise InvalidInput(
                f'{inf.name}: is no INF of a driver; one says Signature="$Windows NT$" in its section [Version]'
            )
        return [DriverPackage(inf, source, facts.path)]
    found: list[DriverPackage] = []
    for each in sorted(source.walk(folder), key=lambda facts: facts.path.casefold()):
        if each.is_directory or each.is_link or not each.name.lower().endswith(_SUFFIX):
            continue
        try:
            inf = _read(source, each, codepage)
        except InvalidInput as error:
            if on_fault is None:
                raise
            on_fault(each.path, error)
            continue
        if inf.is_driver:
            found.append(DriverPackage(inf, source, each.path))
    return found


def _read(source: FileSource, facts: FileFacts, codepage: str) -> InfFile:
    return read_inf(source.read(facts.path, MAX_BYTES), name=f"{source.name}: {facts.path}", codepage=codepage)
