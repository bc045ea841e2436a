"""``info --blobs``: the blob table, judged by what wimlib-imagex prints of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from judges import wim as judges
from runs.commands import osdimage


def theirs(wim: Path) -> set[tuple[str, int, int, int, bool]]:
    """Return SHA-1, size, offset, references and kind of each blob, as ``wimlib-imagex info --blobs`` has them."""
    found = set()
    for block in judges.wimlib("info", wim, "--blobs").split("\n\n"):
        facts = dict(re.findall(r"^(\w[\w ]+?) += (.*?)(?: bytes)? *$", block, re.MULTILINE))
        if "Hash" in facts:
            offset = facts.get("Offset in WIM") or facts["Solid resource"].rpartition(" ")[2]
            is_tree = "METADATA" in facts["Flags"]
            sha1, size, count = (facts[name] for name in ("Hash", "Uncompressed size", "Reference Count"))
            found.add((sha1.removeprefix("0x"), int(size), int(offset), int(count), is_tree))
    return found


@pytest.mark.foreign
@pytest.mark.parametrize("how", ["--compress=none", "--compress=lzx", "--solid"])
def test_the_blob_table_is_that_which_wimlib_imagex_prints(tmp_path: Path, small: Path, how: str) -> None:
    wim = tmp_path / "x.wim"
    judges.wimlib("capture", small, wim, how)
    document = osdimage("info", wim, "--blobs", "--json").document
    facts = ("sha1", "size", "offset", "references", "is_tree")
    ours = [tuple(blob[fact] for fact in facts) for blob in document["blobs"]]
    expected = theirs(wim)
    assert len(expected) > 3
    assert set(ours) == expected
    assert [blob["is_solid"] for blob in document["blobs"] if not blob["is_tree"]].count(how == "--solid") > 2
    lines = osdimage("info", wim, "--blobs").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [blob["sha1"] for blob in document["blobs"]]


def test_blobs_and_xml_are_two_calls(small: Path, tmp_path: Path) -> None:
    osdimage("capture", small, tmp_path / "x.wim")
    assert "--blobs is for another call" in osdimage("info", tmp_path / "x.wim", "--blobs", "--xml", code=2).err
