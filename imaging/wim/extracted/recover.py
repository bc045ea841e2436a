"""What a damaged WIM still gives: an image whose damaged contents are what can be read of them.

Every program that takes contents out of a WIM compares them with their SHA-1 and ends at the first that differ.  So the
contents of an image are hashed first, the damaged ones are read chunk by chunk (a chunk that cannot be expanded is
what comes before its damage, and zeros) and written to a temporary WIM, which also has the tree of the image, with the
SHA-1 of what was read in the place of the old ones.  That WIM refers to the damaged one for all else, as a delta refers
to its base: whatever applies or extracts the image needs to know nothing of it.
"""

from __future__ import annotations

import glob
import hashlib
import os
import struct
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from osdimage.imaging.errors import InvalidRequest, StorageError
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.feed import ImageFeed
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.stored.dentries import HASH_AT, Dentry, walk
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    DENTRY_STRUCT,
    HEADER_SIZE,
    NO_HASH,
    NO_SECURITY_ID,
    SECURITY_STRUCT,
    Header,
    HeaderFlag,
    Resource,
    ResourceFlag,
)
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob

_STREAM_HASH_AT = 16
_PIECE = 1 << 20
_DIRECTORY, _NORMAL, _REPARSE_POINT = 0x10, 0x80, 0x400
# Of DENTRY_STRUCT: dwAttributes, and dwReparseTag with what is beside it.
_ATTRIBUTES, _ATTRIBUTES_AT, _TAG_AT = struct.Struct("<I"), 8, 88


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file, or a stream of one, whose contents are not what was captured.

    Attributes:
        path: in the image, separated by ``/``; of a stream ``path:name``.
        size: in bytes.
        lost: bytes of the chunks that could not be read whole; 0 where all could and their SHA-1 is another.
        reason: why they are damaged.
    """

    path: str
    size: int
    lost: int
    reason: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        much = f"; up to {format_size(self.lost)} of {format_size(self.size)} are lost" if self.lost else ""
        return f"{self.path!r}: its contents {self.reason}{much}"


@contextmanager
def recovered(
    image: WimImage, paths: Sequence[str] | None = None, *, progress: ProgressCallback | None = None
) -> Iterator[tuple[WimImage, tuple[DamagedFile, ...]]]:
    """Yield an image that has what can be read of damaged contents, and the files that have these.

    When nothing is damaged, it is the image itself.  What is yielded is there for the body of the ``with``.

    Args:
        image: of an open WIM; nothing was added to it.
        paths: of what will be taken out of it, separated by ``/``; None for all.  What is elsewhere is not looked at.
        progress: receives the progress of the look at all contents.

    Raises:
        InvalidRequest: when the WIM is pipable.
        CorruptWim: when the tree of the image is damaged, of which nothing can be recovered.
        StorageError: when a temporary file has no room.
    """
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    if image.handle.info().part_number != 1:
        # It has no trees, and the listing of the image says which part has them.
        image.audit()
    tree = read_tree(image.path, image.handle, image.index)
    if tree is None:
        raise InvalidRequest(f"{image.path}: contents are recovered from a WIM that is not pipable; export it first")
    wanted = None if paths is None else {each.sha1 for each in _places(tree, paths)}
    feed = ImageFeed(image)
    bad = feed.bad_blobs(lambda done: meter.step(Phase.VERIFY_DATA, done, feed.size), wanted=wanted)
    meter.finish()
    if not bad:
        yield image, ()
        return
    needed = len(tree) + sum(blob.size for _, blob, _ in bad)
    _refuse_full_scratch(image, needed)
    with scratch_folder() as folder:
        path = folder / image.path.name
        read = _made(path, image, tree, bad)
        refs = [glob.escape(os.fspath(each)) for each in feed.paths]
        with WimFile.open(path, refs=refs, with_parts=False) as opened:
            yield opened.images[image.index - 1], tuple(_files(tree, paths, read))


def _made(path: Path, image: WimImage, tree: bytes, bad: Sequence[tuple[Path, Blob, str]]) -> dict[bytes, _Read]:
    """Make the temporary WIM; return what was read."""
    try:
        with path.open("w+b") as file:
            read = _Rescue(file).contents(bad)
            _write(file, image, tree, read)
    except OSError as error:
        text = f"{path.parent}: a temporary file cannot be written: {error.strerror}"
        raise StorageError(text, path=path.parent, errno=error.errno) from error
    return read


def _refuse_full_scratch(image: WimImage, needed: int) -> None:
    folder = tempfile.gettempdir()
    facts = os.statvfs(folder)
    if needed > facts.f_bavail * facts.f_frsize:
        raise StorageError(
            f"{image.path}: its damaged contents take {format_size(needed)} for a while in {folder}, which has not as "
            "much room; name another folder in TMPDIR",
            path=folder,
        )


class _Place(NamedTuple):
    """Where the SHA-1 of a stream is in a tree; ``link`` is where its entry begins, if it is the data of a link."""

    path: str
    at: int
    sha1: bytes
    link: int | None


def _places(tree: bytes, paths: Sequence[str] | None) -> Iterator[_Place]:
    """Yield the place of every stream at and below paths."""
    above = None if paths is None else {each.casefold().rstrip("/") for each in paths}
    for entry in walk(tree, strict=False):
        if above is not None and not _is_below(entry, above):
            continue
        link = entry.begin if entry.has_reparse_point else None
        if entry.main_sha1 != NO_HASH:
            yield _Place(entry.path, entry.begin + HASH_AT, entry.main_sha1, link)
        for stream in entry.streams():
            if stream.sha1 != NO_HASH:
                name = f"{entry.path}:{stream.name}" if stream.name else entry.path
                yield _Place(name, stream.begin + _STREAM_HASH_AT, stream.sha1, None if stream.name else link)


def _is_below(entry: Dentry, above: Collection[str]) -> bool:
    path = "" if entry.is_root else entry.path.casefold()
    while path and path not in above:
        path = path.rpartition("/")[0]
    return path in above


def _files(tree: bytes, paths: Sequence[str] | None, read: dict[bytes, _Read]) -> Iterator[DamagedFile]:
    for place in _places(tree, paths):
        found = read.get(place.sha1)
        if found is None:
            continue
        if place.link is None:
            yield DamagedFile(place.path, found.size, found.lost, found.reason)
        else:
            yield DamagedFile(place.path, found.size, found.size, f"{found.reason}, and it leads nowhere")


# ---- the contents


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of contents: where it is in the temporary file, and its SHA-1."""

    at: int
    size: int
    sha1: bytes
    lost: int
    reason: str


