"""The table of faults is what users are told of it."""

from __future__ import annotations

import re
from pathlib import Path

from osdimage.imaging.volume import FaultKind

PAGE = Path(__file__).parents[5] / "docs" / "reference" / "ntfs-check.md"


def test_the_documentation_lists_every_kind_of_fault() -> None:
    rows = re.findall(r"^\| `(.+)` \| (.+) \| (.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [(kind.code, str(kind.severity), kind.title, kind.meaning) for kind in FaultKind]


def test_codes_are_words_and_told_once() -> None:
    codes = [kind.code for kind in FaultKind]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)
