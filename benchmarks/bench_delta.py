"""Deltas and updates of an image of 60,000 files and more against wimlib-imagex, on tmpfs.

Both sides capture the same tree, of which every hundredth file has changed since the base was captured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000
# The same work for both: ours has another level by default.
COMPRESS = "--compress=lzx:20"


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree, base = folder / "tree", folder / "base.wim"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        subprocess.run(["wimlib-imagex", "capture", tree, base, COMPRESS], check=True, capture_output=True)
        print(f"{change(tree)} of them changed")
        write_report(run_pairs(pairs(folder, tree, base), runs=RUNS), "delta")


def change(tree: Path) -> int:
    """Append a line to every hundredth file; return how many these are."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())[::100]
    for path in files:
        with path.open("a", encoding="ascii") as file:
            file.write("\nOne line more.\n")
    return len(files)


def pairs(folder: Path, tree: Path, base: Path) -> list[Pair]:
    """Return what is compared."""
    ours, theirs = folder / "ours.wim", folder / "theirs.wim"

    def fresh() -> None:
        ours.unlink(missing_ok=True)
        theirs.unlink(missing_ok=True)

    def pair(name: str, options: list[str], their_options: list[str]) -> Pair:
        mine = [OSDIMAGE, "capture", str(tree), str(ours), "--quiet", COMPRESS, *options]
        return Pair(name, mine, ["wimlib-imagex", "capture", str(tree), str(theirs), COMPRESS, *their_options], fresh)

    return [
        pair("capture --base", ["--base", str(base)], [f"--delta-from={base}"]),
        pair("capture --base --update-of", ["--base", str(base), "--update-of", "1"],
             [f"--delta-from={base}", "--update-of=1"]),
        pair("capture --update-of OTHER", ["--update-of", f"{base}:1"], [f"--update-of={base}:1"]),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
