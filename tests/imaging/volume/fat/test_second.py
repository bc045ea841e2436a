"""The second opinion of pyfatfs on what was written."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cases.fat import BEYOND_MTOOLS, NAMES, SERIAL, TREES, contents, file
from cases.fat_volumes import Copy, filled, pristine, read_everything, set_fat
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.finding import Severity
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    check_fat,
    fill_fat,
    from_entries,
    open_fat,
)
from osdimage.imaging.volume.fat.second import second_reading


@pytest.fixture
def target() -> MemoryTarget:
    return Copy()


@pytest.mark.parametrize("name", [*NAMES, "sizes", "deep", "directory of several clusters", "empty"])
def test_pyfatfs_reads_the_same_names_and_contents(name: str) -> None:
    entries = TREES[name]
    target = filled(entries)
    assert check_fat(target, second_opinion=True) == ()
    seen = {entry.path.upper(): (entry.size, entry.sha1) for entry in second_reading(target, contents=True)}
    files = [entry for entry in entries if not entry.is_directory]
    assert {entry.path.upper() for entry in files} <= set(seen)
    for entry in files:
        size, digest = seen[entry.path.upper()]
        assert (size, digest) == (entry.size, sha1(contents(entry.path, entry.size)))


def test_pyfatfs_reads_a_file_in_pieces_and_tells_one_that_ends_early() -> None:
    data = contents("a", 5 * 512)
    target = filled([file("a", 5 * 512)])
    volume = open_fat(target)
    first, elsewhere = volume.entry("a").cluster, 60_000
    # Its third cluster goes to another place.
    target.write_at(volume.layout.offset_of(elsewhere), data[1024:1536])
    target.write_at(volume.layout.offset_of(first + 2), bytes(512))
    set_fat(target, first + 1, elsewhere)
    set_fat(target, elsewhere, first + 3)
    set_fat(target, first + 2, 0)
    (entry,) = second_reading(target, contents=True)
    assert entry.sha1 == sha1(data)
    set_fat(target, elsewhere, 0x0FFFFFFF)
    with pytest.raises(InvalidVolume, match="'a' ends 1024 bytes early"):
        second_reading(target, contents=True)


def sha1(data: bytes) -> bytes:
    import hashlib  # noqa: PLC0415

    return hashlib.sha1(data, usedforsecurity=False).digest()


def test_pyfatfs_reads_names_beyond_mtools() -> None:
    target = filled([file(name, 10) for name in BEYOND_MTOOLS])
    assert check_fat(target, second_opinion=True) == ()


def test_the_second_opinion_writes_nothing_and_loads_no_pkg_resources() -> None:
    script = (
        "import sys\n"
        "sys.modules['pkg_resources'] = None\n"
        "sys.modules['fs'] = None\n"
        "from osdimage.imaging.disk.target import MemoryTarget\n"
        "from osdimage.imaging.units import Geometry\n"
        "from osdimage.imaging.volume.fat.make import FatOptions, check_fat, format_fat\n"
        "assert not [name for name in sys.modules if name.startswith('pyfatfs')]\n"
        "target = MemoryTarget(Geometry(512, 80000))\n"
        "format_fat(target, FatOptions(1))\n"
        "target._write = None\n"
        "assert check_fat(target, second_opinion=True) == ()\n"
        "assert 'pyfatfs.PyFat' in sys.modules and 'pyfatfs.PyFatFS' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_pyfatfs_sees_differently_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = second_reading(pristine())
    monkeypatch.setattr("osdimage.imaging.volume.fat.second.second_reading", lambda _: real[1:])
    (found,) = check_fat(pristine(), second_opinion=True)
    assert (found.code, found.severity) == ("second-opinion", Severity.ERROR)
    assert "is seen by us only" in found.text


def test_a_volume_that_only_we_can_read_is_a_warning(target: MemoryTarget) -> None:
    # A lone surrogate in a long name: NTFS and FAT hold it, pyfatfs cannot decode it.
    fill_fat(target, from_entries([file("lone \ud800 surrogate")]), FatOptions(SERIAL))
    (found,) = check_fat(target, second_opinion=True)
    assert (found.code, found.severity) == ("second-opinion", Severity.WARNING)
    assert read_everything(open_fat(target)) == {"lone \ud800 surrogate": contents("lone \ud800 surrogate", 5)}


def test_a_volume_too_large_for_pyfatfs_is_not_given_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osdimage.imaging.volume.fat.second.LARGEST_FAT", 1000)
    (found,) = check_fat(pristine(), second_opinion=True)
    assert (found.code, found.severity) == ("no-second-opinion", Severity.NOTE)


def test_a_volume_that_pyfatfs_cannot_read_is_refused(target: MemoryTarget) -> None:
    target.write_at(0, b"\0\0\0")
    with pytest.raises(InvalidVolume, match="pyfatfs cannot read the volume"):
        second_reading(target)
