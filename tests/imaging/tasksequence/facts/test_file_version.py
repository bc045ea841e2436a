"""The version of a program, as 7zz reads it from those of Wine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import disk as judges
from osdimage.imaging.tasksequence.facts.file_version import fixed_version

_NAMES = ("kernel32.dll", "shell32.dll", "version.dll", "msi.dll", "reg.exe")
_FOUND = re.compile(r"^FileVersion: (\d+)\.(\d+)\.(\d+)\.(\d+)$", re.MULTILINE)


@pytest.mark.foreign
def test_versions_are_those_that_7zz_shows() -> None:
    folder = next(Path("/usr/lib").glob("*/wine/x86_64-windows"), None) or Path(judges.missing("the programs of Wine"))
    expected, found = {}, {}
    for name in _NAMES:
        # Command: 7zz l kernel32.dll
        shown = _FOUND.search(judges.run(["7zz", "l", folder / name]))
        expected[name] = None if shown is None else tuple(map(int, shown.groups()))
        found[name] = fixed_version((folder / name).read_bytes())
    assert any(expected.values())
    assert found == expected


KEY = "VS_VERSION_INFO\0".encode("utf-16-le")
FIXED = bytes.fromhex("bd04effe 00000100 00000a00 0100614a")


def test_two_versions_are_none_and_what_is_cut_is_none() -> None:
    one = b"\0" * 6 + KEY + b"\0\0" + FIXED
    assert fixed_version(one) == (10, 0, 19041, 1)
    assert fixed_version(one + one) == (10, 0, 19041, 1)
    assert fixed_version(one + one.replace(b"\x0a", b"\x0b")) is None
    assert fixed_version(one[:-1]) is None
    assert fixed_version(KEY + b"\0\0" + FIXED) is None


@given(st.binary(max_size=40), st.integers(0, 60))
def test_any_bytes_have_a_version_or_none(data: bytes, at: int) -> None:
    whole = b"\0" * 6 + KEY + b"\0\0" + FIXED
    found = fixed_version(data + whole[:at] + data)
    assert found is None or len(found) == 4
