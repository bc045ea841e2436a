"""One image on four volumes at once against one volume, and against four commands in turn: 50,000 files, on tmpfs.

Both sides are osdimage.  Goal: four volumes take at most 1.3x the time of one.  Memory is that of one, and for each
more what is planned for it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.units import GIB, Extent, Lba
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
VOLUME_BYTES = 3 * GIB
SECTOR = 512
TARGETS = 4


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree)} files in {tree}")
        wim = folder / "image.wim"
        subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=lzx:20"], check=True, capture_output=True)
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder, wim), runs=RUNS), "fan")


def pairs(folder: Path, wim: Path) -> list[Pair]:
    """Return what is compared."""
    volumes = [folder / f"{number}.ntfs" for number in range(TARGETS)]

    def fresh() -> None:
        """Make the volumes anew."""
        for path in volumes:
            path.unlink(missing_ok=True)
            with create_image(str(path), VOLUME_BYTES) as target:
                extent = Extent(Lba(0), VOLUME_BYTES // SECTOR)
                format_ntfs(target, extent, NtfsFormat(hidden_sectors=0, is_zero=True))

    one = [OSDIMAGE, "apply", str(wim), str(volumes[0]), "--quiet"]
    four = [*one, *(word for path in volumes[1:] for word in ("--also", str(path)))]
    each = [[OSDIMAGE, "apply", str(wim), str(path), "--quiet"] for path in volumes]
    in_turn = ["sh", "-ec", "; ".join(map(shlex.join, each))]
    return [
        Pair("four volumes at once against one", four, one, fresh),
        Pair("four volumes at once against four in turn", four, in_turn, fresh),
    ]


if __name__ == "__main__":
    main()
