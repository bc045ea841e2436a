"""Single files of an image, read into memory without being extracted anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging import filetime, wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim, InvalidInput, InvalidRequest, MissingParts
from osdimage.imaging.files import DEFAULT_LIMIT, FileFacts, FileSource, split_path
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_unsafe_names
from osdimage.imaging.wim.contents import EMPTY_SHA1, BlobSource, references
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.wof import WofFile, plain, wof_files
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim.entries import Entry, Stream, each_entry
from osdimage.native.wim.handles import WimHandle


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is to be read: the path of a file that has it, and its size as the tree tells it."""

    path: str
    size: int


class ImageFiles(FileSource):
    """The files of an image of an open WIM; :meth:`osdimage.imaging.WimImage.files` makes it.

    Contents are compared with their SHA-1.  Each reading begins at the front of the WIM, and in a solid resource a file
    lies behind others, which are decompressed too: :meth:`prefetch` does that once for many files.
    """

    def __init__(self, path: Path, handle: WimHandle, index: int) -> None:
        """Load the tree of the image.

        Raises:
            UnsafeName: when the image holds a name that is not allowed in a Windows image.
            CorruptWim: when its tree is damaged.
        """
        super().__init__(f"{path} image {index}")
        self._path = path
        self._handle = handle
        self._index = index
        self._held: dict[bytes, bytes] = {}
        with wim_errors(path):
            audit = load_tree(path, handle, index)
        refuse_dropped_names(path, index, audit)
        refuse_unsafe_names(path, index, audit)
        self._audit = audit
        self._compressed: dict[str, WofFile] | None = None
        self._unreadable: dict[str, str] = {}

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        parts = split_path(path)
        entry = self._entry(parts)
        return None if entry is None else self._facts("/".join(parts), entry)

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        parts = split_path(path)
        facts = self.find(path)
        if facts is None or not facts.is_directory or facts.is_link:
            raise InvalidRequest(f"{self.name}: there is no directory {path!r}")
        prefix = "".join(f"{part}/" for part in parts)
        return [
            self._facts(f"{prefix}{each.name}", each)
            for each in sorted(self._entries(parts, children=True), key=lambda each: each.name or "")
        ]

    def prefetch(self, paths: Iterable[str], limit: int = DEFAULT_LIMIT) -> None:
        """Read files in one pass and hold them; a path at which there is no file is passed over.

        Args:
            paths: of the files.
            limit: the most bytes to hold; files that are more are read when they are asked for.

        Raises:
            CorruptWim: when one is damaged.
            MissingParts: when one is in another file.
            StorageError: when the WIM cannot be read.
        """
        wanted: dict[bytes, _Contents] = {}
        held = sum(map(len, self._held.values()))
        for path in paths:
            sha1, contents = self._stored(path)
            if sha1 is None or sha1 in self._held or sha1 in wanted or held + contents.size > limit:
                continue
            wanted[sha1] = contents
            held += contents.size
        self._held |= self._read_all(wanted)

    def _read(self, facts: FileFacts) -> bytes:
        if facts.is_link:
            entry = self._entry(split_path(facts.path))
            fault = None if entry is None else self._unreadable.get(entry.path)
            raise InvalidInput(
                f"{self.name}: {facts.path!r} {fault or 'is a link, or encrypted, or stored as only Windows reads it'}"
            )
        sha1, contents = self._stored(facts.path)
        if sha1 is None:
            return b""
        held = self._held[sha1] if sha1 in self._held else self._read_all({sha1: contents})[sha1]
        compressed = self._compressed_at(facts.path)
        if compressed is None:
            return held
        return b"".join(bytes(piece) for piece in plain(self._path, compressed, (held,)))

    def _read_all(self, wanted: Mapping[bytes, _Contents]) -> dict[bytes, bytes]:
        """Return contents by their SHA-1, from the WIM and the files that it refers to."""
        found: dict[bytes, bytes] = {}
        for path in (self._path, *references(self._path, self._handle)):
            missing = wanted.keys() - found.keys()
            if not missing:
                break
            source = BlobSource(path, missing)
            for size, sha1 in source.facts:
                if wanted[sha1].size not in {0, size}:
                    raise CorruptWim(f"{path}: {wanted[sha1].path!r} and its blob differ in size")
            for number, pieces in source.read([wanted[sha1].path for _, sha1 in source.facts]):
                # A piece is valid until the next is asked for.
                found[source.facts[number][1]] = b"".join(bytes(piece) for piece in pieces)
        for sha1, contents in wanted.items():
            if sha1 not in found:
                raise MissingParts(
                    f"{self._path}: the contents of {contents.path!r} are in another file: another part of a split "
                    "WIM, or the base of a delta"
                )
        return found

    def _stored(self, path: str) -> tuple[bytes | None, _Contents]:
        """Return the SHA-1 of the contents of a file, or None when there is nothing to read, and what they are."""
        entry = self._entry(split_path(path))
        compressed = None if entry is None else self._compressed_of(entry)
        if compressed is not None:
            return compressed.stored_sha1, _Contents(path, 0)
        stream = None if entry is None or _is_odd(entry.attributes) else _unnamed(entry)
        # libwim calls contents that are in another part 0 bytes long; the hash alone tells them from an empty file.
        if stream is None or stream.sha1 == EMPTY_SHA1 or (stream.sha1 is None and not stream.size):
            return None, _Contents(path, 0)
        if stream.sha1 is None:
            raise InvalidRequest(f"{self.name}: {path!r} was added in memory; only what the WIM holds can be read")
        return stream.sha1, _Contents(path, stream.size)

    def _compressed_of(self, entry: Entry) -> WofFile | None:
        """Return how Windows has compressed a file; None for others, and for what cannot be read."""
        if entry.reparse_tag != wof.TAG:
            return None
        if self._compressed is None:
            with wim_errors(self._path):
                self._compressed = wof_files(
                    self._path, self._handle, self._index, self._audit, faults=self._unreadable
                )
        return self._compressed.get(entry.path)

    def _compressed_at(self, path: str) -> WofFile | None:
        entry = self._entry(split_path(path))
        return None if entry is None else self._compressed_of(entry)

    def _facts(self, path: str, entry: Entry) -> FileFacts:
        stream, compressed = _unnamed(entry), self._compressed_of(entry)
        size = 0 if stream is None else stream.size
        return FileFacts(
            path,
            bool(entry.attributes & FileAttribute.DIRECTORY),
            size if compressed is None else compressed.size,
            entry.attributes,
            None if entry.modified_ns == filetime.NOT_KNOWN_NS else entry.modified_ns,
            compressed is None and _is_odd(entry.attributes),
        )

    def _entry(self, parts: tuple[str, ...]) -> Entry | None:
        return next(iter(self._entries(parts)), None)

    def _entries(self, parts: tuple[str, ...], *, children: bool = False) -> tuple[Entry, ...]:
        """Return the entry of a path, or those in it; nothing when there is none."""
        found: list[Entry] = []
        path = "/" + "/".join(parts)
        with wim_errors(self._path):
            try:
                each_entry(self._handle, self._index, path, recursive=False, children=children, visit=found.append)
            except WimlibError as error:
                if error.code != WimlibCode.PATH_DOES_NOT_EXIST:
                    raise
        return tuple(found)


def _unnamed(entry: Entry) -> Stream | None:
    if entry.attributes & FileAttribute.DIRECTORY:
        return None
    return next((stream for stream in entry.streams if stream.name is None), None)


def _is_odd(attributes: int) -> bool:
    """Tell whether only Windows knows how to read it; what a WIM holds of an encrypted file is not its contents."""
    encrypted = 0 if attributes & FileAttribute.DIRECTORY else FileAttribute.ENCRYPTED
    return bool(attributes & (FileAttribute.REPARSE_POINT | encrypted))
