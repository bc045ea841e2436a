"""Who owns which cluster, and what ``$Bitmap`` says about it; the bitmap of the MFT is compared in the same way."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from osdimage.imaging.units import MIB, counted
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Stream
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

WINDOW_BITS = 8 * MIB
"""How much of a bitmap is compared at once."""


class ClusterMap:
    """The runs of all files."""

    def __init__(self) -> None:
        """Begin with none."""
        self._starts = array("Q")
        self._counts = array("Q")
        self._owners = array("Q")

    def add(self, runs: Iterable[tuple[int, int]], owner: int) -> None:
        """Give clusters to a file; holes are passed over."""
        for cluster, count in runs:
            if cluster >= 0:
                self._starts.append(cluster)
                self._counts.append(count)
                self._owners.append(owner)

    def settle(self, faults: Faults) -> None:
        """Sort the runs, and tell of clusters that two of them have."""
        order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
        self._starts = array("Q", map(self._starts.__getitem__, order))
        self._counts = array("Q", map(self._counts.__getitem__, order))
        self._owners = array("Q", map(self._owners.__getitem__, order))
        furthest = owner = 0
        for start, count, record in zip(self._starts, self._counts, self._owners, strict=True):
            end = start + count
            if start < furthest:
                shared = min(end, furthest) - start
                text = f"{counted(shared, 'cluster')} from here on, which record {owner} has, too"
                faults.tell(FaultKind.CLUSTERS_SHARED, text, record, cluster=start)
            if end > furthest:
                furthest, owner = end, record

    def owner_of(self, cluster: int) -> int:
        """Return the record whose run begins last before a cluster that is owned, after :meth:`settle`."""
        return self._owners[bisect_right(self._starts, cluster) - 1]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield begin and end of what is owned, in order, after :meth:`settle`."""
        begin = end = 0
        for start, count in zip(self._starts, self._counts, strict=True):
            if start > end:
                if end > begin:
                    yield begin, end
                begin = start
            end = max(end, start + count)
        if end > begin:
            yield begin, end

    def __len__(self) -> int:
        """Return how many clusters are owned."""
        return sum(end - begin for begin, end in self.ranges())


Differences = Callable[[int, int, int], None]
"""Takes the number of the first bit of a window, what is set in the bitmap alone, and what is not and should be."""


def compare_bitmap(stored: Stream, ranges: Iterable[tuple[int, int]], size: int, differences: Differences) -> None:
    """Compare a bitmap with the ranges of its bits that should be set, in order; bits behind its end are clear.

    Args:
        stored: the bitmap.
        ranges: begin and end of what should be set.
        size: how many bits there are to compare.
        differences: is told of each window that is not as it should be, as integers of which bit 0 is the first.
    """
    waiting = iter(ranges)
    begin, end = next(waiting, (size, size))
    for window in range(0, size, WINDOW_BITS):
        bits = min(WINDOW_BITS, size - window)
        wanted = bytearray(-(-bits // 8))
        while begin < window + bits:
            set_bits(wanted, max(begin, window) - window, min(end, window + bits) - window)
            if end > window + bits:
                break
            begin, end = next(waiting, (size, size))
        have = stored.read(window // 8, len(wanted)) if window // 8 < stored.size else b""
        if bytes(wanted) == have:
            continue
        mask = (1 << bits) - 1
        found, expected = int.from_bytes(have, "little") & mask, int.from_bytes(wanted, "little")
        if found != expected:
            differences(window, found & ~expected, expected & ~found)


def set_bits(bits: bytearray, begin: int, end: int) -> None:
    """Set a range of bits, the lowest of a byte first."""
    first, last = begin >> 3, end >> 3
    if first == last:
        bits[first] |= (1 << (end & 7)) - (1 << (begin & 7))
        return
    if begin & 7:
        bits[first] |= 256 - (1 << (begin & 7))
        first += 1
    bits[first:last] = b"\xff" * (last - first)
    if end & 7:
        bits[last] |= (1 << (end & 7)) - 1


def counted_runs(bits: int, kind: FaultKind, faults: Faults) -> list[tuple[int, int]]:
    """Return the runs of set bits that are to be told one by one; the others are counted as faults."""
    found, number = runs_of(bits, faults.most)
    faults.add(kind, number - len(found))
    return found


def runs_of(bits: int, most: int) -> tuple[list[tuple[int, int]], int]:
    """Return begin and length of the first runs of set bits, and how many there are."""
    number = (bits & ~(bits << 1)).bit_count()
    found: list[tuple[int, int]] = []
    at = 0
    while bits and len(found) < most:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        length = (~bits & (bits + 1)).bit_length() - 1
        found.append((at + skip, length))
        bits >>= length
        at += skip + length
    return found, number
