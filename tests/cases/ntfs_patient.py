"""A volume in memory of which single things are made wrong, with everything else kept right.

The code is its own, so that a mistake of the checker is not one of its judge.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osdimage.imaging import Geometry
from osdimage.imaging.disk.target import BlockTarget

CLUSTER, RECORD, BLOCK = 4096, 1024, 4096
STANDARD, LIST, NAME, OBJECT_ID, INFORMATION, DATA, ROOT, ALLOCATION, BITMAP, REPARSE, EA_INFORMATION = (
    0x10, 0x20, 0x30, 0x40, 0x70, 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0,
)  # fmt: skip
END = b"\xff\xff\xff\xff"
CHILD, LAST = 1, 2


class Bytes(BlockTarget):
    """A volume in memory."""

    def __init__(self, data: bytes | bytearray) -> None:
        super().__init__("volume", Geometry.of_size(len(data) // 512 * 512, 512))
        self._data = data

    def flush(self) -> None: ...

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        return bytes(self._data[offset_bytes : offset_bytes + size_bytes])

    def _write(self, offset_bytes: int, data: Any) -> None:
        raise AssertionError(f"the checker writes {len(data)} bytes at {offset_bytes}")


def u16(data: bytes | bytearray, at: int) -> int:
    return int(struct.unpack_from("<H", data, at)[0])


def u32(data: bytes | bytearray, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def u64(data: bytes | bytearray, at: int) -> int:
    return int(struct.unpack_from("<Q", data, at)[0])


def put(data: bytearray, at: int, layout: str, *values: int) -> None:
    struct.pack_into(f"<{layout}", data, at, *values)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def find(record: bytes | bytearray, kind: int, name: str = "", number: int = 0) -> int:
    """Return where an attribute of a record begins; the first of them, or the one with a number from 0."""
    at = u16(record, 20)
    while record[at : at + 4] != END:
        begin = at + u16(record, at + 10)
        if u32(record, at) == kind and record[begin : begin + 2 * record[at + 9]] == utf16(name):
            if number == 0:
                return at
            number -= 1
        at += u32(record, at + 4)
    raise LookupError(f"no attribute {kind:#x} {name!r}")


def value_at(record: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return begin and end of a resident value."""
    assert not record[at + 8]
    begin = at + u16(record, at + 20)
    return begin, begin + u32(record, at + 16)


def runs_at(record: bytes | bytearray, at: int) -> Iterator[tuple[int, int]]:
    """Yield cluster and count of the runs of an attribute; a hole is at -1."""
    at += u16(record, at + 32)
    cluster = 0
    while record[at]:
        count, offset = record[at] & 15, record[at] >> 4
        length = int.from_bytes(record[at + 1 : at + 1 + count], "little")
        cluster += int.from_bytes(record[at + 1 + count : at + 1 + count + offset], "little", signed=True)
        yield (cluster if offset else -1), length
        at += 1 + count + offset


def splice(record: bytearray, at: int, old: int, new: bytes) -> None:
    """Put bytes in the place of others in a record, and move what is behind them."""
    used = u32(record, 24)
    tail = bytes(record[at + old : used])
    after = at + len(new) + len(tail)
    assert after <= RECORD
    record[at : at + len(new)] = new
    record[at + len(new) : after] = tail
    record[after:used] = bytes(max(0, used - after))
    put(record, 24, "I", after)


def remove(record: bytearray, kind: int, name: str = "") -> None:
    """Take an attribute out of a record."""
    at = find(record, kind, name)
    splice(record, at, u32(record, at + 4), b"")


