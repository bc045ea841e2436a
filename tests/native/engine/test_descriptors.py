"""Security descriptors of images: which are taken into a new volume."""

from __future__ import annotations

import struct

import pytest
from cases.ntfs_items import AUDITED, DENIED, EVERYONE, NOBODY, OPEN, ace, acl, descriptor
from osdimage.native._wimlib import lib


def is_sound(data: bytes) -> bool:
    return bool(lib.osd_descriptor_is_sound(data, len(data)))


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


# An entry for an object ([MS-DTYP] 2.4.4.3): a mask, flags, a GUID and a SID.
OF_AN_OBJECT = struct.pack("<BBHII16s", 5, 0, 28 + len(EVERYONE), 0x10, 1, bytes(16)) + EVERYONE
# [MS-DTYP] 2.4.6: without owner, group and lists.
EMPTY = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)


@pytest.mark.parametrize("data", [OPEN, NOBODY, DENIED, AUDITED, EMPTY, descriptor(EVERYONE, EVERYONE, None)])
def test_one_that_is_well_formed_is_taken(data: bytes) -> None:
    assert is_sound(data)


def test_entries_of_kinds_that_are_not_looked_into_are_taken() -> None:
    assert is_sound(descriptor(EVERYONE, EVERYONE, acl(OF_AN_OBJECT)))


_OWNER_AT, _DACL_AT = (int.from_bytes(OPEN[at : at + 4], "little") for at in (4, 16))
FALSE = {
    "nothing": b"",
    "cut off": OPEN[:-1],
    "another revision": changed(OPEN, 0, b"\2"),
    "absolute": changed(OPEN, 2, struct.pack("<H", 0x0004)),
    "owner behind the end": changed(OPEN, 4, struct.pack("<I", len(OPEN))),
    "owner in the head": changed(OPEN, 4, struct.pack("<I", 8)),
    "owner at an odd place": changed(OPEN, 4, struct.pack("<I", _OWNER_AT + 1)),
    "SID of 16 parts": changed(OPEN, _OWNER_AT + 1, b"\x10"),
    "list longer than what is there": changed(OPEN, _DACL_AT + 2, struct.pack("<H", 500)),
    "more entries than the list holds": changed(OPEN, _DACL_AT + 4, struct.pack("<H", 9)),
    "entry that leaves the list": changed(OPEN, _DACL_AT + 10, struct.pack("<H", 400)),
    "entry without a SID": descriptor(EVERYONE, EVERYONE, acl(ace(0, 0, 0, b""))),
}


@pytest.mark.parametrize("name", FALSE)
def test_one_that_is_malformed_is_not(name: str) -> None:
    assert not is_sound(FALSE[name])
