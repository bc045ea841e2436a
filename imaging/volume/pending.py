"""Changes of a volume that are carried out all, or not at all, whatever happens between.

A change of a file system is many writes at many places, of which a part leaves damage.  So they are first written
down, in room of the volume that nothing uses, and brought to the medium; then 64 bytes near the boot sector point
there; only then are they carried out, and last the 64 bytes become again what they were.  Until the pointer is on the
medium nothing has changed.  From then on everything is there: whoever opens the volume next with osdimage reads it as
it will be (:func:`overlaid`), and whoever opens it for writing carries the rest out first (:func:`finish`).

Other programs do not know the pointer.  They see a volume that is marked dirty for as long as it is there; when they
write to it, or repair it, what was written down is out of date.  So the contents before are written down too, as
checksums: where a sector holds neither what it held nor what it is to hold, nothing is carried out any more.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from osdimage.imaging.disk.target import BlockTarget, Data
from osdimage.imaging.errors import OsdImageError, StorageError, explain
from osdimage.imaging.units import align_up

POINTER_BYTES = 64
"""What a pointer takes of a sector."""
SECTOR = 512
"""The offset and the size of every change are whole ones, whatever the sectors of the disk."""

_MAGIC = b"osdimage pending"
_VERSION = 1
# Magic, where the room begins, the size of what describes the changes, and its SHA-256.
_POINTER = struct.Struct("<16sQQ32s")
# Magic, version, the number of changes, and the bytes that the pointer replaced.
_HEAD = struct.Struct("<16sII64s")
# Offset, size, CRC-32 of the new bytes, which of the groups, whether the old bytes are compared.
_ENTRY = struct.Struct("<QIIBB2x")
_LARGEST_HEAD = 64 << 20
_LARGEST_CHANGE = 1 << 20
# All of it is in memory while it is read; a hostile volume could promise its whole size.
_LARGEST_TOTAL = 1 << 30


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes of a volume that are to be others.

    Attributes:
        offset: in the volume; a multiple of :data:`SECTOR`.
        data: the new bytes; a multiple as well.
        group: changes of one group are on the medium before the first of the next is carried out.
        is_guarded: what is there must be the old bytes or the new ones; not so where the dirty mark is.
    """

    offset: int
    data: bytes
    group: int = 0
    is_guarded: bool = True


@dataclass(frozen=True, slots=True)
class Pending:
    """Changes that are written down in a volume and not, or not all, carried out."""

    changes: tuple[Change, ...]
    before: tuple[bytes, ...]
    replaced: bytes


