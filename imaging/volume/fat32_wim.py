"""An image of a WIM as the source of a volume.

The blobs are read straight from the WIM, each once, in the order in which they lie there, and written to every file
that holds them; each is compared with its SHA-1 on the way.  libwim gives the tree and decompresses.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import CorruptWim, InvalidRequest, MissingParts, StorageError
from osdimage.imaging.loss import Loss
from osdimage.imaging.volume.fat32_source import STORED_ATTRIBUTES, Piece, Source, SourceEntry
from osdimage.imaging.wim.attributes import FileAttribute
from osdimage.imaging.wim.audit import load_tree, refuse_dropped_names, refuse_unsafe_names, repairs
from osdimage.imaging.wim.failures import wim_errors
from osdimage.native import tree
from osdimage.native.handles import WimHandle
from osdimage.native.resource import ResourceReader
from osdimage.native.runtime import Compression
from osdimage.native.tree import Blob, Entry

if TYPE_CHECKING:
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.image import WimImage

# FILETIME 0 in nanoseconds since 1970: what Windows stores for "not known".
_FILETIME_ZERO = -11_644_473_600 * 1_000_000_000
# Plain numbers: the flags of an enumeration are slow, and these meet every file.
_DIRECTORY, _REPARSE_POINT, _ENCRYPTED = (
    int(each) for each in (FileAttribute.DIRECTORY, FileAttribute.REPARSE_POINT, FileAttribute.ENCRYPTED)
)
# Programs that store this hash store no blob for it.
_EMPTY = hashlib.sha1(b"", usedforsecurity=False).digest()
# Links and encrypted files are counted by themselves.
_COUNTED_ATTRIBUTES = ~(STORED_ATTRIBUTES | int(FileAttribute.NORMAL) | _DIRECTORY | _REPARSE_POINT | _ENCRYPTED)
# What the reader says of damaged contents; everything else is the medium's fault.
_DAMAGE = frozenset({errno.EBADMSG, errno.ENODATA})


@dataclass(slots=True)
class _Place:
    """A blob, the WIM that holds it, and the entries that it is the contents of."""

    part: int
    blob: Blob
    indices: list[int] = field(default_factory=list)

    @property
    def order(self) -> tuple[int, int, int, bytes]:
        return self.part, self.blob.resource_offset, self.blob.offset_in_resource, self.blob.sha1


def from_wim(wim: WimFile, image: WimImage, *, parts: Sequence[WimFile] = ()) -> Source:
    """Return a source of an image of an open WIM, which must stay open until the volume is filled.

    Links are left out and several names of a file become copies; this, and what else FAT cannot hold (security
    descriptors, named streams and so on), is counted as losses.  Files encrypted by EFS are left out.

    Args:
        wim: the WIM.
        image: one of its images.
        parts: the other parts of a split WIM, or the base of a delta, open too.

    Raises:
        UnsafeName: when the image holds a name that is not allowed in a Windows image.
        MissingParts: when contents are in none of the WIMs.
        CorruptWim: when the tree of the image is damaged.
        InvalidRequest: when a WIM is pipable; its resources lie in another order.
    """
    if image not in wim.images:
        raise InvalidRequest(f"{image!r} is not an image of {wim!r}")
    return from_handle(wim.path, wim.handle, image.index, parts=[each.path for each in parts])


def from_handle(path: Path, handle: WimHandle, index: int, *, parts: Sequence[Path] = ()) -> Source:
    """Return a source of an image of a WIM that a handle has open; see :func:`from_wim`."""
    with wim_errors(path):
        audit = load_tree(path, handle, index)
        refuse_dropped_names(path, index, audit)
        refuse_unsafe_names(path, index, audit)
        collector = _Collector(path)
        tree.each_entry(handle, index, "/", recursive=True, visit=collector.take)
    wims = [_Part.open(each) for each in (path, *parts)]
    places = collector.find(wims)
    losses = [*(Loss(line, 1) for line in repairs(audit)), *collector.losses()]
    return _WimSource(wims, f"{path}, image {index}", places, collector.entries, losses)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file that holds blobs: how they are compressed, and where they are."""

    path: Path
    compression: Compression
    chunk_size: int
    blobs: tuple[Blob, ...]

    @classmethod
    def open(cls, path: Path) -> _Part:
        """Read the blob table.  Blobs that are in other parts of a split WIM are left out."""
        blobs: list[Blob] = []
        # A handle of its own: blobs of files that the caller's refers to would look like its own.
        with wim_errors(path), WimHandle.open(path) as plain:
            facts = plain.info()
            if facts.is_pipable:
                raise InvalidRequest(f"{path}: a pipable WIM cannot be read here; export it first")
            tree.each_blob(plain, blobs.append)
        own = (blob for blob in blobs if blob.part_number == facts.part_number and not blob.is_metadata)
        return cls(path, facts.compression or Compression.NONE, facts.chunk_size, tuple(own))


