"""A hive that Windows did not close, and its transaction logs -> the hive as it was meant.

Windows 8.1 and later write a change into a log, and into the hive itself up to an hour later: of a machine that was not
shut down, as in a snapshot, the newest of the registry is in the logs.  Here they are carried out in memory, by the
rules of "Windows registry file format specification", M. Suhanov, "Dirty state of a hive" and "Multiple transaction log
files", in which Windows carries them out when it loads such a hive.  A hive that was closed ignores its logs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key, reduce

from osdimage.imaging.registry import cells
from osdimage.imaging.registry.hive_log import (
    SECTOR,
    BaseFacts,
    BrokenEntry,
    Entry,
    LogFile,
    Page,
    base_of,
    dirty_pages,
    entries,
    is_later,
    last_number,
    next_number,
)
from osdimage.imaging.units import MIB, align_up

MOST_HIVE_BYTES = 1024 * MIB
"""What a hive has at most after its logs were carried out."""

_BASE = cells.BASE_BLOCK_BYTES
_SEQUENCE_AT, _TYPE_AT, _BINS_AT, _FLAGS_AT, _CHECKSUM_AT = 4, 28, 40, 144, 508
_BIN = struct.Struct("<4sII")
_TIME_OF_BIN_AT = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """Which changes of logs are in a hive.

    Attributes:
        logs: the names of the logs, in the order in which they were carried out.
        first_entry, last_entry: the numbers of the first and the last entry; None in the old format.
        pages: how many pages were written.
    """

    logs: tuple[str, ...]
    first_entry: int | None
    last_entry: int | None
    pages: int

    def __str__(self) -> str:
        """Say it for people: ``with the last changes from SYSTEM.LOG1, LOG2 (entries 3 to 5)``."""
        first, *others = self.logs
        short = [each.rpartition(".")[2] for each in others]
        if self.first_entry is None:
            what = f"{self.pages} pages"
        elif self.first_entry == self.last_entry:
            what = f"entry {self.first_entry}"
        else:
            what = f"entries {self.first_entry} to {self.last_entry}"
        return f"with the last changes from {', '.join([first, *short])} ({what})"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of the logs of a hive that was not closed.

    Attributes:
        data: the hive with their changes; as it was when none fits.
        done: which those are, or None when no log fits.
        newest: the latest sequence number of the hive and of all its logs; what is written next needs a later one, or
            Windows could take what an old log holds for newer.
        missing: why changes are missing that Windows would need; None when none are.  Without ``done``, what is to be
            said of the logs.
        left_out: what was left out as Windows leaves it out: an entry that was not yet written to its end.
    """

    data: bytes
    done: Replayed | None
    newest: int
    missing: str | None = None
    left_out: tuple[str, ...] = ()


def is_unclosed(data: bytes) -> bool:
    """Tell whether bytes are a hive that was not closed: its base block is damaged, or was being written."""
    base = base_of(data)
    return base is not None and not base.is_settled


def replay(data: bytes, logs: Sequence[LogFile]) -> Replay:
    """Carry out the logs of a hive that was not closed; nothing raises, whatever is in them.

    Time and memory are bounded by the sizes of the files.

    Args:
        data: the hive.
        logs: those beside it, ``.LOG1`` and ``.LOG2`` first.
    """
    return _Replaying(data, logs).run()


def unused(found: Replay, data: bytes) -> Replay:
    """Return what came of logs whose changes are not wanted: the hive as it is."""
    return Replay(data, None, found.newest, "which were left alone")


@dataclass(frozen=True, slots=True)
class _Log:
    name: str
    data: bytes
    base: BaseFacts


@dataclass(slots=True)
class _Result:
    """What has been done until now; ``names`` are those of the logs."""

    names: list[str] = field(default_factory=list)
    first: int | None = None
    last: int | None = None
    pages: int = 0
    left_out: list[str] = field(default_factory=list)

    def done(self) -> Replayed | None:
        return Replayed(tuple(self.names), self.first, self.last, self.pages) if self.names else None


