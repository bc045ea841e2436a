"""How many blocks a disc takes, told file by file: which disc of a set a package fits on is asked many times.

What ``disc/written/plan.py`` lays out at once is counted here as it grows, to the block, and taken back.
"""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.disc.udf.text import compressed
from osdimage.imaging.disc.written.plan import (
    BLOCK_BYTES,
    FIRST_ENTRY,
    PARTITION_AT,
    blocks_of,
    name_bytes,
)
from osdimage.imaging.errors import InvalidInput, quoted


class DiscRoom:
    """The room that the files of a disc take.

    Attributes:
        blocks: of the partition.
    """

    def __init__(self) -> None:
        """Begin with the root, in which nothing is."""
        self._folders: dict[str, int] = {"": name_bytes(b"")}
        # The file set, the file entry of the root, and its directory.
        self.blocks = FIRST_ENTRY + 1 + 1

    @property
    def size(self) -> int:
        """Of the disc in bytes, with what is before and behind its partition."""
        return (PARTITION_AT + self.blocks + 1) * BLOCK_BYTES

    def add(self, files: Iterable[tuple[str, int]]) -> Taken:
        """Count files, each a path that is not there and a size in bytes; what is returned takes them back.

        Raises:
            InvalidInput: when a disc cannot have a name.
        """
        taken = Taken(self, self.blocks)
        for path, size in files:
            above, _, name = path.rpartition("/")
            self._need(above, taken)
            self._name(above.lower(), name, taken)
            self.blocks += blocks_of(size)
        return taken

    def _need(self, folder: str, taken: Taken) -> None:
        """Count a directory that is not there yet, and those above it."""
        key = folder.lower()
        if key in self._folders:
            return
        above, _, name = folder.rpartition("/")
        self._need(above, taken)
        self._name(above.lower(), name, taken)
        taken.remember(key, None)
        self._folders[key] = name_bytes(b"")
        self.blocks += 1

    def _name(self, folder: str, name: str, taken: Taken) -> None:
        """Count a name in a directory, and the file entry of what has it."""
        recorded = compressed(name)
        if recorded is None:
            raise InvalidInput(f"the name {quoted(name[:60])} is too long for UDF")
        old = self._folders[folder]
        taken.remember(folder, old)
        self._folders[folder] = new = old + name_bytes(recorded)
        self.blocks += 1 + blocks_of(new) - blocks_of(old)

    def restore(self, folders: dict[str, int | None], blocks: int) -> None:
        """Take back what was counted; for :class:`Taken`."""
        for key, old in folders.items():
            if old is None:
                del self._folders[key]
            else:
                self._folders[key] = old
        self.blocks = blocks


class Taken:
    """What was counted last, which can be taken back as long as nothing else was."""

    def __init__(self, room: DiscRoom, blocks: int) -> None:
        """Remember how it was."""
        self._room = room
        self._blocks = blocks
        self._folders: dict[str, int | None] = {}

    def remember(self, folder: str, old: int | None) -> None:
        """Remember how many bytes of names a directory had, None when it was not there, before it was changed."""
        self._folders.setdefault(folder, old)

    def back(self) -> None:
        """Make the room as it was."""
        self._room.restore(self._folders, self._blocks)
