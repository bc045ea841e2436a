"""The contents of attributes of an NTFS volume: in the record, in clusters, sparse, or compressed.

Contents are read piece by piece; nothing larger than a piece is in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs.compress import decompress
from osdimage.imaging.volume.ntfs.records import (
    COMPRESSION_MASK,
    ENCRYPTED,
    Attribute,
    BootSector,
    Run,
    decode_runs,
)

_PIECE = 1 << 20
_ZEROS = bytes(_PIECE)


@dataclass(frozen=True, slots=True)
class Contents:
    """The value of an attribute: of one part, or of several that lie in several records.

    Attributes:
        parts: in the order of their clusters; the first has the sizes.
    """

    parts: tuple[Attribute, ...]

    @classmethod
    def of(cls, parts: Sequence[Attribute], where: str) -> Contents:
        """Put the parts of one attribute in order.

        Raises:
            InvalidVolume: when one is missing or there twice.
        """
        ordered = sorted(parts, key=lambda part: part.first_vcn)
        expected = 0
        for part in ordered:
            if part.first_vcn != expected or (part.value is not None and len(ordered) > 1):
                raise InvalidVolume(
                    f"{where}: attribute {part.kind:#x} goes on at cluster {part.first_vcn}, expected was {expected}"
                )
            expected = part.last_vcn + 1
        return cls(tuple(ordered))

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return self.parts[0].size

    @property
    def is_encrypted(self) -> bool:
        """Whether the bytes in the clusters are encrypted (EFS)."""
        return bool(self.parts[0].flags & ENCRYPTED)

    def stored_bytes(self, boot: BootSector) -> int:
        """Return how many bytes of the value are not in holes."""
        if self.parts[0].value is not None:
            return self.size
        clusters = sum(run.clusters for run in _runs(self, boot) if run.cluster is not None)
        return min(clusters * boot.cluster_bytes, self.size)

    def first_byte(self, boot: BootSector) -> int:
        """Return where on the volume the contents begin, to read files in the order of the medium; 0 when nowhere."""
        for run in _runs(self, boot):
            if run.cluster is not None:
                return run.cluster * boot.cluster_bytes
        return 0

    def pieces(self, volume: BlockTarget, boot: BootSector) -> Iterator[bytes]:
        """Yield the value, in pieces of at most 1 MiB or one unit of compression.

        Raises:
            InvalidVolume: when the runs or the compressed data are damaged.
            StorageError: when the volume cannot be read.
        """
        head = self.parts[0]
        if head.value is not None:
            yield head.value
            return
        covered = (self.parts[-1].last_vcn + 1) * boot.cluster_bytes
        if head.size > covered:
            # What is behind the clusters is not zeros.
            raise InvalidVolume(f"attribute {head.kind:#x} claims {head.size} bytes, its clusters hold {covered}")
        is_compressed = head.flags & COMPRESSION_MASK and head.unit_log
        stored = self._units(volume, boot) if is_compressed else self._clusters(volume, boot)
        left = head.initialized
        for piece in stored:
            if left <= 0:
                break
            yield piece if len(piece) <= left else piece[:left]
            left -= min(len(piece), left)
        if left > 0:
            raise InvalidVolume(f"attribute {head.kind:#x} has {left} bytes more than its clusters hold")
        yield from _zeros(head.size - head.initialized)

    def read(self, volume: BlockTarget, boot: BootSector, *, limit: int, what: str) -> bytes:
        """Return the whole value.

        Raises:
            InvalidVolume: when it is larger than ``limit`` bytes.
        """
        if self.size > limit:
            raise InvalidVolume(f"{what} has {self.size} bytes; at most {limit} are possible")
        return b"".join(self.pieces(volume, boot))

    def _clusters(self, volume: BlockTarget, boot: BootSector) -> Iterator[bytes]:
        # The clusters behind the initialized bytes are not read at all.
        left = self.parts[0].initialized
        for run in _runs(self, boot):
            size = min(run.clusters * boot.cluster_bytes, left)
            if size <= 0:
                return
            if run.cluster is None:
                yield from _zeros(size)
            else:
                start = run.cluster * boot.cluster_bytes
                for offset in range(0, size, _PIECE):
                    yield volume.read_at(start + offset, min(_PIECE, size - offset))
            left -= size

    def _units(self, volume: BlockTarget, boot: BootSector) -> Iterator[bytes]:
        """Yield compressed data unit by unit.

        A unit with all of its clusters is stored as it is, one with none is zeros, anything between is LZNT1.
        """
        unit = 1 << self.parts[0].unit_log
        unit_bytes = unit * boot.cluster_bytes
        if unit_bytes > _PIECE:
            raise InvalidVolume(f"units of compression of {unit_bytes} bytes; at most {_PIECE} are possible")
        have: list[Run] = []
        filled = 0
        for run in _runs(self, boot):
            taken = 0
            while taken < run.clusters:
                if filled == 0 and run.cluster is None and run.clusters - taken >= unit:
                    whole = (run.clusters - taken) // unit
                    yield from _zeros(whole * unit_bytes)
                    taken += whole * unit
                    continue
                count = min(run.clusters - taken, unit - filled)
                have.append(Run(None if run.cluster is None else run.cluster + taken, count))
                taken += count
                filled += count
                if filled == unit:
                    yield _unit(volume, boot, have, unit)
                    have, filled = [], 0
        if have:
            yield _unit(volume, boot, have, filled)


class RunMap:
    """The clusters of a value that has no holes, to be read in any order: the MFT, or the index of a directory."""

    def __init__(self, contents: Contents, boot: BootSector, what: str) -> None:
        """List the runs.

        Raises:
            InvalidVolume: when they are damaged, or one is a hole.
        """
        self._what = what
        self._size = contents.size
        self._runs: list[tuple[int, int]] = []
        self._starts: list[int] = []
        start = 0
        for run in _runs(contents, boot):
            if run.cluster is None:
                raise InvalidVolume(f"{what} has a hole")
            self._starts.append(start)
            self._runs.append((run.cluster * boot.cluster_bytes, run.clusters * boot.cluster_bytes))
            start += run.clusters * boot.cluster_bytes

    def read(self, volume: BlockTarget, offset: int, size: int) -> bytes:
        """Return some bytes of the value; they need not lie in one run.

        Raises:
            InvalidVolume: when the value ends before.
        """
        if offset < 0 or offset + size > self._size:
            raise InvalidVolume(f"{self._what} has {self._size} bytes, and none at {offset} to {offset + size - 1}")
        return b"".join(volume.read_at(at, count) for at, count in self.places(offset, size))

    def places(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield where some bytes of the value lie on the volume, and how many of them there.

        Raises:
            InvalidVolume: when there are fewer clusters than that.
        """
        number = bisect_right(self._starts, offset) - 1
        while size > 0 and 0 <= number < len(self._runs):
            start, length = self._runs[number]
            inside = offset - self._starts[number]
            count = min(size, length - inside)
            if count <= 0:
                break
            yield start + inside, count
            offset, size, number = offset + count, size - count, number + 1
        if size > 0:
            raise InvalidVolume(f"{self._what} has fewer clusters than bytes")

    def refuse_overlaps(self) -> None:
        """Refuse runs that share clusters.

        Raises:
            InvalidVolume: when two of them do.
        """
        end = 0
        for start, length in sorted(self._runs):
            if start < end:
                raise InvalidVolume(f"{self._what} holds the byte {start} of the volume twice")
            end = start + length


def _unit(volume: BlockTarget, boot: BootSector, runs: list[Run], unit: int) -> bytes:
    size = boot.cluster_bytes
    data = b"".join(volume.read_at(run.cluster * size, run.clusters * size) for run in runs if run.cluster is not None)
    if len(data) == unit * size:
        return data
    return decompress(data, unit * size)


def _runs(contents: Contents, boot: BootSector) -> Iterator[Run]:
    for part in contents.parts:
        if part.value is None:
            yield from decode_runs(part, boot.clusters)


def _zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        yield _ZEROS if size >= _PIECE else _ZEROS[:size]
        size -= _PIECE
