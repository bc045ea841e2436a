"""Write discs with UDF against ``cp`` of what is on them, and against genisoimage, on tmpfs.

Goals: a file of 5 GB of random bytes in at most 1.35x the time of ``cp``, and 0.9x that of genisoimage; one of 5 GB
that is all hole in 0.5 s; 100,000 small files in a minute; at most 64 MB of memory for the large ones.  A disc that is
made of another one (``media iso --from``) in at most 1.35x the time of ``cp`` of that.

The disc and its contents need 10 GB of room, in memory by default: ``BENCH_GB`` makes the large file smaller, and
``BENCH_FILES`` the many fewer.  Every file is synced at the end, as ours are.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report

WRITE = str(Path(__file__).with_name("write_disc.py"))
OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
LARGE_BYTES = int(float(os.environ.get("BENCH_GB", "5")) * 1_000_000_000)
SMALL_FILES = int(os.environ.get("BENCH_FILES", "100000"))
IN_A_FOLDER = 1000
LARGEST_SMALL = 9000
PIECE = 1 << 20


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        dense, sparse, many = folder / "dense", folder / "sparse", folder / "many"
        disc = folder / "disc.iso"
        make_large(dense / "install.wim", LARGE_BYTES, is_dense=True)
        make_large(sparse / "install.wim", LARGE_BYTES, is_dense=False)
        make_many(many, SMALL_FILES)
        check(dense / "install.wim", disc)

        def fresh() -> None:
            disc.unlink(missing_ok=True)

        def pair(name: str, tree: Path, theirs: str) -> Pair:
            return Pair(name, [sys.executable, WRITE, str(tree), str(disc)], ["sh", "-c", theirs], fresh)

        def genisoimage(tree: Path) -> str:
            return f"genisoimage -quiet -udf -allow-limited-size -o {disc} {tree} && sync {disc}"

        pairs = [
            pair("dense; cp", dense, f"cp {dense}/install.wim {disc} && sync {disc}"),
            pair("dense; genisoimage", dense, genisoimage(dense)),
            pair("one hole; genisoimage", sparse, genisoimage(sparse)),
            pair(f"{SMALL_FILES:,} small files; genisoimage", many, genisoimage(many)),
        ]
        results = run_pairs(pairs, runs=RUNS)
        old = folder / "old.iso"
        subprocess.run([sys.executable, WRITE, dense, old], check=True)
        # There is room for two of the large ones.
        shutil.rmtree(dense)
        answers = folder / "autounattend.xml"
        answers.write_text('<unattend xmlns="urn:schemas-microsoft-com:unattend"/>', encoding="ascii")
        made = [OSDIMAGE, "media", "iso", str(disc), "--from", str(old), "--unattend", str(answers), "--quiet"]
        results += run_pairs(
            [Pair("another disc; cp", made, ["sh", "-c", f"cp {old} {disc} && sync {disc}"], fresh)], RUNS
        )
        write_report(results, "disc_writing")


def make_large(path: Path, size: int, *, is_dense: bool) -> None:
    """Make the file that is nearly all of a disc, of so many bytes."""
    path.parent.mkdir()
    bits = random.Random(5)
    with path.open("wb") as file:
        for at in range(0, size if is_dense else 0, PIECE):
            file.write(bits.randbytes(min(PIECE, size - at)))
        file.truncate(size)


def make_many(tree: Path, count: int) -> None:
    """Make small files, a thousand in each directory."""
    bits = random.Random(5)
    contents = bits.randbytes(LARGEST_SMALL)
    for number in range(count):
        folder = tree / f"folder-{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{number:06}.txt").write_bytes(contents[: bits.randrange(LARGEST_SMALL)])


def check(large: Path, disc: Path) -> None:
    """Compare what our side writes with the file, so that a fast but wrong disc measures nothing."""
    subprocess.run([sys.executable, WRITE, large.parent, disc], check=True)
    shell = f"7zz x -so -tudf {disc} {large.name} | sha256sum"
    told = subprocess.run(["sh", "-c", shell], check=True, capture_output=True, text=True).stdout.split()[0]
    with large.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != told:
            raise SystemExit(f"{disc}: what 7zz reads from it is not what is in {large}")
    disc.unlink()


if __name__ == "__main__":
    main()
