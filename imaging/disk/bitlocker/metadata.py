"""What BitLocker keeps beside the encrypted sectors: where that is, how they are encrypted, and the protectors.

It is there three times.  The first of the three that is whole is taken; that others are not, or differ, is told.
Nothing here is secret: it lies on the disk for everybody to read.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field, replace
from enum import IntEnum
from uuid import UUID

from osdimage.imaging.disk.bitlocker import layout
from osdimage.imaging.disk.bitlocker.entries import Entry, Sealed, entries_of, first
from osdimage.imaging.disk.bitlocker.layout import EntryKind, State, ValueKind
from osdimage.imaging.disk.bitlocker.protectors import Protector
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume

_SECTOR_SIZES = (512, 1024, 2048, 4096)


class Method(IntEnum):
    """How the sectors are encrypted."""

    AES_128_DIFFUSER = 0x8000
    AES_256_DIFFUSER = 0x8001
    AES_128 = 0x8002
    AES_256 = 0x8003
    XTS_AES_128 = 0x8004
    XTS_AES_256 = 0x8005

    @property
    def called(self) -> str:
        """Its name, as ``manage-bde -status`` writes it."""
        return {
            Method.AES_128_DIFFUSER: "AES 128 with Diffuser",
            Method.AES_256_DIFFUSER: "AES 256 with Diffuser",
            Method.AES_128: "AES 128",
            Method.AES_256: "AES 256",
            Method.XTS_AES_128: "XTS-AES 128",
            Method.XTS_AES_256: "XTS-AES 256",
        }[self]


@dataclass(frozen=True, slots=True)
class VolumeHeader:
    """What the boot sector of a BitLocker volume says.

    Attributes:
        sector_size: in bytes.
        places: where the metadata blocks are, in bytes of the volume; none for Windows Vista, which says it otherwise.
        is_vista: whether the volume is one of Windows Vista.
        is_changing: whether it is being encrypted or decrypted, by Windows 8 or later.
    """

    sector_size: int
    places: tuple[int, ...]
    is_vista: bool
    is_changing: bool


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata of a volume say.

    Attributes:
        header: what the boot sector says.
        state: what BitLocker has done with the volume, one of :class:`State` or a number that is not known.
        next_state: what it is to become.
        method: how the sectors are encrypted, or a number that is not known.
        places: where the metadata blocks are, by themselves.
        moved_bytes: how much of the begin of the volume is elsewhere.
        moved_to: where that is.
        identifier: of the volume.
        description: the computer, the name of the volume and a date, as Windows wrote them; None when there is none.
        protectors: in their order.
        sector_key: the key of the sectors, sealed with the master key; None when it is missing.
        digest: SHA-256 of the block.
        seal: the same, sealed with the master key; None when there is none.
        faults: what is wrong with the other blocks, in sentences.
    """

    header: VolumeHeader
    state: int
    next_state: int
    method: int
    places: tuple[int, ...]
    moved_bytes: int
    moved_to: int
    identifier: UUID
    description: str | None
    protectors: tuple[Protector, ...]
    sector_key: Sealed | None = field(repr=False)
    digest: bytes = field(repr=False)
    seal: Sealed | None = field(repr=False)
    faults: tuple[str, ...] = ()

    @property
    def is_encrypted(self) -> bool:
        """Whether all of the volume is encrypted, and that is to stay so."""
        return not self.header.is_changing and self.state == self.next_state == State.ENCRYPTED


def parse_header(sector: bytes) -> VolumeHeader:
    """Read the boot sector of a volume that BitLocker marks.

    Raises:
        InvalidVolume: when it is none of BitLocker.
    """
    sector_size = int.from_bytes(sector[layout.SECTOR_BYTES_AT : layout.SECTOR_BYTES_AT + 2], "little")
    for at in (layout.IDENTIFIER_AT, layout.TO_GO_IDENTIFIER_AT):
        identifier = sector[at : at + 16]
        for known in (layout.INFORMATION, layout.CHANGING):
            if identifier == known.bytes_le:
                if sector_size not in _SECTOR_SIZES:
                    raise InvalidVolume(f"its BitLocker boot sector is damaged: sectors of {sector_size} bytes")
                places = layout.PLACES.unpack_from(sector, at + 16)
                return VolumeHeader(sector_size, places, is_vista=False, is_changing=known == layout.CHANGING)
    if sector[layout.SIGNATURE_AT : layout.SIGNATURE_AT + 8] == layout.SIGNATURE:
        return VolumeHeader(sector_size, (), is_vista=True, is_changing=False)
    raise InvalidVolume("its boot sector is none of BitLocker")


