"""What a damaged WIM still gives: an image whose damaged contents are what can be read of them.

Every program that takes contents out of a WIM compares them with their SHA-1 and ends at the first that differ.  So the
contents of an image are hashed first, and what can be read of the damaged ones is written to a temporary WIM, which
also has the tree of the image, with the SHA-1 of what was read in the place of the old ones.  That WIM refers to the
damaged one for all else, as a delta refers to its base: whatever applies or extracts the image needs to know nothing of
it.
"""

from __future__ import annotations

import glob
import os
import struct
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from osdimage.imaging.errors import InvalidRequest, StorageError
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.extracted.rescue import Rescued, rescue
from osdimage.imaging.wim.feed import ImageFeed
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.overlaid import write_overlaid
from osdimage.imaging.wim.stored.dentries import HASH_AT, Dentry, walk
from osdimage.imaging.wim.stored.format import HEADER_SIZE, NO_HASH
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.engine.directory import link_target
from osdimage.native.wim.tree import Blob

_STREAM_HASH_AT = 16
_NORMAL, _REPARSE_POINT = 0x80, 0x400
# Of DENTRY_STRUCT: dwAttributes, and dwReparseTag with what is beside it.
_ATTRIBUTES, _ATTRIBUTES_AT, _TAG_AT = struct.Struct("<I"), 8, 88
# [MS-FSCC] 2.1.2.1: the tags of links, and where behind the header of their data the names begin (2.1.2.4, 2.1.2.5).
_NAMES_AT = {0xA000000C: 12, 0xA0000003: 8}
_LARGEST_LINK = 16 << 10


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file, or a stream of one, whose contents are not what was captured, or cannot be read.

    Attributes:
        path: in the image or volume, separated by ``/``; of a stream ``path:name``.
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

    Contents that are read whole are not damaged, although a damaged chunk holds them: their SHA-1 says so.
    A link stays one as long as its data lead somewhere; without that it is a file or folder without contents.
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
        read, links = _made(path, image, tree, bad)
        refs = [glob.escape(os.fspath(each)) for each in feed.paths]
        with WimFile.open(path, refs=refs, with_parts=False) as opened:
            yield opened.images[image.index - 1], tuple(_files(tree, paths, read, links))


# The SHA-1 that the data of links should have, and their tags.
_Links = frozenset[tuple[bytes, int]]


def _made(
    path: Path, image: WimImage, tree: bytes, bad: Sequence[tuple[Path, Blob, str]]
) -> tuple[dict[bytes, Rescued], _Links]:
    """Make the temporary WIM; return what was read, and which damaged links still lead somewhere."""
    try:
        with path.open("w+b") as file:
            read, end = rescue(file.fileno(), HEADER_SIZE, bad)
            links = frozenset(_leading(file.fileno(), tree, read))
            file.seek(end)
            _write(file, image, tree, read, links)
    except OSError as error:
        text = f"{path.parent}: a temporary file cannot be written: {error.strerror}"
        raise StorageError(text, path=path.parent, errno=error.errno) from error
    return read, links


def _leading(descriptor: int, tree: bytes, read: Mapping[bytes, Rescued]) -> Iterator[tuple[bytes, int]]:
    """Yield the links whose data say where they lead, right or wrong."""
    for place in _places(tree, None):
        found = None if place.link is None else read.get(place.sha1)
        if found is None or found.size > _LARGEST_LINK:
            continue
        tag = _tag(tree, place)
        if _leads(tag, os.pread(descriptor, found.size, found.at)):
            yield place.sha1, tag


def _leads(tag: int, data: bytes) -> bool:
    """Tell whether the data of a link have a target that a link can have."""
    names_at = _NAMES_AT.get(tag)
    if names_at is None:
        return False
    try:
        link_target(tag, data)
        begin, size = struct.unpack_from("<HH", data)
        name = data[names_at + begin : names_at + begin + size].decode("utf-16-le")
    except (OSError, UnicodeDecodeError):
        return False
    # What is lost is zeros.
    return name != "" and "\0" not in name


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


def _tag(tree: bytes, place: _Place) -> int:
    return 0 if place.link is None else int(_ATTRIBUTES.unpack_from(tree, place.link + _TAG_AT)[0])


def _is_below(entry: Dentry, above: Collection[str]) -> bool:
    path = "" if entry.is_root else entry.path.casefold()
    while path and path not in above:
        path = path.rpartition("/")[0]
    return path in above


def _files(
    tree: bytes, paths: Sequence[str] | None, read: Mapping[bytes, Rescued], links: _Links
) -> Iterator[DamagedFile]:
    for place in _places(tree, paths):
        found = read.get(place.sha1)
        if found is None or found.is_whole:
            continue
        if place.link is None:
            yield DamagedFile(place.path, found.size, found.lost, found.reason)
        elif (place.sha1, _tag(tree, place)) in links:
            yield DamagedFile(place.path, found.size, found.lost, f"{found.reason}, and it may lead elsewhere")
        else:
            yield DamagedFile(place.path, found.size, found.size, f"{found.reason}, and it leads nowhere")


# ---- the temporary WIM


def _write(file: IO[bytes], image: WimImage, tree: bytes, read: Mapping[bytes, Rescued], links: _Links) -> None:
    """Write the tree with the hashes of what was read, the tables and the header."""
    patched = bytearray(tree)
    for place in _places(tree, None):
        found = read.get(place.sha1)
        if found is None or found.is_whole:
            continue
        if place.link is None or (place.sha1, _tag(tree, place)) in links:
            patched[place.at : place.at + len(found.sha1)] = found.sha1
        else:
            # A link whose data are damaged is none that anybody makes: a file or folder without contents is left.
            patched[place.at : place.at + len(NO_HASH)] = NO_HASH
            attributes = _ATTRIBUTES.unpack_from(patched, place.link + _ATTRIBUTES_AT)[0] & ~_REPARSE_POINT
            _ATTRIBUTES.pack_into(patched, place.link + _ATTRIBUTES_AT, attributes or _NORMAL)
            patched[place.link + _TAG_AT : place.link + _TAG_AT + 8] = bytes(8)
    contents = {each.sha1: (each.at, each.size, each.sha1) for each in read.values()}
    write_overlaid(file, image.handle, image.index, bytes(patched), contents.values())
