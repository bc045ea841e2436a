"""The tag that begins every descriptor, with the checksums of both (ECMA-167, 3/7.2 and 4/7.2)."""

from __future__ import annotations

import binascii
import struct

TAG_BYTES = 16
_TAG = struct.Struct("<HHBBHHHI")
_CHECKSUM_AT = 4
_VERSIONS = (2, 3)


def fault_of(data: bytes, identifier: int, location: int | None, at: int = 0) -> str | None:
    """Tell what is wrong with a descriptor, or return None.

    Args:
        data: holds it.
        identifier: the kind that it has to be.
        location: the block that it has to be in, or None when it does not matter.
        at: where in ``data`` it begins.
    """
    if len(data) - at < TAG_BYTES:
        return "is cut off"
    found, version, checksum, _, _, crc, crc_bytes, where = _TAG.unpack_from(data, at)
    tag = data[at : at + TAG_BYTES]
    if sum(tag) - tag[_CHECKSUM_AT] & 0xFF != checksum or not any(tag):
        return "has no tag, or a wrong checksum"
    if found != identifier:
        return f"has a tag of kind {found} where {identifier} belongs"
    if version not in _VERSIONS:
        return f"has a tag of version {version}; known are 2 and 3"
    body = data[at + TAG_BYTES : at + TAG_BYTES + crc_bytes]
    # This CRC (polynomial 0x1021, from 0) is that of BinHex.
    if len(body) < crc_bytes or binascii.crc_hqx(body, 0) != crc:
        return "has a wrong CRC"
    if location is not None and where != location:
        return f"says to be in block {where}, and is in {location}"
    return None


def identifier_of(data: bytes) -> int | None:
    """Return the kind of descriptor that a tag with a right checksum tells, or None."""
    if len(data) < TAG_BYTES or not any(data[:TAG_BYTES]):
        return None
    if sum(data[:TAG_BYTES]) - data[_CHECKSUM_AT] & 0xFF != data[_CHECKSUM_AT]:
        return None
    return int.from_bytes(data[:2], "little")


def tagged(identifier: int, location: int, body: bytes) -> bytes:
    """Return a descriptor with its tag.

    Args:
        identifier: its kind.
        location: the block that it is in.
        body: all of it behind the tag.
    """
    tag = _TAG.pack(identifier, _VERSIONS[0], 0, 0, 0, binascii.crc_hqx(body, 0), len(body), location)
    return b"".join((tag[:_CHECKSUM_AT], bytes([sum(tag) & 0xFF]), tag[_CHECKSUM_AT + 1 :], body))
