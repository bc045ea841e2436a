"""The first records of the MFT, which NTFS keeps twice, after a writer was killed between writing the two.

``native/slices/cache.c`` says in which order they are written, and why one of them then says that the volume is dirty.
libntfs-3g only says that they differ, and refuses the volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs import records

_BOOT_BYTES = 512
_VOLUME = 3  # the number of $Volume
_FEWEST = 4
_USED_AT = 24  # MFT_RECORD.bytes_in_use
# Of VOLUME_INFORMATION: VOLUME_IS_DIRTY in its flags.
_FLAGS_AT, _IS_DIRTY = 10, 0x01


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record and its copy: where they are, in bytes of the volume, and what is there, or None if it is not whole."""

    number: int
    offset: int
    copy_offset: int
    record: bytes | None
    copy: bytes | None

    @property
    def differs(self) -> bool:
        return self.record is None or self.copy is None or _used(self.record) != _used(self.copy)


def is_unfinished(volume: BlockTarget) -> bool:
    """Tell whether the two differ in a way that an interrupted write explains, on a volume that is marked dirty.

    Every record must be whole in one of the two places, and one of them must say that the volume is dirty.  False also
    for what is no NTFS volume.
    """
    pairs = _pairs(volume)
    return (
        any(pair.differs for pair in pairs)
        and all(pair.record is not None or pair.copy is not None for pair in pairs)
        and any(_is_dirty(pair) for pair in pairs if pair.number == _VOLUME)
    ) or _is_torn_at_its_flag(pairs)


def _is_torn_at_its_flag(pairs: list[_Pair]) -> bool:
    """Tell whether all but the record with the dirty flag agree, and that one is whole in one place alone.

    It is written first, when the flag is set, and last, when it is cleared: a power cut in its midst changed nothing.
    """
    torn = [pair.number for pair in pairs if (pair.record is None) != (pair.copy is None)]
    return torn == [_VOLUME] and not any(pair.differs for pair in pairs if pair.number != _VOLUME)


def mend(volume: BlockTarget) -> None:
    """Make the two agree on a volume that :func:`is_unfinished`: the records, which are never older, are copied.

    A record that is not whole, since a page of the file ended in it, is taken from its copy.
    """
    for pair in _pairs(volume):
        if pair.record is None and pair.copy is not None:
            volume.write_at(pair.offset, pair.copy)
        elif pair.record is not None and pair.differs:
            volume.write_at(pair.copy_offset, pair.record)
    volume.flush()


def _pairs(volume: BlockTarget) -> list[_Pair]:
    size = volume.geometry.size_bytes
    try:
        boot = records.BootSector.from_bytes(volume.read_at(0, min(_BOOT_BYTES, size)), size)
    except InvalidVolume:
        return []
    # As many as a cluster holds (ntfs_boot_sector_parse).
    count = max(_FEWEST, boot.cluster_bytes // boot.record_bytes)
    first, copies = boot.mft_cluster * boot.cluster_bytes, boot.mirror_cluster * boot.cluster_bytes
    if max(first, copies) + count * boot.record_bytes > size:
        return []
    return list(_read(volume, boot.record_bytes, count, first, copies))


def _read(volume: BlockTarget, record_bytes: int, count: int, first: int, copies: int) -> Iterator[_Pair]:
    for number in range(count):
        offset, copy_offset = first + number * record_bytes, copies + number * record_bytes
        record, copy = (_whole(volume.read_at(at, record_bytes), number) for at in (offset, copy_offset))
        yield _Pair(number, offset, copy_offset, record, copy)


def _whole(block: bytes, number: int) -> bytes | None:
    if block[:4] != b"FILE":
        return None
    try:
        records.undo_fixups(block, "", b"FILE")
        records.parse_record(block, number, frozenset())
    except InvalidVolume:
        return None
    return block


def _used(record: bytes) -> bytes:
    return record[: int.from_bytes(record[_USED_AT : _USED_AT + 4], "little")]


def _is_dirty(pair: _Pair) -> bool:
    return any(block is not None and _flags(block) & _IS_DIRTY for block in (pair.record, pair.copy))


def _flags(block: bytes) -> int:
    parsed = records.parse_record(block, _VOLUME, frozenset({records.VOLUME_INFORMATION}))
    values = [each.value or b"" for each in parsed.attributes] if parsed is not None else []
    return next((value[_FLAGS_AT] for value in values if len(value) > _FLAGS_AT), 0)