def room_for(changes: Sequence[Change]) -> int:
    """Return how many bytes it takes to write changes down."""
    head = _HEAD.size + sum(_ENTRY.size + len(each.data) // SECTOR * 4 for each in changes)
    return align_up(head, SECTOR) + sum(len(each.data) for each in changes)


def trimmed(volume: BlockTarget, changes: Sequence[Change]) -> list[Change]:
    """Return what of changes differs from what is there, or from what those before them make of it.

    Unguarded ones stay whole.
    """
    kept: list[Change] = []
    made: dict[int, bytes] = {}
    for piece in (piece for change in changes for piece in _cut(change)):
        size = len(piece.data)
        old = volume.read_at(piece.offset, size)
        is_new = [
            not piece.is_guarded or piece.data[at : at + SECTOR] != made.get(piece.offset + at, old[at : at + SECTOR])
            for at in range(0, size, SECTOR)
        ]
        made |= {
            piece.offset + at: piece.data[at : at + SECTOR] for at in range(0, size, SECTOR) if is_new[at // SECTOR]
        }
        for begin, end in _runs(is_new):
            data = piece.data[begin * SECTOR : end * SECTOR]
            kept.append(Change(piece.offset + begin * SECTOR, data, piece.group, piece.is_guarded))
            for at in range(begin * SECTOR, end * SECTOR, SECTOR):
                made[piece.offset + at] = piece.data[at : at + SECTOR]
    return kept


def _runs(marks: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each run of true ones."""
    begin = 0
    for mark, run in groupby(marks):
        end = begin + len(list(run))
        if mark:
            yield begin, end
        begin = end


def carry_out(
    volume: BlockTarget,
    changes: Sequence[Change],
    *,
    pointer: int | None,
    room: int | None,
    mark: Callable[[], None],
    sync: bool = True,
) -> None:
    """Write changes down, point to them, and carry them out.

    Args:
        volume: the window of the volume.
        changes: what is to be changed, ordered by their groups.
        pointer: where the pointer is; it must lie in one sector.
        room: where :func:`room_for` bytes are that nothing uses, before the changes and after them.  Without a pointer
            or room, as on a full volume, the changes are carried out at once.
        mark: marks the volume dirty for other programs.  What it writes is not guarded.
        sync: wait for the medium between the steps.

    Raises:
        StorageError: when writing failed.  It says whether the volume is as it was, or is finished by whoever opens it
            next.
    """
    flush = volume.flush if sync else _nothing
    if pointer is None or room is None or room_for(changes) > _LARGEST_TOTAL:
        _carry_out_at_once(volume, changes, mark, flush)
        return
    replaced = volume.read_at(pointer, POINTER_BYTES)
    before = [
        b"".join(
            zlib.crc32(volume.read_at(each.offset + at, SECTOR)).to_bytes(4, "little")
            for at in range(0, len(each.data), SECTOR)
        )
        for each in changes
    ]
    head = _head(changes, before, replaced)
    try:
        at = room + align_up(len(head), SECTOR)
        volume.write_at(room, head.ljust(at - room, b"\0"))
        for change in changes:
            volume.write_at(at, change.data)
            at += len(change.data)
        flush()
    except BaseException as error:
        explain(error, unchanged(volume.name))
        raise
    _point(volume, pointer, _POINTER.pack(_MAGIC, room, len(head), hashlib.sha256(head).digest()), replaced, flush)
    try:
        mark()
        _write(volume, changes, flush)
        _put(volume, pointer, replaced)
        flush()
    except BaseException as error:
        _explain_pending(error, volume)
        raise


def _carry_out_at_once(
    volume: BlockTarget, changes: Sequence[Change], mark: Callable[[], None], flush: Callable[[], None]
) -> None:
    try:
        flush()
        mark()
        _write(volume, changes, flush)
    except BaseException as error:
        explain(error, f"{volume.name} may hold files that are half written and stays marked dirty")
        raise


def _point(volume: BlockTarget, pointer: int, new: bytes, replaced: bytes, flush: Callable[[], None]) -> None:
    """Write the pointer; when it is not known to be there, take it back, so that nothing has changed."""
    try:
        _put(volume, pointer, new)
        flush()
    except BaseException as error:
        try:
            _put(volume, pointer, replaced)
            flush()
        except OsdImageError:
            _explain_pending(error, volume)
        else:
            explain(error, unchanged(volume.name))
        raise


def _explain_pending(error: BaseException, volume: BlockTarget) -> None:
    explain(
        error,
        f"the change is written down in {volume.name}, which is marked dirty until whoever opens it next with osdimage "
        "for writing, as the same command does, has carried it out",
    )


def unchanged(name: str) -> str:
    """Say that only room which nothing uses was written to."""
    return f"the files in {name} are as they were"


def find(volume: BlockTarget, pointer: int | None) -> Pending | None:
    """Return what is pending in a volume, or None.

    Args:
        volume: the window of the volume.
        pointer: where the pointer would be; None when this volume has no place for one.

    Raises:
        StorageError: when the volume cannot be read.
    """
    size = volume.geometry.size_bytes
    if pointer is None or pointer + POINTER_BYTES > size:
        return None
    magic, room, length, digest = _POINTER.unpack(volume.read_at(pointer, POINTER_BYTES))
    if magic != _MAGIC or not _HEAD.size <= length <= _LARGEST_HEAD or room + length > size:
        return None
    head = volume.read_at(room, length)
    if hashlib.sha256(head).digest() != digest:
        return None
    found = _parse(volume, room, head)
    return found if found is not None and _is_current(volume, found) else None


def finish(volume: BlockTarget, pointer: int | None, *, sync: bool = True) -> bool:
    """Carry out what is pending in a volume; return whether there was something.

    Raises:
        StorageError: when reading or writing failed; it is pending still.
    """
    found = find(volume, pointer)
    if found is None or pointer is None:
        return False
    flush = volume.flush if sync else _nothing
    _write(volume, found.changes, flush)
    _put(volume, pointer, found.replaced)
    flush()
    return True


def overlaid(volume: BlockTarget, pending: Pending) -> BlockTarget:
    """Return a volume as it will be, for reading."""
    return _Overlaid(volume, pending.changes)


# ---- the parts


def _write(volume: BlockTarget, changes: Sequence[Change], flush: Callable[[], None]) -> None:
    group = 0
    for change in changes:
        if change.group != group:
            flush()
            group = change.group
        volume.write_at(change.offset, change.data)
    flush()


def _put(volume: BlockTarget, pointer: int, data: bytes) -> None:
    """Change the bytes of the pointer in one write of its sector."""
    begin = pointer // SECTOR * SECTOR
    sector = bytearray(volume.read_at(begin, SECTOR))
    sector[pointer - begin : pointer - begin + POINTER_BYTES] = data
    volume.write_at(begin, bytes(sector))


def _head(changes: Sequence[Change], before: Sequence[bytes], replaced: bytes = bytes(POINTER_BYTES)) -> bytes:
    parts = [_HEAD.pack(_MAGIC, _VERSION, len(changes), replaced)]
    for change, sums in zip(changes, before, strict=True):
        facts = (change.offset, len(change.data), zlib.crc32(change.data), change.group, change.is_guarded)
        parts += [_ENTRY.pack(*facts), sums]
    return b"".join(parts)


def _parse(volume: BlockTarget, room: int, head: bytes) -> Pending | None:
    magic, version, count, replaced = _HEAD.unpack_from(head)
    size = volume.geometry.size_bytes
    if magic != _MAGIC or version != _VERSION:
        return None
    data_at, at = room + align_up(len(head), SECTOR), _HEAD.size
    changes, before = [], []
    for _ in range(count):
        if at + _ENTRY.size > len(head):
            return None
        offset, length, crc, group, is_guarded = _ENTRY.unpack_from(head, at)
        at += _ENTRY.size
        sums = head[at : at + length // SECTOR * 4]
        at += len(sums)
        if offset % SECTOR or length % SECTOR:
            # Nobody has written that: what is compared are whole sectors, of which there may be none there.
            return None
        if length > _LARGEST_CHANGE or offset + length > size or data_at + length > min(size, room + _LARGEST_TOTAL):
            return None
        data = volume.read_at(data_at, length)
        data_at += length
        if zlib.crc32(data) != crc or len(sums) != length // SECTOR * 4:
            return None
        changes.append(Change(offset, data, group, bool(is_guarded)))
        before.append(sums)
    return Pending(tuple(changes), tuple(before), replaced)


def _is_current(volume: BlockTarget, pending: Pending) -> bool:
    """Tell whether every guarded sector holds what it held when this was written down, or what it is to hold."""
    valid: dict[int, set[int]] = {}
    loose: set[int] = set()
    for change, sums in zip(pending.changes, pending.before, strict=True):
        for number, at in enumerate(range(0, len(change.data), SECTOR)):
            if not change.is_guarded:
                loose.add(change.offset + at)
            found = valid.setdefault(change.offset + at, set())
            found |= {
                int.from_bytes(sums[number * 4 : number * 4 + 4], "little"),
                zlib.crc32(change.data[at : at + SECTOR]),
            }
    return all(at in loose or zlib.crc32(volume.read_at(at, SECTOR)) in sums for at, sums in valid.items())


def _cut(change: Change) -> Iterator[Change]:
    for at in range(0, len(change.data), _LARGEST_CHANGE):
        data = change.data[at : at + _LARGEST_CHANGE]
        yield Change(change.offset + at, data, change.group, change.is_guarded)


def _nothing() -> None:
    """Wait for nothing."""


class _Overlaid(BlockTarget):
    """A volume with changes over it."""

    def __init__(self, base: BlockTarget, changes: Sequence[Change]) -> None:
        super().__init__(base.name, base.geometry)
        self._base = base
        # The last change of each sector, by its offset: a hostile volume may have a million of them.
        self._changes = {each.offset + at: each for each in changes for at in range(0, len(each.data), SECTOR)}

    def flush(self) -> None:
        """Nothing is written."""

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        found = bytearray(self._base.read_at(offset_bytes, size_bytes))
        after = offset_bytes + size_bytes
        for at in range(offset_bytes // SECTOR * SECTOR, after, SECTOR):
            change = self._changes.get(at)
            if change is not None:
                begin, end = max(at, offset_bytes), min(at + SECTOR, after)
                found[begin - offset_bytes : end - offset_bytes] = change.data[
                    begin - change.offset : end - change.offset
                ]
        return bytes(found)

    def _write(self, offset_bytes: int, data: Data) -> None:
        del offset_bytes, data
        raise StorageError(f"{self.name}: a volume with pending changes is only read", path=self.name)
