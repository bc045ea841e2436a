"""The records of a hive's file.

Source: "Windows registry file format specification", M. Suhanov (github.com/msuhanov/regf); the names of the fields are
those of Windows' own structures (HBASE_BLOCK, HBIN, CM_KEY_NODE, CM_KEY_VALUE, CM_KEY_SECURITY, CM_BIG_DATA).

Base block and bins are few and are read and built by the declarations.  Keys and values are hundreds of thousands: they
go through :mod:`struct` with the same fields in the same order, which :func:`layout` makes from the declarations.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import construct as c

# ---- declarations ----

BASE_BLOCK_STRUCT = c.Struct(
    "Signature" / c.Bytes(4),
    "Sequence1" / c.Int32ul,
    "Sequence2" / c.Int32ul,
    "TimeStamp" / c.Int64ul,
    "Major" / c.Int32ul,
    "Minor" / c.Int32ul,
    "Type" / c.Int32ul,
    "Format" / c.Int32ul,
    "RootCell" / c.Int32ul,
    "Length" / c.Int32ul,
    "Cluster" / c.Int32ul,
    "FileName" / c.Bytes(64),
    # RmId, LogId, Flags, TmId, GuidSignature, LastReorganizeTime, and what offreg.dll adds.
    "Reserved1" / c.Bytes(396),
    "CheckSum" / c.Int32ul,
    "Reserved2" / c.Bytes(3576),
    "BootType" / c.Int32ul,
    "BootRecover" / c.Int32ul,
)

BIN_STRUCT = c.Struct(
    "Signature" / c.Bytes(4),
    "FileOffset" / c.Int32ul,
    "Size" / c.Int32ul,
    "Reserved1" / c.Int64ul,
    "TimeStamp" / c.Int64ul,
    "Spare" / c.Int32ul,
)

KEY_STRUCT = c.Struct(
    "Signature" / c.Bytes(2),
    "Flags" / c.Int16ul,
    "LastWriteTime" / c.Int64ul,
    # Access bits, layered key bit fields, spare.
    "AccessBits" / c.Int32ul,
    "Parent" / c.Int32ul,
    "SubKeyCount" / c.Int32ul,
    "VolatileSubKeyCount" / c.Int32ul,
    "SubKeyList" / c.Int32ul,
    "VolatileSubKeyList" / c.Int32ul,
    "ValueCount" / c.Int32ul,
    "ValueList" / c.Int32ul,
    "Security" / c.Int32ul,
    "Class" / c.Int32ul,
    "MaxNameLen" / c.Int16ul,
    # Virtualization control flags, user flags, debug.
    "ControlFlags" / c.Int16ul,
    "MaxClassLen" / c.Int32ul,
    "MaxValueNameLen" / c.Int32ul,
    "MaxValueDataLen" / c.Int32ul,
    "WorkVar" / c.Int32ul,
    "NameLength" / c.Int16ul,
    "ClassLength" / c.Int16ul,
)

VALUE_STRUCT = c.Struct(
    "Signature" / c.Bytes(2),
    "NameLength" / c.Int16ul,
    "DataLength" / c.Int32ul,
    "Data" / c.Int32ul,
    "Type" / c.Int32ul,
    "Flags" / c.Int16ul,
    "Spare" / c.Int16ul,
)

SECURITY_STRUCT = c.Struct(
    "Signature" / c.Bytes(2),
    "Reserved" / c.Int16ul,
    "Flink" / c.Int32ul,
    "Blink" / c.Int32ul,
    "ReferenceCount" / c.Int32ul,
    "DescriptorLength" / c.Int32ul,
)

BIG_DATA_STRUCT = c.Struct("Signature" / c.Bytes(2), "Count" / c.Int16ul, "List" / c.Int32ul)

LIST_STRUCT = c.Struct("Signature" / c.Bytes(2), "Count" / c.Int16ul)


class KeyField(IntEnum):
    """The place of a field in the record of a key, in the order of the declaration."""

    FLAGS = 1
    TIME = 2
    ACCESS = 3
    PARENT = 4
    SUBKEYS = 5
    SUBKEY_LIST = 7
    VALUES = 9
    VALUE_LIST = 10
    SECURITY = 11
    CLASS = 12
    LONGEST_SUBKEY = 13
    CONTROL = 14
    LONGEST_CLASS = 15
    LONGEST_VALUE = 16
    MOST_DATA = 17
    NAME_BYTES = 19
    CLASS_BYTES = 20


KEY_POINTERS = {KeyField.SUBKEY_LIST: 28, KeyField.VALUE_LIST: 40, KeyField.SECURITY: 44, KeyField.CLASS: 48}
"""Where the record of a key has pointers to its cells, in bytes from its start."""

# ---- constants ----

BASE_BLOCK_BYTES = 4096
BIN_HEADER_BYTES = 32
BIN_STEP = 4096
CELL_STEP = 8
CHECKED_BYTES = 508
NOWHERE = 0xFFFFFFFF
NAME_BYTES = 64

KEY_HIVE_ENTRY = 0x0004
KEY_NO_DELETE = 0x0008
KEY_COMP_NAME = 0x0020
KEY_PREDEF_HANDLE = 0x0040
VALUE_COMP_NAME = 0x0001
VALUE_TOMBSTONE = 0x0002
INLINE = 0x80000000
"""In the length of data: they are in the offset's own four bytes."""

SEGMENT_BYTES = 16344
"""Data above this are a list of segments of this size, from version 1.4 on."""
BIG_DATA_MINOR = 4
HASH_LEAF_MINOR = 5
LEAF_ENTRIES = 507
"""Entries of a leaf that fits a bin of one page; more subkeys take an index root (ri) above several leaves."""

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def layout(declaration: c.Struct) -> struct.Struct:
    """Return the format of :mod:`struct` for a declaration of little-endian integers and bytes."""
    codes = ""
    for field in declaration.subcons:
        size = field.sizeof()
        codes += f"{size}s" if isinstance(field.subcon, c.Bytes) else _CODES[size]
    return struct.Struct("<" + codes)


KEY = layout(KEY_STRUCT)
VALUE = layout(VALUE_STRUCT)
SECURITY = layout(SECURITY_STRUCT)
BIG_DATA = layout(BIG_DATA_STRUCT)
LIST = layout(LIST_STRUCT)


def checksum(block: bytes) -> int:
    """Return the checksum of a base block: XOR of its first 508 bytes, never 0 and never 0xFFFFFFFF."""
    total = 0
    for (word,) in struct.iter_unpack("<I", block[:CHECKED_BYTES]):
        total ^= word
    return {0: 1, NOWHERE: NOWHERE - 1}.get(total, total)
