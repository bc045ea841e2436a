"""Capture and export against wimlib-imagex, on a real tree of 50,000 files and more, on tmpfs.

Goals: capture with our default at most 0.30x the time of wimlib-imagex with its default, at most 1.03x its size; with
equal settings capture at most 1.05x, export of all images as they are 0.15x; list at most 3x.
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


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree)} files in {tree}")
        image = folder / "image.wim"
        subprocess.run(["wimlib-imagex", "capture", tree, image, "--compress=lzx:20"], check=True, capture_output=True)
        write_report(run_pairs(pairs(folder, tree, image), runs=RUNS), "wim")


def pairs(folder: Path, tree: Path, image: Path) -> list[Pair]:
    """Return what is compared."""
    out = folder / "out.wim"

    def clean() -> None:
        out.unlink(missing_ok=True)

    def ours(*arguments: str) -> list[str]:
        return [OSDIMAGE, *arguments, "--quiet"]

    def theirs(*arguments: str) -> list[str]:
        return ["wimlib-imagex", *arguments]

    source, made, wim = str(tree), str(out), str(image)
    return [
        Pair("capture, defaults", ours("capture", source, made), theirs("capture", source, made), clean, out),
        Pair(
            "capture, lzx:20",
            ours("capture", source, made, "--compress", "lzx:20"),
            theirs("capture", source, made, "--compress=lzx:20"),
            clean,
            out,
        ),
        Pair(
            "capture, xpress",
            ours("capture", source, made, "--compress", "xpress"),
            theirs("capture", source, made, "--compress=xpress"),
            clean,
            out,
        ),
        Pair(
            "capture, none",
            ours("capture", source, made, "--compress", "none"),
            theirs("capture", source, made, "--compress=none"),
            clean,
            out,
        ),
        Pair("export", ours("export", wim, made, "--all"), theirs("export", wim, "all", made), clean, out),
        Pair("list", [OSDIMAGE, "list", wim], theirs("dir", wim, "1"), clean),
    ]


if __name__ == "__main__":
    main()
