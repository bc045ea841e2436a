"""Apply to a new NTFS volume with its files compressed as a whole, against the same without: what compressing costs.

Both are ours, since no other program of Linux does it.  Files are read and compressed by all processors.  20,000 files
on tmpfs; the report says also how much room each way takes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench_apply_ntfs import make_volume
from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.units import GIB
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
WANTED_FILES = int(os.environ.get("BENCH_FILES", "20000"))
ALGORITHMS = ("xpress4k", "xpress8k", "xpress16k", "lzx")


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree, wim, volume = folder / "tree", folder / "tree.wim", folder / "volume.img"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=lzx:20"], check=True, capture_output=True)
        shutil.rmtree(tree)

        def fresh() -> None:
            volume.unlink(missing_ok=True)
            with create_image(str(volume), 4 * GIB) as target:
                make_volume(target, 0)

        plain = [OSDIMAGE, "apply", str(wim), str(volume), "--quiet"]
        pairs = [Pair(f"apply --compact {each}", [*plain, "--compact", each], plain, fresh) for each in ALGORITHMS]
        for each in ALGORITHMS:
            fresh()
            said = subprocess.run([*plain, "--compact", each, "--json"], check=True, capture_output=True, text=True)
            found = json.loads(said.stdout)["volumes"][0]["result"]["compacted"]
            print(f"{each}: {found['files']} files, {found['stored'] / found['size']:.2f} of the room")
        write_report(run_pairs(pairs, runs=RUNS), "compact")


if __name__ == "__main__":
    main()
