"""What an image is compared with: a directory, or a volume in a file, a device or a partition of a disk.

Each kind of target says which classes of facts it has a place for, lists its files, and reads their streams.  Volumes
are read with code that writes none.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osdimage.imaging import filetime
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.links import MOUNT_POINT, SYMBOLIC_LINK
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.probe import Kind, probe, probe_sector
from osdimage.imaging.disk.read import read_table
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.target import BlockTarget, FileTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, StorageError, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba
from osdimage.imaging.volume.ntfs.read import NtfsVolume
from osdimage.native.entries import Entry

_PIECE = 1 << 20
PROGRESS_EVERY = 2000

ScanProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class FoundStream:
    """A data stream in the target; ``source`` is for the target that listed it."""

    name: str | None
    size: int
    source: Any


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A name in the target, and the file that it leads to.  What the target has no place for is None.

    Attributes:
        path: from the root, separated by ``/``.
        what: "a directory", "a file", "a link" (of Linux) or what else it is.
        identity: the same for all names of a file.
        links: how many names the file has.
        attributes: FILE_ATTRIBUTE_* of [MS-FSCC] 2.6.
        created, modified, accessed: in 100 ns since 1601.
        security_descriptor, short_name, object_id: as an image has them.
        reparse: the reparse buffer, with its header.
        link: what a symbolic link of Linux says.
        streams: the data streams.
    """

    path: str
    what: str
    identity: int
    links: int
    modified: int | None
    attributes: int | None = 0
    created: int | None = 0
    accessed: int | None = 0
    security_descriptor: bytes | None = None
    short_name: str | None = None
    object_id: bytes | None = None
    reparse: bytes | None = None
    link: str | None = None
    streams: tuple[FoundStream, ...] = ()


class ComparedTarget(ABC):
    """Something that an image was applied to.

    Attributes:
        kind: what messages call it.
        holds: the classes of facts that it has a place for.
        attributes: the bits of FILE_ATTRIBUTE_* that it has a place for.
        names_by_itself: whether a file gets a short name when the image has none.
        notes: sentences about it.
    """

    kind: str
    holds: frozenset[Fidelity]
    attributes: int = 0xFFFFFFFF
    names_by_itself: bool = False
    notes: tuple[str, ...] = ()

    @abstractmethod
    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name, the root first."""

    @abstractmethod
    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a stream; several threads may read at once."""

    @abstractmethod
    def position(self, stream: FoundStream) -> int:
        """Return a number by which streams are sorted, so that they are read in the order of the medium."""

    def keeps_reparse_point(self, tag: int) -> bool:
        """Tell whether reparse points of a kind have a place."""
        return tag > 0 and Fidelity.REPARSE_POINTS in self.holds

    def leaves_out(self, entry: Entry) -> bool:  # noqa: ARG002 - for those that do
        """Tell whether a file of the image has no place at all; libwim lists nothing below such."""
        return False

    def nearest_time(self, kind: Fidelity, ticks: int) -> int:  # noqa: ARG002 - for those that round
        """Return what a time of the image becomes; both in 100 ns since 1601."""
        return ticks

    def spans_time(self, ticks: int) -> bool:  # noqa: ARG002 - likewise
        """Tell whether a time becomes the same but for rounding."""
        return True


class NtfsTarget(ComparedTarget):
    """An NTFS volume."""

    kind = "an NTFS volume"
    holds = frozenset(Fidelity)

    def __init__(self, window: BlockTarget) -> None:
        """Open the volume; see :class:`NtfsVolume`."""
        self._volume = NtfsVolume(window)
        if self._volume.is_dirty:
            self.notes = ("the volume is marked dirty: what wrote it did not finish",)

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name, as the MFT has it."""
        for entry in self._volume.entries(progress):
            yield FoundFile(
                entry.path,
                "a directory" if entry.is_directory else "a file",
                entry.record,
                entry.links,
                entry.modified,
                entry.attributes,
                entry.created,
                entry.accessed,
                entry.security_descriptor,
                entry.short_name,
                entry.object_id,
                entry.reparse,
                streams=tuple(FoundStream(each.name, each.size, each) for each in entry.streams),
            )

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a stream."""
        return self._volume.pieces(stream.source)

    def position(self, stream: FoundStream) -> int:
        """Return where on the volume the stream begins."""
        return self._volume.position(stream.source)


class DirectoryTarget(ComparedTarget):
    """A directory of Linux.

    It has no place for what only Windows has.  Its creation times cannot be set, and its access times change when a
    file is read, by this comparison too.
    """

    kind = "a directory"
    holds = frozenset(
        {
            Fidelity.NAMES,
            Fidelity.CONTENTS,
            Fidelity.MODIFICATION_TIMES,
            Fidelity.HARD_LINKS,
            Fidelity.REPARSE_POINTS,
            Fidelity.EXTRA,
        }
    )

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self._folder = os.fsencode(folder)

    def keeps_reparse_point(self, tag: int) -> bool:
        """Tell whether it is one of those that become symbolic links."""
        return tag in {SYMBOLIC_LINK, MOUNT_POINT}

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield what is below the folder; links are not followed."""
        waiting = [b""]
        count = 0
        try:
            yield _file_of_linux(self._folder, b"", Path(os.fsdecode(self._folder)).stat())
            while waiting:
                above = waiting.pop()
                with os.scandir(self._folder + above) as found:
                    for item in found:
                        path = above + b"/" + item.name
                        yield _file_of_linux(item.path, path, item.stat(follow_symlinks=False))
                        if item.is_dir(follow_symlinks=False):
                            waiting.append(path)
                        count += 1
                        if count % PROGRESS_EVERY == 0:
                            progress(count, None)
        except OSError as error:
            raise _storage_error(error) from error

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a file."""
        path: bytes = stream.source[1]
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                while piece := os.read(descriptor, _PIECE):
                    yield piece
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _storage_error(error, path) from error

    def position(self, stream: FoundStream) -> int:
        """Return the inode: most file systems lay files out in the order of their inodes."""
        inode: int = stream.source[0]
        return inode


