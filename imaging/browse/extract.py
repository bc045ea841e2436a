"""Taking files out of a volume, as they are taken out of an image."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.browse.holes import write_with_holes
from osdimage.imaging.browse.links import target_of
from osdimage.imaging.browse.tree import Found, VolumeTree
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.errors import (
    InvalidRequest,
    InvalidVolume,
    StorageError,
    TargetRefused,
    TooSmall,
    UnsafeName,
    quoted,
)
from osdimage.imaging.filetime import NOT_KNOWN_NS
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.extracted.extract import ExtractResult, refuse_collisions
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.extracted.placing import can_stage, staged
from osdimage.imaging.wim.wof import place_of

_SHARES = {Phase.SCAN: 10.0, Phase.EXTRACT_DATA: 90.0}
# PATH_MAX of <linux/limits.h>, without its NUL.
_LONGEST_PATH = 4095


@dataclass(frozen=True, slots=True)
class _Planned:
    """A file or directory, and where it goes: a path from the target, that begins with ``/``."""

    found: Found
    at: str


@logged("extract from {tree.name} to {to}")
def extract_from_volume(
    tree: VolumeTree,
    wanted: tuple[str, ...],
    to: str | os.PathLike[str],
    options: ExtractOptions = ExtractOptions(),  # noqa: B008 - it is frozen
    *,
    progress: ProgressCallback | None = None,
) -> ExtractResult:
    r"""Extract files and directory trees of a volume to a directory, which is made if it is missing.

    Contents, times of the last change and access, hard links, symbolic links and junctions are kept.  Files that
    Windows has compressed as a whole are plain.  What a directory has no place for is told, and so is what only Windows
    can read, such as encrypted files, which is left out.  Up to 20,000 files get their names once all are complete.

    Args:
        tree: the volume, of a disk or of a disc.
        wanted: paths and patterns, separated by ``/`` or ``\``; ``/`` is all of it.
        to: the directory.
        options: how; ``unix_data`` is not for volumes, and names that a directory refuses are always refused.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a path or pattern fits nothing, or two files would get one name.
        UnsafeName: when a name could lead out of the directory, or is longer than it takes; nothing is written.
        TargetRefused: when something that is there would have to give way; nothing is written.
        TooSmall: when it has no room, or the limit is less.
        InvalidVolume: when the volume or contents are damaged.
        StorageError: when reading or writing failed.
    """
    target = Path(to)
    found = probe(target)
    if found not in {Content.DIRECTORY, Content.MISSING}:
        raise TargetRefused(f"{target}: is {described(found)}; files are extracted to a directory")
    tops, absent = choose(tree, wanted, options)
    if not tops:
        return ExtractResult((), absent)
    if not options.keep_directories:
        refuse_collisions([each.entry.path for each in tops])
    meter = Meter(progress, _SHARES)
    planned = _plan(tree, tops, options, meter)
    size = _size_written(tree, planned)
    _refuse_room(target, size, options.limit_bytes)
    _refuse_lengths(tree, target, planned)
    _refuse_occupied(target, planned)
    longest = max(len(os.fsencode(place_of(target, each.at))) for each in planned)
    with staged(target, hidden=can_stage(target, len(planned), longest)) as folder:
        writer = _Writer(tree, folder, meter, size.plain)
        writer.write(planned)
    meter.finish()
    paths = tuple(each.entry.path for each in tops)
    return ExtractResult(paths, (*absent, *tree.notes, *map(str, writer.losses())))


def choose(
    tree: VolumeTree, wanted: Iterable[str], options: ExtractOptions
) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """Return what paths and patterns stand for, each once, and a sentence for each that fits nothing.

    Raises:
        InvalidRequest: when one fits nothing, unless that may be.
        InvalidVolume: when the volume is damaged, or has two things of one path.
        StorageError: when it cannot be read.
    """
    found: dict[str, Found] = {}
    absent: list[str] = []
    for text in wanted:
        try:
            for each in tree.chosen(text, globs=options.globs):
                if found.setdefault(each.entry.path, each).source != each.source:
                    raise _two_of_one_name(tree, each)
        except InvalidRequest as error:
            if not options.may_be_absent:
                raise
            absent.append(str(error))
    return tuple(found.values()), tuple(absent)


def contents_of(tree: VolumeTree, files: Iterable[Found], limit_bytes: int | None = None) -> Iterator[bytes]:
    """Yield the contents of files, one after the other; what is compressed is known to be sound by then.

    Raises:
        TooSmall: when they are more than the limit; nothing is handed out.
        InvalidVolume: when contents are damaged, or encrypted.
        StorageError: when they cannot be read.
    """
    wanted = list(files)
    size = sum(each.size for each in wanted)
    if limit_bytes is not None and size > limit_bytes:
        raise TooSmall(
            f"{tree.name}: the files have {format_size(size)}, more than the limit of {format_size(limit_bytes)}"
        )
    for each in wanted:
        if each.entry.attributes & FileAttribute.ENCRYPTED:
            raise InvalidVolume(f"{each.entry.path!r} is encrypted by Windows (EFS)", volume=tree.name)
        if each.is_compressed:
            for _ in tree.contents(each):
                pass
        # A disc may be cut off before the end of a file.
        tree.stored_bytes(each)
    for each in wanted:
        yield from tree.contents(each)


def _plan(tree: VolumeTree, tops: Iterable[Found], options: ExtractOptions, meter: Meter) -> list[_Planned]:
    planned: dict[str, _Planned] = {}
    for top in tops:
        above = "" if options.keep_directories else top.entry.path.rpartition("/")[0]
        if options.keep_directories:
            here = tree.root()
            for name in top.entry.path.strip("/").split("/")[:-1]:
                below = tree.child(here, name)
                if below is None:
                    break
                here = below
                _refuse_name(tree, here)
                planned.setdefault(here.entry.path, _Planned(here, here.entry.path))
        for each in tree.walk(top):
            path = each.entry.path
            _refuse_name(tree, each)
            target_of(tree.name, each)
            at = path if path == "/" else path[len(above) :]
            if planned.setdefault(at, _Planned(each, at)).found.source != each.source:
                # The one might be a link, and what is in the other would be written through it.
                raise _two_of_one_name(tree, each)
            meter.step(Phase.SCAN, len(planned), None, unit="files")
    return list(planned.values())


def _two_of_one_name(tree: VolumeTree, found: Found) -> InvalidVolume:
    return InvalidVolume(f"holds two things called {found.entry.path!r}", volume=tree.name)


@dataclass(frozen=True, slots=True)
class _Size:
    """Bytes that are written: of the files, and of those without the holes of sparse ones."""

    plain: int
    stored: int


def _size_written(tree: VolumeTree, planned: Iterable[_Planned]) -> _Size:
    """Return what is written: of a file with several names once, and nothing of what is left out."""
    files: dict[object, Found] = {}
    for each in planned:
        if each.found.has_contents and not each.found.entry.attributes & FileAttribute.ENCRYPTED:
            group = each.found.entry.link_group
            files[each.at if group is None else group] = each.found
    return _Size(sum(each.size for each in files.values()), sum(tree.stored_bytes(each) for each in files.values()))


def _refuse_name(tree: VolumeTree, found: Found) -> None:
    name = found.entry.name
    if name is None:
        return
    if name in {".", ".."} or any(character in name for character in "/\\\0"):
        raise UnsafeName(
            f"{tree.name}: the name of {found.entry.path!r} is not one that a directory takes", path=found.entry.path
        )


def _refuse_room(target: Path, size: _Size, limit_bytes: int | None) -> None:
    if limit_bytes is not None and size.plain > limit_bytes:
        raise TooSmall(
            f"{target}: not written: the files take {format_size(size.plain)}, more than the limit of "
            f"{format_size(limit_bytes)}"
        )
    free = shutil.disk_usage(_nearest(target)).free
    if size.stored > free:
        raise TooSmall(
            f"{target}: not written: the files take {format_size(size.stored)}, and {format_size(free)} are free"
        )


def _nearest(target: Path) -> Path:
    """Return the directory that is there, of those that lead to it."""
    return next(each for each in (target, *target.absolute().parents) if each.exists())


def _refuse_lengths(tree: VolumeTree, target: Path, planned: Iterable[_Planned]) -> None:
    """Refuse what the directory takes no names for, of which the length in UTF-8 counts."""
    largest = os.pathconf(_nearest(target), "PC_NAME_MAX")
    for each in planned:
        path = each.found.entry.path
        place = place_of(target, each.at)
        length = len(os.fsencode(place.name))
        if length > largest:
            raise UnsafeName(
                f"{tree.name}: the name of {quoted(path)} has {length} bytes in UTF-8, and {target} takes names of "
                f"{largest}",
                path=path,
            )
        length = len(os.fsencode(place))
        if length > _LONGEST_PATH:
            raise UnsafeName(
                f"{tree.name}: the path of {quoted(path)} in {target} would have {length} bytes, and Linux takes "
                f"{_LONGEST_PATH}; valid is to extract directories that are below it one by one",
                path=path,
            )


def _refuse_occupied(target: Path, planned: Iterable[_Planned]) -> None:
    """Refuse to write through links, and to let a directory give way to a file or a file to a directory."""
    for each in planned:
        place = place_of(target, each.at)
        if each.at == "/" or not os.path.lexists(place):
            continue
        if each.found.is_directory and place.is_symlink():
            raise TargetRefused(f"{place}: is a symbolic link, through which nothing is written")
        if each.found.is_directory != place.is_dir() and not place.is_symlink():
            there = "a directory" if place.is_dir() else "no directory"
            raise TargetRefused(f"{place}: is {there}, and nothing of another kind is put in its place")


class _Writer:
    """Writes what was planned below a directory; links come last, so that nothing is written through one of them."""

    def __init__(self, tree: VolumeTree, folder: Path, meter: Meter, size: int) -> None:
        self._tree = tree
        self._folder = folder
        self._meter = meter
        self._size = size
        self._done = 0
        self._lost: Counter[str] = Counter()
        self._first: dict[int, Path] = {}

    def losses(self) -> tuple[Loss, ...]:
        """Return what is not kept, by class."""
        return tuple(Loss(what, count) for what, count in sorted(self._lost.items()))

    def write(self, planned: list[_Planned]) -> None:
        """Write everything: links when all else is there, and then the times of directories.

        Raises:
            InvalidVolume: when contents are damaged.
            StorageError: when writing failed.
        """
        folders: list[tuple[Path, Found]] = []
        # A directory that does not tell cases apart may take two names for one.
        for each in sorted(planned, key=lambda each: not (each.found.is_directory or each.found.has_contents)):
            place = place_of(self._folder, each.at)
            try:
                if each.found.is_directory:
                    place.mkdir(parents=True, exist_ok=True)
                    folders.append((place, each.found))
                else:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self._put(place, each.found)
            except OSError as error:
                raise StorageError(f"{place}: {error.strerror}", path=place, errno=error.errno) from error
            self._lost["named streams not kept"] += _kept_out(each.found)
        for place, found in reversed(folders):
            _set_times(place, found)
        self._lost = +self._lost

    def _put(self, place: Path, found: Found) -> None:
        entry = found.entry
        if not found.has_contents:
            self._link(place, found)
            return
        if entry.attributes & FileAttribute.ENCRYPTED:
            self._lost["files encrypted by Windows (EFS) left out"] += 1
            return
        if entry.link_group is not None:
            first = self._first.setdefault(entry.link_group, place)
            if first != place:
                place.unlink(missing_ok=True)
                os.link(first, place)
                return
        # What is there is not written into: it may have other names, or be a link.
        place.unlink(missing_ok=True)
        with place.open("xb") as file:
            pieces = self._counted(self._tree.contents(found))
            if found.is_sparse:
                write_with_holes(file, pieces)
            else:
                file.writelines(pieces)
        _set_times(place, found)

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._done += len(piece)
            self._meter.step(Phase.EXTRACT_DATA, self._done, self._size)

    def _link(self, place: Path, found: Found) -> None:
        text = target_of(self._tree.name, found)
        if text is None:
            self._lost[f"{_kind_left_out(found)} left out"] += 1
            return
        place.unlink(missing_ok=True)
        place.symlink_to(os.fsdecode(text))


def _kind_left_out(found: Found) -> str:
    """Name what is neither a file with contents nor a link."""
    if found.is_special:
        return "FIFOs, sockets and devices"
    return "files that are in a cloud only" if found.is_of_cloud else "reparse points other than links"


def _kept_out(found: Found) -> int:
    """Count the named streams of a file, without that in which Windows keeps its contents."""
    return len(found.entry.streams) - 1 - found.is_compressed


def _set_times(place: Path, found: Found) -> None:
    modified, accessed = found.entry.modified_ns, found.entry.accessed_ns
    if modified == NOT_KNOWN_NS:
        return
    # The file system may have no such year.
    with suppress(OSError, OverflowError):
        os.utime(place, ns=(modified if accessed == NOT_KNOWN_NS else accessed, modified), follow_symlinks=False)
