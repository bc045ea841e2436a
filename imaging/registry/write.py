"""A tree of keys -> the bytes of a hive."""

from __future__ import annotations

import struct
from datetime import datetime

from osdimage.imaging.errors import InvalidRequest, TargetRefused
from osdimage.imaging.filetime import from_datetime
from osdimage.imaging.registry import cells, names
from osdimage.imaging.registry.hive import MAX_DEPTH, Hive, Key
from osdimage.imaging.registry.security import KEY_ALL_ACCESS, descriptor
from osdimage.imaging.registry.values import Value
from osdimage.imaging.units import align_up

_MINORS = range(3, 7)


def new_hive(
    root_name: str,
    *,
    file_name: str = "",
    minor: int = 5,
    security: bytes | None = None,
    now: datetime | None = None,
) -> Hive:
    """Make an empty hive.

    Args:
        root_name: the name of the root key; Windows ignores it.
        file_name: what Windows notes of the path in the base block, for people only; its last 31 units are kept.
        minor: 3 (BCD stores) to 6: the version is 1.minor.
        security: the descriptor of the root, which new keys inherit; None: Administrators and SYSTEM do all.
        now: the time of the hive and its root; None: none.

    Raises:
        InvalidRequest: for another version.
    """
    timestamp = from_datetime(now) if now is not None else 0
    header = _new_header(file_name, minor, timestamp)
    root = Key(root_name, security=security or descriptor(KEY_ALL_ACCESS, inherited=True), flags=0x000C)
    root.timestamp = timestamp
    return Hive(root, header)


def _new_header(file_name: str, minor: int, timestamp: int) -> bytes:
    """Return the base block of a hive that was never written."""
    if minor not in _MINORS:
        raise InvalidRequest(f"hives of version 1.{minor} are not written; valid are 1.3 to 1.6")
    # The name ends with a NUL inside its field.
    tail = file_name.encode("utf-16-le", "surrogatepass")[-(cells.NAME_BYTES - 2) :]
    block: bytes = cells.BASE_BLOCK_STRUCT.build(
        {
            "Signature": b"regf",
            "Sequence1": 0,
            "Sequence2": 0,
            "TimeStamp": timestamp,
            "Major": 1,
            "Minor": minor,
            "Type": 0,
            "Format": 1,
            "RootCell": 0,
            "Length": 0,
            "Cluster": 1,
            "FileName": tail.ljust(cells.NAME_BYTES, b"\0"),
            "Reserved1": bytes(396),
            "CheckSum": 0,
            "Reserved2": bytes(3576),
            "BootType": 0,
            "BootRecover": 0,
        }
    )
    return block


def write_hive(hive: Hive, *, now: datetime | None = None, force: bool = False) -> bytes:
    """Return the file of a hive.

    Args:
        hive: the hive.
        now: becomes the time of the hive and of each key that was changed; None leaves all times as they are.
        force: write a dirty hive too, without the changes that are in its log files: they are lost then.

    Raises:
        TargetRefused: when the hive is dirty and ``force`` is not set.
        InvalidRequest: when keys are nested more than 512 deep.
    """
    if hive.is_dirty and not force:
        raise TargetRefused(f"{'; '.join(hive.warnings)}; force the write to lose those changes")
    return _file_of(hive, from_datetime(now) if now is not None else None)


def _file_of(hive: Hive, now: int | None) -> bytes:
    """Return the file; ``now`` is the time of what was changed, 100 ns since 1601, or None to leave times alone."""
    header = cells.BASE_BLOCK_STRUCT.parse(hive.header)
    if now is not None:
        header.TimeStamp = now
    writer = _Writer(header.Minor, header.TimeStamp, now)
    header.RootCell = writer.add_tree(hive.root)
    data = writer.finish()
    header.Sequence1 = header.Sequence2 = (max(header.Sequence1, header.Sequence2) + 1) & 0xFFFFFFFF
    header.Length = len(data)
    header.Type = 0
    header.CheckSum = cells.checksum(cells.BASE_BLOCK_STRUCT.build(header))
    return bytes(cells.BASE_BLOCK_STRUCT.build(header)) + data


