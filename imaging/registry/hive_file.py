"""The file of a hive, of which keys and values are read when they are asked for, believing nothing.

What is damaged is left out with a warning that names the key, and the rest is read: what hivexsh and dissect.regf list
is listed here.  Every cell must be inside the bins, and what all keys take together cannot be much more than the file:
a hive whose lists share cells ends in an error before it costs memory.
"""

from __future__ import annotations

import struct
from typing import TypeVar
from weakref import WeakValueDictionary

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry import cells, names
from osdimage.imaging.registry.cells import KeyField
from osdimage.imaging.registry.hive import MAX_DEPTH, MAX_KEY_UNITS, ChildSlot, Folded, Key, Stored, ValueSlot
from osdimage.imaging.registry.values import MAX_NAME_UNITS, Value

_OFFSET = struct.Struct("<I")
_SIZE = struct.Struct("<i")
_MOST_TOLD = 200
"""Warnings of one hive; more are counted."""
_NUL = "\0"
_ROOT = "the root"
_Item = TypeVar("_Item")
_SHARED = 4
"""How often all bytes of a file may be read before its cells must overlap; some share a cell where there is damage."""


class Fault(Exception):
    """Something in a hive that cannot be read: where, and why."""

    def __init__(self, offset: int, what: str) -> None:
        where = "nowhere" if offset == cells.NOWHERE else f"offset {offset + cells.BASE_BLOCK_BYTES:#x}"
        super().__init__(f"{where}: {what}")


