"""The image of which a source is a later state: what has not changed since is not read again.

What is trusted is libwim's rule (wimlib_reference_template_image), for every kind of source: a file is as it was when
the image has one at the very path, upper and lower case counting, with the same times of creation and of the last
change, no later access, and all streams of the same names and sizes.  A file that was moved is read; one that was
changed and given its old time and size is not, and is stored as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging import filetime
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.checks.audit import load_tree
from osdimage.imaging.wim.delta.bases import patterns_of
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.placed.place import identity
from osdimage.imaging.wim.select import ImageSelector
from osdimage.native.wim.handles import WimHandle


@dataclass(frozen=True, slots=True)
class UpdateOf:
    """An image of which the source is a later state.

    Attributes:
        image: its index, from 1 on, or backwards from -1 for the last; or its name.
        wim: that holds it; None for the only base of a delta, or else the WIM that is added to.
    """

    image: int | str
    wim: Path | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What an image knows of a file: the times of creation, last change and last access, size in bytes, and SHA-1."""

    times: tuple[int, int, int]
    size: int
    sha1: bytes

    def fits(self, times: tuple[int, int, int], size: int) -> bool:
        """Tell whether a file with such times and such a size is taken for the same."""
        return (*times[:2], size) == (*self.times[:2], self.size) and times[2] >= self.times[2]


@dataclass(frozen=True, slots=True)
class Template:
    """An open image of which a source is a later state.

    Its contents must be where the new image has its own: in the WIM, or in a file that this refers to.  libwim would
    read a file that was changed behind its times, and find that it does not match the hash.
    """

    image: WimImage

    def give_hashes(self, handle: WimHandle, index: int) -> None:
        """Give an image that was scanned, and is not written yet, the hashes of what has not changed.

        Raises:
            CorruptWim: when the tree of the template cannot be loaded.
        """
        with wim_errors(self.image.path):
            load_tree(self.image.path, self.image.handle, self.image.index)
            handle.take_hashes(index, self.image.handle, self.image.index)

    def known(self) -> dict[str, Known]:
        """Return what it knows of the contents of files, by path."""
        found: dict[str, Known] = {}

        def take(entry: Entry) -> None:
            contents = entry.streams[0]
            if contents.sha1 is not None and not contents.is_missing:
                created, modified = filetime.from_ns(entry.created_ns), filetime.from_ns(entry.modified_ns)
                times = (created, modified, filetime.from_ns(entry.accessed_ns))
                found[entry.path] = Known(times, contents.size, contents.sha1)

        self.image.walk(take)
        return found


def wim_of(wish: UpdateOf, destination: Path, bases: Sequence[Path], *, appends: bool) -> Path:
    """Return the WIM that holds the image.

    Raises:
        InvalidRequest: when it is not said, and not clear.
    """
    if wish.wim is not None:
        return wish.wim
    if len(bases) == 1:
        return bases[0]
    if appends and not bases:
        return destination
    raise InvalidRequest(
        f"{destination}: say in which WIM the image {wish.image!r} is; that is clear only where a WIM is added to, or "
        "a delta has one base"
    )


@contextmanager
def _opened(wish: UpdateOf, path: Path, bases: Sequence[Path]) -> Iterator[Template]:
    others = [each for each in bases if identity(each) != identity(path)]
    with WimFile.open(path, refs=patterns_of(others)) as wim:
        yield Template(_select(wim, wish.image))


def opened_template(
    wish: UpdateOf | None, path: Path | None, bases: Sequence[Path]
) -> AbstractContextManager[Template | None]:
    """Open the image for the body of the ``with``; None when none is wished for.

    Args:
        wish: what is wished.
        path: the WIM, from :func:`wim_of`.
        bases: of the delta; the image may be a part of one itself.

    Raises:
        ImageNotFound: when there is no such image.
        OsdImageError: as :meth:`WimFile.open`.
    """
    return nullcontext() if wish is None or path is None else _opened(wish, path, bases)


def _select(wim: WimFile, wanted: int | str) -> WimImage:
    """Return an image by its index, which may count from the end, or by its name."""
    return wim.select(ImageSelector(index=wanted) if isinstance(wanted, int) else ImageSelector(name=wanted))
