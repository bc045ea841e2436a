"""Reads the entries of the trees of a WIM that is not compressed.

Written from the format alone ("Windows Imaging File Format (WIM)", white paper, Microsoft 2007, DIRENTRY and
STREAMENTRY) with nothing of osdimage or libwim.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Dentry:
    """An entry.

    Attributes:
        attributes: of the file.
        main: its hash.
        streams: name and hash of each stream behind the entry, in order; the name of an unnamed one is empty.
        flags: of a reparse point; 1 says that its target was not rewritten.
    """

    attributes: int
    main: bytes
    streams: tuple[tuple[str, bytes], ...]
    flags: int


def trees_of(path: Path) -> list[bytes]:
    """Return the trees of the images, in the order of the blob table."""
    data = path.read_bytes()
    _, table, length = struct.unpack_from("<QQQ", data, 0x30)
    blobs = [struct.unpack_from("<QQQ", data, table + at) for at in range(0, length, 50)]
    return [data[offset : offset + size] for packed, offset, size in blobs if packed >> 56 & 2]


def dentries_of(tree: bytes) -> dict[str, Dentry]:
    """Return the entries of a tree by their paths."""
    found: dict[str, Dentry] = {}
    lists = [("", (struct.unpack_from("<I", tree)[0] + 7) & ~7 or 8)]
    while lists:
        folder, at = lists.pop()
        while (size := struct.unpack_from("<Q", tree, at)[0]) > 8:
            attributes, _, below = struct.unpack_from("<IiQ", tree, at + 8)
            main = tree[at + 64 : at + 84]
            _, _, flags, count, _, name_size = struct.unpack_from("<IHHHHH", tree, at + 88)
            path = folder + "/" + tree[at + 102 : at + 102 + name_size].decode("utf-16-le", "surrogatepass")
            at += (size + 7) & ~7
            streams = []
            for _ in range(count):
                stream_size, _, sha1, stream_name = struct.unpack_from("<QQ20sH", tree, at)
                streams.append((tree[at + 38 : at + 38 + stream_name].decode("utf-16-le"), sha1))
                at += (stream_size + 7) & ~7
            found[path] = Dentry(attributes, main, tuple(streams), flags)
            if below:
                lists.append((path.rstrip("/"), below))
    return found
