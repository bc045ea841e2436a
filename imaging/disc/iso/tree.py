"""The files of a volume of ISO 9660."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from osdimage.imaging.disc.facts import DiscExtent, DiscFile, FileKind, TreeFacts, TreeKind
from osdimage.imaging.disc.iso import records
from osdimage.imaging.disc.iso.descriptors import VolumeDescriptor
from osdimage.imaging.disc.iso.records import Record
from osdimage.imaging.disc.iso.rock_ridge import NOTHING, Damaged, RockRidge, read_list, skipped_bytes
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.tree import LARGEST_DIRECTORY, MOST_ENTRIES, Tree, joined, merged

_BLOCK_SIZES = (512, 1024, 2048)
_VERSION = re.compile(r";[0-9]*$")
_LARGEST_CONTINUATION = 4096


class _Name(NamedTuple):
    """What a file is called.

    Attributes:
        path: from the root.
        name: in its directory.
    """

    path: str
    name: str


class IsoTree(Tree):
    """A tree of ISO 9660."""

    def __init__(self, source: DiscSource, volume: VolumeDescriptor, *, with_rock_ridge: bool = True) -> None:
        """Read the root.

        Args:
            source: the disc.
            volume: the descriptor of the tree.
            with_rock_ridge: whether Rock Ridge is looked for.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        self.source = source
        self._volume = volume
        if volume.block_bytes not in _BLOCK_SIZES:
            raise source.invalid(f"the ISO 9660 volume has blocks of {volume.block_bytes} bytes; 2048 are usual")
        root = records.parse_record(volume.root, 0, 0)
        if root is None or not root.flags & records.DIRECTORY:
            raise source.invalid("the root of the ISO 9660 volume is not described")
        self._root = root
        # Behind each name there may be something of CD-ROM XA before the list of Rock Ridge.
        self._skipped: int | None = None
        self._skipped = self._rock_ridge() if with_rock_ridge and not volume.is_joliet else None
        plain = TreeKind.JOLIET if volume.is_joliet else TreeKind.ISO_9660
        kind = plain if self._skipped is None else TreeKind.ROCK_RIDGE
        self.facts = TreeFacts(kind, None, volume.label, volume.block_bytes, volume.blocks * volume.block_bytes)

    def root(self) -> DiscFile:
        """Return the root."""
        itself = self._itself(self._root.extent, "the root directory")
        return self._directory(_Name("/", ""), itself, self._list(itself, "the root directory"))

    def children(self, folder: DiscFile) -> list[DiscFile]:
        """Return what is in a directory."""
        found: list[DiscFile] = []
        for parts in self._grouped(folder):
            last = parts[-1]
            what = repr(joined(folder, self._text(last.name)))
            extra = self._list(parts[0], what)
            if extra.is_moved:
                continue
            text = self._text(last.name) if extra.name is None else text_of(extra.name)
            if not text:
                raise self.source.invalid(
                    f"the directory {folder.path!r} has a record without a name, at byte {last.at}"
                )
            name = _Name(joined(folder, text), text)
            if extra.elsewhere is not None:
                itself = self._itself(extra.elsewhere, f"the directory {name.path!r}")
                found.append(self._directory(name, itself, extra))
            elif last.flags & records.DIRECTORY:
                if len(parts) > 1:
                    raise self.source.invalid(f"the directory {name.path!r} has {len(parts)} extents, and may have one")
                found.append(self._directory(name, last, extra))
            else:
                found.append(self._file(name, parts, extra))
        return found

    def extents(self, file: DiscFile) -> tuple[DiscExtent, ...]:
        """Return where the contents of a file are."""
        what = repr(file.path)
        if file.unreadable is not None:
            raise self.source.invalid(f"{what} {file.unreadable}")
        found = file.recorded or ()
        for each in found:
            if each.offset is not None:
                self.source.require(each.offset, each.size, what)
        return found

    def _rock_ridge(self) -> int | None:
        itself = self._itself(self._root.extent, "the root directory")
        skipped = skipped_bytes(itself.system_use)
        if skipped is None:
            return None
        # The mark is that of SUSP, which may be there for something else.
        self._skipped = skipped
        return skipped if self._list(itself, "the root directory").unix is not None else None

    def _itself(self, block: int, what: str) -> Record:
        """Return the record that a directory has of itself."""
        place = block * self._volume.block_bytes
        data = self.source.read(place, self._volume.block_bytes, what)
        found = records.parse_record(data, 0, place)
        if found is None or found.name != records.HERE:
            raise self.source.invalid(f"{what}, at byte {place}, does not begin as a directory")
        return found

    def _grouped(self, folder: DiscFile) -> Iterator[list[Record]]:
        """Yield the records of each file: several, where it has more than one extent."""
        what = f"the directory {folder.path!r}"
        parts: list[Record] = []
        count = 0
        for each in self._records(folder, what):
            if each.name in {records.HERE, records.ABOVE} and each.flags & records.DIRECTORY:
                continue
            count += 1
            if count > MOST_ENTRIES:
                raise self.source.invalid(f"{what} has more than {MOST_ENTRIES} records, which are read at most")
            if each.flags & records.ASSOCIATED:
                continue
            if parts and parts[0].name != each.name:
                raise self.source.invalid(f"{what}: the file {self._text(parts[0].name)!r} has no last extent")
            parts.append(each)
            if not each.flags & records.GOES_ON:
                yield parts
                parts = []
        if parts:
            raise self.source.invalid(f"{what}: the file {self._text(parts[0].name)!r} has no last extent")

    def _records(self, folder: DiscFile, what: str) -> Iterator[Record]:
        (extent,) = folder.recorded or (DiscExtent(folder.place, 0),)
        if extent.size > LARGEST_DIRECTORY:
            raise self.source.invalid(f"{what} has {extent.size} bytes; {LARGEST_DIRECTORY} are read at most")
        self.source.charge(folder.place, extent.size, what)
        data = self.source.read(folder.place, extent.size, what)
        for each in records.records_of(data, folder.place, self._volume.block_bytes):
            if each is None:
                raise self.source.invalid(f"{what}, at byte {folder.place}, has a damaged record")
            yield each

    def _list(self, record: Record, what: str) -> RockRidge:
        """Return what Rock Ridge tells of a record; nothing, where there is none."""
        if self._skipped is None:
            return NOTHING
        is_root = record.at == self._root.extent * self._volume.block_bytes
        area = record.system_use[0 if is_root else self._skipped :]

        def read(block: int, offset: int, size: int) -> bytes:
            if size > _LARGEST_CONTINUATION:
                raise Damaged(f"has a list of Rock Ridge of {size} bytes; {_LARGEST_CONTINUATION} are read")
            place = block * self._volume.block_bytes + offset
            self.source.charge((record.at, place), size, f"what Rock Ridge tells of {what}")
            return self.source.read(place, size, f"what Rock Ridge tells of {what}")

        try:
            return read_list(area, read)
        except Damaged as error:
            raise self.source.invalid(f"{what}, at byte {record.at}, {error}") from error

    def _directory(self, name: _Name, record: Record, extra: RockRidge) -> DiscFile:
        place = record.extent * self._volume.block_bytes
        found = self._found(name, FileKind.DIRECTORY, record, extra)
        return replace(found, place=place, recorded=(DiscExtent(place, record.size),))

    def _file(self, name: _Name, parts: list[Record], extra: RockRidge) -> DiscFile:
        mode = stat.S_IFMT(extra.unix.mode) if extra.unix is not None else stat.S_IFREG
        kind = FileKind.FILE if mode in {0, stat.S_IFREG} else FileKind.SPECIAL
        if extra.target is not None:
            kind = FileKind.LINK
        found = self._found(name, kind, parts[0], extra)
        if kind is not FileKind.FILE:
            return found
        size = sum(each.size for each in parts)
        block = self._volume.block_bytes
        extents = merged([DiscExtent(each.extent * block, each.size) for each in parts], size)
        return replace(found, size=size, recorded=extents, unreadable=extra.unreadable or self._unreadable(parts))

    def _unreadable(self, parts: list[Record]) -> str | None:
        """Tell why the contents of a file cannot be read, or return None."""
        for each in parts:
            if each.is_interleaved:
                return "is interleaved with others, which is not read"
            if each.volume_number != self._volume.volume_number and each.size:
                return f"is on disc {each.volume_number} of a set, and this is disc {self._volume.volume_number}"
        return None

    def _found(self, name: _Name, kind: FileKind, record: Record, extra: RockRidge) -> DiscFile:
        recorded = records.nanoseconds(record.modified)
        return DiscFile(
            path=name.path,
            name=name.name,
            kind=kind,
            size=0,
            created_ns=extra.created_ns,
            modified_ns=recorded if extra.modified_ns is None else extra.modified_ns,
            accessed_ns=extra.accessed_ns,
            is_hidden=bool(record.flags & records.HIDDEN),
            place=record.at,
            target=None if extra.target is None else text_of(extra.target),
            unix=extra.unix,
        )

    def _text(self, name: bytes) -> str:
        """Return a name as it is shown, without the number of the version."""
        if self._volume.is_joliet:
            return _VERSION.sub("", name[: len(name) // 2 * 2].decode("utf-16-be", "surrogatepass"))
        text = _VERSION.sub("", text_of(name))
        return text.removesuffix(".") or text


def text_of(name: bytes) -> str:
    """Return a name of Unix, which is UTF-8, or else taken for Latin-1."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
