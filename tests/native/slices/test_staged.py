"""A source that holds back what is written to a window of another."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from cases.slice_device import errno_of
from cases.sources import opened_source
from hypothesis import given
from hypothesis import strategies as st
from osdimage.native.slices.sources import StagedSource

PAGE = StagedSource.page
BEGIN, PAGES = 3 * 512, 40
LENGTH = PAGES * PAGE - 512
SIZE = BEGIN + LENGTH + 1000
# Clusters of 1 KiB: the first 16 pages are in use, then 16 that are free, then one bit of every page is set.
USED = b"\xff" * 8 + b"\x00" * 8 + b"\x11" * 4


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("staged") / "disk"
    path.write_bytes(bytes(range(250)) * (SIZE // 250) + bytes(SIZE % 250))
    return path


writes = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 3 * PAGE), st.integers(0, 255)), min_size=1, max_size=8
)


@given(writes)
def test_it_reads_as_it_was_written_and_below_only_free_clusters_change(
    original: Path, parts: list[tuple[int, int, int]]
) -> None:
    before = original.read_bytes()
    expected = bytearray(before)
    with (
        opened_source(original) as below,
        StagedSource.over(below, BEGIN, LENGTH, used=USED, cluster_size=1024) as staged,
    ):
        for at, wanted, value in parts:
            size = min(wanted, LENGTH - at)
            staged.write(BEGIN + at, bytes([value]) * size)
            expected[BEGIN + at : BEGIN + at + size] = bytes([value]) * size
            assert staged.is_touched(at, size)
        assert staged.read(0, SIZE) == expected
        held = set(staged.held())
    after = original.read_bytes()
    original.write_bytes(before)
    for page in range(PAGES):
        begin, end = BEGIN + page * PAGE, min(BEGIN + (page + 1) * PAGE, BEGIN + LENGTH)
        if 16 <= page < 32:
            assert page not in held
            assert after[begin:end] == expected[begin:end]
        else:
            assert after[begin:end] == before[begin:end]
            assert page in held or expected[begin:end] == before[begin:end]


def test_without_a_bitmap_nothing_goes_below(original: Path) -> None:
    before = original.read_bytes()
    with opened_source(original) as below, StagedSource.over(below, BEGIN, LENGTH) as staged:
        staged.write(BEGIN, b"x" * LENGTH)
        assert staged.read(BEGIN, LENGTH) == b"x" * LENGTH
        assert list(staged.held()) == list(range(PAGES))
        staged.sync()
    assert original.read_bytes() == before


@pytest.mark.parametrize(("at", "size"), [(BEGIN - 1, 2), (BEGIN + LENGTH - 1, 2), (0, 1), (SIZE - 1, 1)])
def test_outside_of_the_window_nothing_can_be_written(original: Path, at: int, size: int) -> None:
    with opened_source(original) as below, StagedSource.over(below, BEGIN, LENGTH) as staged:
        assert errno_of(staged.write, at, bytes(size)) == errno.EROFS


def test_a_window_that_does_not_lie_in_the_source_is_refused(original: Path) -> None:
    with opened_source(original) as below:
        assert errno_of(StagedSource.over, below, BEGIN, SIZE) == errno.EINVAL
        assert errno_of(StagedSource.over, below, -1, 512) == errno.EINVAL


def test_what_is_held_in_a_hole_is_data(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    with opened_source(path) as below, StagedSource.over(below, 0, 1 << 20) as staged:
        assert list(staged.data_ranges(0, 1 << 20)) == []
        staged.write(300_000, b"held")
        begin = 300_000 // PAGE * PAGE
        assert list(staged.data_ranges(0, 1 << 20)) == [(begin, begin + PAGE)]
        assert staged.zero(0, PAGE) is False
