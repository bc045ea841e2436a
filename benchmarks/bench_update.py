"""Update of one file in a WIM of 60,000 files and more against wimlib-imagex, on tmpfs.

Goal: at most 1.05x the time of wimlib-imagex, appended and rebuilt.
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
        subprocess.run(
            ["wimlib-imagex", "capture", tree, folder / "image.wim", "--compress=lzx:20"],
            check=True,
            capture_output=True,
        )
        shutil.rmtree(tree)
        write_report(run_pairs(pairs(folder), runs=RUNS), "update")


def pairs(folder: Path) -> list[Pair]:
    """Return what is compared."""
    image, wim, added = folder / "image.wim", folder / "out.wim", folder / "added.txt"
    added.write_text("One line.\n" * 1000, encoding="ascii")

    def fresh() -> None:
        shutil.copyfile(image, wim)

    def pair(name: str, *options: str) -> Pair:
        ours = [OSDIMAGE, "update", str(wim), "--add", f"{added}=/usr/share/added.txt", "--quiet", *options]
        theirs = ["wimlib-imagex", "update", str(wim), "1", f"--command=add '{added}' /usr/share/added.txt", *options]
        return Pair(name, ours, theirs, fresh)

    return [pair("add a file"), pair("add a file, --rebuild", "--rebuild")]


if __name__ == "__main__":
    main()
