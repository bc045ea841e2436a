"""An image of a WIM as the source of a volume.

The blobs are read straight from the WIM, each once, in the order in which they lie there, and written to every file
that holds them.  libwim gives the tree and decompresses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from osdimage.imaging import filetime
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim, InvalidRequest, MissingParts
from osdimage.imaging.loss import Loss
from osdimage.imaging.units import counted
from osdimage.imaging.volume.fat.source import STORED_ATTRIBUTES, Piece, Source, SourceEntry
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_unsafe_names, repairs
from osdimage.imaging.wim.contents import EMPTY_SHA1, BlobSource, references
from osdimage.imaging.wim.failures import NAME_OTHERS, wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.stored.extended import extended_attributes
from osdimage.imaging.wim.trees import read_tree
from osdimage.imaging.wim.unix import extended_lost, of_unix
from osdimage.imaging.wim.wof import WofFile, plain, wof_files
from osdimage.native.wim import entries
from osdimage.native.wim.entries import Entry, Stream

# Plain numbers: the flags of an enumeration are slow, and these meet every file.
_DIRECTORY, _REPARSE_POINT, _ENCRYPTED = (
    int(each) for each in (FileAttribute.DIRECTORY, FileAttribute.REPARSE_POINT, FileAttribute.ENCRYPTED)
)
# Links and encrypted files are counted by themselves.
_COUNTED_ATTRIBUTES = ~(STORED_ATTRIBUTES | int(FileAttribute.NORMAL) | _DIRECTORY | _REPARSE_POINT | _ENCRYPTED)

DESCRIPTORS_LOST = "security descriptors not kept"
"""What a loss of them is called."""


def from_image(image: WimImage) -> Source:
    """Return a source of an image of an open WIM, which must stay open until the volume is filled.

    Links are left out and several names of a file become copies; this, and what else FAT cannot hold (security
    descriptors, named streams and so on), is counted as losses.  Files encrypted by EFS are left out.  Contents may be
    in the files that the WIM was opened with: the other parts of a split one, or the base of a delta.

    Raises:
        UnsafeName: when the image holds a name that is not allowed in a Windows image.
        MissingParts: when contents are in none of the WIMs.
        CorruptWim: when the tree of the image is damaged.
        InvalidRequest: when a WIM is pipable; its resources lie in another order.
    """
    path, handle, index = image.path, image.handle, image.index
    with wim_errors(path):
        audit = load_tree(path, handle, index)
        refuse_dropped_names(path, index, audit)
        refuse_unsafe_names(path, index, audit)
        collector = _Collector(path, wof_files(path, handle, index, audit))
        entries.each_entry(handle, index, "/", recursive=True, visit=collector.take)
    blobs, holders = collector.find((path, *references(path, handle)))
    lost = collector.losses()
    losses = [*(Loss(line, 1) for line in repairs(audit)), *lost, *of_unix(audit), *_extended_lost(image)]
    return _WimSource(blobs, holders, f"{path}, image {index}", collector.entries, losses)


def _extended_lost(image: WimImage) -> tuple[Loss, ...]:
    tree = read_tree(image.path, image.handle, image.index)
    return () if tree is None else extended_lost(len(extended_attributes(tree)))


@dataclass(slots=True)
class _Holders:
    """Who holds a blob: the indices of the entries, and those that Windows has compressed, which hold it expanded."""

    indices: list[int] = field(default_factory=list)
    expanded: list[tuple[int, WofFile]] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The index of one of them, for messages."""
        return self.indices[0] if self.indices else self.expanded[0][0]


