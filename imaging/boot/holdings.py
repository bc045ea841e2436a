"""What the volumes of a disk hold, asked many times and looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidTable, OsdImageError, Remedy, StorageError, TargetRefused
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files
from osdimage.imaging.volume.hazards import is_pending
from osdimage.imaging.volume.ntfs import state

_CHECK = Remedy("check it with chkdsk, ntfsfix or fsck.fat")
_CLOSED = frozenset({Content.BITLOCKER, Content.REFS, Content.DYNAMIC})
"""What Windows may be on and osdimage does not look into."""


class Holdings:
    """Answers which partition of a disk holds a file.  Use it in a ``with`` statement, and write nothing meanwhile."""

    def __init__(self, disk: Disk) -> None:
        """Remember the disk."""
        self._disk = disk
        self._open = ExitStack()
        self._files: dict[int, VolumeFiles | None] = {}
        self._found: dict[tuple[int, str], bool | None] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the volumes."""
        self._open.close()

    def content(self, partition: Partition) -> Content | None:
        """Return what a partition holds; None also for one that is not on the disk to its end."""
        try:
            return None if partition.is_extended else self._disk.volume_in(partition).content
        except InvalidTable:
            return None

    def holds(self, partition: Partition, path: str) -> bool | None:
        r"""Tell whether a partition holds a file or directory (``\Windows\System32``); None when it cannot be read.

        Raises:
            StorageError: when the medium failed.
        """
        key = partition.number, path.replace("\\", "/").strip("/").lower()
        if key not in self._found:
            files = self._volume(partition)
            try:
                self._found[key] = None if files is None else files.exists(path)
            except StorageError:
                raise
            except OsdImageError:
                self._found[key] = None
        return self._found[key]

    def _volume(self, partition: Partition) -> VolumeFiles | None:
        """Return the files of a partition, or None when they cannot be read; it is opened once."""
        if partition.number not in self._files:
            files = None
            if self.content(partition) in FILE_SYSTEMS:
                try:
                    files = self._open.enter_context(open_files(self._disk.volume_in(partition)))
                except StorageError:
                    raise
                except OsdImageError:
                    pass
            self._files[partition.number] = files
        return self._files[partition.number]

    def is_closed(self, partition: Partition) -> bool:
        """Tell whether a partition may hold a Windows, and cannot be read here."""
        content = self.content(partition)
        return content in _CLOSED or (content in FILE_SYSTEMS and self.holds(partition, "Windows") is None)

    def best(self, partitions: Iterable[Partition], paths: Iterable[str]) -> list[Partition]:
        """Return the partitions that hold the most of some files, and at least one of them."""
        wanted = tuple(paths)
        counts = [(sum(self.holds(each, path) is True for path in wanted), each) for each in partitions]
        most = max((count for count, _ in counts), default=0)
        return [each for count, each in counts if count == most and most]


def why_unwritable(volume: OpenVolume) -> str | None:
    """Return why files of an NTFS or FAT volume are not written unless that is forced, in a sentence, or None.

    Raises:
        InvalidInput: when the volume is damaged.
        StorageError: when it cannot be read.
    """
    if is_pending(volume):
        # Whoever opens it for writing finishes that first.
        return None
    if volume.content is Content.NTFS:
        with volume.sliced(read_only=True) as piece:
            return next(state.hazards(volume, state.read_facts(volume, piece)), None)
    if open_fat(volume.window()).is_marked_dirty:
        return f"{volume.name}: the volume is marked dirty: Windows did not close it, or a write to it was not finished"
    return None


def refuse_unwritable(volume: OpenVolume, *, force: bool) -> None:
    """Refuse a volume to which nothing would be written.

    Args:
        volume: an NTFS or FAT volume.
        force: whether it is written to although it is marked dirty.

    Raises:
        TargetRefused: which says why.
        InvalidInput, StorageError: as :func:`why_unwritable`.
    """
    if volume.content is Content.NTFS:
        if not is_pending(volume):
            with volume.sliced(read_only=True) as piece:
                state.refuse_unsafe(volume, state.read_facts(volume, piece), force=force, remedy=_CHECK)
        return
    why = None if force else why_unwritable(volume)
    if why is not None:
        raise TargetRefused(why, remedy=_CHECK)