def add(record: bytearray, kind: int, value: bytes, name: str = "") -> None:
    """Put a resident attribute at its place in a record; others of its type must not be there."""
    at = u16(record, 20)
    while record[at : at + 4] != END and u32(record, at) < kind:
        at += u32(record, at + 4)
    instance = u16(record, 40)
    put(record, 40, "H", instance + 1)
    begin = (24 + 2 * len(name) + 7) // 8 * 8
    head = struct.pack("<IIBBHHHIHBB", kind, 0, 0, len(name), 24, 0, instance, len(value), begin, kind == NAME, 0)
    body = (head + utf16(name)).ljust(begin, b"\0") + value
    body = bytearray(body.ljust((len(body) + 7) // 8 * 8, b"\0"))
    put(body, 4, "I", len(body))
    splice(record, at, 0, bytes(body))


def set_value(record: bytearray, at: int, value: bytes) -> None:
    """Give a resident attribute another value."""
    begin, _ = value_at(record, at)
    body = bytearray(record[at:begin] + value)
    body += bytes(-len(body) % 8)
    put(body, 4, "I", len(body))
    put(body, 16, "I", len(value))
    splice(record, at, u32(record, at + 4), bytes(body))


@dataclass
class Entry:
    """An entry of an index, and the node in front of it."""

    reference: int
    key: bytes
    child: Node | None = None


@dataclass
class Node:
    """A node of an index, and the one behind its last entry."""

    entries: list[Entry]
    child: Node | None = None


class Patient:
    """The volume.

    Attributes:
        data: its bytes.
        records: the numbers of files by their paths.
    """

    def __init__(self, data: bytes, records: dict[str, int]) -> None:
        self.data = bytearray(data)
        self.records = records
        self._mft = u64(self.data, 48) * CLUSTER
        self._unused = 64

    @classmethod
    def read(cls, path: Path, records: dict[str, int]) -> Patient:
        return cls(path.read_bytes(), records)

    def copy(self) -> Patient:
        return Patient(bytes(self.data), self.records)

    def number(self, file: str | int) -> int:
        return file if isinstance(file, int) else self.records[file]

    def reference(self, file: str | int) -> int:
        return self.number(file) | u16(self.data, self.place(file) + 16) << 48

    def place(self, file: str | int) -> int:
        """Return where on the volume a record is; the MFT of a small volume is in one piece."""
        at = self._mft + self.number(file) * RECORD
        assert self.data[at : at + 4] == b"FILE"
        assert u32(self.data, at + 44) == self.number(file)
        return at

    @contextmanager
    def record(self, file: str | int) -> Iterator[bytearray]:
        """Yield a record to be changed; its update sequence is made right again, and so is its mirror."""
        at = self.place(file)
        record = bytearray(_unprotected(self.data[at : at + RECORD]))
        yield record
        self.data[at : at + RECORD] = _protected(record)
        if self.number(file) < 4:
            mirror = u64(self.data, 56) * CLUSTER + self.number(file) * RECORD
            self.data[mirror : mirror + RECORD] = self.data[at : at + RECORD]

    def look(self, file: str | int) -> bytes:
        """Return a record with its own bytes in place of the update sequence."""
        at = self.place(file)
        return _unprotected(self.data[at : at + RECORD])

    def unused(self) -> int:
        """Return the number of a record that is there and not in use."""
        number = self._unused
        while u16(self.data, self.place(number) + 22) & 1:
            number += 1
        self._unused = number
        return number

    def clusters(self, file: str | int, kind: int = DATA, name: str = "") -> list[int]:
        record = self.look(file)
        runs = runs_at(record, find(record, kind, name))
        return [cluster for first, count in runs for cluster in range(first, first + count)]

    def value_place(self, file: str | int, kind: int, name: str = "") -> int:
        """Return where on the volume the value of an attribute begins, in its record or in clusters.

        What is in a record must not be under its update sequence.
        """
        record = self.look(file)
        at = find(record, kind, name)
        if record[at + 8]:
            return next(iter(runs_at(record, at)))[0] * CLUSTER
        begin, end = value_at(record, at)
        assert not any(begin < edge <= end + 2 for edge in (512, 1024))
        return self.place(file) + begin

    def set_bit(self, file: int, kind: int, bit: int, value: bool, name: str = "") -> None:
        at = self.value_place(file, kind, name) + bit // 8
        mask = 1 << bit % 8
        assert bool(self.data[at] & mask) is not value
        self.data[at] ^= mask

    def make(self, template: str, *, base: int = 0, names: int = 0) -> int:
        """Make a file out of an unused record: the first attributes of another one without its names."""
        number = self.unused()
        with self.record(template) as record:
            like = bytes(record)
        with self.record(number) as record:
            sequence = record[16:18]
            record[16:RECORD] = like[16:RECORD]
            record[16:18] = sequence
            put(record, 18, "H", names)
            put(record, 32, "Q", base)
            put(record, 44, "I", number)
            remove(record, NAME)
        self.set_bit(0, BITMAP, number, True)
        return number

    # ---- indexes

    def block(self, folder: str | int, number: int, name: str = "$I30") -> int:
        """Return where on the volume a block of an index is."""
        return self.clusters(folder, ALLOCATION, name)[number * BLOCK // CLUSTER] * CLUSTER

    @contextmanager
    def index_block(self, folder: str | int, number: int, name: str = "$I30") -> Iterator[bytearray]:
        """Yield a block of an index to be changed."""
        at = self.block(folder, number, name)
        block = bytearray(_unprotected(self.data[at : at + BLOCK]))
        yield block
        self.data[at : at + BLOCK] = _protected(block)

    def tree(self, folder: str | int, name: str = "$I30") -> Node:
        """Read the index of a directory."""
        record = self.look(folder)
        begin, _ = value_at(record, find(record, ROOT, name))
        return self._node(folder, record, begin + 16, name)

    def _node(self, folder: str | int, data: bytes, header: int, name: str) -> Node:
        node = Node([])
        at = header + u32(data, header)
        while True:
            length, flags = u16(data, at + 8), u16(data, at + 12)
            child = None
            if flags & CHILD:
                place = self.block(folder, u64(data, at + length - 8) * CLUSTER // BLOCK, name)
                child = self._node(folder, _unprotected(self.data[place : place + BLOCK]), 24, name)
            if flags & LAST:
                node.child = child
                return node
            node.entries.append(Entry(u64(data, at), data[at + 16 : at + 16 + u16(data, at + 10)], child))
            at += length

    def plant(self, folder: str | int, tree: Node, name: str = "$I30") -> None:
        """Write the index of a directory, into the blocks that it has."""
        blocks: list[Node] = []
        entries = self._entries(tree, blocks, folder, name)
        with self.record(folder) as record:
            at = find(record, ROOT, name)
            begin, _ = value_at(record, at)
            head = bytes(record[begin : begin + 16])
            size = 16 + len(entries)
            has_blocks = tree.child is not None or any(each.child for each in tree.entries)
            set_value(record, at, head + struct.pack("<IIII", 16, size, size, has_blocks) + entries)
            if blocks:
                bitmap, end = value_at(record, find(record, BITMAP, name))
                assert len(blocks) <= len(self.clusters(folder, ALLOCATION, name)) * CLUSTER // BLOCK
                record[bitmap:end] = ((1 << len(blocks)) - 1).to_bytes(end - bitmap, "little")

    def _entries(self, node: Node, blocks: list[Node], folder: str | int, name: str) -> bytes:
        parts = []
        for each in [*node.entries, Entry(0, b"", node.child)]:
            flags = (CHILD if each.child is not None else 0) | (0 if each.key else LAST)
            body = each.key + bytes(-len(each.key) % 8)
            if each.child is not None:
                number = len(blocks)
                blocks.append(each.child)
                self._write_block(folder, number, each.child, blocks, name)
                body += struct.pack("<Q", number * BLOCK // CLUSTER)
            head = struct.pack("<QHHHH", each.reference, 16 + len(body), len(each.key), flags, 0)
            parts.append(head + body)
        return b"".join(parts)

    def _write_block(self, folder: str | int, number: int, node: Node, blocks: list[Node], name: str) -> None:
        entries = self._entries(node, blocks, folder, name)
        fixups = 2 * (BLOCK // 512 + 1)
        first = (40 + fixups + 7) // 8 * 8 - 24
        head = struct.pack("<4sHHQQ", b"INDX", 40, BLOCK // 512 + 1, 0, number * BLOCK // CLUSTER)
        header = struct.pack("<IIII", first, first + len(entries), BLOCK - 24, node.child is not None)
        block = bytearray((head + header).ljust(24 + first, b"\0") + entries)
        assert len(block) <= BLOCK - 8
        block += bytes(BLOCK - len(block))
        put(block, 40, "H", 1)
        at = self.block(folder, number, name)
        self.data[at : at + BLOCK] = _protected(block)

    def change_key(self, folder: str | int, file: str, at: int, new: bytes) -> None:
        """Change bytes of the key of an entry of a directory, wherever it is."""
        number, name = self.number(file), utf16(file.rpartition("/")[2])
        with self.record(folder) as record:
            begin, end = value_at(record, find(record, ROOT, "$I30"))
            found = _entry_in(record, begin, end, number, name)
            if found is not None:
                record[found + at : found + at + len(new)] = new
                return
        for block in range(len(self.clusters(folder, ALLOCATION, "$I30")) * CLUSTER // BLOCK):
            with self.index_block(folder, block) as data:
                found = _entry_in(data, 24, 24 + u32(data, 28), number, name)
                if found is not None:
                    data[found + at : found + at + len(new)] = new
                    return
        raise LookupError(f"{file} is not in its folder")


def _entry_in(data: bytearray, begin: int, end: int, number: int, name: bytes) -> int | None:
    """Return where the key of an entry begins, in a node that is searched by the look of its entries."""
    for place in range(begin // 8 * 8, end - 96, 8):
        head = u64(data, place) & (1 << 48) - 1, u16(data, place + 10)
        if head == (number, 66 + len(name)) and data[place + 82 : place + 82 + len(name)] == name:
            return place + 16
    return None


def _unprotected(block: bytes | bytearray) -> bytes:
    result = bytearray(block)
    at = u16(block, 4)
    for number in range(1, u16(block, 6)):
        assert result[number * 512 - 2 : number * 512] == block[at : at + 2]
        result[number * 512 - 2 : number * 512] = block[at + 2 * number : at + 2 * number + 2]
    return bytes(result)


def _protected(block: bytearray) -> bytes:
    result = bytearray(block)
    at = u16(block, 4)
    for number in range(1, len(block) // 512 + 1):
        result[at + 2 * number : at + 2 * number + 2] = block[number * 512 - 2 : number * 512]
        result[number * 512 - 2 : number * 512] = block[at : at + 2]
    return bytes(result)
