"""Dates and times of FAT: from 1980 to 2107, in steps of two seconds, and in local time.

FAT stores what a clock on the wall showed and not in which zone it hung.  Windows takes its own zone when it reads.
osdimage writes and reads UTC unless it is told another zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1980, 2107


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as FAT stores it: date, time of day in steps of 2 s, and hundredths of a second from 0 to 199."""

    date: int
    time: int
    hundredths: int


NEVER = Stamp(0, 0, 0)
"""A time that was not recorded; allowed for creation and access."""
EARLIEST = Stamp(1 << 5 | 1, 0, 0)
_LATEST = Stamp((_LAST_YEAR - _FIRST_YEAR) << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29, 199)


class Clock:
    """Turns nanoseconds since 1970 into the time of one zone, and back."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        """Make a clock that hangs in a zone."""
        self._zone = zone
        self._known: dict[int, Stamp] = {}

    def stamp(self, time_ns: int) -> Stamp:
        """Return a time as FAT stores it, rounded down; what is out of range becomes the nearer end."""
        seconds, rest = divmod(time_ns, _NANOSECONDS)
        whole = self._known.get(seconds)
        if whole is None:
            whole = self._known[seconds] = self._whole(seconds)
        hundredths = rest // 10_000_000
        if not hundredths or whole is EARLIEST or whole is _LATEST:
            return whole
        return Stamp(whole.date, whole.time, whole.hundredths + hundredths)

    def holds(self, time_ns: int | None) -> bool:
        """Tell whether FAT can store a time; one that is not known counts as stored."""
        if time_ns is None:
            return True
        stamp = self.stamp(time_ns)
        return stamp is not EARLIEST and stamp is not _LATEST

    def _whole(self, seconds: int) -> Stamp:
        try:
            local = (_EPOCH + timedelta(seconds=seconds)).astimezone(self._zone)
        except OverflowError:
            return EARLIEST if seconds < 0 else _LATEST
        if local.year < _FIRST_YEAR:
            return EARLIEST
        if local.year > _LAST_YEAR:
            return _LATEST
        date = (local.year - _FIRST_YEAR) << 9 | local.month << 5 | local.day
        return Stamp(date, local.hour << 11 | local.minute << 5 | local.second >> 1, local.second % 2 * 100)

    def nanoseconds(self, stamp: Stamp) -> int | None:
        """Return nanoseconds since 1970, or None when nothing was recorded or the date does not exist."""
        try:
            local = datetime(
                _FIRST_YEAR + (stamp.date >> 9),
                stamp.date >> 5 & 15,
                stamp.date & 31,
                stamp.time >> 11,
                stamp.time >> 5 & 63,
                (stamp.time & 31) * 2,
                tzinfo=self._zone,
            )
        except ValueError:
            return None
        since = local - _EPOCH
        return (since.days * 86_400 + since.seconds) * _NANOSECONDS + stamp.hundredths * 10_000_000
