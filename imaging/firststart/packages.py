r"""Packages: files of this machine that the steps of a first start need, put below ``packages\\NAME``.

What a package holds is counted before anything is written, and read again when it is: neither by a name nor by a link
does anything of it come from elsewhere, or go elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, quoted
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.windows_names import fault_of

PACKAGES = "packages"
MOST_ENTRIES = 200_000
"""Files and folders of one package."""
_DEEPEST = 64
_PIECE = 4 * MIB


@dataclass(frozen=True, slots=True)
class PackageFile:
    r"""A file of a package.

    Attributes:
        path: below the folder of the package, names separated by ``\\``.
        source: where it is on this machine.
        size: in bytes.
        modified_ns: when it was changed last, nanoseconds since 1970.
    """

    path: str
    source: Path
    size: int
    modified_ns: int

    def pieces(self) -> Iterator[bytes]:
        """Yield its contents.

        Raises:
            StorageError: when it cannot be read.
        """
        try:
            # What takes the place of a file that was counted must not stop the work: a pipe that nobody writes to.
            descriptor = os.open(self.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise _unreadable(self.source, error) from error


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was counted.

    Attributes:
        name: of its folder.
        folders: those in it, each after the one that it is in.
        files: in it.
    """

    name: str
    folders: tuple[str, ...]
    files: tuple[PackageFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def count_package(name: str, path: str | os.PathLike[str]) -> Package:
    """Find all that belongs to a package; nothing is read but names and sizes.

    Args:
        name: of its folder on the disk.
        path: a folder, or a file that is the whole package.

    Raises:
        InvalidRequest: when Windows does not open its name.
        InvalidInput: when it holds more than a package may, what is neither a file nor a folder, a link that leads out
            of it or to a folder, a name that Windows does not open, or two that differ in case only.
        StorageError: when it cannot be read.
    """
    path = Path(path)
    fault = fault_of(name) or ("holds a separator" if "/" in name or "\\" in name else None)
    if fault is not None:
        raise InvalidRequest(f"the package {quoted(name)} cannot be put on the disk: its name {fault}")
    try:
        if not path.is_dir():
            return Package(name, (), (_file(path.name, path, path.parent),))
        return _counted(name, path)
    except OSError as error:
        raise _unreadable(Path(error.filename or path), error) from error


def _counted(name: str, root: Path) -> Package:
    folders: list[str] = []
    files: list[PackageFile] = []
    waiting = [(root, "")]
    while waiting:
        folder, above = waiting.pop()
        if above.count("\\") >= _DEEPEST:
            raise InvalidInput(f"{folder} is more than {_DEEPEST} folders deep in the package {quoted(name)}")
        seen: dict[str, str] = {}
        for entry in sorted(os.scandir(folder), key=lambda each: each.name):
            other = seen.setdefault(entry.name.lower(), entry.name)
            if other != entry.name:
                raise InvalidInput(f"{folder}: {quoted(other)} and {quoted(entry.name)} are one name to Windows")
            if len(folders) + len(files) >= MOST_ENTRIES:
                raise InvalidInput(
                    f"{root} has more than {MOST_ENTRIES} files and folders; a package has at most those"
                )
            place = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                _refuse_name(place)
                folders.append(f"{above}{entry.name}")
                waiting.append((place, f"{above}{entry.name}\\"))
            else:
                files.append(_file(f"{above}{entry.name}", place, root))
    return Package(name, tuple(folders), tuple(files))


def _file(path: str, place: Path, root: Path) -> PackageFile:
    _refuse_name(place)
    if place.is_symlink() and not Path(os.path.realpath(place, strict=True)).is_relative_to(root.resolve()):
        raise InvalidInput(f"{place} is a link that leads out of the package; a package has its files in it")
    facts = place.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidInput(f"{place} is neither a file nor a folder, nor a link to a file; a package has no others")
    return PackageFile(path, place, facts.st_size, facts.st_mtime_ns)


def _refuse_name(place: Path) -> None:
    fault = fault_of(place.name) or ("holds a separator" if "\\" in place.name else None)
    if fault is not None:
        raise InvalidInput(f"{quoted(str(place))}: the name {fault}, and Windows would not open it")


def count_packages(wanted: Sequence[tuple[str, Path]]) -> tuple[Package, ...]:
    """Count packages, each once.

    Args:
        wanted: the name and the path of each, as often as a step needs it.

    Raises:
        InvalidRequest: when two are to have one name.
        InvalidInput, StorageError: as :func:`count_package`.
    """
    paths: dict[str, tuple[str, Path]] = {}
    for name, path in wanted:
        other = paths.setdefault(name.lower(), (name, path))
        if other[1] != path:
            raise InvalidRequest(f"the package {quoted(name)} is {other[1]} for one step and {path} for another")
    return tuple(count_package(name, path) for name, path in paths.values())


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno)
