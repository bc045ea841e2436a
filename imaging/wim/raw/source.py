"""A WIM that is copied from."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree as ET

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.wim.checks.audit import LARGEST_TREE
from osdimage.imaging.wim.described import info
from osdimage.imaging.wim.opening import refuse_impossible_header
from osdimage.imaging.wim.placed.place import PlacedFile, opened_file
from osdimage.imaging.wim.stored.blob_table import BlobEntry, read_tree, sha1_of
from osdimage.imaging.wim.stored.folder_streams import in_newer_form
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    MAGIC,
    SIZE_BITS,
    Header,
    HeaderFlag,
    ResourceFlag,
)
from osdimage.native.runtime import Compression
from osdimage.native.wim.compress import make_resource
from osdimage.native.wim.raw_copy import CopyPlan, CopyRange
from osdimage.native.wim.resource import ResourceReader

_COMPRESSIONS = {
    HeaderFlag.XPRESS: Compression.XPRESS,
    HeaderFlag.LZX: Compression.LZX,
    HeaderFlag.LZMS: Compression.LZMS,
}
# What was left by an interrupted write lies behind the tables, and is not copied.
_KNOWN_FLAGS = (
    HeaderFlag.COMPRESSED
    | HeaderFlag.READONLY
    | HeaderFlag.SPANNED
    | HeaderFlag.WRITE_IN_PROGRESS
    | HeaderFlag.RPFIX
    | HeaderFlag.XPRESS
    | HeaderFlag.LZX
    | HeaderFlag.LZMS
)
_NO_COPY = {
    errno.ENOTSUP: "it has contents that cannot be copied by themselves",
    errno.EBADMSG: "it has a tree or a blob table that is not as it should be",
    errno.ENODATA: "contents are in another file",
}
_Answer = TypeVar("_Answer")


class NotRaw(Exception):
    """A WIM cannot be copied as it is stored; the text says why."""


@dataclass(slots=True)
class StoredTree:
    """A tree as it is written: its entry, of which only the offset is still to be set, and its bytes."""

    entry: BlobEntry
    data: bytes


class RawSource:
    """An open WIM: its only file, or all parts of a split one, which are taken for one file, end to end.

    Its descriptors are open as long as the ``with`` of :func:`opened` lasts.

    Attributes:
        path: of the file, or of the first part.
        file: that file.
        size: of all files together, in bytes.
        header: as it is stored, in the first part.
        compression: of what is not solid.
        gives_back: whether what was copied is given back to the file system, as it is of a file that is for a while.
    """

    def __init__(
        self, files: Sequence[tuple[Path, PlacedFile]], *, gives_back: bool = False, without: Collection[bytes] = ()
    ) -> None:
        """Read the headers and the blob tables of files, given as they are open, in the order of the parts.

        Contents ``without`` which it is taken, by their SHA-1, are as if they were in another file.

        Raises:
            NotRaw: when it is of a kind that cannot be copied so.
            OSError: when it cannot be read.
        """
        self.path, self.file = files[0]
        self.gives_back = gives_back
        self.header = _header(self.file, len(files))
        kinds = [kind for flag, kind in _COMPRESSIONS.items() if self.header.flags & flag]
        if len(kinds) != bool(self.header.flags & HeaderFlag.COMPRESSED):
            raise NotRaw(f"its header has flags that are not known here ({self.header.flags:#x})")
        self.compression = kinds[0] if kinds else Compression.NONE
        self.size = 0
        self._files: list[tuple[int, PlacedFile]] = []
        tables = []
        for number, (_, file) in enumerate(files, start=1):
            table = _table(file, self.header if number == 1 else _header(file, len(files)))
            tables.append(table if len(files) == 1 else _as_of_one(table, number, self.size, file.size))
            self._files.append((self.size, file))
            self.size += file.size
        self._table = _without(b"".join(tables), without)
        self.plan = self._asked(lambda: CopyPlan(self._table))
        self._trees = self.plan.trees
        if len(self._trees) != self.header.image_count:
            raise NotRaw("its blob table has not one tree for each image")

    def located(self, what: CopyRange) -> tuple[int, CopyRange]:
        """Return the descriptor of what holds a range, and the range as it lies there."""
        base, file = next(each for each in reversed(self._files) if each[0] <= what.source)
        return file.descriptor, what._replace(source=file.begin + what.source - base)

    def xml(self) -> ET.Element:
        """Return the root of the XML.

        Raises:
            NotRaw: when it is compressed.
            CorruptWim: when it cannot be read.
        """
        where = self.header.xml
        if where.flags & ResourceFlag.COMPRESSED:
            raise NotRaw("its XML document is compressed")
        return info.parse_root(info.decode_xml(self.file.read(where.stored_size, where.offset)))

    def take(self, indexes: Sequence[int], *, may_miss: bool) -> list[StoredTree]:
        """Want what images refer to; return their trees, in the form that DISM takes.

        Args:
            indexes: of the images, 1-based, in their new order.
            may_miss: whether contents may be in another file, and stay there.

        Raises:
            NotRaw: when that cannot be copied.
        """
        reader = self._reader()
        try:
            return [self._tree(reader, index, may_miss=may_miss) for index in indexes]
        finally:
            reader.close()

    def expanded_trees(self) -> Iterator[bytes]:
        """Yield the trees of the images.

        Raises:
            NotRaw: when one is damaged.
        """
        reader = self._reader()
        try:
            for index in range(1, self.header.image_count + 1):
                yield self._expanded(reader, self._entry(index), index)
        finally:
            reader.close()

    def _reader(self) -> ResourceReader:
        file, chunk_size = self.file, self.header.chunk_size
        return ResourceReader(file.descriptor, self.compression, chunk_size, begin=file.begin, length=file.size)

    def _entry(self, index: int) -> BlobEntry:
        at = self._trees[index - 1] * BLOB_STRUCT.size
        return BlobEntry.parse(self._table[at : at + BLOB_STRUCT.size])

    def _expanded(self, reader: ResourceReader, entry: BlobEntry, index: int) -> bytes:
        where = entry.resource
        if where.offset + where.stored_size > self.size or where.size > LARGEST_TREE:
            raise NotRaw(f"the tree of image {index} claims what cannot be")
        try:
            tree = read_tree(reader, entry)
        except CorruptWim as error:
            raise NotRaw(f"image {index}: {error}") from error
        if sha1_of(tree) != entry.sha1:
            raise NotRaw(f"the tree of image {index} is damaged")
        return tree

    def _tree(self, reader: ResourceReader, index: int, *, may_miss: bool) -> StoredTree:
        entry = self._entry(index)
        where, tree = entry.resource, self._expanded(reader, entry, index)
        entry.references = 1
        has_folder_streams = self._asked(lambda: self.plan.add_tree(tree, may_miss=may_miss))
        # To look at each entry here takes longer than all else but the copy; most trees have nothing to change.
        newer = in_newer_form(tree) if has_folder_streams else None
        if newer is None:
            return StoredTree(entry, self.file.read(where.stored_size, where.offset))
        data, is_compressed = make_resource(newer, self.compression, self.header.chunk_size, 0)
        entry.become(newer, len(data), is_compressed=is_compressed)
        return StoredTree(entry, data)

    def lay_out(self, *, limit: int = 0, fixed: int = 0, first: int = 0, may_exceed: bool = False) -> int:
        """Give what is wanted its place in so many files; see :meth:`CopyPlan.lay_out`.

        Raises:
            NotRaw: when that cannot be copied.
            OSError: EFBIG when something is larger than a part.
        """
        return self._asked(
            lambda: self.plan.lay_out(self.size, limit=limit, fixed=fixed, first=first, may_exceed=may_exceed)
        )

    def _asked(self, question: Callable[[], _Answer]) -> _Answer:
        try:
            return question()
        except OSError as error:
            if error.errno not in _NO_COPY:
                raise
            raise NotRaw(_NO_COPY[error.errno]) from error


@contextmanager
def opened(*paths: Path, without: Collection[bytes] = ()) -> Iterator[RawSource]:
    """Open a WIM to copy from it, given as its file, or as all of its parts in their order.

    Contents ``without`` which it is taken, by their SHA-1, are as if they were in another file.

    Raises:
        NotRaw: when it is of a kind that cannot be copied so.
        CorruptWim: when its header claims more than the file can hold.
        StorageError: when it cannot be read.
    """
    with ExitStack() as stack:
        path, files = paths[0], []
        try:
            for path in paths:
                refuse_impossible_header(path)
                files.append((path, stack.enter_context(opened_file(path))))
            source = RawSource(files, without=without)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
        yield source


def _header(file: PlacedFile, files: int) -> Header:
    """Return the header of a file of a WIM of so many."""
    header = Header.parse(file.read(HEADER_SIZE, 0))
    if header.magic != MAGIC:
        raise NotRaw("it is pipable")
    if header.total_parts != files or (files == 1 and header.flags & HeaderFlag.SPANNED):
        raise NotRaw("it is a part of a split WIM")
    if header.flags & ~_KNOWN_FLAGS:
        raise NotRaw(f"its header has flags that are not known here ({header.flags:#x})")
    return header


def _table(file: PlacedFile, header: Header) -> bytes:
    """Return the blob table of a file."""
    where = header.blob_table
    if where.flags & ResourceFlag.COMPRESSED or where.stored_size % BLOB_STRUCT.size:
        raise NotRaw("its blob table is not plain")
    table = file.read(where.stored_size, where.offset)
    if len(table) != where.stored_size:
        raise NotRaw("its blob table is cut off")
    return table


def _without(table: bytes, hashes: Collection[bytes]) -> bytes:
    """Return a table without the entries of contents.

    Raises:
        NotRaw: when one is in a solid resource, which would be copied whole.
    """
    if not hashes:
        return table
    kept = []
    for at, (packed, _, _, _, _, sha1) in enumerate(BLOB_STRUCT.iter_unpack(table)):
        flags = packed >> SIZE_BITS
        if sha1 in hashes and not flags & ResourceFlag.METADATA.value:
            if flags & ResourceFlag.SOLID.value:
                raise NotRaw("it has contents in a solid resource that are left out")
            continue
        kept.append(table[at * BLOB_STRUCT.size : (at + 1) * BLOB_STRUCT.size])
    return b"".join(kept)


def _as_of_one(table: bytes, number: int, base: int, size: int) -> bytes:
    """Return the table of a part as if its file of so many bytes began at a place of the only file of a WIM."""
    moved = bytearray(table)
    # Of 60,000 entries, objects for each would take longer than all else but the copy.
    for at, (packed, offset, whole, part_number, count, sha1) in enumerate(BLOB_STRUCT.iter_unpack(table)):
        flags, stored_size = packed >> SIZE_BITS, packed & (1 << SIZE_BITS) - 1
        if part_number != number:
            raise NotRaw(f"part {number} has contents of part {part_number}")
        if flags & ResourceFlag.SOLID.value:
            raise NotRaw(f"part {number} has solid resources")
        if offset + stored_size > size:
            # It would reach into the next part.
            raise NotRaw(f"contents of part {number} lie beyond its end")
        BLOB_STRUCT.pack_into(moved, at * BLOB_STRUCT.size, packed, offset + base, whole, 1, count, sha1)
    return bytes(moved)
