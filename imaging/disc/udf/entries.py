"""File entries: what UDF keeps of a file besides its name, and where its contents are (ECMA-167, 4/14.6 to 4/14.17).

They are read for every file of a listing, and unpacked by ``struct`` for that.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.tree import merged
from osdimage.imaging.disc.udf import descriptors as d
from osdimage.imaging.disc.udf import tags
from osdimage.imaging.disc.udf.sequence import Address

# Behind the tag: the ICB tag; owner, group, permissions, links; the record; sizes; times; and so on.
_ICB_TAG = struct.Struct("<IHHHBB6sH")
FILE_FIELDS = struct.Struct("<16s20sIIIHBBIQQ12s12s12sI16s32sQII")
"""Of a file entry, up to what is as long as it has to be; those of a tag first."""
_EXTENDED = struct.Struct("<16s20sIIIHBBIQQQ12s12s12s12sI4s16s16s32sQII")
_INDIRECT_AT = 36
_ONCE, _AMENDED = 4, 4096
# Newer descriptions of one file, on a disc that is written once.
_MOST_AMENDED = 64
_MOST_EXTENTS = 1 << 18

_SHORT, _LONG, _WITHIN = 0, 1, 3
_SHORT_AD, _LONG_AD = struct.Struct("<II"), struct.Struct("<IIH6x")
_RECORDED, _GOES_ON = 0, 3
_SIZE_BITS = 30
_GOES_ON_HEAD = 24


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file entry says.

    Attributes:
        at: the byte of the disc where it is.
        kind: of the file, a number of ECMA-167, 4/14.6.6.
        links: its names.
        size: of the contents in bytes.
        created: the time of it as it is recorded, or None when it is not.
        modified: the same of the last change.
        accessed: the same of the last reading.
        way: how the allocation descriptors are written.
        descriptors_at: the byte of the disc where they begin, or the contents themselves.
        descriptors: they.
    """

    at: int
    kind: int
    links: int
    size: int
    created: bytes | None
    modified: bytes
    accessed: bytes
    way: int
    descriptors_at: int
    descriptors: bytes