class _Collector:
    """Turns the entries of an image into those of a volume."""

    def __init__(self, where: Path, compressed: Mapping[str, WofFile]) -> None:
        self._where = where
        self.entries: list[SourceEntry] = []
        self._wanted: dict[bytes, list[SourceEntry]] = {}
        self._compressed = compressed
        self._expanded: dict[bytes, list[tuple[SourceEntry, WofFile]]] = {}
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
        compressed = self._compressed.get(entry.path)
        contents = next((stream for stream in entry.streams if stream.name is None), None)
        taken = SourceEntry(
            path,
            is_directory,
            _size_of(is_directory, contents, compressed),
            entry.attributes,
            created_ns=_known(entry.created_ns),
            modified_ns=_known(entry.modified_ns),
            accessed_ns=_known(entry.accessed_ns),
            short_name=entry.short_name,
        )
        if compressed is not None:
            self._expanded.setdefault(compressed.stored_sha1, []).append((taken, compressed))
        # libwim calls contents that are in another part 0 bytes long; the hash alone tells them from an empty file.
        elif (
            is_directory
            or contents is None
            or contents.sha1 == EMPTY_SHA1
            or (contents.sha1 is None and not taken.size)
        ):
            self.entries.append(taken)
        elif contents.sha1 is None:
            raise InvalidRequest(f"{self._where}: {path!r} was added in memory; a FAT volume takes what the WIM holds")
        else:
            self._wanted.setdefault(contents.sha1, []).append(taken)

    def _count(self, entry: Entry) -> None:
        self._lost[DESCRIPTORS_LOST] += entry.security_descriptor is not None
        is_compressed = entry.path in self._compressed
        named = sum(stream.name is not None for stream in entry.streams)
        self._lost["named data streams not kept"] += named - is_compressed
        self._lost["compression of files by Windows (WOF) not kept"] += is_compressed
        self._lost["object ids not kept"] += entry.object_id is not None
        self._lost["files with attributes that FAT lacks"] += bool(entry.attributes & _COUNTED_ATTRIBUTES)
        if entry.link_group is not None and entry.links > 1:
            self._lost["hard links stored as copies"] += entry.link_group in self._groups
            self._groups.add(entry.link_group)

    def _is_left_out(self, entry: Entry) -> bool:
        if entry.attributes & _REPARSE_POINT and entry.path not in self._compressed:
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

    def find(self, paths: Sequence[Path]) -> tuple[list[BlobSource], list[list[_Holders]]]:
        """Find the blobs; add the files that hold them to the entries, in the order in which they lie in the WIMs.

        Returns:
            For each WIM its blobs, and for each blob who holds it.
        """
        found = []
        holders = []
        for path in paths:
            blobs = BlobSource(path, self._wanted.keys() | self._expanded.keys())
            found.append(blobs)
            holders.append([self._holders(path, size, sha1) for size, sha1 in blobs.facts])
        missing = [entry for entries in self._wanted.values() for entry in entries]
        missing += [entry for entries in self._expanded.values() for entry, _ in entries]
        if missing:
            files = counted(len(missing), "file")
            raise MissingParts(
                f"{paths[0]}: the contents of {files}, {missing[0].path!r} for one, are in another file",
                remedy=NAME_OTHERS,
            )
        return found, holders

    def _holders(self, path: Path, size: int, sha1: bytes) -> _Holders:
        holders = _Holders(list(self._add(path, size, self._wanted.pop(sha1, ()))))
        for entry, compressed in self._expanded.pop(sha1, ()):
            holders.expanded.append((len(self.entries), compressed))
            self.entries.append(entry)
        return holders

    def _add(self, path: Path, size: int, entries: Iterable[SourceEntry]) -> Iterator[int]:
        """Add the entries that hold a blob; yield their indices."""
        for entry in entries:
            if entry.size not in {0, size}:
                raise CorruptWim(f"{path}: {entry.path!r} and its blob differ in size")
            yield len(self.entries)
            self.entries.append(entry if entry.size == size else replace(entry, size=size))


def _size_of(is_directory: bool, contents: Stream | None, compressed: WofFile | None) -> int:  # noqa: FBT001
    if compressed is not None:
        return compressed.size
    return 0 if is_directory or contents is None else contents.size


def _known(time_ns: int) -> int | None:
    return None if time_ns == filetime.NOT_KNOWN_NS else time_ns


class _WimSource(Source):
    """The files of an image, in the order in which their contents lie in the WIMs."""

    def __init__(
        self,
        blobs: Sequence[BlobSource],
        holders: Sequence[Sequence[_Holders]],
        name: str,
        entries: Iterable[SourceEntry],
        losses: Iterable[Loss],
    ) -> None:
        super().__init__(name, entries, losses)
        self._blobs = blobs
        self._holders = holders

    def read(self) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
        """Read each WIM from front to back."""
        for blobs, holders in zip(self._blobs, self._holders, strict=True):
            for number, pieces in blobs.read([self.entries[each.first].path for each in holders]):
                held = holders[number]
                if not held.expanded:
                    yield held.indices, pieces
                elif not held.indices and len(held.expanded) == 1:
                    index, file = held.expanded[0]
                    yield (index,), plain(blobs.path, file, pieces)
                else:
                    yield from _shared(blobs.path, held, b"".join(bytes(piece) for piece in pieces))


def _shared(path: Path, holders: _Holders, stored: bytes) -> Iterator[tuple[Sequence[int], Iterable[Piece]]]:
    """Yield contents that several files hold, some of them expanded."""
    if holders.indices:
        yield holders.indices, (stored,)
    for index, file in holders.expanded:
        yield (index,), plain(path, file, (stored,))