class _Writer:
    """Cells, one behind the other, in bins of one page; a larger cell has a bin of its own."""

    def __init__(self, minor: int, timestamp: int, now: int | None) -> None:
        self._bytes = bytearray()
        self._at = 0
        self._timestamp = timestamp
        self._now = now
        self._has_big_data = minor >= cells.BIG_DATA_MINOR
        self._has_hashes = minor >= cells.HASH_LEAF_MINOR
        self._security: dict[bytes, _Descriptor] = {}

    # ---- cells

    def _allocate(self, size: int) -> int:
        """Return the offset of a new cell for ``size`` bytes, filled with zeroes."""
        whole = (size + 11) & ~7
        at = self._at
        if at + whole > len(self._bytes):
            at = self._add_bin(whole)
        struct.pack_into("<i", self._bytes, at, -whole)
        self._at = at + whole
        return at

    def _add_bin(self, needed: int) -> int:
        self._close_bin()
        start = len(self._bytes)
        size = align_up(cells.BIN_HEADER_BYTES + needed, cells.BIN_STEP)
        self._bytes += bytes(size)
        self._bytes[start : start + cells.BIN_HEADER_BYTES] = cells.BIN_STRUCT.build(
            {
                "Signature": b"hbin",
                "FileOffset": start,
                "Size": size,
                "Reserved1": 0,
                "TimeStamp": 0 if start else self._timestamp,
                "Spare": 0,
            }
        )
        return start + cells.BIN_HEADER_BYTES

    def _close_bin(self) -> None:
        """Make the rest of the bin one free cell."""
        if self._at < len(self._bytes):
            struct.pack_into("<i", self._bytes, self._at, len(self._bytes) - self._at)

    def _add(self, data: bytes) -> int:
        at = self._allocate(len(data))
        self._bytes[at + 4 : at + 4 + len(data)] = data
        return at

    def finish(self) -> bytes:
        """Return the bins, after everything was added."""
        ring = list(self._security.values())
        for index, one in enumerate(ring):
            after, before = ring[(index + 1) % len(ring)], ring[index - 1]
            cells.SECURITY.pack_into(
                self._bytes, one.offset + 4, b"sk", 0, after.offset, before.offset, one.references, one.size
            )
        self._close_bin()
        return bytes(self._bytes)

    # ---- keys

    def add_tree(self, root: Key) -> int:
        """Add a key and all below it; return the offset of its cell."""
        # The key, the offset of the key that it is in, where that one's list notes it, and how deep it is.
        waiting: list[tuple[Key, str, int, int | None, int]] = [(root, "", 0, None, 1)]
        first: int | None = None
        while waiting:
            key, folded, parent, slot, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise InvalidRequest(f"key {key.name!r}: keys are nested more than {MAX_DEPTH} deep")
            below = key.sorted_subkeys()
            at, slots = self._add_key(key, parent, below)
            if slot is None:
                first = at
            elif self._has_hashes:
                struct.pack_into("<II", self._bytes, slot, at, names.hash_of(folded))
            else:
                struct.pack_into("<I4s", self._bytes, slot, at, names.hint_of(key.name))
            # Popped from the end: the last one first keeps neighbours together.
            for (name, child), place in zip(reversed(below), reversed(slots), strict=True):
                waiting.append((child, name, at, place, depth + 1))
        if first is None:
            raise ValueError("no key was written")
        return first

    def _add_key(self, key: Key, parent: int, below: list[tuple[str, Key]]) -> tuple[int, list[int]]:
        name, is_compressed = names.store(key.name)
        at = self._allocate(cells.KEY.size + len(name))
        values = key.values
        value_list, longest_name, most_data = self._add_values(values) if values else (cells.NOWHERE, 0, 0)
        subkey_list, slots = self._add_lists(len(below)) if below else (cells.NOWHERE, [])
        cells.KEY.pack_into(
            self._bytes,
            at + 4,
            b"nk",
            key.flags | (cells.KEY_COMP_NAME if is_compressed else 0),
            self._now if key.changed and self._now is not None else key.timestamp,
            key.access,
            parent,
            len(below),
            0,
            subkey_list,
            cells.NOWHERE,
            len(values) if key.predefined is None else key.predefined,
            value_list,
            self._add_security(key.security),
            self._add(key.class_data) if key.class_data else cells.NOWHERE,
            2 * max((len(folded) for folded, _ in below), default=0),
            key.control,
            max((len(child.class_data) for _, child in below), default=0),
            longest_name,
            most_data,
            0,
            len(name),
            len(key.class_data),
        )
        self._bytes[at + 4 + cells.KEY.size : at + 4 + cells.KEY.size + len(name)] = name
        return at, slots

    def _add_lists(self, count: int) -> tuple[int, list[int]]:
        """Add lists for ``count`` subkeys; return their offset and where each subkey's entry of eight bytes goes."""
        leaves: list[int] = []
        slots: list[int] = []
        for start in range(0, count, cells.LEAF_ENTRIES):
            entries = min(cells.LEAF_ENTRIES, count - start)
            leaf = self._allocate(cells.LIST.size + 8 * entries)
            cells.LIST.pack_into(self._bytes, leaf + 4, b"lh" if self._has_hashes else b"lf", entries)
            leaves.append(leaf)
            first = leaf + 4 + cells.LIST.size
            slots += range(first, first + 8 * entries, 8)
        if len(leaves) == 1:
            return leaves[0], slots
        return self._add(cells.LIST.pack(b"ri", len(leaves)) + struct.pack(f"<{len(leaves)}I", *leaves)), slots

    def _add_security(self, security: bytes | None) -> int:
        if security is None:
            return cells.NOWHERE
        known = self._security.get(security)
        if known is None:
            at = self._add(bytes(cells.SECURITY.size) + security)
            known = self._security[security] = _Descriptor(at, len(security))
        known.references += 1
        return known.offset

    # ---- values

    def _add_values(self, values: tuple[Value, ...]) -> tuple[int, int, int]:
        """Add values and their list; return its offset, the most bytes of a name in UTF-16, and the most of data."""
        offsets: list[int] = []
        longest = most = 0
        for value in values:
            name, is_compressed = names.store(value.name)
            data = value.data
            longest = max(longest, 2 * len(name) if is_compressed else len(name))
            most = max(most, len(data))
            if len(data) <= 4:
                length, where = len(data) | cells.INLINE, int.from_bytes(data, "little")
                if value.flags & cells.VALUE_TOMBSTONE:
                    length, where = 0, cells.NOWHERE
            else:
                length, where = len(data), self._add_data(data)
            # As Windows does, the default value has no name that could be compressed.
            flags = value.flags | (cells.VALUE_COMP_NAME if is_compressed and name else 0)
            offsets.append(self._add(cells.VALUE.pack(b"vk", len(name), length, where, value.type, flags, 0) + name))
        return self._add(struct.pack(f"<{len(offsets)}I", *offsets)), longest, most

    def _add_data(self, data: bytes) -> int:
        if len(data) <= cells.SEGMENT_BYTES or not self._has_big_data:
            return self._add(data)
        step = cells.SEGMENT_BYTES
        # libhivex takes the last four bytes of every segment's cell for padding, also where Windows needs none.
        segments = [self._add(data[start : start + step] + bytes(4)) for start in range(0, len(data), step)]
        listed = self._add(struct.pack(f"<{len(segments)}I", *segments))
        return self._add(cells.BIG_DATA.pack(b"db", len(segments), listed))


class _Descriptor:
    """A security cell that was written, and how many keys point to it."""

    __slots__ = ("offset", "references", "size")

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        self.references = 0
