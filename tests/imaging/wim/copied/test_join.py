"""Parts are joined to what wimlib-imagex joins them to, in any order; what does not belong together is told by name."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import InvalidRequest, NotAWim, TargetRefused
from osdimage.imaging.errors import InvalidInput, MissingParts
from osdimage.imaging.wim import join_wim, split_wim

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a WIM of two images, its parts (x.swm to x3.swm), and those of another (other.swm...)."""
    folder = tmp_path_factory.mktemp("parts")
    rng = random.Random(4)
    for name in ("first", "second"):
        (folder / name).mkdir()
        for number in range(6):
            (folder / name / f"file {number}").write_bytes(rng.randbytes(30_000) + b"text " * rng.randint(1, 9000))
    judges.wimlib("capture", folder / "first", folder / "x.wim", "first", "--check")
    judges.wimlib("append", folder / "second", folder / "x.wim", "second", "--check", "--boot")
    judges.wimlib("split", folder / "x.wim", folder / "x.swm", "0.15", "--check")
    judges.wimlib("capture", folder / "second", folder / "other.wim", "other")
    judges.wimlib("split", folder / "other.wim", folder / "other.swm", "0.1")
    return folder


def parts(place: Path) -> list[Path]:
    return sorted(place.glob("x*.swm"))


def test_parts_in_any_order_give_what_wimlib_joins(place: Path, tmp_path: Path) -> None:
    whole, theirs = tmp_path / "whole.wim", tmp_path / "theirs.wim"
    given = parts(place)[::-1]
    assert len(given) == 3
    made = join_wim(whole, given)
    judges.wimlib("join", theirs, *given, "--check")
    assert made.parts == tuple(sorted(given))
    assert made.images == 2
    assert made.file_size == whole.stat().st_size
    judges.wimlib("verify", whole)
    judges.seven_zip_test(whole)
    # It has the integrity table of the parts.
    judges.wimlib("info", whole, "--check")
    for image in (1, 2):
        assert judges.wimlib_details(whole, image) == judges.wimlib_details(theirs, image)
    ours, other = judges.wimlib_info(whole), judges.wimlib_info(theirs)
    assert ours.images == other.images
    for label in ("Image Count", "Compression", "Chunk Size", "Part Number", "Boot Index"):
        assert ours.wim[label] == other.wim[label]
    assert abs(whole.stat().st_size - theirs.stat().st_size) < 100
    join_wim(tmp_path / "bare.wim", given, integrity=False)
    assert (tmp_path / "bare.wim").stat().st_size < whole.stat().st_size


def test_of_a_single_part_the_others_are_found(place: Path, tmp_path: Path) -> None:
    assert join_wim(tmp_path / "whole.wim", [place / "x2.swm"]).parts == tuple(parts(place))
    judges.wimlib("verify", tmp_path / "whole.wim")


def test_what_fitted_into_one_part_is_joined_too(place: Path, tmp_path: Path) -> None:
    split_wim(place / "x.wim", tmp_path / "only.swm", 1 << 20)
    made = join_wim(tmp_path / "whole.wim", [tmp_path / "only.swm"])
    assert (len(made.parts), made.images) == (1, 2)
    judges.wimlib("verify", tmp_path / "whole.wim")


def test_parts_that_do_not_make_a_whole_are_told_by_name(place: Path, tmp_path: Path) -> None:
    first, second, third = parts(place)
    whole = tmp_path / "whole.wim"
    with pytest.raises(MissingParts, match=r"part 3 of 3 is missing: .*x3\.swm was not named"):
        join_wim(whole, [first, second])
    with pytest.raises(InvalidRequest, match=r"other\.swm: is part 1 of \d of another WIM .* than .*x2\.swm"):
        join_wim(whole, [second, place / "other.swm", third])
    copy = shutil.copy(second, tmp_path / "copy.swm")
    with pytest.raises(InvalidRequest, match=r"copy\.swm: is part 2 of 3, and so is .*x2\.swm"):
        join_wim(whole, [first, second, copy, third])
    with pytest.raises(InvalidInput, match=r"x\.wim: is no part of a split WIM: it is a whole one"):
        join_wim(whole, [first, place / "x.wim"])
    (tmp_path / "text").write_text("text")
    with pytest.raises(NotAWim, match="text: not a WIM"):
        join_wim(whole, [first, tmp_path / "text"])
    (tmp_path / "below").mkdir()
    alone = Path(shutil.copy(third, tmp_path / "below" / "alone3.swm"))
    with pytest.raises(MissingParts, match=r"part 1 of 3 is missing: there is no .*alone\.swm; part 2 of 3"):
        join_wim(whole, [alone])
    with pytest.raises(InvalidRequest, match="no part to join"):
        join_wim(whole, [])
    assert not whole.exists()


def test_what_is_there_is_replaced_only_when_asked_for(place: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.wim"
    whole.write_text("MSWIM\0\0\0 something")
    with pytest.raises(TargetRefused, match="exists"):
        join_wim(whole, parts(place))
    assert whole.read_text() == "MSWIM\0\0\0 something"
    join_wim(whole, parts(place), replace=True)
    judges.wimlib("verify", whole)
    with pytest.raises(InvalidRequest, match="a part that is joined"):
        join_wim(parts(place)[1], parts(place), replace=True)


def test_a_damaged_part_is_found_by_its_integrity_table(place: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copy(each, tmp_path)) for each in parts(place)]
    damaged = bytearray(copies[1].read_bytes())
    damaged[5000] ^= 1
    copies[1].write_bytes(damaged)
    with pytest.raises(InvalidInput, match=r"x2\.swm: the file does not match its integrity table"):
        join_wim(tmp_path / "whole.wim", copies, check=True)
    assert not (tmp_path / "whole.wim").exists()


def test_contents_beyond_the_end_of_a_part_are_not_taken_from_the_next(place: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copy(each, tmp_path)) for each in parts(place)]
    data = bytearray(copies[1].read_bytes())
    table = int.from_bytes(data[56:64], "little")
    data[table + 8 : table + 16] = (len(data) - 1).to_bytes(8, "little")
    copies[1].write_bytes(data)
    with pytest.raises(InvalidInput):
        join_wim(tmp_path / "whole.wim", copies)
    assert not (tmp_path / "whole.wim").exists()


def test_parts_that_can_be_piped_are_joined_too(place: Path, tmp_path: Path) -> None:
    judges.wimlib("export", place / "x.wim", "all", tmp_path / "pipable.wim", "--pipable")
    judges.wimlib("split", tmp_path / "pipable.wim", tmp_path / "p.swm", "0.15")
    join_wim(tmp_path / "whole.wim", sorted(tmp_path.glob("p*.swm")))
    judges.wimlib("verify", tmp_path / "whole.wim")
    assert judges.wimlib_paths(tmp_path / "whole.wim", 2) == judges.wimlib_paths(place / "x.wim", 2)


def test_parts_of_another_program(tmp_path: Path) -> None:
    folder = judges.corpus() / "wim"
    join_wim(tmp_path / "whole.wim", [folder / "mwl_Split2.swm", folder / "mwl_Split.swm"])
    judges.wimlib("join", tmp_path / "theirs.wim", folder / "mwl_Split.swm", folder / "mwl_Split2.swm")
    judges.wimlib("verify", tmp_path / "whole.wim")
    assert judges.wimlib_details(tmp_path / "whole.wim") == judges.wimlib_details(tmp_path / "theirs.wim")
