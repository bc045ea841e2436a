"""A source that decrypts a window of another: places, holes, and many readers at once."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cases import bitlocker as maker
from cases.slice_device import errno_of
from cases.sources import opened_source
from hypothesis import given
from hypothesis import strategies as st
from osdimage.native.fve.crypto import Method
from osdimage.native.slices.sources import DecryptedSource, MovedPart, StagedSource

SIZE, BEGIN, BEFORE, AFTER = 512 << 10, 3 * 512, 3 * 512, 2048
WISH = maker.Wish((0x20000, 0x40000, 0x60000), 0x10000)
PARTS = (
    MovedPart(0, 8192, 0x10000),
    MovedPart(0x10000, 0x12000, None),
    *(MovedPart(each, each + maker.BLOCK, None) for each in WISH.places),
)
ARGUMENTS: dict[str, Any] = {"sector_size": 512, "method": Method.XTS, "key": maker.MATERIAL[:32], "parts": PARTS}


def _plain() -> bytes:
    made = bytearray(random.Random(2).randbytes(SIZE))
    for begin, end in maker.hidden(WISH):
        made[begin:end] = bytes(end - begin)
    return bytes(made)


SEEN = b"a" * BEFORE + _plain() + b"b" * AFTER


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decrypted") / "disk"
    path.write_bytes(b"a" * BEFORE + maker.make(_plain(), WISH) + b"b" * AFTER)
    return path


@pytest.fixture(scope="module")
def source(disk: Path) -> Iterator[DecryptedSource]:
    with opened_source(disk) as below:
        made = DecryptedSource.over(below, BEGIN, SIZE, **ARGUMENTS)
    with made:
        yield made


def test_all_of_it_is_the_disk_with_the_volume_decrypted(source: DecryptedSource) -> None:
    assert source.read(0, source.size) == SEEN


@given(at=st.integers(0, len(SEEN) - 1), size=st.integers(0, 20_000))
def test_any_range_reads_the_same(source: DecryptedSource, at: int, size: int) -> None:
    size = min(size, len(SEEN) - at)
    assert source.read(at, size) == SEEN[at : at + size]


def test_many_threads_read_at_once(source: DecryptedSource) -> None:
    def read(seed: int) -> bool:
        chosen = random.Random(seed)
        places = [chosen.randrange(len(SEEN) - 9000) for _ in range(40)]
        return all(source.read(at, 9000) == SEEN[at : at + 9000] for at in places)

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(read, range(48)))


def test_what_is_below_may_be_any_source(disk: Path) -> None:
    with (
        opened_source(disk) as below,
        StagedSource.over(below, BEGIN, SIZE) as staged,
        DecryptedSource.over(staged, BEGIN, SIZE, **ARGUMENTS) as made,
    ):
        assert made.read(0, made.size) == SEEN


def test_it_cannot_be_written(source: DecryptedSource) -> None:
    assert source.is_read_only
    assert errno_of(lambda: source.write(0, b"x")) == errno.EROFS
    assert errno_of(lambda: source.zero(0, 512)) == errno.EROFS


def test_holes_of_the_volume_are_data_since_their_zeros_are_decrypted(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(3 << 20)
    with opened_source(path) as below, DecryptedSource.over(below, 1 << 20, 1 << 20, **ARGUMENTS) as made:
        assert list(made.data_ranges(0, 3 << 20)) == [(1 << 20, 2 << 20)]
        assert any(made.read((1 << 20) + 0x14000, 512))


@pytest.mark.parametrize(
    "change",
    [
        {"key": maker.MATERIAL[:31]},
        {"key": maker.MATERIAL[:16]},
        {"key": maker.MATERIAL + b"x"},
        {"key": b""},
        {"sector_size": 0},
        {"sector_size": 513},
        {"sector_size": 8192},
        {"method": 7},
        {"parts": (MovedPart(0, 100, None),)},
        {"parts": (MovedPart(0, SIZE + 512, None),)},
        {"parts": (MovedPart(512, 512, None),)},
        {"parts": (MovedPart(0, 1024, SIZE - 512),)},
        {"parts": (MovedPart(0, 512, 100),)},
        {"parts": (MovedPart(512, 1024, None), MovedPart(0, 512, None))},
        {"parts": (MovedPart(-512, 512, None),)},
    ],
)
def test_what_cannot_be_is_refused(disk: Path, change: dict[str, Any]) -> None:
    with opened_source(disk) as below:
        assert errno_of(lambda: DecryptedSource.over(below, BEGIN, SIZE, **(ARGUMENTS | change))) == errno.EINVAL
