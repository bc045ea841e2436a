"""The files of a damaged volume: what can be read of it, and what cannot is passed over and told.

A folder whose index is whole tells the names of its files, also of those whose records are not; of contents, what is in
front of the first place that cannot be read is taken.  Nothing is guessed: no file is looked for that no folder has.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.browse.links import target_of
from osdimage.imaging.browse.tree import Found, VolumeTree
from osdimage.imaging.errors import InvalidVolume, StorageError
from osdimage.imaging.wim.extracted.recover import DamagedFile


class RecoveringTree(VolumeTree):
    """A volume that is read as far as it can be; it stays open as long as the tree that is given is.

    Paths that are named must be there and readable themselves.

    Attributes:
        name: what messages call the volume.
        notes: what is to be said of it, a sentence each.
    """

    def __init__(self, tree: VolumeTree) -> None:
        """Take what cannot be read out of a tree."""
        self.name: str = tree.name
        self.notes: tuple[str, ...] = tree.notes
        self._tree = tree
        self._damaged: dict[str, DamagedFile] = {}

    @property
    def damaged(self) -> tuple[DamagedFile, ...]:
        """What of all that was looked at could not be read, or not whole; a folder stands for all that is in it."""
        return tuple(self._damaged.values())

    def root(self) -> Found:
        """Return the root, which must be readable."""
        return self._tree.root()

    def children(self, folder: Found) -> list[Found]:
        """Return what of a directory can be read."""
        found, unreadable = self._tree.readable(folder)
        for path, error in unreadable:
            self._pass_over(path, error)
        return [each for each in found if self._is_sound(each)]

    def child(self, folder: Found, name: str) -> Found | None:
        """Return what has a name in a directory."""
        return self._tree.child(folder, name)

    def stored(self, found: Found, name: str | None) -> Iterator[bytes]:
        """Yield what a stream holds."""
        return self._tree.stored(found, name)

    def stored_bytes(self, found: Found) -> int:
        """Return how many bytes of the contents of a file are not in holes; all, where that cannot be read."""
        try:
            return self._tree.stored_bytes(found)
        except (InvalidVolume, StorageError):
            return found.size

    def contents(self, found: Found) -> Iterator[bytes]:
        """Yield the contents of a file, up to what cannot be read."""
        done = 0
        try:
            for piece in self._tree.contents(found):
                yield piece
                done += len(piece)
        except (InvalidVolume, StorageError) as error:
            self._pass_over(found.entry.path, error, size=found.size, done=done)

    def _is_sound(self, found: Found) -> bool:
        """Pass over a link that leads nowhere."""
        try:
            target_of(self.name, found)
        except InvalidVolume as error:
            self._pass_over(found.entry.path, error)
            return False
        return True

    def _pass_over(self, path: str, error: InvalidVolume | StorageError, *, size: int = 0, done: int = 0) -> None:
        fault = error.fault if isinstance(error, InvalidVolume) else str(error)
        self._damaged.setdefault(path, DamagedFile(path, size, max(0, size - done), f"cannot be read: {fault}"))
