"""A WIM that is written anew holds what it held, and nothing else."""

from __future__ import annotations

import fcntl
import os
import random
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import CompressionSpec, InvalidRequest, NotAWim, TargetRefused
from osdimage.imaging.errors import CorruptWim, TooSmall
from osdimage.imaging.wim import OptimizeOptions, optimize_wim

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
    assert made.new_size is not None
    assert made.old_size - made.new_size > 190_000
    assert made.new_size == holed.stat().st_size
    assert made.unused == made.old_size - made.new_size
    assert [judges.wimlib_details(holed, image) for image in (1, 2)] == before
    assert judges.wimlib_info(holed).wim["GUID"] == guid
    judges.wimlib("verify", holed)
    # wimlib-imagex optimize gives a file of the same size, but for the length of numbers in the XML.
    theirs = tmp_path / "theirs.wim"
    theirs.write_bytes(holed.read_bytes())
    judges.wimlib("optimize", theirs)
    assert abs(theirs.stat().st_size - made.new_size) < 100


def test_an_integrity_table_is_added_and_dropped(holed: Path) -> None:
    optimize_wim(holed, OptimizeOptions(integrity=True))
    judges.wimlib("info", holed, "--check")
    with_table = holed.stat().st_size
    optimize_wim(holed)
    judges.wimlib("info", holed, "--check")
    assert holed.stat().st_size == with_table
    optimize_wim(holed, OptimizeOptions(integrity=False))
    assert holed.stat().st_size < with_table


def test_what_cannot_be_written_anew_is_as_it_was(holed: Path, tmp_path: Path) -> None:
    with holed.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match="another program is writing"):
            optimize_wim(holed)
    (tmp_path / "text").write_text("text")
    with pytest.raises(NotAWim):
        optimize_wim(tmp_path / "text")
    damaged = bytearray(holed.read_bytes())
    offset = int.from_bytes(damaged[56:64], "little")
    damaged[offset + 8] ^= 0xFF
    holed.write_bytes(damaged)
    with pytest.raises(CorruptWim):
        optimize_wim(holed, OptimizeOptions(compression=CompressionSpec.parse("none")))
    assert holed.read_bytes() == damaged


def test_a_pipable_one_stays_so_unless_it_is_asked_for(holed: Path, tmp_path: Path) -> None:
    wim = tmp_path / "pipable.wim"
    judges.wimlib("export", holed, "all", wim, "--pipable")
    before = judges.wimlib_info(wim)
    assert not optimize_wim(wim).recompressed
    assert judges.wimlib_info(wim).wim["Attributes"] == before.wim["Attributes"]
    assert optimize_wim(wim, OptimizeOptions(pipable=False)).recompressed
    now = judges.wimlib_info(wim)
    assert "Pipable" in before.wim["Attributes"]
    assert "Pipable" not in now.wim["Attributes"]
    assert (now.wim["GUID"], now.images) == (before.wim["GUID"], before.images)
    judges.run("7zz", "t", wim)
    with pytest.raises(InvalidRequest, match="not solid"):
        optimize_wim(wim, OptimizeOptions(pipable=True, compression=CompressionSpec(solid=True)))
    with wim.open("rb+") as file:
        file.write(b"no WIM")
    with pytest.raises(NotAWim):
        optimize_wim(wim)


def test_a_rehearsal_tells_what_it_would_gain_and_writes_nothing(holed: Path) -> None:
    before = holed.read_bytes()
    told = optimize_wim(holed, OptimizeOptions(dry_run=True))
    assert not told.written
    again = optimize_wim(holed, OptimizeOptions(compression=CompressionSpec(solid=True), dry_run=True))
    assert (again.new_size, again.unused, again.recompressed) == (None, told.unused, True)
    assert holed.read_bytes() == before
    assert optimize_wim(holed).new_size == told.new_size


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(OptimizeOptions(CompressionSpec.parse("none")), ("None", "0"), id="none"),
        pytest.param(OptimizeOptions(CompressionSpec.parse("xpress")), ("XPRESS", "32768"), id="xpress"),
        pytest.param(OptimizeOptions(CompressionSpec.parse("lzms")), ("LZMS", "131072"), id="lzms"),
        pytest.param(OptimizeOptions(CompressionSpec(chunk_size=1 << 16)), ("LZX", "65536"), id="chunk size"),
        pytest.param(OptimizeOptions(CompressionSpec.parse("lzx:100"), recompress=True), ("LZX", "32768"), id="level"),
    ],
)
def test_another_compression_keeps_images_and_guid_and_drops_holes(
    holed: Path, options: OptimizeOptions, says: tuple[str, str]
) -> None:
    before = [judges.wimlib_facts(holed, image) for image in (1, 2)]
    guid = judges.wimlib_info(holed).wim["GUID"]
    made = optimize_wim(holed, options)
    assert made.recompressed
    assert [judges.wimlib_facts(holed, image) for image in (1, 2)] == before
    wim = judges.wimlib_info(holed).wim
    assert (wim["GUID"], wim["Compression"], wim["Chunk Size"].split()[0]) == (guid, *says)
    judges.wimlib("verify", holed)
    # What the deleted image alone had is gone: two files of 200,000 bytes are left that do not shrink.
    assert holed.stat().st_size < 500_000


def test_solid_and_back(holed: Path) -> None:
    before = [judges.wimlib_facts(holed, image) for image in (1, 2)]
    made = optimize_wim(holed, OptimizeOptions(CompressionSpec(solid=True)))
    assert any("ESD" in text for text in made.warnings)
    assert judges.wimlib_info(holed).wim["Compression"] == "LZX"
    judges.wimlib("verify", holed)
    # What is solid is copied whole.
    assert not optimize_wim(holed).recompressed
    optimize_wim(holed, OptimizeOptions(CompressionSpec()))
    assert [judges.wimlib_facts(holed, image) for image in (1, 2)] == before
    judges.wimlib("verify", holed)


def test_a_level_alone_copies_what_has_this_compression(holed: Path) -> None:
    assert not optimize_wim(holed, OptimizeOptions(CompressionSpec.parse("lzx:100"))).recompressed


def test_a_wim_that_does_not_fit_beside_the_old_one_is_not_begun(holed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = holed.read_bytes()
    full = os.statvfs_result((4096, 4096, 1000, 10, 10, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    for options in (OptimizeOptions(), OptimizeOptions(CompressionSpec.parse("none"))):
        with pytest.raises(TooSmall, match=r"not written: the new WIM needs .* there is room for 40\.0 KB"):
            optimize_wim(holed, options)
    assert holed.read_bytes() == before
