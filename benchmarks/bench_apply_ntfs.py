"""Apply into a partition of a disk image against wimlib-imagex onto a bare volume: 60,000 files and more, on tmpfs.

Both sync what they wrote.  One image is a plain tree; the other is like those of Windows (``windows_like.py``).  Goals,
on two idle cores: at most 0.40x and 0.32x the time, at most 60 MB more memory.  The bare volume is measured as well,
and libntfs-3g, which writes what the engine for new volumes cannot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.image import FileTarget, create_image
from osdimage.imaging.units import GIB, MIB, Extent, Lba
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from trees import copy_tree
from windows_like import write_image_apart

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000
VOLUME_BYTES = 4 * GIB
# The partition is the same place on the disk as the bare volume has in its file, plus this.
BEFORE_BYTES = MIB
SECTOR = 512


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        plain, rich = folder / "plain.wim", folder / "rich.wim"
        subprocess.run(["wimlib-imagex", "capture", tree, plain, "--compress=lzx:20"], check=True, capture_output=True)
        write_image_apart(tree, rich)
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder, plain, rich), runs=RUNS), "apply_ntfs")


def pairs(folder: Path, plain: Path, rich: Path) -> list[Pair]:
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

    def pair(name: str, wim: Path, target: Path, *options: str) -> Pair:
        ours = [OSDIMAGE, "apply", str(wim), str(target), *options, "--quiet"]
        return Pair(name, ours, ["wimlib-imagex", "apply", str(wim), "1", str(volume)], fresh)

    return [
        pair("apply a plain tree into a partition", plain, disk, "--partition", "1"),
        pair("apply a tree like Windows' into a partition", rich, disk, "--partition", "1"),
        pair("apply a plain tree onto a bare volume", plain, volume),
        pair("apply a plain tree into a partition, libntfs-3g", plain, disk, "--partition", "1", "--engine", "libntfs"),
    ]


def make_volume(target: FileTarget, offset_bytes: int) -> None:
    """Format a part of a new file."""
    extent = Extent(Lba(offset_bytes // SECTOR), VOLUME_BYTES // SECTOR)
    format_ntfs(target, extent, NtfsFormat(hidden_sectors=0, is_zero=True))


if __name__ == "__main__":
    main()
