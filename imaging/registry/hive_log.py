"""The transaction logs of a hive: what Windows has noted beside it and not yet written into it.

Source: "Windows registry file format specification", M. Suhanov, "Format of transaction log files".  A log begins with
a copy of the hive's base block.  In the old format (to Windows 8) a bitmap follows, with a bit for every 512 bytes of
the bins, and the pages whose bits are set; in the new one (Windows 8.1) there are entries, each guarded by hashes.

Nothing in a log is believed: what is returned lies within the log, and takes no more memory than it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.registry import cells
from osdimage.imaging.registry.marvin import marvin32

SECTOR = 512
"""What a log is made of, whatever the sectors of the disk."""
_ALL = 0xFFFFFFFF
_HALF = 0x7FFFFFFF

_OLD_TYPES = frozenset({1, 2})
"""2 up to Windows 2000."""
_NEW_TYPE = 6
_BASE = struct.Struct("<4sIIQIIIIIII")
_CHECKSUM_AT = 508
_VECTOR_MAGIC = b"DIRT"
_LARGEST_CLUSTER = 8

_ENTRY_MAGIC = b"HvLE"
_ENTRY = struct.Struct("<4sIIIII8s8s")
_HASHED_BYTES = 32
_REFERENCE = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log beside a hive: its name, and its bytes, or why they could not be read."""

    name: str
    data: bytes
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """What a base block says.

    Attributes:
        is_sound: whether its signature and its checksum are right.
        first, second: its sequence numbers; they differ while what it is of is written.
        time: when the hive was last written, 100 ns since 1601.
        kind: the type of the file: 0 for a hive.
        bins_bytes: the size of all bins.
        cluster: sectors of the base block in a log.
    """

    is_sound: bool
    first: int
    second: int
    time: int
    kind: int
    bins_bytes: int
    cluster: int

    @property
    def is_settled(self) -> bool:
        """Whether nobody was writing what it is of."""
        return self.is_sound and self.first == self.second

    @property
    def is_old_log(self) -> bool:
        """Whether it begins a log of the old format."""
        return self.kind in _OLD_TYPES

    @property
    def is_new_log(self) -> bool:
        """Whether it begins a log of the new format."""
        return self.kind == _NEW_TYPE


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes that go to an offset of the bins."""

    offset: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a log of the new format.

    Attributes:
        number: its sequence number.
        flags: bit 0 is that of the base block's flags.
        bins_bytes: the size of all bins from then on.
        count: how many pages it has.
        body: the whole entry.
    """

    number: int
    flags: int
    bins_bytes: int
    count: int
    body: memoryview

    def pages(self) -> Iterator[Page]:
        """Yield what is written into the bins."""
        data = _ENTRY.size + self.count * _REFERENCE.size
        for offset, size in _REFERENCE.iter_unpack(self.body[_ENTRY.size : data]):
            yield Page(offset, self.body[data : data + size])
            data += size

    def check(self) -> None:
        """Raise :class:`BrokenEntry` when a page is not within the entry, or not within the bins."""
        data = _ENTRY.size + self.count * _REFERENCE.size
        if data > len(self.body):
            raise BrokenEntry(f"entry {self.number} tells of {self.count} pages, more than it has room for")
        for offset, size in _REFERENCE.iter_unpack(self.body[_ENTRY.size : data]):
            data += size
            if data > len(self.body) or offset + size > self.bins_bytes:
                raise BrokenEntry(f"entry {self.number} has a page that is not within it, or not within the bins")


def base_of(data: bytes) -> BaseFacts | None:
    """Return what the base block at the beginning of a hive or log says, or None when there are no 512 bytes."""
    if len(data) < SECTOR:
        return None
    magic, first, second, time, _, _, kind, _, _, bins_bytes, cluster = _BASE.unpack_from(data)
    (stored,) = struct.unpack_from("<I", data, _CHECKSUM_AT)
    is_sound = magic == b"regf" and stored == cells.checksum(data[:SECTOR])
    return BaseFacts(is_sound, first, second, time, kind, bins_bytes, cluster)


