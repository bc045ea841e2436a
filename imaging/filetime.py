"""FILETIME, the time of Windows: units of 100 ns since the first moment of 1601 ([MS-DTYP] 2.3.3).

Elsewhere times are nanoseconds since 1970, as Linux has them, or ``datetime``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
UNIX_EPOCH = 116_444_736_000_000_000
"""The first moment of 1970, as a FILETIME."""
TICK_NS = 100
NOT_KNOWN_NS = -UNIX_EPOCH * TICK_NS
"""FILETIME 0 in nanoseconds since 1970: what Windows stores for a time that is not known."""


def from_ns(time_ns: int) -> int:
    """Return nanoseconds since 1970 as a FILETIME; what is finer than its unit is cut off."""
    return time_ns // TICK_NS + UNIX_EPOCH


def to_ns(filetime: int) -> int:
    """Return a FILETIME as nanoseconds since 1970."""
    return (filetime - UNIX_EPOCH) * TICK_NS


def from_datetime(moment: datetime) -> int:
    """Return a time with a zone as a FILETIME."""
    return (moment - FILETIME_EPOCH) // timedelta(microseconds=1) * 10


def to_datetime(filetime: int) -> datetime:
    """Return a FILETIME, to the microsecond.

    Raises:
        OverflowError: when it is beyond the year 9999.
    """
    return FILETIME_EPOCH + timedelta(microseconds=filetime // 10)
