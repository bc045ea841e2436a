"""A window of one source with all of another behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.native.slices.sources import JoinedSource, Source

BEGIN, LENGTH, BEHIND = 5000, 20_000, 9000
FIRST = bytes(range(251)) * 120
SECOND = bytes(range(255, 5, -1)) * 36


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> JoinedSource:
    folder: Path = tmp_path_factory.mktemp("joined")
    parts = []
    for name, data in (("first", FIRST), ("second", SECOND)):
        (folder / name).write_bytes(data)
        with (folder / name).open("rb") as file:
            parts.append(Source.of_file(file.fileno()))
    made = JoinedSource.of(parts[0], BEGIN, LENGTH, parts[1])
    for each in parts:
        each.close()
    return made


@given(st.integers(0, LENGTH + BEHIND), st.integers(0, LENGTH + BEHIND))
def test_it_reads_as_both_do(joined: JoinedSource, begin: int, end: int) -> None:
    expected = FIRST[BEGIN : BEGIN + LENGTH] + SECOND
    assert joined.size == len(expected) == LENGTH + BEHIND
    if begin <= end:
        assert joined.read(begin, end - begin) == expected[begin:end]
        assert list(joined.data_ranges(begin, end - begin)) == ([(begin, end)] if begin < end else [])


def test_it_cannot_be_written(joined: JoinedSource) -> None:
    assert joined.is_read_only
    with pytest.raises(OSError, match="Read-only"):
        joined.write(0, b"x")


def test_holes_of_both_are_found(tmp_path: Path) -> None:
    block = 1 << 16
    parts = []
    for name, at in (("first", 0), ("second", 3 * block)):
        with (tmp_path / name).open("w+b") as file:
            file.truncate(4 * block)
            file.seek(at)
            file.write(b"x" * block)
            file.flush()
            parts.append(Source.of_file(file.fileno()))
    with JoinedSource.of(parts[0], 0, 4 * block, parts[1]) as joined:
        found = list(joined.data_ranges(0, 8 * block))
    # Of a file system without holes all is data.
    assert found in ([(0, block), (7 * block, 8 * block)], [(0, 8 * block)])


def test_a_window_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    with (tmp_path / "file").open("rb") as file:
        source = Source.of_file(file.fileno())
    with source, pytest.raises(OSError, match="Invalid"):
        JoinedSource.of(source, 50, 51, source)