class _Rescue:
    """Copies damaged contents to a file, behind the place of a header."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(HEADER_SIZE)

    def contents(self, bad: Sequence[tuple[Path, Blob, str]]) -> dict[bytes, _Read]:
        """Copy them all; return what was read, by the SHA-1 that it should have."""
        found = {}
        for path in dict.fromkeys(path for path, _, _ in bad):
            with open_wim(path) as handle:
                facts = handle.info()
            with path.open("rb") as source:
                reader = ResourceReader(source.fileno(), facts.compression or Compression.NONE, facts.chunk_size)
                reader.recover()
                try:
                    for where, blob, reason in bad:
                        if where == path:
                            found[blob.sha1] = self._copy(reader, blob, reason)
                finally:
                    reader.close()
        return found

    def _copy(self, reader: ResourceReader, blob: Blob, reason: str) -> _Read:
        digest = hashlib.sha1(usedforsecurity=False)
        begin, at, lost = self._file.tell(), 0, 0
        for piece, lost_of_piece in _part(reader, blob):
            digest.update(piece)
            self._file.write(piece)
            at += len(piece)
            lost += lost_of_piece
        # The resource is not where it should be, or has no table.
        lost += blob.size - at
        while at < blob.size:
            zeros = bytes(min(_PIECE, blob.size - at))
            digest.update(zeros)
            self._file.write(zeros)
            at += len(zeros)
        return _Read(begin, blob.size, digest.digest(), min(lost, blob.size), reason)


def _part(reader: ResourceReader, blob: Blob) -> Iterator[tuple[memoryview, int]]:
    """Yield the pieces of a resource that belong to a blob, as far as there are some; each with how much is lost."""
    position, end, before = 0, blob.offset_in_resource + blob.size, 0
    pieces = reader.pieces(blob)
    while position < end:
        try:
            piece = next(pieces)
        except (StopIteration, OSError):
            return
        begin = max(blob.offset_in_resource - position, 0)
        taken = piece[begin : end - position]
        position += len(piece)
        if taken:
            yield taken, reader.lost - before
        before = reader.lost


# ---- the temporary WIM


def _write(file: IO[bytes], image: WimImage, tree: bytes, read: dict[bytes, _Read]) -> None:
    """Write the tree with the hashes of what was read, the tables and the header."""
    patched = bytearray(tree)
    for place in _places(tree, None):
        found = read.get(place.sha1)
        if found is not None and place.link is None:
            patched[place.at : place.at + len(found.sha1)] = found.sha1
        elif found is not None and place.link is not None:
            # A link whose data are damaged is none that anybody makes: a file or folder without contents is left.
            patched[place.at : place.at + len(NO_HASH)] = NO_HASH
            attributes = _ATTRIBUTES.unpack_from(patched, place.link + _ATTRIBUTES_AT)[0] & ~_REPARSE_POINT
            _ATTRIBUTES.pack_into(patched, place.link + _ATTRIBUTES_AT, attributes or _NORMAL)
            patched[place.link + _TAG_AT : place.link + _TAG_AT + 8] = bytes(8)
    facts = image.handle.info()
    table = []
    for index in range(1, facts.image_count + 1):
        data = bytes(patched) if index == image.index else _EMPTY_TREE
        where = Resource.plain(file.tell(), len(data), ResourceFlag.METADATA)
        file.write(data)
        table.append(BLOB_STRUCT.pack(*where.numbers(), 1, 1, hashlib.sha1(data, usedforsecurity=False).digest()))
    table += [
        BLOB_STRUCT.pack(*Resource.plain(each.at, each.size).numbers(), 1, 1, each.sha1)
        for each in {each.sha1: each for each in read.values()}.values()
    ]
    xml = image.handle.xml()
    places = []
    for data in (b"".join(table), xml):
        places.append(Resource.plain(file.tell(), len(data)))
        file.write(data)
    header = Header(
        flags=HeaderFlag.RPFIX if facts.has_rpfix else 0,
        guid=os.urandom(16),
        image_count=facts.image_count,
        blob_table=places[0],
        xml=places[1],
    )
    file.seek(0)
    file.write(header.build())


def _empty_tree() -> bytes:
    root = DENTRY_STRUCT.pack(DENTRY_STRUCT.size + 2, _DIRECTORY, NO_SECURITY_ID, 0, 0, 0, 0, 0, 0, NO_HASH, 0, 0, 0, 0)
    return SECURITY_STRUCT.pack(SECURITY_STRUCT.size, 0) + root.ljust(-(-len(root) // 8) * 8, b"\0") + bytes(8)


_EMPTY_TREE = _empty_tree()