def read_metadata(volume: BlockTarget) -> Metadata:
    """Read the metadata of a volume.

    Args:
        volume: its window.

    Raises:
        InvalidVolume: when none of the three blocks is whole, or the volume is one of Windows Vista.
        StorageError: when it cannot be read.
    """
    header = parse_header(volume.read_at(0, min(layout.BOOT_BYTES, volume.geometry.size_bytes)))
    if header.is_vista:
        raise InvalidVolume("is encrypted by BitLocker of Windows Vista; valid is that of Windows 7 and later")
    found: list[tuple[int, bytes, Metadata]] = []
    faults: list[str] = []
    for number, place in enumerate(header.places, start=1):
        try:
            block = _read_block(volume, place)
            found.append((number, block, _parse(header, volume, block)))
        except InvalidVolume as error:
            faults.append(f"block {number} of its BitLocker metadata: {error.fault}")
    if not found:
        raise InvalidVolume(f"none of its three blocks of BitLocker metadata can be used: {'; '.join(faults)}")
    used, first_block, metadata = found[0]
    faults += [
        f"block {number} of its BitLocker metadata differs from block {used}, which is used"
        for number, block, _ in found[1:]
        if block != first_block
    ]
    return replace(metadata, faults=tuple(faults))


def _read_block(volume: BlockTarget, place: int) -> bytes:
    """Return a block and its validation, whose CRC-32 is right."""
    size_bytes = volume.geometry.size_bytes
    if not 0 < place <= size_bytes - layout.BLOCK_BYTES:
        raise InvalidVolume(f"it would be at byte {place} of {size_bytes}")
    room = volume.read_at(place, layout.BLOCK_BYTES)
    signature, units, version = layout.BLOCK.unpack_from(room)[:3]
    if signature != layout.SIGNATURE:
        raise InvalidVolume("it has no signature")
    if version != layout.WINDOWS_7:
        raise InvalidVolume(f"it is of version {version}; valid is {layout.WINDOWS_7}")
    size = units * 16
    if not layout.BLOCK.size + layout.DATASET.size <= size <= layout.BLOCK_BYTES - layout.VALIDATION.size:
        raise InvalidVolume(f"it claims {size} bytes")
    validation_size, _, crc = layout.VALIDATION.unpack_from(room, size)
    if zlib.crc32(room[:size]) != crc:
        raise InvalidVolume("its CRC-32 is wrong")
    return room[: size + max(min(validation_size, len(room) - size), layout.VALIDATION.size)]


def _parse(header: VolumeHeader, volume: BlockTarget, block: bytes) -> Metadata:
    (_, units, _, state, next_state, _, _, moved_sectors, *places, moved_to) = layout.BLOCK.unpack_from(block)
    size = units * 16
    dataset_size, _, begin, end, identifier, _, method, _, _ = layout.DATASET.unpack_from(block, layout.BLOCK.size)
    data_end = layout.BLOCK.size + dataset_size
    if end != dataset_size or not layout.DATASET.size <= begin <= end or data_end > size:
        raise InvalidVolume(f"its entries are at {begin} to {end} of {dataset_size} bytes")
    entries = tuple(entries_of(block[layout.BLOCK.size + begin : data_end]))
    moved_bytes = moved_sectors * header.sector_size
    _require_parts(volume, header, tuple(places), moved_bytes, moved_to)
    description = first(iter(entries), EntryKind.DESCRIPTION, ValueKind.TEXT)
    sector_key = first(iter(entries), EntryKind.SECTOR_KEY, ValueKind.SEALED)
    return Metadata(
        header=header,
        state=state,
        next_state=next_state,
        method=method,
        places=tuple(places),
        moved_bytes=moved_bytes,
        moved_to=moved_to,
        identifier=UUID(bytes_le=identifier),
        description=None if description is None else _text(description.data),
        protectors=tuple(
            Protector.of(each)
            for each in entries
            if each.kind == EntryKind.PROTECTOR and each.value == ValueKind.PROTECTOR
        ),
        sector_key=None if sector_key is None else Sealed.of(sector_key.data),
        digest=hashlib.sha256(block[:size]).digest(),
        seal=_seal(block[size + layout.VALIDATION.size :]),
    )


def _require_parts(
    volume: BlockTarget, header: VolumeHeader, places: tuple[int, ...], moved_bytes: int, moved_to: int
) -> None:
    """Refuse parts that do not lie in the volume, or in the middle of a sector."""
    size_bytes = volume.geometry.size_bytes // header.sector_size * header.sector_size
    for place in places:
        if place % header.sector_size or not 0 < place <= size_bytes - layout.BLOCK_BYTES:
            raise InvalidVolume(f"it names a block at byte {place} of {size_bytes}")
    if moved_bytes == 0 or moved_to % header.sector_size or not moved_bytes <= moved_to <= size_bytes - moved_bytes:
        raise InvalidVolume(f"it names {moved_bytes} bytes of the volume's begin at byte {moved_to} of {size_bytes}")


def _seal(validation: bytes) -> Sealed | None:
    entry: Entry | None = next(entries_of(validation), None)
    return Sealed.of(entry.data) if entry is not None and entry.value == ValueKind.SEALED else None


def _text(data: bytes) -> str:
    return data[: len(data) // 2 * 2].decode("utf-16-le", "replace").split("\0", 1)[0]
