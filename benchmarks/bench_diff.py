"""What changed between two images of 60,000 files and more, against two listings of wimlib-imagex, on tmpfs.

Nobody else offers it; `diff` of the listings is what people do, and it finds no renamed files.  Goal: no more time than
that where little changed.  Once all times are others: each is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        for name in ("one.wim", "other.wim"):
            command: list[str | Path] = ["wimlib-imagex", "capture", tree, folder / name, "--compress=xpress"]
            subprocess.run(command, check=True, capture_output=True)
            # Of the second image the times of all files are others.
            for path in tree.rglob("*"):
                os.utime(path, (0, 0), follow_symlinks=False)
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder), runs=RUNS), "diff")


def pairs(folder: Path) -> list[Pair]:
    """Return what is compared."""

    def pair(name: str, one: str, other: str) -> Pair:
        ours = f'"{OSDIMAGE}" diff {folder}/{one}:1 {folder}/{other}:1 || [ $? = 1 ]'
        listed = [f"<(wimlib-imagex dir {folder}/{each} 1 --detailed)" for each in (one, other)]
        theirs = f"diff {' '.join(listed)} || [ $? = 1 ]"
        return Pair(name, ["bash", "-c", ours], ["bash", "-c", theirs])

    return [pair("equal", "one.wim", "one.wim"), pair("other times", "one.wim", "other.wim")]


if __name__ == "__main__":
    main()
