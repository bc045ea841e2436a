"""Filling an NTFS volume that was just formatted in one pass, by code of osdimage in place of libntfs-3g.

A volume that holds nothing needs no file system driver: where everything goes is planned, contents are written in the
order in which they lie in the WIM, and the records of all files last (``native/engine/bulk.h``).  What that does not do
is a reason, known before anything is written, and libntfs-3g does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.apply.compacting import Compacted, CompactRule, compacting
from osdimage.imaging.apply.engine import Fallback, Reason
from osdimage.imaging.apply.job import ApplyJob, ApplyOptions
from osdimage.imaging.apply.supply import Supply
from osdimage.imaging.apply.work import Pour, Work
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import StorageError, TooSmall, explain
from osdimage.imaging.filetime import from_ns
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Phase
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.feed import SinkFailed
from osdimage.imaging.wim.unix import extended_lost
from osdimage.native.engine import bulk
from osdimage.native.engine.arrays import StrippedTree, Tree
from osdimage.native.engine.bulk import BulkFill, Obstacle, Refusal
from osdimage.native.wim.facts import Descriptors

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

    def __init__(self, supply: Supply, fill: BulkFill, losses: tuple[Loss, ...]) -> None:
        """Take what :func:`prepared` made."""
        self._supply = supply
        self._fill = fill
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

    def fill(self, job: ApplyJob, volume: OpenVolume, *, stays_dirty: bool) -> Work[None]:
        """Fill the volume of the plan.  It is marked dirty meanwhile, and empty until all contents are found good.

        Raises:
            CorruptWim: when contents are damaged; the volume is empty then.
            StorageError: when reading or writing failed.
        """
        sync, feed, meter = job.options.sync, self._supply.feed, job.meter
        meter.weigh(_SHARES)
        try:
            with _errors_of(volume):
                self._fill.begin(sync=sync)
                yield Pour(
                    feed,
                    self._fill.sink,
                    lambda done: meter.step(Phase.EXTRACT_DATA, done, feed.size),
                    volume.target.source if sync else None,
                )
                self._fill.put(self._supply.added)
                meter.step(Phase.SET_METADATA, 0, 1)
                self._fill.commit(sync=sync)
        except BaseException as error:
            explain(error, f"{volume.name} holds an incomplete image and stays marked dirty")
            raise
        with _errors_of(volume):
            self._fill.finish(stays_dirty=stays_dirty, sync=sync)

    def compacted(self) -> Compacted:
        """Return what was compressed as a whole."""
        return Compacted(*self._fill.compacted())


@contextmanager
def prepared(
    supply: Supply,
    now_ns: int,
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    rule: CompactRule | None = None,
) -> Iterator[Bulk | Reason]:
    """Prepare an image for a new volume, or tell why it is none that is written so.

    Args:
        supply: the image.
        now_ns: becomes the time of the change of all records; in nanoseconds since 1970.
        options: what of its files is wanted.
        rule: which files stay plain, where they are compressed as a whole.
    """
    if supply.reason is not None:
        yield supply.reason
        return
    untold = supply.untold
    with BulkFill(_wanted(supply.feed.tree, options), more=len(supply.added), stamp=from_ns(now_ns)) as fill:
        if untold is not None and not untold.beside:
            fill.allow_tags()
        refusal = fill.check()
        losses = () if untold is None else extended_lost(untold.extended)
        if refusal is None and options.compact is not None and rule is not None:
            fill.compact(compacting(options.compact), rule.stays_plain)
        yield Bulk(supply, fill, losses) if refusal is None else _reason(refusal)


def _wanted(tree: Tree, options: ApplyOptions) -> Tree | StrippedTree:
    descriptors = options.descriptors is not Descriptors.NONE
    if descriptors and options.attributes:
        return tree
    return StrippedTree(tree, descriptors=descriptors, attributes=options.attributes)


def _reason(refusal: Refusal) -> Reason:
    return Reason(_FALLBACKS[refusal.obstacle], refusal.path)


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
