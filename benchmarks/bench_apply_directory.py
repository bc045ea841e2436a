"""Apply to a directory against wimlib-imagex: 60,000 files and more, on tmpfs, or where BENCH_PLACE is.

Goals on two idle cores: at most 0.60x the time, at most 60 MB more memory.  Nobody syncs.  libwim's own way, which
joins a directory that holds something, is measured as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from trees import copy_tree
from windows_like import write_image_apart

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        plain, rich, solid = folder / "plain.wim", folder / "rich.wim", folder / "solid.esd"
        for path, options in ((plain, ["--compress=lzx:20"]), (solid, ["--solid", "--solid-compress=lzx:20"])):
            subprocess.run(["wimlib-imagex", "capture", tree, path, *options], check=True, capture_output=True)
        write_image_apart(tree, rich)
        shutil.rmtree(tree)
        target = folder / "target"
        write_report(
            run_pairs(
                [
                    pair("apply a plain tree to a directory", plain, target),
                    pair("apply a tree like Windows' to a directory", rich, target),
                    pair("apply a solid WIM to a directory", solid, target),
                    pair("apply a plain tree to a directory, libwim", plain, target, "--engine", "libwim"),
                ],
                runs=RUNS,
            ),
            "apply_directory",
        )


def pair(name: str, wim: Path, target: Path, *options: str) -> Pair:
    """Return one comparison; what the run before has made is removed first."""

    def fresh() -> None:
        shutil.rmtree(target, ignore_errors=True)

    ours = [OSDIMAGE, "apply", str(wim), str(target), "--quiet", *options]
    return Pair(name, ours, ["wimlib-imagex", "apply", str(wim), "1", str(target)], fresh)


if __name__ == "__main__":
    main()
