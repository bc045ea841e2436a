"""Sizes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.units import format_size, parse_size

# ConfigMgr and Windows tools mean 2**20 by MB and 2**30 by GB.
GOOD = {
    "0": 0,
    "1048576": 1048576,
    "512MB": 512 * 2**20,
    "64GB": 64 * 2**30,
    "64 gb": 64 * 2**30,
    "1.5GiB": 1536 * 2**20,
    "3800M": 3800 * 2**20,
    "2t": 2 * 2**40,
    "10 B": 10,
    "16EiB": 2**64,
}
BAD = ["", "MB", "-1MB", "1,5GB", "5 parsecs", "0x10", "1e3", "1.3", "٣MB"]


@pytest.mark.parametrize(("text", "size"), GOOD.items(), ids=GOOD)
def test_a_size_is_read_in_binary_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_a_size_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (102_400, "100 KB"),
        (2**20 - 1, "1.0 MB"),
        (64 * 2**30, "64.0 GB"),
        (2**63, "8.0 EB"),
    ],
)
def test_a_size_is_written_for_people(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(min_value=0, max_value=2**64))
def test_what_is_written_can_be_read_and_is_within_a_twentieth(size: int) -> None:
    written = re.sub(" bytes?$", "", format_size(size))
    assert abs(parse_size_rounded(written) - size) <= max(size / 19, 1)


def parse_size_rounded(text: str) -> float:
    """Read what format_size wrote, whose one decimal need not be a whole number of bytes."""
    number, _, unit = text.partition(" ")
    return float(number) * parse_size("1" + unit)
