"""What the trees of a disc have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from osdimage.imaging.disc.facts import DiscExtent, DiscFile, TreeFacts
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.units import MIB

LARGEST_DIRECTORY = 64 * MIB
"""Bytes of a directory: more than a million names of UDF."""
MOST_ENTRIES = 1 << 19
"""Files of a directory."""
LONGEST_TARGET = 4096
"""Bytes of where a symbolic link leads, as Linux has them."""


class Tree(ABC):
    """The files of a disc, as one of its trees tells of them.

    Attributes:
        source: the disc.
        facts: about the tree.
        notes: sentences about what is odd.
    """

    source: DiscSource
    facts: TreeFacts
    notes: tuple[str, ...] = ()

    @abstractmethod
    def root(self) -> DiscFile:
        """Return the root.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """

    @abstractmethod
    def children(self, folder: DiscFile) -> list[DiscFile]:
        """Return what is in a directory, in the order of the disc.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """

    @abstractmethod
    def extents(self, file: DiscFile) -> tuple[DiscExtent, ...]:
        """Return where the contents of a file are; those beside each other are one.

        Raises:
            InvalidVolume, StorageError: as :meth:`root`.
        """


def joined(folder: DiscFile, name: str) -> str:
    """Return the path of what is in a directory."""
    return f"/{name}" if folder.path == "/" else f"{folder.path}/{name}"


def merged(extents: list[DiscExtent], size: int) -> tuple[DiscExtent, ...]:
    """Return the extents of a file of this size: without what is behind its end, and those beside each other as one."""
    found: list[DiscExtent] = []
    for each in extents:
        length = min(each.size, size)
        if not length:
            continue
        size -= length
        last = found[-1] if found else None
        if last is not None and _follows(last, each):
            found[-1] = DiscExtent(last.offset, last.size + length)
        else:
            found.append(DiscExtent(each.offset, length))
    return tuple(found)


def _follows(last: DiscExtent, each: DiscExtent) -> bool:
    if last.offset is None or each.offset is None:
        return last.offset is each.offset
    return last.offset + last.size == each.offset
