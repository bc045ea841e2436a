"""Taking the drivers of others out of a Windows that does not run: a folder each, as the driver store has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.drivers.offline.installed import InstalledDriver
from osdimage.imaging.errors import InvalidInput, StorageError, TargetRefused, TooSmall, UnsafeName, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import GIB, format_size
from osdimage.imaging.wim.extracted.placing import can_stage, staged

_LARGEST_FILE = 4 * GIB
_MOST_FILES = 1_000_000
_LONGEST_NAME = 255
_SHARES = {Phase.EXTRACT_DATA: 100.0}


@dataclass(frozen=True, slots=True)
class ExportedDriver:
    """A driver that was taken out.

    Attributes:
        driver: it.
        folder: its folder.
        files: how many are in it.
        size: bytes of them.
        is_new: whether it was written; otherwise the folder was there, and holds just this.
    """

    driver: InstalledDriver
    folder: Path
    files: int
    size: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class DriverExport:
    """What was taken out, and sentences about what was not."""

    exported: tuple[ExportedDriver, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Planned:
    driver: InstalledDriver
    name: str
    files: tuple[FileFacts, ...]

    @property
    def size(self) -> int:
        return sum(each.size for each in self.files)

    def below(self, facts: FileFacts) -> str:
        """Return the path of a file below the folder of the driver."""
        return facts.path[len(f"{self.driver.folder}/") :]


def export_installed(
    files: FileSource,
    drivers: Iterable[InstalledDriver],
    to: str | os.PathLike[str],
    *,
    limit_bytes: int | None = None,
    progress: ProgressCallback | None = None,
) -> DriverExport:
    """Write the files of drivers below a directory, which is made if it is missing; nothing there is overwritten.

    Each driver gets a folder that is called as its folder in the driver store, and so can be given to whatever takes
    drivers; one that is there and holds just the same stays.  Links are left out, and told.

    Args:
        files: of the volume, image or folder with the Windows.
        drivers: of that, as :func:`~osdimage.imaging.drivers.offline.installed.installed_drivers` lists them; those
            that have no folder are left out, and told.
        to: the directory.
        limit_bytes: the most that their files may take.
        progress: receives the progress.

    Raises:
        TargetRefused: when there is something else in the place of a folder; nothing is written.
        TooSmall: when there is no room, or the limit is less; nothing is written.
        UnsafeName: when a name could lead out of the directory; nothing is written.
        InvalidVolume, InvalidInput: when files are damaged.
        StorageError: when reading or writing failed.
    """
    target, warnings = Path(to), list[str]()
    planned = list(_plan(files, drivers, warnings))
    files.prefetch(each.path for one in planned for each in one.files)
    new = _new_ones(files, target, planned)
    _refuse_room(target, sum(each.size for each in new), limit_bytes)
    if new:
        _write_all(files, target, new, Meter(progress, _SHARES))
    exported = (
        ExportedDriver(each.driver, target / each.name, len(each.files), each.size, is_new=each in new)
        for each in planned
    )
    return DriverExport(tuple(exported), tuple(warnings))


def _write_all(files: FileSource, target: Path, planned: Sequence[_Planned], meter: Meter) -> None:
    size, done = sum(each.size for each in planned), 0
    count = sum(len(each.files) for each in planned)
    longest = max(len(os.fsencode(each.path)) for one in planned for each in one.files)
    with staged(target, hidden=can_stage(target, count, longest)) as folder:
        for one in planned:
            for each in one.files:
                _write(folder / one.name / one.below(each), files.read(each.path, limit=_LARGEST_FILE), each)
                done += each.size
                meter.step(Phase.EXTRACT_DATA, done, size)
    meter.finish()


def _plan(files: FileSource, drivers: Iterable[InstalledDriver], warnings: list[str]) -> Iterator[_Planned]:
    """Yield what is written of each driver; of several with one folder, once."""
    seen: set[str] = set()
    count = 0
    for driver in drivers:
        if driver.folder is None:
            warnings.append(f"{files.name}: {driver.inf} is left out: its files are in no folder of the driver store")
            continue
        if driver.folder.lower() in seen:
            continue
        seen.add(driver.folder.lower())
        found: list[FileFacts] = []
        for each in files.walk(driver.folder):
            if each.is_link:
                warnings.append(f"{files.name}: {each.path} is left out: it is a link, or only Windows can read it")
            elif not each.is_directory:
                _refuse_name(files, each)
                found.append(each)
        count += len(found)
        if count > _MOST_FILES:
            raise InvalidInput(f"{files.name}: its drivers have more than {_MOST_FILES:,} files, which no Windows has")
        if found:
            yield _Planned(driver, driver.folder.rpartition("/")[2], tuple(found))
        else:
            warnings.append(f"{files.name}: {driver.inf} is left out: {driver.folder} holds no file")


def _refuse_name(files: FileSource, facts: FileFacts) -> None:
    """Refuse what Linux cannot call so, or would take for a path."""
    for name in facts.path.split("/"):
        try:
            is_bad = name in {"", ".", ".."} or "\0" in name or len(os.fsencode(name)) > _LONGEST_NAME
        except UnicodeEncodeError:
            is_bad = True
        if is_bad:
            raise UnsafeName(f"{files.name}: {quoted(facts.path)} cannot be written to a directory", path=facts.path)


def _new_ones(files: FileSource, target: Path, planned: Sequence[_Planned]) -> list[_Planned]:
    """Return the drivers that are not there, and refuse those in whose place there is something else."""
    if os.path.lexists(target) and not target.is_dir():
        raise TargetRefused(f"{target}: is no directory")
    new = []
    for each in planned:
        place = target / each.name
        if not os.path.lexists(place):
            new.append(each)
        elif not _is_same(files, place, each):
            raise TargetRefused(f"{place}: is there already, and is not overwritten; nothing is written")
    return new


def _is_same(files: FileSource, place: Path, planned: _Planned) -> bool:
    """Tell whether a folder holds the files of a driver and nothing else."""
    wanted = {planned.below(each): each for each in planned.files}
    if place.is_symlink() or not place.is_dir():
        return False
    try:
        there = {
            Path(above, name).relative_to(place).as_posix(): Path(above, name)
            for above, _, names in os.walk(place)
            for name in names
        }
        return there.keys() == wanted.keys() and all(
            not path.is_symlink()
            and path.stat().st_size == wanted[name].size
            and path.read_bytes() == files.read(wanted[name].path, limit=_LARGEST_FILE)
            for name, path in there.items()
        )
    except OSError as error:
        raise StorageError(f"{place}: {error.strerror}", path=place, errno=error.errno) from error


def _refuse_room(target: Path, size: int, limit_bytes: int | None) -> None:
    taken = f"{target}: not written: the drivers take {format_size(size)}"
    if limit_bytes is not None and size > limit_bytes:
        raise TooSmall(f"{taken}, more than the limit of {format_size(limit_bytes)}")
    nearest = next(each for each in (target, *target.absolute().parents) if each.exists())
    free = shutil.disk_usage(nearest).free
    if size > free:
        raise TooSmall(f"{taken}, and {format_size(free)} are free")


def _write(place: Path, data: bytes, facts: FileFacts) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)
        if facts.modified_ns is not None:
            os.utime(place, ns=(facts.modified_ns, facts.modified_ns))
    except OSError as error:
        raise StorageError(f"{place}: {error.strerror}", path=place, errno=error.errno) from error