class _Replaying:
    def __init__(self, data: bytes, logs: Sequence[LogFile]) -> None:
        self._old = data
        self._base = base_of(data)
        self._reasons: list[str] = []
        self._logs = list(self._sound(logs))
        room = len(data) + sum(len(each.data) for each in logs)
        self._most_bins = min(room, MOST_HIVE_BYTES - _BASE) // cells.BIN_STEP * cells.BIN_STEP
        self._hive = bytearray()
        self._result = _Result()

    def run(self) -> Replay:
        base = self._base
        if base is None or len(self._old) < _BASE:
            return Replay(self._old, None, 0, "and it has less than 4 KiB")
        newest = self._newest(base)
        self._hive = bytearray(self._old)
        missing = None
        if self._carry_out_new(base):
            missing = self._gap(base)
        elif not self._carry_out_old(base):
            why = f"of which none fits: {'; '.join(self._reasons)}" if self._reasons else "which are not there"
            return Replay(self._old, None, newest, why)
        else:
            missing = self._reasons[-1] if self._reasons else None
        last = self._result.last
        self._finish(newest if last is None else last)
        return Replay(bytes(self._hive), self._result.done(), newest, missing, tuple(self._result.left_out))

    # ---- which logs there are

    def _sound(self, logs: Iterable[LogFile]) -> Iterator[_Log]:
        for each in logs:
            base = base_of(each.data)
            if each.fault is not None:
                self._reasons.append(f"{each.name} cannot be read: {each.fault}")
            elif not each.data:
                self._reasons.append(f"{each.name} is empty")
            elif base is None or not base.is_settled or not (base.is_old_log or base.is_new_log):
                self._reasons.append(f"{each.name} is damaged, or no log")
            else:
                yield _Log(each.name, each.data, base)

    def _newest(self, base: BaseFacts) -> int:
        """Return the latest sequence number; what a damaged base block says is believed of nobody."""
        numbers = [base.first, base.second] if base.is_sound else []
        numbers += [
            last_number(each.data, each.base) if each.base.is_new_log else each.base.first for each in self._logs
        ]
        return reduce(lambda one, other: other if is_later(other, one) else one, numbers, numbers[0] if numbers else 0)

    # ---- the new format

    def _carry_out_new(self, base: BaseFacts) -> bool:
        """Carry out the entries that fit; return whether there were any."""
        logs = sorted((each for each in self._logs if each.base.is_new_log), key=cmp_to_key(_order))
        logs = _both_or_one(logs)
        if base.is_sound:
            fitting = [each for each in logs if not is_later(base.second, each.base.first)]
            self._reasons += [f"{each.name} has only older changes" for each in logs if each not in fitting]
        else:
            # So Windows does it: the base block comes from there, and with it what came before must be in the hive.
            fitting = logs[-1:]
        result = self._result
        for log in fitting:
            if result.last is not None and log.base.first != next_number(result.last):
                if is_later(log.base.first, result.last):
                    result.left_out.append(
                        f"{log.name} begins with entry {log.base.first}; the one before it ends with {result.last}"
                    )
                continue
            self._carry_out_entries(log, takes_base=not base.is_sound)
        return bool(result.names)

    def _carry_out_entries(self, log: _Log, *, takes_base: bool) -> None:
        result = self._result
        try:
            for entry in entries(log.data, log.base, most_bins=self._most_bins):
                if log.name not in result.names:
                    result.names.append(log.name)
                    if takes_base:
                        self._hive[:SECTOR] = log.data[:SECTOR]
                self._carry_out_entry(entry)
                result.first = entry.number if result.first is None else result.first
                result.last = entry.number
        except BrokenEntry as error:
            text = f"{log.name}: {error}"
            if log.name in result.names:
                result.left_out.append(f"{text}; it and what follows are left out, as Windows does")
            else:
                self._reasons.append(text)
        if log.name not in result.names and not self._reasons:
            self._reasons.append(f"{log.name} has no entry {log.base.first}, with which it begins")

    def _carry_out_entry(self, entry: Entry) -> None:
        for page in entry.pages():
            self._write(page)
            self._result.pages += 1
        flags = self._hive[_FLAGS_AT]
        self._hive[_FLAGS_AT] = flags & ~1 | entry.flags & 1
        self._set_bins(entry.bins_bytes)

    def _gap(self, base: BaseFacts) -> str | None:
        """Return why entries between the hive and the first one are missing, or None."""
        first = self._result.first
        if not base.is_sound or first is None or not is_later(first, next_number(base.second)):
            return None
        return f"{self._result.names[0]} begins with entry {first}, and the hive ends with {base.second}: " + "; ".join(
            self._reasons or ["those between are not there"]
        )

    # ---- the old format

    def _carry_out_old(self, base: BaseFacts) -> bool:
        """Carry out the one log that fits; return whether there was one."""
        logs = _both_or_one([each for each in self._logs if each.base.is_old_log])
        later = logs[1] if len(logs) > 1 and logs[1].base.time > logs[0].base.time else None
        if later is not None:
            # As from Windows 8 on: after an error while the hive was written, the second log has all of both.
            logs.reverse()
        for log in logs:
            if not self._is_of_the_hive(log, base, is_later_one=log is later):
                self._reasons.append(f"{log.name} is of another time than the hive")
                continue
            pages, fault = dirty_pages(log.data, log.base, most_bins=self._most_bins)
            if not pages:
                self._reasons.append(f"{log.name}: {fault or 'it has no page'}")
                continue
            self._reasons.clear()
            self._carry_out_pages(log, pages, fault, takes_base=not base.is_sound)
            return True
        return False

    def _is_of_the_hive(self, log: _Log, base: BaseFacts, *, is_later_one: bool) -> bool:
        if base.is_sound:
            return log.base.time == base.time or (is_later_one and log.base.time > base.time)
        # The first bin has the time of an earlier writing, unless this one has reached it.
        time: int
        (time,) = struct.unpack_from("<Q", self._old.ljust(_BASE + cells.BIN_HEADER_BYTES), _BASE + _TIME_OF_BIN_AT)
        return log.base.time >= time

    def _carry_out_pages(self, log: _Log, pages: list[Page], fault: str | None, *, takes_base: bool) -> None:
        if takes_base:
            self._hive[:SECTOR] = log.data[:SECTOR]
        untouched = bytes(self._hive)
        for page in pages:
            self._write(page)
        self._set_bins(log.base.bins_bytes)
        bad = _first_bad_bin(self._hive, log.base.bins_bytes, {page.offset // cells.BIN_STEP for page in pages})
        if bad is not None:
            fault = f"its pages make no bin at {bad + _BASE:#x}"
            kept = [page for page in pages if page.offset < bad]
            self._hive = bytearray(untouched)
            for page in kept:
                self._write(page)
            self._set_bins(log.base.bins_bytes)
            pages = kept
        if fault is not None:
            self._reasons.append(f"{log.name}: {fault}")
        self._result.names.append(log.name)
        self._result.pages = len(pages)

    # ---- the hive

    def _write(self, page: Page) -> None:
        at = _BASE + page.offset
        end = at + len(page.data)
        if end > len(self._hive):
            self._hive.extend(bytes(align_up(end, cells.BIN_STEP) - len(self._hive)))
        self._hive[at:end] = page.data

    def _set_bins(self, size: int) -> None:
        if _BASE + size > len(self._hive):
            self._hive.extend(bytes(_BASE + size - len(self._hive)))
        struct.pack_into("<I", self._hive, _BINS_AT, size)

    def _finish(self, number: int) -> None:
        """Make the base block that of a hive that was closed."""
        struct.pack_into("<I", self._hive, _TYPE_AT, 0)
        self._hive[:_BASE] = numbered(bytes(self._hive[:_BASE]), number)


def numbered(block: bytes, number: int) -> bytes:
    """Return a base block with a sequence number, as that of a hive that was closed."""
    made = bytearray(block)
    struct.pack_into("<II", made, _SEQUENCE_AT, number, number)
    struct.pack_into("<I", made, _CHECKSUM_AT, cells.checksum(bytes(made[:SECTOR])))
    return bytes(made)


def _order(one: _Log, other: _Log) -> int:
    return -1 if is_later(other.base.first, one.base.first) else 1


def _both_or_one(logs: list[_Log]) -> list[_Log]:
    """Return the two logs of a hive, or the single one that it has: the latter stays behind where two came later."""
    pair = [each for each in logs if not each.name.upper().endswith(".LOG")]
    return pair or logs


def _first_bad_bin(hive: bytearray, size: int, dirty: set[int]) -> int | None:
    """Return the offset of the first bin that is none and has a page that was written, or None."""
    at = 0
    while at < size:
        signature, offset, length = _BIN.unpack_from(hive, _BASE + at)
        is_bin = signature == b"hbin" and offset == at and length and not length % cells.BIN_STEP
        if not is_bin or at + length > size:
            return at if at // cells.BIN_STEP in dirty else None
        at += length
    return None
