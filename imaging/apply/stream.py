"""Applying an image of a WIM that comes through a pipe: as it comes where that can be, else once it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image, backend_of, work_on
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.pipe import PipedImage
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.work import alone
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import opened_place
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.piped.relaid import receive_trees
from osdimage.imaging.wim.piped.spool import spool, told_of, written
from osdimage.imaging.wim.piped.streams import InputStream, Passed
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.stored.format import PIPABLE_MAGIC


@dataclass(frozen=True, slots=True)
class StreamApplied:
    """What became of an image that came through a pipe.

    Attributes:
        index: of the image.
        name: of it.
        result: what was written.
        passed: what came through the pipe.
        is_cut: whether something is missing behind the last contents that the image needs, such as the tables.
        was_kept: whether the WIM was kept in a file until it was whole, because it could not be applied as it came.
    """

    index: int
    name: str
    result: ApplyResult
    passed: Passed
    was_kept: bool
    is_cut: bool = False


@logged("apply an image of {stream} to {target}")
def apply_stream(
    stream: InputStream,
    selector: ImageSelector,
    target: OpenVolume | str | os.PathLike[str],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
    keeping: Callable[[], None] | None = None,
    progress: ProgressCallback | None = None,
) -> StreamApplied:
    """Apply an image of a WIM that comes through a pipe, as :func:`~osdimage.imaging.apply_image` does of a file.

    A pipable WIM, which has its trees first, is applied as it comes: to a directory, or to an NTFS volume through
    libntfs-3g.  Names and places are looked at before anything is written; contents that are damaged, or that never
    come, are found when something is.

    What cannot be applied so is kept where ``TMPDIR`` says until it is whole: a WIM of the usual form, one that goes to
    a FAT volume, whose engine or limit is given, whose names are replaced, or that has files which a directory takes
    only in another form.

    Args:
        stream: the pipe; it is read to its end.
        selector: which image.
        target: as there.
        options: as there.
        partition: as there.
        opening: as there.
        keeping: is called before a WIM is kept in a file.
        progress: receives the progress.

    Raises:
        NotAWim: when it is none.
        CorruptWim: when it is damaged, or ends too early; the target may be half written.
        ImageNotFound: when no image fits the selector; nothing was written.
        OsdImageError: as there.
    """
    stream.keep()
    with (
        opened_place(target, partition, write=True, opening=opening) as place,
        scratch_folder() as folder,
        told_of(stream, path := folder / stream.name),
    ):
        if _takes_streams(place, options):
            with _trees(stream, path) as wim:
                image = None if wim is None else wim.select(selector)
                if image is not None and not _needs_contents(place, image):
                    piped = PipedImage(stream, image)
                    work = work_on(image, place, options, progress=progress, supplies=Supplies(), piped=piped)
                    result = alone(work)
                    is_cut = not stream.tail.startswith(PIPABLE_MAGIC)
                    return StreamApplied(image.index, image.name, result, stream.passed, was_kept=False, is_cut=is_cut)
        stream.rewind()
        if keeping is not None:
            keeping()
        path.unlink(missing_ok=True)
        spool(stream, path, progress)
        with WimFile.open(path) as wim:
            image = wim.select(selector)
            result = apply_image(image, place, options, progress=progress)
            return StreamApplied(image.index, image.name, result, stream.passed, was_kept=True)


@contextmanager
def _trees(stream: InputStream, path: Path) -> Iterator[WimFile | None]:
    """Yield an open WIM with the trees of a pipable one that has begun to come; None for another one."""
    with written(stream, path) as descriptor:
        is_pipable = receive_trees(stream, descriptor)
    if not is_pipable:
        yield None
        return
    with WimFile.open(path) as opened:
        yield opened


def _takes_streams(place: Path | OpenVolume, options: ApplyOptions) -> bool:
    """Tell whether a target can be filled with contents in the order in which they come."""
    # How large it is in truth is known when all has come.
    is_plain = options.engine is not Engine.BULK and options.limit_bytes is None and options.names is not Names.REPLACE
    return backend_of(place, wipes=options.wipe).takes_pipes and is_plain


def _needs_contents(place: Path | OpenVolume, image: WimImage) -> bool:
    """Tell whether contents must be looked at before anything is written: links of kinds that a directory has not."""
    return isinstance(place, Path) and image.audit().other_reparse_points > 0
