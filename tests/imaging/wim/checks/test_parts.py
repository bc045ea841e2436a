"""Which files are the parts of a split WIM; wimlib-imagex splits it, and names its parts as DISM does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import WimFile, apply_image
from osdimage.imaging.errors import MissingParts
from osdimage.imaging.wim.checks.parts import Part, find_parts, part_of

pytestmark = pytest.mark.foreign
MIB = 1 << 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "tree"
    folder.mkdir()
    for number in range(4):
        (folder / f"file {number}").write_bytes(random.Random(number).randbytes(MIB))
    return folder


def split(tree: Path, folder: Path, name: str = "install.swm") -> Path:
    folder.mkdir(exist_ok=True)
    judges.wimlib("capture", tree, folder / "whole.wim", "--compress=none")
    judges.wimlib("split", folder / "whole.wim", folder / name, "1")
    (folder / "whole.wim").unlink()
    return folder / name


def found(path: Path) -> dict[int, str]:
    part = part_of(path)
    assert part is not None
    return {number: each.path.name for number, each in find_parts(part).found.items()}


@pytest.mark.parametrize("name", ["install.swm", "Win10.SWM", "sp1.swm", "[a] b*.swm", "noending"])
def test_all_parts_are_found_by_any_of_them(tree: Path, tmp_path: Path, name: str) -> None:
    first = split(tree, tmp_path / "set", name)
    stem, suffix = first.stem, first.suffix
    names = {1: name} | {number: f"{stem}{number}{suffix}" for number in range(2, 6)}
    assert sorted(each.name for each in first.parent.iterdir()) == sorted(names.values())
    for each in names.values():
        assert found(first.with_name(each)) == names
    with WimFile.open(first) as opened:
        apply_image(opened.image(1), tmp_path / "out")
    judges.run("diff", "-r", tree, tmp_path / "out")


def test_what_is_called_otherwise_is_found_by_what_it_is(tree: Path, tmp_path: Path) -> None:
    first = split(tree, tmp_path / "set")
    other = split(tree, tmp_path / "other")
    (first.parent / "install2.swm").rename(first.parent / "second.swm")
    (other.parent / "install2.swm").rename(first.parent / "install2.swm")
    assert found(first)[2] == "second.swm"
    assert found(first.parent / "second.swm") == found(first)


def test_a_part_that_is_missing_is_named_before_anything_is_written(tree: Path, tmp_path: Path) -> None:
    first = split(tree, tmp_path / "set")
    (first.parent / "install3.swm").unlink()
    with WimFile.open(first) as opened, pytest.raises(MissingParts, match=r"part 3 of 5 is missing: .*install3\.swm"):
        apply_image(opened.image(1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_part_is_none(tree: Path, tmp_path: Path) -> None:
    judges.wimlib("capture", tree, tmp_path / "whole.wim")
    (tmp_path / "text.swm").write_text("no WIM at all")
    assert part_of(tmp_path / "whole.wim") is part_of(tmp_path / "text.swm") is part_of(tmp_path / "nothing") is None
    first = part_of(split(tree, tmp_path / "set"))
    assert first is not None
    lie = Part(first.path, first.guid, first.number, first.total + 1)
    assert not lie.belongs_to(first)