class Partition:
    """The partition of a UDF volume, in which everything about files is addressed."""

    def __init__(self, source: DiscSource, begin: int, block_bytes: int) -> None:
        """Take it; ``begin`` is its first byte."""
        self.source = source
        self._begin = begin
        self._block = block_bytes
        # What led to newer file entries: many names may lead to an old one.
        self._newest: dict[Address, Address] = {}

    def place(self, address: Address, what: str) -> int:
        """Return the byte of the disc where a block is.

        Raises:
            InvalidVolume: when it is of another partition.
        """
        if address.partition != 0:
            raise self.source.invalid(f"{what} is to be in partition {address.partition}, of which there is only 0")
        return self._begin + address.block * self._block

    def entry(self, address: Address, what: str) -> FileEntry:
        """Read a file entry: the newest, where there are several of one file.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        older: list[Address] = []
        for _ in range(_MOST_AMENDED):
            address = self._newest.get(address, address)
            at = self.place(address, what)
            data = self.source.read(at, self._block, what)
            kind = tags.identifier_of(data)
            if kind not in {d.FILE_ENTRY, d.EXTENDED_FILE_ENTRY}:
                raise self.source.invalid(f"{what}, at byte {at}, has no file entry")
            fault = tags.fault_of(data, kind, address.block)
            if fault is not None:
                raise self.source.invalid(f"{what}: its file entry, at byte {at}, {fault}")
            _, strategy, *_ = _ICB_TAG.unpack_from(data, tags.TAG_BYTES)
            if strategy not in {_ONCE, _AMENDED}:
                raise self.source.invalid(f"{what}: its file entry, at byte {at}, follows strategy {strategy}")
            newer = self._newer(at, address) if strategy == _AMENDED else None
            if newer is None:
                self._newest |= dict.fromkeys(older, address)
                return self._parsed(at, data, kind, what)
            older.append(address)
            address = newer
        raise self.source.invalid(f"{what} has more than {_MOST_AMENDED} file entries, or a loop of them")

    def _newer(self, at: int, address: Address) -> Address | None:
        """Return where a newer file entry of the same file is: the block behind one may tell (ECMA-167, 4/14.7)."""
        if at + 2 * self._block > self.source.size_bytes:
            return None
        data = self.source.read(at + self._block, self._block, "an indirect entry of UDF")
        if tags.fault_of(data, d.INDIRECT_ENTRY, address.block + 1) is not None:
            return None
        _, block, partition = _LONG_AD.unpack_from(data, _INDIRECT_AT)
        return Address(block, partition)

    def _parsed(self, at: int, data: bytes, kind: int, what: str) -> FileEntry:
        if kind == d.FILE_ENTRY:
            head = FILE_FIELDS.size
            _, icb, _, _, _, links, _, _, _, size, _, accessed, modified, _, *_, extra, length = (
                FILE_FIELDS.unpack_from(data)
            )
            created = None
        else:
            head = _EXTENDED.size
            _, icb, _, _, _, links, _, _, _, size, _, _, accessed, modified, created, *_, extra, length = (
                _EXTENDED.unpack_from(data)
            )
        _, _, _, _, _, file_kind, _, flags = _ICB_TAG.unpack(icb)
        begin = head + extra
        if begin + length > len(data):
            raise self.source.invalid(f"{what}: its file entry, at byte {at}, is larger than its block")
        return FileEntry(
            at=at,
            kind=file_kind,
            links=links,
            size=size,
            created=created,
            modified=modified,
            accessed=accessed,
            way=flags & 7,
            descriptors_at=at + begin,
            descriptors=data[begin : begin + length],
        )

    def extents(self, entry: FileEntry, what: str) -> tuple[DiscExtent, ...]:
        """Return where the contents of a file are.

        Raises:
            InvalidVolume: when that is damaged, beyond the end of the disc, or less than the size of the file.
            StorageError: when it cannot be read.
        """
        if entry.way == _WITHIN:
            if len(entry.descriptors) < entry.size:
                raise self.source.invalid(f"{what} is to have {entry.size} bytes, and has {len(entry.descriptors)}")
            return merged([DiscExtent(entry.descriptors_at, entry.size)], entry.size)
        if entry.way not in {_SHORT, _LONG}:
            raise self.source.invalid(f"{what} has allocation descriptors of kind {entry.way}; known are 0, 1 and 3")
        found = merged(self._allocated(entry, what), entry.size)
        recorded = sum(each.size for each in found)
        if recorded < entry.size:
            raise self.source.invalid(f"{what} is to have {entry.size} bytes, and has {recorded}")
        for each in found:
            if each.offset is not None:
                self.source.require(each.offset, each.size, what)
        return found

    def _allocated(self, entry: FileEntry, what: str) -> list[DiscExtent]:
        """Return what the allocation descriptors say, to the last that is needed."""
        form = _SHORT_AD if entry.way == _SHORT else _LONG_AD
        found: list[DiscExtent] = []
        left = entry.size
        table = entry.descriptors
        count = places = 0
        while left > 0 and table:
            following: Address | None = None
            for at in range(0, len(table) - form.size + 1, form.size):
                count += 1
                if count > _MOST_EXTENTS:
                    raise self.source.invalid(f"{what} has more than {_MOST_EXTENTS} extents, or a loop of them")
                length, block, *partition = form.unpack_from(table, at)
                kind, size = length >> _SIZE_BITS, length & (1 << _SIZE_BITS) - 1
                address = Address(block, partition[0] if partition else 0)
                if not size or left <= 0:
                    left = 0
                    break
                if kind == _GOES_ON:
                    following = address
                    break
                found.append(DiscExtent(self.place(address, what) if kind == _RECORDED else None, size))
                left -= size
            table = b""
            if following is not None:
                places += 1
                self.source.charge((entry.at, places), self._block, f"the list of extents of {what}")
                table = self._continued(following, what)
        return found

    def _continued(self, address: Address, what: str) -> bytes:
        """Return the allocation descriptors of a block that holds more of them."""
        at = self.place(address, what)
        data = self.source.read(at, self._block, f"more extents of {what}")
        fault = tags.fault_of(data, d.ALLOCATION_EXTENT, address.block)
        if fault is not None:
            raise self.source.invalid(f"{what}: its extents, at byte {at}, {fault}")
        length = int.from_bytes(data[_GOES_ON_HEAD - 4 : _GOES_ON_HEAD], "little")
        if _GOES_ON_HEAD + length > len(data):
            raise self.source.invalid(f"{what}: its extents, at byte {at}, are larger than their block")
        return data[_GOES_ON_HEAD : _GOES_ON_HEAD + length]
