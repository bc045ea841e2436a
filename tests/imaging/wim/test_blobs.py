"""Small blobs are found by their hashes, wherever they lie, and each resource is expanded once."""

from __future__ import annotations

import hashlib
import random
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
    begin = ResourceReader._begin
    monkeypatch.setattr(ResourceReader, "_begin", lambda self, blob: begun.append(blob) or begin(self, blob))
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


def test_of_a_solid_resource_only_the_damage_of_what_is_wanted_matters(tmp_path: Path) -> None:
    """Each chunk is expanded by itself, and wimlib-imagex reads all that is in the others."""
    bits, texts = random.Random(1), {}
    (tmp_path / "tree").mkdir()
    for name in map(str, range(20)):
        texts[name] = b"".join(b"%x " % bits.getrandbits(32) for _ in range(1200))
        (tmp_path / "tree" / name).write_bytes(texts[name])
    wim = tmp_path / "x.wim"
    judges.wimlib("capture", tmp_path / "tree", wim, "--solid", "--solid-compress=lzx", "--solid-chunk-size=32K")
    data = bytearray(wim.read_bytes())
    third = len(data) // 3
    data[third : third + 8] = bytes(each ^ 0xFF for each in data[third : third + 8])
    wim.write_bytes(data)
    judges.wimlib("apply", wim, tmp_path / "judged", "--recover-data")
    refused = set()
    for name, text in texts.items():
        sha1 = hashlib.sha1(text, usedforsecurity=False).digest()
        try:
            assert read_small_blobs(wim, [sha1], largest=len(text)) == {sha1: text}
        except CorruptWim:
            refused.add(name)
    damaged = {name for name, text in texts.items() if (tmp_path / "judged" / name).read_bytes() != text}
    assert damaged
    # 32 KB hold three of them, and parts of two.
    assert damaged <= refused
    assert len(refused) <= 5
