"""The attributes of files, as Windows names them (FILE_ATTRIBUTE_* of ``<winnt.h>``)."""

from __future__ import annotations

from enum import IntFlag
from functools import lru_cache

__all__ = ["FileAttribute", "attribute_names"]


class FileAttribute(IntFlag):
    """Attributes of a file or directory."""

    READONLY = 0x00000001
    HIDDEN = 0x00000002
    SYSTEM = 0x00000004
    DIRECTORY = 0x00000010
    ARCHIVE = 0x00000020
    DEVICE = 0x00000040
    NORMAL = 0x00000080
    TEMPORARY = 0x00000100
    SPARSE_FILE = 0x00000200
    REPARSE_POINT = 0x00000400
    COMPRESSED = 0x00000800
    OFFLINE = 0x00001000
    NOT_CONTENT_INDEXED = 0x00002000
    ENCRYPTED = 0x00004000
    INTEGRITY_STREAM = 0x00008000
    VIRTUAL = 0x00010000
    NO_SCRUB_DATA = 0x00020000
    PINNED = 0x00080000
    UNPINNED = 0x00100000


# As attrib.exe and dir write them.
_LETTERS = {
    FileAttribute.DIRECTORY: "d",
    FileAttribute.REPARSE_POINT: "l",
    FileAttribute.READONLY: "r",
    FileAttribute.HIDDEN: "h",
    FileAttribute.SYSTEM: "s",
    FileAttribute.ARCHIVE: "a",
    FileAttribute.COMPRESSED: "c",
    FileAttribute.ENCRYPTED: "e",
    FileAttribute.SPARSE_FILE: "p",
}


# The files of an image, some hundred thousand, have a dozen combinations.
@lru_cache(maxsize=1024)
def attribute_names(attributes: int) -> tuple[str, ...]:
    """Return the names of attributes, lower case; bits without a name as one hexadecimal number."""
    names = tuple(flag.name.lower() for flag in FileAttribute if attributes & flag and flag.name is not None)
    rest = attributes & ~sum(FileAttribute)
    return (*names, hex(rest)) if rest else names


@lru_cache(maxsize=1024)
def attribute_letters(attributes: int) -> str:
    """Return one letter for each of the common attributes, ``-`` where it is not set."""
    return "".join(letter if attributes & flag else "-" for flag, letter in _LETTERS.items())