def _file_of_linux(full: bytes, path: bytes, facts: os.stat_result) -> FoundFile:
    # As native/text.py decodes names: a lone surrogate of NTFS is three bytes here.
    text = path.decode("utf-8", "surrogatepass") if _is_name(path) else os.fsdecode(path)
    what, link = "neither a file, a directory nor a link", None
    streams: tuple[FoundStream, ...] = ()
    if stat.S_ISDIR(facts.st_mode):
        what = "a directory"
    elif stat.S_ISLNK(facts.st_mode):
        what, link = "a link", str(Path(os.fsdecode(full)).readlink())
    elif stat.S_ISREG(facts.st_mode):
        what, streams = "a file", (FoundStream(None, facts.st_size, (facts.st_ino, full)),)
    # 100 ns is the unit of a WIM: what is finer was lost when the image was captured.
    modified = filetime.from_ns(facts.st_mtime_ns)
    links = 1 if what == "a directory" else facts.st_nlink
    identity = facts.st_dev << 64 | facts.st_ino
    return FoundFile(text or "/", what, identity, links, modified, link=link, streams=streams)


def _is_name(path: bytes) -> bool:
    try:
        path.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _storage_error(error: OSError, path: bytes | None = None) -> StorageError:
    where = os.fsdecode(path or error.filename or b"")
    return StorageError(f"{where}: {error.strerror}", path=where, errno=error.errno)


@contextmanager
def open_compared(path: Path, partition: int | None, sector_size: int | None) -> Iterator[ComparedTarget]:
    """Open what an image is to be compared with.

    Raises:
        TargetRefused: when it is nothing that an image can be compared with.
        InvalidRequest: when there is no such partition, or one has to be chosen.
        InvalidTable, InvalidVolume: when the disk or the volume is damaged.
        StorageError: when it cannot be read.
    """
    kind = probe(path)
    if kind is Kind.DIRECTORY and partition is None:
        yield DirectoryTarget(path)
        return
    where = os.fspath(path) if partition is None else f"{path}: partition {partition}"
    with ExitStack() as stack:
        volume = _open_window(stack, path, kind, partition, sector_size)
        volume.name = where
        try:
            yield _of_volume(volume)
        except InvalidVolume as error:
            raise InvalidVolume(f"{where}: {str(error).removeprefix(f'{where}: ')}") from error


def _of_volume(volume: BlockTarget) -> ComparedTarget:
    head = volume.read_at(0, min(4096, volume.geometry.size_bytes))
    found = probe_sector(head)
    if found is Kind.NTFS:
        return NtfsTarget(volume)
    if found is Kind.FAT and identify(head) == "fat32":
        from osdimage.imaging.compare.fat import Fat32Target  # noqa: PLC0415 - construct comes with it

        return Fat32Target(volume)
    raise TargetRefused(f"{volume.name}: holds {found.value}; only NTFS and FAT32 volumes can be compared")


def _open_window(
    stack: ExitStack, path: Path, kind: Kind, partition: int | None, sector_size: int | None
) -> BlockTarget:
    """Open the bytes of a volume."""
    if partition is not None:
        if kind in {Kind.MISSING, Kind.DIRECTORY, Kind.SPECIAL}:
            raise TargetRefused(f"{path}: is {kind.value}, not a disk with partitions")
        disk = stack.enter_context(open_target(os.fspath(path), sector_size=sector_size))
        return disk.window(_extent(disk, partition))
    if kind is Kind.DISK:
        raise InvalidRequest(f"{path} is {kind.value}: choose one with --partition (osdimage disk show lists them)")
    if kind in {Kind.MISSING, Kind.SPECIAL, Kind.WIM, Kind.CONTAINER, Kind.OTHER_FILE}:
        raise TargetRefused(
            f"{path}: is {kind.value}; an image is compared with a directory, with a file or device that holds one "
            "volume, or with a partition of a disk"
        )
    return stack.enter_context(_open_volume(path))


def _open_volume(path: Path) -> FileTarget:
    """Open a file or device that holds one volume; unlike a disk it may be a partition that the kernel knows."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return FileTarget(os.fspath(path), descriptor, Geometry.of_size(os.lseek(descriptor, 0, os.SEEK_END), 512))


def _extent(disk: BlockTarget, number: int) -> Extent:
    table = read_table(disk).require()
    for partition in table.partitions:
        if partition.number == number:
            if not Extent(Lba(0), disk.geometry.sectors).contains(partition.extent):
                raise InvalidVolume(f"{disk.name}: partition {number} is not all on the disk")
            return partition.extent
    numbers = ", ".join(str(partition.number) for partition in table.partitions) or "none"
    raise InvalidRequest(f"{disk.name} has no partition {number}; there are: {numbers}")
