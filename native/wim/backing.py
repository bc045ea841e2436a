"""A file that stands in for a WIM which has no name of its own, such as one that lies inside another file.

libwim opens names, and reads what is there.  So it gets a sparse file of the WIM's size, in which only what it reads is
filled in; holes would be zeros to it.  That nothing is forgotten, every call of a :class:`WimHandle` says what it reads
(:class:`Reads`), and says by default that it reads everything.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from osdimage.native.callbacks import Listener
from osdimage.native.status import WimlibError


class Reads(Enum):
    """What a call of libwim reads of WIMs that are open."""

    NOTHING = auto()
    """Nothing: the header, the blob table and the XML were read when they were opened."""
    TREE = auto()
    """The tree of an image, or those of all."""
    CONTENTS = auto()
    """Trees, and the contents of files."""


class Backing(Protocol):
    """Fills in what is read.

    Attributes:
        path: what libwim opens.
        name: what messages call the WIM.
    """

    path: Path
    name: str

    def provide_trees(self, image: int | None) -> None:
        """Fill in the tree of an image, or those of all.

        Raises:
            OSError: when it cannot be read or written.
        """

    def provide_contents(self, hashes: Container[bytes] | None, listener: Listener | None) -> None:
        """Fill in the contents with some SHA-1, or all; the listener is told how much is done.

        Raises:
            OSError: as :meth:`provide_trees`.
        """


@dataclass(slots=True)
class Backings:
    """What stands in for the WIMs that are read through a handle.

    Attributes:
        own: for the WIM of the handle, or None.
        referenced: for those that it refers to.
        exported: for those whose images were exported to it.
        only: the SHA-1 of the contents that are read for now; None for all.
    """

    own: Backing | None = None
    referenced: tuple[Backing, ...] = ()
    exported: tuple[Backing, ...] = ()
    only: Container[bytes] | None = None

    @property
    def all(self) -> tuple[Backing, ...]:
        """All of them."""
        return (*(() if self.own is None else (self.own,)), *self.referenced, *self.exported)

    def export(self, source: Backings) -> None:
        """Take those of a handle of which an image is exported to this one."""
        self.exported += tuple(each for each in source.all if each not in self.exported)

    def provide(self, reads: Reads, image: int | None, listener: Listener | None, *, with_references: bool) -> None:
        """Fill in what is read: of an image of the handle's own WIM or of all, and of contents those of all WIMs.

        Raises:
            OSError: when it cannot be read or written.
        """
        if reads is Reads.NOTHING:
            return
        if self.own is not None:
            self.own.provide_trees(image)
        if reads is Reads.CONTENTS:
            left_out = () if with_references else self.referenced
            for each in self.all:
                if each not in left_out:
                    each.provide_contents(self.only, listener)


def rename(error: WimlibError, backings: Sequence[Backing]) -> None:
    """Give WIMs in the messages of an error the names that users know."""
    for each in backings:
        error.messages = tuple(line.replace(str(each.path), each.name) for line in error.messages)
