r"""Making a WIM ready to be the boot image of a medium.

The boot manager starts the image that the header of the WIM names, and reads XPRESS and LZX in chunks of 32 KiB.  What
is so already goes to the medium as it is, with all its images; of what is not, or is to be changed, a copy is made
that has the one image.  A full Windows has a Windows PE in itself, its recovery environment, which is taken of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from osdimage.imaging import filetime
from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.disc.written.contents import FileContents, contents_of_file
from osdimage.imaging.errors import InvalidInput, Means, Remedy
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage.choosing import DriverWish
from osdimage.imaging.media.bootimage.export import export_boot_image
from osdimage.imaging.media.bootimage.facts import BootKind
from osdimage.imaging.media.bootimage.hives import read_hives
from osdimage.imaging.media.bootimage.reading import (
    architecture_of,
    boot_image_of,
    is_file,
    kind_of,
    unread_compression,
)
from osdimage.imaging.media.bootimage.settings import BootSettings
from osdimage.imaging.media.bootimage.wishes import plan_boot_image
from osdimage.imaging.media.parts.medium import MediumFile, PreparedImage, wim_path
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.described.info import WimHeader
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.placed.on_disc import disc_path, located
from osdimage.imaging.wim.select import ImageSelector

RECOVERY_WIM = "Windows/System32/Recovery/Winre.wim"
"""Where a Windows keeps the WIM of its recovery environment until it is set up."""
_NOTHING = BootSettings()


@dataclass(frozen=True, slots=True)
class _Wish:
    settings: BootSettings
    drivers: DriverWish | None
    refs: tuple[str, ...]
    threads: int
    now: datetime | None
    progress: ProgressCallback | None


@contextmanager
def prepared_boot_image(
    wim: str | os.PathLike[str],
    selector: ImageSelector,
    *,
    settings: BootSettings = _NOTHING,
    drivers: DriverWish | None = None,
    refs: Iterable[str] = (),
    threads: int = 0,
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> Iterator[PreparedImage]:
    """Yield a WIM that can be the boot image of a medium, and is gone afterwards when it was made.

    Args:
        wim: has the image; it is only read.
        selector: which image; without a choice the one that starts, or the only one.
        settings: what is set in the copy.
        drivers: which drivers the copy is to have.
        refs: files or glob patterns of files that hold contents of ``wim`` too.
        threads: compressor threads, 0 for one a processor.
        now: the time of what is changed; None for that of ``wim``, so that the same wishes make the same copy again.
        progress: receives the progress of making the copy.

    Raises:
        ImageNotFound: when none fits, several do, or none is marked as the one that starts and there are several.
        InvalidInput: when the image starts nothing, or does not tell for which processor it is.
        InvalidRequest: when a wish cannot be.
        UnsafeName, CorruptWim, MissingParts, StorageError: when something cannot be read.
    """
    wish = _Wish(settings, drivers, tuple(refs), threads, now, progress)
    path = Path(wim)
    with WimFile.open(path, refs=wish.refs) as opened:
        image = boot_image_of(opened, selector)
        files = image.files()
        if kind_of(image, files) is not BootKind.WINDOWS:
            with _prepared(path, opened, image, wish) as made:
                yield made
            return
        with scratch_folder() as folder:
            inner = _recovery_of(image, files, folder)
            told = f"{path} image {image.index}: is a whole Windows; the medium starts its recovery environment"
            with WimFile.open(inner) as recovery:
                starts = boot_image_of(recovery, ImageSelector())
                with _prepared(inner, recovery, starts, wish) as made:
                    yield replace(made, source=path, warnings=(told, *made.warnings))


@contextmanager
def _prepared(path: Path, opened: WimFile, image: WimImage, wish: _Wish) -> Iterator[PreparedImage]:
    files = image.files()
    hives = read_hives(files)
    if not kind_of(image, files, hives).is_windows_pe:
        raise InvalidInput(f"{files.name}: starts nothing: it has neither winpeshl.exe nor wpeinit.exe")
    architecture = architecture_of(image, files)
    if architecture is None:
        raise InvalidInput(f"{files.name}: neither the WIM nor a kernel tells for which processor it is")
    told = image.info.windows
    made = PreparedImage(
        path, path, image.index, image.name, architecture, hives.version or (None if told is None else told.version)
    )
    planner = partial(plan_boot_image, settings=wish.settings, drivers=wish.drivers)
    plan = planner(image)
    fault = _fault(opened.header, image.index, has_refs=bool(wish.refs))
    if fault is None and plan.is_empty:
        yield replace(made, warnings=plan.warnings)
        return
    moment = _moment_of(path) if wish.now is None else wish.now
    with scratch_folder() as folder:
        copy = folder / "boot.wim"
        change = export_boot_image(
            path,
            ImageSelector(index=image.index),
            copy,
            planner,
            refs=wish.refs,
            threads=wish.threads,
            now=moment,
            progress=wish.progress,
        )
        os.utime(copy, (moment.timestamp(), moment.timestamp()))
        why = () if fault is None else (f"{path}: {fault}; the medium has a copy of image {image.index}",)
        yield replace(made, path=copy, index=1, warnings=(*why, *change.warnings))


def _moment_of(path: Path) -> datetime:
    """Return when a WIM was changed last."""
    _, modified_ns = _contents_of(path)
    return filetime.to_datetime(filetime.from_ns(modified_ns))


def _fault(header: WimHeader, index: int, *, has_refs: bool) -> str | None:
    """Return why the boot manager does not start an image of a WIM as it is, or None when it does."""
    if header.total_parts > 1 or has_refs:
        return "has contents in other files, which the boot manager does not look for"
    unread = unread_compression(header)
    if unread is not None:
        return unread
    if header.boot_index != index:
        return f"does not start image {index} by itself"
    return None


def _recovery_of(image: WimImage, files: FileSource, folder: Path) -> Path:
    """Extract the recovery environment of a Windows into a folder."""
    if not is_file(files, RECOVERY_WIM):
        raise InvalidInput(
            f"{files.name}: is a whole Windows without a recovery environment, and no boot image",
            remedy=Remedy("{} names a boot.wim", (Means.BOOT_IMAGE,)),
        )
    image.extract([f"/{RECOVERY_WIM}"], folder, ExtractOptions(globs=False))
    (found,) = folder.iterdir()
    return found


def boot_wim_file(image: PreparedImage, number: int = 1) -> MediumFile:
    """Return the file with which a boot image is on a medium: ``sources/boot.wim`` for the first one.

    Raises:
        InvalidInput, StorageError: when it cannot be read.
    """
    contents, modified_ns = _contents_of(image.path)
    return MediumFile(wim_path(number), contents, modified_ns, str(image.source))


def _contents_of(path: Path) -> tuple[FileContents, int]:
    """Return the contents of a file of this machine, or of one on a disc, and when it was changed last."""
    place = disc_path(path)
    if place is None:
        contents = contents_of_file(path.resolve())
        return contents, contents.modified_ns
    where = located(place)
    disc = place.disc.resolve()
    facts = disc.stat()
    stretches = (DiscExtent(where.begin, where.size),) if where.size else ()
    moment = facts.st_mtime_ns if where.modified_ns is None else where.modified_ns
    return FileContents(disc, stretches, facts.st_size, facts.st_mtime_ns), moment
