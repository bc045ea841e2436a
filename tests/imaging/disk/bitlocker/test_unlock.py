"""From a key to plain sectors: every method, every protector; the judges prove what the maker makes."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cases import bitlocker as maker
from judges.bitlocker import by_cryptsetup, by_dislocker, by_dissect, by_libbde
from osdimage.imaging.disk.bitlocker import unlock
from osdimage.imaging.disk.bitlocker.keys import read_keys
from osdimage.imaging.disk.bitlocker.metadata import read_metadata
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.errors import InvalidVolume
from osdimage.native.slices.sources import DecryptedSource

SIZE = 1 << 20
WISH = maker.Wish((0x40000, 0x80000, 0xC0000), 0x60000)
METHODS = ("XTS_128", "XTS_256", "CBC_128", "CBC_256")


def plain_of(sector_size: int) -> bytes:
    made = bytearray(random.Random(1).randbytes(SIZE))
    for begin, end in maker.hidden(WISH):
        made[begin:end] = bytes(end - begin)
    # libbde reads this of an NTFS, and nothing behind it: sectors, clusters, where the MFT is, and sizes.
    made[:11] = b"\xeb\x52\x90NTFS    "
    made[11:84] = bytes(73)
    struct.pack_into("<HB", made, 11, sector_size, 1)
    struct.pack_into("<QQQbxxxb", made, 40, SIZE // sector_size - 1, 4, 8, -10, 1)
    return bytes(made)


PLAIN = plain_of(512)


@contextmanager
def unlocked(path: Path, key: bytes | None = None) -> Iterator[DecryptedSource | None]:
    with open_image(str(path)) as target:
        metadata = read_metadata(target)
        if key is None:
            found = unlock.open_clear(metadata)
        else:
            (given,) = read_keys(key, name="key")
            with given.secret:
                found = unlock.open_with(metadata, given)
        if found is None:
            yield None
            return
        assert not found.is_changed
        with (
            found.material,
            DecryptedSource.over(
                target.source,
                0,
                SIZE,
                sector_size=metadata.header.sector_size,
                method=found.method,
                key=found.material.reveal(),
                parts=unlock.moved_parts(metadata, SIZE),
            ) as source,
        ):
            yield source


@pytest.mark.parametrize("sector_size", [512, 4096])
@pytest.mark.parametrize("name", METHODS)
def test_sectors_of_every_method_read_as_they_were(name: str, sector_size: int, tmp_path: Path) -> None:
    wish = replace(WISH, method=getattr(maker, name), sector_size=sector_size)
    volume = tmp_path / "volume"
    volume.write_bytes(maker.make(PLAIN, wish))
    with unlocked(volume) as source:
        assert source is not None
        assert source.read(0, SIZE) == maker.expected(PLAIN, wish)


@pytest.mark.parametrize("name", ["DIFFUSER_128", "DIFFUSER_256"])
def test_the_diffuser_is_undone(name: str, tmp_path: Path) -> None:
    wish = replace(WISH, method=getattr(maker, name), used_only=True)
    plain = PLAIN[:65536].ljust(SIZE, b"\0")
    volume = tmp_path / "volume"
    volume.write_bytes(maker.make(plain, wish))
    with unlocked(volume) as source:
        assert source is not None
        assert source.read(0, 65536) == plain[:65536]


def misleading(place: int, folder: Path) -> Path:
    """Return a volume whose boot sector is wrong of the third block of metadata."""
    data = bytearray(maker.make(PLAIN, WISH))
    struct.pack_into("<Q", data, 160 + 16 + 2 * 8, place)
    volume = folder / "volume"
    volume.write_bytes(data)
    return volume


# At the begin, in the middle of a sector, where files are, and nowhere.
WRONG_PLACES = (0, 0xC0001, 0x20000, 1 << 60)


@pytest.mark.parametrize("place", WRONG_PLACES)
def test_a_place_that_is_damaged_in_the_boot_sector_hides_nothing(place: int, tmp_path: Path) -> None:
    with unlocked(misleading(place, tmp_path)) as source:
        assert source is not None
        assert source.read(0, SIZE) == maker.expected(PLAIN, WISH)


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    volume = tmp_path_factory.mktemp("protected") / "volume"
    volume.write_bytes(maker.make(PLAIN, replace(WISH, protectors=maker.ALL_PROTECTORS)))
    return volume


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(maker.PASSWORD.encode(), id="password"),
        pytest.param(maker.RECOVERY.encode(), id="recovery password"),
        pytest.param(maker.startup_key(), id="startup key"),
    ],
)
def test_every_protector_opens_the_same_sectors(key: bytes, protected: Path) -> None:
    with unlocked(protected, key) as source:
        assert source is not None
        assert source.read(0, SIZE) == maker.expected(PLAIN, WISH)


@pytest.mark.parametrize("key", [b"a wrong password", maker.startup_key()[:-1] + b"!"])
def test_a_wrong_key_opens_nothing(key: bytes, protected: Path) -> None:
    with unlocked(protected, key) as source:
        assert source is None


def test_without_a_clear_key_nothing_opens_unasked(protected: Path) -> None:
    with unlocked(protected) as source:
        assert source is None


def test_metadata_that_were_changed_without_the_key_are_told(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    made = bytearray(maker.make(bytes(SIZE), replace(WISH, used_only=True)))
    for place in WISH.places:
        other = maker.block(replace(WISH, change_block=_other_description), SIZE)
        # The seal of the block as BitLocker wrote it.
        seal = maker.block(WISH, SIZE)[-80:]
        made[place : place + len(other)] = other[:-80] + seal
    volume.write_bytes(made)
    with open_image(str(volume)) as target:
        found = unlock.open_clear(read_metadata(target))
    assert found is not None
    assert found.is_changed


def _other_description(block: bytearray) -> None:
    block[120:122] = b"X\0"


def test_sectors_that_are_encrypted_in_an_unknown_way_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(maker.SIZES, 0x8009, 32)
    volume = tmp_path / "volume"
    volume.write_bytes(maker.make(bytes(SIZE), replace(WISH, method=0x8009, used_only=True)))
    with open_image(str(volume)) as target, pytest.raises(InvalidVolume, match="not known here: 0x8009"):
        unlock.open_clear(read_metadata(target))


@pytest.mark.foreign
def test_others_open_what_the_maker_makes_with_every_protector(protected: Path, tmp_path: Path) -> None:
    bek, seen = tmp_path / "key.bek", maker.expected(PLAIN, WISH)
    bek.write_bytes(maker.startup_key())
    assert by_libbde(protected, password=maker.PASSWORD) == seen
    assert by_libbde(protected, bek=bek) == seen
    assert by_dislocker(protected, f"-p{maker.RECOVERY}") == seen
    kinds = ["TPM", "passphrase", "recovery passphrase", "startup key"]
    identifiers = [str(each.identifier) for each in maker.ALL_PROTECTORS]
    assert by_cryptsetup(protected).protectors == dict(zip(identifiers, kinds, strict=True))


@pytest.mark.foreign
@pytest.mark.parametrize("place", WRONG_PLACES[:3])
def test_dissect_goes_by_the_metadata_and_not_by_the_boot_sector(place: int, tmp_path: Path) -> None:
    assert by_dissect(misleading(place, tmp_path)) == maker.expected(PLAIN, WISH)


@pytest.mark.foreign
@pytest.mark.parametrize("sector_size", [512, 4096])
@pytest.mark.parametrize("name", METHODS)
def test_others_read_what_the_maker_makes(name: str, sector_size: int, tmp_path: Path) -> None:
    wish = replace(WISH, method=getattr(maker, name), sector_size=sector_size)
    plain = plain_of(sector_size)
    volume = tmp_path / "volume"
    volume.write_bytes(maker.make(plain, wish))
    seen = maker.expected(plain, wish)
    assert by_libbde(volume) == seen
    assert by_dislocker(volume, "-c") == seen
    if name == "CBC_256":
        assert by_dissect(volume) == seen


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["DIFFUSER_128", "DIFFUSER_256"])
def test_others_undo_the_diffuser_of_the_maker(name: str, tmp_path: Path) -> None:
    wish = replace(WISH, method=getattr(maker, name), used_only=True)
    plain = PLAIN[:32768].ljust(SIZE, b"\0")
    volume = tmp_path / "volume"
    volume.write_bytes(maker.make(plain, wish))
    assert by_libbde(volume)[:32768] == plain[:32768]
    assert by_dislocker(volume, "-c")[:32768] == plain[:32768]