class _Collector:
    """Turns the entries of an image into those of a volume."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self.entries: list[SourceEntry] = []
        self._wanted: dict[bytes, list[SourceEntry]] = {}
        self._lost: Counter[str] = Counter()
        self._left_out: set[str] = set()
        self._groups: set[int] = set()

    def take(self, entry: Entry) -> None:
        """Take one entry; parents come before their children."""
        path = entry.path.strip("/")
        self._count(entry)
        if not path:
            return
        if path.rpartition("/")[0] in self._left_out or self._is_left_out(entry):
            self._left_out.add(path)
            return
        is_directory = bool(entry.attributes & _DIRECTORY)
        contents = next((stream for stream in entry.streams if stream.name is None), None)
        taken = SourceEntry(
            path,
            is_directory,
            0 if is_directory or contents is None else contents.size,
            entry.attributes,
            created_ns=_known(entry.created_ns),
            modified_ns=_known(entry.modified_ns),
            accessed_ns=_known(entry.accessed_ns),
            short_name=entry.short_name,
        )
        # libwim calls contents that are in another part 0 bytes long; the hash alone tells them from an empty file.
        if is_directory or contents is None or contents.sha1 == _EMPTY or (contents.sha1 is None and not taken.size):
            self.entries.append(taken)
        elif contents.sha1 is None:
            raise InvalidRequest(
                f"{self._where}: {path!r} was added in memory; a FAT32 volume takes what the WIM holds"
            )
        else:
            self._wanted.setdefault(contents.sha1, []).append(taken)

    def _count(self, entry: Entry) -> None:
        self._lost["security descriptors not kept"] += entry.security_descriptor is not None
        self._lost["named data streams not kept"] += sum(stream.name is not None for stream in entry.streams)
        self._lost["object ids not kept"] += entry.object_id is not None
        self._lost["files with attributes that FAT lacks"] += bool(entry.attributes & _COUNTED_ATTRIBUTES)
        if entry.link_group is not None and entry.links > 1:
            self._lost["hard links stored as copies"] += entry.link_group in self._groups
            self._groups.add(entry.link_group)

    def _is_left_out(self, entry: Entry) -> bool:
        if entry.attributes & _REPARSE_POINT:
            self._lost["links and other reparse points not kept"] += 1
            return True
        if entry.attributes & _ENCRYPTED and not entry.attributes & _DIRECTORY:
            # What a WIM holds of such a file is not its contents.
            self._lost["encrypted files (EFS) not kept"] += 1
            return True
        return False

    def losses(self) -> Iterator[Loss]:
        """Yield what was lost."""
        for what, count in sorted(self._lost.items()):
            if count:
                yield Loss(what, count)

    def find(self, wims: Sequence[_Part]) -> list[_Place]:
        """Find the blobs; add the files that hold them to the entries, in the order in which they lie in the WIMs."""
        found: dict[bytes, _Place] = {}
        for number, wim in enumerate(wims):
            for blob in wim.blobs:
                if blob.sha1 in self._wanted and blob.sha1 not in found:
                    found[blob.sha1] = _Place(number, blob)
        missing = [entries for sha1, entries in self._wanted.items() if sha1 not in found]
        if missing:
            raise MissingParts(
                f"{wims[0].path}: the contents of {sum(map(len, missing))} files, {missing[0][0].path!r} for one, are "
                "in another file: another part of a split WIM, or the base of a delta"
            )
        places = sorted(found.values(), key=lambda place: place.order)
        for place in places:
            for entry in self._wanted[place.blob.sha1]:
                if entry.size not in {0, place.blob.size}:
                    raise CorruptWim(f"{wims[place.part].path}: {entry.path!r} and its blob differ in size")
                place.indices.append(len(self.entries))
                self.entries.append(replace(entry, size=place.blob.size))
        return places


def _known(time_ns: int) -> int | None:
    return None if time_ns == _FILETIME_ZERO else time_ns


class _WimSource(Source):
    """The files of an image, in the order in which their contents lie in the WIMs."""

    def __init__(
        self,
        wims: Sequence[_Part],
        name: str,
        places: Sequence[_Place],
        entries: Iterable[SourceEntry],
        losses: Iterable[Loss],
    ) -> None:
        super().__init__(name, entries, losses)
        self._wims = wims
        self._places = places

    def read(self) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
        """Read each WIM from front to back."""
        for part, places in groupby(self._places, key=lambda place: place.part):
            wim = self._wims[part]
            with _opened(wim) as reader:
                for _, group in groupby(places, key=lambda place: place.blob.resource_offset):
                    yield from self._resource(wim, reader, list(group))

    def _resource(
        self, wim: _Part, reader: ResourceReader, places: Sequence[_Place]
    ) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
        """Hand out the blobs of one resource; a solid one holds many and is decompressed once."""
        if not places[0].blob.is_solid:
            for place in places:
                yield place.indices, self._checked(wim, place, reader.pieces(place.blob))
            return
        cutter = _Cutter(reader.pieces(places[0].blob))
        for place in places:
            yield place.indices, self._checked(wim, place, cutter.cut(place.blob.offset_in_resource, place.blob.size))

    def _checked(self, wim: _Part, place: _Place, pieces: Iterable[memoryview]) -> Iterator[Piece]:
        """Pass the pieces on and compare all of them with the hash at the end."""
        path = self.entries[place.indices[0]].path
        digest = hashlib.sha1(usedforsecurity=False)
        size = 0
        try:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                # More than was promised is not handed on: the hash cannot be right then.
                if size <= place.blob.size:
                    yield piece
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise StorageError(f"{wim.path}: {error.strerror}", path=wim.path, errno=error.errno) from error
            raise CorruptWim(f"{wim.path}: the contents of {path!r} cannot be decompressed or end too early") from error
        if digest.digest() != place.blob.sha1:
            raise CorruptWim(f"{wim.path}: the contents of {path!r} do not match their SHA-1")


@contextmanager
def _opened(wim: _Part) -> Iterator[ResourceReader]:
    """Open the file of a WIM once more, to read resources from it."""
    try:
        descriptor = os.open(wim.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{wim.path}: {error.strerror}", path=wim.path, errno=error.errno) from error
    try:
        reader = ResourceReader(descriptor, wim.compression, wim.chunk_size)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        os.close(descriptor)


class _Cutter:
    """Cuts blobs out of the contents of a solid resource, from front to back."""

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")
        self._position = 0

    def cut(self, offset: int, size: int) -> Iterator[memoryview]:
        """Yield ``size`` bytes from an offset on, which is not before the end of the last cut.

        Raises:
            OSError: EBADMSG when it is, or the error of the reader.
        """
        if offset < self._position:
            raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        for piece in self._take(offset - self._position):
            # Passed over: it belongs to files of other images.
            del piece
        yield from self._take(size)

    def _take(self, size: int) -> Iterator[memoryview]:
        while size:
            if not self._held:
                held = next(self._pieces, None)
                if held is None:
                    return
                self._held = held
            piece = self._held[:size]
            self._held = self._held[len(piece) :]
            self._position += len(piece)
            size -= len(piece)
            yield piece
