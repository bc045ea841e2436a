"""Makes WIM files byte by byte, valid ones and ones that lie.

Written from the format alone ("Windows Imaging File Format (WIM)", white paper, Microsoft 2007, and the comments of
wimlib's ``header.h``, ``dentry.c`` and ``blob_table.h``) with nothing of osdimage or libwim, so that a test judges the
product and not its mirror image.  The files are not compressed.

:func:`build` makes a file from a tree of :class:`Node`; a node may lie about itself.  :func:`lie` changes fields of the
header of a finished file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

DIRECTORY, FILE, REPARSE_POINT, SPARSE = 0x10, 0x20, 0x400, 0x200
SYMLINK_TAG, MOUNT_POINT_TAG = 0xA000000C, 0xA0000003
NO_SECURITY = -1

HEADER_SIZE = 208
WRITE_IN_PROGRESS, LINKS_FIXED = 0x40, 0x80
# WIMHEADER_V1_PACKED: where each field is, and what struct calls it.  A resource is (size and flags, offset, size).
_FIELDS = {
    "magic": (0, "8s"),
    "header_size": (8, "I"),
    "version": (12, "I"),
    "flags": (16, "I"),
    "chunk_size": (20, "I"),
    "guid": (24, "16s"),
    "part_number": (40, "H"),
    "total_parts": (42, "H"),
    "image_count": (44, "I"),
    "blob_table": (48, "QQQ"),
    "xml": (72, "QQQ"),
    "boot_metadata": (96, "QQQ"),
    "boot_index": (120, "I"),
    "integrity": (124, "QQQ"),
}
_BLOB, _METADATA_BLOB = 0x00, 0x02
_DENTRY = struct.Struct("<QIiQQQQQQ20sIQHHH")
_TIME = 130_000_000_000_000_000


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def resource(offset: int, size: int, *, stored: int | None = None, flags: int = 0) -> tuple[int, int, int]:
    """Return the three numbers that describe a resource."""
    return ((size if stored is None else stored) | flags << 56, offset, size)


@dataclass(eq=False)
class Node:
    """An entry of a tree.

    Attributes:
        name: text, or bytes for UTF-16 units that are no text.
        data: contents of a file.
        children: entries of a directory; None for a file.
        attributes: None for what the kind of entry has.
        security_id: index into the security descriptors.
        reparse_tag: with it, ``data`` is the reparse data.
        contents: of the unnamed stream of a file that has a reparse point, too.
        streams: the named streams.
        short_name: the 8.3 name.
        subdir_of: another node whose list of children is taken for one's own: a cycle, or a tree that is no tree.
        link_flags: what a WIM says of a link besides (1: its target is not changed by where the image is applied).
        created: FILETIME of all three times.
        items: the tagged items behind the names.
        link_group: names of a directory or of several with the same number, not 0, are those of one file.
        length: what the entry claims to be long; None for the truth.
    """

    name: str | bytes = ""
    data: bytes = b""
    children: list[Node] | None = None
    attributes: int | None = None
    security_id: int = NO_SECURITY
    reparse_tag: int = 0
    contents: bytes = b""
    streams: dict[str, bytes] = field(default_factory=dict)
    short_name: str = ""
    subdir_of: Node | None = None
    link_flags: int = 0
    created: int = _TIME
    items: bytes = b""
    link_group: int = 0
    length: int | None = None
    # Set by the layout.
    _children_at: int = field(default=0, repr=False)

    def encoded_name(self) -> bytes:
        """Return the name in UTF-16LE."""
        return self.name if isinstance(self.name, bytes) else self.name.encode("utf-16-le", "surrogatepass")

    def kind(self) -> int:
        """Return the attributes."""
        if self.attributes is not None:
            return self.attributes
        base = FILE if self.children is None else DIRECTORY
        return base | REPARSE_POINT if self.reparse_tag else base


def folder(name: str | bytes, *children: Node) -> Node:
    """Return a directory."""
    return Node(name, children=list(children))


def root(*children: Node) -> Node:
    """Return the root of a tree."""
    return folder("", *children)


def symlink(name: str, target: str, *children: Node) -> Node:
    """Return a symbolic link to an absolute path, to a directory when it has children."""
    text = target.encode("utf-16-le")
    data = struct.pack("<HHHHI", 0, len(text), len(text), len(text), 1) + text + text
    return Node(name, data, children=list(children) if children else None, reparse_tag=SYMLINK_TAG)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


_STREAM = struct.Struct("<Q8x20sH")


def _streams(node: Node) -> list[tuple[str, bytes]]:
    """Return the streams that stand behind an entry: all, if there is more than the one of the entry itself."""
    if not node.contents and not node.streams:
        return []
    # The data of a reparse point come before the contents (wimlib, inode.c, assign_stream_types_unencrypted).
    unnamed = [("", each) for each in (node.data, node.contents) if each]
    return [*unnamed, *node.streams.items()]


def _stream_entries(node: Node) -> bytes:
    packed = []
    for name, data in _streams(node):
        text = name.encode("utf-16-le")
        ended = text + b"\0\0" if text else b""
        size = (_STREAM.size + len(ended) + 7) // 8 * 8
        packed.append(_padded(_STREAM.pack(size, _sha1(data), len(text)) + ended))
    return b"".join(packed)


def _dentry_size(node: Node) -> int:
    # A name is followed by a NUL that its length does not count.
    names = sum(len(text) + 2 for text in (node.encoded_name(), node.short_name.encode("utf-16-le")) if text)
    return (_DENTRY.size + names + 7) // 8 * 8 + len(_padded(node.items))


def _dentry(node: Node) -> bytes:
    name, short = node.encoded_name(), node.short_name.encode("utf-16-le")
    owner = node.subdir_of or node
    has_content = bool(node.data) and (node.children is None or node.reparse_tag)
    packed = _DENTRY.pack(
        _dentry_size(node) if node.length is None else node.length,
        node.kind(),
        node.security_id,
        owner._children_at if owner.children else 0,
        0,
        0,
        node.created,
        node.created,
        node.created,
        _sha1(node.data) if has_content and not _streams(node) else bytes(20),
        0,
        (node.reparse_tag | node.link_flags << 48) or node.link_group,
        len(_streams(node)),
        len(short),
        len(name),
    )
    names = b"".join(text + b"\0\0" for text in (name, short) if text)
    return _padded(packed + names) + _padded(node.items) + _stream_entries(node)


def metadata(tree: Node, descriptors: Sequence[bytes] = ()) -> bytes:
    """Return the metadata resource of an image: the security data, then the entries, directory by directory."""
    body = b"".join(struct.pack("<Q", len(item)) for item in descriptors) + b"".join(descriptors)
    security = _padded(struct.pack("<II", 8 + len(body), len(descriptors)) + body)
    order, seen = [tree], {id(tree)}
    for node in order:
        for child in node.children or ():
            if id(child) not in seen and child.children:
                seen.add(id(child))
                order.append(child)
    position = len(security) + _dentry_size(tree) + len(_stream_entries(tree)) + 8
    for node in order:
        node._children_at = position
        position += sum(_dentry_size(child) + len(_stream_entries(child)) for child in node.children or ()) + 8
    lists = [b"".join(_dentry(child) for child in node.children or ()) + bytes(8) for node in order]
    return security + _dentry(tree) + bytes(8) + b"".join(lists)


def _contents(tree: Node) -> dict[bytes, tuple[bytes, int]]:
    """Return the blobs of a tree by SHA-1, with their number of references."""
    found: dict[bytes, tuple[bytes, int]] = {}
    waiting, seen = [tree], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting += node.children or ()
        held = [data for _, data in _streams(node)]
        if not held and node.data and (node.children is None or node.reparse_tag):
            held = [node.data]
        for data in held:
            digest = _sha1(data)
            found[digest] = (data, found.get(digest, (b"", 0))[1] + 1)
    return found


def xml_document(names: Sequence[str], more: str = "") -> bytes:
    """Return the XML document of a WIM with images of these names, and more elements in each."""
    images = "".join(
        f'<IMAGE INDEX="{index}"><DIRCOUNT>1</DIRCOUNT><FILECOUNT>1</FILECOUNT><TOTALBYTES>1</TOTALBYTES>'
        f"<NAME>{name}</NAME>{more}</IMAGE>"
        for index, name in enumerate(names, start=1)
    )
    return f"\ufeff<WIM><TOTALBYTES>1</TOTALBYTES>{images}</WIM>".encode("utf-16-le")


def build(
    *trees: Node,
    descriptors: Sequence[bytes] = (),
    names: Sequence[str] | None = None,
    more_xml: str = "",
    xml: bytes | None = None,
    raw_metadata: bytes | None = None,
    sha1_of: dict[bytes, bytes] | None = None,
) -> bytes:
    """Return a WIM with an image for each tree.

    Args:
        trees: the images.
        descriptors: security descriptors of every image.
        names: of the images.
        more_xml: elements that each image's XML holds besides.
        xml: the whole XML document.
        raw_metadata: in place of the metadata resource of the first image.
        sha1_of: contents -> the SHA-1 that the blob table claims for it.
    """
    parts: list[bytes] = []
    position = HEADER_SIZE

    def add(data: bytes) -> int:
        nonlocal position
        parts.append(data)
        start, position = position, position + len(data)
        return start

    table: list[bytes] = []

    def enter(data: bytes, flags: int, references: int, digest: bytes) -> None:
        numbers = resource(add(data), len(data), flags=flags)
        table.append(struct.pack("<QQQHI20s", *numbers, 1, references, digest))

    contents: dict[bytes, tuple[bytes, int]] = {}
    for tree in trees:
        for digest, (data, count) in _contents(tree).items():
            contents[digest] = (data, contents.get(digest, (b"", 0))[1] + count)
    for digest, (data, count) in contents.items():
        enter(data, _BLOB, count, (sha1_of or {}).get(data, digest))
    for number, tree in enumerate(trees):
        whole = raw_metadata if number == 0 and raw_metadata is not None else metadata(tree, descriptors)
        enter(whole, _METADATA_BLOB, 1, _sha1(whole))
    blob_table = b"".join(table)
    table_at = add(blob_table)
    labels = names if names is not None else [f"image {number}" for number in range(1, len(trees) + 1)]
    document = xml_document(labels, more_xml) if xml is None else xml
    xml_at = add(document)
    header = bytearray(HEADER_SIZE)
    values: dict[str, int | bytes | tuple[int, int, int]] = {
        "magic": b"MSWIM\0\0\0",
        "header_size": HEADER_SIZE,
        "version": 0x10D00,
        "guid": _sha1(blob_table)[:16],
        "part_number": 1,
        "total_parts": 1,
        "image_count": len(trees),
        "blob_table": resource(table_at, len(blob_table)),
        "xml": resource(xml_at, len(document)),
    }
    return lie(bytes(header) + b"".join(parts), **values)


def lie(wim: bytes, **fields: int | bytes | tuple[int, int, int]) -> bytes:
    """Return a WIM with other values in its header."""
    changed = bytearray(wim)
    for name, value in fields.items():
        offset, code = _FIELDS[name]
        numbers = value if isinstance(value, tuple) else (value,)
        struct.pack_into("<" + code, changed, offset, *numbers)
    return bytes(changed)


def told(wim: bytes, name: str) -> tuple[int, int, int]:
    """Return a resource of the header as (size, offset, original size)."""
    stored, offset, size = struct.unpack_from("<QQQ", wim, _FIELDS[name][0])
    return stored & (1 << 56) - 1, offset, size


def change_blob(wim: bytes, number: int, *, offset: int | None = None, size: int | None = None) -> bytes:
    """Return a WIM whose blob table lies about one blob, counted from 0."""
    changed = bytearray(wim)
    at = told(wim, "blob_table")[1] + 50 * number
    flagged, place, original = struct.unpack_from("<QQQ", changed, at)
    if size is not None:
        flagged, original = flagged >> 56 << 56 | size, size
    struct.pack_into("<QQQ", changed, at, flagged, place if offset is None else offset, original)
    return bytes(changed)
