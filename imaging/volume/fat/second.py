"""A second opinion on a FAT volume, by a reader that shares no code with the one that wrote it: pyfatfs.

pyfatfs is used for this and for nothing else.  It fills some twenty files a second, leaves FSInfo as it was, formats by
truncating the file it is given, and marks a volume dirty when it may write; here it gets a stream that cannot be
written.  It follows loops for ever, so it is asked only about volumes in which our own check found no error.  Its
package ``fs`` and pkg_resources belong to the module PyFatFS, which is not imported.
"""

from __future__ import annotations

import calendar
import hashlib
import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from osdimage.imaging.disk.fat_width import DIRECTORY_ENTRY_BYTES, FIRST_CLUSTER, FatWidth
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume, OsdImageError
from osdimage.imaging.units import MIB

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from osdimage.imaging.volume.fat.read import FatVolume

LARGEST_FAT = 4 * MIB
"""In clusters.  pyfatfs makes a Python number of every entry of the FAT; this many take some seconds and 150 MB."""

# Bits of the reserved byte of a short name, which Windows sets for lower case and pyfatfs passes over.
_LOWER_BASE, _LOWER_EXTENSION = 0x08, 0x10
_HUNDREDTH_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class SecondEntry:
    """A file or directory as the second reader sees it.

    Attributes:
        path: names separated by ``/``.
        is_directory: whether it is one.
        size: of the contents in bytes.
        sha1: of the contents, or None when they were not asked for.
        short_name: beside the long one; None when the name is short itself.
        attributes: as they are stored.
        created_ns: nanoseconds since 1970 by a clock that shows UTC, or None when no date is stored.
        modified_ns: likewise.
        accessed_ns: likewise; the beginning of a day.
        cluster: the first one, or 0 for none.
    """

    path: str
    is_directory: bool
    size: int
    sha1: bytes | None
    short_name: str | None
    attributes: int
    created_ns: int | None
    modified_ns: int | None
    accessed_ns: int | None
    cluster: int


def can_judge(volume: FatVolume) -> bool:
    """Tell whether the second reader can read a volume: small enough, and the FAT that counts is the first.

    Of a FAT12 whose entries fill its sectors, pyfatfs may pass over the last one.
    """
    layout = volume.layout
    is_full = layout.width is FatWidth.FAT12 and (
        layout.clusters + FIRST_CLUSTER >= layout.kind.most_entries(layout.fat_sectors * layout.sector_size)
    )
    return layout.clusters <= LARGEST_FAT and not volume.boot.active_fat and not is_full


class SecondReader:
    """pyfatfs on a volume without errors; the target must stay open.

    :func:`~osdimage.imaging.volume.fat.check.check_fat` tells whether there are any.
    """

    def __init__(self, volume: BlockTarget) -> None:
        """Open the volume.

        Raises:
            InvalidVolume: when pyfatfs cannot read it.
            OsdImageError: when pyfatfs is missing, which distributions do not have.
            StorageError: when the target cannot be read.
        """
        try:
            # Slow to import, and only this class needs it.
            from pyfatfs.PyFat import PyFat  # noqa: PLC0415
        except ImportError as error:
            raise OsdImageError(
                f"{volume.name}: a FAT volume is read by the Python module pyfatfs to be compared, and that is missing"
            ) from error

        self._volume = volume
        self._reader: Any = PyFat()
        with self._readable(), warnings.catch_warnings():
            # Large clusters, copies that differ, a volume in use: the check has said so already.
            warnings.simplefilter("ignore")
            # It counts the clusters before it has counted the sectors of the root, and may take FAT12 for FAT16.
            self._reader.root_dir_sectors = _root_sectors(volume)
            self._reader.set_fp(io.BufferedReader(_TargetStream(volume), MIB))

    def entries(self) -> Iterator[SecondEntry]:
        """Yield everything on the volume, parents first.

        Raises:
            InvalidVolume: when pyfatfs cannot read it.
            StorageError: when the target cannot be read.
        """
        waiting = [("", self._reader.root_dir)]
        while waiting:
            prefix, directory = waiting.pop()
            with self._readable(), warnings.catch_warnings():
                # A long name that belongs to no file: likewise.
                warnings.simplefilter("ignore")
                folders, files, _ = directory.get_entries()
                found = [_described(prefix, entry) for entry in (*files, *folders)]
            yield from found
            for entry, folder in zip(found[len(files) :], folders, strict=True):
                waiting.append((f"{entry.path}/", folder))

    def pieces(self, entry: SecondEntry) -> Iterator[bytes]:
        """Yield the contents of a file; several threads may read at once.

        Raises:
            InvalidVolume: when there is less than the file is long.
            StorageError: when the target cannot be read.
        """
        left = entry.size
        for begin, length in self._runs(entry):
            for at in range(0, min(length, left), MIB):
                yield self._volume.read_at(begin + at, min(MIB, left - at, length - at))
            left -= min(length, left)
        if left:
            raise InvalidVolume(f"{entry.path!r} ends {left} bytes early", volume=self._volume.name)

    def position(self, entry: SecondEntry) -> int:
        """Return the byte of the volume where the contents begin."""
        return self._reader.get_data_cluster_address(entry.cluster) if entry.cluster else 0

    def _runs(self, entry: SecondEntry) -> Iterator[tuple[int, int]]:
        """Yield where the contents are: first byte and length of what lies together."""
        if not entry.size:
            return
        size = self._reader.bytes_per_cluster
        begin, length = 0, 0
        with self._readable():
            for cluster in self._reader.get_cluster_chain(entry.cluster):
                at = self._reader.get_data_cluster_address(cluster)
                if at != begin + length:
                    if length:
                        yield begin, length
                    begin, length = at, 0
                length += size
        yield begin, length

    @contextmanager
    def _readable(self) -> Iterator[None]:
        from pyfatfs._exceptions import PyFATException  # noqa: PLC0415

        try:
            yield
        except (PyFATException, ValueError, LookupError, struct.error) as error:
            raise InvalidVolume(f"pyfatfs cannot read the volume: {error}", volume=self._volume.name) from error


