"""Capture and export against wimlib-imagex, on a real tree of 50,000 files and more, on tmpfs.

Goals: capture with our default at most 0.30x the time of wimlib-imagex with its default, at most 1.03x its size; with
equal settings capture at most 1.05x, export of all images as they are 0.15x; list at most 3x.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness import RESULTS, Pair, run_pairs, workspace, write_report
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))


def main() -> None:
    """Run the pairs and write the reports."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree)} files in {tree}")
        image = folder / "image.wim"
        subprocess.run(["wimlib-imagex", "capture", tree, image, "--compress=lzx:20"], check=True, capture_output=True)
        write_report(run_pairs(pairs(folder, tree, image), runs=RUNS), "wim")
        report_sizes(folder, tree)


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
        Pair("capture, defaults", ours("capture", source, made), theirs("capture", source, made), clean),
        Pair(
            "capture, lzx:20",
            ours("capture", source, made, "--compress", "lzx:20"),
            theirs("capture", source, made, "--compress=lzx:20"),
            clean,
        ),
        Pair(
            "capture, xpress",
            ours("capture", source, made, "--compress", "xpress"),
            theirs("capture", source, made, "--compress=xpress"),
            clean,
        ),
        Pair(
            "capture, none",
            ours("capture", source, made, "--compress", "none"),
            theirs("capture", source, made, "--compress=none"),
            clean,
        ),
        Pair("export", ours("export", wim, made, "--all"), theirs("export", wim, "all", made), clean),
        Pair("list", [OSDIMAGE, "list", wim], theirs("dir", wim, "1"), clean),
    ]


def report_sizes(folder: Path, tree: Path) -> None:
    """Print and store the sizes that both defaults give."""
    sizes = {}
    for name, command in (
        ("ours", [OSDIMAGE, "capture", str(tree), str(folder / "ours.wim"), "--quiet"]),
        ("theirs", ["wimlib-imagex", "capture", str(tree), str(folder / "theirs.wim")]),
    ):
        subprocess.run(command, check=True, capture_output=True)
        sizes[name] = (folder / f"{name}.wim").stat().st_size
    sizes_text = f"{sizes['ours']:,} bytes against {sizes['theirs']:,}: {sizes['ours'] / sizes['theirs']:.3f}x"
    print(f"size with the defaults: {sizes_text}")
    (RESULTS / "wim-sizes.json").write_text(json.dumps(sizes, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
