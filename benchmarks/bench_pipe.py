"""A tree through a pipe, captured at one end and applied at the other, against wimlib-imagex, on tmpfs.

Goal: at most the time of wimlib-imagex.
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
WANTED_FILES = 30_000


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree = folder / "tree"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        write_report(run_pairs(pairs(folder, tree), runs=RUNS), "pipe")


def pairs(folder: Path, tree: Path) -> list[Pair]:
    """Return what is compared, with the same compression at both sides."""
    target, wim = folder / "target", folder / "sent.wim"

    def pair(name: str, ours: str, theirs: str) -> Pair:
        return Pair(name, ["sh", "-ec", ours], ["sh", "-ec", theirs], prepare)

    def prepare() -> None:
        shutil.rmtree(target, ignore_errors=True)
        if not wim.exists():
            run: list[str | Path] = [OSDIMAGE, "capture", tree, wim, "--pipable", "--compress", "xpress", "--quiet"]
            subprocess.run(run, check=True)

    capture = f"'{OSDIMAGE}' capture '{tree}' - --quiet --compress"
    apply = f"'{OSDIMAGE}' apply - '{target}' --quiet"
    their_capture = f"wimlib-imagex capture '{tree}' - --compress"
    their_apply = f"wimlib-imagex apply - 1 '{target}'"
    return [
        pair("capture - | apply -, lzx:20", f"{capture} lzx:20 | {apply}", f"{their_capture}=lzx:20 | {their_apply}"),
        pair("capture - | apply -, xpress", f"{capture} xpress | {apply}", f"{their_capture}=xpress | {their_apply}"),
        pair("cat | apply -", f"cat '{wim}' | {apply}", f"cat '{wim}' | {their_apply}"),
        pair("cat | apply - --engine bulk", f"cat '{wim}' | {apply} --engine bulk", f"cat '{wim}' | {their_apply}"),
    ]


if __name__ == "__main__":
    main()
