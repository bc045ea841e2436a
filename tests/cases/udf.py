"""UDF volumes made byte by byte, for what no program of Linux writes without root: every way to describe a file.

7zz and grub-fstest judge them as they judge those of others.  The structures are those of ECMA-167 with the
names of OSTA UDF; `seal` makes a descriptor right again that a test has changed.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MAIN, RESERVE, INTEGRITY, ANCHOR, PARTITION = 80, 96, 112, 256, 272
# 2020-02-03 04:05:06.07, one hour before UTC.
TIME = struct.pack("<HhBBBBBBBB", 0x1000 | 60, 2020, 2, 3, 4, 5, 6, 7, 0, 0)
TIME_NS = 1_580_702_706_070_000_000 - 3_600_000_000_000
_CHARSET = b"\0OSTA Compressed Unicode".ljust(64, b"\0")
SHORT, LONG, WITHIN = 0, 1, 3


@dataclass(frozen=True)
class Node:
    """A file, or a directory when it has no contents.

    Attributes:
        pieces: where the contents are cut into extents that are not beside each other.
        way: how the allocation descriptors are written.
        holes: extents of the pieces that are not recorded; what is in them is zeros.
        in_chain: whether the descriptors, one in each block, go on in other blocks.
        is_amended: whether there is an older entry, which says where this one is.
        flags: of the name: 1 is hidden, 4 deleted.
        kind: of the file, when it is no plain one.
    """

    name: str = ""
    contents: bytes | None = None
    children: Sequence[Node] = ()
    pieces: Sequence[int] = ()
    way: int = SHORT
    holes: frozenset[int] = frozenset()
    in_chain: bool = False
    is_amended: bool = False
    flags: int = 0
    kind: int = 5
    wide: bool | None = None


@dataclass
class Made:
    """A volume, and where its parts are, by path: the file entry and the name, as bytes of the disc."""

    data: bytearray
    block: int
    entries: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)

    def patch(self, at: int, form: str, *values: int | bytes) -> None:
        struct.pack_into("<" + form, self.data, at, *values)

    def seal(self, at: int) -> None:
        """Make checksum and CRC of a descriptor right again."""
        length = int.from_bytes(self.data[at + 10 : at + 12], "little")
        self.patch(at + 8, "H", binascii.crc_hqx(bytes(self.data[at + 16 : at + 16 + length]), 0))
        self.data[at + 4] = sum(self.data[at : at + 4]) + sum(self.data[at + 5 : at + 16]) & 0xFF


def tagged(kind: int, location: int, body: bytes, version: int = 2) -> bytes:
    head = struct.pack("<HHBBHHHI", kind, version, 0, 0, 0, binascii.crc_hqx(body, 0), len(body), location)
    return head[:4] + bytes([sum(head) & 0xFF]) + head[5:] + body


def characters(text: str, wide: bool | None = None) -> bytes:
    if not text:
        return b""
    if wide or any(ord(each) > 0xFF for each in text):
        return b"\x10" + text.encode("utf-16-be", "surrogatepass")
    return b"\x08" + text.encode("latin-1")


def dstring(text: str, size: int) -> bytes:
    data = characters(text)
    return data.ljust(size - 1, b"\0") + bytes([len(data)])


def _regid(name: bytes, suffix: bytes = b"") -> bytes:
    return b"\0" + name.ljust(23, b"\0") + suffix.ljust(8, b"\0")


def long_ad(length: int, block: int, kind: int = 0) -> bytes:
    return struct.pack("<IIH6x", length | kind << 30, block, 0)


class _Writer:
    def __init__(self, block: int, revision: int, *, extended: bool) -> None:
        self.block = block
        self.version = 2 if revision < 0x0200 else 3
        self.extended = extended
        self.partition = bytearray()
        self.made = Made(bytearray(), block)

    def reserve(self, data: bytes = b"") -> int:
        number = len(self.partition) // self.block
        blocks = max(1, -(-len(data) // self.block))
        self.partition += data.ljust(blocks * self.block, b"\0")
        return number

    def put(self, number: int, data: bytes) -> None:
        assert len(data) <= self.block
        self.partition[number * self.block : number * self.block + len(data)] = data

    def tag(self, kind: int, number: int, body: bytes) -> bytes:
        return tagged(kind, number, body, self.version)

    def node(self, node: Node, path: str, above: int) -> int:
        """Write a file or directory, and return the block of its entry."""
        number = self.reserve()
        self.made.entries[path or "/"] = (PARTITION + number) * self.block
        if node.contents is not None:
            self._entry(node, number, node.contents, node.kind)
            return number
        names = [self._name("", above if path else number, 2 | 8, 0)]
        for child in node.children:
            below = self.node(child, f"{path}/{child.name}", number)
            flags = child.flags | (2 if child.contents is None else 0)
            self.made.names[f"{path}/{child.name}"] = sum(map(len, names))
            names.append(self._name(child.name, below, flags, number, child.wide))
        self._entry(node, number, b"".join(names), 4)
        return number

    def _name(self, name: str, number: int, flags: int, location: int, wide: bool | None = None) -> bytes:
        text = characters(name, wide)
        body = struct.pack("<HBB", 1, flags, len(text)) + long_ad(self.block, number) + b"\0\0" + text
        return self.tag(257, location, body.ljust(-(-(len(body) + 16) // 4) * 4 - 16, b"\0"))

    def _entry(self, node: Node, number: int, contents: bytes, kind: int) -> None:
        if node.is_amended:
            newer = self.reserve()
            # The older one is of an empty file; the block behind it has to be the one that says more.
            assert newer == number + 1
            target = self.reserve()
            self.put(number, self._described(number, kind, 0, 0, b"", SHORT, strategy=4096))
            self.put(newer, self.tag(259, newer, bytes(20) + long_ad(self.block, target)))
            number = target
        if node.way == WITHIN:
            self.put(number, self._described(number, kind, len(contents), 0, contents, WITHIN))
            return
        extents = []
        for index, (first, last) in enumerate(pairwise([0, *node.pieces, len(contents)])):
            piece = contents[first:last]
            if index in node.holes:
                extents.append((len(piece) | 2 << 30, 0))
            elif piece:
                extents.append((len(piece), self.reserve(piece)))
            # So that the next is not beside it.
            if node.pieces:
                self.reserve()
        table = self._chained(extents) if node.in_chain else self._descriptors(extents)
        self.put(number, self._described(number, kind, len(contents), len(extents), table, node.way))

    def _descriptors(self, extents: Sequence[tuple[int, int]]) -> bytes:
        return b"".join(struct.pack("<II", *each) for each in extents)

    def _chained(self, extents: Sequence[tuple[int, int]]) -> bytes:
        """Return the first descriptor and one that leads to a block with the second, and so on."""
        table = b""
        for each in reversed(extents):
            if table:
                number = self.reserve()
                self.put(number, self.tag(258, number, struct.pack("<II", 0, len(table)) + table))
                table = struct.pack("<II", self.block | 3 << 30, number)
            table = struct.pack("<II", *each) + table
        return table

    def _described(  # noqa: PLR0917 - as they are recorded
        self, number: int, kind: int, size: int, blocks: int, table: bytes, way: int, strategy: int = 4
    ) -> bytes:
        if way == LONG:
            table = b"".join(long_ad(*struct.unpack("<II", table[at : at + 8])) for at in range(0, len(table), 8))
        icb = struct.pack("<IHHHBB6sH", 0, strategy, 0, 1 if strategy == 4 else 2, 0, kind, bytes(6), way)
        owner = struct.pack("<IIIHBBI", 0xFFFFFFFF, 0xFFFFFFFF, 0x14A5, 1, 0, 0, 0)
        sizes = struct.pack("<QQ", size, blocks)
        tail = bytes(16) + _regid(b"*test") + struct.pack("<QII", number, 0, len(table)) + table
        if not self.extended:
            return self.tag(261, number, icb + owner + sizes + TIME * 3 + struct.pack("<I", 1) + tail)
        sizes = struct.pack("<QQQ", size, size, blocks)
        return self.tag(266, number, icb + owner + sizes + TIME * 4 + struct.pack("<II", 1, 0) + bytes(16) + tail)


def build(
    root: Node,
    *,
    revision: int = 0x0102,
    block: int = 2048,
    label: str = "LABEL",
    extended: bool | None = None,
    partition_map: bytes = b"\1\6\1\0\0\0",
) -> Made:
    """Return a volume; file entries are extended ones from UDF 2.00 on, unless it is said."""
    writer = _Writer(block, revision, extended=revision >= 0x0200 if extended is None else extended)
    file_set = writer.reserve()
    suffix = struct.pack("<H", revision)
    top = writer.node(root, "", 0)
    body = TIME + struct.pack("<HHIIII", 3, 3, 1, 1, 0, 0) + _CHARSET + dstring(label, 128) + _CHARSET
    body += dstring(label, 32) + bytes(64) + long_ad(block, top) + _regid(b"*OSTA UDF Compliant", suffix) + bytes(48)
    writer.put(file_set, writer.tag(256, file_set, body))
    blocks = len(writer.partition) // block
    data = writer.made.data
    data += bytes((PARTITION + blocks + 1) * block)

    def put(number: int, content: bytes) -> None:
        data[number * block : number * block + len(content)] = content

    nsr = b"NSR02" if revision < 0x0200 else b"NSR03"
    # In sectors of their own where blocks are larger.
    for index, each in enumerate((b"BEA01", nsr, b"TEA01")):
        at = 32768 + index * max(2048, block)
        data[at : at + 7] = b"\0" + each + b"\1"
    sequence = (
        (
            1,
            bytes(8) + dstring(label, 32) + struct.pack("<HHHHII", 1, 1, 2, 2, 1, 1) + dstring("set", 128)
            + bytes(300),
        ),
        (5, struct.pack("<IHH", 2, 1, 0) + _regid(b"+" + nsr) + bytes(128) + struct.pack("<III", 1, PARTITION, blocks)),
        (
            6,
            struct.pack("<I", 3) + _CHARSET + dstring(label, 128) + struct.pack("<I", block)
            + _regid(b"*OSTA UDF Compliant", suffix) + long_ad(block, file_set)
            + struct.pack("<II", len(partition_map), 1) + _regid(b"*test") + bytes(128)
            + struct.pack("<II", block * 2, INTEGRITY) + partition_map,
        ),
        (7, struct.pack("<II", 4, 0)),
        (8, bytes(496)),
    )  # fmt: skip
    for first in (MAIN, RESERVE):
        for index, (kind, content) in enumerate(sequence):
            put(first + index, writer.tag(kind, first + index, content))
    closed = TIME + struct.pack("<III", 1, 0, 0) + bytes(32) + struct.pack("<IIII", 1, 0, 0, blocks)
    put(INTEGRITY, writer.tag(9, INTEGRITY, closed))
    for number in (ANCHOR, PARTITION + blocks):
        put(number, writer.tag(2, number, struct.pack("<IIII", 16 * block, MAIN, 16 * block, RESERVE)))
    data[PARTITION * block : (PARTITION + blocks) * block] = writer.partition
    return writer.made
