"""In which files the contents of images are: what a delta holds itself, and what it needs of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.wim.checks.once import finish, pass_once
from osdimage.imaging.wim.contents import references
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim
from osdimage.native.wim import entries
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Audit


@dataclass(frozen=True, slots=True)
class Share:
    """What of the contents of images is in a file.

    Attributes:
        path: of the file.
        blobs: how many, each once.
        size: of them, in bytes, expanded.
    """

    path: Path
    blobs: int
    size: int


@dataclass(frozen=True, slots=True)
class Needs:
    """Where the contents of images are, each counted once.

    Attributes:
        own: what of them is in the WIM itself.
        elsewhere: what is in the other files that were named.
        missing_blobs: how many are in none of these files.
        missing_files: how many files, streams and links have such.
        missing_size: of those files, in bytes, hard links counted once; None when the WIM does not tell.
        missing_images: the indexes of the images that have such.
    """

    own: Share
    elsewhere: tuple[Share, ...]
    missing_blobs: int
    missing_files: int
    missing_size: int | None
    missing_images: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is needed of another file."""
        return not self.missing_blobs and not any(each.blobs for each in self.elsewhere)


def needs_of(images: Sequence[WimImage]) -> Needs:
    """Find where the contents of images of one open WIM are.

    Raises:
        CorruptWim: when a tree cannot be loaded, or contradicts itself.
        StorageError: when a file cannot be read.
    """
    first = images[0]
    return _needs_of(images, (first.path, *references(first.path, first.handle)))


def _needs_of(images: Sequence[WimImage], paths: Sequence[Path]) -> Needs:
    found: dict[bytes, tuple[int, int]] = {}
    lacking: set[bytes] = set()
    files, size, indexes = 0, 0, []
    for image in images:
        with wim_errors(image.path):
            audit = _pass(image, paths, found)
            missing = _lacking(image) - found.keys() if audit.missing_blobs else set()
            if missing:
                files += audit.missing_blobs
                # What the XML counts has each hard link in it.
                told = (image.info.size or 0) - (image.info.hard_link_size or 0)
                size += max(0, told - audit.size - audit.named_stream_size)
                indexes.append(image.index)
                lacking |= missing
    is_known = all(image.info.size is not None for image in images)
    shares = [_share(path, number, found) for number, path in enumerate(paths)]
    return Needs(shares[0], tuple(shares[1:]), len(lacking), files, size if is_known else None, tuple(indexes))


def needs_in(path: Path, indexes: Sequence[int], others: Sequence[Path]) -> Needs:
    """Find where the contents of images of a WIM are, which may be in other files; see :func:`needs_of`."""
    # That it refers to the others would only take the time to read their tables once more.
    with WimFile.open(path, with_parts=False) as wim:
        return _needs_of([wim.image(index) for index in indexes], (path, *others))


def needs_of_delta(wim: WimFile, images: Sequence[WimImage]) -> Needs | None:
    """Find what images need of other files; None when they need nothing, or the WIM is split and needs its parts.

    The trees are looked at only where something says that it may be so.

    Raises:
        CorruptWim, StorageError: as :func:`needs_of`.
    """
    is_noted = any(image.info.bases for image in images)
    if wim.header.total_parts > 1 or not images or not (wim.handle.references or is_noted or may_need_others(wim)):
        return None
    needs = needs_of(images)
    return None if needs.is_whole else needs


def contents_of(images: Sequence[WimImage]) -> frozenset[bytes]:
    """Return the SHA-1 of all contents that images of one open WIM refer to, and that are at hand."""
    paths = (images[0].path, *references(images[0].path, images[0].handle))
    found: dict[bytes, tuple[int, int]] = {}
    for image in images:
        with wim_errors(image.path):
            _pass(image, paths, found)
    return frozenset(found)


def may_need_others(wim: WimFile) -> bool:
    """Tell, without a look at the trees, whether a WIM may need other files.

    What the XML says of the images is compared with what the blob table says: of each blob, how often it is referred
    to.  Of a WIM that holds all of its contents the second is never the smaller, but where its XML tells too much.
    """
    told = sum(image.info.size or 0 for image in wim.images)
    with wim_errors(wim.path), ExitStack() as stack:
        # A handle that refers to other files lists their blobs too.
        plain = stack.enter_context(open_wim(wim.path)) if wim.handle.references else wim.handle
        held = sum(size * count for _, size, count in BlobTable(plain).of_files())
    return held < told


def _pass(image: WimImage, paths: Sequence[Path], found: dict[bytes, tuple[int, int]]) -> Audit:
    """Pass over the tree of an image; add what it refers to and where that is: the number of the file, and its size."""
    with ExitStack() as stack:
        # A handle that refers to other files lists their blobs too.
        plain = [stack.enter_context(open_wim(path)) for path in paths] if len(paths) > 1 else [image.handle]
        blobs = BlobTable(*plain)
    passed = pass_once(image.path, image.handle, image.index, blobs, is_changed=image.is_changed)
    finish(image.path, image.index, passed.tree)
    found.update(blobs.shares())
    return passed.audit


def _lacking(image: WimImage) -> set[bytes]:
    """Return the SHA-1 of what an image refers to and no file holds."""
    lacking: set[bytes] = set()

    def take(entry: Entry) -> None:
        lacking.update(each.sha1 for each in entry.streams if each.is_missing and each.sha1 is not None)

    entries.each_entry(image.handle, image.index, "/", recursive=True, visit=take)
    return lacking


def _share(path: Path, number: int, found: Mapping[bytes, tuple[int, int]]) -> Share:
    sizes = [size for file, size in found.values() if file == number]
    return Share(path, len(sizes), sum(sizes))
