"""The files of a UDF volume (ECMA-167, part 4; OSTA UDF 2.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from osdimage.imaging.disc.facts import DiscExtent, DiscFile, FileKind
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.tree import LARGEST_DIRECTORY, LONGEST_TARGET, MOST_ENTRIES, Tree, joined
from osdimage.imaging.disc.udf import descriptors as d
from osdimage.imaging.disc.udf import tags
from osdimage.imaging.disc.udf.entries import FileEntry, Partition
from osdimage.imaging.disc.udf.sequence import Address
from osdimage.imaging.disc.udf.text import characters, nanoseconds
from osdimage.imaging.disc.udf.volume import find_volume

# ECMA-167, 4/14.6.6; 249 is a file whose blocks were written in time (OSTA UDF 2.3.5.2.1).
_DIRECTORY, _LINK = 4, 12
_PLAIN = frozenset({0, 5, 7, 8, 249})

# Tag, version, characteristics, length of the name, the file entry, length of what the writer keeps.
_IDENTIFIER = struct.Struct("<16sHBBIIH6sH")
_HIDDEN, _DELETED, _PARENT = 1, 4, 8

_COMPONENT = struct.Struct("<BBH")
_ROOTS, _ABOVE, _HERE, _NAMED = (1, 2), 3, 4, 5
_TARGET_PARTS = {_ABOVE: "..", _HERE: "."}


class _Name(NamedTuple):
    """What a directory says of a file."""

    name: str
    is_hidden: bool
    address: Address


class UdfTree(Tree):
    """A UDF volume."""

    def __init__(self, source: DiscSource) -> None:
        """Find the volume.

        Raises:
            InvalidVolume: when it is damaged, or of a kind that is not read.
            StorageError: when it cannot be read.
        """
        self.source = source
        volume = find_volume(source)
        self.facts = volume.facts
        self.notes = volume.notes
        self._root = Address(volume.root, 0)
        self._block = volume.facts.block_bytes
        self._partition_at = volume.partition_at
        self._partition = Partition(source, volume.partition_at, self._block)
        # By the byte of the file entry: many names may lead to one link.
        self._targets: dict[int, str] = {}

    def root(self) -> DiscFile:
        """Return the root."""
        found = self._file("/", _Name("", is_hidden=False, address=self._root))
        if not found.is_directory:
            raise self.source.invalid("the root of the UDF volume is no directory")
        return found

    def children(self, folder: DiscFile) -> list[DiscFile]:
        """Return what is in a directory."""
        entry = self._entry_of(folder)
        what = f"the directory {folder.path!r}"
        if entry.size > LARGEST_DIRECTORY:
            raise self.source.invalid(f"{what} has {entry.size} bytes; {LARGEST_DIRECTORY} are read at most")
        self.source.charge(folder.place, entry.size, what)
        data = b"".join(self.source.pieces(self._extents(entry, what), what))
        return [self._file(joined(folder, each.name), each) for each in self._names(data, what)]

    def extents(self, file: DiscFile) -> tuple[DiscExtent, ...]:
        """Return where the contents of a file are."""
        return self._extents(self._entry_of(file), repr(file.path))

    def _extents(self, entry: FileEntry, what: str) -> tuple[DiscExtent, ...]:
        return self._partition.extents(entry, what)

    def _entry_of(self, file: DiscFile) -> FileEntry:
        block = (file.place - self._partition_at) // self._block
        return self._partition.entry(Address(block, 0), repr(file.path))

    def _file(self, path: str, name: _Name) -> DiscFile:
        entry = self._partition.entry(name.address, repr(path))
        if entry.kind == _DIRECTORY:
            kind = FileKind.DIRECTORY
        elif entry.kind == _LINK:
            kind = FileKind.LINK
        else:
            kind = FileKind.FILE if entry.kind in _PLAIN else FileKind.SPECIAL
        return DiscFile(
            path=path,
            name=name.name,
            kind=kind,
            size=entry.size if kind is FileKind.FILE else 0,
            created_ns=None if entry.created is None else nanoseconds(entry.created),
            modified_ns=nanoseconds(entry.modified),
            accessed_ns=nanoseconds(entry.accessed),
            is_hidden=name.is_hidden,
            place=self._partition.place(name.address, path),
            target=self._target(path, entry) if kind is FileKind.LINK else None,
            links=entry.links,
        )

    def _names(self, data: bytes, what: str) -> Iterator[_Name]:
        """Yield what a directory holds; of a deleted name only its room is left, and the one above is none of them."""
        at = count = 0
        while at < len(data):
            fields = data[at : at + _IDENTIFIER.size].ljust(_IDENTIFIER.size, b"\0")
            _, _, flags, name_bytes, _, block, partition, _, kept = _IDENTIFIER.unpack(fields)
            begin = at + _IDENTIFIER.size + kept
            end = begin + name_bytes
            following = (end + 3) // 4 * 4
            # No CRC is over more than the name itself, or many names would take a time that grows with the square.
            fault = tags.fault_of(data[at:following], d.FILE_IDENTIFIER, None)
            if fault is None and end > len(data):
                fault = "is cut off"
            if fault is not None:
                raise self.source.invalid(f"{what}: the name at byte {at} of it {fault}")
            count += 1
            if count > MOST_ENTRIES:
                raise self.source.invalid(f"{what} has more than {MOST_ENTRIES} names, which are read at most")
            if not flags & (_DELETED | _PARENT):
                name = characters(data[begin:end])
                if not name:
                    raise self.source.invalid(f"{what}: the name at byte {at} of it is no text")
                yield _Name(name, bool(flags & _HIDDEN), Address(block, partition))
            at = following

    def _target(self, path: str, entry: FileEntry) -> str:
        """Return where a symbolic link leads."""
        found = self._targets.get(entry.at)
        if found is None:
            found = self._targets[entry.at] = self._read_target(path, entry)
        return found

    def _read_target(self, path: str, entry: FileEntry) -> str:
        """Read where a symbolic link leads (ECMA-167, 4/8.7 and 4/14.16)."""
        what = f"the link {path!r}"
        if entry.size > LONGEST_TARGET:
            raise self.source.invalid(f"{what} leads to a path of {entry.size} bytes; {LONGEST_TARGET} are read")
        data = b"".join(self.source.pieces(self._extents(entry, what), what))
        parts: list[str] = []
        at = 0
        while at < len(data):
            kind, length, _ = _COMPONENT.unpack_from(data.ljust(at + _COMPONENT.size, b"\0"), at)
            at += _COMPONENT.size + length
            name = characters(data[at - length : at]) if kind == _NAMED else _TARGET_PARTS.get(kind)
            if kind in _ROOTS and not parts:
                name = ""
            if name is None or at > len(data):
                raise self.source.invalid(f"{what} is damaged")
            parts.append(name)
        return "/" if parts == [""] else "/".join(parts)
