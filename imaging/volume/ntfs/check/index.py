"""An index: a B+ tree in $INDEX_ROOT and the blocks of $INDEX_ALLOCATION (INDEX_ROOT, INDEX_BLOCK, INDEX_ENTRY)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import Attribute, Record
from osdimage.imaging.volume.ntfs.check.clusters import counted_runs
from osdimage.imaging.volume.ntfs.check.decode import undo_fixups
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, Stream, TooMuch, parts_of
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

_ROOT = struct.Struct("<III")
_HEADER = struct.Struct("<III")
_HEAD, _DATA, _ENTRY = struct.Struct("<Q"), struct.Struct("<HH"), struct.Struct("<HHH")
_BLOCK_HEAD = struct.Struct("<4sHHQQ")
_ROOT_HEADER, _BLOCK_HEADER = 16, 24
_HAS_CHILDREN = 1
_CHILD, _LAST = 1, 2
# One node of a hundred names on each level holds more files than a volume can.
_DEEPEST = 24

Collation = Callable[[bytes], Any]


class Entry(NamedTuple):
    """An entry of an index.

    Attributes:
        head: the first eight bytes: of a directory the file that it leads to, else where its data is.
        key: by which it is sorted.
        data: what belongs to the key, empty in a directory.
    """

    head: int
    key: bytes
    data: bytes


class Budget:
    """How many blocks of indexes may be read: on a sound volume each has a name, and is in one index."""

    def __init__(self, blocks: int) -> None:
        """Begin with so many."""
        self._blocks = blocks

    def spend(self) -> None:
        """Pay for one.

        Raises:
            TooMuch: when there are no more.
        """
        self._blocks -= 1
        if self._blocks < 0:
            raise TooMuch


class Index:
    """An index of a file; :meth:`entries` walks over it once.

    Attributes:
        key: what the entry that was yielded last is sorted by.
        before: the same of the one before it, None of the first.
        is_whole: whether all of it could be walked over.
    """

    def __init__(self, file: Record, name: bytes, ground: Ground, faults: Faults, budget: Budget) -> None:
        """Prepare to walk over the index with a name."""
        self._file = file
        self._name = name
        self._ground = ground
        self._faults = faults
        self._budget = budget
        self._root = attrs.label_of(attrs.INDEX_ROOT, name)
        self._label = attrs.label_of(attrs.INDEX_ALLOCATION, name)
        self._blocks: Stream | None = None
        self._seen: set[int] = set()
        self._leaves: set[int] = set()
        self.before: Any = None
        self.key: Any = None
        self._has_data = False
        self.is_whole = True

    def entries(self, kind: int, rule: int, collation: Collation) -> Iterator[Entry]:
        """Yield the entries in order, and tell of what is wrong with the tree.

        Args:
            kind: the type of the attribute that is indexed, 0 for none.
            rule: the number of the collation rule that the root must have.
            collation: returns what a key is sorted by; raises ValueError for what is no key.
        """
        self._has_data = kind == 0
        roots = parts_of(self._file, attrs.INDEX_ROOT, self._name)
        value = roots[0].value if roots else None
        if value is None or len(value) < _ROOT_HEADER + 16:
            self._damaged(
                FaultKind.INDEX_ROOT, "it is not there" if value is None else f"{len(value)} bytes", self._root
            )
            return
        indexed, collates, block_bytes = _ROOT.unpack_from(value)
        if (indexed, collates) != (kind, rule):
            text = f"of attributes {indexed:#x} by rule {collates:#x}; valid are {kind:#x} and {rule:#x}"
            self._faults.tell(FaultKind.INDEX_ROOT, text, self._file.number, self._root)
        wanted = self._ground.rules.shape.index_bytes
        if block_bytes != wanted:
            text = f"blocks of {block_bytes} bytes; the volume has {wanted}"
            self._faults.tell(FaultKind.INDEX_ROOT, text, self._file.number, self._root)
        allocation = parts_of(self._file, attrs.INDEX_ALLOCATION, self._name)
        bitmap = parts_of(self._file, attrs.BITMAP, self._name)
        self._open(allocation, bitmap, is_large=bool(value[_ROOT_HEADER + 12] & _HAS_CHILDREN))
        yield from self._node(value, _ROOT_HEADER, 0, collation)
        if self.is_whole and len(self._leaves) > 1:
            text = f"its leaves are on levels {', '.join(map(str, sorted(self._leaves)))}"
            self._faults.tell(FaultKind.INDEX_DEPTH, text, self._file.number, self._label)
        if self._blocks is not None and bitmap:
            self._compare_bitmap(bitmap)

    def _open(self, allocation: list[Attribute], bitmap: list[Attribute], *, is_large: bool) -> None:
        if bool(allocation) != bool(bitmap) and self._file.is_whole:
            have, lack = (self._label, "$BITMAP") if allocation else ("$BITMAP", self._label)
            self._faults.tell(FaultKind.INDEX_PARTS, f"it has {have} and no {lack}", self._file.number, self._root)
        if is_large and not allocation and self._file.is_whole:
            text = "its root says that it has blocks, and it has none"
            self._faults.tell(FaultKind.INDEX_PARTS, text, self._file.number, self._root)
        if allocation:
            stream = self._ground.stream(allocation)
            if stream is None:
                # Its runs are damaged, which was told.
                self.is_whole = False
            elif stream.has_holes:
                self._damaged(FaultKind.INDEX_PARTS, "its blocks have holes", self._label)
            self._blocks = stream

    def _damaged(self, kind: FaultKind, text: str, label: str, cluster: int | None = None) -> None:
        self.is_whole = False
        self._faults.is_complete = False
        self._faults.tell(kind, text, self._file.number, label, cluster)

    def _node(self, buffer: bytes, header: int, depth: int, collation: Collation) -> Iterator[Entry]:
        """Walk over a node and what is below it."""
        label = self._label if depth else self._root
        span = self._span(buffer, header, depth, label)
        if span is None:
            return
        at, end = span
        count = 0
        has_children = None
        while True:
            entry = self._entry_at(buffer, at, end, label)
            if entry is None:
                return
            length, key_bytes, flags = entry
            if has_children not in {None, flags & _CHILD}:
                self._damaged(FaultKind.INDEX_ENTRY, "some entries of a node have children, and others not", label)
            has_children = flags & _CHILD
            if flags & _CHILD:
                child = int.from_bytes(buffer[at + length - 8 : at + length], "little")
                yield from self._child(child, depth, collation)
            else:
                self._leaves.add(depth)
            if flags & _LAST:
                break
            key = buffer[at + 16 : at + 16 + key_bytes]
            if self._takes(key, collation, label):
                yield Entry(_HEAD.unpack_from(buffer, at)[0], key, self._data(buffer, at, length))
            count += 1
            at += length
        if at + length != end:
            self._damaged(FaultKind.INDEX_ENTRY, f"the last entry ends at byte {at + length}, the node at {end}", label)
        self._judge_node(buffer[header + 12], flags, count, depth)

    def _span(self, buffer: bytes, header: int, depth: int, label: str) -> tuple[int, int] | None:
        """Return where the entries of a node begin and end; None when its header is impossible."""
        first, used, allocated = _HEADER.unpack_from(buffer, header)
        # What is allocated of a block is all of it; behind a root, drivers leave a few bytes.
        room = len(buffer) - header
        is_wrong = allocated != room if depth else allocated > room
        if first % 8 or first < 16 or used > allocated or is_wrong:
            text = f"entries from byte {first} to {used} of {allocated}, and it has {room}"
            self._damaged(FaultKind.INDEX_BLOCK if depth else FaultKind.INDEX_ROOT, text, label)
            return None
        return header + first, header + used

    def _entry_at(self, buffer: bytes, at: int, end: int, label: str) -> tuple[int, int, int] | None:
        """Return length, bytes of the key and flags of an entry; None when they are impossible."""
        if at + 16 > end:
            self._damaged(FaultKind.INDEX_ENTRY, f"the entries of a node have no end before byte {end}", label)
            return None
        length, key_bytes, flags = _ENTRY.unpack_from(buffer, at + 8)
        pointer = 8 if flags & _CHILD else 0
        if length % 8 or length < 16 + pointer or at + length > end:
            self._damaged(FaultKind.INDEX_ENTRY, f"{length} bytes at byte {at} of {end}", label)
            return None
        if 16 + key_bytes > length - pointer and not flags & _LAST:
            self._damaged(FaultKind.INDEX_KEY, f"{key_bytes} bytes in an entry of {length}", label)
            return None
        return length, key_bytes, flags

    def _data(self, buffer: bytes, at: int, length: int) -> bytes:
        """Return what belongs to a key; in a directory the same bytes are a reference."""
        if not self._has_data:
            return b""
        offset, size = _DATA.unpack_from(buffer, at)
        return buffer[at + offset : at + min(length, offset + size)]

    def _judge_node(self, flags: int, last_flags: int, count: int, depth: int) -> None:
        """Look at the flags of a node: a root tells of blocks, which need not be used, and a block of children."""
        tell = partial(self._faults.tell, record=self._file.number, attribute=self._label if depth else self._root)
        says, has = bool(flags & _HAS_CHILDREN), bool(last_flags & _CHILD)
        if not depth:
            if has and not says:
                tell(FaultKind.INDEX_ROOT, "it leads to blocks, and says that it has none")
            return
        if says is not has:
            tell(FaultKind.INDEX_BLOCK, "a block with children is marked as a leaf, or the reverse")
        if not count:
            tell(FaultKind.INDEX_EMPTY, f"on level {depth}")

    def _takes(self, raw: bytes, collation: Collation, label: str) -> bool:
        """Compare the key of an entry with the one before; return whether it is a key."""
        try:
            key = collation(raw)
        except ValueError as error:
            self._damaged(FaultKind.INDEX_KEY, str(error), label)
            return False
        if self.key is not None and not self.key < key:
            self._faults.tell(FaultKind.INDEX_ORDER, f"{_shown(raw)} comes too late", self._file.number, label)
        self.before, self.key = self.key, key
        return True

    def _child(self, vcn: int, depth: int, collation: Collation) -> Iterator[Entry]:
        shape = self._ground.rules.shape
        number, rest = divmod(vcn * shape.vcn_bytes, shape.index_bytes)
        stream = self._blocks
        if stream is None:
            if self.is_whole:
                self._damaged(FaultKind.INDEX_CHILD, f"it has none, and leads to block {vcn}", self._root)
            return
        offset = number * shape.index_bytes
        if rest or offset + shape.index_bytes > stream.size or number in self._seen or depth >= _DEEPEST:
            why = "twice" if number in self._seen else f"of {stream.size // shape.index_bytes}"
            self._damaged(FaultKind.INDEX_CHILD, f"block {vcn}, {why}", self._label)
            return
        self._seen.add(number)
        self._budget.spend()
        block = stream.read(offset, shape.index_bytes)
        place = stream.place_of(offset)
        cluster = None if place is None else place // shape.cluster_bytes
        magic, fixups_at, fixups, _, own = _BLOCK_HEAD.unpack_from(block)
        fixed = undo_fixups(block, fixups_at, fixups) if magic == b"INDX" and fixups_at >= _BLOCK_HEADER else None
        if fixed is None or fixed[1] is not None or own != vcn:
            if magic != b"INDX":
                why = f"it begins with {magic.decode('latin-1')!r}"
            elif fixed is None:
                why = f"its update sequence has {fixups} numbers at byte {fixups_at}"
            else:
                why = (
                    f"it says that it is block {own}" if fixed[1] is None else f"its part {fixed[1]} is of another time"
                )
            self._damaged(FaultKind.INDEX_BLOCK, f"block {vcn}: {why}", self._label, cluster)
            return
        yield from self._node(fixed[0], _BLOCK_HEADER, depth + 1, collation)

    def _compare_bitmap(self, bitmap: list[Attribute]) -> None:
        """Compare the blocks that the tree leads to with those that are taken."""
        stream = self._blocks
        if stream is None:
            return
        blocks = stream.size // self._ground.rules.shape.index_bytes
        if bitmap[0].value is None:
            where = self._ground.stream(bitmap)
            if where is None:
                return
            self._ground.spend(min(where.size, blocks // 8 + 1))
            value = where.read(0, min(where.size, blocks // 8 + 1))
        else:
            value = bitmap[0].value
        label = attrs.label_of(attrs.BITMAP, self._name)
        taken = int.from_bytes(value, "little") & ((1 << blocks) - 1)
        reached = bytearray(blocks // 8 + 1)
        for each in self._seen:
            reached[each >> 3] |= 1 << (each & 7)
        wanted = int.from_bytes(reached, "little")
        for kind, bits in ((FaultKind.INDEX_FREE, wanted & ~taken), (FaultKind.INDEX_LOST, taken & ~wanted)):
            # Whatever could not be walked over hides what it leads to.
            if bits and (self.is_whole or kind is FaultKind.INDEX_FREE):
                for first, count in counted_runs(bits, kind, self._faults):
                    many = f"block {first}" if count == 1 else f"blocks {first} to {first + count - 1}"
                    self._faults.tell(kind, many, self._file.number, label)


def _shown(key: bytes) -> str:
    """Return a key for a message."""
    if len(key) > attrs.FILE_NAME_HEAD and len(key) == attrs.FILE_NAME_HEAD + 2 * key[attrs.FILE_NAME_HEAD - 2]:
        return repr(attrs.text_of(key[attrs.FILE_NAME_HEAD :]))
    return f"the key {key[:24].hex()}"


def numbers(key: bytes) -> tuple[int, ...]:
    """Return what a key is sorted by that is a sequence of 32-bit numbers (COLLATION_NTOFS_ULONGS and those like it).

    Raises:
        ValueError: when it is none.
    """
    if len(key) % 4 or not key:
        raise ValueError(f"{len(key)} bytes are no sequence of 32-bit numbers")
    return struct.unpack(f"<{len(key) // 4}I", key)
