"""Fills that are killed, or run out of room, in a window of a real disk image."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases.fat import SERIAL
from judges import disk as disk_judges
from judges import fat as fat_judges
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.units import MIB, Extent, Lba
from osdimage.imaging.volume.fat.make import FatOptions, check_fat, format_fat, open_fat
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign

FIRST, SECTORS = 2048, 80 * 2048
LIMIT = 40 * MIB
# Fills the window with 60 MB in 3,000 files; says when the first byte is about to be written, and when half the files
# have been asked for.
CHILD = f"""
import resource, sys
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.units import Extent, Lba
from osdimage.imaging.volume.fat.make import FatOptions, SourceEntry, fill_fat, from_entries
if sys.argv[2] == "limited":
    resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
data = bytes(range(256)) * 80
def contents(n):
    if n == 1500:
        print("half", flush=True)
    yield data
entries = [
    SourceEntry(f"d{{n % 9}}/file {{n}}", size=len(data), contents=lambda n=n: contents(n)) for n in range(3000)
]
with open_image(sys.argv[1], write=True, sector_size=512) as disk:
    source = from_entries(entries)
    print("begin", flush=True)
    fill_fat(disk.window(Extent(Lba({FIRST}), {SECTORS})), source, FatOptions(2, label="NEW"))
"""


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk with an old volume in a window and noise around it."""
    path = tmp_path / "disk.img"
    noise = random.Random(5).randbytes(MIB)
    with path.open("wb") as file:
        file.truncate((FIRST + SECTORS) * 512 + MIB)
        file.write(noise)
        file.seek((FIRST + SECTORS) * 512)
        file.write(noise)
    with open_image(str(path), write=True, sector_size=512) as target:
        format_fat(target.window(Extent(Lba(FIRST), SECTORS)), FatOptions(SERIAL, label="OLD"))
    return path


def start(disk: Path, how: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, disk, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begin\n"
    return child


def state(disk: Path, part: Path) -> str:
    """Say what the window holds, and judge it; what is around it must be as it was."""
    noise = random.Random(5).randbytes(MIB)
    with disk.open("rb") as file:
        assert file.read(FIRST * 512) == noise
        file.seek((FIRST + SECTORS) * 512)
        assert file.read() == noise
    disk_judges.cut_out(disk, FIRST * 512, SECTORS * 512, part)
    with open_image(str(part), sector_size=512) as volume:
        try:
            label = open_fat(volume).label
        except InvalidVolume:
            assert disk_judges.run(["blkid", "-p", part], check=False) == ""
            return "none"
        if label == "NEW" and not open_fat(volume).used_backup:
            assert check_fat(volume) == ()
            assert fat_judges.fsck(part).entries == 3000 + 9 + 1
        return str(label)


@pytest.mark.slow
def test_a_fill_that_is_killed_never_leaves_half_a_volume(disk: Path, tmp_path: Path) -> None:
    child = start(disk, "free")
    begun = time.perf_counter()
    _, errors = child.communicate()
    assert (child.returncode, errors) == (0, "")
    lasted = time.perf_counter() - begun
    assert state(disk, tmp_path / "part.img") == "NEW"
    rng = random.Random(11)
    for turn in range(KILLS):
        with open_image(str(disk), write=True, sector_size=512) as target:
            format_fat(target.window(Extent(Lba(FIRST), SECTORS)), FatOptions(SERIAL, label="OLD"))
        child = start(disk, "free")
        is_in_the_middle = turn == 0
        if is_in_the_middle:
            assert child.stdout is not None
            assert child.stdout.readline() == "half\n"
        else:
            time.sleep(rng.uniform(0, lasted))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert state(disk, tmp_path / "part.img") in ({"none"} if is_in_the_middle else {"OLD", "NEW", "none"})


def test_a_file_that_cannot_grow_is_one_line_and_no_volume(disk: Path, tmp_path: Path) -> None:
    child = start(disk, "limited")
    _, errors = child.communicate()
    assert child.returncode == 1
    assert errors.splitlines()[-1].startswith("osdimage.imaging.errors.StorageError: ")
    assert "File too large" in errors.splitlines()[-1]
    assert "holds no volume" in errors.splitlines()[-1]
    assert state(disk, tmp_path / "part.img") == "none"
