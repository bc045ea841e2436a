"""What is known of an image that goes to several targets: found once, and kept while one of them needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from osdimage.imaging.apply.engine import Fallback, Reason
from osdimage.imaging.errors import StorageError

if TYPE_CHECKING:
    from osdimage.imaging.wim.feed import ImageFeed
    from osdimage.imaging.wim.image import WimImage
    from osdimage.native.engine.arrays import Untold
    from osdimage.native.wim.tree import Audit

# What an added file is read into memory for; an answer file has some KB.
_LARGEST_ADDED = 64 << 20


class Supply:
    """An image as new volumes are filled from it.

    Attributes:
        feed: its files, and where their contents are.
        added: the contents of files of this machine that were added to it.
        untold: what libwim does not tell of its files; None where that is not known.
        reason: why no volume can be filled from it, or None.
    """

    def __init__(self, image: WimImage, judge: Callable[[Audit], None] = lambda _: None) -> None:
        """Pass over the tree of an image.

        Args:
            image: the image.
            judge: is told what the pass has found, and may refuse the image by an exception.

        Raises:
            CorruptWim: when the tree of the image is damaged.
            StorageError: when the WIM, or a file that was added to the image, cannot be read.
        """
        # It comes with threads.
        from osdimage.imaging.wim.feed import ImageFeed  # noqa: PLC0415

        self.feed = ImageFeed(image, judge)
        self.added: tuple[bytes, ...] = ()
        self.untold: Untold | None = None
        self.reason = Reason(Fallback.PIPABLE) if self.feed.is_pipable else None
        added = _added(image, self.feed)
        if isinstance(added, Reason):
            self.reason = self.reason or added
        else:
            self.added = added
        if self.reason is None:
            self.untold = self.feed.untold()


class Supplies:
    """What is known of the images of a WIM, whose files stay as they are as long as this is used."""

    def __init__(self) -> None:
        """Begin without any."""
        self._made: WeakValueDictionary[int, Supply] = WeakValueDictionary()

    def of(self, image: WimImage, judge: Callable[[Audit], None]) -> Supply:
        """Return an image as new volumes are filled from it; it is made anew when nobody has it any more.

        ``judge`` is told what the pass over its tree has found, and may refuse it by an exception.

        Raises:
            CorruptWim, StorageError: as :class:`Supply`.
        """
        found = self._made.get(image.index)
        if found is None:
            found = self._made[image.index] = Supply(image, judge)
        else:
            judge(found.feed.audit)
        return found


def _added(image: WimImage, feed: ImageFeed) -> tuple[bytes, ...] | Reason:
    """Read the files of this machine that were added to the image."""
    found: list[bytes] = []
    for stream, size, path in list(feed.tree.elsewhere()):
        source = image.added(path)
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
