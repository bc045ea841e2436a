from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from cases import bitlocker as maker
from hypothesis import example, given
from hypothesis import strategies as st
from osdimage.imaging.disk.bitlocker.metadata import Metadata, parse_header, read_metadata
from osdimage.imaging.disk.bitlocker.protectors import ProtectorKind
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.units import Geometry

SIZE = 1 << 20
PLACES = (0x40000, 0x80000, 0xC0000)
WISH = maker.Wish(PLACES, 0x60000, protectors=maker.ALL_PROTECTORS)
VOLUME = maker.make(bytes(SIZE), replace(WISH, used_only=True))
_UNITS_AT, _DATASET_AT, _ENTRIES_AT = 8, 64, 112


def volume_of(data: bytes | bytearray) -> MemoryTarget:
    volume = MemoryTarget(Geometry.of_size(len(data), 512), name="volume")
    volume.write_at(0, data)
    return volume


def read(data: bytes | bytearray) -> Metadata:
    return read_metadata(volume_of(data))


def test_what_the_metadata_say_is_read() -> None:
    found = read(VOLUME)
    assert found.is_encrypted
    assert (found.method, found.places, found.moved_to, found.moved_bytes) == (0x8004, PLACES, 0x60000, 8192)
    assert found.description == "MACHINE C: 1/2/2026"
    assert found.faults == ()
    kinds = [ProtectorKind.TPM, ProtectorKind.PASSWORD, ProtectorKind.RECOVERY_PASSWORD, ProtectorKind.STARTUP_KEY]
    assert [each.kind for each in found.protectors] == kinds
    assert [each.identifier for each in found.protectors] == [each.identifier for each in maker.ALL_PROTECTORS]


@pytest.mark.parametrize("broken", [(0,), (1,), (2,), (0, 1), (1, 2)])
def test_a_block_that_is_whole_is_taken_and_the_others_are_told(broken: tuple[int, ...]) -> None:
    data = bytearray(VOLUME)
    for number in broken:
        data[PLACES[number] + 200] ^= 1
    found = read(data)
    assert found.protectors == read(VOLUME).protectors
    assert found.faults == tuple(
        f"block {number + 1} of its BitLocker metadata: its CRC-32 is wrong" for number in broken
    )


def test_no_block_that_is_whole_is_an_error_that_tells_of_each() -> None:
    data = bytearray(VOLUME)
    data[PLACES[0] + 200] ^= 1
    data[PLACES[1]] ^= 1
    data[PLACES[2] + 10] = 9
    with pytest.raises(InvalidVolume) as caught:
        read(data)
    assert "1 of its BitLocker metadata: its CRC-32 is wrong" in caught.value.fault
    assert "2 of its BitLocker metadata: it has no signature" in caught.value.fault
    assert "3 of its BitLocker metadata: it is of version 9; valid is 2" in caught.value.fault


def test_a_block_that_differs_is_told() -> None:
    data = bytearray(VOLUME)
    sealed_again(data, PLACES[1], lambda block: block.__setitem__(slice(120, 122), b"X\0"))
    assert read(data).faults == ("block 2 of its BitLocker metadata differs from block 1, which is used",)


def sealed_again(data: bytearray, place: int, change: Callable[[bytearray], None]) -> None:
    """Change a block and make its CRC-32 right; what then lies behind the end of the volume is cut off."""
    volume_size = len(data)
    size = struct.unpack_from("<H", data, place + _UNITS_AT)[0] * 16
    block = data[place : place + size]
    validation = bytes(data[place + size : place + size + 200])
    change(block)
    new_size = struct.unpack_from("<H", block, _UNITS_AT)[0] * 16
    block = (block + validation)[:new_size].ljust(new_size, b"\0")
    data[place : place + new_size] = block
    tail = bytearray(validation)
    struct.pack_into("<I", tail, 4, zlib.crc32(block))
    data[place + new_size : place + new_size + 200] = tail
    del data[volume_size:]


def put(at: int, form: str, *values: int) -> Callable[[bytearray], None]:
    return lambda block: struct.pack_into(form, block, at, *values)


