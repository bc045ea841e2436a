"""The types of attributes, and what each may be, as ``$AttrDef`` of a volume has it, too (ATTR_TYPES, ATTR_DEF)."""

from __future__ import annotations

from typing import NamedTuple

STANDARD_INFORMATION = 0x10
ATTRIBUTE_LIST = 0x20
FILE_NAME = 0x30
OBJECT_ID = 0x40
SECURITY_DESCRIPTOR = 0x50
VOLUME_NAME = 0x60
VOLUME_INFORMATION = 0x70
DATA = 0x80
INDEX_ROOT = 0x90
INDEX_ALLOCATION = 0xA0
BITMAP = 0xB0
REPARSE_POINT = 0xC0
EA_INFORMATION = 0xD0
EA = 0xE0
LOGGED_UTILITY_STREAM = 0x100
END = 0xFFFFFFFF

COMPRESSED, ENCRYPTED, SPARSE = 0x00FF, 0x4000, 0x8000
# Of the methods of compression there is one.
KNOWN_FLAGS = 0x0001 | ENCRYPTED | SPARSE

FILE_NAME_HEAD = 66
"""Bytes of a $FILE_NAME before the name."""


class Definition(NamedTuple):
    """What an attribute of a type may be.

    Attributes:
        label: the name of the type.
        least: bytes of its value.
        most: bytes of its value.
        is_resident: whether it must lie in its record (True), in clusters (False), or may do both (None).
    """

    label: str
    least: int
    most: int
    is_resident: bool | None


# AttrDef has -1 where there is no limit but that of the file system.
_MOST = (1 << 63) - 1
_IN_RECORD, _IN_CLUSTERS, _ANYWHERE = True, False, None
# A volume without a label may have an empty $VOLUME_NAME, which $AttrDef does not allow.
DEFINITIONS = {
    STANDARD_INFORMATION: Definition("$STANDARD_INFORMATION", 48, 72, _IN_RECORD),
    ATTRIBUTE_LIST: Definition("$ATTRIBUTE_LIST", 0, _MOST, _ANYWHERE),
    FILE_NAME: Definition("$FILE_NAME", 68, 578, _IN_RECORD),
    OBJECT_ID: Definition("$OBJECT_ID", 0, 256, _IN_RECORD),
    SECURITY_DESCRIPTOR: Definition("$SECURITY_DESCRIPTOR", 0, _MOST, _ANYWHERE),
    VOLUME_NAME: Definition("$VOLUME_NAME", 0, 256, _IN_RECORD),
    VOLUME_INFORMATION: Definition("$VOLUME_INFORMATION", 12, 12, _IN_RECORD),
    DATA: Definition("$DATA", 0, _MOST, _ANYWHERE),
    INDEX_ROOT: Definition("$INDEX_ROOT", 0, _MOST, _IN_RECORD),
    INDEX_ALLOCATION: Definition("$INDEX_ALLOCATION", 0, _MOST, _IN_CLUSTERS),
    BITMAP: Definition("$BITMAP", 0, _MOST, _ANYWHERE),
    REPARSE_POINT: Definition("$REPARSE_POINT", 0, 16384, _ANYWHERE),
    EA_INFORMATION: Definition("$EA_INFORMATION", 8, 8, _IN_RECORD),
    EA: Definition("$EA", 0, 65536, _ANYWHERE),
    LOGGED_UTILITY_STREAM: Definition("$LOGGED_UTILITY_STREAM", 0, 65536, _ANYWHERE),
}


class Attribute(NamedTuple):
    """An attribute, or a part of one (ATTR_RECORD).  A tuple, because a volume has some million.

    Attributes:
        kind: its type.
        name: its name, UTF-16, empty for most.
        instance: its number within the record.
        flags: whether its data is compressed, encrypted, sparse.
        holder: the record that it was found in.
        value: its value, or None when that lies in clusters; the rest then says where.
        first: the first cluster, counted from the begin of the value, that this part describes.
        last: the last one.
        unit_log: how many clusters are compressed together, as a power of two, or 0.
        allocated: bytes of the clusters of all parts, holes too; in the first part only, like the next ones.
        size: bytes of the value.
        initialized: bytes that were ever written.
        stored: bytes of the clusters without holes, where it is sparse or compressed, or None.
        runs: cluster and number of clusters of each run, a hole at -1; None when they are damaged.
    """

    kind: int
    name: bytes
    instance: int
    flags: int
    holder: int
    value: bytes | None
    first: int = 0
    last: int = -1
    unit_log: int = 0
    allocated: int = 0
    size: int = 0
    initialized: int = 0
    stored: int | None = None
    runs: tuple[tuple[int, int], ...] | None = ()


class Record(NamedTuple):
    """A record that is in use (MFT_RECORD).

    Attributes:
        number: its place in the MFT.
        sequence: how often the place was used.
        links: how many names it counts.
        flags: MFT_RECORD_FLAGS.
        base: the reference of the record that this one continues, or 0.
        attributes: in the order of the record.
        is_whole: whether all of them could be read.
    """

    number: int
    sequence: int
    links: int
    flags: int
    base: int
    attributes: list[Attribute]
    is_whole: bool

    @property
    def reference(self) -> int:
        """Its number and its sequence, as others refer to it."""
        return self.number | self.sequence << 48

    @property
    def is_directory(self) -> bool:
        """Whether it is marked as one."""
        return bool(self.flags & IS_DIRECTORY)


IN_USE, IS_DIRECTORY, IS_EXTENSION, IS_VIEW = 0x0001, 0x0002, 0x0004, 0x0008
KNOWN_RECORD_FLAGS = IN_USE | IS_DIRECTORY | IS_EXTENSION | IS_VIEW
NUMBER = (1 << 48) - 1
"""The part of a reference that is the number of the record."""


def text_of(name: bytes) -> str:
    """Return a name as text; what is no valid UTF-16 is kept."""
    return name.decode("utf-16-le", "surrogatepass")


def label_of(kind: int, name: bytes = b"") -> str:
    """Return what messages call an attribute."""
    definition = DEFINITIONS.get(kind)
    label = f"attribute {kind:#x}" if definition is None else definition.label
    return f"{label}:{text_of(name)}" if name else label
