"""A pipable WIM laid out anew as a plain one while it comes; nothing is expanded.

The form is that of wimlib 1.13.6, ``write_pipable_wim()`` and ``struct pwm_blob_hdr``: the header, the XML, the trees,
the contents, the blob table, the XML again, perhaps an integrity table, and a header that says where all of it is.
Each resource has a head with its size, its SHA-1 and its flags, and each compressed chunk one with its size; the table
of chunks, which a plain WIM has before the chunks, comes behind them.  Of a split WIM the parts follow each other, the
trees only in the first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from osdimage.imaging.errors import CorruptWim, NotAWim
from osdimage.imaging.output import write_at
from osdimage.imaging.units import GIB, MIB, format_size
from osdimage.imaging.wim.checks.audit import LARGEST_TREE
from osdimage.imaging.wim.failures import NOT_A_WIM
from osdimage.imaging.wim.opening import LARGEST_XML
from osdimage.imaging.wim.piped.streams import InputStream
from osdimage.imaging.wim.stored.blob_table import BlobEntry
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    INTEGRITY_STRUCT,
    MAGIC,
    PIPABLE_MAGIC,
    Header,
    HeaderFlag,
    Resource,
    ResourceFlag,
)

_HEAD_STRUCT = struct.Struct("<QQ20sI")
_HEAD_MAGIC = 0x2B9B9BA2443DB9D8
_CHUNK_STRUCT = struct.Struct("<I")
_LARGEST_SHORT = (1 << 32) - 1
# NTFS has no larger file.  The table of chunks of one takes 4 GiB, which are a hole until the chunks have come.
_LARGEST_CONTENTS = 1 << 44
_LARGEST_TABLE = GIB
_LARGEST_INTEGRITY = 64 * MIB
_SMALLEST_CHUNK, _LARGEST_CHUNK = 1 << 12, 1 << 30
_BLOCK = MIB
# The trees of a medium with a dozen images take some 100 MB as they are stored.
_MOST_KEPT = 256 * MIB
_KEPT_FLAGS = HeaderFlag.COMPRESSED | HeaderFlag.RPFIX | HeaderFlag.XPRESS | HeaderFlag.LZX | HeaderFlag.LZMS
_METADATA, _COMPRESSED = ResourceFlag.METADATA.value, ResourceFlag.COMPRESSED.value


def receive(stream: InputStream, descriptor: int) -> None:
    """Write a WIM to an empty file as it comes from a stream: a plain one as it is, a pipable one as a plain one.

    Contents are not looked at: who reads the file finds what is damaged.

    Args:
        stream: the stream, which is read to its end.
        descriptor: of the file, open for writing.

    Raises:
        NotAWim: when it is none.
        CorruptWim: when it is a pipable one that is damaged, or ends too early.
        StorageError: when the stream cannot be read.
        OSError: when the file cannot be written.
    """
    header = read_header(stream)
    if header.magic == PIPABLE_MAGIC:
        layer = _Layer(stream, descriptor, header)
        layer.take_trees()
        layer.take_contents()
        layer.end()
    else:
        write_at(descriptor, header.build(), 0)
    # Behind a pipable one there may be what the way has added.
    position = HEADER_SIZE
    while block := stream.block():
        if header.magic == MAGIC:
            write_at(descriptor, block, position)
            position += len(block)


def receive_trees(stream: InputStream, descriptor: int) -> bool:
    """Write the trees of a pipable WIM to an empty file, as a WIM whose contents are all in another file.

    Return whether that could be: it is pipable, and not split, as libwim takes a table between two parts for damage,
    and what the stream keeps of it does not take too much memory.

    Raises:
        NotAWim, CorruptWim, StorageError, OSError: as :func:`receive`.
    """
    header = read_header(stream)
    if header.magic != PIPABLE_MAGIC or header.total_parts > 1:
        return False
    layer = _Layer(stream, descriptor, header)
    if not layer.take_trees(most_kept=_MOST_KEPT):
        return False
    layer.end()
    return True


def read_header(stream: InputStream) -> Header:
    """Read the header that a WIM begins with.

    Raises:
        NotAWim: when it is none.
        CorruptWim: when it ends too early.
        StorageError: when the stream cannot be read.
    """
    data = stream.up_to(HEADER_SIZE)
    if not data:
        raise NotAWim(f"{stream.name}: is empty; what should have written a WIM to it has written nothing")
    header = Header.parse(data)
    if header.magic not in {MAGIC, PIPABLE_MAGIC}:
        raise NotAWim(f"{stream.name}: {NOT_A_WIM}")
    if len(data) < HEADER_SIZE:
        raise CorruptWim(f"{stream.name}: ended too early, after {len(data)} bytes: the WIM is not whole")
    return header


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands before a resource."""

    size: int
    sha1: bytes
    flags: int


