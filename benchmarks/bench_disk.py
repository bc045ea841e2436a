"""Lay out a disk of 20 partitions: ``osdimage disk init`` against sfdisk reading the same table as a script.

Both create nothing but the table of a sparse image of 64 GB, and check the disk first.  On a real file system both wait
for the medium.  A quarter of a second of sfdisk's time is a pause that it makes in any case, so the processor time
(user+sys) is the fairer number where it matters.

Also printed, and written beside the pairs: how long the placement of 128 partitions takes in memory.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import RESULTS, Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.units import GIB, MIB, Bytes, Geometry

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
SIZE_BYTES = 64 * GIB
PARTITIONS = 20
PLACED = 128


def variables() -> str:
    """Return ConfigMgr's variables for the 20 partitions."""
    lines = ["OSDDiskIndex=0", "OSDPartitionStyle=GPT"]
    kinds = ["EFI", "MSR", *["Primary"] * (PARTITIONS - 2)]
    for index, kind in enumerate(kinds):
        lines += [f"OSDPartitions{index}Type={kind}", f"OSDPartitions{index}Size={100 * (index + 1)}"]
    return "\n".join(lines) + "\n"


def pair(name: str, folder: Path) -> Pair:
    """Return the two commands, for an image in this folder."""
    image, names, script = folder / "disk.img", folder / "names.vars", folder / "table.sfdisk"
    names.write_text(variables(), encoding="utf-8")

    def prepare() -> None:
        for leftover in folder.glob("disk.img*"):
            leftover.unlink()
        with image.open("wb") as file:
            file.truncate(SIZE_BYTES)

    ours = [OSDIMAGE, "disk", "init", str(image), "--vars", str(names), "--seed", "benchmark", "--yes", "--quiet"]
    prepare()
    subprocess.run(ours, check=True)
    # sfdisk gets the very table: the same sectors, types and GUIDs.
    script.write_bytes(subprocess.run(["sfdisk", "--dump", str(image)], check=True, capture_output=True).stdout)
    theirs = ["sh", "-c", f"exec sfdisk --quiet '{image}' < '{script}'"]
    return Pair(name, ours, theirs, prepare)


def placement_ms() -> float:
    """Return the median time of placing 128 partitions, in milliseconds."""
    specs = tuple(PartitionSpec(Role.PRIMARY, FixedSize(Bytes(MIB))) for _ in range(PLACED))
    layout = DiskLayout(Scheme.GPT, specs, add_reserved=False)
    geometry, times = Geometry.of_size(SIZE_BYTES, 512), []
    for seed in range(51):
        began = time.perf_counter()
        place(layout, geometry, random.Random(seed))
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def main() -> None:
    """Measure and report."""
    with workspace() as memory, tempfile.TemporaryDirectory(prefix="osdimage-bench-", dir=Path.cwd()) as disk:
        pairs = [pair("20 partitions, on disk", Path(disk)), pair("20 partitions, on tmpfs", memory)]
        write_report(run_pairs(pairs, runs=11), "disk")
    placed = placement_ms()
    print(f"placement of {PLACED} partitions: {placed:.2f} ms")
    path = RESULTS / "disk.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["placement"] = {"partitions": PLACED, "median_ms": placed}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