HOSTILE = [
    pytest.param(put(_ENTRIES_AT, "<H", 0), "an entry of 0 bytes at byte 0", id="entry of size 0"),
    pytest.param(put(_ENTRIES_AT, "<H", 7), "an entry of 7 bytes at byte 0", id="entry below its header"),
    pytest.param(put(_ENTRIES_AT, "<H", 0xFFFF), "an entry of 65535 bytes at byte 0", id="entry beyond the end"),
    pytest.param(put(_DATASET_AT, "<I", 0xFFFFFFFF), "its entries are at 48 to", id="dataset of 4 GiB"),
    pytest.param(put(_DATASET_AT + 8, "<I", 0xFFFFFFF0), "its entries are at 4294967280", id="entries beyond"),
    pytest.param(put(_DATASET_AT + 8, "<I", 0), "its entries are at 0", id="entries inside their header"),
    pytest.param(put(_UNITS_AT, "<H", 0x1000), "it claims 65536 bytes", id="64 KiB of metadata"),
    pytest.param(put(_UNITS_AT, "<H", 1), "it claims 16 bytes", id="no room for a header"),
    pytest.param(put(56, "<Q", 1 << 62), "at byte 4611686018427387904", id="moved sectors beyond"),
    pytest.param(put(56, "<Q", 0x60001), "at byte 393217", id="moved sectors inside of a sector"),
    pytest.param(put(56, "<Q", 0), "at byte 0", id="moved sectors onto themselves"),
    pytest.param(put(28, "<I", 0), "names 0 bytes", id="nothing is moved"),
    pytest.param(put(28, "<I", 0xFFFFFFFF), "of the volume's begin", id="all is moved"),
    pytest.param(put(32, "<Q", 1 << 63), "names a block at byte 9223372036854775808", id="block beyond"),
    pytest.param(put(40, "<Q", 0x80200 + 1), "names a block at byte", id="block inside of a sector"),
]


@pytest.mark.parametrize(("change", "said"), HOSTILE)
def test_hostile_metadata_with_a_right_crc_are_refused(change: Callable[[bytearray], None], said: str) -> None:
    data = bytearray(VOLUME)
    for place in PLACES:
        sealed_again(data, place, change)
    with pytest.raises(InvalidVolume) as caught:
        read(data)
    assert said in caught.value.fault


@pytest.mark.parametrize("place", [0, SIZE - 65536 + 512, SIZE, 1 << 63, (1 << 64) - 512])
def test_places_that_the_boot_sector_names_beyond_the_volume_are_refused(place: int) -> None:
    data = bytearray(VOLUME)
    struct.pack_into("<3Q", data, 176, place, place, place)
    with pytest.raises(InvalidVolume, match=f"it would be at byte {place} of {SIZE}"):
        read(data)


@pytest.mark.parametrize("size", [0, 1, 513, 8192, 65535])
def test_sectors_of_another_size_are_refused(size: int) -> None:
    data = bytearray(VOLUME)
    struct.pack_into("<H", data, 11, size)
    with pytest.raises(InvalidVolume, match=f"sectors of {size} bytes"):
        read(data)


def test_a_removable_drive_has_its_places_elsewhere() -> None:
    found = read(maker.make(bytes(SIZE), replace(WISH, used_only=True, to_go=True)))
    assert found.places == PLACES
    assert found.protectors == read(VOLUME).protectors


def test_a_volume_that_is_being_encrypted_is_told_from_one_that_is() -> None:
    changing = replace(WISH, used_only=True, identifier=maker.CHANGING)
    assert not read(maker.make(bytes(SIZE), changing)).is_encrypted
    assert not read(maker.make(bytes(SIZE), replace(WISH, used_only=True, state=5))).is_encrypted
    assert not read(maker.make(bytes(SIZE), replace(WISH, used_only=True, next_state=1))).is_encrypted


def test_one_of_windows_vista_is_named() -> None:
    # The first sector of dissect.fve's vista.bin, without its code: the place of its metadata is a cluster at 0x38.
    sector = bytearray(512)
    sector[:16] = b"\xeb\x52\x90-FVE-FS-\0\x02\x08\0\0"
    assert parse_header(bytes(sector)).is_vista
    with pytest.raises(InvalidVolume, match="Windows Vista; valid is that of Windows 7 and later"):
        read(bytes(sector) + bytes(SIZE - 512))


@given(st.integers(0, 900), st.binary(min_size=1, max_size=40))
@example(0, bytes(9) + b"\xc0")
def test_whatever_the_metadata_say_they_are_read_or_refused(at: int, junk: bytes) -> None:
    data = bytearray(VOLUME)

    def change(block: bytearray) -> None:
        block[at : at + len(junk)] = junk[: max(len(block) - at, 0)]

    sealed_again(data, PLACES[0], change)
    try:
        found = read_metadata(volume_of(data))
    except InvalidVolume:
        return
    assert len(found.places) == 3
