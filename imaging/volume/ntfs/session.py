"""Edits of an NTFS volume that become one change: held back while they are made, then carried out whole or not at all.

libntfs-3g writes a volume piece by piece, and where it is stopped the pieces contradict each other.  Here it writes to
memory (``native/slices/source_staged.c``), except what goes into clusters that are free, where nothing sees it; what is
held in the end is carried out by :mod:`osdimage.imaging.volume.pending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import explain
from osdimage.imaging.units import align_up
from osdimage.imaging.volume import pending
from osdimage.imaging.volume.ntfs.bitmap import used_clusters
from osdimage.imaging.volume.ntfs.records import BootSector
from osdimage.imaging.volume.pending import Change, Pending
from osdimage.native.slices.sources import Source, StagedSource

POINTER = 8192 - pending.POINTER_BYTES
"""The last bytes of $Boot, which has 8 KiB.  Where boot code reaches so far, it gets them back."""

_BOOT_BYTES = 512
_FEWEST_TWICE = 4


def find_pending(volume: OpenVolume) -> Pending | None:
    """Return what an interrupted edit has left to be carried out, or None.

    Raises:
        StorageError: when the volume cannot be read.
    """
    return pending.find(volume.window(), POINTER)


def finish(volume: OpenVolume, *, sync: bool = True) -> bool:
    """Carry out what an interrupted edit has left; return whether there was something.

    Raises:
        StorageError: when reading or writing failed.
    """
    return pending.finish(volume.window(), POINTER, sync=sync)


@contextmanager
def as_it_will_be(volume: OpenVolume) -> Iterator[Source | None]:
    """Yield what to read in place of a disk when a volume on it has pending changes; None when it has none.

    Raises:
        StorageError: when the volume cannot be read.
    """
    found = find_pending(volume)
    if found is None:
        yield None
        return
    with _staged(volume, None, 0) as staged:
        begin = _begin(volume)
        for change in found.changes:
            staged.write(begin + change.offset, change.data)
        yield staged


@contextmanager
def edits(volume: OpenVolume, mark: Callable[[], None], *, sync: bool) -> Iterator[Source]:
    """Yield what to write to in place of a disk; what was written becomes the volume's when the body ends well.

    Args:
        volume: open for writing, with nothing pending.
        mark: marks the volume dirty on the medium.
        sync: wait for the medium.

    Raises:
        InvalidVolume: when it cannot be told which clusters are free.
        StorageError: when writing failed.
    """
    window = volume.window()
    boot = BootSector.from_bytes(window.read_at(0, _BOOT_BYTES), window.geometry.size_bytes)
    used = used_clusters(window, boot)
    with _staged(volume, used, boot.cluster_bytes) as staged:
        try:
            yield staged
        except BaseException as error:
            explain(error, pending.unchanged(volume.name))
            raise
        changes = pending.trimmed(window, list(_changes(volume, staged, boot)))
        if not any(each.is_guarded for each in changes):
            return
        room = _room(staged, used, boot, pending.room_for(changes))
        pending.carry_out(window, changes, pointer=POINTER, room=room, mark=mark, sync=sync)


def _begin(volume: OpenVolume) -> int:
    return volume.extent.first * volume.target.geometry.sector_size


def _staged(volume: OpenVolume, used: bytes | None, cluster_size: int) -> StagedSource:
    length = volume.extent.count * volume.target.geometry.sector_size
    below = volume.target.source
    try:
        return StagedSource.over(below, _begin(volume), length, used=used, cluster_size=cluster_size)
    except OSError as error:
        raise volume.failure(error) from error


def _changes(volume: OpenVolume, staged: StagedSource, boot: BootSector) -> Iterator[Change]:
    """Yield what is held, the records that NTFS keeps twice last: one of them has the mark of a dirty volume."""
    begin, size = _begin(volume), volume.extent.count * volume.target.geometry.sector_size
    length = max(_FEWEST_TWICE, boot.cluster_bytes // boot.record_bytes) * boot.record_bytes
    twice = [boot.mft_cluster * boot.cluster_bytes, boot.mirror_cluster * boot.cluster_bytes]
    groups: list[list[Change]] = [[], [], []]
    for page in staged.held():
        at = page * staged.page
        data = staged.read(begin + at, min(staged.page, size - at))
        group = next(
            (number for number, first in enumerate(twice, 1) if at < first + length and first < at + len(data)), 0
        )
        groups[group].append(Change(at, data, group, is_guarded=group == 0))
    for each in groups:
        yield from each


def _room(staged: StagedSource, used: bytes, boot: BootSector, size: int) -> int | None:
    """Return where so many bytes are free before the edits and after them, or None; it is looked for from the end."""
    clusters = align_up(size, boot.cluster_bytes) // boot.cluster_bytes
    # Whole bytes of the bitmap are found fast, and what is lost by it is little.
    wanted = bytes(-(-clusters // 8))
    end = len(used)
    while (first := used.rfind(wanted, 0, end)) >= 0:
        offset = first * 8 * boot.cluster_bytes
        if not staged.is_touched(offset, clusters * boot.cluster_bytes):
            return offset
        end = first + len(wanted) - 1
    return None
