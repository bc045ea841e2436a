"""What is known of a disc and of its files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class TreeKind(StrEnum):
    """A way to describe the files of a disc; a disc may have several.  The order is that of choice."""

    UDF = "udf"
    ROCK_RIDGE = "rock-ridge"
    JOLIET = "joliet"
    ISO_9660 = "iso9660"

    @property
    def called(self) -> str:
        """Its name, as people write it."""
        return _CALLED[self]


_CALLED = {
    TreeKind.UDF: "UDF",
    TreeKind.ROCK_RIDGE: "ISO 9660 with Rock Ridge",
    TreeKind.JOLIET: "Joliet",
    TreeKind.ISO_9660: "ISO 9660",
}


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """A tree of files of a disc.

    Attributes:
        kind: how it is described.
        revision: that of UDF, such as ``"1.02"``; None for the others.
        label: of the volume, ``""`` when it has none.
        block_bytes: the unit of its addresses.
        end: the byte where the volume says to end.
    """

    kind: TreeKind
    revision: str | None
    label: str
    block_bytes: int
    end: int

    @property
    def called(self) -> str:
        """Its name, with the revision."""
        return self.kind.called if self.revision is None else f"{self.kind.called} {self.revision}"


class FileKind(Enum):
    """What a file is."""

    DIRECTORY = auto()
    FILE = auto()
    LINK = auto()
    SPECIAL = auto()


@dataclass(frozen=True, slots=True)
class DiscExtent:
    """A stretch of the contents of a file.

    Attributes:
        offset: the byte of the disc's file where it begins, or None for zeros that the disc does not hold.
        size: in bytes.
    """

    offset: int | None
    size: int


@dataclass(frozen=True, slots=True)
class UnixFacts:
    """What Rock Ridge keeps of a file of Unix.

    Attributes:
        mode: kind and permissions, as ``st_mode`` has them.
        uid: of the owner.
        gid: of the group.
        links: how many names it had.
        device: the number of a device, as ``st_rdev`` has it; None for all else.
    """

    mode: int
    uid: int
    gid: int
    links: int
    device: int | None


@dataclass(frozen=True, slots=True)
class DiscFile:
    """A file or directory of a disc.

    Attributes:
        path: names as they are recorded, with ``/`` before each; ``"/"`` is the root.
        name: as it is recorded, ``""`` of the root.  A hostile one holds a ``/``: do not take it out of the path.
        kind: what it is.
        size: of the contents in bytes; 0 of what is no file.
        created_ns: nanoseconds since 1970, or None when it is not known.
        modified_ns: the same of the last change.
        accessed_ns: the same of the last reading.
        is_hidden: whether it is recorded as hidden.
        target: where a symbolic link leads, as Unix writes it; None for all else.
        unix: what Rock Ridge keeps of it, or None.
        links: how many names UDF says that it has; 1 elsewhere.
        place: the byte of the disc's file where it is described: two names of one file or directory have the same.
        recorded: where its contents are, when the tree tells that beside the name; ask :meth:`Disc.extents`.
        unreadable: why its contents cannot be read, or None.
    """

    path: str
    name: str
    kind: FileKind
    size: int
    created_ns: int | None
    modified_ns: int | None
    accessed_ns: int | None
    is_hidden: bool
    place: int
    target: str | None = None
    unix: UnixFacts | None = None
    links: int = 1
    recorded: tuple[DiscExtent, ...] | None = None
    unreadable: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is one."""
        return self.kind is FileKind.DIRECTORY