def is_later(number: int, than: int) -> bool:
    """Tell whether a sequence number comes after another; behind the largest comes 0."""
    return 0 < (number - than & _ALL) <= _HALF


def next_number(number: int) -> int:
    """Return the sequence number after another."""
    return number + 1 & _ALL


class BrokenEntry(Exception):
    """An entry that bears the number that it should, and is not whole."""


def entries(log: bytes, base: BaseFacts, *, most_bins: int) -> Iterator[Entry]:
    """Yield the entries of a log, in which older ones may follow.

    Args:
        log: the whole file.
        base: of it; the first entry bears its number.
        most_bins: bytes of bins that the hive can have at most.

    Raises:
        BrokenEntry: where the next entry is there, but damaged, or not whole.
    """
    view, at, number = memoryview(log), SECTOR, base.first
    while at + _ENTRY.size <= len(log):
        magic, size, flags, found, bins_bytes, count, of_pages, of_head = _ENTRY.unpack_from(log, at)
        if magic != _ENTRY_MAGIC or found != number:
            return
        if size % SECTOR or not _ENTRY.size <= size <= len(log) - at:
            raise BrokenEntry(f"entry {number} has {size} bytes, of which {len(log) - at} are there")
        if marvin32(view[at : at + _HASHED_BYTES]) != of_head:
            raise BrokenEntry(f"entry {number} is damaged")
        if bins_bytes % cells.BIN_STEP or not bins_bytes <= most_bins:
            raise BrokenEntry(f"entry {number} tells of {bins_bytes} bytes of bins; the hive has {most_bins} at most")
        if marvin32(view[at + _ENTRY.size : at + size]) != of_pages:
            raise BrokenEntry(f"entry {number} is damaged")
        entry = Entry(number, flags, bins_bytes, count, view[at : at + size])
        entry.check()
        yield entry
        at, number = at + size, next_number(number)


def last_number(log: bytes, base: BaseFacts) -> int:
    """Return the latest sequence number that is in a log of the new format, those of damaged entries among them."""
    latest, at = base.first, SECTOR
    while at + _ENTRY.size <= len(log):
        magic, size, _, number, _, _, _, _ = _ENTRY.unpack_from(log, at)
        if magic != _ENTRY_MAGIC or size < SECTOR or size % SECTOR:
            break
        latest = number if is_later(number, latest) else latest
        at += size
    return latest


def dirty_pages(log: bytes, base: BaseFacts, *, most_bins: int) -> tuple[list[Page], str | None]:
    """Return the pages of a log of the old format, and why they are not all of them, or None.

    Args:
        log: the whole file.
        base: of it.
        most_bins: bytes of bins that the hive can have at most.
    """
    cluster = base.cluster if 1 <= base.cluster <= _LARGEST_CLUSTER else 1
    start = SECTOR * cluster
    if log[start : start + len(_VECTOR_MAGIC)] != _VECTOR_MAGIC:
        return [], "it has no bitmap of pages"
    if base.bins_bytes % cells.BIN_STEP or base.bins_bytes > most_bins:
        return [], f"it tells of {base.bins_bytes} bytes of bins; the hive has {most_bins} at most"
    start += len(_VECTOR_MAGIC)
    end = start + base.bins_bytes // SECTOR // 8
    if end > len(log):
        return [], "it ends within its bitmap"
    view, at = memoryview(log), -(-end // SECTOR) * SECTOR
    pages: list[Page] = []
    for byte_at, bits in enumerate(log[start:end]):
        for bit in range(8) if bits else ():
            if not bits >> bit & 1:
                continue
            if at + SECTOR > len(log):
                return pages, "it ends within its pages"
            pages.append(Page(SECTOR * (8 * byte_at + bit), view[at : at + SECTOR]))
            at += SECTOR
    return pages, None
