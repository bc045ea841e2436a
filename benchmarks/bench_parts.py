"""Split, join and optimize against wimlib-imagex, on a WIM of 60,000 files and more, on tmpfs.

Both sides copy contents as they are stored.  Goals, on two idle cores: split at most 0.30x the time, join at most
0.50x.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.units import MIB
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000
PARTS = 4


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree, wim = folder / "tree", folder / "whole.wim"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        # Contents as large as those of a Windows image, which are not what takes the time to make.
        subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=none"], check=True, capture_output=True)
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder, wim), runs=RUNS), "parts")


def pairs(folder: Path, wim: Path) -> list[Pair]:
    """Return what is compared."""
    size = -(-wim.stat().st_size // MIB // PARTS) + 1
    parts, joined, copy = folder / "parts", folder / "joined.wim", folder / "copy.wim"
    kept = folder / "kept"
    kept.mkdir()
    subprocess.run(["wimlib-imagex", "split", wim, kept / "x.swm", str(size)], check=True, capture_output=True)
    given = [str(each) for each in sorted(kept.iterdir())]

    def clean() -> None:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        for each in (joined, copy):
            each.unlink(missing_ok=True)

    def fresh() -> None:
        clean()
        shutil.copy(wim, copy)

    def ours(*arguments: str) -> list[str]:
        return [OSDIMAGE, *arguments, "--quiet"]

    first = str(parts / "x.swm")
    return [
        Pair(
            "split",
            ours("split", str(wim), first, "--size", f"{size}MB"),
            ["wimlib-imagex", "split", str(wim), first, str(size)],
            clean,
        ),
        Pair("join", ours("join", str(joined), *given), ["wimlib-imagex", "join", str(joined), *given], clean),
        Pair("optimize", ours("optimize", str(copy)), ["wimlib-imagex", "optimize", str(copy)], fresh),
    ]


if __name__ == "__main__":
    main()