class HiveFile:
    """The file of a hive, and the keys of it that are in memory.

    Attributes:
        data: the whole file.
        size: of its bins, in bytes; they begin behind the first block.
        name: what messages call it.
        minor: the version is 1.minor.
        faults: why the bins as a whole are not sound, so that no cell can be added to them.
        changed: keys that were changed, by the offsets of their cells.
    """

    def __init__(self, data: bytes, told: int, minor: int, name: str) -> None:
        there = (len(data) - cells.BASE_BLOCK_BYTES) // cells.BIN_STEP * cells.BIN_STEP
        self.data = data
        self.size = there if told == 0 or told % cells.BIN_STEP else min(told, there)
        self.name = name
        self.minor = minor
        self.faults: list[str] = []
        self.last_bin = 0
        self.changed: dict[int, Key] = {}
        self._has_big_data = minor >= cells.BIG_DATA_MINOR
        self._keys: WeakValueDictionary[int, Key] = WeakValueDictionary()
        self._warnings: dict[str, None] = {}
        self._untold = 0
        self._left = _SHARED * self.size + cells.BASE_BLOCK_BYTES
        self._charged: set[int] = set()
        self._descriptors: dict[int, bytes] = {}
        # Of what is read at the moment.
        self._doubts: list[str] = []

    # ---- what is told

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found wrong until now."""
        more = (f"{self.name}: damaged hive: {self._untold} more faults",) if self._untold else ()
        return (*self._warnings, *more)

    def warn(self, text: str) -> None:
        """Tell of something once; of thousands only how many there are."""
        text = f"{self.name}: {text}"
        if text in self._warnings:
            return
        if len(self._warnings) < _MOST_TOLD:
            self._warnings[text] = None
        else:
            self._untold += 1

    def _warn_of(self, stored: Stored, text: object) -> None:
        self.warn(f"damaged hive: key {stored.called!r}: {text}")

    def check_bins(self, told: int) -> None:
        """Look at the heads of all bins."""
        there = len(self.data) - cells.BASE_BLOCK_BYTES
        if told == 0 or told % cells.BIN_STEP or told > there:
            self.faults.append(f"its header tells of {told} bytes of bins; the file has {there}")
        at, base = 0, cells.BASE_BLOCK_BYTES
        while at < self.size:
            signature, offset, size = struct.unpack_from("<4sII", self.data, base + at)
            if signature != b"hbin" or offset != at or size == 0 or size % cells.BIN_STEP or at + size > self.size:
                self.faults.append(f"offset {at + base:#x}: not a bin, or not the one for there")
                break
            self.last_bin = at
            at += size
        for text in self.faults:
            self.warn(f"damaged hive: {text}")

    # ---- changes

    @property
    def is_changed(self) -> bool:
        """Whether a key was changed."""
        return bool(self.changed)

    def note(self, key: Key) -> None:
        """Keep a key that was changed."""
        if key.stored is not None:
            self.changed[key.stored.offset] = key

    def forget(self, key: Key) -> None:
        """Forget the changes of a key that was removed, and of all that were in it."""
        if key.stored is None:
            return
        inside = key.stored.path + "\\"
        self.changed = {
            offset: each
            for offset, each in self.changed.items()
            if each is not key and each.stored is not None and not each.stored.path.startswith(inside)
        }

    # ---- cells

    def cell(self, offset: int) -> tuple[int, int]:
        """Return where the contents of a cell begin and end in the file; raise :class:`Fault` when it is none."""
        start = offset + cells.BASE_BLOCK_BYTES
        size = abs(self._size_of(offset))
        if size < cells.CELL_STEP:
            raise Fault(offset, "the size of the cell cannot be")
        if not self.is_used(offset):
            self._doubts.append(f"offset {start:#x}: the cell is marked as free, or its size cannot be")
        return start + 4, min(start + size, self.size + cells.BASE_BLOCK_BYTES)

    def is_used(self, offset: int) -> bool:
        """Tell whether there is a sound cell at an offset that is not free."""
        try:
            size = -self._size_of(offset)
        except Fault:
            return False
        return size >= cells.CELL_STEP and not size % cells.CELL_STEP and offset + size <= self.size

    def _size_of(self, offset: int) -> int:
        if offset & 7 or not cells.BIN_HEADER_BYTES <= offset <= self.size - cells.CELL_STEP:
            raise Fault(offset, "no cell can be there")
        size: int = _SIZE.unpack_from(self.data, offset + cells.BASE_BLOCK_BYTES)[0]
        return size

    def tell_of_root(self, root: Key) -> None:
        """Tell of what was odd about the cell of the root."""
        if root.stored is not None:
            self._tell_doubts(root.stored)

    def _tell_doubts(self, stored: Stored) -> None:
        """Tell of cells that were read all the same."""
        for text in dict.fromkeys(self._doubts):
            self._warn_of(stored, text)
        self._doubts.clear()

    def record(self, offset: int, size: int, *signatures: bytes) -> tuple[int, int]:
        """Return where the contents of a cell begin and end that holds a record of one of these kinds."""
        start, end = self.cell(offset)
        if end - start < size or self.data[start : start + 2] not in signatures:
            raise Fault(offset, f"no record {' or '.join(each.decode() for each in signatures)}")
        return start, end

    def contents(self, offset: int, size: int) -> bytes:
        """Return the first bytes of a cell."""
        start, end = self.cell(offset)
        if start + size > end:
            raise Fault(offset, f"{size} bytes do not fit the cell")
        return self.data[start : start + size]

    def _charge(self, size: int, offset: int) -> None:
        self._left -= size
        if self._left < 0:
            where = f"offset {offset + cells.BASE_BLOCK_BYTES:#x}"
            raise InvalidInput(f"{self.name}: damaged hive: {where}: its cells overlap: they hold more than the file")

    # ---- keys

    def key(self, offset: int, above: str, parent: Stored | None) -> Key:
        """Return the key in the cell at an offset; raise :class:`Fault` when there is none."""
        known = self._keys.get(offset)
        if known is not None:
            return known
        start, end = self.record(offset, cells.KEY.size, b"nk")
        fields = cells.KEY.unpack_from(self.data, start)
        flags, name_bytes = fields[KeyField.FLAGS], fields[KeyField.NAME_BYTES]
        name = self._name(
            start + cells.KEY.size, end, name_bytes, is_compressed=bool(flags & cells.KEY_COMP_NAME), most=MAX_KEY_UNITS
        )
        path = "" if parent is None else f"{above}\\{name}" if above else name
        depth = 1 if parent is None else parent.depth + 1
        key = Key(name, stored=Stored(self, offset, path, path or name or _ROOT, depth, fields))
        self._keys[offset] = key
        return key

    def _name(self, at: int, end: int, size: int, *, is_compressed: bool, most: int) -> str:
        """Return the name at the end of a record; of one that is longer than its cell, or any, what is there."""
        end = min(end, at + most * (1 if is_compressed else 2))
        data = self.data[at : min(at + size, end)]
        name = names.load(data, compressed=is_compressed)
        if at + size <= end:
            return name
        self._doubts.append(f"the name {name.rstrip(_NUL)!r} takes {size} bytes, more than there can be")
        return name.rstrip(_NUL)

    def subkeys_of(self, stored: Stored) -> dict[Folded, Key]:
        """Read the subkeys of a key, in the order of its list."""
        count = stored.fields[KeyField.SUBKEYS]
        stored.begin_subkeys()
        found: dict[Folded, Key] = {}
        if not count:
            return found
        if stored.depth >= MAX_DEPTH:
            stored.lost_subkeys = f"keys are nested more than {MAX_DEPTH} deep"
            self._warn_of(stored, f"{stored.lost_subkeys}: what is below is left out")
            return found
        entries = self._list(stored, stored.fields[KeyField.SUBKEY_LIST])
        if stored.lost_subkeys is None and len(entries) != count:
            self._warn_of(stored, f"it has {count} subkeys, its list {len(entries)}")
        before = ""
        for offset, word in entries:
            try:
                key = self.key(offset, stored.path, stored)
            except Fault as fault:
                self._warn_of(stored, f"a subkey is lost: {fault}")
                stored.children.append(ChildSlot(offset, word, None))
                continue
            finally:
                self._tell_doubts(stored)
            stored.children.append(ChildSlot(offset, word, key))
            folded = names.fold(key.name)
            self._check_entry(stored, key, folded, before, word)
            before = folded
            if folded in found:
                self._warn_of(stored, f"a second key {key.name!r}; only the first is found by its name")
            _adopt(found, folded, key)
        return found

    def _check_entry(self, stored: Stored, key: Key, folded: str, before: str, word: int) -> None:
        """Warn of what keeps Windows from finding a subkey that is there."""
        if key.stored is not None and key.stored.fields[KeyField.PARENT] != stored.offset:
            self._warn_of(stored, f"the subkey {key.name!r} says that it is in another key, or it is in the tree twice")
        if not folded.isascii():
            # What upper case is, is another question in every version of Windows.
            return
        if stored.list_kind == b"lh" and word != names.hash_of(folded):
            self._warn_of(stored, f"its list has a wrong hash for {key.name!r}: Windows may not find that subkey")
        if before > folded and before.isascii():
            self._warn_of(stored, f"its list is not sorted at {key.name!r}: Windows may not find that subkey")

    def _list(self, stored: Stored, offset: int) -> list[tuple[int, int]]:
        """Return the entries of a list of subkeys, or of all lists below an index root, with their hashes or hints."""
        try:
            start, end = self.record(offset, cells.LIST.size, b"lh", b"lf", b"li", b"ri")
        except Fault as fault:
            stored.lost_subkeys = str(fault)
            self._warn_of(stored, f"its subkeys are lost: {fault}")
            return []
        # Offsets are multiples of 8: the last bit tells lists of subkeys from values.
        is_charged = stored.offset | 1 in self._charged
        self._charged.add(stored.offset | 1)
        if self.data[start : start + 2] != b"ri":
            return self._leaf(stored, offset, start, end, is_charged=is_charged)
        found: list[tuple[int, int]] = []
        for each, _ in self._leaf(stored, offset, start, end, is_charged=is_charged):
            try:
                leaf = self.record(each, cells.LIST.size, b"lh", b"lf", b"li")
            except Fault as fault:
                stored.lost_subkeys = str(fault)
                self._warn_of(stored, f"some subkeys are lost: {fault}")
            else:
                found += self._leaf(stored, each, *leaf, is_charged=is_charged)
        return found

    def _leaf(self, stored: Stored, offset: int, start: int, end: int, *, is_charged: bool) -> list[tuple[int, int]]:
        signature, count = cells.LIST.unpack_from(self.data, start)
        first = start + cells.LIST.size
        # Entries of lh and lf are an offset and a hash or hint; those of li and ri an offset alone.
        words = 2 if signature in {b"lh", b"lf"} else 1
        if signature != b"ri":
            stored.list_kind = signature
        room = (end - first) // (4 * words)
        if count > room:
            stored.lost_subkeys = f"offset {offset + cells.BASE_BLOCK_BYTES:#x}: a list of {count} entries does not fit"
            self._warn_of(stored, f"some subkeys are lost: {stored.lost_subkeys} its cell")
            count = room
        if not is_charged:
            self._charge(end - start, offset)
        numbers = struct.unpack_from(f"<{words * count}I", self.data, first)
        return list(zip(numbers[::2], numbers[1::2], strict=True)) if words > 1 else [(each, 0) for each in numbers]

    def security_of(self, stored: Stored) -> bytes | None:
        """Read the security descriptor of a key."""
        offset = stored.fields[KeyField.SECURITY]
        if offset == cells.NOWHERE:
            return None
        known = self._descriptors.get(offset)
        if known is not None:
            return known
        try:
            known = self._descriptor(offset)
        except Fault as fault:
            self._warn_of(stored, f"its security descriptor is lost: {fault}")
            return None
        self._descriptors[offset] = known
        return known

    def _descriptor(self, offset: int) -> bytes:
        start, end = self.record(offset, cells.SECURITY.size, b"sk")
        size = cells.SECURITY.unpack_from(self.data, start)[5]
        at = start + cells.SECURITY.size
        if at + size > end:
            raise Fault(offset, f"a security descriptor of {size} bytes does not fit its cell")
        return self.data[at : at + size]

    def class_of(self, stored: Stored) -> bytes:
        """Read the class name of a key."""
        offset, size = stored.fields[KeyField.CLASS], stored.fields[KeyField.CLASS_BYTES]
        if not size or offset == cells.NOWHERE:
            return b""
        try:
            return self.contents(offset, size)
        except Fault as fault:
            self._warn_of(stored, f"its class name is lost: {fault}")
            return b""

    # ---- values

    def values_of(self, stored: Stored) -> dict[Folded, Value]:
        """Read the values of a key, in the order of its list."""
        # A key whose values are looked at is one that is looked at.
        self.security_of(stored)
        self.class_of(stored)
        self._tell_doubts(stored)
        stored.begin_values()
        found: dict[Folded, Value] = {}
        count, offset = stored.fields[KeyField.VALUES], stored.fields[KeyField.VALUE_LIST]
        if stored.fields[KeyField.FLAGS] & cells.KEY_PREDEF_HANDLE or not count:
            return found
        try:
            start, end = self.cell(offset)
        except Fault as fault:
            stored.lost_values = str(fault)
            self._warn_of(stored, f"its values are lost: {fault}")
            return found
        if start + 4 * count > end:
            stored.lost_values = f"offset {offset + cells.BASE_BLOCK_BYTES:#x}: a list of {count} values does not fit"
            self._warn_of(stored, f"some values are lost: {stored.lost_values} its cell")
            count = (end - start) // 4
        is_charged = stored.offset in self._charged
        self._charged.add(stored.offset)
        for each in struct.unpack_from(f"<{count}I", self.data, start):
            self._take_value(stored, each, found, is_charged=is_charged)
            self._tell_doubts(stored)
        return found

    def _take_value(self, stored: Stored, offset: int, found: dict[Folded, Value], *, is_charged: bool) -> None:
        try:
            start, end = self.record(offset, cells.VALUE.size, b"vk")
        except Fault as fault:
            self._warn_of(stored, f"a value is lost: {fault}")
            stored.values.append(ValueSlot(offset, None))
            return
        _, name_bytes, length, where, kind, flags, _ = cells.VALUE.unpack_from(self.data, start)
        if not is_charged:
            self._charge(end - start + (0 if length & cells.INLINE else min(length, self.size)), offset)
        is_compressed = bool(flags & cells.VALUE_COMP_NAME)
        name = self._name(start + cells.VALUE.size, end, name_bytes, is_compressed=is_compressed, most=MAX_NAME_UNITS)
        data, fault_of_data = self._data_of(offset, length, where)
        if fault_of_data is not None:
            self._warn_of(stored, f"of the value {name!r} some data are lost: {fault_of_data}")
        folded = names.fold(name)
        if folded in found:
            self._warn_of(stored, f"a second value {name!r}; only the first is found by its name")
        value = Value(name, kind, data, flags & ~cells.VALUE_COMP_NAME)
        stored.values.append(ValueSlot(offset, value, _adopt(found, folded, value)))

    def _data_of(self, offset: int, length: int, where: int) -> tuple[bytes, Fault | None]:
        """Return the data of a value as far as they are there, and why not all of them are."""
        if not length & cells.INLINE:
            return self._read_data(where, length) if length else (b"", None)
        length &= ~cells.INLINE
        fault = Fault(offset, f"{length} bytes of data cannot be in the value itself") if length > 4 else None
        return _OFFSET.pack(where)[:length], fault

    def _read_data(self, offset: int, size: int) -> tuple[bytes, Fault | None]:
        try:
            start, end = self.cell(offset)
            if size <= cells.SEGMENT_BYTES or not self._has_big_data or end - start >= size:
                # A hive that grew up under an older version has large cells.
                fault = None if end - start >= size else Fault(offset, f"{size} bytes do not fit the cell")
                return self.data[start : min(start + size, end)], fault
            segments = self.segments(offset, size)
        except Fault as fault:
            return b"", fault
        pieces: list[bytes] = []
        step = cells.SEGMENT_BYTES
        for index, each in enumerate(segments):
            try:
                pieces.append(self.contents(each, min(step, size - index * step)))
            except Fault as fault:
                return b"".join(pieces), fault
        return b"".join(pieces), None

    def segments(self, offset: int, size: int) -> tuple[int, ...]:
        """Return where the segments of big data are."""
        start, end = self.cell(offset)
        if end - start < cells.BIG_DATA.size or self.data[start : start + 2] != b"db":
            raise Fault(offset, f"{size} bytes of data are neither in the cell nor in a list of segments")
        _, count, listed = cells.BIG_DATA.unpack_from(self.data, start)
        if count != -(-size // cells.SEGMENT_BYTES):
            raise Fault(offset, f"{size} bytes of data cannot be in {count} segments")
        return struct.unpack(f"<{count}I", self.contents(listed, 4 * count))


def _adopt(found: dict[Folded, _Item], folded: str, item: _Item) -> Folded:
    """Take an item in, one of a name that is there already beside it; return what it is found by."""
    as_what: Folded = folded if folded not in found else (folded, len(found))
    found[as_what] = item
    return as_what
