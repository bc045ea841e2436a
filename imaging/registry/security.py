"""Security descriptors for hives that are made new.

Layout: MS-DTYP 2.4.6 SECURITY_DESCRIPTOR (self-relative), 2.4.5 ACL, 2.4.4.2 ACCESS_ALLOWED_ACE, 2.4.2.2 SID.
"""

from __future__ import annotations

import struct

KEY_ALL_ACCESS = 0xF003F
KEY_READ = 0x20019
_ADMINISTRATORS = (32, 544)
_SYSTEM = (18,)
_EVERYONE_IN_HIVES = 0x02
"""CONTAINER_INHERIT_ACE: keys below inherit the entry."""
_ACL_REVISION = 2
_SELF_RELATIVE_WITH_DACL = 0x8004
_HEADER_BYTES = 20


def _sid(subauthorities: tuple[int, ...]) -> bytes:
    count = len(subauthorities)
    return struct.pack(f"<BB6s{count}I", 1, count, b"\0\0\0\0\0\5", *subauthorities)


def _entry(mask: int, subauthorities: tuple[int, ...], flags: int) -> bytes:
    sid = _sid(subauthorities)
    return struct.pack("<BBHI", 0, flags, 8 + len(sid), mask) + sid


def descriptor(administrators: int, system: int = KEY_ALL_ACCESS, *, inherited: bool = False) -> bytes:
    """Return a descriptor owned by the Administrators that lets them and SYSTEM in, with these access masks."""
    flags = _EVERYONE_IN_HIVES if inherited else 0
    entries = _entry(administrators, _ADMINISTRATORS, flags) + _entry(system, _SYSTEM, flags)
    dacl = struct.pack("<BBHHH", _ACL_REVISION, 0, 8 + len(entries), 2, 0) + entries
    owner, group = _sid(_ADMINISTRATORS), _sid(_SYSTEM)
    at_owner = _HEADER_BYTES + len(dacl)
    at_group = at_owner + len(owner)
    head = struct.pack("<BBHIIII", 1, 0, _SELF_RELATIVE_WITH_DACL, at_owner, at_group, 0, _HEADER_BYTES)
    return head + dacl + owner + group
