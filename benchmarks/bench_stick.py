"""Write images of sticks against ``cp`` of what is on them, and against mkfs.vfat and mcopy, on tmpfs.

Goals: a file of 3 GB in at most 1.35x the time of ``cp``, and 20,000 small files in at most 1.0x that of mcopy.

``BENCH_GB`` makes the large file smaller, and ``BENCH_FILES`` the many fewer.  Every image is synced at the end, as
ours are; nobody reads back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench_disc_writing import make_large, make_many
from harness import Pair, run_pairs, workspace, write_report

WRITE = str(Path(__file__).with_name("write_stick.py"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
LARGE_BYTES = int(float(os.environ.get("BENCH_GB", "3")) * 1_000_000_000)
SMALL_FILES = int(os.environ.get("BENCH_FILES", "20000"))
ROOM = 1.1


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        large, many, image = folder / "large", folder / "many", folder / "stick.img"
        make_large(large / "boot.wim", LARGE_BYTES, is_dense=True)
        make_many(many, SMALL_FILES)
        check(large, image)

        def fresh() -> None:
            image.unlink(missing_ok=True)

        def pair(name: str, tree: Path, theirs: str) -> Pair:
            return Pair(name, [sys.executable, WRITE, str(tree), str(image)], ["sh", "-c", theirs], fresh)

        def mcopy(tree: Path, size: int) -> str:
            made = f"truncate -s {int(size * ROOM)} {image} && mkfs.vfat -F32 {image}"
            return f"{made} && mcopy -s -Q -i {image} {tree}/* ::/ && sync {image}"

        # What 20,000 files of 4.5 KB on average take in clusters of 4 KiB.
        many_bytes = SMALL_FILES * 10_000 + 300_000_000
        pairs = [
            pair("a large file; cp", large, f"cp {large}/boot.wim {image} && sync {image}"),
            pair("a large file; mcopy", large, mcopy(large, LARGE_BYTES)),
            pair(f"{SMALL_FILES:,} small files; mcopy", many, mcopy(many, many_bytes)),
        ]
        write_report(run_pairs(pairs, runs=RUNS), "stick")


def check(large: Path, image: Path) -> None:
    """Compare what our side writes with the file, so that a fast but wrong stick measures nothing."""
    subprocess.run([sys.executable, WRITE, large, image], check=True)
    shell = f"mtype -i {image}@@1048576 ::/boot.wim | cmp - {large}/boot.wim"
    subprocess.run(["sh", "-c", shell], check=True)
    image.unlink()


if __name__ == "__main__":
    main()
