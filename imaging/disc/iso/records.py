"""Directory records of ISO 9660 (ECMA-119, 9.1).

There is one for every file of a listing, or several; they are unpacked by ``struct`` for that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Length, blocks of extended attributes, extent, size, date, flags, unit and gap of what is interleaved, disc of a set,
# length of the name.  Of numbers in both orders of bytes the little-endian ones are read, as everybody does.
_RECORD = struct.Struct("<BBI4xI4x7sBBBH2xB")
RECORD_BYTES = _RECORD.size
HIDDEN, DIRECTORY, ASSOCIATED, GOES_ON = 1, 2, 4, 0x80
HERE, ABOVE = b"\0", b"\1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """A directory record.

    Attributes:
        at: the byte of the disc where it begins.
        extent: the first block of the contents.
        size: of the contents in bytes.
        modified: seven bytes with a time.
        flags: what it is.
        is_interleaved: whether others have blocks between its own.
        volume_number: the disc of a set that has the contents.
        name: as it is recorded.
        system_use: what is behind the name.
    """

    at: int
    extent: int
    size: int
    modified: bytes
    flags: int
    is_interleaved: bool
    volume_number: int
    name: bytes
    system_use: bytes


def parse_record(data: bytes, at: int, place: int) -> Record | None:
    """Return a record, or None when it is none.

    Args:
        data: holds it.
        at: where in ``data``.
        place: the byte of the disc where that is.
    """
    length = data[at]
    if length < RECORD_BYTES or at + length > len(data):
        return None
    _, attributes, extent, size, modified, flags, unit, gap, volume, name_bytes = _RECORD.unpack_from(data, at)
    begin = at + RECORD_BYTES
    end = begin + name_bytes
    if not name_bytes or end > at + length:
        return None
    # A byte fills up to an even number.
    return Record(
        at=place,
        extent=extent + attributes,
        size=size,
        modified=modified,
        flags=flags,
        is_interleaved=bool(unit or gap),
        volume_number=volume,
        name=data[begin:end],
        system_use=data[end + (name_bytes + 1) % 2 : at + length],
    )


def records_of(data: bytes, place: int, block_bytes: int) -> Iterator[Record | None]:
    """Yield the records of a directory; None stands for the first that is none, and is the last.

    Args:
        data: the directory.
        place: the byte of the disc where it begins.
        block_bytes: no record reaches across blocks of this size; zeros fill them.
    """
    at = 0
    while at < len(data):
        if not data[at]:
            at = (at // block_bytes + 1) * block_bytes
            continue
        found = parse_record(data, at, place + at)
        yield found
        if found is None:
            return
        at += data[at]


def nanoseconds(stamp: bytes) -> int | None:
    """Return a time of seven or of seventeen bytes in nanoseconds since 1970, or None when there is no such time.

    The long form has digits (ECMA-119, 8.4.26.1).  The last byte of both is the zone, in units of 15 minutes.
    """
    zone = int.from_bytes(stamp[-1:], "little", signed=True)
    if len(stamp) == _SHORT_BYTES:
        year, month, day, hour, minute, second = 1900 + stamp[0], *stamp[1:6]
        hundredths = 0
    else:
        try:
            parts = [int(stamp[begin:end]) for begin, end in _DIGITS]
        except ValueError:
            return None
        year, month, day, hour, minute, second, hundredths = parts
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH - timedelta(minutes=15 * zone)
    except ValueError:
        return None
    return (moment // timedelta(seconds=1) * 100 + hundredths) * 10_000_000


_SHORT_BYTES = 7
_DIGITS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 16))
