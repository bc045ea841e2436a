"""A package as a tree of folders, one a driver: what DISM takes, and what Setup finds as ``$WinPEDriver$``."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.drivers.store.catalog import DriverCatalog, driver_number, files_of
from osdimage.imaging.drivers.store.named import members_of
from osdimage.imaging.drivers.store.records import CatalogDriver, StoredFile
from osdimage.imaging.drivers.store.works import sweep, sync, working_folder
from osdimage.imaging.drivers.supplied.variants import Variant
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused, quoted
from osdimage.imaging.output import new_file, write_at

_PREFIX = ".osdimage-drivers-"
# What a folder of FAT takes, too.
_UNFIT = re.compile(r'[<>:"/\\|?*\0-\x1f]')
# The first moment that a ZIP can tell: the same package makes the same file.
_DATE = (1980, 1, 1, 0, 0, 0)
# Names above those of Windows and architecture that a folder keeps.
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: of the folder or ZIP.
        folders: of each driver below it, with the driver's name.
        left_out: the names of the drivers that are disabled.
        files: how many there are.
        size: of all, in bytes.
    """

    path: Path
    folders: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    files: int
    size: int


def export_package(
    catalog: DriverCatalog, name: str, destination: str | os.PathLike[str], *, overwrite: bool = False
) -> Exported:
    """Write the enabled drivers of a package, each with a folder of its own, into a new folder or a ZIP.

    It appears whole or not at all.

    Args:
        catalog: with the package.
        name: of the package.
        destination: a ZIP when it ends in ``.zip``; else a folder that does not exist, or is empty.
        overwrite: whether a ZIP that is there is replaced.

    Raises:
        InvalidRequest: when there is no such package, or nothing in it that is enabled.
        InvalidInput: when the catalog is damaged, or a content is missing.
        TargetRefused: when the destination is there.
        StorageError: when it cannot be written.
    """
    destination = Path(destination)
    members = members_of(catalog, name)
    drivers = [each for each in members if each.is_enabled]
    if not drivers:
        raise InvalidRequest(f"{catalog.path}: package {quoted(name)} has no driver that is enabled")
    placed = [(folder, files_of(catalog, driver_number(catalog, each.name))) for folder, each in folders_of(drivers)]
    if destination.suffix.lower() == ".zip":
        _write_zip(catalog, placed, destination, overwrite=overwrite)
    else:
        _write_folder(catalog, placed, destination)
    files = [file for _, every in placed for file in every]
    return Exported(
        path=destination,
        folders=tuple((folder, each.name) for folder, each in folders_of(drivers)),
        left_out=tuple(each.name for each in members if not each.is_enabled),
        files=len(files),
        size=sum(each.size for each in files),
    )


def folders_of(drivers: Sequence[CatalogDriver]) -> Iterator[tuple[str, CatalogDriver]]:
    """Yield each driver with a folder of its own.

    It is ``NN-INF``, or, of one that lay in a folder for one Windows, ``INF/WINDOWS/ARCHITECTURE``, as in the
    collection that it comes from, so that whoever chooses by these names does so here, too.
    """
    width = max(2, len(str(len(drivers) - 1)))
    taken: set[str] = set()
    for number, each in enumerate(drivers):
        stem = _plain(each.inf.rpartition(".")[0])
        numbered = f"{number:0{width}d}-{stem}"
        variant = next(filter(None, map(Variant.of, each.folders_that_count)), None)
        folder = numbered if variant is None else _variant_folder(variant, stem)
        if variant is not None and folder.casefold() in taken:
            folder = f"{numbered}/{_plain(variant.system)}/{variant.architecture}"
        taken.add(folder.casefold())
        yield folder, each


def _plain(name: str) -> str:
    return _UNFIT.sub("_", name)[:64].rstrip(" .")


def _variant_folder(variant: Variant, stem: str) -> str:
    """Return the folder of a variant; the INFs of one folder get one each."""
    above = [_plain(each) or "_" for each in variant.driver.split("/") if each][-_DEEPEST:]
    if not above or above[-1].casefold() != stem.casefold():
        above.append(stem or "_")
    return "/".join((*above, _plain(variant.system), str(variant.architecture)))


def _contents(
    catalog: DriverCatalog, placed: Sequence[tuple[str, Sequence[StoredFile]]]
) -> Iterator[tuple[str, bytes]]:
    for folder, files in placed:
        for each in files:
            yield f"{folder}/{each.path}", catalog.contents.read(each.sha256, each.size)


def _write_zip(
    catalog: DriverCatalog, placed: Sequence[tuple[str, Sequence[StoredFile]]], path: Path, *, overwrite: bool
) -> None:
    with (
        new_file(path, replace=overwrite) as descriptor,
        _said(path),
        open(descriptor, "wb", closefd=False) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in _contents(catalog, placed):
            facts = zipfile.ZipInfo(name, _DATE)
            facts.compress_type = zipfile.ZIP_DEFLATED
            facts.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(facts, data)


def _write_folder(
    catalog: DriverCatalog, placed: Sequence[tuple[str, Sequence[StoredFile]]], destination: Path
) -> None:
    if os.path.lexists(destination) and (not destination.is_dir() or any(destination.iterdir())):
        raise TargetRefused(f"{destination}: is there already; valid is a folder that is not, or is empty")
    parent = destination.absolute().parent
    sweep(parent, _PREFIX)
    # What could not be removed is told with the error that is on its way: inside it is one of ours already.
    with _said(destination), working_folder(parent, _PREFIX) as folder, _said(destination):
        made: dict[Path, None] = {folder.path: None}
        for name, data in _contents(catalog, placed):
            path = folder.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            made.update(dict.fromkeys(each for each in path.parents if each.is_relative_to(folder.path)))
            _write(path, data)
        for each in made:
            sync(each)
        if destination.is_dir():
            folder.path.chmod(stat.S_IMODE(destination.stat().st_mode))
        folder.path.rename(destination)
        sync(parent)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say an error of the system as one of writing something."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        write_at(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
