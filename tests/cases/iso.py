"""Volumes of ISO 9660 made byte by byte, for what no program writes: records, lists and catalogs that lie."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

BLOCK = 2048
_ROOT = 20
# SUSP's mark, and the mode of the root: what makes a tree one of Rock Ridge.
ROOT_LIST = b"SP\x07\x01\xbe\xef\0"


def both_32(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)


def both_16(number: int) -> bytes:
    return struct.pack("<H", number) + struct.pack(">H", number)


def entry(kind: bytes, data: bytes) -> bytes:
    """Return an entry of a list of Rock Ridge."""
    return kind + bytes([4 + len(data), 1]) + data


def mode(number: int) -> bytes:
    return entry(b"PX", b"".join(map(both_32, (number, 1, 0, 0))))


def goes_on(block: int, offset: int, size: int) -> bytes:
    return entry(b"CE", b"".join(map(both_32, (block, offset, size))))


@dataclass(frozen=True)
class Node:
    """A file, or a directory when it has no contents; the list of Rock Ridge is what is behind the name."""

    name: bytes = b"\0"
    contents: bytes | None = None
    children: Sequence[Node] = ()
    more: bytes = b""
    flags: int = 0


@dataclass
class Made:
    """A volume, and where its parts are by path: the record of a file, and the directory itself."""

    data: bytearray
    records: dict[bytes, int] = field(default_factory=dict)
    directories: dict[bytes, int] = field(default_factory=dict)


def record(name: bytes, block: int, size: int, flags: int, more: bytes = b"", *, unit: int = 0) -> bytes:
    fill = b"" if len(name) % 2 else b"\0"
    length = 33 + len(name) + len(fill) + len(more)
    date = bytes((120, 2, 3, 4, 5, 6, 4))
    fixed = b"\0" + both_32(block) + both_32(size) + date + bytes((flags, unit, 0)) + both_16(1) + bytes([len(name)])
    whole = fixed + name + fill + more
    return bytes([length + length % 2]) + whole + (b"\0" if length % 2 else b"")


def build(
    root: Node,
    *,
    root_list: bytes = ROOT_LIST + mode(0o40755),
    behind: bytes = b"",
    joliet: bool = False,
    catalog: bytes = b"",
) -> Made:
    """Return a volume.

    Args:
        root: the tree; with Joliet its names are in UTF-16.
        root_list: what is behind the name of the root.
        behind: is put into the block before the root's, for lists that go on elsewhere.
        joliet: whether the tree is that of Joliet, beside which there is none.
        catalog: of El Torito, in a block behind all files.
    """
    made = Made(bytearray(_ROOT * BLOCK))
    made.data[(_ROOT - 1) * BLOCK : (_ROOT - 1) * BLOCK + len(behind)] = behind
    block, size = _directory(made, root, b"", b"" if joliet else root_list, None)
    label = "CRAFTED".ljust(16).encode("utf-16-be") if joliet else b"CRAFTED".ljust(32)
    descriptor = bytes([2 if joliet else 1]) + b"CD001\1\0" + b"LINUX".ljust(32) + label + bytes(8)
    descriptor += both_32(len(made.data) // BLOCK) + (b"%/E" if joliet else b"").ljust(32, b"\0")
    descriptor += both_16(1) + both_16(1) + both_16(BLOCK) + both_32(0) + bytes(16) + record(b"\0", block, size, 2)
    descriptors = [descriptor]
    if catalog:
        place = _append(made, catalog)
        descriptors.append(b"\0CD001\1EL TORITO SPECIFICATION".ljust(0x47, b"\0") + struct.pack("<I", place))
    for number, each in enumerate([*descriptors, b"\xffCD001\1"], 16):
        made.data[number * BLOCK : number * BLOCK + len(each)] = each
    return made


def catalog_of(*entries: bytes, platform: int = 0, wrong: int = 0) -> bytes:
    """Return a catalog: the validation entry, with a checksum that is off by ``wrong``, and what follows it."""
    head = bytes((1, platform)) + bytes(26)
    total = sum(int.from_bytes(head[at : at + 2], "little") for at in range(0, 28, 2)) + 0xAA55
    return head + struct.pack("<H", (wrong - total) & 0xFFFF) + b"\x55\xaa" + b"".join(entries)


def boot_entry(indicator: int, kind: int, sectors: int, block: int, segment: int = 0) -> bytes:
    return struct.pack("<BBHBBHI20x", indicator, kind, segment, 0, 0, sectors, block)


def section(indicator: int, platform: int, count: int) -> bytes:
    return struct.pack("<BBH28x", indicator, platform, count)


def _append(made: Made, data: bytes) -> int:
    block = len(made.data) // BLOCK
    made.data += data.ljust(max(1, -(-len(data) // BLOCK)) * BLOCK, b"\0")
    return block


def _directory(made: Made, node: Node, path: bytes, more: bytes, above: tuple[int, int] | None) -> tuple[int, int]:
    def packed(records: Sequence[bytes]) -> tuple[bytes, list[int]]:
        data, places = b"", []
        for each in records:
            if len(data) % BLOCK + len(each) > BLOCK:
                data = data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")
            places.append(len(data))
            data += each
        return data.ljust(max(1, -(-len(data) // BLOCK)) * BLOCK, b"\0"), places

    def records(places: Sequence[tuple[int, int]]) -> list[bytes]:
        own = (block, size)
        found = [record(b"\0", *own, 2, more), record(b"\1", *(above or own), 2)]
        for each, place in zip(node.children, places, strict=True):
            found.append(record(each.name, *place, each.flags | (2 if each.contents is None else 0), each.more))
        return found

    block, size = 0, 0
    size = len(packed(records([(0, 0)] * len(node.children)))[0])
    block = _append(made, bytes(size))
    made.directories[path or b"/"] = block * BLOCK
    places = []
    for each in node.children:
        if each.contents is None:
            places.append(_directory(made, each, path + b"/" + each.name, b"", (block, size)))
        else:
            places.append((_append(made, each.contents), len(each.contents)))
    data, offsets = packed(records(places))
    made.data[block * BLOCK : block * BLOCK + size] = data
    for each, offset in zip(node.children, offsets[2:], strict=True):
        made.records[path + b"/" + each.name] = block * BLOCK + offset
    return block, size
