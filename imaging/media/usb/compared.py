"""Reading a stick back, and comparing it with what it was made of."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.browse.places import open_tree
from osdimage.imaging.browse.tree import VolumeTree
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import StorageError, quoted
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.progress import Meter, Phase


def require_same(volume: OpenVolume, files: tuple[MediumFile, ...], meter: Meter) -> None:
    """Read every file of a volume, and require that it holds what it was made of.

    Raises:
        StorageError: naming the first file that does not, and where.
    """
    total, done = sum(each.size for each in files), 0
    with open_tree(volume) as tree:
        for file in files:
            at = first_difference(tree, file)
            if at is not None:
                raise StorageError(
                    f"{volume.name}: {quoted(file.path)} does not hold what was written to it, from byte {at} on; the "
                    "medium is faulty, or smaller than it says",
                    path=volume.path,
                )
            done += file.size
            meter.step(Phase.VERIFY_DATA, done, total)


def first_difference(tree: VolumeTree, file: MediumFile) -> int | None:
    """Return the first byte at which a file of a volume is another than it is to be; None when it is the same.

    A file that is not there is another from its first byte on.

    Raises:
        StorageError: when either cannot be read.
        InvalidVolume: when the volume is damaged there.
    """
    found = tree.find(file.path)
    if found is None or found.is_directory:
        return 0
    at = 0
    stored, wanted = _Pieces(tree.contents(found)), _Pieces(file.contents.pieces())
    while True:
        size = min(stored.left(), wanted.left())
        if size == 0:
            return None if stored.left() == wanted.left() else at
        have, want = stored.take(size), wanted.take(size)
        if have != want:
            return at + next(index for index, (one, other) in enumerate(zip(have, want, strict=True)) if one != other)
        at += size


class _Pieces:
    """Bytes that come in pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._taken = 0

    def left(self) -> int:
        """Return how many are at hand; 0 at the end."""
        while self._taken == len(self._held):
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held, self._taken = piece, 0
        return len(self._held) - self._taken

    def take(self, size: int) -> bytes:
        """Return so many of those at hand; of a whole piece, which is usual, the piece itself."""
        begin, self._taken = self._taken, self._taken + size
        return self._held if size == len(self._held) else self._held[begin : self._taken]
