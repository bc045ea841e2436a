"""Small blobs are found by their hashes, wherever they lie, and each resource is expanded once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.native.wim.resource import ResourceReader

pytestmark = pytest.mark.foreign

TEXTS = {hashlib.sha1(text, usedforsecurity=False).digest(): text for text in (b"%d" % n * 9 for n in range(300))}
LARGE = b"too large" * 1000


def make_wim(folder: Path, *options: str) -> Path:
    (folder / "tree").mkdir()
    for number, text in enumerate([*TEXTS.values(), LARGE]):
        (folder / "tree" / f"{number}").write_bytes(text)
    judges.wimlib("capture", folder / "tree", folder / "blobs.wim", *options)
    return folder / "blobs.wim"


@pytest.mark.parametrize(
    "options", [("--compress=none",), ("--compress=lzx",), ("--solid",)], ids=lambda options: options[0]
)
def test_blobs_are_found_and_large_ones_left_out(
    tmp_path: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    wim = make_wim(tmp_path, *options)
    begun: list[object] = []
    pieces = ResourceReader.pieces
    monkeypatch.setattr(ResourceReader, "pieces", lambda self, blob: begun.append(blob) or pieces(self, blob))
    absent, large = bytes(20), hashlib.sha1(LARGE, usedforsecurity=False).digest()
    assert read_small_blobs(wim, [*TEXTS, large, absent], largest=100) == TEXTS
    assert len(begun) <= 1
    assert read_small_blobs(wim, [], largest=100) == {}


def test_a_pipable_wim_has_none_that_can_be_read(tmp_path: Path) -> None:
    assert read_small_blobs(make_wim(tmp_path, "--pipable"), TEXTS, largest=100) == {}


def test_a_damaged_blob_is_refused(tmp_path: Path) -> None:
    wim = make_wim(tmp_path, "--compress=none")
    data = wim.read_bytes()
    wim.write_bytes(data.replace(b"200" * 9, b"201" * 9, 1))
    with pytest.raises(CorruptWim, match="SHA-1"):
        read_small_blobs(wim, TEXTS, largest=100)
