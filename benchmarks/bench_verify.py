"""Verify WIMs against wimlib-imagex, which does it on one thread: 60,000 files of each form that WIMs have, on tmpfs.

Goals, on two idle cores: at most 0.43x its time for LZX, as Windows' own images are, and at most 60 MB more memory.
The form of ESDs has fewer files, because it is compressed slowly; its memory depends on the size of chunks.
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
FEWER_BYTES = 300 << 20
FORMS = {
    "lzx": ["--compress=lzx:20"],
    "xpress": ["--compress=xpress"],
    "none": ["--compress=none"],
}
SOLID = ["--solid", "--solid-compress=lzms:20", "--solid-chunk-size=64M"]


def main() -> None:
    """Make the WIMs, run the pairs and write the report."""
    with workspace() as folder:
        tree, fewer = folder / "tree", folder / "fewer"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}, {link_some(tree, fewer)} of them in {fewer}")
        pairs = [pair(name, capture(tree, folder / f"{name}.wim", options)) for name, options in FORMS.items()]
        solid = capture(fewer, folder / "solid.wim", SOLID)
        pairs += [pair("solid", solid), pair("solid, --memory 400MB", solid, "--memory", "400MB")]
        write_report(run_pairs(pairs, runs=RUNS), "verify")


def link_some(tree: Path, fewer: Path) -> int:
    """Take some files of a tree into another, on the same file system; return their number."""
    count = held = 0
    for source in sorted(tree.rglob("*")):
        if source.is_symlink() or not source.is_file():
            continue
        target = fewer / source.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(source)
        count += 1
        held += source.stat().st_size
        if held > FEWER_BYTES:
            break
    return count


def capture(tree: Path, path: Path, options: list[str]) -> Path:
    """Make a WIM by wimlib-imagex."""
    subprocess.run(["wimlib-imagex", "capture", tree, path, *options], check=True, capture_output=True)
    return path


def pair(name: str, path: Path, *options: str) -> Pair:
    """Return what is compared for a WIM."""
    ours = [OSDIMAGE, "verify", str(path), "--quiet", *options]
    return Pair(f"verify, {name}", ours, ["wimlib-imagex", "verify", str(path)])


if __name__ == "__main__":
    main()
