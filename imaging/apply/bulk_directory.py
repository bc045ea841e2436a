"""Filling an empty directory by all processors, by code of osdimage in place of libwim's.

What libwim does one file after the other, on one processor, threads of C do here: contents come in the order in which
they lie in the WIM, and each file is made in a folder that is open (``native/engine/directory.h``).  The result is the
same.  What is not done so is a reason, known before anything is written, and libwim does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.apply.engine import Fallback, Reason
from osdimage.imaging.apply.job import ApplyJob
from osdimage.imaging.apply.work import Pour, Work
from osdimage.imaging.errors import CorruptWim, OsdImageError, StorageError
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Phase
from osdimage.imaging.units import counted
from osdimage.imaging.wim.feed import ImageFeed, SinkFailed
from osdimage.imaging.wim.unix import extended_lost
from osdimage.native.engine.directory import DirectoryFill, Obstacle

# Shares of the time: of 3.7 s for 63,000 files on tmpfs, 4,600 folders took 0.1 s to be made, and as long to be dated.
_SHARES = {Phase.CREATE_FILES: 3.0, Phase.EXTRACT_DATA: 94.0, Phase.SET_METADATA: 3.0}

_FALLBACKS: dict[Obstacle, Fallback] = {each: Fallback[each.name] for each in Obstacle}


class BulkDirectory:
    """An image on its way to an empty directory.  Nothing is written before :meth:`fill`.

    Attributes:
        losses: what of the image is not written, besides what its audit tells.
    """

    def __init__(self, job: ApplyJob, feed: ImageFeed, fill: DirectoryFill, losses: tuple[Loss, ...]) -> None:
        """Take what :func:`prepared` made."""
        self._job = job
        self._feed = feed
        self._fill = fill
        self.losses = losses

    def fill(self, folder: Path) -> Work[tuple[str, ...]]:
        """Fill a directory that is there, and empty; return sentences about single files.

        Files get their names when all of their contents are found good, and folders their times at the end.

        Raises:
            CorruptWim: when contents are damaged; what was made before is there then.
            StorageError: when reading or writing failed, as above; it names the file.
        """
        meter, feed = self._job.meter, self._feed
        meter.weigh(_SHARES)
        with self._errors(folder):
            root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with self._errors(folder):
                self._fill.open(root, workers=len(os.sched_getaffinity(0)), others=feed.files)
                for made, total in self._fill.make():
                    meter.step(Phase.CREATE_FILES, made, total, unit="files")
                yield Pour(feed, self._fill.sink, lambda done: meter.step(Phase.EXTRACT_DATA, done, feed.size))
                for dated, total in self._fill.date():
                    meter.step(Phase.SET_METADATA, dated, total, unit="files")
            undated = self._fill.undated()
        finally:
            # It needs the directory to remove what is not whole.
            self._fill.close()
            os.close(root)
        if undated is None:
            return ()
        files = counted(undated.count, "file")
        text = f"the times of {files} could not be set, of {undated.path!r} first: {os.strerror(undated.errno)}"
        meter.warn(text)
        return (text,)

    @contextmanager
    def _errors(self, folder: Path) -> Iterator[None]:
        """Raise a system error as one of the file that it struck; those of the WIM are told already."""
        try:
            yield
        except OsdImageError:
            raise
        except SinkFailed as error:
            raise self._failure(folder, error.errno) from error
        except OSError as error:
            raise self._failure(folder, error.errno or 0) from error

    def _failure(self, folder: Path, errno: int) -> OsdImageError:
        failure = self._fill.failure()
        if failure is None:
            return StorageError(f"{folder}: {os.strerror(errno)}", path=folder, errno=errno)
        if failure.is_link:
            image = self._job.image
            return CorruptWim(f"{image.path}: image {image.index}: the link {failure.path!r} has no data of a link")
        text = f"{folder}: {failure.path!r} cannot be written: {os.strerror(failure.errno)}"
        return StorageError(text, path=folder, errno=failure.errno)


@contextmanager
def prepared(job: ApplyJob, feed: ImageFeed, folder: Path) -> Iterator[BulkDirectory | Reason]:
    """Prepare an image for an empty directory, or tell why it is none that is written so.

    Args:
        job: the image.
        feed: of the image; what a directory does not have is left out of it.
        folder: the directory, which need not be there.

    Raises:
        CorruptWim: when the tree of the image is damaged.
        StorageError: when the WIM cannot be read.
    """
    if feed.is_pipable:
        yield Reason(Fallback.PIPABLE)
        return
    untold = feed.untold()
    feed.narrow()
    fixes = job.options.fixes_links
    asks_links = (feed.has_fixed_links if fixes is None else fixes) and feed.audit.links > 0
    links = feed.fixed_links() if asks_links else None
    if asks_links and links is None:
        yield Reason(Fallback.LINK)
        return
    with DirectoryFill(feed.tree) as fill:
        if untold is not None and not untold.beside:
            fill.allow_tags()
        if links is not None:
            fill.put_above(Path(os.path.realpath(folder)), links)
        refusal = fill.check()
        if refusal is not None:
            yield Reason(_FALLBACKS[refusal.obstacle], refusal.path)
            return
        yield BulkDirectory(job, feed, fill, () if untold is None else extended_lost(untold.extended))
