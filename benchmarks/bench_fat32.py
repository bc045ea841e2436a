"""Fill FAT32 volumes against mkfs.vfat and mcopy -s, on a real tree of more than 5,000 files, on tmpfs.

Goals: at most 2x the time of both programs together, which start no interpreter, and at least 5,000 files a second.
Files are counted per second of the whole process, interpreter and flushes included.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from harness import RESULTS, Pair, Result, run_pairs, workspace, write_report
from trees import copy_tree

FILL = str(Path(__file__).with_name("fill_fat32.py"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 8_000
SIZE = 2 << 30


def main() -> None:
    """Run the pairs and write the reports."""
    os.environ["MTOOLSRC"] = os.devnull
    with workspace() as folder:
        tree = folder / "tree"
        # Some of them are removed again.
        copy_tree(tree, 2 * WANTED_FILES)
        files, size = thin_out(tree)
        print(f"{files} files, {size >> 20} MB in {tree}")
        results = run_pairs(pairs(folder, tree), runs=RUNS)
        check(folder, tree)
        write_report(results, "fat32")
        report_speed(results, files, size)


def thin_out(tree: Path) -> tuple[int, int]:
    """Remove what FAT or mcopy cannot hold, and all above the wanted number; return what is left, files and bytes."""
    kept, size = 0, 0
    for root, folders, files in os.walk(tree):
        seen: set[str] = set()
        for name in [*folders, *files]:
            path = Path(root, name)
            is_bad = name.casefold() in seen or name[-1] in ". " or set('"*:<>?\\|') & set(name)
            seen.add(name.casefold())
            if path.is_symlink() or (not path.is_dir() and (is_bad or kept >= WANTED_FILES)):
                path.unlink()
            elif path.is_dir() and (is_bad or kept >= WANTED_FILES):
                shutil.rmtree(path)
                folders.remove(name)
            elif not path.is_dir():
                kept += 1
                size += path.stat().st_size
    return kept, size


def pairs(folder: Path, tree: Path) -> list[Pair]:
    """Return what is compared."""
    image, wim, out = folder / "volume.img", folder / "image.wim", folder / "out"
    subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=xpress"], check=True, capture_output=True)

    def clean() -> None:
        image.unlink(missing_ok=True)
        shutil.rmtree(out, ignore_errors=True)

    # truncate makes the sparse file that our side makes by itself; sync is our side's fsync.
    make = f"truncate -s {SIZE} {image} && mkfs.vfat -F 32 -n BENCH {image}"
    copy = f"mcopy -s -Q -m -i {image} %s/* ::/ && sync {image}"
    apply = f"wimlib-imagex apply {wim} 1 {out}"
    return [
        Pair(
            "fill from a directory",
            [sys.executable, FILL, str(tree), str(image), str(SIZE)],
            ["sh", "-c", f"{make} && {copy % tree}"],
            clean,
        ),
        Pair(
            "fill from a WIM",
            [sys.executable, FILL, str(wim), str(image), str(SIZE)],
            ["sh", "-c", f"{apply} && {make} && {copy % out}"],
            clean,
        ),
    ]


def check(folder: Path, tree: Path) -> None:
    """Compare what our side writes with the tree, so that a fast but wrong volume measures nothing."""
    image, copied = folder / "checked.img", folder / "copied"
    copied.mkdir()
    subprocess.run([sys.executable, FILL, tree, image, str(SIZE)], check=True)
    subprocess.run(["fsck.fat", "-n", image], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-s", "-Q", "-i", image, "::/", copied], check=True)
    subprocess.run(["diff", "-r", tree, copied], check=True)
    shutil.rmtree(copied)
    image.unlink()


def report_speed(results: list[Result], files: int, size: int) -> None:
    """Print and store how many files a second both sides write."""
    speeds = {}
    for result in results:
        for side, runs in (("ours", result.ours), ("theirs", result.theirs)):
            median = statistics.median(run.wall_s for run in runs)
            speeds[f"{result.pair.name}, {side}"] = round(files / median)
    print("\n".join(f"{what}: {speed:,} files/s" for what, speed in speeds.items()))
    document = {"files": files, "bytes": size, "files_per_second": speeds}
    (RESULTS / "fat32-speed.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
