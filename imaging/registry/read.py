"""The bytes of a hive -> a tree of keys, believing nothing.

Every cell must be inside the bins and in use, and what all keys and values take together cannot exceed the file: a hive
whose lists share cells, or lead back to themselves, ends in an error before it costs memory.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NoReturn

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry import cells, names
from osdimage.imaging.registry.hive import MAX_DEPTH, Hive, Key
from osdimage.imaging.registry.values import Value

if TYPE_CHECKING:
    from construct import Container

_OFFSET = struct.Struct("<I")
_SIZE = struct.Struct("<i")


def read_hive(data: bytes, *, name: str = "hive") -> Hive:
    """Read a hive of version 1.3 to 1.6.

    Memory and time are bounded by the size of the file, whatever is in it.

    Args:
        data: the whole file.
        name: what errors call it.

    Raises:
        InvalidInput: when it is not a hive or contradicts itself, with the offset in the file.
    """
    header = _read_header(data, name)
    faults = []
    if header.CheckSum != cells.checksum(data[: cells.BASE_BLOCK_BYTES]):
        faults.append("the checksum of its first block is wrong")
    if header.Sequence1 != header.Sequence2:
        faults.append(f"its sequence numbers are {header.Sequence1} and {header.Sequence2}")
    warnings: tuple[str, ...] = ()
    if faults:
        warnings = (f"{name}: dirty: {' and '.join(faults)}: its last changes are in its log files (.LOG1, .LOG2)",)
    bins = data[cells.BASE_BLOCK_BYTES : cells.BASE_BLOCK_BYTES + header.Length]
    _check_bins(bins, name)
    root = _Reader(bins, header.Minor, name).read_tree(header.RootCell)
    return Hive(root, data[: cells.BASE_BLOCK_BYTES], is_dirty=bool(faults), warnings=warnings)


def _read_header(data: bytes, name: str) -> Container:
    if len(data) < cells.BASE_BLOCK_BYTES or data[:4] != b"regf":
        raise InvalidInput(f"{name}: not a registry hive: it does not begin with 'regf' and 4 KiB of header")
    header = cells.BASE_BLOCK_STRUCT.parse(data[: cells.BASE_BLOCK_BYTES])
    if header.Major != 1 or not 3 <= header.Minor <= 6:
        raise InvalidInput(f"{name}: hive of version {header.Major}.{header.Minor}; 1.3 to 1.6 can be read")
    if header.Type != 0 or header.Format != 1:
        raise InvalidInput(
            f"{name}: file type {header.Type}, format {header.Format}: not a hive; its log files have type 1 or 6"
        )
    there = len(data) - cells.BASE_BLOCK_BYTES
    if header.Length == 0 or header.Length % cells.BIN_STEP or header.Length > there:
        raise InvalidInput(f"{name}: its header tells of {header.Length} bytes of bins; the file has {there}")
    return header


def _check_bins(bins: bytes, name: str) -> None:
    at = 0
    while at < len(bins):
        signature, offset, size = struct.unpack_from("<4sII", bins, at)
        if signature != b"hbin" or offset != at or size == 0 or size % cells.BIN_STEP or at + size > len(bins):
            raise InvalidInput(
                f"{name}: damaged hive: offset {at + cells.BASE_BLOCK_BYTES:#x}: not a bin, or not the one for there"
            )
        at += size


class _Reader:
    """Reads the cells of one hive."""

    def __init__(self, bins: bytes, minor: int, name: str) -> None:
        self._bins = bins
        self._name = name
        self._has_big_data = minor >= cells.BIG_DATA_MINOR
        self._left = len(bins)
        self._descriptors: dict[int, bytes] = {}
        self._seen: set[int] = set()

    def read_tree(self, offset: int) -> Key:
        """Return the key in the cell at an offset, with everything below it."""
        root, count, below = self._read_key(offset)
        waiting = [(root, count, below, offset, 1)]
        while waiting:
            parent, count, subkey_list, at, depth = waiting.pop()
            if not count:
                continue
            if depth >= MAX_DEPTH:
                self._fail(at, f"keys are nested more than {MAX_DEPTH} deep")
            offsets = self._read_list(subkey_list)
            if len(offsets) != count:
                self._fail(at, f"key {parent.name!r} has {count} subkeys, its list {len(offsets)}")
            for each in offsets:
                key, subkeys, further = self._read_key(each)
                if not parent.adopt_subkey(names.fold(key.name), key):
                    self._fail(each, f"a second key {key.name!r} in {parent.name!r}")
                if subkeys:
                    waiting.append((key, subkeys, further, each, depth + 1))
        return root

    # ---- cells

    def _cell(self, offset: int) -> tuple[int, int]:
        """Return where the contents of a cell begin and end."""
        if offset & 7 or not cells.BIN_HEADER_BYTES <= offset <= len(self._bins) - 8:
            self._fail(offset, "no cell can be there")
        size = -_SIZE.unpack_from(self._bins, offset)[0]
        if size < 8 or offset + size > len(self._bins):
            self._fail(offset, "the cell is free, or its size cannot be")
        self._left -= size
        if self._left < 0:
            self._fail(offset, "its cells overlap")
        return offset + 4, offset + size

    def _record(self, offset: int, size: int, *signatures: bytes) -> tuple[int, int]:
        """Return where the contents of a cell begin and end that holds a record of one of these kinds."""
        start, end = self._cell(offset)
        if end - start < size or self._bins[start : start + 2] not in signatures:
            self._fail(offset, f"no record {' or '.join(each.decode() for each in signatures)}")
        return start, end

    def _fail(self, offset: int, what: str) -> NoReturn:
        where = "nowhere" if offset == cells.NOWHERE else f"offset {offset + cells.BASE_BLOCK_BYTES:#x}"
        raise InvalidInput(f"{self._name}: damaged hive: {where}: {what}")

    # ---- keys

    def _read_key(self, offset: int) -> tuple[Key, int, int]:
        """Return a key with its values, how many subkeys it has, and where their list is."""
        if offset in self._seen:
            self._fail(offset, "the key is in the tree twice")
        self._seen.add(offset)
        start, end = self._record(offset, cells.KEY.size, b"nk")
        fields = cells.KEY.unpack_from(self._bins, start)
        (_, flags, time, access, _, subkeys, _, subkey_list, _, values, value_list, security, class_offset) = fields[
            :13
        ]
        control, name_bytes, class_bytes = fields[14], fields[19], fields[20]
        at = start + cells.KEY.size
        if at + name_bytes > end:
            self._fail(offset, f"the name of the key takes {name_bytes} bytes")
        key = Key(
            names.load(self._bins[at : at + name_bytes], compressed=bool(flags & cells.KEY_COMP_NAME)),
            security=self._read_security(security),
            timestamp=time,
            flags=flags & ~cells.KEY_COMP_NAME,
        )
        key.access = access
        key.control = control
        if class_bytes and class_offset != cells.NOWHERE:
            key.class_data = self._contents(class_offset, class_bytes)
        if flags & cells.KEY_PREDEF_HANDLE:
            key.predefined = values
        elif values:
            self._read_values(key, values, value_list)
        return key, subkeys, subkey_list

    def _read_list(self, offset: int) -> list[int]:
        """Return the offsets in a list of subkeys, or in all lists below an index root."""
        start, end = self._record(offset, cells.LIST.size, b"lh", b"lf", b"li", b"ri")
        if self._bins[start : start + 2] != b"ri":
            return self._read_leaf(offset, start, end)
        found: list[int] = []
        for each in self._read_leaf(offset, start, end):
            found += self._read_leaf(each, *self._record(each, cells.LIST.size, b"lh", b"lf", b"li"))
        return found

    def _read_leaf(self, offset: int, start: int, end: int) -> list[int]:
        signature, count = cells.LIST.unpack_from(self._bins, start)
        first = start + cells.LIST.size
        # Entries of lh and lf are an offset and a hash or hint; those of li and ri an offset alone.
        words = 2 if signature in {b"lh", b"lf"} else 1
        if first + 4 * words * count > end:
            self._fail(offset, f"a list of {count} entries does not fit its cell")
        return list(struct.unpack_from(f"<{words * count}I", self._bins, first)[::words])

    def _read_security(self, offset: int) -> bytes | None:
        if offset == cells.NOWHERE:
            return None
        known = self._descriptors.get(offset)
        if known is None:
            start, end = self._record(offset, cells.SECURITY.size, b"sk")
            size = cells.SECURITY.unpack_from(self._bins, start)[5]
            at = start + cells.SECURITY.size
            if at + size > end:
                self._fail(offset, f"a security descriptor of {size} bytes does not fit its cell")
            known = self._descriptors[offset] = self._bins[at : at + size]
        return known

    # ---- values

    def _read_values(self, key: Key, count: int, value_list: int) -> None:
        start, end = self._cell(value_list)
        if start + 4 * count > end:
            self._fail(value_list, f"a list of {count} values does not fit its cell")
        for offset in struct.unpack_from(f"<{count}I", self._bins, start):
            value = self._read_value(offset)
            if not key.adopt_value(names.fold(value.name), value):
                self._fail(offset, f"a second value {value.name!r} in key {key.name!r}")

    def _read_value(self, offset: int) -> Value:
        start, end = self._record(offset, cells.VALUE.size, b"vk")
        _, name_bytes, length, where, kind, flags, _ = cells.VALUE.unpack_from(self._bins, start)
        at = start + cells.VALUE.size
        if at + name_bytes > end:
            self._fail(offset, f"the name of the value takes {name_bytes} bytes")
        if length & cells.INLINE:
            length &= ~cells.INLINE
            if length > 4:
                self._fail(offset, f"{length} bytes of data cannot be in the value itself")
            data = _OFFSET.pack(where)[:length]
        else:
            data = self._read_data(where, length) if length else b""
        name = names.load(self._bins[at : at + name_bytes], compressed=bool(flags & cells.VALUE_COMP_NAME))
        return Value(name, kind, data, flags & ~cells.VALUE_COMP_NAME)

    def _contents(self, offset: int, size: int) -> bytes:
        start, end = self._cell(offset)
        if start + size > end:
            self._fail(offset, f"{size} bytes do not fit the cell")
        return self._bins[start : start + size]

    def _read_data(self, offset: int, size: int) -> bytes:
        if size <= cells.SEGMENT_BYTES or not self._has_big_data:
            return self._contents(offset, size)
        start, end = self._cell(offset)
        if end - start >= size:
            # A hive that grew up under an older version has large cells.
            return self._bins[start : start + size]
        if end - start < cells.BIG_DATA.size or self._bins[start : start + 2] != b"db":
            self._fail(offset, f"{size} bytes of data are neither in the cell nor in a list of segments")
        _, count, listed = cells.BIG_DATA.unpack_from(self._bins, start)
        if count != -(-size // cells.SEGMENT_BYTES):
            self._fail(offset, f"{size} bytes of data cannot be in {count} segments")
        segments = struct.unpack(f"<{count}I", self._contents(listed, 4 * count))
        step = cells.SEGMENT_BYTES
        return b"".join(
            self._contents(segment, min(step, size - index * step)) for index, segment in enumerate(segments)
        )
