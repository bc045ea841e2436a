"""Security descriptors: whether their bytes are well-formed ([MS-DTYP] 2.4.2 to 2.4.6, self-relative)."""

from __future__ import annotations

import struct

_HEAD = struct.Struct("<BBHIIII")
_SELF_RELATIVE, _HAS_DACL, _HAS_SACL = 0x8000, 0x0004, 0x0010
_MOST_AUTHORITIES = 15
_ACL = struct.Struct("<BBHHH")
_ACE = struct.Struct("<BBH")
_ACL_REVISIONS = (2, 4)
# Of these the SID begins behind the mask; others have GUIDs or conditions there.
_PLAIN_ACES = range(4)


def descriptor_fault(descriptor: bytes) -> str | None:
    """Return what keeps bytes from being a security descriptor, or None."""
    if len(descriptor) < _HEAD.size:
        return f"{len(descriptor)} bytes"
    revision, _, control, owner, group, sacl, dacl = _HEAD.unpack_from(descriptor)
    if revision != 1 or not control & _SELF_RELATIVE:
        return f"revision {revision}, control {control:#x}"
    for what, at in (("owner", owner), ("group", group)):
        fault = _sid_fault(descriptor, at, len(descriptor)) if at else None
        if fault is not None:
            return f"its {what} {fault}"
    for what, at, is_there in (("SACL", sacl, control & _HAS_SACL), ("DACL", dacl, control & _HAS_DACL)):
        fault = _acl_fault(descriptor, at) if at and is_there else None
        if fault is not None:
            return f"its {what} {fault}"
    return None


def _sid_fault(data: bytes, at: int, end: int) -> str | None:
    if at < 0 or at + 8 > end:
        return "leaves it"
    if data[at] != 1 or data[at + 1] > _MOST_AUTHORITIES:
        return f"is of revision {data[at]} and has {data[at + 1]} parts"
    return "leaves it" if at + 8 + 4 * data[at + 1] > end else None


def _acl_fault(data: bytes, at: int) -> str | None:
    if at < _HEAD.size or at + _ACL.size > len(data):
        return "leaves it"
    revision, _, size, count, _ = _ACL.unpack_from(data, at)
    end = at + size
    if revision not in _ACL_REVISIONS:
        return f"is of revision {revision}"
    if size < _ACL.size or end > len(data):
        return "leaves it"
    at += _ACL.size
    for number in range(1, count + 1):
        if at + _ACE.size > end:
            return f"has no room for its entry {number} of {count}"
        kind, _, length = _ACE.unpack_from(data, at)
        if length < _ACE.size or length % 4 or at + length > end:
            return f"has an entry {number} of {length} bytes"
        if kind in _PLAIN_ACES and _sid_fault(data, at + 8, at + length) is not None:
            return f"has an entry {number} for nobody"
        at += length
    return None
