"""The master file table of an NTFS volume: every file is a record of it, and it is a file itself.

A record that is too small for its attributes has an attribute list, which names the records that hold the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents, RunMap
from osdimage.imaging.volume.ntfs.records import Attribute, BootSector, MftRecord

_MFT, _ROOT = 0, 5
_BOOT_BYTES = 512
_NAME_AT = 66
_DEEPEST = 128
# What is read of a record; the rest, such as the names of volumes and bitmaps, is of no use here.
KINDS = frozenset(
    {
        records.STANDARD_INFORMATION,
        records.ATTRIBUTE_LIST,
        records.FILE_NAME,
        records.OBJECT_ID,
        records.SECURITY_DESCRIPTOR,
        records.VOLUME_INFORMATION,
        records.DATA,
        records.INDEX_ROOT,
        records.INDEX_ALLOCATION,
        records.REPARSE_POINT,
    }
)
# ntfs-3g and Windows keep an attribute list within 256 KiB.
_MAX_LIST = 256 << 10


class Mft:
    """The MFT of a volume."""

    def __init__(self, volume: BlockTarget, boot: BootSector) -> None:
        """Find it by its own first record, of which parts may lie in records that the parts before locate.

        Raises:
            InvalidVolume: when it is not where the boot sector says, or is damaged.
        """
        self._volume = volume
        self._boot = boot
        start = boot.mft_cluster * boot.cluster_bytes
        if start + boot.record_bytes > volume.geometry.size_bytes:
            raise InvalidVolume("the MFT lies outside of the volume")
        first = records.parse_record(volume.read_at(start, boot.record_bytes), _MFT, KINDS)
        if first is None:
            raise InvalidVolume("the MFT does not begin where the boot sector says")
        parts = [each for each in first.attributes if each.kind == records.DATA and not each.name]
        self._set_parts([each for each in parts if each.first_vcn == 0])
        for number in self._extensions(first):
            extra = self.record(number)
            if extra is not None and extra.base == _MFT:
                parts += [each for each in extra.attributes if each.kind == records.DATA and not each.name]
                self._set_parts(parts)

    def _set_parts(self, parts: Sequence[Attribute]) -> None:
        if not parts or parts[0].value is not None:
            raise InvalidVolume("the MFT has no clusters")
        self._contents = Contents.of(parts, "the MFT")
        if not 0 < self._contents.size <= self._volume.geometry.size_bytes:
            raise InvalidVolume(f"the MFT has an impossible size: {self._contents.size} bytes")
        self._map = RunMap(self._contents, self._boot, "the MFT")
        self._map.refuse_overlaps()

    def record(self, number: int) -> MftRecord | None:
        """Read one record; None when it is not in use.

        Raises:
            InvalidVolume: when it is damaged, or the MFT has no such record.
        """
        size = self._boot.record_bytes
        return records.parse_record(self._map.read(self._volume, number * size, size), number, KINDS)

    def places(self, number: int) -> Iterator[tuple[int, int]]:
        """Yield where the bytes of a record lie on the volume, and how many of them there.

        Raises:
            InvalidVolume: when the MFT has no such record.
        """
        size = self._boot.record_bytes
        return self._map.places(number * size, size)

    def numbers_of(self, number: int) -> list[int]:
        """Return a record, which must be in use, and those that hold more of its attributes.

        Raises:
            InvalidVolume: when it is damaged.
        """
        record = self.record(number)
        return [number] if record is None else [number, *self._extensions(record)]

    def whole_record(self, number: int) -> tuple[MftRecord, list[Attribute]]:
        """Read a record that every volume has, and all of its attributes.

        Raises:
            InvalidVolume: when it is not there.
        """
        record = self.record(number)
        if record is None:
            raise InvalidVolume(f"MFT record {number}, which every volume has, is not in use")
        found = [self.record(each) for each in self._extensions(record)]
        return record, self.merge(record, [each for each in found if each is not None])

    def each_record(
        self, progress: Callable[[int, int], None] | None, kinds: frozenset[int] = KINDS
    ) -> Iterator[MftRecord]:
        """Yield the records that are in use, with their attributes of some kinds."""
        size, number, rest = self._boot.record_bytes, 0, b""
        total = self._contents.size // size
        for piece in self._contents.pieces(self._volume, self._boot):
            block = rest + piece if rest else piece
            for at in range(0, len(block) - size + 1, size):
                # Most of an MFT is unused: looked at here, a record costs nothing.
                if block[at : at + 4] in {b"FILE", b"BAAD"}:
                    record = records.parse_record(block[at : at + size], number, kinds)
                    if record is not None:
                        yield record
                number += 1
            rest = block[len(block) // size * size :]
            if progress is not None:
                progress(number, total)

    def merge(self, record: MftRecord, extra: list[MftRecord]) -> list[Attribute]:
        """Return the attributes of a record and of those that continue it, as its attribute list has them.

        Raises:
            InvalidVolume: when the list names one that is not there.
        """
        if not has_list(record):
            return record.attributes
        mine = [each for each in extra if each.base_sequence == record.sequence and each.base == record.number]
        have = {
            (each.kind, each.instance, holder.number, holder.sequence): each
            for holder in (record, *mine)
            for each in holder.attributes
        }
        merged = []
        for part in self._list(record):
            if part.kind not in KINDS:
                continue
            # Taken out: a list that names a part twice is as wrong as one that names what is not there.
            found = have.pop((part.kind, part.instance, part.record.number, part.record.sequence), None)
            if found is None:
                raise InvalidVolume(
                    f"the attribute list of MFT record {record.number} names attribute {part.kind:#x} in record "
                    f"{part.record.number}, which is not there"
                )
            merged.append(found)
        return merged

    def _extensions(self, record: MftRecord) -> list[int]:
        """Return the records that hold further attributes of one, in the order of its attribute list."""
        parts = self._list(record) if has_list(record) else []
        return list(dict.fromkeys(part.record.number for part in parts if part.record.number != record.number))

    def _list(self, record: MftRecord) -> list[records.ListedPart]:
        what = f"the attribute list of MFT record {record.number}"
        lists = [each for each in record.attributes if each.kind == records.ATTRIBUTE_LIST]
        value = Contents.of(lists, what).read(self._volume, self._boot, limit=_MAX_LIST, what=what)
        return records.parse_attribute_list(value, record.number)


def has_list(record: MftRecord) -> bool:
    """Tell whether a record has an attribute list."""
    return any(each.kind == records.ATTRIBUTE_LIST for each in record.attributes)


def path_of(volume: BlockTarget, number: int) -> str | None:
    """Return a path of the file that a record belongs to, for a message; None when it cannot be told.

    Raises:
        StorageError: when the volume cannot be read.
    """
    names: list[str] = []
    size = volume.geometry.size_bytes
    try:
        mft = Mft(volume, BootSector.from_bytes(volume.read_at(0, min(_BOOT_BYTES, size)), size))
        record = mft.record(number)
        if record is not None and record.base is not None:
            number = record.base
        while number != _ROOT and len(names) < _DEEPEST:
            record = mft.record(number)
            values = (
                [each.value or b"" for each in record.attributes if each.kind == records.FILE_NAME] if record else []
            )
            # FILE_NAME_ATTR: parent_directory, and the name at 64; the longest one is no DOS name.
            value = max(values, key=lambda each: each[64] if len(each) > _NAME_AT else 0, default=b"")
            if len(value) <= _NAME_AT:
                return None
            names.append(value[_NAME_AT : _NAME_AT + 2 * value[_NAME_AT - 2]].decode("utf-16-le", "replace"))
            number = records.Reference.from_int(int.from_bytes(value[:8], "little")).number
    except InvalidVolume:
        return None
    return "\\".join(reversed(names))
