"""Apply into a partition of a disk image against wimlib-imagex onto a bare volume: 50,000 files and more, on tmpfs.

Both sync once what they wrote.  Goals: at most 0.95x the time, at most 90 MB more memory.  The bare volume is measured
as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.target import FileTarget, create_image
from osdimage.imaging.units import GIB, MIB, Extent, Lba
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
VOLUME_BYTES = 3 * GIB
# The partition is the same place on the disk as the bare volume has in its file, plus this.
BEFORE_BYTES = MIB
SECTOR = 512


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree)} files in {tree}")
        wim = folder / "image.wim"
        subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=lzx:20"], check=True, capture_output=True)
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder, wim), runs=RUNS), "apply_ntfs")


def pairs(folder: Path, wim: Path) -> list[Pair]:
    """Return what is compared."""
    disk, volume = folder / "disk.img", folder / "volume.img"

    def fresh() -> None:
        """Make the disk and the volume anew, with the same program, so that both sides begin with the same."""
        for path in (disk, volume):
            path.unlink(missing_ok=True)
        with create_image(str(disk), VOLUME_BYTES + 2 * BEFORE_BYTES) as target:
            subprocess.run(
                ["sfdisk", "--quiet", str(disk)],
                input=f"label: gpt\nstart={BEFORE_BYTES // SECTOR}, size={VOLUME_BYTES // SECTOR}\n",
                text=True,
                check=True,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            )
            make_volume(target, BEFORE_BYTES)
        with create_image(str(volume), VOLUME_BYTES) as target:
            make_volume(target, 0)

    theirs = ["wimlib-imagex", "apply", str(wim), "1", str(volume)]
    return [
        Pair(
            "apply into a partition",
            [OSDIMAGE, "apply", str(wim), str(disk), "--partition", "1", "--quiet"],
            theirs,
            fresh,
        ),
        Pair("apply onto a bare volume", [OSDIMAGE, "apply", str(wim), str(volume), "--quiet"], theirs, fresh),
    ]


def make_volume(target: FileTarget, offset_bytes: int) -> None:
    """Format a part of a new file."""
    extent = Extent(Lba(offset_bytes // SECTOR), VOLUME_BYTES // SECTOR)
    format_ntfs(target, extent, NtfsFormat(hidden_sectors=0, is_zero=True))


if __name__ == "__main__":
    main()