def _root_sectors(volume: BlockTarget) -> int:
    """Return how many sectors a root directory has that is no chain (fatgen103, RootDirSectors)."""
    sector_size, _, _, _, entries = struct.unpack_from("<HBHBH", volume.read_at(0, 64), 11)
    return -(-entries * DIRECTORY_ENTRY_BYTES // sector_size) if sector_size else 0


def second_reading(volume: BlockTarget, *, contents: bool = False) -> list[SecondEntry]:
    """Return everything that pyfatfs finds on a volume without errors.

    :func:`~osdimage.imaging.volume.fat.check.check_fat` tells whether there are any.

    Args:
        volume: the target, usually the window of a partition.
        contents: also read all contents.

    Raises:
        InvalidVolume: when pyfatfs cannot read it.
        StorageError: when the target cannot be read.
    """
    reader = SecondReader(volume)
    if not contents:
        return list(reader.entries())
    return [
        entry if entry.is_directory else replace(entry, sha1=_sha1(reader.pieces(entry))) for entry in reader.entries()
    ]


def _sha1(pieces: Iterator[bytes]) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _described(prefix: str, entry: Any) -> SecondEntry:  # noqa: ANN401 - pyfatfs has no types
    short = entry.get_short_name()
    has_long = entry.lfn_entry is not None
    created = _nanoseconds(entry.crtdate, entry.get_ctime)
    return SecondEntry(
        prefix + (entry.get_long_name() if has_long else _in_its_case(short, entry.ntres)),
        entry.is_directory(),
        0 if entry.is_directory() else entry.filesize,
        None,
        short if has_long else None,
        entry.attr,
        None if created is None else created + entry.crttimetenth * _HUNDREDTH_NS,
        _nanoseconds(entry.wrtdate, entry.get_mtime),
        _nanoseconds(entry.lstaccessdate, entry.get_atime),
        entry.get_cluster(),
    )


def _in_its_case(short: str, bits: int) -> str:
    base, dot, extension = short.partition(".")
    base = base.lower() if bits & _LOWER_BASE else base
    return base + dot + (extension.lower() if bits & _LOWER_EXTENSION else extension)


def _nanoseconds(date: int, decoded: Callable[[], datetime]) -> int | None:
    return calendar.timegm(decoded().timetuple()) * 1_000_000_000 if date else None


class _TargetStream(io.RawIOBase):
    """A target as a stream that is read only; closing it leaves the target open."""

    def __init__(self, target: BlockTarget) -> None:
        super().__init__()
        self._target = target
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._target.geometry.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._target.geometry.size_bytes - self._position))
        view[:count] = self._target.read_at(self._position, count)
        self._position += count
        return count
