"""The clusters of a volume that is checked, and the values of attributes that lie in them.

What is read again and again on a hostile volume is paid from a purse that a sound one of its size never empties.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.ntfs.check.attributes import COMPRESSED, Attribute, Record
from osdimage.imaging.volume.ntfs.check.decode import Rules, decode_record
from osdimage.imaging.volume.ntfs.check.faults import Faults

_PIECE = MIB
_ALLOWANCE = 64 * MIB


class TooMuch(Exception):
    """The volume makes more work than a sound one of its size can."""


class Stream:
    """The clusters of a value, to be read in any order."""

    def __init__(self, target: BlockTarget, cluster_bytes: int, runs: Iterable[tuple[int, int]], size: int) -> None:
        """Take the runs; a hole reads as zeros.  Bytes behind the clusters or ``size`` are not there."""
        self._target = target
        self._starts: list[int] = []
        self._runs: list[tuple[int, int]] = []
        at = 0
        for cluster, count in runs:
            self._starts.append(at)
            self._runs.append((cluster * cluster_bytes, count * cluster_bytes))
            at += count * cluster_bytes
        self.size = max(0, min(size, at))

    @property
    def has_holes(self) -> bool:
        """Whether a part of it has no clusters."""
        return any(start < 0 for start, _ in self._runs)

    def place_of(self, offset: int) -> int | None:
        """Return where on the volume a byte lies; None in a hole, or behind the end."""
        number = bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self._starts[number] + self._runs[number][1] or self._runs[number][0] < 0:
            return None
        return self._runs[number][0] + offset - self._starts[number]

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the value, fewer at its end."""
        size = min(size, self.size - offset)
        parts: list[bytes] = []
        number = bisect_right(self._starts, offset) - 1
        while size > 0:
            start, length = self._runs[number]
            inside = offset - self._starts[number]
            count = min(size, length - inside)
            parts.append(bytes(count) if start < 0 else self._target.read_at(start + inside, count))
            offset, size, number = offset + count, size - count, number + 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def pieces(self, block: int) -> Iterator[tuple[int, bytes]]:
        """Yield offset and bytes of what may be other than zero, in multiples of ``block`` bytes."""
        done = 0
        for begin, end in self._ranges():
            at = max(done, begin // block * block)
            after = min(-(-end // block) * block, self.size)
            while at < after:
                piece = self.read(at, min(_PIECE, after - at))
                yield at, piece
                at += len(piece)
            done = max(done, at)

    def _ranges(self) -> Iterator[tuple[int, int]]:
        for at, (start, length) in zip(self._starts, self._runs, strict=True):
            if start >= 0 and self.size > at:
                for begin, end in self._target.data_ranges(start, start + min(length, self.size - at)):
                    yield at + begin - start, at + end - start


class Ground:
    """What all parts of a check read through.

    Attributes:
        target: the volume.
        rules: its sizes, and how names are sorted.
        mft: the records.
    """

    def __init__(self, target: BlockTarget, rules: Rules) -> None:
        """Begin with the sizes of a volume."""
        self.target = target
        self.rules = rules
        self.mft = Stream(target, rules.shape.cluster_bytes, (), 0)
        self._purse = 0

    def found(self, mft: Stream) -> None:
        """Take the MFT, by whose size work is bounded: what lists and bitmaps tell of is in it."""
        self.mft = mft
        self._purse = 4 * mft.size + self.rules.shape.clusters // 4 + _ALLOWANCE

    def spend(self, size: int) -> None:
        """Pay for reading so many bytes.

        Raises:
            TooMuch: when the purse is empty.
        """
        self._purse -= size
        if self._purse < 0:
            raise TooMuch

    def stream(self, parts: Iterable[Attribute]) -> Stream | None:
        """Return where the parts of a value lie that are in order; None when that cannot be read as it is."""
        runs: list[tuple[int, int]] = []
        size = expected = 0
        for part in parts:
            if (
                part.value is not None
                or part.runs is None
                or part.first != expected
                or (part.flags & COMPRESSED and part.unit_log)
            ):
                return None
            size = size or part.size
            expected = part.last + 1
            runs += part.runs
        return Stream(self.target, self.rules.shape.cluster_bytes, runs, size)

    def value(self, parts: list[Attribute], limit: int) -> bytes | None:
        """Return a value of at most so many bytes; None when it is larger, or its clusters are not known."""
        if not parts:
            return None
        if parts[0].value is not None:
            return parts[0].value
        stream = self.stream(parts)
        if stream is None or stream.size != parts[0].size or stream.size > limit:
            return None
        self.spend(stream.size)
        return stream.read(0, stream.size)

    def record(self, number: int, faults: Faults | None = None) -> Record | None:
        """Read a record once more; None when it is not in use or cannot be read.  Its faults were told before."""
        size = self.rules.shape.record_bytes
        if not 0 <= number < self.mft.size // size:
            return None
        self.spend(size)
        block = self.mft.read(number * size, size)
        if len(block) != size or block[:4] != b"FILE" or not block[22] & 1:
            return None
        return decode_record(block, number, self.rules, Faults(0) if faults is None else faults)


def parts_of(record: Record, kind: int, name: bytes = b"") -> list[Attribute]:
    """Return the parts of an attribute, in the order of their clusters."""
    found = [each for each in record.attributes if each.kind == kind and each.name == name]
    if len(found) > 1:
        found.sort(key=lambda part: part.first)
    return found
