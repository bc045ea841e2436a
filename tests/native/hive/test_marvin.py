"""Marvin32: the values of .NET's own tests (dotnet/corefx, src/Common/tests/Tests/System/MarvinTests.cs)."""

from __future__ import annotations

import pytest
from osdimage.native.hive.marvin import marvin32

SEED = 0x004FB61A001BDBCC


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", 0x30ED35C100CD3C7D),
        ("AF", 0x48E73FC77D75DDC1),
        ("E70F", 0xB5F6E1FC485DBFF8),
        ("37F495", 0xF0B07C789B8CF7E8),
        ("8642DC59", 0x7008F2E87E9CF556),
        ("153FB79826", 0xE6C08C6DA2AFA997),
        ("0932E6246C47", 0x6F04BF1A5EA24060),
        ("AB427EA8D10FC7", 0xE11847E4F0678C41),
    ],
)
def test_it_is_that_of_dotnet(data: str, expected: int) -> None:
    assert marvin32(SEED, bytes.fromhex(data)) == expected
    # Also of a part of something else, which need not lie at a multiple of four bytes.
    assert marvin32(SEED, memoryview(b"x" + bytes.fromhex(data) + b"yz")[1:-2]) == expected
