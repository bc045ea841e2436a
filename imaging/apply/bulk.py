"""Filling an NTFS volume that was just formatted in one pass, by code of osdimage in place of libntfs-3g.

A volume that holds nothing needs no file system driver: where everything goes is planned, contents are written in the
order in which they lie in the WIM, and the records of all files last (``native/engine/bulk.h``).  What that does not do
is a reason, known before anything is written, and libntfs-3g does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.apply.engine import Fallback, Reason
from osdimage.imaging.apply.job import ApplyJob
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import StorageError, TooSmall, explain
from osdimage.imaging.filetime import from_ns
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.feed import ImageFeed, SinkFailed
from osdimage.imaging.wim.unix import extended_lost
from osdimage.native.engine import bulk
from osdimage.native.engine.bulk import BulkFill, Obstacle, Refusal

# What an added file is read into memory for; an answer file has some KB.
_LARGEST_ADDED = 64 << 20
# Shares of the time, measured with images of 60,000 and 119,000 names on tmpfs: there are no files to be created first.
_SHARES = {Phase.EXTRACT_DATA: 96.0, Phase.SET_METADATA: 4.0}


_FALLBACKS: dict[Obstacle, Fallback] = {
    each: Fallback[each.name] for each in Obstacle if each is not Obstacle.TOO_SMALL
}


def is_new(volume: OpenVolume) -> bool:
    """Tell whether an NTFS volume is as it was formatted.

    Raises:
        StorageError: when it cannot be read.
    """
    size = volume.target.geometry.sector_size
    with _errors_of(volume):
        return bulk.is_new(volume.target.source, volume.extent.first * size, volume.extent.count * size)


class Bulk:
    """An image on its way to a new volume.  Nothing is written before :meth:`fill`.

    Attributes:
        losses: what of the image is not written.
    """

    def __init__(self, feed: ImageFeed, fill: BulkFill, added: tuple[bytes, ...], losses: tuple[Loss, ...]) -> None:
        """Take what :func:`prepared` made."""
        self._feed = feed
        self._fill = fill
        self._added = added
        self.losses = losses

    def plan(self, volume: OpenVolume) -> Reason | None:
        """Plan where everything goes on a volume; return why that cannot be, or None.

        Raises:
            TooSmall: when the volume is new, and too small.
            StorageError: when the volume cannot be read.
        """
        size = volume.target.geometry.sector_size
        with _errors_of(volume):
            refusal = self._fill.plan(volume.target.source, volume.extent.first * size, volume.extent.count * size)
        if refusal is not None and refusal.obstacle is Obstacle.TOO_SMALL:
            raise TooSmall(
                f"{volume.name}: not written: the image needs {format_size(refusal.needed)}, the volume has "
                f"{format_size(refusal.available)} free"
            )
        return None if refusal is None else _reason(refusal)

    def fill(self, job: ApplyJob, volume: OpenVolume, *, stays_dirty: bool) -> None:
        """Fill the volume of the plan.  It is marked dirty meanwhile, and empty until all contents are found good.

        Raises:
            CorruptWim: when contents are damaged; the volume is empty then.
            StorageError: when reading or writing failed.
        """
        sync = job.options.sync
        job.meter.weigh(_SHARES)
        try:
            with _errors_of(volume):
                self._fill.begin(sync=sync)
                self._write_contents(job.meter)
                self._fill.put(self._added)
                job.meter.step(Phase.SET_METADATA, 0, 1)
                self._fill.commit(sync=sync)
        except BaseException as error:
            explain(error, f"{volume.name} holds an incomplete image and stays marked dirty")
            raise
        with _errors_of(volume):
            self._fill.finish(stays_dirty=stays_dirty, sync=sync)

    def _write_contents(self, meter: Meter) -> None:
        self._feed.run([self._fill.sink], lambda done: meter.step(Phase.EXTRACT_DATA, done, self._feed.size))


@contextmanager
def prepared(job: ApplyJob, feed: ImageFeed, now_ns: int) -> Iterator[Bulk | Reason]:
    """Prepare an image for a new volume, or tell why it is none that is written so.

    Args:
        job: the image.
        feed: of the image.
        now_ns: becomes the time of the change of all records; in nanoseconds since 1970.

    Raises:
        CorruptWim: when the tree of the image is damaged.
        StorageError: when the WIM, or a file that was added to the image, cannot be read.
    """
    added = _added(job, feed)
    if feed.is_pipable or isinstance(added, Reason):
        yield Reason(Fallback.PIPABLE) if feed.is_pipable or not isinstance(added, Reason) else added
        return
    untold = feed.untold()
    with BulkFill(feed.tree, more=len(added), stamp=from_ns(now_ns)) as fill:
        if untold is not None and not untold.beside:
            fill.allow_tags()
        refusal = fill.check()
        losses = () if untold is None else extended_lost(untold.extended)
        yield Bulk(feed, fill, added, losses) if refusal is None else _reason(refusal)


def _reason(refusal: Refusal) -> Reason:
    return Reason(_FALLBACKS[refusal.obstacle], refusal.path)


def _added(job: ApplyJob, feed: ImageFeed) -> tuple[bytes, ...] | Reason:
    """Read the files of this machine that were added to the image."""
    found: list[bytes] = []
    for stream, size, path in list(feed.tree.elsewhere()):
        source = job.image.added(path)
        data = b"" if source is None or size > _LARGEST_ADDED else _read(source)
        if len(data) != size:
            return Reason(Fallback.ELSEWHERE, path)
        feed.tree.give(stream, len(found))
        found.append(data)
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


@contextmanager
def _errors_of(volume: OpenVolume) -> Iterator[None]:
    """Raise a system error as one of the volume; those of the WIM are told already."""
    try:
        yield
    except SinkFailed as error:
        raise volume.failure(OSError(error.errno, os.strerror(error.errno))) from error
    except StorageError:
        raise
    except OSError as error:
        raise volume.failure(error) from error
