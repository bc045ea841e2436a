"""Characters and times of UDF (OSTA UDF 2.1.1, 2.1.3; ECMA-167, 1/7.2 and 1/7.3)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

_LATIN, _WIDE = 8, 16
# What is deleted, since UDF 2.00; the rest of the number is a checksum.
_UNUSED = (254, 255)
_TIMESTAMP = struct.Struct("<HhBBBBBBBB")
_NO_ZONE = -2047
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def characters(data: bytes) -> str | None:
    """Return the text of compressed Unicode, or None when it is none; half a surrogate pair is kept."""
    if not data:
        return ""
    kind, rest = data[0], data[1:]
    if kind == _LATIN:
        return rest.decode("latin-1")
    if kind == _WIDE and len(rest) % 2 == 0:
        return rest.decode("utf-16-be", "surrogatepass")
    return "" if kind in _UNUSED else None


def dstring(field: bytes) -> str:
    """Return the text of a field of fixed size, whose last byte is the length; what is damaged is empty."""
    if field[-1] >= len(field):
        return ""
    return (characters(field[: field[-1]]) or "").rstrip("\0")


def nanoseconds(stamp: bytes) -> int | None:
    """Return a timestamp of 12 bytes in nanoseconds since 1970, or None when there is no such time.

    A time without a zone is taken for one of UTC.
    """
    kind_and_zone, year, month, day, hour, minute, second, hundredths, hundreds_us, us = _TIMESTAMP.unpack(stamp)
    zone = (kind_and_zone & 0xFFF ^ 0x800) - 0x800
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    except ValueError:
        return None
    if zone != _NO_ZONE:
        moment -= timedelta(minutes=zone)
    whole = moment // timedelta(seconds=1)
    return whole * 1_000_000_000 + int(hundredths) * 10_000_000 + int(hundreds_us) * 100_000 + int(us) * 1000


# ---- the other way ----

LONGEST_NAME = 255
"""Bytes of a name as it is recorded, the first of which says how."""
_UTC = 0x1000


def compressed(text: str) -> bytes | None:
    """Return a text as compressed Unicode, half a surrogate pair as it is; None when it is too long for a name."""
    try:
        data = bytes([_LATIN]) + text.encode("latin-1")
    except UnicodeEncodeError:
        data = bytes([_WIDE]) + text.encode("utf-16-be", "surrogatepass")
    return data if len(data) <= LONGEST_NAME else None


def dstring_of(text: str, size: int) -> bytes:
    """Return a text as a field of fixed size; what does not fit is cut off, and an empty one is zeros."""
    if not text:
        return bytes(size)
    data = compressed(text[: size - 2]) or b""
    data = data[: size - 1]
    if data[0] == _WIDE and len(data) % 2 == 0:
        data = data[:-1]
    return data.ljust(size - 1, b"\0") + bytes([len(data)])


def timestamp(moment_ns: int) -> bytes | None:
    """Return nanoseconds since 1970 as a timestamp in UTC of 12 bytes; None before 1970 and after 9999."""
    if moment_ns < 0:
        return None
    seconds, rest = divmod(moment_ns, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    us = rest // 1000
    parts = (us // 10_000, us // 100 % 100, us % 100)
    return _TIMESTAMP.pack(
        _UTC, moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, *parts
    )
