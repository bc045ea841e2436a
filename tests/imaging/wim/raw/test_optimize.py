"""A WIM that is written anew holds what it held, and nothing else."""

from __future__ import annotations

import fcntl
import random
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import InvalidRequest, NotAWim, TargetRefused
from osdimage.imaging.wim import optimize_wim

pytestmark = pytest.mark.foreign


@pytest.fixture
def holed(tmp_path: Path) -> Path:
    """A WIM of which wimlib-imagex has deleted an image where it stood."""
    rng = random.Random(3)
    wim = tmp_path / "x.wim"
    for number, name in enumerate(("first", "second", "third")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own").write_bytes(rng.randbytes(200_000))
        (tmp_path / name / "shared").write_bytes(b"shared" * 9000)
        judges.wimlib("append" if number else "capture", tmp_path / name, wim, name)
    judges.wimlib("delete", wim, "2", "--soft")
    return wim


def test_what_nothing_refers_to_goes_and_the_rest_stays(holed: Path, tmp_path: Path) -> None:
    before = [judges.wimlib_details(holed, image) for image in (1, 2)]
    guid = judges.wimlib_info(holed).wim["GUID"]
    made = optimize_wim(holed)
    assert made.old_size - made.new_size > 190_000
    assert made.new_size == holed.stat().st_size
    assert [judges.wimlib_details(holed, image) for image in (1, 2)] == before
    assert judges.wimlib_info(holed).wim["GUID"] == guid
    judges.wimlib("verify", holed)
    # wimlib-imagex optimize gives a file of the same size, but for the length of numbers in the XML.
    theirs = tmp_path / "theirs.wim"
    theirs.write_bytes(holed.read_bytes())
    judges.wimlib("optimize", theirs)
    assert abs(theirs.stat().st_size - made.new_size) < 100


def test_an_integrity_table_is_added_and_dropped(holed: Path) -> None:
    optimize_wim(holed, integrity=True)
    judges.wimlib("info", holed, "--check")
    with_table = holed.stat().st_size
    optimize_wim(holed)
    judges.wimlib("info", holed, "--check")
    assert holed.stat().st_size == with_table
    optimize_wim(holed, integrity=False)
    assert holed.stat().st_size < with_table


def test_what_cannot_be_written_anew_is_as_it_was(holed: Path, tmp_path: Path) -> None:
    with holed.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match="another program is writing"):
            optimize_wim(holed)
    (tmp_path / "text").write_text("text")
    with pytest.raises(NotAWim):
        optimize_wim(tmp_path / "text")
    pipable = tmp_path / "pipable.wim"
    judges.wimlib("capture", tmp_path / "first", pipable, "--pipable")
    with pytest.raises(NotAWim, match="pipable"):
        optimize_wim(pipable)
    damaged = bytearray(holed.read_bytes())
    offset = int.from_bytes(damaged[56:64], "little")
    damaged[offset + 7] |= 0x40
    holed.write_bytes(damaged)
    with pytest.raises(InvalidRequest, match="export its images"):
        optimize_wim(holed)
    assert holed.read_bytes() == damaged
