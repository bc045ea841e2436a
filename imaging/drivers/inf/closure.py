r"""The files that belong to a driver: ``[SourceDisksFiles]`` and ``[SourceDisksNames]``.

Sources: Microsoft, "INF SourceDisksFiles Section", "INF SourceDisksNames Section" (``install/``); Windows refuses a
package that does not hold what its INF names (``install/driver-store.md``).  Files of Windows itself are named there,
too, and no list says which those are: a file that no install section for the Windows copies may be one.
"""

from __future__ import annotations

import ntpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from osdimage.imaging.drivers.inf.inf_text import Entry, InfText, InfWarning
from osdimage.imaging.drivers.inf.install import CopyFile
from osdimage.imaging.drivers.inf.lines import fold
from osdimage.imaging.drivers.inf.version import InfVersion
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import quoted


@dataclass(frozen=True, slots=True)
class PackageFile:
    r"""A file that an INF names.

    Attributes:
        path: below the folder of the INF, names separated by ``/``.
        is_copied: an install section for the Windows copies it; when not, it may be one of Windows itself.
        line: where it is named.
    """

    path: str
    is_copied: bool
    line: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class FileClosure:
    """What a driver needs on a Windows, besides its INF.

    Attributes:
        catalog: the name of its catalog file, or None when it names none.
        files: all others, each once, by the order of the INF.
        warnings: what is unusual.
    """

    catalog: str | None
    files: tuple[PackageFile, ...]
    warnings: tuple[InfWarning, ...]

    @property
    def needed(self) -> tuple[PackageFile, ...]:
        """The files that the package must hold."""
        return tuple(each for each in self.files if each.is_copied)

    @property
    def perhaps_inbox(self) -> tuple[PackageFile, ...]:
        """The files that may be ones of Windows itself."""
        return tuple(each for each in self.files if not each.is_copied)


def read_closure(
    text: InfText, version: InfVersion, architecture: Architecture, copied: Collection[CopyFile]
) -> FileClosure:
    """Return the files that a driver names for an architecture.

    Args:
        text: the INF.
        version: of it.
        architecture: of the Windows.
        copied: the files that its install sections copy there.
    """
    warnings: list[InfWarning] = []
    folders = _folders(text, architecture)
    listed: dict[str, PackageFile] = {}
    names = {fold(ntpath.basename(file.source)) for file in copied}
    for entry in _entries(text, "SourceDisksFiles", architecture):
        name = entry.key or entry.value(0)
        if fold(name) in listed:
            continue
        disk = entry.value(0) if entry.key is not None else ""
        if fold(disk) not in folders:
            warnings.append(
                InfWarning(entry.line, f"{quoted(name)} is on the disk {quoted(disk)}, which SourceDisksNames lacks")
            )
        path = _path(folders.get(fold(disk), ""), entry.value(1), name)
        listed[fold(name)] = PackageFile(path, fold(name) in names, entry.line)
    for file in copied:
        key = fold(ntpath.basename(file.source))
        if key not in listed:
            warnings.append(InfWarning(file.line, f"{quoted(file.source)} is copied, but not in SourceDisksFiles"))
            listed[key] = PackageFile(_path("", "", file.source), is_copied=True, line=file.line)
    return FileClosure(version.catalog_for(architecture), tuple(listed.values()), tuple(warnings))


def _folders(text: InfText, architecture: Architecture) -> dict[str, str]:
    """Return the folder of each disk, by its number, folded."""
    found: dict[str, str] = {}
    for entry in _entries(text, "SourceDisksNames", architecture):
        if entry.key is not None:
            found.setdefault(fold(entry.key), entry.value(3))
    return found


def _entries(text: InfText, section: str, architecture: Architecture) -> Iterator[Entry]:
    """Yield the lines for an architecture, which stand above those for all."""
    yield from text.entries(f"{section}.{architecture}")
    yield from text.entries(section)


def _path(*parts: str) -> str:
    r"""Return a path below the package's folder: whatever the parts, it does not leave that."""
    names = [name for part in parts for name in part.replace("\\", "/").split("/")]
    return "/".join(name for name in names if name not in {"", ".", ".."})
