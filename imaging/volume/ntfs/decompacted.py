"""An NTFS volume as it would be if Windows had compressed no file as a whole, for who reads it where it lies.

libntfs-3g knows nothing of such files, and nobody can tell it what they hold.  So it is shown another volume: the
records of these files are other ones, in memory, and lead to clusters behind the end of the real volume, which are a
temporary file with the plain contents.  All else, names and links and descriptors, is the volume's own.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput, InvalidVolume, StorageError
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import align_up, format_size
from osdimage.imaging.volume.interrupted import settled_window
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.mft import Mft, path_of
from osdimage.imaging.volume.ntfs.plain_records import PlainData, plain_list, plain_record
from osdimage.imaging.volume.ntfs.records import BootSector
from osdimage.imaging.volume.ntfs.staged_records import StagedRecords
from osdimage.imaging.volume.ntfs.wof import WofRecords
from osdimage.native.slices.slices import CACHE_SIZE, Slice
from osdimage.native.slices.sources import JoinedSource, Source, StagedSource

_BOOT_BYTES = 512
_SECTORS_AT = 40
# A value of so many bytes, or less, may be in its record.
_LARGEST_RECORD = 64 << 10
# The volume ends with a copy of its boot sector, which nobody reads here.
_BEHIND = 4096


@dataclass(frozen=True, slots=True)
class Decompacted:
    """A volume without compressed files.

    Attributes:
        piece: by its name libwim and libntfs-3g open it.
        files: how many were compressed.
        size: their plain contents, in bytes.
    """

    piece: Slice
    files: int
    size: int


@contextmanager
def decompacted(
    volume: OpenVolume, *, source: Source | None = None, cache_size: int | None = None
) -> Iterator[Decompacted | None]:
    """Yield a volume without compressed files; None when it has none.  It is only read.

    Args:
        volume: the volume.
        source: what is read in place of the disk.
        cache_size: in bytes; None for the usual.

    Raises:
        InvalidVolume: when a file cannot be expanded; it is named.
        StorageError: when the volume cannot be read, or the temporary file not be written.
    """
    window = settled_window(volume)
    found = _Files(volume, window)
    if not found.sizes:
        yield None
        return
    sector = volume.target.geometry.sector_size
    begin, length = volume.extent.first * sector, volume.extent.count * sector
    with (
        scratch_folder() as folder,
        _without(found, source or volume.target.source, (begin, length), folder) as joined,
        Slice(
            joined,
            0,
            joined.size,
            read_only=True,
            sector_size=sector,
            cache_size=CACHE_SIZE if cache_size is None else cache_size,
            title=volume.name,
        ) as piece,
    ):
        yield Decompacted(piece, len(found.sizes), sum(found.sizes.values()))


def _without(found: _Files, source: Source, place: tuple[int, int], folder: Path) -> JoinedSource:
    """Return the volume, and behind it the plain contents, which are written into a folder."""
    begin, length = place
    try:
        with (folder / "contents").open("w+b") as spool, StagedSource.over(source, begin, length) as staged:
            found.expand(spool, staged, begin, folder=os.fspath(folder.parent))
            with Source.of_file(spool.fileno()) as behind:
                return JoinedSource.of(staged, begin, length, behind)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}", path=folder.parent, errno=error.errno
        ) from error


class _Files:
    """The compressed files of a volume.

    Attributes:
        sizes: of their plain contents, in bytes, by their records.
    """

    def __init__(self, volume: OpenVolume, window: BlockTarget) -> None:
        """Find them.

        Raises:
            InvalidVolume: when the volume is damaged.
        """
        self._volume, self._window = volume, window
        size = window.geometry.size_bytes
        try:
            self._boot = BootSector.from_bytes(window.read_at(0, min(_BOOT_BYTES, size)), size)
            self._mft = Mft(window, self._boot)
            self._wof = WofRecords(window)
            self.sizes = {number: self._wof.size(number) for number in sorted(self._numbers())}
        except InvalidVolume as error:
            raise InvalidVolume(error.fault, volume=volume.name) from error

    def _numbers(self) -> Iterator[int]:
        """Yield the records of the files, once each."""
        seen: set[int] = set()
        for record in self._mft.each_record(None, frozenset({records.REPARSE_POINT})):
            number = record.number if record.base is None else record.base
            if record.attributes and not record.is_directory and number not in seen:
                seen.add(number)
                if self._wof.is_compressed(number):
                    yield number

    def expand(self, spool: IO[bytes], staged: StagedSource, begin: int, *, folder: str) -> None:
        """Write the plain contents into the file behind the volume, and let the records lead there.

        Args:
            spool: what lies behind the volume.
            staged: takes the changed records; the volume lies there
            begin: from this byte on.
            folder: where the file is, for messages.

        Raises:
            InvalidVolume: when a file cannot be expanded.
            StorageError: when there is no room.
            OSError: when something cannot be written.
        """
        cluster = self._boot.cluster_bytes
        needed = sum(align_up(size, cluster) for size in self.sizes.values())
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise StorageError(
                f"{self._volume.name}: the files that Windows has compressed take {format_size(needed)} for a while in "
                f"{folder}, which has room for {format_size(free)}; name another folder in TMPDIR",
                path=folder,
            )
        end = self._window.geometry.size_bytes
        first = align_up(end, cluster) // cluster
        spool.seek(first * cluster - end)
        shown = StagedRecords(self._window, self._boot, self._mft, staged, begin)
        for number, size in self.sizes.items():
            data = self._expanded(number, size, spool, first)
            first += data.clusters
            shown.change(number, partial(self._plain, data), plain_list)
        spool.truncate(first * cluster - end + _BEHIND)
        spool.flush()
        boot = bytearray(self._window.read_at(0, _BOOT_BYTES))
        struct.pack_into("<Q", boot, _SECTORS_AT, first * cluster // self._boot.sector_bytes)
        staged.write(begin, boot)

    def _expanded(self, number: int, size: int, spool: IO[bytes], first: int) -> PlainData:
        """Write the contents of a file, unless they stay in its record."""
        attributes = self._mft.whole_record(number)[1]
        stays = any(each.kind == records.DATA and not each.name and each.value is not None for each in attributes)
        try:
            if stays and size <= _LARGEST_RECORD:
                return PlainData(size, value=self._wof.read(number))
            for piece in self._wof.pieces(number):
                spool.write(piece)
        except InvalidVolume:
            raise
        except InvalidInput as error:
            raise InvalidVolume(f"{self._path(number)!r} {error}", volume=self._volume.name) from error
        clusters = align_up(size, self._boot.cluster_bytes) // self._boot.cluster_bytes
        spool.seek(clusters * self._boot.cluster_bytes - size, os.SEEK_CUR)
        return PlainData(size, first_cluster=first, clusters=clusters)

    def _path(self, number: int) -> str:
        return path_of(self._window, number) or f"MFT record {number}"

    def _plain(self, data: PlainData, block: bytes, number: int, list_bytes: int | None) -> bytes:
        return plain_record(block, number, data, self._boot.cluster_bytes, list_bytes=list_bytes)
