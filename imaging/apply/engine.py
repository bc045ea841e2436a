"""Which code fills an NTFS volume or a directory, and why not the other one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import quoted


class Engine(StrEnum):
    """What fills an NTFS volume or a directory.

    A volume that was just formatted, or an empty directory, can be filled in one pass by all processors, in a third to
    a half of the time; everything else is written by libwim, to a volume through libntfs-3g.
    """

    AUTO = "auto"
    """The fast one where it can, else the other."""
    BULK = "bulk"
    """The fast one; where it cannot, the target is refused."""
    LIBNTFS = "libntfs"
    """libntfs-3g, by way of libwim, to volumes; libwim to directories."""
    LIBWIM = "libwim"
    """The same; a result has this for a directory and the other for a volume."""


LIBWIMS = frozenset({Engine.LIBNTFS, Engine.LIBWIM})
"""Those by which libwim is asked for: targets of both kinds can be filled at once."""


class Fallback(StrEnum):
    """Why libntfs-3g or libwim writes."""

    ASKED = "asked"
    NOT_NEW = "not-new"
    NOT_EMPTY = "not-empty"
    UNIX_DATA = "unix-data"
    KEPT = "kept"
    PIPABLE = "pipable"
    PIPED = "piped"
    ELSEWHERE = "elsewhere"
    DAMAGED_TREE = "damaged-tree"
    PERHAPS_TOO_SMALL = "perhaps-too-small"
    ENCRYPTED = "encrypted"
    REPARSE_TAG = "reparse-tag"
    REPARSE_SIZE = "reparse-size"
    LINK = "link"
    DESCRIPTOR = "descriptor"
    TWINS = "twins"
    SYSTEM_NAME = "system-name"
    OBJECT_ID = "object-id"
    MANY_NAMES = "many-names"
    LARGE_SPARSE = "large-sparse"


_TOLD = {
    Fallback.ASKED: "libwim or libntfs was asked for",
    Fallback.NOT_NEW: "the volume is not as it was formatted",
    Fallback.NOT_EMPTY: "the directory holds something",
    Fallback.UNIX_DATA: "what the image has of Unix is to be set too",
    Fallback.KEPT: "the volume cannot be made anew: something on it is kept, or mkntfs cannot make one like it",
    Fallback.PIPABLE: "the WIM is pipable",
    Fallback.PIPED: "the WIM comes through a pipe",
    Fallback.ELSEWHERE: "contents are not in the WIM",
    Fallback.DAMAGED_TREE: "the tree of the image is none that a target can have",
    Fallback.PERHAPS_TOO_SMALL: "whether it fits is known only when it is written",
    Fallback.ENCRYPTED: "a file is encrypted (EFS)",
    Fallback.REPARSE_TAG: "a reparse point has contents besides, or is not of Windows",
    Fallback.REPARSE_SIZE: "a reparse point has more data than NTFS allows",
    Fallback.LINK: "where a link leads is not known",
    Fallback.DESCRIPTOR: "a security descriptor is malformed",
    Fallback.TWINS: "two names of a folder, or of the streams of a file, are one to NTFS",
    Fallback.SYSTEM_NAME: "a file has the name of one of NTFS itself",
    Fallback.OBJECT_ID: "two files have one object id",
    Fallback.MANY_NAMES: "a file has more names or streams than its list of attributes can hold",
    Fallback.LARGE_SPARSE: "what is sparse or compressed is larger than is planned for",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why libntfs-3g or libwim writes.

    Attributes:
        code: the kind of reason.
        path: of a file in the image that is the reason, separated by ``/``, or None.
    """

    code: Fallback
    path: str | None = None

    def __str__(self) -> str:
        """Say it."""
        return _TOLD[self.code] if self.path is None else f"{_TOLD[self.code]}: {quoted(self.path)}"