class _Layer:
    """Lays the resources of a stream into a file, one behind the other."""

    def __init__(self, stream: InputStream, descriptor: int, header: Header) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._header = header
        self._chunk_size = header.chunk_size if header.flags & HeaderFlag.COMPRESSED else 0
        self._position = HEADER_SIZE
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._trees: list[BlobEntry] = []
        self._placed: dict[bytes, Resource] = {}
        self._references: dict[bytes, int] = {}
        self._xml = b""
        if header.part_number != 1:
            raise CorruptWim(
                f"{stream.name}: begins with part {header.part_number} of a split WIM; valid is the first one before "
                "the others"
            )
        if self._chunk_size and not (
            _SMALLEST_CHUNK <= self._chunk_size <= _LARGEST_CHUNK and self._chunk_size & (self._chunk_size - 1) == 0
        ):
            raise self._corrupt(f"its header has chunks of {self._chunk_size} bytes")

    # ---- what the stream holds

    def take_trees(self, *, most_kept: int | None = None) -> bool:
        """Take the XML and the tree of each image; return whether the stream has kept no more than so many bytes."""
        self._xml = self._plain(self._head(), "XML document", LARGEST_XML)
        for index in range(1, self._header.image_count + 1):
            head = self._head()
            if not head.flags & _METADATA:
                raise self._corrupt(f"has contents where the tree of image {index} should be")
            if head.size > LARGEST_TREE:
                raise self._corrupt(f"the tree of image {index} claims {format_size(head.size)}")
            self._trees.append(BlobEntry(self._lay(head), 1, 1, head.sha1))
            if most_kept is not None and self._stream.kept_bytes > most_kept:
                return False
        return True

    def take_contents(self) -> None:
        """Take all contents, of each part, up to the end of the last one."""
        part = self._header
        while True:
            head = self._head()
            while not head.flags & _METADATA:
                self._placed.setdefault(head.sha1, self._lay(head))
                head = self._head()
            self._take_table(self._plain(head, "blob table", _LARGEST_TABLE))
            self._plain(self._head(), "XML document", LARGEST_XML)
            self._pass_end()
            if part.part_number >= part.total_parts:
                return
            part = self._next_part(part)

    def _next_part(self, last: Header) -> Header:
        part = Header.parse(self._stream.take(HEADER_SIZE))
        if (part.magic, part.guid) != (PIPABLE_MAGIC, self._header.guid) or part.part_number != last.part_number + 1:
            raise self._corrupt(
                f"has something else than part {last.part_number + 1} of {last.total_parts} behind part "
                f"{last.part_number}; valid are all parts in their order"
            )
        self._plain(self._head(), "XML document", LARGEST_XML)
        return part

    def _take_table(self, table: bytes) -> None:
        """Take from a table how often each of the contents is used."""
        for at in range(0, len(table) // BLOB_STRUCT.size * BLOB_STRUCT.size, BLOB_STRUCT.size):
            *_, references, sha1 = BLOB_STRUCT.unpack_from(table, at)
            self._references[sha1] = references

    def _pass_end(self) -> None:
        """Pass over an integrity table, if there is one, and the last header."""
        begin = self._stream.take(len(PIPABLE_MAGIC))
        if begin != PIPABLE_MAGIC:
            size = int.from_bytes(begin[:4], "little")
            if not INTEGRITY_STRUCT.size <= size <= _LARGEST_INTEGRITY:
                raise self._corrupt("has neither an integrity table nor a header at its end")
            self._stream.take(size - len(begin))
            begin = self._stream.take(len(PIPABLE_MAGIC))
        if begin != PIPABLE_MAGIC:
            raise self._corrupt("has no header at its end")
        self._stream.take(HEADER_SIZE - len(begin))

    def _head(self) -> _Head:
        magic, size, sha1, flags = _HEAD_STRUCT.unpack(self._stream.take(_HEAD_STRUCT.size))
        if magic != _HEAD_MAGIC:
            raise self._corrupt("is damaged: there is no head where a resource begins")
        if not 0 < size <= _LARGEST_CONTENTS:
            raise self._corrupt(f"is damaged: a resource claims {size} bytes")
        if flags & _COMPRESSED and not self._chunk_size:
            raise self._corrupt("is damaged: a resource is compressed, and the header tells no compression")
        return _Head(size, sha1, flags)

    def _plain(self, head: _Head, what: str, largest: int) -> bytes:
        """Return a resource that is not compressed, such as a table."""
        if not head.flags & _METADATA or head.flags & _COMPRESSED:
            raise self._corrupt(f"has something else where its {what} should be")
        if head.size > largest:
            raise self._corrupt(f"its {what} claims {format_size(head.size)}")
        return self._stream.take(head.size)

    def _corrupt(self, text: str) -> CorruptWim:
        return CorruptWim(f"{self._stream.name}: {text}")

    # ---- what the file holds

    def _lay(self, head: _Head) -> Resource:
        """Copy a resource to the end of the file, with its table of chunks before them."""
        flags = head.flags & _METADATA
        if not head.flags & _COMPRESSED:
            place = Resource.plain(self._position, head.size, flags)
            left = head.size
            while left:
                piece = self._stream.take(min(left, _BLOCK))
                self._write(piece)
                left -= len(piece)
            return place
        entry_bytes = 4 if head.size <= _LARGEST_SHORT else 8
        table_bytes = (-(-head.size // self._chunk_size) - 1) * entry_bytes
        begin = self._position
        self._leave(table_bytes)
        offsets, stored = self._chunks(head)
        # The same in this form.
        self._stream.take(table_bytes)
        if stored == head.size:
            # Nothing could be compressed: in a plain WIM such contents have no chunks.
            return Resource.plain(begin + table_bytes, stored, flags)
        if offsets:
            self._flush()
            table = struct.pack(f"<{len(offsets)}{'I' if entry_bytes == 4 else 'Q'}", *offsets)
            write_at(self._descriptor, table, begin)
        return Resource(begin, table_bytes + stored, head.size, flags | _COMPRESSED)

    def _chunks(self, head: _Head) -> tuple[list[int], int]:
        """Copy chunks; return where each but the first begins, and what all take."""
        offsets: list[int] = []
        stored, left = 0, head.size
        while left:
            expanded = min(left, self._chunk_size)
            (size,) = _CHUNK_STRUCT.unpack(self._stream.take(_CHUNK_STRUCT.size))
            if not 0 < size <= expanded:
                raise self._corrupt(f"is damaged: a chunk of {expanded} bytes claims to take {size}")
            self._write(self._stream.take(size))
            stored += size
            left -= expanded
            if left:
                offsets.append(stored)
        return offsets, stored

    def _write(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._position += len(data)
        if self._pending_bytes >= _BLOCK:
            self._flush()

    def _leave(self, size: int) -> None:
        """Leave room for what is written later."""
        if size:
            self._flush()
            self._position += size

    def _flush(self) -> None:
        write_at(self._descriptor, b"".join(self._pending), self._position - self._pending_bytes)
        self._pending.clear()
        self._pending_bytes = 0

    def end(self) -> None:
        """Write the blob table, the XML and the header."""
        self._flush()
        contents = [
            BlobEntry(place, 1, self._references[sha1], sha1)
            for sha1, place in self._placed.items()
            if sha1 in self._references
        ]
        table = b"".join(entry.pack() for entry in (*self._trees, *contents))
        header = self._header
        boot = header.boot_index if header.boot_index <= len(self._trees) else 0
        written = replace(
            header,
            magic=MAGIC,
            flags=int(header.flags & _KEPT_FLAGS),
            part_number=1,
            total_parts=1,
            blob_table=Resource.plain(self._position, len(table), _METADATA),
            xml=Resource.plain(self._position + len(table), len(self._xml), _METADATA),
            boot_metadata=self._trees[boot - 1].resource if boot else Resource(),
            boot_index=boot,
            integrity=Resource(),
        )
        write_at(self._descriptor, table + self._xml, self._position)
        write_at(self._descriptor, written.build(), 0)
