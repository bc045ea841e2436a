"""What an image is compared with: a directory, or a volume in a file, a device or a partition of a disk.

Each kind of target says which classes of facts it has a place for, lists its files, and reads their streams.  Volumes
are read with code that writes none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.wim.entries import Entry

PROGRESS_EVERY = 2000

ScanProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class FoundStream:
    """A data stream in the target; ``source`` is for the target that listed it."""

    name: str | None
    size: int
    source: Any


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A name in the target, and the file that it leads to.  What the target has no place for is None.

    Attributes:
        path: from the root, separated by ``/``.
        what: "a directory", "a file", "a link" (of Linux), "a FIFO" or what else it is.
        identity: the same for all names of a file.
        links: how many names the file has.
        attributes: FILE_ATTRIBUTE_* of [MS-FSCC] 2.6.
        created, modified, accessed: in 100 ns since 1601.
        security_descriptor, short_name, object_id: as an image has them.
        reparse: the reparse buffer, with its header.
        link: what a symbolic link of Linux says.
        mode, owner, group, device: as Linux has them.
        streams: the data streams.
    """

    path: str
    what: str
    identity: int
    links: int
    modified: int | None
    attributes: int | None = 0
    created: int | None = 0
    accessed: int | None = 0
    security_descriptor: bytes | None = None
    short_name: str | None = None
    object_id: bytes | None = None
    reparse: bytes | None = None
    link: str | None = None
    streams: tuple[FoundStream, ...] = ()
    mode: int | None = None
    owner: int | None = None
    group: int | None = None
    device: int | None = None


class ComparedTarget(ABC):
    """Something that an image was applied to.

    Attributes:
        kind: what messages call it.
        filesystem: of a volume; None for a directory.
        holds: the classes of facts that it has a place for.
        attributes: the bits of FILE_ATTRIBUTE_* that it has a place for.
        names_by_itself: whether a file gets a short name when the image has none.
        takes_any_form: whether it is all one if Windows has compressed a file as a whole.
        notes: sentences about it.
    """

    kind: str
    filesystem: FileSystem | None
    holds: frozenset[Fidelity]
    attributes: int = 0xFFFFFFFF
    names_by_itself: bool = False
    takes_any_form: bool = False
    notes: tuple[str, ...] = ()

    @abstractmethod
    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name, the root first."""

    @abstractmethod
    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a stream; several threads may read at once."""

    @abstractmethod
    def position(self, stream: FoundStream) -> int:
        """Return a number by which streams are sorted, so that they are read in the order of the medium."""

    def keeps_reparse_point(self, tag: int) -> bool:
        """Tell whether reparse points of a kind have a place."""
        return tag > 0 and Fidelity.REPARSE_POINTS in self.holds

    def keeps_extended_attribute(self, name: bytes) -> bool:  # noqa: ARG002 - for those that keep some
        """Tell whether an extended attribute of this name has a place."""
        return False

    def extended_attributes(self, file: FoundFile) -> dict[bytes, bytes]:  # noqa: ARG002 - likewise
        """Return the extended attributes of a file by their names.

        Raises:
            StorageError: when they cannot be read.
        """
        return {}

    def leaves_out(self, entry: Entry) -> bool:  # noqa: ARG002 - for those that do
        """Tell whether a file of the image has no place at all; libwim lists nothing below such."""
        return False

    def nearest_time(self, kind: Fidelity, ticks: int) -> int:  # noqa: ARG002 - for those that round
        """Return what a time of the image becomes; both in 100 ns since 1601."""
        return ticks

    def spans_time(self, ticks: int) -> bool:  # noqa: ARG002 - likewise
        """Tell whether a time becomes the same but for rounding."""
        return True
