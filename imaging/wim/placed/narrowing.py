"""Which contents libwim reads of an image, so that no others are copied for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.wim.stored.dentries import walk
from osdimage.imaging.wim.stored.format import NO_HASH
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.wim.entries import Entry, each_entry
from osdimage.native.wim.handles import WimHandle


@contextmanager
def reading_images(
    path: Path, handle: WimHandle, indexes: Sequence[int], *, by: WimHandle | None = None, paths: Sequence[str] = ("/",)
) -> Iterator[None]:
    """Let libwim read no other contents inside the ``with`` than those of images.

    Nothing is looked at where nothing stands in for the WIM: then libwim reads the WIM itself.

    Args:
        path: the WIM.
        handle: the open WIM.
        indexes: of the images.
        by: who reads, when that is another handle, to which the images were exported.
        paths: of what is read of the images: all at and below them, and what the directories above have.

    Raises:
        CorruptWim: when a tree is damaged.
        StorageError: when it cannot be read.
        WimlibError: when it cannot be loaded.
    """
    if not handle.is_backed:
        yield
        return
    hashes: set[bytes] = set()
    for index in indexes:
        _add_as_stored(path, handle, index, paths, hashes)
        _add_as_loaded(handle, index, paths, hashes)
    with (by or handle).reading_only(hashes):
        yield


def _add_as_stored(path: Path, handle: WimHandle, index: int, paths: Sequence[str], hashes: set[bytes]) -> None:
    """Add what the tree refers to: also what libwim reads and does not tell of, the contents of some reparse points."""
    tree = read_tree(path, handle, index)
    wanted = {"/" + each.casefold().strip("/") for each in paths}
    above = {place for each in wanted for place in _above(each)}
    for entry in walk(tree or b"", strict=False):
        own = "/" if entry.is_root else "/" + entry.path.casefold().strip("/")
        if own in above or own in wanted or not wanted.isdisjoint(_above(own)):
            hashes.update((entry.main_sha1, *(stream.sha1 for stream in entry.streams())))
    hashes.discard(NO_HASH)


def _above(path: str) -> Iterator[str]:
    """Yield the directories that lead to a path, ``/`` last."""
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path


def _add_as_loaded(handle: WimHandle, index: int, paths: Sequence[str], hashes: set[bytes]) -> None:
    """Add what libwim tells, which finds the contents of a hard link where another of its names has them."""

    def take(entry: Entry) -> None:
        hashes.update(each.sha1 for each in entry.streams if each.sha1 is not None)

    for each in paths:
        each_entry(handle, index, each, recursive=True, visit=take)
