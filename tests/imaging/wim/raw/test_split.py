"""A WIM that was split is joined by wimlib-imagex to what it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import InvalidRequest, TargetRefused, WimFile
from osdimage.imaging.wim import split_wim

pytestmark = pytest.mark.foreign
MIB = 1 << 20


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    rng = random.Random(2)
    for name in ("first", "second"):
        (folder / name).mkdir()
        for number in range(12):
            (folder / name / f"file {number}").write_bytes(rng.randbytes(300_000))
    (folder / "first" / "largest").write_bytes(rng.randbytes(1_500_000))
    wim = folder / "source.wim"
    judges.wimlib("capture", folder / "first", wim, "first", "--check", "--boot")
    judges.wimlib("append", folder / "second", wim, "second", "--check")
    return wim


def test_the_parts_are_what_others_join(source: Path, tmp_path: Path) -> None:
    first = tmp_path / "parts.swm"
    made = split_wim(source, first, 2 * MIB)
    assert [path.name for path in made.paths] == [
        "parts.swm",
        *(f"parts{number}.swm" for number in range(2, len(made.paths) + 1)),
    ]
    assert made.sizes == tuple(path.stat().st_size for path in made.paths)
    assert all(size <= 2 * MIB for size in made.sizes)
    # wimlib-imagex split source.wim theirs.swm 2 makes as many parts, or one more.
    judges.wimlib("split", source, tmp_path / "theirs.swm", "2")
    assert len(made.paths) <= len(list(tmp_path.glob("theirs*.swm")))
    judges.wimlib("join", tmp_path / "joined.wim", *made.paths)
    judges.wimlib("verify", tmp_path / "joined.wim")
    for image in (1, 2):
        assert judges.wimlib_details(tmp_path / "joined.wim", image) == judges.wimlib_details(source, image)
    judges.wimlib("verify", first, f"--ref={tmp_path}/parts*.swm")
    judges.wimlib("info", first, "--check")
    facts, original = judges.wimlib_info(first), judges.wimlib_info(source)
    assert facts.images == original.images
    with WimFile.open(first) as wim:
        assert wim.header.boot_index == 1
        assert wim.header.total_parts == len(made.paths)


def test_a_file_that_is_larger_than_a_part_is_named_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"'/largest' takes 1\.4 MB of it, and a part 1\.0 MB"):
        split_wim(source, tmp_path / "parts.swm", MIB)
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_not_replaced_unasked(source: Path, tmp_path: Path) -> None:
    (tmp_path / "parts3.swm").write_text("something")
    with pytest.raises(TargetRefused, match=r"parts3\.swm: exists"):
        split_wim(source, tmp_path / "parts.swm", 2 * MIB)
    assert [path.name for path in tmp_path.iterdir()] == ["parts3.swm"]
    split_wim(source, tmp_path / "parts.swm", 2 * MIB, replace=True)
    judges.wimlib("verify", tmp_path / "parts.swm", f"--ref={tmp_path}/parts*.swm")


def test_what_cannot_be_split(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"valid are 1\.0 MB and more"):
        split_wim(source, tmp_path / "parts.swm", MIB - 1)
    with pytest.raises(InvalidRequest, match="the WIM that is split"):
        split_wim(source, source, 2 * MIB, replace=True)
    solid = tmp_path / "solid.esd"
    judges.wimlib("export", source, "1", solid, "--solid")
    with pytest.raises(InvalidRequest, match="cannot be split: it has contents that cannot be copied by themselves"):
        split_wim(solid, tmp_path / "parts.swm", 2 * MIB)
    made = split_wim(source, tmp_path / "parts.swm", 2 * MIB)
    with pytest.raises(InvalidRequest, match="part of a split WIM"):
        split_wim(made.paths[0], tmp_path / "again.swm", 2 * MIB)
