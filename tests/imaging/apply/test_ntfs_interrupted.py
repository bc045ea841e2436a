"""An apply that ends early: never a clean-looking half-filled volume, never a success."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest
from cases.volume import (
    MIB,
    OSDIMAGE,
    Disk,
    expected_contents,
    format_disk,
    make_disk,
    osdimage,
    part_of,
)
from judges.disk import copy_of, cut_out, missing
from judges.ntfs import contents, is_consistent, is_dirty, ntfsfix, outside
from judges.wim import require
from osdimage.imaging import WimFile
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.progress import ProgressEvent
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign
SEED = 20


def test_a_cancelled_apply_leaves_the_volume_dirty(wim: Path, disk: Disk, engine: Engine) -> None:
    class Cancelled(Exception):
        pass

    def stop(event: ProgressEvent) -> None:
        if event.percent > 50:
            raise Cancelled

    before = outside(disk.path, disk.offset, disk.size)
    options = ApplyOptions(engine=engine)
    with WimFile.open(wim) as opened, pytest.raises(Cancelled):
        apply_image(opened.image(1), disk.path, options, partition=disk.partition, progress=stop)
    assert is_dirty(part_of(disk))
    assert outside(disk.path, disk.offset, disk.size) == before
    with WimFile.open(wim) as opened:
        with pytest.raises(TargetRefused, match="dirty"):
            apply_image(opened.image(1), disk.path, partition=disk.partition)
        apply_image(opened.image(1), disk.path, ApplyOptions(force=True), partition=disk.partition)
    ntfsfix(part_of(disk))


@pytest.mark.slow
def test_a_volume_whose_apply_was_killed_never_looks_clean_unless_it_is_whole(
    tree: Path, wim: Path, tmp_path: Path
) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img"))
    fresh = copy_of(disk.path, tmp_path / "fresh.img")
    before, expected = outside(disk.path, disk.offset, disk.size), expected_contents(tree)
    command = [str(OSDIMAGE), "apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--events", "-"]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.count(b"\n")
    source, dirty = random.Random(SEED), 0
    for _ in range(KILLS):
        copy_of(fresh, disk.path)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            # Killed when so many events were seen: any moment from the first write to after the last.
            for _ in range(source.randint(0, lines)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            code = process.wait()
        assert outside(disk.path, disk.offset, disk.size) == before
        part = part_of(disk)
        # Killed between the first records of the MFT and their mirror: programs refuse the volume as inconsistent.
        if not is_consistent(part) or is_dirty(part):
            dirty += 1
            assert code == -signal.SIGKILL, "it reported success"
            where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
            assert "marked dirty" in osdimage(*where, code=4)
        else:
            found = contents(part)
            assert found in ({}, expected)
            assert code == -signal.SIGKILL or found == expected
    # Some moments are before the first write or after the last, as chance has it: of a few perhaps all.
    assert dirty >= KILLS // 12, f"most moments are in the middle of the work; seed {SEED}"


@pytest.mark.root
def test_a_full_disk_under_a_sparse_image_is_told_and_leaves_the_volume_dirty(
    wim: Path, engine: Engine, tmp_path: Path
) -> None:
    unshare = require("unshare")
    if os.geteuid() != 0:
        missing("mounting a small tmpfs needs root")
    disk = format_disk(make_disk(tmp_path / "disk.img"))
    before = outside(disk.path, disk.offset, disk.size)
    small, kept = tmp_path / "small", tmp_path / "kept.img"
    small.mkdir()
    # The volume has room for the image, the file system below has not.
    script = (
        'mount -t tmpfs -o size=12m none "$1" && cp --sparse=always "$2" "$1/disk.img" || exit 99; '
        '"$3" apply "$4" "$1/disk.img" --partition "$5" --engine "$7" --no-sync; code=$?; '
        'cp --sparse=always "$1/disk.img" "$6"; exit $code'
    )
    words = (script, "sh", small, disk.path, OSDIMAGE, wim, str(disk.partition), kept, engine.value)
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    assert "No space left on device" in done.stderr
    assert "stays marked dirty" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert outside(kept, disk.offset, disk.size) == before
    part = cut_out(kept, disk.offset, disk.size, tmp_path / "part.img")
    assert is_dirty(part)


def test_a_file_size_limit_is_told_and_leaves_the_volume_dirty(wim: Path, disk: Disk, engine: Engine) -> None:
    """The same without root: writes beyond a place in the file fail."""
    # Behind the MFT and its zone, where the first contents are.
    limit = (disk.offset + disk.size // 8 + 4 * MIB) // 1024
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f {limit * 2}; exec "$@"', "sh", OSDIMAGE, "apply", wim, disk.path, "--partition",
         str(disk.partition), "--engine", engine.value],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert "File too large" in done.stderr
    part = part_of(disk)
    # The mirror of the first records lies behind it.
    assert not is_consistent(part) or is_dirty(part)
    osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--wipe", "--force", "--yes")
    ntfsfix(part_of(disk))
